//! The books of a partition: what all its SKUs come to. A sum that each decision changes.

use serde::{Deserialize, Serialize};

use super::entry::Shown;

/// Sums over SKUs, or what a decision changes of them. In whole units, but for the holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// Holds that stand.
    pub open_holds: i64,
    /// On the shelf.
    pub on_hand: i64,
    /// May be promised.
    pub available: i64,
    /// Promised until a deadline.
    pub held: i64,
    /// Promised for good.
    pub allocated: i64,
    /// On the shelf and not for sale.
    pub unavailable: i64,
    /// Promised and taken away by physical facts.
    pub short: i64,
    /// Promised beyond stock on purpose.
    pub backordered: i64,
    /// Taken by physical facts beyond what was on hand.
    pub overdrawn: i64,
}

impl Books {
    /// What a decision changed of a SKU.
    pub fn change(before: &Shown, after: &Shown) -> Books {
        let less = |after: u64, before: u64| after.wrapping_sub(before) as i64;
        let (was, is) = (&before.total, &after.total);
        Books {
            open_holds: less(after.open_holds, before.open_holds),
            on_hand: less(is.on_hand, was.on_hand),
            available: less(is.available, was.available),
            held: less(is.held, was.held),
            allocated: less(is.allocated, was.allocated),
            unavailable: less(is.unavailable, was.unavailable),
            short: less(is.short, was.short),
            backordered: less(is.backordered, was.backordered),
            overdrawn: less(is.overdrawn, was.overdrawn),
        }
    }

    /// Enters a change.
    pub fn enter(&mut self, change: &Books) {
        self.open_holds += change.open_holds;
        self.on_hand += change.on_hand;
        self.available += change.available;
        self.held += change.held;
        self.allocated += change.allocated;
        self.unavailable += change.unavailable;
        self.short += change.short;
        self.backordered += change.backordered;
        self.overdrawn += change.overdrawn;
    }

    /// The units, by the state that they are in.
    pub fn units(&self) -> [(&'static str, i64); 8] {
        [
            ("on_hand", self.on_hand),
            ("available", self.available),
            ("held", self.held),
            ("allocated", self.allocated),
            ("unavailable", self.unavailable),
            ("short", self.short),
            ("backordered", self.backordered),
            ("overdrawn", self.overdrawn),
        ]
    }
}
