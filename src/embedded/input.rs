//! The input port: events and commands, each reader at its cursor.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use redb::ReadTransaction;
use tokio::sync::watch;

use super::{
    Embedded, log_of,
    store::{Fault, Store},
    tables::{INPUT, Kept, Log, NUMBERS, Place, existing},
};
use crate::{
    contract::StoredSubject,
    domain::time::Timestamp,
    ports::{
        Cursor, Extent, Input, LogMessage, Opened, Partition, PortError, Read, Reader, Source,
    },
};

/// How long a reader waits for messages before it says again that there are none.
const DRAINED_EVERY: Duration = Duration::from_millis(100);

impl Embedded {
    /// Takes an event, and returns when it is on disk; its sequence.
    pub(super) async fn publish(
        &self,
        stored: &StoredSubject,
        payload: Vec<u8>,
    ) -> Result<u64, Fault> {
        let place = (stored.partition, Source::Lane(stored.lane).index() as u8);
        let subject = stored.to_string();
        let taken = self.store.write(true, move |txn, at| {
            let (id, headers) = (None, Vec::new());
            INPUT.append(txn, Some(place), &Kept { at, subject, id, headers, payload })
        });
        taken.await
    }

    async fn purge(&self, log: Log, place: Option<Place>, below: u64) -> Result<(), Fault> {
        self.store.write(false, move |txn, _| purge(txn, log, place, below)).await
    }
}

fn purge(
    txn: &redb::WriteTransaction,
    log: Log,
    place: Option<Place>,
    below: u64,
) -> Result<(), redb::Error> {
    let Some(index) = log.index else { return Ok(()) };
    let mut messages = txn.open_table(log.messages)?;
    let mut index = txn.open_table(index)?;
    let gone = |(partition, source, sequence): (u16, u8, u64)| {
        sequence < below && place.is_none_or(|place| place == (partition, source))
    };
    for found in index.extract_if(|key, ()| gone(key))? {
        messages.remove(found?.0.value().2)?;
    }
    if place.is_none() {
        let mut numbers = txn.open_table(NUMBERS)?;
        let last = redb::ReadableTable::get(&numbers, log.name)?.map_or(0, |last| last.value());
        let name = format!("{}.first", log.name);
        let first = redb::ReadableTable::get(&numbers, name.as_str())?.map_or(1, |at| at.value());
        numbers.insert(name.as_str(), first.max(below.min(last + 1)))?;
    }
    Ok(())
}

#[async_trait]
impl Input for Embedded {
    async fn open(
        &self,
        partition: Partition,
        source: Source,
        after: Cursor,
    ) -> Result<Opened, PortError> {
        let log = log_of(source);
        let ends = self.store.read(move |txn| log.ends(txn)).await;
        let (first, last) = ends.map_err(|fault| fault.doing("open a reader"))?;
        let created = self.store.created;
        let (cursor, loss) = after.stand(source, &Extent { created, first, last });
        let reader = EmbeddedReader {
            changes: self.store.changes.subscribe(),
            store: self.store.clone(),
            log,
            place: (partition, source.index() as u8),
            cursor,
        };
        Ok(Opened { reader: Box::new(reader), cursor, loss })
    }

    async fn fetch(&self, source: Source, sequence: u64) -> Result<Option<LogMessage>, PortError> {
        let log = log_of(source);
        let found = self.store.read(move |txn| log.get(txn, sequence)).await;
        let found = found.map_err(|fault| fault.doing("read a message"))?;
        Ok(found.map(|kept| message(sequence, kept)))
    }

    async fn purge_lanes(&self, below: u64) -> Result<(), PortError> {
        let purged = self.purge(INPUT, None, below).await;
        purged.map_err(|fault| fault.doing("purge the events"))
    }

    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        let place = (partition, Source::Commands.index() as u8);
        let purged = self.purge(log_of(Source::Commands), Some(place), below).await;
        purged.map_err(|fault| fault.doing("purge the commands"))
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        Ok(self.store.settled_time())
    }
}

fn message(sequence: u64, kept: Kept) -> LogMessage {
    LogMessage { sequence, at: kept.at, subject: kept.subject, payload: kept.payload.into() }
}

/// Reads one source of one partition.
struct EmbeddedReader {
    store: Arc<Store>,
    changes: watch::Receiver<u64>,
    log: Log,
    place: Place,
    cursor: Cursor,
}

#[async_trait]
impl Reader for EmbeddedReader {
    async fn read(&mut self, max: usize) -> Result<Read, PortError> {
        let until = tokio::time::Instant::now() + DRAINED_EVERY;
        loop {
            self.changes.mark_unchanged();
            // The time is read before what it is the time of.
            let now = self.store.settled_time();
            let (log, place, after) = (self.log, self.place, self.cursor.sequence);
            let found = self.store.read(move |txn| look(txn, log, place, after, max.max(1))).await;
            let (end, messages) = found.map_err(|fault| fault.doing("read messages"))?;
            if let Some(last) = messages.last() {
                self.cursor.sequence = last.sequence;
                self.cursor.at = self.cursor.at.max(last.at);
                return Ok(Read::Messages(messages));
            }
            if tokio::time::timeout_at(until, self.changes.changed()).await.is_err() {
                self.cursor.sequence = self.cursor.sequence.max(end);
                self.cursor.at = self.cursor.at.max(now);
                return Ok(Read::Drained(self.cursor));
            }
        }
    }
}

/// The log's end, and the messages of a place after a sequence.
fn look(
    txn: &ReadTransaction,
    log: Log,
    (partition, source): Place,
    after: u64,
    max: usize,
) -> Result<(u64, Vec<LogMessage>), redb::Error> {
    let (_, end) = log.ends(txn)?;
    let Some(index) = log.index else { return Ok((end, Vec::new())) };
    let Some(index) = existing(txn.open_table(index))? else { return Ok((end, Vec::new())) };
    let mut messages = Vec::new();
    let from = (partition, source, after.saturating_add(1));
    for found in index.range(from..=(partition, source, u64::MAX))?.take(max) {
        let sequence = found?.0.value().2;
        messages.extend(log.get(txn, sequence)?.map(|kept| message(sequence, kept)));
    }
    Ok((end, messages))
}
