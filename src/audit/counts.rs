//! What an audit counted.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What there is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages that were published, and that the log still has.
    pub events: u64,
    /// Messages that had been decided before, and were answered as the first time.
    pub duplicates_ignored: u64,
    /// Outcomes of holds by kind: `granted`, `rejected`, `expired` …
    pub holds: BTreeMap<String, u64>,
    /// Orders by status.
    pub orders: BTreeMap<String, u64>,
    /// Payments that are due back.
    pub refunds_due: u64,
    /// Dead letters by reason.
    pub dead_letters: BTreeMap<String, u64>,
    /// Units, over all SKUs.
    pub units: Units,
    /// SKUs at whose locations every unit was accounted for.
    pub skus_checked: u64,
}

/// Units over all SKUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// Arrived, as the warehouse said.
    pub received: u64,
    /// Left in parcels, as orders said.
    pub shipped: u64,
    /// On the shelves.
    pub on_hand: u64,
    /// Promised: held or allocated.
    pub promised: u64,
    /// Shipped and promised beyond what arrived.
    pub oversold: u64,
}
