//! When a partition is archived, and when its journal is trimmed: as long as it is served, beside
//! its owner.
//!
//! Promise: whatever fails here is tried again later and delays nothing else.

use tokio::time::{Instant, MissedTickBehavior};

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
    let keeper = Keeper { ports, doors, partition, owner, archiving };
    let mut tick = tokio::time::interval(keeper.archiving.look_every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Err(error) = keeper.round().await {
            tracing::warn!(partition, %error, "archiving waits");
            telemetry::archive_failed(partition);
        }
    }
}

struct Keeper {
    ports: Ports,
    doors: ArchivePorts,
    partition: Partition,
    owner: String,
    archiving: Archiving,
}

impl Keeper {
    async fn round(&self) -> Result<(), Failed> {
        let shelf = &*self.doors.shelf;
        let mut archives = reading::finished(shelf, self.partition).await?;
        if self.is_due(archives.first()).await? {
            let started = Instant::now();
            let of = (self.partition, self.owner.as_str());
            let (name, manifest) =
                writing::archive(&self.ports, &self.doors, of, &self.archiving).await?;
            let (partition, position) = (self.partition, manifest.position.sequence);
            let (entities, bytes) = (manifest.entities, manifest.bytes());
            tracing::info!(partition, position, entities, bytes, name, "the snapshot is archived");
            telemetry::archived(partition, manifest.at, bytes, started.elapsed());
            let all = reading::all(shelf, self.partition).await?;
            writing::tidy(shelf, &all, self.ports.clock.now()).await?;
            archives = all.into_iter().filter(|archive| archive.finished).collect();
        }
        let old = self.ports.input.server_time().await? - self.archiving.journal_keep;
        let trimmed = trim(&self.ports, &self.doors, self.partition, &archives, old).await?;
        if let Some(below) = trimmed {
            tracing::info!(partition = self.partition, below, "the journal was trimmed");
            telemetry::journal_trimmed(self.partition);
        }
        Ok(())
    }

    async fn is_due(&self, newest: Option<&Found>) -> Result<bool, Failed> {
        let Some((at, _)) = self.ports.snapshots.state(self.partition).await? else {
            return Ok(false);
        };
        Ok(due(
            newest.map(|newest| (newest.position, newest.at)),
            at,
            self.ports.clock.now(),
            &self.archiving,
        ))
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
