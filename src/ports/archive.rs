//! The doors for archives: copying a snapshot and building one beside it, and a place for objects.
//!
//! A store whose snapshots are as safe as its journal needs neither, and has none.

use async_trait::async_trait;
use bytes::Bytes;

use super::{EntityChange, Partition, PortError, Position};
use crate::domain::{ids::EntityKey, time::Timestamp};

/// Entities as a snapshot had them in one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Which snapshot: another one after each reset and each that was built beside it.
    pub which: String,
    /// Where it stood.
    pub at: Position,
    /// The entities in the order asked for, with all their parts; one with nothing stored has no
    /// parts.
    pub entities: Vec<EntityChange>,
}

/// What becomes of something that holds only as long as nobody else has begun the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    /// It was done.
    Done,
    /// Somebody has begun another one since.
    Superseded,
}

/// Copies snapshots, and builds one where nobody sees it before it is whole.
#[async_trait]
pub trait Copies: Send + Sync {
    /// These entities, all read with the position in one atomic step; `None` without a snapshot.
    async fn copy(
        &self,
        partition: Partition,
        keys: &[EntityKey],
    ) -> Result<Option<Copied>, PortError>;

    /// Some keys of the entities of a snapshot, and where to go on; 0 is the beginning, and the
    /// end. Whoever is there from the beginning to the end is named at least once.
    async fn keys(
        &self,
        partition: Partition,
        which: &str,
        cursor: u64,
    ) -> Result<(u64, Vec<EntityKey>), PortError>;

    /// Begins to build a snapshot beside the one that is there; its name. What others were building
    /// is superseded.
    async fn begin(&self, partition: Partition) -> Result<String, PortError>;

    /// Adds entities to it, each in place of what it has of the same; one without parts goes.
    async fn fill(
        &self,
        partition: Partition,
        which: &str,
        entities: &[EntityChange],
    ) -> Result<Built, PortError>;

    /// Puts it in place of the one that is there. May be repeated.
    async fn finish(
        &self,
        partition: Partition,
        which: &str,
        to: Position,
        state: Bytes,
    ) -> Result<Built, PortError>;
}

/// An object that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// How large it is.
    pub bytes: u64,
    /// When it was put.
    pub at: Timestamp,
}

/// A place for objects of some megabytes.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// All objects whose name begins so, in no order. None where there is no such place yet.
    async fn list(&self, begin: &str) -> Result<Vec<Kept>, PortError>;

    /// Keeps bytes under a name.
    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), PortError>;

    /// An object's bytes, whole; `None` if there is none, or if some of it is missing.
    async fn get(&self, name: &str) -> Result<Option<Bytes>, PortError>;

    /// Deletes an object, if it is there, and leaves nothing of it.
    async fn delete(&self, name: &str) -> Result<(), PortError>;

    /// Deletes what was put in part by somebody who died, before this time.
    async fn sweep(&self, before: Timestamp) -> Result<(), PortError>;
}
