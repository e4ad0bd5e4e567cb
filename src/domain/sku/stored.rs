//! What has been written down in more than one form: the forms of earlier versions, and how they
//! are read now.
//!
//! Promise: what v0.1.0 wrote is read for ever.

use serde::{Deserialize, Serialize};

use super::stock::{Stock, Unspread};
use crate::domain::time::Timestamp;

/// The counters of a location as a snapshot of v0.1.0 has them: one mark for both kinds of count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockV010 {
    on_hand: u64,
    available: u64,
    held: u64,
    allocated: u64,
    damaged: u64,
    quality_control: u64,
    safety: u64,
    short: u64,
    backordered: u64,
    overdrawn: u64,
    unspread: Unspread,
    last_count: Option<Timestamp>,
    forgotten_until: Option<Timestamp>,
}

impl From<StockV010> for Stock {
    fn from(stored: StockV010) -> Stock {
        Stock {
            on_hand: stored.on_hand,
            available: stored.available,
            held: stored.held,
            allocated: stored.allocated,
            damaged: stored.damaged,
            quality_control: stored.quality_control,
            safety: stored.safety,
            short: stored.short,
            backordered: stored.backordered,
            overdrawn: stored.overdrawn,
            unspread: stored.unspread,
            last_count: stored.last_count,
            forgotten_until: stored.forgotten_until,
            last_count_of_available: stored.last_count,
        }
    }
}
