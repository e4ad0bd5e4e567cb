//! The bucket of members and leases: small notes that lapse unless they are written anew.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::PortError;

/// What the bucket says under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The key.
    pub key: String,
    /// What stands there; `None` if it has lapsed or was taken away.
    pub value: Option<Bytes>,
    /// The bucket's revision of it. Revisions rise, over all keys.
    pub revision: u64,
}

/// What a watch has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// A key and what stands there.
    Note(Note),
    /// Every key that is there has been told once. From here on come changes.
    CaughtUp,
}

/// Why a note is not known to have been written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Something else stands under the key than was expected.
    #[error("something else stands there")]
    Taken,
    /// Not now, or no certain answer: it may have been written or not.
    #[error("no certain answer: {0}")]
    Later(String),
}

/// Members and leases.
#[async_trait]
pub trait Leases: Send + Sync {
    /// Tells what stands in the bucket, then every change, lapses too.
    async fn watch(&self) -> Result<Box<dyn LeaseWatch>, PortError>;

    /// Writes a note that lapses after `lasts`, if its key is at the revision `after` (`None`: if
    /// nothing stands there), and says its revision.
    async fn note(
        &self,
        key: &str,
        value: Bytes,
        after: Option<u64>,
        lasts: Duration,
    ) -> Result<u64, NoteError>;

    /// Takes a note away, if it is at the revision `after`.
    async fn take_away(&self, key: &str, after: u64) -> Result<(), NoteError>;
}

/// Tells of the bucket's changes.
#[async_trait]
pub trait LeaseWatch: Send {
    /// The next change. An error means that this watch is of no more use.
    async fn next(&mut self) -> Result<Watched, PortError>;
}
