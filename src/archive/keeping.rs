//! When a partition is archived, and when its journal is trimmed: as long as it is served, beside
//! its owner.
//!
//! Promises: whatever fails here is tried again later and delays nothing else. What archiving left
//! half done is tidied up before more is put beside it, and after each failure it rests for longer,
//! up to the time between two archives: what fails each time must not fill the store. A journal
//! that is nearly full is looked at more often, and where trimming does not help, archived sooner.

use std::time::Duration;

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
    let mut keeper = Keeper {
        ports,
        doors,
        partition,
        owner,
        archiving,
        known: Known::Nothing,
        rest: Rest::default(),
        trimmed: None,
        lacks_room: false,
    };
    loop {
        tokio::time::sleep(keeper.archiving.look_every).await;
        if let Err(error) = keeper.round().await {
            tracing::warn!(partition, %error, "archiving waits");
            telemetry::archive_failed(partition);
        }
    }
}

/// So many times sooner than usual what lacks room is seen to.
const HASTE: u32 = 60;

/// How often archiving has failed in a row, and how long it rests for that.
#[derive(Default)]
struct Rest {
    failures: u32,
    until: Option<Instant>,
}

impl Rest {
    fn is_over(&self) -> bool {
        self.until.is_none_or(|until| until <= Instant::now())
    }

    fn after_failure(&mut self, archiving: &Archiving) {
        self.failures = self.failures.saturating_add(1);
        self.until = Some(Instant::now() + rest(self.failures, archiving));
    }
}

/// How long archiving rests after so many failures in a row.
pub fn rest(failures: u32, archiving: &Archiving) -> Duration {
    let doubled = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    archiving.look_every.saturating_mul(doubled).min(archiving.interval)
}

/// What is known of the newest archive without looking at the shelf.
enum Known {
    /// The shelf has not been looked at.
    Nothing,
    /// Where it was begun and when it was finished, if there is one.
    Newest(Option<(Position, Timestamp)>),
}

struct Keeper {
    ports: Ports,
    doors: ArchivePorts,
    partition: Partition,
    owner: String,
    archiving: Archiving,
    known: Known,
    rest: Rest,
    /// When it was last looked at what the journal may forget.
    trimmed: Option<Instant>,
    /// Whether the journal lacked room afterwards.
    lacks_room: bool,
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
        let in_haste = self.archiving.interval / HASTE;
        let every = if self.lacks_room { in_haste } else { self.archiving.interval };
        let archiving = Archiving { interval: every, ..self.archiving.clone() };
        let is_due = due(newest, at, self.ports.clock.now(), &archiving);
        if is_due && self.rest.is_over() {
            self.known = Known::Nothing;
            if let Err(error) = self.archive().await {
                self.rest.after_failure(&self.archiving);
                return Err(error);
            }
            self.rest = Rest::default();
        } else if let Some(trimmed) = self.trimmed.map(|at| at.elapsed()) {
            let recently = trimmed < self.archiving.interval;
            if recently && (trimmed < in_haste || !self.journal_lacks_room().await?) {
                return Ok(());
            }
        }
        self.trimmed = Some(Instant::now());
        self.trim().await?;
        self.lacks_room = self.journal_lacks_room().await?;
        Ok(())
    }

    async fn journal_lacks_room(&self) -> Result<bool, Failed> {
        Ok(self.ports.journal.room().await?.lacks() > 0)
    }

    async fn look(&self) -> Result<Vec<Found>, Failed> {
        Ok(reading::finished(&*self.doors.shelf, self.partition).await?)
    }

    async fn archive(&self) -> Result<(), Failed> {
        // A turn that nobody gives any more is nobody's.
        let _turn = self.doors.turn.acquire().await.ok();
        let started = Instant::now();
        self.tidy().await?;
        let partition = self.partition;
        let of = (partition, self.owner.as_str());
        let archived = writing::archive(&self.ports, &self.doors, of, &self.archiving).await?;
        let (name, manifest) = archived;
        let (position, entities) = (manifest.position.sequence, manifest.entities);
        let bytes = manifest.bytes();
        tracing::info!(partition, position, entities, bytes, name, "the snapshot is archived");
        telemetry::archived(partition, manifest.at, bytes, started.elapsed());
        self.tidy().await
    }

    async fn tidy(&self) -> Result<(), Failed> {
        let shelf = &*self.doors.shelf;
        let all = reading::all(shelf, self.partition).await?;
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

/// Whether a snapshot that stands at `at` is to be archived, given where it stood and when it was
/// that it was archived last.
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
