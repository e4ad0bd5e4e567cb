//! The deadlines of the live entities of a partition, in the order in which they are reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{DueClock, ids::EntityKey, time::Timestamp};

type Deadline = (Timestamp, EntityKey);

/// The next deadline of each live entity on each clock.
#[derive(Debug, Default)]
pub struct Dues {
    by_time: BTreeMap<DueClock, BTreeSet<Deadline>>,
    by_entity: BTreeMap<(DueClock, EntityKey), Timestamp>,
}

impl Dues {
    /// Sets (or forgets) an entity's next deadlines.
    pub fn set(&mut self, key: &EntityKey, dues: &[(DueClock, Option<Timestamp>); 2]) {
        for (clock, at) in dues {
            let slot = (*clock, key.clone());
            let times = self.by_time.entry(*clock).or_default();
            if let Some(before) = self.by_entity.remove(&slot) {
                times.remove(&(before, key.clone()));
            }
            if let Some(at) = at {
                times.insert((*at, key.clone()));
                self.by_entity.insert(slot, *at);
            }
        }
    }

    /// Forgets an entity.
    pub fn forget(&mut self, key: &EntityKey) {
        self.set(key, &[(DueClock::Settled, None), (DueClock::Demand, None)]);
    }

    /// Takes out up to `max` entities whose deadline on this clock is before `reached`. Each is due
    /// again when its deadlines are set again.
    pub fn take(&mut self, clock: DueClock, reached: Timestamp, max: usize) -> Vec<EntityKey> {
        let Some(times) = self.by_time.get_mut(&clock) else { return Vec::new() };
        let mut due = Vec::new();
        while due.len() < max
            && times.first().is_some_and(|(at, _)| *at < reached)
            && let Some((_, key)) = times.pop_first()
        {
            self.by_entity.remove(&(clock, key.clone()));
            due.push(key);
        }
        due
    }

    /// Whether an entity's deadline on this clock is before `reached`.
    pub fn is_any_before(&self, clock: DueClock, reached: Timestamp) -> bool {
        let first = self.by_time.get(&clock).and_then(BTreeSet::first);
        first.is_some_and(|(at, _)| *at < reached)
    }
}
