//! The converter: `tests/data/retail_orders.csv` becomes CloudEvents of contract version 1.
//!
//! Promises: the same rows, options and time give the same bytes; every event has a stable id; all
//! times keep their order. Stock comes first ([`stock`]), then orders and their payments
//! ([`orders`]). What ships depends on what was granted, so that it is made later, from the outcomes
//! ([`shipments`]). [`twice`] says which events are sent twice.

pub mod calendar;
pub mod event;
pub mod orders;
pub mod retail;
pub mod shipments;
pub mod stock;
#[cfg(test)]
mod tests;
pub mod twice;

use std::path::Path;

use anyhow::{Context, Result};
use earmark::domain::time::Timestamp;

use self::{calendar::Calendar, event::Event, retail::Order, stock::Received, twice::Twice};

/// The stem of the file of stock events.
pub const STOCK: &str = "1-stock";
/// The stem of the file of orders and payments.
pub const ORDERS: &str = "2-orders";
/// The stem of the file of shipments.
pub const SHIPMENTS: &str = "3-shipments";

/// What a conversion depends on beside the rows.
#[derive(Clone, Debug)]
pub struct Options {
    /// What orders do with lines that cannot be served.
    pub policy: orders::Policy,
    /// How much of the demand is received.
    pub received: Received,
    /// Which events are sent twice.
    pub twice: Twice,
    /// The time at which the file's last day ends.
    pub now: Timestamp,
}

/// The events of one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phase {
    /// What is sent, the events that are sent twice at once included.
    pub first: Vec<Event>,
    /// What is sent a second time, later.
    pub again: Vec<Event>,
}

/// The rows as they are replayed.
pub struct Conversion {
    rows: Vec<Order>,
    calendar: Calendar,
    options: Options,
}

impl Conversion {
    /// A conversion of the rows of a file.
    pub fn new(csv: &Path, options: Options) -> Result<Conversion> {
        let rows = retail::read(csv)?;
        let calendar = Calendar::of(&rows, options.now).context("the file has no orders")?;
        Ok(Conversion { rows, calendar, options })
    }

    /// What chance depends on.
    #[allow(dead_code, reason = "only the test asks")]
    pub fn seed(&self) -> u64 {
        self.options.twice.seed
    }

    /// The goods that are received before the first order.
    pub fn stock(&self) -> Phase {
        self.phase(stock::events(&self.rows, self.options.received, &self.calendar))
    }

    /// Orders and payments.
    pub fn orders(&self) -> Phase {
        let Options { policy, twice, .. } = &self.options;
        self.phase(orders::events(&self.rows, *policy, twice.seed, &self.calendar))
    }

    /// What left of what was granted.
    pub fn shipments(&self, granted: &shipments::Granted) -> Phase {
        self.phase(shipments::events(&self.rows, granted, &self.calendar))
    }

    /// Whether it has been decided what each order gets.
    #[allow(dead_code, reason = "only the converter's command waits for a server")]
    pub fn is_decided(&self, granted: &shipments::Granted) -> bool {
        self.rows.iter().all(|order| granted.is_decided(&order.id))
    }

    /// Whether each order that was to leave by now has left or will not.
    #[allow(dead_code, reason = "only the converter's command waits for a server")]
    pub fn is_done(&self, granted: &shipments::Granted) -> bool {
        self.rows.iter().all(|order| {
            let waits = granted.is_decided(&order.id) && !self.calendar.has_come(order.shipped_on);
            waits || granted.is_done(&order.id)
        })
    }

    fn phase(&self, events: Vec<Event>) -> Phase {
        self.options.twice.apply(events)
    }
}

impl Phase {
    /// Writes `<stem>.ndjson` and `<stem>-again.ndjson`.
    pub fn write(&self, dir: &Path, stem: &str) -> Result<()> {
        let write = |name: String, events: &[Event]| {
            let text: String = events.iter().map(|event| format!("{}\n", event.json)).collect();
            let path = dir.join(name);
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))
        };
        write(format!("{stem}.ndjson"), &self.first)?;
        write(format!("{stem}-again.ndjson"), &self.again)
    }
}
