//! The journal port: an append is a transaction that looks at the partition's last record first.

use async_trait::async_trait;
use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable};

use super::{
    Embedded,
    store::Writing,
    tables::{JOURNAL, existing, next_sequence},
};
use crate::{
    domain::time::Timestamp,
    ports::{AppendError, Journal, JournalEntry, Partition, PortError, Room},
};

/// The largest record, in bytes.
const RECORD_BYTES_MAX: usize = 8 << 20;
/// How much of the journal is read at a time.
const PAGE_BYTES: usize = 4 << 20;
/// The journal's sequences among the numbers.
const NAME: &str = "journal";

#[async_trait]
impl Journal for Embedded {
    async fn append(
        &self,
        partition: Partition,
        after: u64,
        record: Bytes,
    ) -> Result<u64, AppendError> {
        if record.len() > RECORD_BYTES_MAX {
            let why = format!("{} bytes, {RECORD_BYTES_MAX} are the most", record.len());
            return Err(AppendError::TooLarge(why));
        }
        let appended = self.store.write(true, move |writing| {
            let (txn, at) = (writing.txn, writing.at);
            let mut journal = txn.open_table(JOURNAL)?;
            let last = journal.range((partition, 0)..=(partition, u64::MAX))?.next_back();
            let last = last.transpose()?.map_or(0, |(key, _)| key.value().1);
            if last != after {
                return Ok(None);
            }
            let sequence = next_sequence(txn, NAME)?;
            journal.insert((partition, sequence), (at.0, record.as_ref()))?;
            Ok(Some(sequence))
        });
        match appended.await {
            Ok(appended) => appended.ok_or(AppendError::Refused),
            Err(fault) if fault.full => Err(AppendError::Full(fault.why)),
            Err(fault) => Err(AppendError::Unknown(fault.why)),
        }
    }

    async fn last(&self, partition: Partition) -> Result<Option<JournalEntry>, PortError> {
        let last = self.store.read(move |txn| {
            let Some(journal) = existing(txn.open_table(JOURNAL))? else { return Ok(None) };
            let last = journal.range((partition, 0)..=(partition, u64::MAX))?.next_back();
            Ok(last.transpose()?.map(|(key, value)| entry(key.value().1, value.value())))
        });
        last.await.map_err(|fault| fault.doing("read the journal's last record"))
    }

    async fn read(&self, partition: Partition, after: u64) -> Result<Vec<JournalEntry>, PortError> {
        let page = self.store.read(move |txn| page(txn, partition, after));
        page.await.map_err(|fault| fault.doing("read the journal"))
    }

    async fn purge(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        let purged = self.store.write(false, move |Writing { txn, .. }| {
            let mut journal = txn.open_table(JOURNAL)?;
            let last = journal.range((partition, 0)..=(partition, u64::MAX))?.next_back();
            let last = last.transpose()?.map_or(0, |(key, _)| key.value().1);
            journal.retain_in((partition, 0)..(partition, below.min(last)), |_, _| false)?;
            Ok(())
        });
        purged.await.map_err(|fault| fault.doing("purge the journal"))
    }

    async fn room(&self) -> Result<Room, PortError> {
        Ok(Room { bytes: self.store.file_bytes(), bytes_max: None })
    }
}

fn page(
    txn: &ReadTransaction,
    partition: Partition,
    after: u64,
) -> Result<Vec<JournalEntry>, redb::Error> {
    let Some(journal) = existing(txn.open_table(JOURNAL))? else { return Ok(Vec::new()) };
    let mut page = Vec::new();
    let mut bytes = 0;
    for found in journal.range((partition, after.saturating_add(1))..=(partition, u64::MAX))? {
        let (key, value) = found?;
        let entry = entry(key.value().1, value.value());
        bytes += entry.record.len();
        page.push(entry);
        if bytes >= PAGE_BYTES {
            break;
        }
    }
    Ok(page)
}

fn entry(sequence: u64, (at, record): (i64, &[u8])) -> JournalEntry {
    JournalEntry { sequence, at: Timestamp(at), record: Bytes::copy_from_slice(record) }
}
