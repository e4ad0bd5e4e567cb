//! What every entity can do: decide, apply, say what is due, and be taken apart into parts.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    decision::{Decision, Input},
    policy::Policy,
    time::Timestamp,
};

/// By which clock a deadline is judged.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum DueClock {
    /// How far both the settlement lane and the command log have been read: for promises.
    Settled,
    /// How far the demand lane has been read: for what waits for its cause.
    Demand,
}

/// The next deadline of an entity on one of its clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// On which clock.
    pub clock: DueClock,
    /// When: the entity wants [`Input::Deadline`] once the clock has passed this.
    pub at: Timestamp,
}

/// The moment of a decision.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// The decision's time; never before the last journaled time of the partition.
    pub now: Timestamp,
    /// The configured bounds and spans.
    pub policy: &'a Policy,
    /// There is more to do than can be done: what is new is refused `busy`, repeats are answered.
    pub busy: bool,
    /// An operator lets the event be decided, however much older than the horizon it is.
    pub late: bool,
}

impl<'a> Moment<'a> {
    /// A moment in which everything is decided.
    pub fn new(now: Timestamp, policy: &'a Policy) -> Moment<'a> {
        Moment { now, policy, busy: false, late: false }
    }
}

/// The name of a part of an entity, unique within it.
pub type PartKey = String;

/// A rule that must hold always was about to be broken, or a snapshot or fact does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach(pub String);

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Breach {}

/// A SKU or an order.
pub trait Entity: Sized {
    /// Its key.
    type Key: Clone + Unpin;
    /// What publishers say to it.
    type Event: Unpin;
    /// What other actors say to it.
    type Command: Unpin;
    /// What it writes down.
    type Fact: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Unpin;
    /// A part of its state as a snapshot keeps it. A change writes the parts that it changes.
    type Part: Clone + fmt::Debug + PartialEq + Serialize + DeserializeOwned + Unpin;

    /// An entity that nothing has happened to.
    fn new(key: Self::Key) -> Self;

    /// Decides. Changes nothing.
    fn decide(
        &self,
        input: &Input<Self::Event, Self::Command>,
        moment: &Moment<'_>,
    ) -> Decision<Self::Fact>;

    /// Applies one fact that was decided (or journaled) at `at`.
    fn apply(&mut self, fact: &Self::Fact, at: Timestamp) -> Result<(), Breach>;

    /// Steps are left of something decided before: the entity wants [`Input::Step`].
    fn has_steps_left(&self) -> bool;

    /// The next deadline on each clock that has one.
    fn dues(&self) -> Vec<Due>;

    /// The rule of conservation, as far as one transition can have broken it: cheap.
    fn check(&self) -> Result<(), Breach>;

    /// The rule of conservation, recomputed from everything: as expensive as the entity is large.
    fn audit(&self) -> Result<(), Breach>;

    /// Whether any part changed since they were last taken.
    fn has_changed(&self) -> bool;

    /// The parts that changed since the last call; `None` for one that is gone.
    fn take_changed_parts(&mut self) -> Vec<(PartKey, Option<Self::Part>)>;

    /// An entity from all its parts.
    fn from_parts(key: Self::Key, parts: Vec<(PartKey, Self::Part)>) -> Result<Self, Breach>;

    /// How often it changed.
    fn revision(&self) -> u64;
}
