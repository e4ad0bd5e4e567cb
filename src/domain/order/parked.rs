//! Events that came before the order they name.
//!
//! Promise: they wait in the order of their coming, each once, within a bound, until the order is
//! placed or their time is up; none vanishes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    decision::{Cause, Published},
    event::OrderEvent,
    time::Timestamp,
};

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The whole event.
    pub published: Published<OrderEvent>,
    /// Until when, in the log time of the demand lane.
    pub until: Timestamp,
}

/// All events that wait, by the number of their coming.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parking(BTreeMap<u64, Waiting>);

impl Parking {
    /// The one that came first.
    pub fn first(&self) -> Option<(u64, &Waiting)> {
        self.0.first_key_value().map(|(number, waiting)| (*number, waiting))
    }

    /// The one that came with the same id.
    pub fn find(&self, cause: &Cause) -> Option<&Waiting> {
        self.0.values().find(|waiting| waiting.published.cause.key == cause.key)
    }

    /// Those whose time was up before `reached`.
    pub fn overdue(&self, reached: Timestamp) -> impl Iterator<Item = (u64, &Waiting)> {
        let all = self.0.iter().map(|(number, waiting)| (*number, waiting));
        all.filter(move |(_, waiting)| waiting.until < reached)
    }

    /// When the next one's time is up.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.0.values().map(|waiting| waiting.until).min()
    }

    /// The number for the next to come.
    pub fn next_number(&self) -> u64 {
        self.0.last_key_value().map_or(0, |(number, _)| number.saturating_add(1))
    }

    /// The one with a number.
    pub fn get(&self, number: u64) -> Option<&Waiting> {
        self.0.get(&number)
    }

    /// Lets one wait.
    pub fn insert(&mut self, number: u64, waiting: Waiting) {
        self.0.insert(number, waiting);
    }

    /// Lets one go.
    pub fn remove(&mut self, number: u64) -> Option<Waiting> {
        self.0.remove(&number)
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// None waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
