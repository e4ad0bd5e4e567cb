//! What operators order of all pods: `earmark.control.safe-mode` and `earmark.control.resume`,
//! requests that one of the pods answers.
//!
//! Promises: EARMARK_AUDIT has a change before it is made; a change is made on what its answer
//! calls `before`, whoever else changes the same; the note that says it lapses by itself.

use std::time::Duration;

use async_nats::{Client, Message, jetstream::Context};
use bytes::Bytes;
use futures::{StreamExt, stream::select};
use serde_json::json;

use super::{Connections, NatsLeases, api, audit, control, names};
use crate::{
    cluster::look,
    contract::{partition_of, time},
    control::{
        Answer, Bounds, Change, Changed, Order, Refused, Request, Resume, ResumeAnswer, Status,
        answer::Code, resume,
    },
    domain::time::Timestamp,
    ports::{Leases, NoteError, Partition, PortError},
};

/// How often a change is tried when others were faster.
const TRIES: usize = 10;
/// What to do when NATS did not do its part.
const LOOK: &str = "ask for \"status\", which says what is ordered, and ask again if need be";

/// Answers operators.
pub struct Desk {
    control: Context,
    leases: NatsLeases,
    pod: String,
    partitions: Partition,
    bounds: Bounds,
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
    ) -> Desk {
        let leases = NatsLeases::new(connections.leases.clone());
        let control = connections.control.clone();
        Desk { control, leases, pod: pod.to_owned(), partitions, bounds }
    }

    /// Answers one after another, for ever.
    pub async fn serve(self) {
        let hear = async |subject| {
            let group = names::CONTROL_GROUP.to_owned();
            self.control.client().queue_subscribe(subject, group).await
        };
        let (modes, resumes) = match (hear(names::SAFE_MODE).await, hear(names::RESUME).await) {
            (Ok(modes), Ok(resumes)) => (modes, resumes),
            (Err(error), _) | (_, Err(error)) => {
                return tracing::error!(%error, "operators are not heard");
            }
        };
        let mut asked = select(modes, resumes);
        while let Some(Message { subject, payload, reply, .. }) = asked.next().await {
            // A struct of texts and numbers is always JSON.
            let answer = match subject.as_str() {
                names::RESUME => serde_json::to_vec(&self.resume(&payload).await),
                _ => serde_json::to_vec(&self.answer(&payload).await),
            };
            let Some(reply) = reply else { continue };
            let bytes: Bytes = answer.unwrap_or_default().into();
            if let Err(error) = self.control.client().publish(reply, bytes).await {
                tracing::debug!(%error, "an answer to an operator did not leave");
            }
        }
    }

    async fn answer(&self, payload: &[u8]) -> Answer {
        let answer = match Request::parse(payload, self.bounds) {
            Ok(Request::Status) => self.status().await.map(Answer::Status),
            Ok(Request::Change(change)) => self.change(&change).await.map(Answer::Changed),
            Err(refused) => Err(refused),
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    async fn resume(&self, payload: &[u8]) -> ResumeAnswer {
        let resume = match Resume::parse(payload) {
            Ok(resume) => resume,
            Err(refused) => return ResumeAnswer::Refused(refused),
        };
        let said = self.say(&resume).await;
        said.unwrap_or_else(|error| ResumeAnswer::Refused(Refused::unavailable(&error)))
    }

    /// Writes an operator's word down where whoever serves the partition hears it.
    async fn say(&self, resume: &Resume) -> Result<ResumeAnswer, PortError> {
        let word = resume.word();
        let now = api::look(&self.control, names::CLUSTER_STREAM).await?.now;
        let what = json!({
            "at": time::format(now),
            "by": word.by,
            "reason": word.reason,
            "command": "resume",
            "pod": self.pod,
            "kind": word.kind,
            "key": word.key,
        });
        let audit = audit::write(&self.control, names::AUDIT_RESUME, &what).await?;
        let (_, revision) = self.leases.standing(&word.note()).await?;
        let lasts = resume::LASTS;
        let noted = self.leases.note(&word.note(), word.encode(), Some(revision), lasts).await;
        noted.map_err(|error| PortError::new("write the word down", error))?;
        let partition = partition_of(&resume.entity, self.partitions);
        Ok(ResumeAnswer::Said { resume: word, partition, audit })
    }

    async fn status(&self) -> Result<Status, Refused> {
        let found = self.find().await.map_err(|error| Refused::unavailable(&error))?;
        let view = look(&self.leases, self.partitions)
            .await
            .map_err(|error| Refused::unavailable(&error))?;
        Ok(Status::new(&self.pod, found.order, view.members(), found.now))
    }

    /// What is ordered; an order that is over is none.
    async fn find(&self) -> Result<Found, PortError> {
        let (noted, revision) = self.leases.standing(Order::KEY).await?;
        let now = api::look(&self.control, names::CLUSTER_STREAM).await?.now;
        let order = noted.and_then(|noted| Order::decode(&noted).ok());
        Ok(Found { order: order.filter(|order| order.counts(now)), revision, now })
    }

    async fn change(&self, change: &Change) -> Result<Changed, Refused> {
        for _ in 0..TRIES {
            let found = self.find().await.map_err(|error| Refused::unavailable(&error))?;
            let after = change.order(found.now);
            let audited = self.audit(change, &found, after.as_ref(), "begins").await;
            let audited = audited.map_err(|error| Refused::unavailable(&error))?;
            let phase = match self.write(change, after.as_ref(), found.revision).await {
                Ok(()) => "done",
                Err(NoteError::Taken) => "overtaken",
                Err(NoteError::Later(_)) => "uncertain",
            };
            if let Err(error) = self.audit(change, &found, after.as_ref(), phase).await {
                tracing::warn!(phase, %error, "the audit does not say what came of a change");
            }
            match phase {
                "done" => {
                    let states = (found.order, after);
                    return Ok(Changed::new(change.set, &self.pod, states, audited));
                }
                "overtaken" => {}
                _ => {
                    let text = "it is not certain whether it was changed: NATS did not answer";
                    return Err(Refused::other(Code::Unavailable, text.to_owned(), LOOK));
                }
            }
        }
        let text = format!("nothing was changed: others changed it, {TRIES} times in a row");
        Err(Refused::other(Code::Contended, text, LOOK))
    }

    async fn write(
        &self,
        change: &Change,
        order: Option<&Order>,
        after: u64,
    ) -> Result<(), NoteError> {
        match (order, change.level) {
            (Some(order), Some((_, for_s))) => {
                let lasts = Duration::from_secs(for_s);
                let noted = self.leases.note(Order::KEY, order.encode(), Some(after), lasts).await;
                noted.map(drop)
            }
            _ => self.leases.take_away(Order::KEY, after).await,
        }
    }

    async fn audit(
        &self,
        change: &Change,
        found: &Found,
        after: Option<&Order>,
        phase: &str,
    ) -> Result<u64, PortError> {
        let what = json!({
            "at": time::format(found.now),
            "by": change.who.by,
            "reason": change.who.reason,
            "command": "safe-mode",
            "set": change.set,
            "phase": phase,
            "pod": self.pod,
            "before": found.order,
            "after": after,
        });
        audit::write(&self.control, names::AUDIT_SAFE_MODE, &what).await
    }
}

/// Asks the pods about safe mode; nothing if none listens.
///
/// # Errors
/// No answer came in time, or none that can be understood.
pub async fn ask(
    client: &Client,
    request: &serde_json::Value,
    within: Duration,
) -> Result<Option<Answer>, PortError> {
    control::ask(client, names::SAFE_MODE, request, within).await
}

/// Asks the pods to let a quarantined entity decide again; nothing if none listens.
///
/// # Errors
/// No answer came in time, or none that can be understood.
pub async fn ask_to_resume(
    client: &Client,
    request: &serde_json::Value,
    within: Duration,
) -> Result<Option<ResumeAnswer>, PortError> {
    control::ask(client, names::RESUME, request, within).await
}
