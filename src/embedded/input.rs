//! The input port: events and commands, each reader at its cursor.

use std::{pin::pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use redb::ReadTransaction;
use tokio::sync::Notify;

use super::{
    Embedded, log_of,
    store::{Fault, Store, Writing},
    tables::{COMMANDS, INPUT, Kept, Log, Place, commands_waiting, existing},
};
use crate::{
    contract::StoredSubject,
    domain::{event::Lane, time::Timestamp},
    ports::{
        Cursor, Extent, Input, LogMessage, Needed, Opened, Partition, PortError, Read, Reader,
        Source,
    },
};

/// Messages that one transaction forgets at most: others write in between.
const FORGOTTEN_AT_ONCE: usize = 1_000;

impl Embedded {
    /// Takes events in this order, all or none, and returns when they are on disk; the sequence of
    /// the last.
    pub(super) async fn append_events(
        &self,
        events: Vec<(StoredSubject, Vec<u8>)>,
    ) -> Result<u64, Fault> {
        let taken = self.store.write(true, move |writing| {
            let mut last = 0;
            for (stored, payload) in events {
                let (at, id, headers) = (writing.at, None, Vec::new());
                let kept = Kept { at, subject: stored.to_string(), id, headers, payload };
                last = INPUT.append(writing, Some(place_of(&stored)), &kept)?;
            }
            Ok(last)
        });
        taken.await
    }

    async fn extent(&self, source: Source) -> Result<Extent, Fault> {
        let log = log_of(source);
        let (first, last) = self.store.read(move |txn| log.ends(txn)).await?;
        Ok(Extent { created: self.store.created, first, last })
    }

    async fn forget_lanes(&self, below: u64) -> Result<(), Fault> {
        loop {
            let forgotten = self.store.write(false, move |writing| {
                let old = |sequence, _: &Kept| sequence < below;
                let gone = INPUT.take_oldest(writing.txn, FORGOTTEN_AT_ONCE, old)?;
                for (sequence, kept) in &gone {
                    if let Some(stored) = StoredSubject::parse(&kept.subject) {
                        INPUT.leave_out(writing.txn, place_of(&stored), *sequence)?;
                    }
                }
                Ok(gone.len())
            });
            if forgotten.await? < FORGOTTEN_AT_ONCE {
                return Ok(());
            }
        }
    }
}

fn place_of(stored: &StoredSubject) -> Place {
    (stored.partition, Source::Lane(stored.lane).index() as u8)
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
        let extent = self.extent(source).await.map_err(|fault| fault.doing("open a reader"))?;
        let (cursor, loss) = after.stand(source, &extent);
        let reader = EmbeddedReader {
            news: self.store.news((log.name, (partition, source.index() as u8))),
            drained_every: self.drained_every,
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

    async fn purge_lanes(&self, needed: Needed) -> Result<(), PortError> {
        let extent = self.extent(Source::Lane(Lane::Settlement)).await;
        extent.map_err(|fault| fault.doing("purge the events"))?.may_forget_all_but(needed)?;
        let forgotten = self.forget_lanes(needed.from).await;
        forgotten.map_err(|fault| fault.doing("purge the events"))
    }

    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        let place = (partition, Source::Commands.index() as u8);
        let purged = self.store.write(false, move |Writing { txn, .. }| {
            let forgotten = COMMANDS.forget_place(txn, place, below)?;
            commands_waiting(txn, partition, |waiting| waiting.saturating_sub(forgotten))?;
            Ok(())
        });
        purged.await.map_err(|fault| fault.doing("purge the commands"))
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
    news: Arc<Notify>,
    drained_every: Duration,
    log: Log,
    place: Place,
    cursor: Cursor,
}

#[async_trait]
impl Reader for EmbeddedReader {
    async fn read(&mut self, max: usize) -> Result<Read, PortError> {
        let until = tokio::time::Instant::now() + self.drained_every;
        let news = self.news.clone();
        loop {
            // Whoever looks first and waits then misses what comes in between.
            let mut news = pin!(news.notified());
            news.as_mut().enable();
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
            if tokio::time::timeout_at(until, news).await.is_err() {
                self.cursor.sequence = self.cursor.sequence.max(end);
                self.cursor.at = self.cursor.at.max(now);
                return Ok(Read::Drained(self.cursor));
            }
        }
    }
}

/// A read ends behind so many bytes.
const READ_BYTES_MAX: usize = 4 << 20;

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
    let (mut messages, mut bytes) = (Vec::new(), 0);
    let from = (partition, source, after.saturating_add(1));
    for found in index.range(from..=(partition, source, u64::MAX))?.take(max) {
        let sequence = found?.0.value().2;
        let Some(kept) = log.get(txn, sequence)? else { continue };
        bytes += kept.payload.len();
        messages.push(message(sequence, kept));
        if bytes > READ_BYTES_MAX {
            break;
        }
    }
    Ok((end, messages))
}
