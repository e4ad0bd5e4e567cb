//! How many units stand in which state, summed over the SKUs that were decided on lately.
//!
//! A committed decision says a SKU's quantities afterwards; what they were before is remembered
//! here, for a bounded number of SKUs in each partition. One that is forgotten is no longer in the
//! sum.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use hashlink::LinkedHashMap;

use super::catalogue as c;
use crate::{
    domain::{ids::EntityKey, outcome::Quantities},
    ports::Partition,
};

/// SKUs of a partition that are remembered.
const SKUS_MAX: usize = 20_000;
/// The label's values, in the order of [`amounts`].
const STATES: [&str; 8] = [
    "on_hand",
    "available",
    "held",
    "allocated",
    "unavailable",
    "short",
    "backordered",
    "overdrawn",
];

static SEEN: Mutex<BTreeMap<Partition, Seen>> = Mutex::new(BTreeMap::new());

#[derive(Default)]
struct Seen {
    skus: LinkedHashMap<EntityKey, [i64; 8]>,
    sum: [i64; 8],
}

fn amounts(q: &Quantities) -> [i64; 8] {
    [
        q.on_hand,
        q.available,
        q.held,
        q.allocated,
        q.unavailable,
        q.short,
        q.backordered,
        q.overdrawn,
    ]
    .map(|units| i64::try_from(units).unwrap_or(i64::MAX))
}

impl Seen {
    fn see(&mut self, sku: &EntityKey, now: [i64; 8]) {
        let before = self.skus.remove(sku).unwrap_or_default();
        self.skus.insert(sku.clone(), now);
        self.shift(before, now);
        if self.skus.len() > SKUS_MAX
            && let Some((_, forgotten)) = self.skus.pop_front()
        {
            self.shift(forgotten, [0; 8]);
        }
    }

    fn shift(&mut self, from: [i64; 8], to: [i64; 8]) {
        for (sum, (from, to)) in self.sum.iter_mut().zip(from.into_iter().zip(to)) {
            *sum = sum.saturating_sub(from).saturating_add(to);
        }
    }
}

/// SKUs' quantities after decisions of a partition.
pub fn changed<'a>(
    partition: Partition,
    skus: impl Iterator<Item = (&'a EntityKey, &'a Quantities)>,
) {
    let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let seen = all.entry(partition).or_default();
    skus.for_each(|(sku, quantities)| seen.see(sku, amounts(quantities)));
    say(partition, &seen.sum);
}

/// Begins anew.
pub fn forget(partition: Partition) {
    let mut all = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    all.insert(partition, Seen::default());
    say(partition, &[0; 8]);
}

fn say(partition: Partition, sum: &[i64; 8]) {
    let partition = partition.to_string();
    for (state, units) in STATES.into_iter().zip(sum) {
        c::UNITS.set(&[&partition, state], *units as f64);
    }
}
