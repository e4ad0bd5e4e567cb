//! An input port whose times are those of a clock that is set, on a log that stamps its messages
//! with its server's own.
//!
//! Promises: a stretch of the server's time, from one setting of the clock to the next, is one
//! point of the other; sequences, and when a stream was created, stay what they are. A cursor that
//! comes back gets a time of the server's that it may have had, so that what is compared with the
//! log's own times still can be.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;

use crate::{
    domain::time::Timestamp,
    ports::{
        Cursor, Input, LogMessage, Needed, Opened, Partition, PortError, Read, Reader, Source,
    },
};

/// Which time of the server's is which time of the clock's.
#[derive(Debug, Default)]
pub struct Shift {
    /// From when on by the server, and the clock's time from then on; both rise.
    stretches: Mutex<Vec<(Timestamp, Timestamp)>>,
    /// The latest time of the server's that was handed over.
    seen: AtomicI64,
}

impl Shift {
    /// From this time of the server's on it is that time by the clock.
    pub fn set(&self, server: Timestamp, clock: Timestamp) {
        let mut stretches = self.stretches();
        match stretches.last() {
            Some((_, last)) if *last >= clock => {}
            _ => stretches.push((server, clock)),
        }
    }

    fn stretches(&self) -> MutexGuard<'_, Vec<(Timestamp, Timestamp)>> {
        self.stretches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock's time at a time of the server's.
    pub fn clock(&self, server: Timestamp) -> Timestamp {
        // No time at all stays none.
        if server == Timestamp::default() {
            return server;
        }
        self.seen.fetch_max(server.0, Ordering::SeqCst);
        let stretches = self.stretches();
        let at = stretches.partition_point(|(from, _)| *from <= server);
        stretches.get(at.saturating_sub(1)).map_or(server, |(_, clock)| *clock)
    }

    /// A time of the server's at which the clock may have shown this one.
    pub fn server(&self, clock: Timestamp) -> Timestamp {
        if clock == Timestamp::default() {
            return clock;
        }
        let stretches = self.stretches();
        let after = stretches.partition_point(|(_, at)| *at <= clock);
        match stretches.get(after) {
            Some((next, _)) => Timestamp(next.0 - 1),
            None => Timestamp(self.seen.load(Ordering::SeqCst)),
        }
    }

    fn cursor(&self, cursor: Cursor) -> Cursor {
        Cursor { at: self.clock(cursor.at), ..cursor }
    }

    fn message(&self, message: LogMessage) -> LogMessage {
        LogMessage { at: self.clock(message.at), ..message }
    }
}

/// The port.
pub struct Shifted {
    inner: Arc<dyn Input>,
    shift: Arc<Shift>,
}

impl Shifted {
    /// The same logs, by the clock's time.
    pub fn new(inner: Arc<dyn Input>, shift: Arc<Shift>) -> Shifted {
        Shifted { inner, shift }
    }
}

#[async_trait]
impl Input for Shifted {
    async fn open(
        &self,
        partition: Partition,
        source: Source,
        after: Cursor,
    ) -> Result<Opened, PortError> {
        let after = Cursor { at: self.shift.server(after.at), ..after };
        let Opened { reader, cursor, loss } = self.inner.open(partition, source, after).await?;
        let reader = Box::new(ShiftedReader { inner: reader, shift: self.shift.clone() });
        Ok(Opened { reader, cursor: self.shift.cursor(cursor), loss })
    }

    async fn fetch(&self, source: Source, sequence: u64) -> Result<Option<LogMessage>, PortError> {
        let fetched = self.inner.fetch(source, sequence).await?;
        Ok(fetched.map(|message| self.shift.message(message)))
    }

    async fn purge_lanes(&self, needed: Needed) -> Result<(), PortError> {
        self.inner.purge_lanes(needed).await
    }

    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        self.inner.purge_commands(partition, below).await
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        Ok(self.shift.clock(self.inner.server_time().await?))
    }
}

struct ShiftedReader {
    inner: Box<dyn Reader>,
    shift: Arc<Shift>,
}

#[async_trait]
impl Reader for ShiftedReader {
    async fn read(&mut self, max: usize) -> Result<Read, PortError> {
        Ok(match self.inner.read(max).await? {
            Read::Drained(cursor) => Read::Drained(self.shift.cursor(cursor)),
            Read::Messages(messages) => {
                let shifted = messages.into_iter().map(|message| self.shift.message(message));
                Read::Messages(shifted.collect())
            }
        })
    }
}
