//! The tables of the store, and how a log is kept in them.
//!
//! A log has its messages by sequence, and an index by partition and source, so that each reader
//! finds its own without looking at the others'.

use std::fmt::Display;

use redb::{ReadTransaction, ReadableTable, TableDefinition, TableError, WriteTransaction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::store::Writing;
use crate::{domain::time::Timestamp, ports::Partition};

/// Numbers by name: ends, beginnings, the time of creation.
pub(super) const NUMBERS: TableDefinition<'static, &str, u64> = TableDefinition::new("numbers");
/// Records by partition and sequence.
pub(super) const JOURNAL: TableDefinition<'static, (u16, u64), (i64, &[u8])> =
    TableDefinition::new("journal");
/// The sequence of an effect, by log and id.
pub(super) const IDS: TableDefinition<'static, (&str, &str), u64> = TableDefinition::new("ids");
/// The last message of each subject.
pub(super) const AVAILABILITY: TableDefinition<'static, &str, (u64, &[u8])> =
    TableDefinition::new("availability");
/// Bytes by name.
pub(super) const OBJECTS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("objects");
/// Where a partition's snapshot stands, and its own state there.
pub(super) const SNAPSHOTS: TableDefinition<'static, u16, (u64, u64, &[u8])> =
    TableDefinition::new("snapshots");
/// The highest committed position of a partition.
pub(super) const COMMITTED: TableDefinition<'static, u16, (u64, u64)> =
    TableDefinition::new("committed");
/// What an entity is folded to.
pub(super) const FOLDED: TableDefinition<'static, (u16, &[u8]), u64> =
    TableDefinition::new("folded");
/// The parts of entities.
pub(super) const PARTS: TableDefinition<'static, (u16, &[u8], &str), &[u8]> =
    TableDefinition::new("parts");
/// Entities by clock and deadline.
pub(super) const DUES: TableDefinition<'static, (u16, u8, i64, &[u8]), ()> =
    TableDefinition::new("dues");
/// The deadline of an entity on a clock.
pub(super) const DUE_OF: TableDefinition<'static, (u16, &[u8], u8), i64> =
    TableDefinition::new("due_of");

/// The events that were published.
pub(super) const INPUT: Log = Log {
    name: "in",
    first: "in.first",
    messages: TableDefinition::new("in"),
    index: Some(TableDefinition::new("in_index")),
};
/// What actors say to one another.
pub(super) const COMMANDS: Log = Log {
    name: "cmd",
    first: "cmd.first",
    messages: TableDefinition::new("cmd"),
    index: Some(TableDefinition::new("cmd_index")),
};
/// Outcomes.
pub(super) const OUT: Log =
    Log { name: "out", first: "out.first", messages: TableDefinition::new("out"), index: None };
/// Dead letters.
pub(super) const LETTERS: Log =
    Log { name: "dlq", first: "dlq.first", messages: TableDefinition::new("dlq"), index: None };

/// A message as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Kept {
    pub at: Timestamp,
    pub subject: String,
    pub id: Option<String>,
    pub headers: Vec<(String, String)>,
    pub payload: Vec<u8>,
}

impl Kept {
    /// A message from its bytes; an error in words if this build cannot read it.
    pub fn decode(sequence: u64, bytes: &[u8]) -> Result<Kept, redb::Error> {
        decode(format_args!("message {sequence}"), bytes)
    }
}

/// What bytes of ours say. The store checks its pages, so that bytes which say nothing are those of
/// another build.
pub(super) fn decode<T: DeserializeOwned>(
    what: impl Display,
    bytes: &[u8],
) -> Result<T, redb::Error> {
    postcard::from_bytes(bytes)
        .map_err(|error| redb::Error::Corrupted(format!("{what} cannot be read: {error}")))
}

/// Where a reader looks: the partition, and the place of its source among all.
pub(super) type Place = (Partition, u8);

/// A log.
#[derive(Clone, Copy)]
pub(super) struct Log {
    /// Its name, under which the number of its last message stands.
    pub name: &'static str,
    /// Under which the number of its first message stands.
    first: &'static str,
    pub messages: TableDefinition<'static, u64, &'static [u8]>,
    pub index: Option<TableDefinition<'static, (u16, u8, u64), ()>>,
}

impl Log {
    /// Appends a message; its sequence.
    pub fn append(
        &self,
        writing: &Writing,
        place: Option<Place>,
        message: &Kept,
    ) -> Result<u64, redb::Error> {
        let txn = writing.txn;
        let sequence = next_sequence(txn, self.name)?;
        let bytes = postcard::to_stdvec(message).unwrap_or_default();
        txn.open_table(self.messages)?.insert(sequence, bytes.as_slice())?;
        if let (Some(index), Some((partition, source))) = (self.index, place) {
            txn.open_table(index)?.insert((partition, source, sequence), ())?;
            writing.tell((self.name, (partition, source)));
        }
        Ok(sequence)
    }

    /// The message at a sequence.
    pub fn get(&self, txn: &ReadTransaction, sequence: u64) -> Result<Option<Kept>, redb::Error> {
        let Some(table) = existing(txn.open_table(self.messages))? else { return Ok(None) };
        let found = table.get(sequence)?;
        found.map(|bytes| Kept::decode(sequence, bytes.value())).transpose()
    }

    /// The last sequence that was ever given, and the first that may be there.
    pub fn ends(&self, txn: &ReadTransaction) -> Result<(u64, u64), redb::Error> {
        let first = number(txn, self.first)?.unwrap_or(1);
        Ok((first, number(txn, self.name)?.unwrap_or(0)))
    }

    /// Takes out the oldest messages for as long as they are `old`, at most so many.
    pub fn take_oldest(
        &self,
        txn: &WriteTransaction,
        most: usize,
        old: impl Fn(u64, &Kept) -> bool,
    ) -> Result<Vec<(u64, Kept)>, redb::Error> {
        let mut messages = txn.open_table(self.messages)?;
        let mut taken = Vec::new();
        while taken.len() < most {
            let Some(first) = messages.first()? else { break };
            let (sequence, kept) =
                (first.0.value(), Kept::decode(first.0.value(), first.1.value()));
            drop(first);
            // An error would undo what others write in this transaction.
            let kept = match kept {
                Ok(kept) => kept,
                Err(why) => {
                    tracing::error!(log = self.name, %why, "nothing from there on is forgotten");
                    break;
                }
            };
            if !old(sequence, &kept) {
                break;
            }
            messages.remove(sequence)?;
            taken.push((sequence, kept));
        }
        if let Some((last, _)) = taken.last() {
            let mut numbers = txn.open_table(NUMBERS)?;
            let first = numbers.get(self.first)?.map_or(1, |at| at.value());
            numbers.insert(self.first, first.max(last + 1))?;
        }
        Ok(taken)
    }

    /// Takes a message out of the index.
    pub fn leave_out(
        &self,
        txn: &WriteTransaction,
        (partition, source): Place,
        sequence: u64,
    ) -> Result<(), redb::Error> {
        if let Some(index) = self.index {
            txn.open_table(index)?.remove((partition, source, sequence))?;
        }
        Ok(())
    }

    /// Forgets the messages of one place below a sequence; how many there were.
    pub fn forget_place(
        &self,
        txn: &WriteTransaction,
        (partition, source): Place,
        below: u64,
    ) -> Result<u64, redb::Error> {
        let Some(index) = self.index else { return Ok(0) };
        let mut forgotten = 0;
        let mut index = txn.open_table(index)?;
        let mut messages = txn.open_table(self.messages)?;
        let these = (partition, source, 0)..(partition, source, below);
        for found in index.extract_from_if(these, |_, ()| true)? {
            messages.remove(found?.0.value().2)?;
            forgotten += 1;
        }
        Ok(forgotten)
    }
}

/// The next sequence of a log.
pub(super) fn next_sequence(txn: &WriteTransaction, name: &str) -> Result<u64, redb::Error> {
    let mut numbers = txn.open_table(NUMBERS)?;
    let last = numbers.get(name)?.map_or(0, |last| last.value());
    numbers.insert(name, last + 1)?;
    Ok(last + 1)
}

/// Counts the commands that wait for a partition; how many wait now.
pub(super) fn commands_waiting(
    txn: &WriteTransaction,
    partition: Partition,
    count: impl FnOnce(u64) -> u64,
) -> Result<u64, redb::Error> {
    let mut numbers = txn.open_table(NUMBERS)?;
    let name = format!("cmd.waiting.{partition}");
    let waiting = count(numbers.get(name.as_str())?.map_or(0, |waiting| waiting.value()));
    numbers.insert(name.as_str(), waiting)?;
    Ok(waiting)
}

/// A number, if it was ever written.
pub(super) fn number(txn: &ReadTransaction, name: &str) -> Result<Option<u64>, redb::Error> {
    let Some(table) = existing(txn.open_table(NUMBERS))? else { return Ok(None) };
    Ok(table.get(name)?.map(|number| number.value()))
}

/// A table, unless nothing was ever written to it.
pub(super) fn existing<T>(opened: Result<T, TableError>) -> Result<Option<T>, redb::Error> {
    match opened {
        Ok(table) => Ok(Some(table)),
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
