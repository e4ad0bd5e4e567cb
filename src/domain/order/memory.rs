//! The ids of events that the order has decided, with what was said to each.
//!
//! Promise: a repeat is answered as the first time, for as long as the order lives; the same id for
//! something else is told apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    decision::{Cause, Verdict},
    ids::{EventKey, Fingerprint},
};

/// A decided event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// What it said.
    pub fingerprint: Fingerprint,
    /// What was said to it.
    pub verdict: Verdict,
}

/// Whether an event is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recall<'a> {
    /// Not yet.
    Unknown,
    /// It was decided.
    Repeat(&'a Verdict),
    /// Its id was used for something else.
    Conflict,
}

/// All decided events of an order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory(BTreeMap<EventKey, Box<Remembered>>);

impl Memory {
    /// Whether an event is known.
    pub fn recall(&self, cause: &Cause) -> Recall<'_> {
        match self.0.get(&cause.key) {
            None => Recall::Unknown,
            Some(first) if first.fingerprint == cause.fingerprint => Recall::Repeat(&first.verdict),
            Some(_) => Recall::Conflict,
        }
    }

    /// What was said to an event.
    pub fn get(&self, key: EventKey) -> Option<&Remembered> {
        self.0.get(&key).map(|known| &**known)
    }

    /// Remembers an event.
    pub fn insert(&mut self, key: EventKey, remembered: Remembered) {
        self.0.insert(key, Box::new(remembered));
    }

    /// The ids of all that are remembered.
    pub fn keys(&self) -> impl Iterator<Item = EventKey> {
        self.0.keys().copied()
    }

    /// How many events are remembered.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
