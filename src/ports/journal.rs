//! The journal: an append at the expected place is the commit.

use async_trait::async_trait;
use bytes::Bytes;

use super::{Partition, PortError, Room};
use crate::domain::time::Timestamp;

/// A record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its sequence in the journal's stream: the record's position.
    pub sequence: u64,
    /// When the log took it.
    pub at: Timestamp,
    /// The record.
    pub record: Bytes,
}

/// Why an append is not known to have happened.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The partition's last record is not the expected one. Perhaps it is this very record.
    #[error("the partition's last record is not the expected one")]
    Refused,
    /// The journal is full.
    #[error("the journal is full: {0}")]
    Full(String),
    /// The record is larger than a message may be.
    #[error("the record is too large: {0}")]
    TooLarge(String),
    /// No answer, or one that says neither: the record may be there or not.
    #[error("no certain answer: {0}")]
    Unknown(String),
}

/// The journal: one conditional append at a time per partition.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends a record if the partition's last one is at `after` (0: there is none), and says
    /// where it stands.
    async fn append(
        &self,
        partition: Partition,
        after: u64,
        record: Bytes,
    ) -> Result<u64, AppendError>;

    /// The partition's last record, from the stream's leader.
    async fn last(&self, partition: Partition) -> Result<Option<JournalEntry>, PortError>;

    /// The partition's records after `after`, in order, some megabytes at a time; none at the end.
    async fn read(&self, partition: Partition, after: u64) -> Result<Vec<JournalEntry>, PortError>;

    /// Forgets the partition's records below a sequence, but never its last one.
    async fn purge(&self, partition: Partition, below: u64) -> Result<(), PortError>;

    /// How much the log holds that the journals of all partitions are in.
    async fn room(&self) -> Result<Room, PortError>;
}
