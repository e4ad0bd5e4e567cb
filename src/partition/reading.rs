//! Reads a partition's journal: records that this pod can go on from, for as long as it takes.
//!
//! Promise: what cannot be read is never taken for what is not there. A journal that does not
//! answer is asked again; a record of a newer format refuses the partition, and says so to whoever
//! can.

use super::{
    Env, Exit,
    record::{BadRecord, Link, Record},
    restoring::refuse,
};
use crate::{
    archive::reading::is_in_journal,
    ports::{JournalEntry, PortError, Position},
};

/// A record, or why this build cannot go on from it.
pub(super) fn decode(entry: &JournalEntry) -> Result<Record, Exit> {
    decode_at(entry.sequence, &entry.record)
}

/// The same of the bytes that stand at a sequence.
pub(super) fn decode_at(sequence: u64, record: &[u8]) -> Result<Record, Exit> {
    Record::decode(record)
        .map_err(|error| Exit::refuse(format!("journal record {sequence}: {error}")))
}

impl Env {
    /// A record, or why this pod cannot go on from it.
    pub(super) fn decode(&self, entry: &JournalEntry) -> Result<Record, Exit> {
        if self.reads(entry) {
            return decode(entry);
        }
        let version = entry.record.first().copied().unwrap_or_default();
        // Whoever reads it is to have the partition.
        self.status.send_modify(|status| status.format = version);
        let unknown = BadRecord::UnknownVersion(version, self.formats.reads());
        Err(Exit::refuse(format!("journal record {}: {unknown}", entry.sequence)))
    }

    /// Whether this pod reads the record's format.
    pub(super) fn reads(&self, entry: &JournalEntry) -> bool {
        entry.record.first().is_none_or(|version| *version <= self.formats.reads())
    }

    /// Asks again until there is an answer.
    pub async fn until_done<T, F>(&self, mut ask: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, PortError>>,
    {
        loop {
            match ask().await {
                Ok(value) => return value,
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "recovery waits");
                    tokio::time::sleep(self.bounds.retry_after).await;
                }
            }
        }
    }

    /// Something is known behind the end that was read: another owner's, or a loss.
    pub(super) async fn ends_before(&self, end: Position, why: &str) -> Exit {
        let last = self.until_done(|| self.ports.journal.last(self.partition)).await;
        match last.is_some_and(|last| last.sequence > end.sequence) {
            true => Exit::SteppedDown,
            false => refuse(self, why),
        }
    }

    /// Whether this very record stands in the journal.
    pub(super) async fn is_in_journal(&self, link: Link) -> bool {
        let journal = &*self.ports.journal;
        self.until_done(|| is_in_journal(journal, self.partition, link)).await
    }
}
