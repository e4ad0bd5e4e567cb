//! Events that came before the hold they name, waiting for it, bounded and with a deadline.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::hold::PromiseNo;
use crate::domain::{
    decision::Published,
    event::SkuEvent,
    ids::{EventKey, HoldName},
    time::Timestamp,
};

/// An event that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedEvent {
    /// Its place in the order of waiting.
    pub place: PromiseNo,
    /// The hold it waits for.
    pub hold: HoldName,
    /// Until when, in the log time of the demand lane.
    pub until: Timestamp,
    /// Whether what it waits for was refused: it need not wait any longer.
    pub in_vain: bool,
    /// The event.
    pub published: Published<SkuEvent>,
}

/// All events that wait, in the order in which they came. There are few (`parked_max`), so they
/// are searched one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Parking {
    waiting: BTreeMap<PromiseNo, ParkedEvent>,
}

impl Parking {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Those that wait, in order.
    pub fn iter(&self) -> impl Iterator<Item = &ParkedEvent> {
        self.waiting.values()
    }

    /// The one with this id.
    pub(super) fn find(&self, key: EventKey) -> Option<&ParkedEvent> {
        self.iter().find(|parked| parked.published.cause.key == key)
    }

    /// The one at this place.
    pub(super) fn at(&self, place: PromiseNo) -> Option<&ParkedEvent> {
        self.waiting.get(&place)
    }

    /// The earliest deadline.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.iter().map(|parked| parked.until).min()
    }

    pub(super) fn add(&mut self, parked: ParkedEvent) {
        self.waiting.insert(parked.place, parked);
    }

    pub(super) fn remove(&mut self, place: PromiseNo) -> Option<ParkedEvent> {
        self.waiting.remove(&place)
    }

    /// Nothing will come of what these wait for; returns their places.
    pub(super) fn despair_of(&mut self, hold: &HoldName) -> Vec<PromiseNo> {
        let vain = self.waiting.values_mut().filter(|parked| parked.hold == *hold);
        vain.map(|parked| {
            parked.in_vain = true;
            parked.place
        })
        .collect()
    }
}
