//! What operators order of all pods: `earmark.control.safe-mode`, `.pause`, `.resume`,
//! `.allow-stale` and `.promotion`, requests that one of the pods answers.
//!
//! Promises: EARMARK_AUDIT has a change before it is made; a change is made on what its answer
//! calls `before`, whoever else changes the same; the note that says it lapses by itself, and
//! whoever serves the partition that it is about hears it. No more pauses, or words of a kind, are
//! let in than pods heed; two desks at once may let in a few more, and what ended at another one
//! or was said twice may count too much for a second.

use std::time::{Duration, Instant};

use async_nats::{Client, Message, SubscribeError, Subscriber, jetstream::Context};
use bytes::Bytes;
use futures::{StreamExt, stream::SelectAll};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Connections, NatsLeases, api,
    audit::{self, Audit, TRIES, contended},
    control, names,
};
use crate::{
    cluster::{HEEDED_MAX, look},
    contract::{partition_of, time},
    control::{
        AllowStale, Allowed, Answer, Bounds, Change, Changed, Order, PromotionBounds, Refused,
        Request, Status, Word, answer::Code, late, word,
    },
    domain::time::Timestamp,
    ports::{Leases, NoteError, Partition, PortError},
};

/// How long a count of what stands is used. Each takes a consumer, which the server keeps for half
/// a minute, and of which it has only so many.
const COUNTED_FOR: Duration = Duration::from_secs(1);

/// Answers operators.
pub struct Desk {
    pub(super) control: Context,
    pub(super) leases: NatsLeases,
    pub(super) pod: String,
    pub(super) partitions: Partition,
    bounds: Bounds,
    pub(super) promotions: PromotionBounds,
    counted: Option<Counted>,
}

/// What pods heed so many of, and no more.
#[derive(Clone, Copy)]
enum Kind {
    Pause,
    Resume,
    AllowStale,
}

/// How many of each kind stood when they were counted, with what was changed at this desk since.
struct Counted {
    at: Instant,
    standing: [usize; 3],
}

/// What was ordered when it was looked, where that stands, and when that was.
struct Found {
    order: Option<Order>,
    revision: u64,
    now: Timestamp,
}

impl Desk {
    /// A desk of this pod's.
    pub fn new(
        connections: &Connections,
        pod: &str,
        partitions: Partition,
        bounds: Bounds,
        promotions: PromotionBounds,
    ) -> Desk {
        let leases = NatsLeases::new(connections.leases.clone());
        let control = connections.control.clone();
        let (pod, counted) = (pod.to_owned(), None);
        Desk { control, leases, pod, partitions, bounds, promotions, counted }
    }

    /// Answers one after another, for ever.
    pub async fn serve(mut self) {
        let mut asked = match self.hear().await {
            Ok(asked) => asked,
            Err(error) => return tracing::error!(%error, "operators are not heard"),
        };
        while let Some(Message { subject, payload, reply, .. }) = asked.next().await {
            let bytes = match &*subject {
                names::PROMOTION => encoded(&self.promotion(&payload).await),
                _ => {
                    encoded(&self.answer(&subject, &payload).await.unwrap_or_else(Answer::Refused))
                }
            };
            let Some(reply) = reply else { continue };
            if let Err(error) = self.control.client().publish(reply, bytes).await {
                tracing::debug!(%error, "an answer to an operator did not leave");
            }
        }
    }

    async fn hear(&self) -> Result<SelectAll<Subscriber>, SubscribeError> {
        let mut asked = SelectAll::new();
        let orders = [names::SAFE_MODE, names::PAUSE, names::RESUME, names::ALLOW_STALE];
        for subject in orders.into_iter().chain([names::PROMOTION]) {
            let group = names::CONTROL_GROUP.to_owned();
            asked.push(self.control.client().queue_subscribe(subject, group).await?);
        }
        Ok(asked)
    }

    async fn answer(&mut self, subject: &str, payload: &[u8]) -> Result<Answer, Refused> {
        let change = match subject {
            names::PAUSE => Change::pause(payload, self.partitions, self.bounds)?,
            names::RESUME => Change::resume(payload, self.partitions)?,
            names::ALLOW_STALE => {
                let asked = AllowStale::parse(payload)?;
                let unavailable = |error| Refused::unavailable(&error);
                let now = self.now().await.map_err(unavailable)?;
                self.has_room_for(Kind::AllowStale, now).await?;
                let allowed = self.allow(&asked, now).await.map_err(unavailable)?;
                self.count(Kind::AllowStale, 1);
                return Ok(Answer::Allowed(allowed));
            }
            _ => match Request::parse(payload, self.bounds)? {
                Request::Status => return self.status().await.map(Answer::Status),
                Request::Change(change) => change,
            },
        };
        self.change(&change).await.map(Answer::Changed)
    }

    async fn status(&self) -> Result<Status, Refused> {
        let unavailable = |error| Refused::unavailable(&error);
        let now = self.now().await.map_err(unavailable)?;
        let view = look(&self.leases, self.partitions).await.map_err(unavailable)?;
        Ok(Status::new(&self.pod, view.orders(now), view.members(), now))
    }

    /// The server's time.
    pub(super) async fn now(&self) -> Result<Timestamp, PortError> {
        Ok(api::look(&self.control, names::CLUSTER_STREAM).await?.now)
    }

    /// What is ordered there; an order that is over is none.
    async fn find(&self, key: &str) -> Result<Found, PortError> {
        let (noted, revision) = self.leases.standing(key).await?;
        let now = self.now().await?;
        let order = noted.and_then(|noted| Order::decode(&noted).ok());
        Ok(Found { order: order.filter(|order| order.counts(now)), revision, now })
    }

    async fn change(&mut self, change: &Change) -> Result<Changed, Refused> {
        let key = change.what.note();
        for _ in 0..TRIES {
            let found = self.find(&key).await.map_err(|error| Refused::unavailable(&error))?;
            match (change.set, &found.order) {
                ("pause", None) => self.has_room_for(Kind::Pause, found.now).await?,
                ("resume", None) if change.what.entity().is_some() => {
                    self.has_room_for(Kind::Resume, found.now).await?;
                }
                _ => {}
            }
            let after = change.order(found.now);
            let write = self.write(change, after.as_ref(), found.revision);
            let audit = Audit { context: &self.control, subject: audited_as(change) };
            let what = self.what(change, &found, after.as_ref());
            let Some(audit) = audit.around(what, write).await? else { continue };
            let entity = change.what.entity();
            match (change.set, &found.order) {
                ("pause", None) => self.count(Kind::Pause, 1),
                ("resume", order) => {
                    self.count(Kind::Pause, -isize::from(order.is_some()));
                    self.count(Kind::Resume, isize::from(entity.is_some()));
                }
                _ => {}
            }
            let partition = entity.map(|entity| partition_of(&entity, self.partitions));
            let changed = Changed::new(change, &self.pod, found.order, after);
            return Ok(Changed { partition, audit, ..changed });
        }
        Err(contended())
    }

    /// Pods heed so many pauses, and words of each kind, and no more.
    async fn has_room_for(&mut self, kind: Kind, now: Timestamp) -> Result<(), Refused> {
        let lately = |counted: &Counted| counted.at.elapsed() < COUNTED_FOR;
        if !self.counted.as_ref().is_some_and(lately) {
            let view = look(&self.leases, self.partitions).await;
            let view = view.map_err(|error| Refused::unavailable(&error))?;
            let pauses = view.orders(now).pauses.len();
            let standing = [pauses, view.words().count(), view.late().count()];
            self.counted = Some(Counted { at: Instant::now(), standing });
        }
        let standing = self.counted.as_ref().map_or(0, |counted| counted.standing[kind as usize]);
        if standing < HEEDED_MAX {
            return Ok(());
        }
        let text = format!("nothing was changed: {standing} such orders stand, which is the most");
        let advice = "end some, or wait until some end; a lane or a partition can be paused whole";
        Err(Refused::other(Code::TooMany, text, advice))
    }

    fn count(&mut self, kind: Kind, more: isize) {
        if let Some(counted) = &mut self.counted {
            let standing = &mut counted.standing[kind as usize];
            *standing = standing.saturating_add_signed(more);
        }
    }

    /// Writes it down where all pods hear it.
    async fn write(
        &self,
        change: &Change,
        order: Option<&Order>,
        after: u64,
    ) -> Result<(), NoteError> {
        let key = change.what.note();
        if let (Some(order), Some(lasts)) = (order, change.lasts) {
            let lasts = Duration::from_secs(lasts);
            return self.leases.note(&key, order.encode(), Some(after), lasts).await.map(drop);
        }
        if let ("resume", Some(entity)) = (change.set, change.what.entity()) {
            // If it is quarantined, it decides again.
            let word = Word::of(&entity, &change.who);
            self.say(&word.note(), word.encode(), word::LASTS).await?;
        }
        self.leases.take_away(&key, after).await
    }

    /// Lets an event be decided however late it is.
    async fn allow(&self, asked: &AllowStale, now: Timestamp) -> Result<Allowed, PortError> {
        let word = asked.word(now);
        let what = json!({
            "at": time::format(now),
            "by": word.by,
            "reason": word.reason,
            "command": "allow-stale",
            "pod": self.pod,
            "kind": word.kind,
            "key": word.key,
            "event_source": word.source,
            "event_id": word.id,
        });
        let audit = audit::write(&self.control, names::AUDIT_ALLOW_STALE, &what).await?;
        let noted = self.say(&word.note(), word.encode(), late::LASTS).await;
        noted.map_err(|error| PortError::new("write the word down", error))?;
        let partition = partition_of(&asked.entity, self.partitions);
        Ok(Allowed { allowed: word, partition, audit })
    }

    /// Writes a word down that whoever serves its partition heeds, in place of an older one.
    async fn say(&self, note: &str, word: Bytes, lasts: Duration) -> Result<(), NoteError> {
        let standing = self.leases.standing(note).await;
        let (_, revision) = standing.map_err(|error| NoteError::Later(error.to_string()))?;
        self.leases.note(note, word, Some(revision), lasts).await.map(drop)
    }

    /// What the audit has of a change.
    fn what(&self, change: &Change, found: &Found, after: Option<&Order>) -> Value {
        let command = match change.set {
            "pause" | "resume" => change.set,
            _ => "safe-mode",
        };
        json!({
            "at": time::format(found.now),
            "by": change.who.by,
            "reason": change.who.reason,
            "command": command,
            "set": change.set,
            "what": change.what,
            "pod": self.pod,
            "before": found.order,
            "after": after,
        })
    }
}

fn audited_as(change: &Change) -> &'static str {
    match change.set {
        "pause" => names::AUDIT_PAUSE,
        "resume" => names::AUDIT_RESUME,
        _ => names::AUDIT_SAFE_MODE,
    }
}

fn encoded(answer: &impl Serialize) -> Bytes {
    // A struct of texts and numbers is always JSON.
    serde_json::to_vec(answer).unwrap_or_default().into()
}

/// Asks the pods at one of their subjects; nothing if none listens.
///
/// # Errors
/// No answer came in time, or none that can be understood.
pub async fn ask<A: DeserializeOwned>(
    client: &Client,
    subject: &str,
    request: &serde_json::Value,
    within: Duration,
) -> Result<Option<A>, PortError> {
    control::ask(client, subject, request, within).await
}
