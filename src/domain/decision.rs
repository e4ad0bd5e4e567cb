//! What comes of an input: a decision, as data. Nothing in it has happened yet.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    command::Command,
    event::Lane,
    ids::{EventKey, Fingerprint, LocationId},
    outcome::Outcome,
    refusal::{Reason, Refusal},
    time::Timestamp,
};

/// Where an event came from, and what its publisher said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The event's `source`.
    pub source: String,
    /// The event's `id`.
    pub id: String,
    /// The event's type as published, `hold.requested.v1`.
    pub kind: String,
    /// Both, hashed: the idempotency key.
    pub key: EventKey,
    /// What the event says, hashed.
    pub fingerprint: Fingerprint,
    /// When it happened, says the publisher.
    pub time: Timestamp,
    /// When the log took it.
    pub logged_at: Timestamp,
    /// By which lane.
    pub lane: Lane,
    /// Its sequence in EARMARK_IN.
    pub sequence: u64,
    /// The event's `expirytime`: later it is not worth deciding.
    pub expires_at: Option<Timestamp>,
    /// Where the answer goes.
    pub reply_to: Option<String>,
    /// The trace it belongs to (W3C).
    pub traceparent: Option<String>,
}

/// An event of a publisher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published<E> {
    /// Where it came from.
    pub cause: Arc<Cause>,
    /// What it says.
    pub event: E,
}

/// An input of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input<E, C> {
    /// A publisher said something.
    Event(Published<E>),
    /// Another actor said something.
    Command {
        /// What it said.
        command: C,
        /// Who said it.
        from: super::ids::EntityKey,
        /// The `time` of the fact that caused it.
        time: Timestamp,
        /// When the command log took it.
        logged_at: Timestamp,
    },
    /// A deadline that the entity asked for has been reached: everything logged before `reached` on
    /// that clock has been decided.
    Deadline {
        /// Which of the entity's clocks.
        clock: super::entity::DueClock,
        /// How far it has come.
        reached: Timestamp,
    },
    /// The entity has steps left of what it decided before.
    Step,
}

/// What the requester is told, now and at each repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Done; there is no more to say.
    Accepted,
    /// Believed and written down, without effect: a step that was implied, a fact older than the
    /// last count.
    Recorded,
    /// It waits for what it names.
    Parked,
    /// The hold stands.
    HoldGranted {
        /// Units asked for.
        requested: u32,
        /// Units promised, backordered ones included.
        quantity: u32,
        /// Of these, units beyond stock.
        backordered: u32,
        /// Where.
        location: LocationId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// The hold lasts longer.
    HoldExtended {
        /// Until when.
        expires_at: Timestamp,
    },
    /// It was refused.
    Refused(Refusal),
}

impl Verdict {
    /// The refusal's reason, if it is one.
    pub fn refused(&self) -> Option<Reason> {
        match self {
            Verdict::Refused(refusal) => Some(refusal.reason),
            _ => None,
        }
    }
}

/// How a verdict came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Decided now.
    New,
    /// The first answer, again.
    Repeated,
}

/// An event that the entity gives up on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenUp {
    /// Where it came from.
    pub cause: Arc<Cause>,
    /// Why.
    pub reason: Reason,
}

/// A decision: what is to be written down, and what is to be done once it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<F> {
    /// What changes, in order.
    pub facts: Vec<F>,
    /// What the world is told.
    pub outcomes: Vec<Outcome>,
    /// What other actors are told.
    pub commands: Vec<Command>,
    /// Parked events that nothing will come of.
    pub given_up: Vec<GivenUp>,
    /// The parked event that a step settled.
    pub answers: Option<Arc<Cause>>,
    /// What the requester is told.
    pub verdict: Verdict,
    /// How the verdict came about.
    pub standing: Standing,
}

impl<F> Decision<F> {
    /// A decision with a verdict and nothing else yet.
    pub fn new(verdict: Verdict) -> Self {
        Decision {
            facts: Vec::new(),
            outcomes: Vec::new(),
            commands: Vec::new(),
            given_up: Vec::new(),
            answers: None,
            verdict,
            standing: Standing::New,
        }
    }

    /// The first answer, again: nothing changes.
    pub fn repeated(verdict: Verdict) -> Self {
        Decision { standing: Standing::Repeated, ..Decision::new(verdict) }
    }

    /// A refusal that changes nothing.
    pub fn refused(refusal: impl Into<Refusal>) -> Self {
        Decision::new(Verdict::Refused(refusal.into()))
    }
}
