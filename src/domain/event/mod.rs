//! What publishers may say, once it has been checked: one struct an event type, one enum an entity.
//!
//! The contract (`crate::contract`) turns bytes into these; the field names are those of the wire.

mod order;
mod sku;

use serde::{Deserialize, Serialize};

pub use self::{order::*, sku::*};

/// The most units one event may move or promise.
pub const QUANTITY_MAX: u32 = 1_000_000_000;
/// The longest that a hold may be asked for, in seconds (400 days).
pub const TTL_MAX_S: u32 = 400 * 24 * 3_600;

/// By which of the four lanes an event travels; earlier lanes matter more to the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What finishes or frees a promise, or lowers what may be sold. Never stopped.
    Settlement,
    /// New holds and orders.
    Demand,
    /// What adds stock or tells progress.
    Fulfilment,
    /// All that a customer can wait for.
    Reporting,
}

impl Lane {
    /// All lanes, the most important first.
    pub const ALL: [Lane; 4] = [Lane::Settlement, Lane::Demand, Lane::Fulfilment, Lane::Reporting];

    /// The lane's token in a subject.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Settlement => "settlement",
            Lane::Demand => "demand",
            Lane::Fulfilment => "fulfilment",
            Lane::Reporting => "reporting",
        }
    }
}

/// What is done with returned goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Back on the shelf.
    Restock,
    /// Into quality control.
    Quarantine,
    /// Thrown away.
    Scrap,
}
