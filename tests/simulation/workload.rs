//! Shops, warehouses and carriers: what they publish, legal and illegal, in time and out of it.

use std::time::Duration;

use bytes::Bytes;
use earmark::{
    contract::{self, partition_of, subject},
    domain::{
        event::Lane,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    ports::Partition,
};
use rand::{Rng, RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{
    case::Part,
    world::{Stored, World},
};

const LOCATIONS: [&str; 3] = ["east", "west", "north"];

/// A message as it was published, so that it can be published again.
#[derive(Clone)]
struct Sent {
    subject: String,
    payload: Bytes,
}

/// An order and its lines: name, SKU, quantity.
type Placed = (String, Vec<(String, String, u64)>);

/// Publishes; knows what it has published.
pub struct Publishers {
    world: World,
    partitions: Partition,
    rng: ChaCha8Rng,
    published: u64,
    holds: Vec<(String, String, String)>,
    orders: Vec<Placed>,
    sent: Vec<Sent>,
    again: Vec<Sent>,
}

impl Publishers {
    pub fn new(world: World, partitions: Partition) -> Publishers {
        let rng = ChaCha8Rng::seed_from_u64(world.case.seed ^ 0x5eed);
        Publishers {
            world,
            partitions,
            rng,
            published: 0,
            holds: Vec::new(),
            orders: Vec::new(),
            sent: Vec::new(),
            again: Vec::new(),
        }
    }

    /// Opening stock, so that there is something to sell.
    pub fn open_the_shop(&mut self) {
        for number in 0..self.world.case.skus {
            for location in LOCATIONS {
                let quantity = self.rng.random_range(5..60);
                let data = json!({
                    "location": location, "quantity": quantity, "reference": "opening",
                });
                self.sku_event(&sku(number), "stock.received", data);
            }
            if number % 3 == 0 {
                let data = json!({"backorder_limit": 5, "safety_stock": 2});
                self.sku_event(&sku(number), "sku.configured", data);
            }
        }
    }

    /// Waits for a moment and publishes one more event.
    pub async fn go_on(&mut self) {
        let pause = self.rng.next_u64() % 50_000;
        tokio::time::sleep(Duration::from_micros(pause)).await;
        self.publish_one();
    }

    /// One more event; now and then an old one again, or one that is wrong.
    fn publish_one(&mut self) {
        let lost = std::mem::take(&mut self.world.lock().lost_input);
        for Stored { subject, payload, .. } in lost {
            self.world.count("workload: a lost event is published again");
            self.again.push(Sent { subject, payload });
        }
        self.give_up_the_unheard();
        if let Some(sent) = self.again.pop() {
            return self.store(sent);
        }
        let (part, publish): (Part, fn(&mut Publishers)) = match self.rng.random_range(0..100) {
            0..24 => (Part::HoldRequests, Publishers::request_hold),
            24..40 => (Part::HoldUses, Publishers::touch_hold),
            40..54 => (Part::Orders, Publishers::place_order),
            54..68 => (Part::Payments, Publishers::pay),
            68..76 => (Part::Fulfilments, Publishers::fulfil),
            76..79 => (Part::Cancellations, Publishers::cancel),
            79..81 => (Part::Returns, Publishers::give_back),
            81..82 => (Part::Edits, Publishers::edit),
            82..89 => (Part::Stock, Publishers::move_stock),
            89..90 => (Part::Descriptions, Publishers::describe),
            90..93 => (Part::Repeats, Publishers::repeat),
            93..97 => (Part::Contradictions, Publishers::contradict),
            _ => (Part::Nonsense, Publishers::misbehave),
        };
        if self.world.case.has(part) {
            publish(self);
        }
    }

    /// Who has waited long enough for an order that hears nothing cancels it.
    fn give_up_the_unheard(&mut self) {
        let unheard = std::mem::take(&mut self.world.lock().unheard);
        let given_up = self.world.case.has(Part::Cancellations);
        for order in unheard {
            if given_up && self.rng.random_bool(0.7) {
                let why = json!({"reason": "nobody answers"});
                self.order_event(order.key(), "order.cancel_requested", why);
                self.world.count("workload: an order is given up of whose question nobody heard");
            }
        }
    }

    // === events of SKUs ===

    fn request_hold(&mut self) {
        let hold = format!("cart-hold-{}", self.published);
        let owner = format!("cart-{}", self.rng.random_range(0..40));
        let sku = self.any_sku();
        let mut data = json!({
            "hold": hold, "owner": owner, "kind": "cart",
            "quantity": self.rng.random_range(1..6),
            "ttl_s": self.rng.random_range(1..20),
            "partial": self.rng.random_bool(0.3), "backorder": self.rng.random_bool(0.2),
        });
        if self.rng.random_bool(0.4) {
            data["location"] = json!(self.any_location());
        }
        self.holds.push((sku.clone(), hold, owner));
        let extra = match self.rng.random_range(0..6) {
            0 => json!({"replyto": format!("_INBOX.shop.{}", self.published)}),
            1 => json!({"expirytime": self.time(self.rng_offset(-200_000, 2_000_000))}),
            _ => json!({}),
        };
        self.event("sku", &sku, "hold.requested", data, extra);
    }

    fn rng_offset(&self, low: i64, high: i64) -> i64 {
        // The generator is behind a mutable borrow elsewhere; the world's own serves as well.
        low + self.world.between(0, (high - low) as u64) as i64
    }

    fn touch_hold(&mut self) {
        let Some((sku, hold, owner)) = self.any_hold() else { return };
        let owner = match self.rng.random_bool(0.1) {
            true => "somebody-else".to_owned(),
            false => owner,
        };
        let (kind, data) = match self.rng.random_range(0..10) {
            0..2 => ("hold.extended", json!({"hold": hold, "owner": owner, "ttl_s": 15})),
            2..3 => {
                let to = format!("draft-{}", self.published);
                ("hold.transferred", json!({"hold": hold, "owner": owner, "to_owner": to}))
            }
            3..5 => ("hold.committed", json!({"hold": hold, "owner": owner})),
            5..8 => ("hold.released", json!({"hold": hold, "owner": owner, "reason": "left"})),
            _ => {
                let reference = format!("parcel-{}", self.published);
                ("stock.shipped", json!({"hold": hold, "quantity": 1, "reference": reference}))
            }
        };
        self.sku_event(&sku, kind, data);
    }

    fn move_stock(&mut self) {
        let sku = self.any_sku();
        let location = self.any_location();
        let quantity = self.rng.random_range(1..12);
        let reference = format!("ref-{}", self.published);
        let (kind, data) = match self.rng.random_range(0..10) {
            0..5 => (
                "stock.received",
                json!({"location": location, "quantity": quantity, "reference": reference}),
            ),
            5..7 => (
                "stock.adjusted",
                json!({"location": location, "quantity": -quantity, "reason": "broken"}),
            ),
            7 => {
                let as_of = self.time(-1_000_000);
                let count = match self.rng.random_bool(0.5) {
                    true => "on_hand",
                    false => "available",
                };
                (
                    "stock.counted",
                    json!({"location": location, "quantity": quantity * 2, "kind": count,
                           "as_of": as_of}),
                )
            }
            8 => (
                "stock.moved",
                json!({"location": location, "quantity": 1, "from": "sellable", "to": "damaged"}),
            ),
            _ => (
                "stock.returned",
                json!({"location": location, "quantity": 1, "reference": reference,
                       "disposition": "restock"}),
            ),
        };
        self.sku_event(&sku, kind, data);
    }

    fn describe(&mut self) {
        let sku = self.any_sku();
        self.sku_event(&sku, "sku.described", json!({"attributes": {"colour": "blue"}}));
    }

    // === events of orders ===

    fn place_order(&mut self) {
        let order = format!("order-{}", self.published);
        let mut lines = Vec::new();
        let mut known = Vec::new();
        for number in 0..self.rng.random_range(1..5) {
            let sku = self.any_sku();
            let quantity = self.rng.random_range(1..4);
            let mut line = json!({"line": number.to_string(), "sku": sku, "quantity": quantity});
            match self.rng.random_range(0..4) {
                0 => line["location"] = json!(self.any_location()),
                1 => {
                    if let Some((held, hold, _)) = self.any_hold() {
                        line["sku"] = json!(held);
                        line["hold"] = json!(hold);
                    }
                }
                _ => {}
            }
            let sku = line["sku"].as_str().unwrap_or_default().to_owned();
            known.push((number.to_string(), sku, quantity));
            lines.push(line);
        }
        let policy = match self.rng.random_bool(0.5) {
            true => "partial",
            false => "all_or_nothing",
        };
        let data = json!({
            "lines": lines, "policy": policy, "payment_due_s": self.rng.random_range(2..20),
        });
        self.orders.push((order.clone(), known));
        self.order_event(&order, "order.placed", data);
    }

    fn pay(&mut self) {
        let Some((order, _)) = self.any_order() else { return };
        let kind = match self.rng.random_range(0..10) {
            0..4 => "payment.authorized",
            4..8 => "payment.captured",
            8 => "payment.failed",
            _ => "payment.voided",
        };
        let payment = format!("pay-{}", self.rng.random_range(0..2));
        let data = json!({"payment": payment, "amount_minor": 1_000, "currency": "EUR"});
        self.order_event(&order, kind, data);
    }

    fn fulfil(&mut self) {
        let Some((order, lines)) = self.any_order() else { return };
        let Some((line, _, quantity)) = lines.choose(&mut self.rng).cloned() else { return };
        let kind = match self.rng.random_range(0..16) {
            0..6 => "fulfilment.shipped",
            6..9 => "fulfilment.delivered",
            9 => "fulfilment.opened",
            10 => "fulfilment.picked",
            11 => "fulfilment.short_picked",
            12..14 => "fulfilment.cancelled",
            14 => "fulfilment.moved",
            _ => "fulfilment.split",
        };
        let data = json!({
            "fulfilment": format!("{order}/f{line}"), "location": self.any_location(),
            "lines": [{"line": line, "quantity": quantity}],
        });
        self.order_event(&order, kind, data);
    }

    fn give_back(&mut self) {
        let Some((order, lines)) = self.any_order() else { return };
        let Some((line, ..)) = lines.choose(&mut self.rng).cloned() else { return };
        let kind = match self.rng.random_range(0..8) {
            0 => "return.requested",
            1..4 => "return.approved",
            4..6 => "return.declined",
            _ => "return.received",
        };
        let mut units = json!({"line": line, "quantity": 1});
        if kind == "return.received" && self.rng.random_bool(0.8) {
            let disposition = ["restock", "quarantine", "scrap"].choose(&mut self.rng);
            units["disposition"] = json!(disposition);
        }
        let named = format!("{order}/r{}", self.rng.random_range(0..2));
        self.order_event(&order, kind, json!({"return": named, "lines": [units]}));
    }

    fn edit(&mut self) {
        let Some((order, lines)) = self.any_order() else { return };
        let Some((line, sku, _)) = lines.choose(&mut self.rng).cloned() else { return };
        let new = self.rng.random_bool(0.3);
        let line = if new { json!(format!("more-{}", self.published)) } else { json!(line) };
        let quantity = self.rng.random_range(0..6);
        let lines = json!([{"line": line, "sku": sku, "quantity": quantity}]);
        self.order_event(&order, "order.edit_requested", json!({"lines": lines}));
    }

    fn cancel(&mut self) {
        let Some((order, _)) = self.any_order() else { return };
        self.order_event(&order, "order.cancel_requested", json!({"reason": "changed my mind"}));
    }

    // === what is legal and cannot be had ===

    fn contradict(&mut self) {
        match self.rng.random_range(0..8) {
            7 => self.approve_what_was_declined(),
            0 => self.close_or_open_sale(),
            1 => self.reuse_a_hold_name(),
            2 => self.place_an_order_again(),
            3 => self.ship_wrongly("no-such-line", 1),
            4 => self.ship_wrongly("0", 1_000),
            5 => self.cancel_too_late(),
            _ => self.order_too_much(),
        }
    }

    fn approve_what_was_declined(&mut self) {
        let Some((order, lines)) = self.any_order() else { return };
        let Some((line, ..)) = lines.choose(&mut self.rng).cloned() else { return };
        let named = format!("{order}/declined-{}", self.published);
        for kind in ["return.declined", "return.approved"] {
            let lines = json!([{"line": line, "quantity": 1}]);
            self.order_event(&order, kind, json!({"return": named, "lines": lines}));
        }
    }

    fn close_or_open_sale(&mut self) {
        let sku = self.any_sku();
        let sellable = self.rng.random_bool(0.8);
        self.sku_event(&sku, "sku.configured", json!({"sellable": sellable}));
    }

    fn reuse_a_hold_name(&mut self) {
        let Some((sku, hold, _)) = self.any_hold() else { return };
        let data = json!({"hold": hold, "owner": "another", "kind": "cart", "quantity": 9});
        self.sku_event(&sku, "hold.requested", data);
    }

    fn place_an_order_again(&mut self) {
        let Some((order, _)) = self.any_order() else { return };
        let lines = json!([{"line": "other", "sku": self.any_sku(), "quantity": 1}]);
        let data = json!({"lines": lines, "policy": "partial", "payment_due_s": 5});
        self.order_event(&order, "order.placed", data);
    }

    fn ship_wrongly(&mut self, line: &str, quantity: u32) {
        let Some((order, _)) = self.any_order() else { return };
        let data = json!({
            "fulfilment": format!("{order}/wrong"), "location": "east",
            "lines": [{"line": line, "quantity": quantity}],
        });
        self.order_event(&order, "fulfilment.shipped", data);
    }

    fn cancel_too_late(&mut self) {
        let order = format!("hurried-{}", self.published);
        let lines = json!([{"line": "0", "sku": self.any_sku(), "quantity": 1}]);
        let until = self.time(-1_000_000);
        let data = json!({
            "lines": lines, "policy": "partial", "payment_due_s": 20, "cancel_until": until,
        });
        self.order_event(&order, "order.placed", data);
        let why = json!({"reason": "changed my mind"});
        self.order_event(&order, "order.cancel_requested", why);
    }

    fn order_too_much(&mut self) {
        let order = format!("long-{}", self.published);
        let sku = self.any_sku();
        let line = |number: u32| json!({"line": number.to_string(), "sku": sku, "quantity": 1});
        let lines: Vec<Value> = (0..501).map(line).collect();
        let data = json!({"lines": lines, "policy": "partial", "payment_due_s": 5});
        self.order_event(&order, "order.placed", data);
    }

    // === what goes wrong ===

    fn repeat(&mut self) {
        let Some(sent) = self.sent.choose(&mut self.rng).cloned() else { return };
        self.world.count("workload: an event is repeated");
        match self.rng.random_bool(0.5) {
            true => self.store(sent),
            false => self.again.insert(0, sent),
        }
    }

    fn misbehave(&mut self) {
        let sku = self.any_sku();
        let stock = json!({"location": "east", "quantity": 1, "reference": "r"});
        match self.rng.random_range(0..12) {
            0 => self.raw("sku", &sku, Lane::Settlement, Bytes::from_static(b"{not json")),
            1 => self.raw("sku", &sku, Lane::Demand, Bytes::from_static(b"{}")),
            2 => self.event("sku", &sku, "stock.teleported", stock, json!({})),
            3 => self.event("sku", &sku, "stock.received", stock, json!({"specversion": "9.9"})),
            4 => {
                let payload = self.payload(&sku, "stock.received", stock, json!({}));
                self.raw("sku", &sku, Lane::Settlement, payload);
            }
            5 => {
                let payload = self.payload("another-sku", "stock.received", stock, json!({}));
                self.raw("sku", &sku, Lane::Fulfilment, payload);
            }
            6 => {
                let time = self.time(-90_000 * 1_000_000);
                self.event("sku", &sku, "stock.received", stock, json!({"time": time}));
            }
            7 => {
                let time = self.time(3_600 * 1_000_000);
                self.event("sku", &sku, "stock.received", stock, json!({"time": time}));
            }
            8 => {
                let data = json!({"location": "east", "quantity": -1, "reference": "r"});
                self.event("sku", &sku, "stock.received", data, json!({}));
            }
            9 => {
                let reply = json!({"replyto": "earmark.in.demand.sku.X"});
                self.event("sku", &sku, "stock.received", stock, reply);
            }
            10 => {
                let quantity = self.rng.random_range(1..3);
                let data = json!({"location": "east", "quantity": quantity, "reference": "r"});
                self.event("sku", &sku, "stock.received", data, json!({"id": "used-twice"}));
            }
            _ => {
                let order = format!("never-placed-{}", self.published);
                let data = json!({"payment": "p", "amount_minor": 1, "currency": "EUR"});
                self.order_event(&order, "payment.captured", data);
            }
        }
    }

    // === publishing ===

    fn sku_event(&mut self, sku: &str, kind: &str, data: Value) {
        self.event("sku", sku, kind, data, json!({}));
    }

    fn order_event(&mut self, order: &str, kind: &str, data: Value) {
        self.event("order", order, kind, data, json!({}));
    }

    fn event(&mut self, entity: &str, key: &str, kind: &str, data: Value, extra: Value) {
        let lane = contract::types::event_type(&format!("{kind}.v1"))
            .map_or(Lane::Fulfilment, |event_type| event_type.lane);
        let payload = self.payload(key, kind, data, extra);
        self.raw(entity, key, lane, payload);
    }

    fn payload(&mut self, key: &str, kind: &str, data: Value, extra: Value) -> Bytes {
        self.published += 1;
        let mut event = json!({
            "specversion": "1.0", "id": format!("e-{}", self.published), "source": "simulation",
            "type": format!("{kind}.v1"), "subject": key, "time": self.time(-20_000),
            "data": data,
        });
        if let (Value::Object(event), Value::Object(extra)) = (&mut event, extra) {
            event.extend(extra);
        }
        Bytes::from(event.to_string())
    }

    fn raw(&mut self, entity: &str, key: &str, lane: Lane, payload: Bytes) {
        let key = match entity {
            "sku" => EntityKey::Sku(Sku::new(key).expect("a key")),
            _ => EntityKey::Order(OrderId::new(key).expect("a key")),
        };
        let partition = partition_of(&key, self.partitions);
        let subject = format!("earmark.p.{partition}.{}.{entity}", lane.as_str());
        assert!(subject::StoredSubject::parse(&subject).is_some(), "{subject}");
        let sent = Sent { subject, payload };
        if self.sent.len() < 4_000 {
            self.sent.push(sent.clone());
        }
        self.store(sent);
    }

    fn store(&mut self, sent: Sent) {
        let now = self.world.now();
        self.world.lock().input.append(now, &sent.subject, None, sent.payload);
    }

    fn time(&self, offset_micros: i64) -> String {
        contract::time::format(Timestamp(self.world.now().0 + offset_micros))
    }

    // === choosing ===

    fn any_sku(&mut self) -> String {
        // A few SKUs get most of the traffic.
        let skus = self.world.case.skus;
        let number = self.rng.random_range(0..skus);
        sku(number.min(self.rng.random_range(0..skus)))
    }

    fn any_location(&mut self) -> &'static str {
        LOCATIONS[self.rng.random_range(0..LOCATIONS.len())]
    }

    fn any_hold(&mut self) -> Option<(String, String, String)> {
        let recent = self.holds.len().saturating_sub(40);
        let known = self.holds[recent..].choose(&mut self.rng).cloned();
        match self.rng.random_bool(0.05) {
            true => Some((self.any_sku(), format!("ghost-{}", self.published), "nobody".into())),
            false => known,
        }
    }

    fn any_order(&mut self) -> Option<Placed> {
        let recent = self.orders.len().saturating_sub(30);
        self.orders[recent..].choose(&mut self.rng).cloned()
    }
}

pub fn sku(number: usize) -> String {
    format!("sku {number}/ä")
}
