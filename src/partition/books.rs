//! The books of a partition: what all its entities come to. Sums that each decision changes.

use serde::{Deserialize, Serialize};

/// Sums over entities, or what a decision changes of them. In whole units, where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// How many holds stand.
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
    /// How many holds orders have asked for that no SKU has answered yet.
    pub awaited: i64,
}

impl Books {
    /// What a decision changed that made this of `before`.
    pub fn since(&self, before: &Books) -> Books {
        Books {
            open_holds: self.open_holds - before.open_holds,
            on_hand: self.on_hand - before.on_hand,
            available: self.available - before.available,
            held: self.held - before.held,
            allocated: self.allocated - before.allocated,
            unavailable: self.unavailable - before.unavailable,
            short: self.short - before.short,
            backordered: self.backordered - before.backordered,
            overdrawn: self.overdrawn - before.overdrawn,
            awaited: self.awaited - before.awaited,
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
        self.awaited += change.awaited;
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
