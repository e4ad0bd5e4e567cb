//! When a partition is archived, and when its journal is trimmed: as long as it is served, beside
//! its owner.
//!
//! Promise: whatever fails here is tried again later and delays nothing else.

use tokio::time::Instant;

use super::{ArchivePorts, Archiving, Failed, names::Found, reading, trimming::trim, writing};
use crate::{
    domain::time::{Span, Timestamp},
    partition::Ports,
    ports::{Partition, Position},
    telemetry,
};

/// Archives and trims for as long as the future is polled; nothing without a shelf.
pub async fn keep(ports: Ports, partition: Partition, owner: String, archiving: Archiving) {
    let Some(doors) = ports.archive.clone() else { return };
    let known = Known::Nothing;
    let mut keeper = Keeper { ports, doors, partition, owner, archiving, known, trimmed: None };
    loop {
        tokio::time::sleep(keeper.archiving.look_every).await;
        if let Err(error) = keeper.round().await {
            tracing::warn!(partition, %error, "archiving waits");
            telemetry::archive_failed(partition);
        }
    }
}

/// What is known of the newest archive without looking at the shelf.
enum Known {
    /// The shelf has not been looked at.
    Nothing,
    /// Where it stands and when it was made, if there is one.
    Newest(Option<(Position, Timestamp)>),
}

struct Keeper {
    ports: Ports,
    doors: ArchivePorts,
    partition: Partition,
    owner: String,
    archiving: Archiving,
    known: Known,
    /// When it was last looked at what the journal may forget.
    trimmed: Option<Instant>,
}

impl Keeper {
    async fn round(&mut self) -> Result<(), Failed> {
        let newest = match self.known {
            Known::Newest(newest) => newest,
            Known::Nothing => self.look().await?.first().map(|of| (of.begun, of.at)),
        };
        self.known = Known::Newest(newest);
        let Some((at, _)) = self.ports.snapshots.state(self.partition).await? else {
            return Ok(());
        };
        if due(newest, at, self.ports.clock.now(), &self.archiving) {
            self.known = Known::Nothing;
            self.archive().await?;
        } else if self.trimmed.is_some_and(|at| at.elapsed() < self.archiving.interval) {
            return Ok(());
        }
        self.trimmed = Some(Instant::now());
        self.trim().await
    }

    async fn look(&self) -> Result<Vec<Found>, Failed> {
        Ok(reading::finished(&*self.doors.shelf, self.partition).await?)
    }

    async fn archive(&self) -> Result<(), Failed> {
        // A turn that nobody gives any more is nobody's.
        let _turn = self.doors.turn.acquire().await.ok();
        let started = Instant::now();
        let (partition, shelf) = (self.partition, &*self.doors.shelf);
        let of = (partition, self.owner.as_str());
        let archived = writing::archive(&self.ports, &self.doors, of, &self.archiving).await?;
        let (name, manifest) = archived;
        let (position, entities) = (manifest.position.sequence, manifest.entities);
        let bytes = manifest.bytes();
        tracing::info!(partition, position, entities, bytes, name, "the snapshot is archived");
        telemetry::archived(partition, manifest.at, bytes, started.elapsed());
        let all = reading::all(shelf, partition).await?;
        writing::tidy(shelf, &all, self.ports.clock.now()).await
    }

    async fn trim(&self) -> Result<(), Failed> {
        let archives = self.look().await?;
        let old = self.ports.input.server_time().await? - self.archiving.journal_keep;
        let trimmed = trim(&self.ports, &self.doors, self.partition, &archives, old).await?;
        if let Some(below) = trimmed {
            tracing::info!(partition = self.partition, below, "the journal was trimmed");
            telemetry::journal_trimmed(self.partition);
        }
        Ok(())
    }
}

/// Whether a snapshot that stands at `at` is to be archived, given where and when it was archived
/// last.
pub fn due(
    newest: Option<(Position, Timestamp)>,
    at: Position,
    now: Timestamp,
    archiving: &Archiving,
) -> bool {
    let Some((archived, archived_at)) = newest else { return true };
    if archived.incarnation != at.incarnation {
        return true;
    }
    let grown = at.sequence.saturating_sub(archived.sequence);
    let interval = Span(i64::try_from(archiving.interval.as_micros()).unwrap_or(i64::MAX));
    grown > 0 && (grown >= archiving.every_records || now - archived_at >= interval)
}
