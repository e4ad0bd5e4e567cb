//! Ports that answer from memory and keep no more than they must.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    clock::SystemClock,
    domain::{DueClock, event::Lane, ids::EntityKey, time::Timestamp},
    partition::Ports,
    ports::{
        AppendError, At, Clock, Cursor, Delta, Input, Journal, JournalEntry, LogMessage, Needed,
        Opened, Outbox, Outgoing, Outlet, Partition, PortError, Position, Read, Reader, Room,
        SendError, Sent, Snapshots, Source, StoredEntity,
    },
};
use tokio::sync::watch;

/// The place of a lane among the sources.
pub const DEMAND: usize = 2;
/// The same of the lane that brings stock.
pub const FULFILMENT: usize = 3;
/// How long an append takes; the next batch fills meanwhile.
const APPEND_TAKES: Duration = Duration::from_millis(1);
/// How often a reader without messages says so.
const DRAINED_EVERY: Duration = Duration::from_millis(20);

/// The time, as the engine will read it.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// What is read.
pub type Messages = Box<dyn Iterator<Item = LogMessage> + Send>;

/// All that is outside the engine.
pub struct Memory {
    stock: Mutex<Option<Messages>>,
    holds: Mutex<Option<Messages>>,
    demand: watch::Sender<bool>,
    last: Mutex<Option<JournalEntry>>,
    told: AtomicU64,
    shown: Mutex<HashMap<String, (u64, Bytes)>>,
    snapshot: Mutex<Option<(Position, Bytes)>>,
}

/// Nobody panics while it is locked.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    pub fn new(stock: Messages, holds: Messages) -> Memory {
        Memory {
            stock: Mutex::new(Some(stock)),
            holds: Mutex::new(Some(holds)),
            demand: watch::channel(false).0,
            last: Mutex::default(),
            told: AtomicU64::default(),
            shown: Mutex::default(),
            snapshot: Mutex::default(),
        }
    }

    pub fn ports(self: Arc<Self>) -> Ports {
        Ports {
            input: self.clone(),
            journal: self.clone(),
            outbox: self.clone(),
            archive: None,
            snapshots: self,
            clock: Arc::new(SystemClock),
        }
    }

    /// Lets the holds be read.
    pub fn open_demand(&self) {
        self.demand.send_replace(true);
    }
}

struct Lines {
    left: Messages,
    open: watch::Receiver<bool>,
    cursor: Cursor,
}

#[async_trait]
impl Input for Memory {
    async fn open(&self, _: Partition, source: Source, _: Cursor) -> Result<Opened, PortError> {
        let left = match source {
            Source::Lane(Lane::Fulfilment) => lock(&self.stock).take(),
            Source::Lane(Lane::Demand) => lock(&self.holds).take(),
            _ => None,
        };
        let left = left.unwrap_or_else(|| Box::new(std::iter::empty()));
        let open = match source {
            Source::Lane(Lane::Demand) => self.demand.subscribe(),
            _ => watch::channel(true).1,
        };
        let cursor = Cursor { sequence: 0, at: Timestamp(0), created: Timestamp(1) };
        let reader = Box::new(Lines { left, open, cursor });
        Ok(Opened { reader, cursor, loss: None })
    }

    async fn fetch(&self, _: Source, _: u64) -> Result<Option<LogMessage>, PortError> {
        Ok(None)
    }

    async fn purge_lanes(&self, _: Needed) -> Result<(), PortError> {
        Ok(())
    }

    async fn purge_commands(&self, _: Partition, _: u64) -> Result<(), PortError> {
        Ok(())
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        Ok(now())
    }
}

#[async_trait]
impl Reader for Lines {
    async fn read(&mut self, max: usize) -> Result<Read, PortError> {
        // A watch that nobody can change any more is as open as it was.
        let _ = self.open.wait_for(|open| *open).await;
        let messages: Vec<LogMessage> = self.left.by_ref().take(max).collect();
        match messages.last() {
            Some(last) => {
                self.cursor.sequence = last.sequence;
                Ok(Read::Messages(messages))
            }
            None => {
                tokio::time::sleep(DRAINED_EVERY).await;
                Ok(Read::Drained(Cursor { at: now(), ..self.cursor }))
            }
        }
    }
}

#[async_trait]
impl Journal for Memory {
    async fn append(&self, _: Partition, after: u64, record: Bytes) -> Result<u64, AppendError> {
        tokio::time::sleep(APPEND_TAKES).await;
        let sequence = after + 1;
        *lock(&self.last) = Some(JournalEntry { sequence, at: now(), record });
        Ok(sequence)
    }

    async fn last(&self, _: Partition) -> Result<Option<JournalEntry>, PortError> {
        Ok(lock(&self.last).clone())
    }

    async fn read(&self, _: Partition, after: u64) -> Result<Vec<JournalEntry>, PortError> {
        Ok(lock(&self.last).iter().filter(|last| last.sequence > after).cloned().collect())
    }

    async fn purge(&self, _: Partition, _: u64) -> Result<(), PortError> {
        // The last record is all there is.
        Ok(())
    }

    async fn room(&self) -> Result<Room, PortError> {
        Ok(Room::default())
    }
}

#[async_trait]
impl Outbox for Memory {
    async fn send(&self, messages: Vec<Outgoing>) -> Vec<Result<Sent, SendError>> {
        let send = |message: Outgoing| {
            let sequence = self.told.fetch_add(1, Relaxed) + 1;
            if message.outlet == Outlet::Availability {
                let Outgoing { subject, payload, .. } = message;
                lock(&self.shown).insert(subject, (sequence, payload));
            }
            Ok(Sent { sequence, duplicate: false })
        };
        messages.into_iter().map(send).collect()
    }

    async fn answer(&self, _: &str, _: Bytes) -> Result<(), PortError> {
        self.told.fetch_add(1, Relaxed);
        Ok(())
    }

    async fn out_holds(&self, _: u64, _: &str) -> Result<bool, PortError> {
        Ok(true)
    }

    async fn ids(&self, _: Outlet, _: u64, _: &str) -> Result<Vec<(u64, String)>, PortError> {
        Ok(Vec::new())
    }

    async fn last_availability(&self, subject: &str) -> Result<Option<(u64, Bytes)>, PortError> {
        Ok(lock(&self.shown).get(subject).cloned())
    }

    async fn put_object(&self, _: &str, _: Bytes) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl Snapshots for Memory {
    async fn state(&self, _: Partition) -> Result<Option<(Position, Bytes)>, PortError> {
        Ok(lock(&self.snapshot).clone())
    }

    async fn load(
        &self,
        _: Partition,
        _: Position,
        keys: &[EntityKey],
    ) -> Result<At<Vec<Option<StoredEntity>>>, PortError> {
        Ok(At::Here(vec![None; keys.len()]))
    }

    async fn advance(&self, _: Partition, delta: &Delta) -> Result<At<()>, PortError> {
        *lock(&self.snapshot) = Some((delta.to, delta.state.clone()));
        Ok(At::Here(()))
    }

    async fn reset(&self, _: Partition, to: Position, state: Bytes) -> Result<(), PortError> {
        *lock(&self.snapshot) = Some((to, state));
        Ok(())
    }

    async fn due(
        &self,
        _: Partition,
        _: Position,
        _: DueClock,
        _: Timestamp,
        _: usize,
    ) -> Result<At<Vec<EntityKey>>, PortError> {
        Ok(At::Here(Vec::new()))
    }

    async fn note_committed(&self, _: Partition, _: Position) -> Result<(), PortError> {
        Ok(())
    }

    async fn committed(&self, _: Partition) -> Result<Option<Position>, PortError> {
        Ok(None)
    }
}
