//! Orders and their payments. The file has no prices: ten of a currency's units are paid for each
//! unit of goods, half of the orders after an authorization.

use serde_json::json;

use super::{
    calendar::{self, Calendar, Point},
    event::Event,
    retail::Order,
    twice,
};

/// How long an order may wait for its money: nothing expires while a file is replayed.
const PAYMENT_DUE_S: u32 = 24 * 3_600;
/// What a unit costs, in minor units.
const PRICE_MINOR: u64 = 1_000;

/// What an order does with lines that cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Policy {
    /// Every unit or none.
    AllOrNothing,
    /// What can be had.
    Partial,
}

impl Policy {
    /// The policy's word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Policy::AllOrNothing => "all_or_nothing",
            Policy::Partial => "partial",
        }
    }
}

/// All orders and payments, in the order of their time.
pub fn events(orders: &[Order], policy: Policy, seed: u64, calendar: &Calendar) -> Vec<Event> {
    let placed = calendar::placed(orders);
    let life = |(order, at): (&Order, Point)| {
        let authorized = twice::draw(seed, "authorized", &order.id).is_multiple_of(2);
        let authorization = authorized.then(|| payment(order, "authorized", at, 1, calendar));
        let capture = payment(order, "captured", at, 2, calendar);
        [Some(place(order, policy, at, calendar)), authorization, Some(capture)]
    };
    let mut events: Vec<Event> = orders.iter().zip(placed).flat_map(life).flatten().collect();
    events.sort_by_key(|event| event.at);
    events
}

fn place(order: &Order, policy: Policy, at: Point, calendar: &Calendar) -> Event {
    let lines = order.lines.iter().map(|line| {
        json!({
            "line": line.name,
            "sku": line.sku,
            "quantity": line.quantity,
            "location": line.location,
        })
    });
    let data = json!({
        "lines": lines.collect::<Vec<_>>(),
        "policy": policy.as_str(),
        "payment_due_s": PAYMENT_DUE_S,
    });
    Event::new("order.placed", &order.id, "placed", calendar.time(at), &data)
}

fn payment(order: &Order, what: &str, at: Point, steps: i64, calendar: &Calendar) -> Event {
    let data = json!({
        "payment": format!("{}/payment", order.id),
        "amount_minor": order.units() * PRICE_MINOR,
        "currency": "EUR",
    });
    let at = calendar.time(at.payment_step(steps));
    Event::new(&format!("payment.{what}"), &order.id, what, at, &data)
}
