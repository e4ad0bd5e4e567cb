//! Keeps the partition's snapshot: writes what has changed of it as deltas, and has the committed
//! records behind it at hand.
//!
//! One delta is under way at a time, from exactly the position that the snapshot stands at. A delta
//! whose fate is unknown is sent again as it was. A snapshot that stands elsewhere is lost.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::state::PartitionState;
use crate::{
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    mutants::{self, Mutant},
    ports::{At, Delta, EntityChange, Partition, PortError, Position, Snapshots, StoredEntity},
};

/// Entries of records behind a snapshot from which on it is due: what they changed is written in
/// one step, in which neither Redis nor the partition's thread does anything else for some
/// milliseconds.
pub const ENTRIES_MAX: usize = 512;

/// What changed of entities since the delta before, taken from them when a batch was sealed: they
/// stand as after its last entry.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Of each entity at most once.
    pub changes: Vec<EntityChange>,
    keys: HashSet<EntityKey>,
}

impl Gathered {
    /// What these entities say.
    pub fn new(changes: Vec<EntityChange>) -> Gathered {
        Gathered { keys: changes.iter().map(|change| change.key.clone()).collect(), changes }
    }

    /// Whether this entity was asked.
    pub fn has(&self, key: &EntityKey) -> bool {
        self.keys.contains(key)
    }

    /// As a delta takes it, once the batch is committed.
    pub fn folded_to(mut self, sequence: u64) -> Gathered {
        self.changes.iter_mut().for_each(|change| change.folded_to = sequence);
        self
    }
}

/// The committed records behind a snapshot, oldest first.
#[derive(Default)]
pub struct Tail {
    records: VecDeque<Behind>,
    bytes: usize,
    entries: usize,
}

struct Behind {
    sequence: u64,
    record: Bytes,
    entries: usize,
}

impl Tail {
    /// Adds the newest, of so many entries.
    pub fn push(&mut self, sequence: u64, record: Bytes, entries: u32) {
        let entries = entries as usize;
        self.bytes += record.len();
        self.entries += entries;
        self.records.push_back(Behind { sequence, record, entries });
    }

    /// How many entries they have.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// How large they are, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many they are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the snapshot has all that is committed.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Each record and where it stands.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Bytes)> {
        self.records.iter().map(|behind| (behind.sequence, &behind.record))
    }

    /// A snapshot has the records up to this one.
    pub fn let_go(&mut self, up_to: u64) {
        let had = self.records.partition_point(|behind| behind.sequence <= up_to);
        for behind in self.records.drain(..had) {
            self.bytes -= behind.record.len();
            self.entries -= behind.entries;
        }
    }
}

/// The snapshot is not where this owner left it: Redis was emptied, restored, or belongs to
/// another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SnapshotLost {
    /// Where it was left.
    pub left_at: Position,
    /// Where it stands, if anywhere.
    pub found: Option<Position>,
}

/// Writes deltas.
pub struct Keeper {
    snapshots: Arc<dyn Snapshots>,
    partition: Partition,
    retry_after: Duration,
    stands_at: Position,
    tail: Tail,
    under_way: Option<UnderWay>,
}

/// Entities on their way from a snapshot.
pub struct Loading {
    /// Which.
    pub keys: Vec<EntityKey>,
    /// Since when.
    pub since: Instant,
    from: Position,
    task: AbortOnDropHandle<Result<At<Vec<Option<StoredEntity>>>, PortError>>,
}

struct UnderWay {
    to: Position,
    since: Instant,
    keys: HashSet<EntityKey>,
    task: AbortOnDropHandle<At<()>>,
}

impl Keeper {
    /// A keeper of a snapshot that stands at this position, with what is committed behind it.
    pub fn new(
        snapshots: Arc<dyn Snapshots>,
        partition: Partition,
        (stands_at, tail): (Position, Tail),
        retry_after: Duration,
    ) -> Keeper {
        Keeper { snapshots, partition, retry_after, stands_at, tail, under_way: None }
    }

    /// Where the snapshot is known to stand.
    pub fn stands_at(&self) -> Position {
        self.stands_at
    }

    /// The committed records that are not known to be in the snapshot.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Whether a delta is under way.
    pub fn is_writing(&self) -> bool {
        self.under_way.is_some()
    }

    /// Since when a delta has been under way.
    pub fn writing_since(&self) -> Option<Instant> {
        self.under_way.as_ref().map(|under_way| under_way.since)
    }

    /// Whether changes of this entity are being written.
    pub fn owes(&self, key: &EntityKey) -> bool {
        self.under_way.as_ref().is_some_and(|under_way| under_way.keys.contains(key))
    }

    /// A record of so many entries was committed.
    pub fn committed(&mut self, sequence: u64, record: Bytes, entries: u32) {
        self.tail.push(sequence, record, entries);
    }

    /// Starts to write what was gathered at the last committed record; `state` is the partition's
    /// there. Must not be called while a delta is under way.
    pub fn write(&mut self, gathered: Gathered, state: &PartitionState) {
        debug_assert!(self.under_way.is_none(), "two deltas at once");
        if self.stands_at == state.position() {
            return;
        }
        let to = state.position();
        let Gathered { changes, keys } = gathered.folded_to(to.sequence);
        let delta = Delta { from: self.stands_at, to, state: state.encode().into(), changes };
        let task = advance(self.snapshots.clone(), self.partition, delta, self.retry_after);
        self.under_way = Some(UnderWay {
            to,
            since: Instant::now(),
            keys,
            task: AbortOnDropHandle::new(tokio::spawn(task)),
        });
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
                self.tail.let_go(to.sequence);
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
        let mut loaded = self.snapshots.load(self.partition, self.stands_at, keys).await?;
        if let At::Elsewhere(Some(found)) = loaded
            && mutants::is_in(Mutant::LoadFromAnything)
        {
            loaded = self.snapshots.load(self.partition, found, keys).await?;
        }
        Ok(self.here(loaded))
    }

    /// Begins to load entities. It goes on whether or not it is waited for: only a call that comes
    /// to its end finds out that its connection is silent. Must not be called while a delta is
    /// under way.
    pub fn begin_to_load(&self, keys: Vec<EntityKey>) -> Loading {
        let (snapshots, partition, from) = (self.snapshots.clone(), self.partition, self.stands_at);
        let wanted = keys.clone();
        let task = async move { snapshots.load(partition, from, &wanted).await };
        let task = AbortOnDropHandle::new(tokio::spawn(task));
        Loading { keys, since: Instant::now(), from, task }
    }

    /// Whether what is on its way is of the snapshot as it stands: no delta was written since.
    pub fn is_of_now(&self, loading: &Loading) -> bool {
        !self.is_writing() && loading.from == self.stands_at
    }

    /// Waits for what is on its way. Dropping the future loses nothing.
    pub async fn loaded(
        &self,
        loading: &mut Loading,
    ) -> Result<Result<Vec<Option<StoredEntity>>, SnapshotLost>, PortError> {
        let loaded = (&mut loading.task).await;
        let loaded = loaded.map_err(|error| PortError::new("load entities", error))?;
        Ok(self.here(loaded?))
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
    mut delta: Delta,
    retry_after: Duration,
) -> At<()> {
    let mut pause = retry_after;
    loop {
        let started = Instant::now();
        match snapshots.advance(partition, &delta).await {
            Ok(At::Elsewhere(Some(found))) if mutants::is_in(Mutant::DeltaOnAnything) => {
                delta.from = found;
            }
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
