//! The batch being filled: entries and their bytes.

use super::{
    entry::Entry,
    format::{self, OLDEST},
    held::Amounts,
    keeper::Gathered,
    record::BadRecord,
    state::PartitionState,
};
use crate::{domain::time::Timestamp, encode::encode_onto};

/// Entries that will be one record.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// The same, encoded one after another.
    pub bytes: Vec<u8>,
    /// What goes into the snapshot once this is committed.
    pub gathered: Option<Gathered>,
    /// The partition's state after the last entry, but for its place in the chain.
    pub state: PartitionState,
    /// The time of the decisions.
    pub decided_at: Timestamp,
    /// What had been read when it was closed.
    pub taken: Amounts,
}

impl Batch {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: Entry) -> Result<(), BadRecord> {
        encode_onto(&mut self.bytes, &entry)?;
        self.entries.push(entry);
        Ok(())
    }

    /// The oldest format in which it can be written.
    pub fn format(&self) -> u8 {
        self.entries.iter().map(format::needed_by).max().unwrap_or(OLDEST)
    }

    /// Takes out the entries from this one on, whose bytes begin at `bytes`.
    pub fn split_off(&mut self, entry: usize, bytes: usize) -> (Vec<Entry>, Vec<u8>) {
        (self.entries.split_off(entry), self.bytes.split_off(bytes))
    }
}

/// An entry's bytes.
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, BadRecord> {
    Ok(postcard::to_stdvec(entry)?)
}
