//! The goods that are received before the first order: the file says nothing of them.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde_json::json;

use super::{calendar::Calendar, event::Event, retail};

/// How much of the demand of each SKU at each location is received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The part of the demand in percent, rounded down.
    percent: u64,
    /// For one SKU in so many, the first of them by name; of the others all is received.
    one_in: usize,
}

impl Default for Received {
    fn default() -> Received {
        Received { percent: 80, one_in: 5 }
    }
}

impl FromStr for Received {
    type Err = String;

    fn from_str(text: &str) -> Result<Received, String> {
        let wrong = || format!("{text:?} is not PERCENT or PERCENT:ONE_IN, like 100 or 80:5");
        let (percent, one_in) = text.split_once(':').unwrap_or((text, "1"));
        let percent = percent.parse().map_err(|_| wrong())?;
        let one_in = one_in.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
        Ok(Received { percent, one_in })
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.percent, self.one_in)
    }
}

/// One event for each SKU and location of which anything is received.
pub fn events(orders: &[retail::Order], received: Received, calendar: &Calendar) -> Vec<Event> {
    let demand = retail::demand(orders);
    let skus: BTreeSet<&str> = demand.keys().map(|(sku, _)| sku.as_str()).collect();
    let scarce: BTreeSet<&str> = skus.into_iter().step_by(received.one_in).collect();
    let quantity = |sku: &str, demand: u64| {
        if scarce.contains(sku) { demand * received.percent / 100 } else { demand }
    };
    let receipts = demand
        .iter()
        .map(|((sku, location), units)| (sku.as_str(), location.as_str(), quantity(sku, *units)));
    let receipts: Vec<_> = receipts.filter(|(_, _, quantity)| *quantity > 0).collect();
    let event = |(index, (sku, location, quantity)): (usize, &(&str, &str, u64))| {
        let at = calendar.time(calendar.before_all(index, receipts.len()));
        let data = json!({"location": location, "quantity": quantity, "reference": "opening"});
        Event::new("stock.received", sku, &format!("{location}/received"), at, &data)
    };
    receipts.iter().enumerate().map(event).collect()
}
