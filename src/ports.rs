//! The few doors behind which all IO lies: input, journal, outbox, snapshots, archives, clock; and
//! for those who bring events, the publisher.
//!
//! Adapters stand in `crate::nats` and `crate::redis`, and for one directory in `crate::embedded`;
//! the simulator of the tests has its own. All of them pass the same suite (`tests/conformance`).
//! No port retries on its own: it says what it knows, and the engine, which knows what is at stake,
//! decides.

mod archive;
mod input;
mod journal;
mod leases;
mod outbox;
mod publisher;
mod room;
mod snapshots;

pub use self::{
    archive::{Built, Copied, Copies, Kept, Named, Shelf},
    input::{Cursor, Extent, Input, LogMessage, Loss, Needed, Opened, Read, Reader, Source},
    journal::{AppendError, Journal, JournalEntry},
    leases::{LeaseWatch, Leases, Note, NoteError, Watched},
    outbox::{Outbox, Outgoing, Outlet, SendError, Sent},
    publisher::{Inbox, NewEvent, PublishError, Publisher},
    room::Room,
    snapshots::{At, Delta, EntityChange, Position, Snapshots, StoredEntity},
};
use crate::domain::time::Timestamp;

/// A partition's number, from 0.
pub type Partition = u16;

/// A port could not do what it was asked, and may next time.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct PortError {
    /// What was being done, in words: `read the journal's last record`.
    pub doing: String,
    /// Why it failed.
    pub why: String,
}

impl PortError {
    /// An error with its two halves.
    pub fn new(doing: impl Into<String>, why: impl std::fmt::Display) -> PortError {
        PortError { doing: doing.into(), why: why.to_string() }
    }
}

/// The time, and chance: what makes two runs differ.
pub trait Clock: Send + Sync {
    /// The pod's own time.
    fn now(&self) -> Timestamp;

    /// 128 bits that nobody else has.
    fn unique(&self) -> u128;
}
