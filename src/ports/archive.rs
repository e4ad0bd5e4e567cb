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

/// Some of a snapshot's keys, as they were in one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// In which life of the store it was: where to go on means nothing in another one, such as
    /// after a restart, or behind an address that leads elsewhere now.
    pub life: String,
    /// Where the snapshot stood.
    pub at: Position,
    /// Where to go on; 0 is the end.
    pub next: u64,
    /// The keys.
    pub keys: Vec<EntityKey>,
}

/// What becomes of something that holds only as long as nobody else has begun the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Built {
    /// It was done.
    Done,
    /// Somebody has begun another one since.
    Superseded,
    /// Some of what it had been filled with is gone: it is of no more use.
    Lost,
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

    /// Some keys of the entities of a snapshot, from a place on, 0 being the beginning; `None` if
    /// it is another one by now, or gone. Within one life of the store, whoever is there at each
    /// step from the beginning to the end is named at least once.
    async fn keys(
        &self,
        partition: Partition,
        which: &str,
        from: u64,
    ) -> Result<Option<Named>, PortError>;

    /// Begins to build a snapshot beside the one that is there; its name. What others were building
    /// is superseded.
    async fn begin(&self, partition: Partition) -> Result<String, PortError>;

    /// Adds entities to it, each in place of what it has of the same; one without parts goes. The
    /// fills are numbered from 1, and each may be repeated before the next. Where one before it is
    /// missing, it is lost.
    async fn fill(
        &self,
        partition: Partition,
        which: &str,
        number: u64,
        entities: &[EntityChange],
    ) -> Result<Built, PortError>;

    /// Puts it in place of the one that is there, if it has all of so many fills. May be repeated.
    async fn finish(
        &self,
        partition: Partition,
        which: &str,
        fills: u64,
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
