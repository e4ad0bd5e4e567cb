//! The first record of a partition. Without one nobody serves it.

use bytes::Bytes;

use super::{
    Exit,
    batch::encode_entry,
    entry::Entry,
    format::OLDEST,
    record::{Header, Released, encode},
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
