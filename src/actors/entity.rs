//! The shell of one entity: takes a batch of inputs, decides and applies them one after another.
//!
//! The handler is synchronous, and a panic in the entity's code ends neither the actor nor the
//! batch: the failing input is reported, the inputs behind it are left untouched.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use actix::{Actor, Context, Handler, Message};
use bytes::Bytes;
use serde::Serialize;

use super::{Hosted, Stage, Tap};
use crate::{
    domain::{
        Breach, Due, DueClock, Entity, Moment, PartKey,
        brief::Brief,
        decision::{Decision, Input, Standing, Verdict},
        ids::EntityKey,
        outcome::Outcome,
        policy::Policy,
        refusal::Reason,
        time::Timestamp,
    },
    encode::encode_onto,
    inspecting::View,
    mutants::{self, Mutant},
    partition::{
        books::Books,
        entry::{Decided, Trigger},
    },
};

/// The largest decision, in bytes: one must fit a record, and a record a message.
const DECISION_BYTES_MAX: usize = 640 * 1024;
/// A decision of fewer facts, commands and outcomes fits without being measured.
const DECISION_PARTS_SMALL: usize = 100;

/// An entity in its own actor.
pub struct EntityActor<E: Hosted> {
    key: EntityKey,
    entity: E,
    /// The sequence of the last journaled record whose facts came by [`Fold`].
    folded_to: u64,
}

/// An input and where it came from.
pub struct Task<I> {
    /// Its place among the inputs of the batch.
    pub index: usize,
    /// What the journal will name as its cause.
    pub trigger: Trigger,
    /// The input.
    pub input: I,
    /// If it is new, it is refused `busy`.
    pub busy: bool,
    /// It may be older than the horizon.
    pub late: bool,
}

type TaskOf<E> = Task<Input<<E as Entity>::Event, <E as Entity>::Command>>;

/// Inputs to decide, in order.
pub struct Work<E: Hosted> {
    /// The inputs.
    pub tasks: Vec<TaskOf<E>>,
    /// The time of the decisions.
    pub now: Timestamp,
    /// The configured bounds.
    pub policy: Arc<Policy>,
    /// Sees each input.
    pub tap: Option<Tap>,
}

/// What became of one input.
#[derive(Debug)]
pub enum Done {
    /// It was decided, and something is to be written down or answered.
    Decided {
        /// What was decided.
        decided: Box<Decided>,
        /// How the entity stood before, where a dead letter is to say so.
        stood: Option<Box<Brief>>,
    },
    /// Nothing came of it.
    Nothing,
    /// The entity's code failed on it.
    Failed {
        /// What failed.
        why: String,
        /// How the entity stood before, if it is there to be asked.
        stood: Option<Box<Brief>>,
    },
    /// An input before it failed.
    Untouched,
}

/// How an entity stands after what it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// It has changed parts that nobody has taken.
    pub parts: bool,
    /// The next deadline on each clock.
    pub dues: Dues,
    /// Steps are left of something decided before.
    pub steps_left: bool,
}

/// The next deadline on each clock.
type Dues = [(DueClock, Option<Timestamp>); 2];

/// Asks for what changed since this was last asked.
pub struct TakeChanged;

/// What changed of an entity, for a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The changed parts, encoded; `None` for one that is gone.
    pub parts: Vec<(PartKey, Option<Bytes>)>,
    /// The next deadline on each clock.
    pub dues: Dues,
}

/// Show yourself, and say what a change would.
#[derive(Message)]
#[rtype(result = "Result<(Option<View>, Change), Breach>")]
pub struct Look;

/// What became of a batch of inputs.
#[derive(Debug)]
pub struct Worked {
    /// What became of each, by its place in the batch.
    pub done: Vec<(usize, Done)>,
    /// What changed; `None` if the entity's memory can no longer be trusted.
    pub change: Option<Change>,
}

/// How an entity stood before a decision.
struct Before {
    books: Books,
    brief: Brief,
}

/// Journaled facts to apply, without deciding anything.
pub struct Fold<E: Hosted> {
    /// The sequence of each record, its time, and its facts. Those folded before are skipped.
    pub records: Vec<(u64, Timestamp, Vec<E::Fact>)>,
}

impl<E: Hosted> Work<E> {
    fn tap(&self, stage: Stage, key: &EntityKey, trigger: &Trigger) {
        if let Some(tap) = &self.tap {
            tap(stage, key, trigger);
        }
    }
}

impl<E: Hosted> Message for Work<E> {
    type Result = Result<Worked, ()>;
}

impl<E: Hosted> Message for Fold<E> {
    type Result = Result<Change, Breach>;
}

impl Message for TakeChanged {
    type Result = Result<Changed, Breach>;
}

impl<E: Hosted> Actor for EntityActor<E> {
    type Context = Context<Self>;
}

impl<E: Hosted> EntityActor<E> {
    /// A shell around an entity that has everything up to `folded_to`.
    pub fn new(key: EntityKey, entity: E, folded_to: u64) -> EntityActor<E> {
        EntityActor { key, entity, folded_to }
    }

    fn decide(&self, work: &Work<E>, task: &TaskOf<E>) -> Result<Decision<E::Fact>, String> {
        let (busy, late) = (task.busy, task.late);
        let moment = Moment { now: work.now, policy: &work.policy, busy, late };
        guarded(|| {
            work.tap(Stage::Deciding, &self.key, &task.trigger);
            fitting(self.entity.decide(&task.input, &moment), &task.trigger)
        })
    }

    fn apply(&mut self, facts: &[E::Fact], work: &Work<E>, task: &TaskOf<E>) -> Result<(), String> {
        guarded(|| {
            facts.iter().try_for_each(|fact| self.entity.apply(fact, work.now))?;
            work.tap(Stage::Applied, &self.key, &task.trigger);
            self.entity.check()
        })
    }

    fn decided(&self, trigger: Trigger, mut decision: Decision<E::Fact>, before: Before) -> Done {
        if mutants::is_in(Mutant::CommandNotJournaled) && matches!(trigger, Trigger::Command { .. })
        {
            decision.facts.clear();
        }
        let internal = matches!(trigger, Trigger::Deadline { .. } | Trigger::Step { .. });
        if internal && decision.facts.is_empty() && decision.commands.is_empty() {
            return Done::Nothing;
        }
        let trigger = match decision.answers {
            Some(cause) => Trigger::Step { settles: Some(cause) },
            None => trigger,
        };
        let mut outcomes = decision.outcomes;
        if let Verdict::Refused(refusal) = &decision.verdict
            && decision.standing == Standing::New
            && refusal.reason.is_said_aloud()
            && outcomes.is_empty()
        {
            outcomes.push(Outcome::EventRefused { refusal: refusal.clone() });
        }
        let facts = E::facts(decision.facts);
        // A dead letter says how its entity stood.
        let refused = decision.verdict.refused();
        let dead =
            decision.standing == Standing::New && refused.is_some_and(Reason::is_dead_letter);
        let shown = self.entity.shown().filter(|_| dead || !facts.is_empty());
        let is_told = shown.is_none() && (dead || !decision.given_up.is_empty());
        let stood = is_told.then(|| Box::new(before.brief));
        let decided = Box::new(Decided {
            entity: self.key.clone(),
            trigger,
            books: Some(self.entity.books().since(&before.books))
                .filter(|c| *c != Books::default()),
            shown,
            facts,
            outcomes,
            commands: decision.commands,
            given_up: decision.given_up,
            verdict: decision.verdict,
            standing: decision.standing,
        });
        Done::Decided { decided, stood }
    }

    fn change(&self) -> Change {
        let steps_left = self.entity.has_steps_left();
        let dues = by_clock(&self.entity.dues(), steps_left);
        Change { parts: self.entity.has_changed(), dues, steps_left }
    }

    fn take_changed(&mut self) -> Result<Changed, Breach> {
        let changed = self.entity.take_changed_parts();
        let (mut ends, mut bytes) = (Vec::with_capacity(changed.len()), Vec::new());
        for (name, part) in &changed {
            if let Some(part) = part {
                encode_onto(&mut bytes, part)
                    .map_err(|error| Breach(format!("part {name} cannot be encoded: {error}")))?;
            }
            ends.push(bytes.len());
        }
        // All in one piece of memory, of which each part has its own.
        let (mut begin, bytes) = (0, Bytes::from(bytes));
        let mut own = |end| bytes.slice(std::mem::replace(&mut begin, end)..end);
        let parts = changed.into_iter().zip(ends);
        let parts = parts.map(|((name, part), end)| (name, part.map(|_| own(end)))).collect();
        Ok(Changed { parts, dues: self.change().dues })
    }
}

/// A decision that fits a record of the journal. An event that asks for more is refused; what
/// nobody asked for and cannot be written down is a failure of the entity.
fn fitting<F: Serialize>(decision: Decision<F>, trigger: &Trigger) -> Result<Decision<F>, Breach> {
    let parts = decision.facts.len() + decision.commands.len() + decision.outcomes.len();
    if parts < DECISION_PARTS_SMALL {
        return Ok(decision);
    }
    let size = |bytes: postcard::Result<Vec<u8>>| bytes.map_or(usize::MAX, |bytes| bytes.len());
    let bytes = size(postcard::to_stdvec(&decision.facts))
        .saturating_add(size(postcard::to_stdvec(&decision.commands)))
        .saturating_add(size(postcard::to_stdvec(&decision.outcomes)));
    match (bytes > DECISION_BYTES_MAX, trigger) {
        (false, _) => Ok(decision),
        (true, Trigger::Event(_)) => Ok(Decision::refused(Reason::TooLarge)),
        (true, _) => Err(Breach(format!("a decision of {bytes} bytes does not fit a record"))),
    }
}

/// The earliest deadline on each clock. An entity with steps left is due at once: whoever looks for
/// deadlines of what is not live finds it, and takes them.
fn by_clock(dues: &[Due], steps_left: bool) -> Dues {
    [DueClock::Settled, DueClock::Demand].map(|clock| {
        let own = dues.iter().filter(|due| due.clock == clock).map(|due| due.at).min();
        let at_once = steps_left && clock == DueClock::Settled;
        (clock, if at_once { Some(Timestamp::default()) } else { own })
    })
}

/// What the words for a panic begin with; those for a breach of a rule do not.
pub const PANICKED: &str = "panicked: ";

/// Runs the entity's own code; a panic is a failure like any other.
fn guarded<T>(code: impl FnOnce() -> Result<T, Breach>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(code)) {
        Ok(result) => result.map_err(|breach| breach.0),
        Err(panic) => Err(format!("{PANICKED}{}", panic_text(panic.as_ref()))),
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".to_owned())
}

impl<E: Hosted> Handler<Work<E>> for EntityActor<E> {
    type Result = Result<Worked, ()>;

    fn handle(&mut self, mut work: Work<E>, _: &mut Context<Self>) -> Self::Result {
        let tasks = std::mem::take(&mut work.tasks);
        let mut done = Vec::with_capacity(tasks.len());
        let (mut failed, mut trusted) = (false, true);
        for task in tasks {
            if failed {
                done.push((task.index, Done::Untouched));
                continue;
            }
            let before = Before { books: self.entity.books(), brief: self.entity.in_brief() };
            let result = self.decide(&work, &task).and_then(|decision| {
                let applied = self.apply(&decision.facts, &work, &task);
                trusted = applied.is_ok();
                applied.map(|()| decision)
            });
            failed = result.is_err();
            let of = match result {
                Ok(decision) => self.decided(task.trigger, decision, before),
                Err(why) => Done::Failed { why, stood: Some(Box::new(before.brief)) },
            };
            done.push((task.index, of));
        }
        let change = trusted.then(|| self.change());
        Ok(Worked { done, change })
    }
}

impl<E: Hosted> Handler<Fold<E>> for EntityActor<E> {
    type Result = Result<Change, Breach>;

    fn handle(&mut self, fold: Fold<E>, _: &mut Context<Self>) -> Self::Result {
        for (sequence, at, facts) in fold.records {
            if sequence <= self.folded_to {
                continue;
            }
            guarded(|| facts.iter().try_for_each(|fact| self.entity.apply(fact, at)))
                .map_err(Breach)?;
            self.folded_to = sequence;
        }
        guarded(|| self.entity.check()).map_err(Breach)?;
        Ok(self.change())
    }
}

impl<E: Hosted> Handler<TakeChanged> for EntityActor<E> {
    type Result = Result<Changed, Breach>;

    fn handle(&mut self, _: TakeChanged, _: &mut Context<Self>) -> Self::Result {
        self.take_changed()
    }
}

impl<E: Hosted> Handler<Look> for EntityActor<E> {
    type Result = Result<(Option<View>, Change), Breach>;

    fn handle(&mut self, _: Look, _: &mut Context<Self>) -> Self::Result {
        guarded(|| Ok((self.entity.view(), self.change()))).map_err(Breach)
    }
}
