//! What left: only what Earmark granted can, so this reads the outcomes of EARMARK_OUT.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::json;

use super::{
    calendar::{self, Calendar, Point},
    event::Event,
    retail::Order,
};

/// The units of one order that are to leave: line to units, by location.
type ToShip = BTreeMap<String, Vec<(String, u32)>>;

/// What was granted to the orders that were confirmed.
#[derive(Clone, Debug, Default)]
pub struct Granted {
    reserved: BTreeMap<String, ToShip>,
    confirmed: BTreeSet<String>,
    /// Those that nothing more will leave of.
    ended: BTreeSet<String>,
    kinds: BTreeMap<String, u64>,
}

/// What is looked at of an outcome.
#[derive(Deserialize)]
struct Outcome {
    r#type: String,
    subject: String,
    #[serde(default)]
    data: Data,
}

#[derive(Default, Deserialize)]
struct Data {
    #[serde(default)]
    lines: Vec<Reserved>,
}

#[derive(Deserialize)]
struct Reserved {
    line: String,
    quantity: u32,
    #[serde(default)]
    location: String,
}

impl Granted {
    /// Takes note of an outcome, given as the JSON of its CloudEvent. Those that say nothing of a
    /// grant are passed over, and a repeat says nothing new.
    pub fn note(&mut self, json: &[u8]) -> serde_json::Result<()> {
        let Outcome { r#type, subject, data } = serde_json::from_slice(json)?;
        match r#type.as_str() {
            "order.reserved.v1" => {
                self.reserved.insert(subject, by_location(data.lines));
            }
            "order.confirmed.v1" => {
                self.confirmed.insert(subject);
            }
            "order.rejected.v1" | "order.shipped.v1" | "order.cancelled.v1"
            | "order.expired.v1" => {
                self.ended.insert(subject);
            }
            _ => {}
        }
        *self.kinds.entry(r#type).or_default() += 1;
        Ok(())
    }

    /// Whether it has been decided what this order gets.
    #[allow(dead_code, reason = "only the converter's command waits for a server")]
    pub fn is_decided(&self, order: &str) -> bool {
        self.confirmed.contains(order) || self.ended.contains(order)
    }

    /// Whether nothing more will leave of this order.
    #[allow(dead_code, reason = "only the converter's command waits for a server")]
    pub fn is_done(&self, order: &str) -> bool {
        self.ended.contains(order)
    }

    /// How many outcomes there were, by type.
    #[allow(dead_code, reason = "only the converter's command waits for a server")]
    pub fn kinds(&self) -> &BTreeMap<String, u64> {
        &self.kinds
    }

    fn of(&self, order: &str) -> Option<&ToShip> {
        let ships = self.confirmed.contains(order) && !self.ended.contains(order);
        self.reserved.get(order).filter(|_| ships)
    }
}

fn by_location(lines: Vec<Reserved>) -> ToShip {
    let mut to_ship = ToShip::new();
    for Reserved { line, quantity, location } in lines.into_iter().filter(|l| l.quantity > 0) {
        to_ship.entry(location).or_default().push((line, quantity));
    }
    to_ship
}

/// One event for each order and location, in the order of their time; an order whose day of shipping
/// has not come yet has none.
pub fn events(orders: &[Order], granted: &Granted, calendar: &Calendar) -> Vec<Event> {
    let shipped = calendar::shipped(orders);
    let of_order = |(order, at): (&Order, Point)| {
        let to_ship = granted.of(&order.id).filter(|_| calendar.has_come(order.shipped_on));
        let parcels = to_ship.into_iter().flatten();
        let parcels =
            parcels.map(|(location, lines)| ship(&order.id, location, lines, at, calendar));
        parcels.collect::<Vec<_>>()
    };
    let mut events: Vec<Event> = orders.iter().zip(shipped).flat_map(of_order).collect();
    events.sort_by_key(|event| event.at);
    events
}

fn ship(
    order: &str,
    location: &str,
    lines: &[(String, u32)],
    at: Point,
    calendar: &Calendar,
) -> Event {
    let lines = lines.iter().map(|(line, quantity)| json!({"line": line, "quantity": quantity}));
    let data = json!({
        "fulfilment": format!("{order}/{location}"),
        "location": location,
        "lines": lines.collect::<Vec<_>>(),
    });
    let what = format!("shipped/{location}");
    Event::new("fulfilment.shipped", order, &what, calendar.time(at), &data)
}
