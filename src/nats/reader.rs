//! Reads one source of one partition, and stands up again by itself when its consumer is lost.
//!
//! Promises: sequences rise; nothing at or before the cursor is handed over and nothing after it is
//! left out; a consumer that is deleted, silent, out of order or lost with a connection is made
//! anew at the cursor, after the same checks for loss as at the start. `Drained` is said only when
//! the stream's end and the server's time were read first and the leader then had nothing for us.
//! Dropping the future of `read` loses neither a message nor progress.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures::{FutureExt, future::BoxFuture};
use tokio::time::Instant;

use super::{
    api::{self, StreamSeen, Wanted},
    feed::{Feed, FeedOf, Got, Item},
    holes::{margin, refilled},
    settings::ReaderSettings,
    watch::StreamWatch,
};
use crate::ports::{Cursor, LogMessage, Loss, PortError, Read, Reader, Source};

type Standing = BoxFuture<'static, Result<Feed, Fall>>;
type Checking = BoxFuture<'static, Result<Check, PortError>>;

/// Why a reader could not stand up.
enum Fall {
    Lost(Loss),
    NotNow(PortError),
}

/// What the leader says of what comes next.
struct Check {
    seen: StreamSeen,
    /// The place after which it was asked.
    after: u64,
    next: Option<u64>,
}

/// The reader.
pub(crate) struct NatsReader {
    watch: Arc<StreamWatch>,
    source: Source,
    filter: Arc<str>,
    settings: Arc<ReaderSettings>,
    cursor: Cursor,
    feed: Option<Feed>,
    standing: Option<Standing>,
    checking: Option<Checking>,
    /// How often standing up has failed since it last worked.
    failures: u32,
    /// When to find out whether all has been read.
    check_at: Instant,
    /// When the last message was handed over.
    got_at: std::time::Instant,
    /// Since when the leader has had a message that did not come, and which.
    withheld: Option<(Instant, u64)>,
}

impl NatsReader {
    /// A reader at a cursor that has been checked. Its consumer is made by the first `read`.
    pub fn new(
        watch: Arc<StreamWatch>,
        source: Source,
        filter: String,
        settings: Arc<ReaderSettings>,
        cursor: Cursor,
    ) -> NatsReader {
        NatsReader {
            watch,
            source,
            filter: filter.into(),
            check_at: Instant::now() + settings.drain_check(),
            settings,
            cursor,
            feed: None,
            standing: None,
            checking: None,
            failures: 0,
            got_at: std::time::Instant::now(),
            withheld: None,
        }
    }

    /// Makes a consumer at the cursor, trying again after a while.
    async fn stand(&mut self) -> Result<(), PortError> {
        loop {
            let standing = self.standing.get_or_insert_with(|| {
                let back_off = match self.failures {
                    0 => Duration::ZERO,
                    n => Duration::from_millis(50 << n.min(5)),
                };
                stand_up(
                    self.watch.clone(),
                    (self.source, self.filter.to_string()),
                    self.settings.clone(),
                    self.cursor,
                    back_off,
                )
                .boxed()
            });
            let outcome = standing.await;
            self.standing = None;
            match outcome {
                Ok(feed) => {
                    self.feed = Some(feed);
                    self.failures = 0;
                    self.withheld = None;
                    self.check_at = Instant::now() + self.settings.drain_check();
                    return Ok(());
                }
                Err(Fall::Lost(loss)) => {
                    return Err(self.error(format!("the log has lost something: {loss:?}")));
                }
                Err(Fall::NotNow(error)) => {
                    self.failures += 1;
                    tracing::warn!(filter = %self.filter, %error, "a reader cannot stand up");
                    if self.failures >= self.settings.attempts {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn fall(&mut self, why: &str) {
        tracing::warn!(filter = %self.filter, cursor = self.cursor.sequence, why,
            "a reader makes its consumer anew");
        self.feed = None;
        self.checking = None;
    }

    fn error(&self, why: impl std::fmt::Display) -> PortError {
        PortError::new(format!("read {} of {}", self.filter, self.watch.stream), why)
    }

    fn check_later(&mut self) {
        self.check_at = Instant::now() + self.settings.drain_check();
    }

    fn hand_over(&mut self, items: Vec<Item>) -> Read {
        self.check_later();
        // What it asks is old by now; and nobody may look at it soon, while others wait for it.
        self.checking = None;
        self.got_at = std::time::Instant::now();
        self.withheld = None;
        if let Some(last) = items.last() {
            self.cursor.sequence = last.sequence;
            self.cursor.at = self.cursor.at.max(last.at);
        }
        let message = |item: Item| LogMessage {
            sequence: item.sequence,
            at: item.at,
            subject: item.message.subject.into_string(),
            payload: item.message.payload,
        };
        Read::Messages(items.into_iter().map(message).collect())
    }

    /// What a check means, if nothing came while it ran.
    fn judge(&mut self, check: Check) -> Result<Option<Read>, PortError> {
        self.check_later();
        let asked_since = check.seen.asked > self.got_at;
        if check.seen.created != self.cursor.created
            || (asked_since && check.seen.last < self.cursor.sequence)
        {
            self.fall("the stream is not what it was");
            return Ok(None);
        }
        if check.after < self.cursor.sequence {
            return Ok(None);
        }
        if let Some(next) = check.next {
            let (since, _) = *self.withheld.get_or_insert_with(|| (Instant::now(), next));
            if since.elapsed() > self.settings.stalled() {
                self.fall("messages are there and do not come");
            }
            return Ok(None);
        }
        let margin = margin(&self.settings, check.seen.replicas);
        self.cursor.sequence = self.cursor.sequence.max(check.seen.last);
        self.cursor.at = self.cursor.at.max(check.seen.now - margin);
        Ok(Some(Read::Drained(self.cursor)))
    }
}

#[async_trait]
impl Reader for NatsReader {
    async fn read(&mut self, max: usize) -> Result<Read, PortError> {
        let max = max.max(1);
        loop {
            if self.feed.is_none() {
                self.stand().await?;
            }
            let Some(feed) = self.feed.as_mut() else { continue };
            let got = match &mut self.checking {
                None => feed.next(max, self.check_at).await,
                Some(checking) => {
                    let patience = Instant::now() + self.settings.heartbeat();
                    tokio::select! {
                        biased;
                        got = feed.next(max, patience) => got,
                        check = checking => {
                            self.checking = None;
                            // A check that failed says nothing: the feed's own watch stands.
                            match check {
                                Ok(check) => if let Some(read) = self.judge(check)? {
                                    return Ok(read);
                                },
                                Err(_) => self.check_later(),
                            }
                            continue;
                        }
                    }
                }
            };
            match got {
                Got::Items(items) => return Ok(self.hand_over(items)),
                Got::Broken(why) => self.fall(&why),
                Got::Quiet if self.checking.is_none() => {
                    self.checking = Some(
                        check(
                            self.watch.clone(),
                            self.filter.to_string(),
                            self.cursor.sequence,
                            self.settings.drain_check() / 2,
                        )
                        .boxed(),
                    );
                }
                Got::Quiet => {}
            }
        }
    }
}

/// Checks the cursor against the stream and makes a consumer there.
async fn stand_up(
    watch: Arc<StreamWatch>,
    of: (Source, String),
    settings: Arc<ReaderSettings>,
    cursor: Cursor,
    back_off: Duration,
) -> Result<Feed, Fall> {
    tokio::time::sleep(back_off).await;
    // What was asked over a connection that is gone is never answered: ask anew soon.
    let standing = make_consumer(&watch, of, &settings, cursor);
    tokio::time::timeout(settings.stalled(), standing).await.unwrap_or_else(|_| {
        let doing = format!("make a consumer of {}", watch.stream);
        Err(Fall::NotNow(PortError::new(doing, "no answer")))
    })
}

async fn make_consumer(
    watch: &StreamWatch,
    (source, filter): (Source, String),
    settings: &ReaderSettings,
    cursor: Cursor,
) -> Result<Feed, Fall> {
    let seen = watch.look().await.map_err(Fall::NotNow)?;
    if let (_, Some(loss)) = cursor.stand(source, &seen.extent()) {
        return Err(Fall::Lost(loss));
    }
    if let Some(loss) = refilled(watch, settings, cursor, &seen).await.map_err(Fall::NotNow)? {
        return Err(Fall::Lost(loss));
    }
    let of = FeedOf { stream: watch.stream, filter, after: cursor.sequence, headers_only: false };
    Feed::open(&watch.context, &of, settings).await.map_err(Fall::NotNow)
}

/// The stream's end and the server's time, and only then whether the leader has more for us.
async fn check(
    watch: Arc<StreamWatch>,
    filter: String,
    after: u64,
    age: Duration,
) -> Result<Check, PortError> {
    let seen = watch.look_within(age).await?;
    let next = api::get(&watch.context, watch.stream, Wanted::next(&filter, after + 1)).await?;
    Ok(Check { seen, after, next: next.map(|stored| stored.sequence) })
}
