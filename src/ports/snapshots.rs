//! Snapshots: the fold of the journal so far, which stands at a position and moves on from exactly
//! there. Never the truth.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Partition, PortError};
use crate::domain::{DueClock, ids::EntityKey, time::Timestamp};

/// A place in a partition's journal.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    /// Raised by each re-seed and restore.
    pub incarnation: u64,
    /// The record's sequence in the journal's stream.
    pub sequence: u64,
}

/// What changed of an entity since the last delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityChange {
    /// The entity.
    pub key: EntityKey,
    /// The sequence of the last record that is folded into it.
    pub folded_to: u64,
    /// Its changed parts; `None` for one that is gone.
    pub parts: Vec<(String, Option<Bytes>)>,
    /// Its next deadline on each clock; `None` for a clock without one.
    pub dues: [(DueClock, Option<Timestamp>); 2],
}

/// What changed of a partition between two positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The position that the snapshot must stand at.
    pub from: Position,
    /// The position that it stands at afterwards.
    pub to: Position,
    /// The partition's own state at `to`.
    pub state: Bytes,
    /// What changed of its entities.
    pub changes: Vec<EntityChange>,
}

/// An entity as a snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntity {
    /// The sequence of the last record that is folded into it.
    pub folded_to: u64,
    /// All its parts, in any order.
    pub parts: Vec<(String, Bytes)>,
}

/// What became of a request that holds only at a certain position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At<T> {
    /// The snapshot stands where it was expected.
    Here(T),
    /// It stands elsewhere, or there is none.
    Elsewhere(Option<Position>),
}

/// Snapshots: the fold of the journal so far. Never the truth.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The position of a partition's snapshot, and the partition's own state there.
    async fn state(&self, partition: Partition) -> Result<Option<(Position, Bytes)>, PortError>;

    /// Entities, each `None` if it has nothing stored, all read with the position in one atomic
    /// step and in one round trip.
    async fn load(
        &self,
        partition: Partition,
        at: Position,
        keys: &[EntityKey],
    ) -> Result<At<Vec<Option<StoredEntity>>>, PortError>;

    /// Moves the snapshot on, atomically, if it stands at `delta.from`. If it stands at `delta.to`
    /// already, this delta was accepted before, and that is success.
    async fn advance(&self, partition: Partition, delta: &Delta) -> Result<At<()>, PortError>;

    /// Starts anew: forgets all entities and stands at `to`.
    async fn reset(
        &self,
        partition: Partition,
        to: Position,
        state: Bytes,
    ) -> Result<(), PortError>;

    /// Entities whose deadline on a clock is before `before`, the earliest first.
    async fn due(
        &self,
        partition: Partition,
        at: Position,
        clock: DueClock,
        before: Timestamp,
        limit: usize,
    ) -> Result<At<Vec<EntityKey>>, PortError>;

    /// Remembers that a position was committed. Never moves back within an incarnation.
    async fn note_committed(
        &self,
        partition: Partition,
        position: Position,
    ) -> Result<(), PortError>;

    /// The highest position that is known to have been committed.
    async fn committed(&self, partition: Partition) -> Result<Option<Position>, PortError>;
}
