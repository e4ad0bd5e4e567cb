//! Keeps the partition's snapshot: collects committed changes and writes them as deltas.
//!
//! One delta is under way at a time, from exactly the position that the snapshot stands at. A delta
//! whose fate is unknown is sent again as it was. A snapshot that stands elsewhere is lost.

use std::{collections::HashSet, sync::Arc, time::Duration};

use tokio_util::task::AbortOnDropHandle;

use super::{batch::Changes, state::PartitionState};
use crate::{
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    ports::{At, Delta, Partition, PortError, Position, Snapshots, StoredEntity},
};

/// The snapshot is not where this owner left it: Redis was emptied, restored, or belongs to
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLost {
    /// Where it was left.
    pub left_at: Position,
    /// Where it stands, if anywhere.
    pub found: Option<Position>,
}

/// Collects changes and writes them.
pub struct Keeper {
    snapshots: Arc<dyn Snapshots>,
    partition: Partition,
    retry_after: Duration,
    stands_at: Position,
    pending: Changes,
    records: usize,
    bytes: usize,
    under_way: Option<UnderWay>,
}

struct UnderWay {
    to: Position,
    keys: HashSet<EntityKey>,
    task: AbortOnDropHandle<At<()>>,
}

impl Keeper {
    /// A keeper of a snapshot that stands at this position.
    pub fn new(
        snapshots: Arc<dyn Snapshots>,
        partition: Partition,
        stands_at: Position,
        retry_after: Duration,
    ) -> Keeper {
        Keeper {
            snapshots,
            partition,
            retry_after,
            stands_at,
            pending: Changes::default(),
            records: 0,
            bytes: 0,
            under_way: None,
        }
    }

    /// Where the snapshot is known to stand.
    pub fn stands_at(&self) -> Position {
        self.stands_at
    }

    /// Records that are committed and not in a delta yet.
    pub fn records_behind(&self) -> usize {
        self.records
    }

    /// What those changed, in bytes at most.
    pub fn bytes_behind(&self) -> usize {
        self.bytes
    }

    /// Whether a delta is under way.
    pub fn is_writing(&self) -> bool {
        self.under_way.is_some()
    }

    /// Whether changes of this entity are not known to be in the snapshot.
    pub fn owes(&self, key: &EntityKey) -> bool {
        self.pending.touch(key)
            || self.under_way.as_ref().is_some_and(|under_way| under_way.keys.contains(key))
    }

    /// Adds what a committed record changed.
    pub fn add(&mut self, changes: Changes) {
        self.records += 1;
        self.bytes += changes.bytes();
        self.pending.absorb(changes);
    }

    /// Starts to write everything added so far, unless a delta is under way. `state` is the
    /// partition's at the last record that was added.
    pub fn write(&mut self, state: &PartitionState) {
        if self.under_way.is_some() {
            return;
        }
        (self.records, self.bytes) = (0, 0);
        if self.stands_at == state.position() {
            return;
        }
        let changes = std::mem::take(&mut self.pending);
        let keys = changes.keys().cloned().collect();
        let delta = Delta {
            from: self.stands_at,
            to: state.position(),
            state: state.encode().into(),
            changes: changes.into_vec(),
        };
        let to = delta.to;
        let task = advance(self.snapshots.clone(), self.partition, delta, self.retry_after);
        self.under_way =
            Some(UnderWay { to, keys, task: AbortOnDropHandle::new(tokio::spawn(task)) });
    }

    /// Waits for the delta under way; for ever if there is none. Dropping the future loses nothing.
    pub async fn written(&mut self) -> Result<(), SnapshotLost> {
        let Some(under_way) = &mut self.under_way else { return std::future::pending().await };
        let result = (&mut under_way.task).await;
        let to = under_way.to;
        let left_at = self.stands_at;
        self.under_way = None;
        match result {
            Ok(At::Here(())) => {
                self.stands_at = to;
                Ok(())
            }
            Ok(At::Elsewhere(found)) => Err(SnapshotLost { left_at, found }),
            Err(_) => Err(SnapshotLost { left_at, found: None }),
        }
    }

    /// Entities as the snapshot has them. Must not be called while a delta is under way.
    pub async fn load(
        &self,
        keys: &[EntityKey],
    ) -> Result<Result<Vec<Option<StoredEntity>>, SnapshotLost>, PortError> {
        let loaded = self.snapshots.load(self.partition, self.stands_at, keys).await?;
        Ok(self.here(loaded))
    }

    /// Entities in the snapshot whose deadline is before `before`.
    pub async fn due(
        &self,
        clock: DueClock,
        before: Timestamp,
        limit: usize,
    ) -> Result<Result<Vec<EntityKey>, SnapshotLost>, PortError> {
        let due = self.snapshots.due(self.partition, self.stands_at, clock, before, limit).await?;
        Ok(self.here(due))
    }

    fn here<T>(&self, at: At<T>) -> Result<T, SnapshotLost> {
        match at {
            At::Here(value) => Ok(value),
            At::Elsewhere(found) => Err(SnapshotLost { left_at: self.stands_at, found }),
        }
    }
}

async fn advance(
    snapshots: Arc<dyn Snapshots>,
    partition: Partition,
    delta: Delta,
    retry_after: Duration,
) -> At<()> {
    let mut pause = retry_after;
    loop {
        let started = tokio::time::Instant::now();
        match snapshots.advance(partition, &delta).await {
            Ok(at) => {
                crate::telemetry::snapshot_written(delta.changes.len(), started.elapsed());
                return at;
            }
            Err(error) => tracing::warn!(partition, %error, "snapshot waits"),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(retry_after * 16);
    }
}
