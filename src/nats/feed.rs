//! One ephemeral consumer and the pull requests that we send to it ourselves.
//!
//! Promises: messages come in the stream's order, each once, none at or before the place where the
//! feed began, and none left out: a gap, silence, a reconnect or anything else that may have lost
//! one ends the feed with [`Got::Broken`]. What is on the way is bounded, in messages and bytes.
//!
//! A request is counted before the next message is looked at, by the task that looks; async-nats'
//! own pull stream counts it later, by another task, and can stop for 35 seconds.

use std::time::Duration;

use async_nats::jetstream::response::Response;
use async_nats::{Client, Message, StatusCode, Subscriber, jetstream::Context};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use serde_json::json;
use tokio::time::Instant;

use super::{api, cut::connects, place::Place, settings::ReaderSettings};
use crate::{domain::time::Timestamp, ports::PortError};

/// What a message takes beside what was published, at most: its subject and its place.
const PLACE_BYTES: usize = 4_096;

/// What a feed reads.
#[derive(Clone, Debug)]
pub(crate) struct FeedOf {
    pub stream: &'static str,
    pub filter: String,
    /// The first message comes after this sequence.
    pub after: u64,
    pub headers_only: bool,
}

/// A message and where it stood.
pub(crate) struct Item {
    pub sequence: u64,
    pub at: Timestamp,
    pub message: Message,
}

/// What a feed has to say.
pub(crate) enum Got {
    /// At least one message.
    Items(Vec<Item>),
    /// Nothing until the given moment.
    Quiet,
    /// The feed is of no more use.
    Broken(String),
}

/// A consumer that we pull from.
pub(crate) struct Feed {
    client: Client,
    subscriber: Subscriber,
    inbox: String,
    next: String,
    delete: String,
    request: Bytes,
    batch: usize,
    /// How many messages have been asked for and have not come.
    outstanding: usize,
    /// The consumer's sequence of the last message.
    received: u64,
    /// The stream's sequence of the last message.
    position: u64,
    heard: Instant,
    patience: Duration,
    connects: u64,
}

impl Feed {
    /// Creates the consumer. Nothing is asked of it yet.
    pub async fn open(
        context: &Context,
        of: &FeedOf,
        settings: &ReaderSettings,
    ) -> Result<Feed, PortError> {
        let error = |why: String| {
            PortError::new(format!("create a consumer of {} for {}", of.stream, of.filter), why)
        };
        let client = context.client();
        let connects = connects(&client);
        let name = format!("earmark-{:032x}", rand::random::<u128>());
        let inbox = client.new_inbox();
        let subscriber = client.subscribe(inbox.clone()).await.map_err(|e| error(e.to_string()))?;
        let subject = format!("CONSUMER.CREATE.{}.{name}.{}", of.stream, of.filter);
        let answer: Response<serde::de::IgnoredAny> =
            api::request(context, subject, &consumer(of, &name, settings)).await.map_err(error)?;
        if let Response::Err { error: why } = answer {
            return Err(error(why.to_string()));
        }
        let heartbeat = settings.heartbeat();
        // A message that no request has room for would stop its lane.
        let largest = client.server_info().max_payload + PLACE_BYTES;
        let request = json!({
            "batch": settings.batch,
            "max_bytes": settings.batch_bytes.max(largest),
            "expires": nanos(settings.expires()),
            "idle_heartbeat": nanos(heartbeat),
        });
        Ok(Feed {
            subscriber,
            next: format!("$JS.API.CONSUMER.MSG.NEXT.{}.{name}", of.stream),
            delete: format!("$JS.API.CONSUMER.DELETE.{}.{name}", of.stream),
            client,
            inbox,
            request: request.to_string().into(),
            batch: settings.batch,
            outstanding: 0,
            received: 0,
            position: of.after,
            heard: Instant::now(),
            patience: heartbeat * 2,
            connects,
        })
    }

    /// The sequence of the last message, or where the feed began.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Up to `max` messages, waiting for the first until `until`. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self, max: usize, until: Instant) -> Got {
        loop {
            if let Some(got) = self.take_arrived(max) {
                return got;
            }
            if connects(&self.client) != self.connects {
                return Got::Broken("the connection was lost".to_owned());
            }
            if let Err(why) = self.ask_if_low().await {
                return Got::Broken(why);
            }
            let silent = self.heard + self.patience;
            match tokio::time::timeout_at(until.min(silent), self.subscriber.next()).await {
                Ok(Some(message)) => match self.take(message) {
                    Ok(None) => {}
                    Ok(Some(item)) => return self.take_more(item, max),
                    Err(why) => return Got::Broken(why),
                },
                Ok(None) => return Got::Broken("the subscription ended".to_owned()),
                Err(_) if Instant::now() >= silent => {
                    return Got::Broken(format!("no heartbeat for {:?}", self.patience));
                }
                Err(_) => return Got::Quiet,
            }
        }
    }

    /// What has arrived already; `None` if that is nothing to tell.
    fn take_arrived(&mut self, max: usize) -> Option<Got> {
        while let Some(message) = self.arrived() {
            match self.take(message) {
                Ok(None) => {}
                Ok(Some(item)) => return Some(self.take_more(item, max)),
                Err(why) => return Some(Got::Broken(why)),
            }
        }
        None
    }

    /// This message and what has arrived after it. A break is met again by the next call, when
    /// these have been handed over: nothing comes in order any more.
    fn take_more(&mut self, first: Item, max: usize) -> Got {
        let mut items = Vec::with_capacity(max.min(self.outstanding + 1));
        items.push(first);
        while items.len() < max {
            let Some(message) = self.arrived() else { break };
            match self.take(message) {
                Ok(None) => {}
                Ok(Some(item)) => items.push(item),
                Err(_) => {
                    // No count of connections is this one: broken from now on.
                    self.connects = u64::MAX;
                    break;
                }
            }
        }
        Got::Items(items)
    }

    fn arrived(&mut self) -> Option<Message> {
        tokio::task::unconstrained(self.subscriber.next()).now_or_never().flatten()
    }

    /// Asks for another batch when less than half of one is on the way.
    async fn ask_if_low(&mut self) -> Result<(), String> {
        if self.outstanding * 2 > self.batch {
            return Ok(());
        }
        let sent = self.client.publish_with_reply(
            self.next.clone(),
            self.inbox.clone(),
            self.request.clone(),
        );
        sent.await.map_err(|e| e.to_string())?;
        if self.outstanding == 0 {
            self.heard = Instant::now();
        }
        self.outstanding += self.batch;
        Ok(())
    }

    /// A message, or what the server says of our requests.
    fn take(&mut self, message: Message) -> Result<Option<Item>, String> {
        self.heard = Instant::now();
        // A publisher can give a message a status line, but only the server writes its reply.
        let place = message.reply.as_deref().and_then(Place::parse);
        let Some(place) = place else {
            return self.hear(&message).map(|()| None);
        };
        if place.consumer_sequence != self.received + 1 {
            return Err(format!(
                "message {} of the consumer came after {}",
                place.consumer_sequence, self.received
            ));
        }
        self.received = place.consumer_sequence;
        self.outstanding = self.outstanding.saturating_sub(1);
        if place.sequence <= self.position {
            return Ok(None);
        }
        self.position = place.sequence;
        let at = api::from_nanos(place.nanos)?;
        Ok(Some(Item { sequence: place.sequence, at, message }))
    }

    fn hear(&mut self, message: &Message) -> Result<(), String> {
        let number = |name: &str| -> Option<u64> {
            message.headers.as_ref()?.get(name)?.as_str().parse().ok()
        };
        match message.status {
            Some(StatusCode::IDLE_HEARTBEAT) => match number("Nats-Last-Consumer") {
                Some(last) if last != self.received => {
                    Err(format!("{last} messages were sent and {} came", self.received))
                }
                _ => Ok(()),
            },
            // A request that ended with so many messages not sent.
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND | StatusCode::REQUEST_TERMINATED)
                if number("Nats-Pending-Messages").is_some() =>
            {
                let unsent = number("Nats-Pending-Messages").unwrap_or_default();
                let unsent = usize::try_from(unsent).unwrap_or(usize::MAX);
                self.outstanding = self.outstanding.saturating_sub(unsent);
                Ok(())
            }
            status => Err(format!(
                "the server answers {status:?} {}",
                message.description.as_deref().unwrap_or_default()
            )),
        }
    }
}

impl Drop for Feed {
    /// Tells the server, which would find out by itself later.
    fn drop(&mut self) {
        let (client, subject) = (self.client.clone(), std::mem::take(&mut self.delete));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { client.publish(subject, Bytes::new()).await });
        }
    }
}

fn consumer(of: &FeedOf, name: &str, settings: &ReaderSettings) -> serde_json::Value {
    json!({
        "stream_name": of.stream,
        "action": "create",
        "config": {
            "name": name,
            "deliver_policy": "by_start_sequence",
            "opt_start_seq": of.after + 1,
            "ack_policy": "none",
            "replay_policy": "instant",
            "filter_subject": of.filter,
            "inactive_threshold": nanos(settings.inactive()),
            "headers_only": of.headers_only,
            "num_replicas": 1,
            "mem_storage": true,
        },
    })
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
