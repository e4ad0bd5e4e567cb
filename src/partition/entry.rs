//! What a record holds: one entry for each input that changed something or was answered.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::books::Books;
use crate::{
    contract::Rejection,
    domain::{
        DueClock,
        brief::Brief,
        command::Command,
        decision::{Cause, GivenUp, Standing, Verdict},
        ids::EntityKey,
        order::OrderFact,
        outcome::{Outcome, Quantities},
        sku::SkuFact,
        time::Timestamp,
    },
    ports::{LogMessage, Position, Source},
};

/// The event at the root of a chain of causes: what outcomes name as their cause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The event's `source`.
    pub source: String,
    /// The event's `id`.
    pub id: String,
    /// The trace it belongs to (W3C).
    pub traceparent: Option<String>,
}

impl From<&Cause> for Origin {
    fn from(cause: &Cause) -> Origin {
        Origin {
            source: cause.source.clone(),
            id: cause.id.clone(),
            traceparent: cause.traceparent.clone(),
        }
    }
}

/// What made an entity decide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trigger {
    /// An event of a publisher.
    Event(Arc<Cause>),
    /// A command of another actor.
    Command {
        /// Who sent it.
        from: EntityKey,
        /// Its place in EARMARK_CMD.
        sequence: u64,
        /// The event that began it all.
        origin: Option<Origin>,
    },
    /// A deadline was reached.
    Deadline {
        /// On which clock.
        clock: DueClock,
        /// How far that clock had come.
        reached: Timestamp,
    },
    /// A step of something decided before; of a parked event, if it was one.
    Step {
        /// The parked event.
        settles: Option<Arc<Cause>>,
    },
}

impl Trigger {
    /// The event to be answered, if there is one.
    pub fn cause(&self) -> Option<&Cause> {
        match self {
            Trigger::Event(cause) => Some(cause),
            Trigger::Step { settles } => settles.as_deref(),
            Trigger::Command { .. } | Trigger::Deadline { .. } => None,
        }
    }

    /// The event that outcomes name as their cause.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Trigger::Command { origin, .. } => origin.clone(),
            Trigger::Event(_) | Trigger::Step { .. } | Trigger::Deadline { .. } => {
                self.cause().map(Origin::from)
            }
        }
    }
}

/// What changed, by the kind of entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Facts {
    /// Of a SKU.
    Sku(Vec<SkuFact>),
    /// Of an order.
    Order(Vec<OrderFact>),
}

impl Facts {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        match self {
            Facts::Sku(facts) => facts.is_empty(),
            Facts::Order(facts) => facts.is_empty(),
        }
    }
}

/// What a shop may show of a SKU after a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// How often the SKU has changed.
    pub revision: u64,
    /// Summed over its locations.
    pub total: Quantities,
}

/// An entity's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// Who decided.
    pub entity: EntityKey,
    /// Upon what.
    pub trigger: Trigger,
    /// What changed.
    pub facts: Facts,
    /// What the world is told.
    pub outcomes: Vec<Outcome>,
    /// What other actors are told.
    pub commands: Vec<Command>,
    /// Parked events that nothing will come of.
    pub given_up: Vec<GivenUp>,
    /// What the requester is told.
    pub verdict: Verdict,
    /// How the verdict came about.
    pub standing: Standing,
    /// A SKU's quantities afterwards, where something changed or a dead letter says them.
    pub shown: Option<Shown>,
    /// What changed of its partition's books.
    pub books: Option<Books>,
}

/// Where a message was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadAt {
    /// From which source.
    pub source: Source,
    /// Its sequence there.
    pub sequence: u64,
    /// When the log took it.
    pub at: Timestamp,
    /// The subject under which it is stored.
    pub subject: String,
}

impl ReadAt {
    /// Where this message was read.
    pub fn of(source: Source, message: &LogMessage) -> ReadAt {
        let LogMessage { sequence, at, ref subject, .. } = *message;
        ReadAt { source, sequence, at, subject: subject.clone() }
    }
}

/// What is decided alone, so that a death would tell of what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InHand {
    /// Where the message was read.
    pub read: ReadAt,
    /// The entity that it has waited for, if it has: only this entity's input of it is in hand.
    pub waited_for: Option<EntityKey>,
}

/// One entry of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// The first record of a partition: nothing has happened yet.
    Genesis,
    /// A pod took the partition over.
    TakenOver,
    /// The pod that had the partition begins anew: a store had lost something, and nobody died.
    Resumed,
    /// The pod is about to decide this, alone: it has died hereabouts before.
    InHand(InHand),
    /// An entity decided.
    Decided(Box<Decided>),
    /// A message was no input of any entity, and went to the dead letters.
    Rejected {
        /// Where it was read.
        read: ReadAt,
        /// Why.
        rejection: Box<Rejection>,
    },
    /// An entity's code failed on an input. The input is a dead letter, the entity decides no more.
    Quarantined {
        /// The entity.
        entity: EntityKey,
        /// Where the input was read, if it was read.
        read: Option<ReadAt>,
        /// What failed.
        why: String,
    },
    /// An input waits for its entity.
    Waiting {
        /// The entity.
        entity: EntityKey,
        /// Where the input was read.
        read: ReadAt,
        /// Which of the messages' inputs it is, from 0 (a command message carries several).
        index: u32,
    },
    /// The oldest waiting inputs of an entity were decided, or went to the dead letters.
    WaitedOut {
        /// The entity.
        entity: EntityKey,
        /// How many.
        inputs: u32,
    },
    /// A source was not what its cursor remembered.
    Lost {
        /// The source.
        source: Source,
        /// What was lost, in words.
        what: String,
    },
    /// The owner has handed the partition over: all that was decided has left. Since format 2.
    Left,
    /// An operator began the partition anew from an archived snapshot, in a new incarnation: it is
    /// what the archive says, and nothing before this record counts.
    Reseeded {
        /// The archive.
        archive: String,
        /// Where it stood.
        from: Position,
        /// Who did it.
        by: String,
        /// Why.
        why: String,
    },
    /// An operator accepted that what came after the record before this one is lost, and began a
    /// new incarnation.
    LossAccepted {
        /// The last that was known to be committed.
        known: Position,
        /// Who did it.
        by: String,
        /// Why.
        why: String,
    },
    /// An operator let a quarantined entity decide again; what had waited for it is decided next.
    /// Since format 2.
    Reinstated {
        /// The entity.
        entity: EntityKey,
        /// Who did it.
        by: String,
        /// Why.
        why: String,
    },
    /// An operator let an event be decided however late it is. Since format 2.
    LateAllowed {
        /// Whose event it is.
        entity: EntityKey,
        /// The event's `source`.
        source: String,
        /// Its `id`.
        id: String,
        /// Who did it.
        by: String,
        /// Why.
        why: String,
    },
    /// How an entity stood before the next entry, which is of the same record and the same entity
    /// and makes a dead letter. Since format 2.
    Stood(Box<Brief>),
}
