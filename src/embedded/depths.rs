//! How much is still to be done, and how large the file is.

use async_trait::async_trait;
use redb::ReadableTableMetadata;

use super::{
    Embedded, log_of,
    store::FILE,
    tables::{COMMANDS, INPUT, JOURNAL, LETTERS, OUT, existing},
};
use crate::{
    ports::{Partition, PortError, Source},
    supervisor::{Depths, StreamUsage, Unread},
};

#[async_trait]
impl Depths for Embedded {
    async fn unread(
        &self,
        partition: Partition,
        source: Source,
        after: u64,
    ) -> Result<Unread, PortError> {
        let (log, place) = (log_of(source), (partition, source.index() as u8));
        let unread = self.store.read(move |txn| {
            let Some(index) = log.index else { return Ok(Unread::default()) };
            let Some(index) = existing(txn.open_table(index))? else {
                return Ok(Unread::default());
            };
            let after = (place.0, place.1, after.saturating_add(1));
            let mut unread = index.range(after..=(place.0, place.1, u64::MAX))?;
            let Some(first) = unread.next().transpose()? else { return Ok(Unread::default()) };
            let oldest = log.get(txn, first.0.value().2)?.map(|kept| kept.at);
            Ok(Unread { messages: 1 + unread.count() as u64, oldest })
        });
        unread.await.map_err(|fault| fault.doing("count what is unread"))
    }

    async fn usage(&self) -> Result<Vec<StreamUsage>, PortError> {
        let messages = self.store.read(|txn| {
            let mut messages = 0;
            for log in [INPUT, COMMANDS, OUT, LETTERS] {
                messages += match existing(txn.open_table(log.messages))? {
                    Some(table) => table.len()?,
                    None => 0,
                };
            }
            let journal = existing(txn.open_table(JOURNAL))?;
            Ok(messages + journal.map_or(Ok(0), |journal| journal.len())?)
        });
        let messages = messages.await.map_err(|fault| fault.doing("count messages"))?;
        let bytes = self.store.file_bytes();
        Ok(vec![StreamUsage { stream: FILE, messages, bytes, bytes_max: None }])
    }
}
