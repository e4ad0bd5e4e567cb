//! The first record of a partition, without which nobody serves it; and those by which an operator
//! begins it anew.

use bytes::Bytes;

use super::{
    Exit,
    batch::encode_entry,
    entry::Entry,
    format::{self, OLDEST},
    record::{Header, Link, Released, encode},
};
use crate::{
    domain::time::Timestamp,
    ports::{AppendError, Clock, Cursor, Journal, Partition},
};

/// Whether a partition had to be seeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seeded {
    /// It has its first record from now on.
    Now,
    /// It had one.
    Before,
}

/// Gives each partition its first record, unless it has one; those that had none.
pub async fn seed_all(
    journal: &dyn Journal,
    partitions: Partition,
    clock: &dyn Clock,
) -> Result<Vec<Partition>, Exit> {
    let mut seeded = Vec::new();
    for partition in 0..partitions {
        let (now, batch) = (clock.now(), clock.unique());
        if seed(journal, partition, partitions, now, batch).await? == Seeded::Now {
            seeded.push(partition);
        }
    }
    Ok(seeded)
}

/// Writes a partition's first record, unless it has records.
pub async fn seed(
    journal: &dyn Journal,
    partition: Partition,
    partitions: Partition,
    now: Timestamp,
    batch: u128,
) -> Result<Seeded, Exit> {
    let failed = |why: &dyn std::fmt::Display| {
        Exit::refuse(format!("partition {partition} cannot be seeded: {why}"))
    };
    if journal.last(partition).await.map_err(|error| failed(&error))?.is_some() {
        return Ok(Seeded::Before);
    }
    let header = Header {
        partition,
        partitions,
        incarnation: 1,
        batch,
        owner: format!("setup, record version {OLDEST}"),
        previous: None,
        decided_at: now,
        cursors: [Cursor::default(); 5],
        released: Released::default(),
        entries: 1,
    };
    let entries = encode_entry(&Entry::Genesis).map_err(|error| failed(&error))?;
    let record = encode(OLDEST, &header, &entries).map_err(|error| failed(&error))?;
    match journal.append(partition, 0, Bytes::from(record)).await {
        Ok(_) => Ok(Seeded::Now),
        Err(AppendError::Refused) => Ok(Seeded::Before),
        Err(error) => Err(failed(&error)),
    }
}

/// What a record says with which an operator begins a new incarnation.
pub struct Begin {
    /// The new one.
    pub incarnation: u64,
    /// The record before, where there is one.
    pub previous: Option<Link>,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// How far each source has been read.
    pub cursors: [Cursor; 5],
    /// How far effects have left.
    pub released: Released,
}

/// Appends a record that begins a new incarnation, if the journal still ends where it was seen to.
/// Whoever serves the partition meanwhile steps down.
pub async fn begin_incarnation(
    journal: &dyn Journal,
    (partition, partitions): (Partition, Partition),
    batch: u128,
    begin: Begin,
    entry: &Entry,
) -> Result<u64, String> {
    let after = begin.previous.map_or(0, |link| link.sequence);
    let header = Header {
        partition,
        partitions,
        incarnation: begin.incarnation,
        batch,
        owner: "an operator".to_owned(),
        previous: begin.previous,
        decided_at: begin.decided_at,
        cursors: begin.cursors,
        released: begin.released,
        entries: 1,
    };
    let entries = encode_entry(entry).map_err(|error| error.to_string())?;
    let record = encode(format::needed_by(entry), &header, &entries);
    let record = Bytes::from(record.map_err(|error| error.to_string())?);
    let error = match journal.append(partition, after, record.clone()).await {
        Ok(sequence) => return Ok(sequence),
        Err(error) => error,
    };
    // The append may have arrived all the same.
    let last = journal.last(partition).await.map_err(|error| error.to_string())?;
    match last.filter(|last| last.record == record) {
        Some(last) => Ok(last.sequence),
        None => Err(format!("the record that begins the partition anew was not appended: {error}")),
    }
}
