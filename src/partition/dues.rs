//! The deadlines of the live entities of a partition, in the order in which they are reached.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::domain::{DueClock, ids::EntityKey, time::Timestamp};

type Deadline = (Timestamp, EntityKey);

/// The next deadline of each live entity on each clock.
#[derive(Debug, Default)]
pub struct Dues {
    by_time: BTreeMap<DueClock, BTreeSet<Deadline>>,
    /// In the order of the clocks: settled, demand.
    by_entity: HashMap<EntityKey, [Option<Timestamp>; 2]>,
}

impl Dues {
    /// Sets (or forgets) an entity's next deadlines.
    pub fn set(&mut self, key: &EntityKey, dues: &[(DueClock, Option<Timestamp>); 2]) {
        for (clock, at) in dues {
            self.set_one(key, *clock, *at);
        }
    }

    fn set_one(&mut self, key: &EntityKey, clock: DueClock, at: Option<Timestamp>) {
        let known = self.by_entity.get_mut(key);
        let before = known.as_ref().and_then(|known| known[clock as usize]);
        if before == at {
            return;
        }
        let times = self.by_time.entry(clock).or_default();
        if let Some(before) = before {
            times.remove(&(before, key.clone()));
        }
        if let Some(at) = at {
            times.insert((at, key.clone()));
        }
        match known {
            Some(known) => known[clock as usize] = at,
            None => self.by_entity.entry(key.clone()).or_default()[clock as usize] = at,
        }
    }

    /// Forgets an entity.
    pub fn forget(&mut self, key: &EntityKey) {
        self.set(key, &[(DueClock::Settled, None), (DueClock::Demand, None)]);
        self.by_entity.remove(key);
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
            if let Some(known) = self.by_entity.get_mut(&key) {
                known[clock as usize] = None;
            }
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
