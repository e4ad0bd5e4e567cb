//! Publishes with many acknowledgements on the way, and again what was not acknowledged.
//!
//! Promises: of one key and lane one event is on the way at a time, so the log has a key's events
//! in the order of their lines, also when some had to be repeated. A repeat is the same bytes
//! without a `Nats-Msg-Id`: the log may have it twice, and it is decided once.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use tokio::time::Instant;

use super::{
    lines::{Event, Refused},
    way::{Delivered, Undelivered, Way},
};
use crate::{
    config::checked,
    contract::{Rejection, partition_of},
    domain::{event::Lane, ids::EntityKey},
    error::Failure,
    ports::{Partition, Source},
};

/// The longest wait before a repeat.
const RETRY_MAX: Duration = Duration::from_secs(2);

/// The last sequence that was published, by partition and source.
pub type Published = BTreeMap<(Partition, Source), u64>;

/// Where an event went, or why it never goes.
type Went = Result<Delivered, Never>;

/// Why an event never goes.
enum Never {
    /// It is not taken.
    Refused(Box<Rejection>),
    /// Nothing goes this way.
    Closed(Failure),
}

/// What came of an event.
#[derive(Debug)]
pub enum Posted {
    /// The log has it.
    Acknowledged {
        /// Its size.
        bytes: usize,
        /// Whether it is decided cannot be heard here.
        unawaited: bool,
    },
    /// The log never takes it.
    Refused(Box<Refused>),
    /// Nothing goes this way any more.
    Closed(Failure),
}

/// Publishes events.
pub struct Sender {
    way: Arc<dyn Way>,
    in_flight_max: usize,
    retry_after: Duration,
    on_the_way: FuturesUnordered<BoxFuture<'static, (Event, Went)>>,
    /// By lane and key, what waits for the event that is on the way.
    behind: HashMap<(Lane, EntityKey), VecDeque<Event>>,
    waiting: usize,
    /// The last sequence of each key.
    published: HashMap<(Lane, EntityKey), u64>,
    trouble: Arc<Trouble>,
}

/// What publishing meets with.
#[derive(Default)]
struct Trouble {
    retried: AtomicU64,
    /// Events that wait because the stream is full, or since safe mode puts them off.
    full: AtomicU64,
    /// Events that wait for another reason.
    unanswered: AtomicU64,
}

impl Sender {
    /// Publishes by this way.
    pub fn new(way: Arc<dyn Way>, settings: &checked::Publish) -> Sender {
        Sender {
            way,
            in_flight_max: settings.in_flight_max,
            retry_after: settings.retry_after,
            on_the_way: FuturesUnordered::new(),
            behind: HashMap::new(),
            waiting: 0,
            published: HashMap::new(),
            trouble: Arc::default(),
        }
    }

    /// Whether nothing is on the way.
    pub fn is_empty(&self) -> bool {
        self.on_the_way.is_empty()
    }

    /// Whether one more event may be on the way.
    pub fn has_room(&self) -> bool {
        self.on_the_way.len() + self.waiting < self.in_flight_max
    }

    /// How many publishes were repeated.
    pub fn retried(&self) -> u64 {
        self.trouble.retried.load(Ordering::Relaxed)
    }

    /// What it waits for, in words, if publishing does not go on.
    pub fn waits_for(&self) -> Option<&'static str> {
        if self.trouble.full.load(Ordering::Relaxed) > 0 {
            Some("the log is full, or the pod puts off what is asked: waiting for room")
        } else if self.trouble.unanswered.load(Ordering::Relaxed) > 0 {
            Some("no acknowledgements: publishing again")
        } else {
            None
        }
    }

    /// The last sequence of each of so many partitions and each source.
    pub fn published(&self, partitions: Partition) -> Published {
        let mut last = Published::new();
        for ((lane, key), sequence) in &self.published {
            let place = (partition_of(key, partitions), Source::Lane(*lane));
            let of_place = last.entry(place).or_default();
            *of_place = (*of_place).max(*sequence);
        }
        last
    }

    /// Sends an event on its way, behind those of its subject.
    pub fn post(&mut self, event: Event) {
        let place = place(&event);
        match self.behind.get_mut(&place) {
            Some(behind) => {
                behind.push_back(event);
                self.waiting += 1;
            }
            None => {
                self.behind.insert(place, VecDeque::new());
                self.start(event);
            }
        }
    }

    fn start(&self, event: Event) {
        let (way, trouble) = (self.way.clone(), self.trouble.clone());
        let retry_after = self.retry_after;
        self.on_the_way.push(Box::pin(async move {
            let result = publish(&*way, &event, retry_after, &trouble).await;
            (event, result)
        }));
    }

    /// What came of the next event. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Posted> {
        let (event, result) = self.on_the_way.next().await?;
        let place = place(&event);
        let next = self.behind.get_mut(&place).and_then(VecDeque::pop_front);
        match next {
            Some(next) => {
                self.waiting -= 1;
                self.start(next);
            }
            None => {
                self.behind.remove(&place);
            }
        }
        Some(match result {
            Ok(delivered) => {
                if let Delivered::At(sequence) = delivered {
                    let last = self.published.entry(place).or_default();
                    *last = sequence.max(*last);
                }
                Posted::Acknowledged {
                    bytes: event.event.payload.len(),
                    unawaited: delivered == Delivered::Unawaited,
                }
            }
            Err(Never::Refused(rejection)) => Posted::Refused(Box::new(Refused {
                line: event.line,
                bytes: event.event.payload.len() as u64,
                rejection: *rejection,
            })),
            Err(Never::Closed(failure)) => Posted::Closed(failure),
        })
    }
}

fn place(event: &Event) -> (Lane, EntityKey) {
    (event.event.lane, event.event.key.clone())
}

/// Publishes until the log has it, or never will.
async fn publish(way: &dyn Way, event: &Event, retry_after: Duration, trouble: &Trouble) -> Went {
    let mut pause = retry_after;
    let mut waits: Option<&AtomicU64> = None;
    loop {
        let delivered = way.deliver(event.event.clone()).await;
        if let Some(counted) = waits.take() {
            counted.fetch_sub(1, Ordering::Relaxed);
        }
        let (counted, why) = match delivered {
            Ok(delivered) => return Ok(delivered),
            Err(Undelivered::Never(rejection)) => return Err(Never::Refused(rejection)),
            Err(Undelivered::Closed(failure)) => return Err(Never::Closed(failure)),
            Err(Undelivered::Full(why)) => (&trouble.full, why),
            Err(Undelivered::Unanswered(why)) => (&trouble.unanswered, why),
        };
        tracing::debug!(line = event.line, why, "published again");
        counted.fetch_add(1, Ordering::Relaxed);
        waits = Some(counted);
        trouble.retried.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

/// Events a second.
pub struct Pace {
    step: Option<Duration>,
    next: Instant,
}

/// How much of what was not used may be made up for.
const BURST: Duration = Duration::from_millis(50);

impl Pace {
    /// At most `rate` a second; as fast as can be without one.
    pub fn new(rate: Option<u32>) -> Pace {
        let step = rate.map(|rate| Duration::from_secs(1) / rate.max(1));
        Pace { step, next: Instant::now() }
    }

    /// Waits for the next event's time, then for the event. Dropping the future loses nothing.
    pub async fn then<T>(&self, ready: impl Future<Output = T>) -> T {
        if self.step.is_some() {
            tokio::time::sleep_until(self.next).await;
        }
        ready.await
    }

    /// One was published.
    pub fn spend(&mut self) {
        if let Some(step) = self.step {
            let earliest = Instant::now().checked_sub(BURST).unwrap_or(self.next);
            self.next = (self.next + step).max(earliest);
        }
    }
}
