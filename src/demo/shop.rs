//! The day's people: what they publish in a phase, from the seed and from what they were told.
//!
//! Promises: the same seed and the same outcomes give the same messages in the same order. What
//! somebody does about an outcome is drawn from the outcome's own name, not from the order in which
//! outcomes are read.

use std::collections::{BTreeMap, HashMap};

use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{
    Plan,
    catalogue::Catalogue,
    day::{Kind, OPEN_ROUNDS, Phase},
    event::{Envelope, Message},
    told::{Line, Told},
};
use crate::domain::{event::Lane, time::Span};

/// Messages that a shopper causes on average, with all that follows.
const MESSAGES_A_SHOPPER: f64 = 3.15;
/// How long a cart keeps its units, in seconds; longer than a round.
const CART_S: u32 = 3_600;
/// How long a shopper may take to pay, in seconds; a round and a half.
const PAY_WITHIN_S: u32 = 2_700;
/// How many shoppers come in a round, compared: two peaks, at noon and in the evening.
const RUSH: [u32; OPEN_ROUNDS] =
    [2, 2, 2, 3, 3, 4, 12, 8, 5, 3, 3, 3, 3, 3, 3, 4, 4, 5, 6, 7, 8, 9, 14, 6];
/// Of a hundred messages, how many are published once more.
const TWICE: u32 = 3;
/// Of a hundred shoppers, how many come with something that cannot be taken.
const BROKEN: u32 = 4;

/// Everybody who publishes.
pub struct Shop {
    plan: Plan,
    catalogue: Catalogue,
    shoppers: u32,
    planned: BTreeMap<Phase, Vec<Message>>,
    /// What was reserved for an order, as far as it is open.
    reserved: HashMap<String, Vec<Line>>,
}

impl Shop {
    pub fn new(plan: Plan) -> Shop {
        let catalogue = Catalogue::new(plan.skus);
        let by_shoppers = plan.events.saturating_sub(catalogue.stocked()).max(plan.events / 4);
        let shoppers = (f64::from(by_shoppers) / MESSAGES_A_SHOPPER).ceil() as u32;
        let mut shop =
            Shop { plan, shoppers, planned: BTreeMap::new(), reserved: HashMap::new(), catalogue };
        shop.open();
        shop
    }

    /// What is published in a phase. `told` is what was said since the last one.
    pub fn messages(&mut self, phase: Phase, mut told: Vec<Told>) -> Vec<Message> {
        told.sort();
        told.iter().for_each(|told| self.hear(phase, told));
        let mut chance = self.chance(phase);
        if phase.kind() == Kind::Demand && phase.round() < OPEN_ROUNDS {
            let rush: u32 = RUSH.iter().sum();
            let share = f64::from(RUSH[phase.round()]) / f64::from(rush);
            for nth in 0..(f64::from(self.shoppers) * share).round() as u32 {
                self.shopper(phase, nth, &mut chance);
            }
        }
        let messages = self.planned.remove(&phase).unwrap_or_default();
        self.repeat(phase, messages, &mut chance)
    }

    fn chance(&self, phase: Phase) -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(self.plan.seed.wrapping_mul(1_000_003) ^ phase.0 as u64)
    }

    /// Somebody's lot, from 0 to 99.
    fn lot(&self, of: &str) -> u32 {
        let hash = blake3::hash(format!("{}/{of}", self.plan.seed).as_bytes());
        u32::from_le_bytes([hash.as_bytes()[0], hash.as_bytes()[1], 0, 0]) % 100
    }

    fn plan_for(&mut self, phase: Phase, message: Option<Message>) {
        self.planned.entry(phase).or_default().extend(message);
    }

    /// Publishers that heard no acknowledgement publish again: at once, or when they come back.
    fn repeat(
        &mut self,
        phase: Phase,
        messages: Vec<Message>,
        chance: &mut ChaCha8Rng,
    ) -> Vec<Message> {
        let mut all = Vec::with_capacity(messages.len() + messages.len() / 16);
        for message in messages {
            let lot = chance.random_range(0..100);
            if lot < TWICE / 3 && phase.round() < OPEN_ROUNDS {
                let later = phase.then(phase.kind(), 1);
                self.plan_for(later, Some(message.clone()));
            } else if lot < TWICE {
                all.push(message.clone());
            }
            all.push(message);
        }
        all
    }

    // === in the morning ===

    fn open(&mut self) {
        let phase = Phase(0);
        let shelves: Vec<_> = self.catalogue.shelves(self.shoppers).collect();
        for (sku, quantity) in shelves {
            let data = json!({"location": "main", "quantity": quantity, "reference": "morning"});
            let id = format!("stock/{sku}");
            self.plan_for(phase, event(phase, &sku, id, STOCK, data));
        }
    }

    // === shoppers ===

    fn shopper(&mut self, phase: Phase, nth: u32, chance: &mut ChaCha8Rng) {
        let name = format!("{}-{nth}", phase.0);
        let message = match chance.random_range(0..100) {
            0..62 => self.cart(phase, &name, chance),
            _ => self.order(phase, &name, chance),
        };
        if chance.random_range(0..100) < BROKEN {
            let broken = message.as_ref().and_then(|good| self.broken(phase, &name, good, chance));
            self.plan_for(phase, broken);
        }
        self.plan_for(phase, message);
    }

    fn cart(&self, phase: Phase, name: &str, chance: &mut ChaCha8Rng) -> Option<Message> {
        let sku = match chance.random_range(0..100) {
            0..70 => self.catalogue.promoted(chance),
            _ => self.catalogue.staple(chance),
        };
        let data = json!({
            "hold": format!("cart-{name}"),
            "owner": format!("shopper-{name}"),
            "kind": "cart",
            "quantity": chance.random_range(1..=2),
            "ttl_s": CART_S,
        });
        event(phase, &sku, format!("hold/{name}"), "hold.requested.v1", data)
    }

    fn order(&self, phase: Phase, name: &str, chance: &mut ChaCha8Rng) -> Option<Message> {
        let lines = chance.random_range(1..=4_usize);
        let mut skus: Vec<String> = (0..lines).map(|_| self.catalogue.staple(chance)).collect();
        if chance.random_range(0..100) < 8 {
            skus.push(self.catalogue.sold_out(chance));
        }
        let lines: Vec<Value> = (1..)
            .zip(&skus)
            .map(|(n, sku)| json!({"line": format!("{n}"), "sku": sku, "quantity": 1}))
            .collect();
        let policy = ["all_or_nothing", "all_or_nothing", "partial"].choose(chance)?;
        placed(phase, &format!("order-{name}"), lines, policy)
    }

    /// Something that cannot be taken, made from something that can.
    fn broken(
        &self,
        phase: Phase,
        name: &str,
        good: &Message,
        chance: &mut ChaCha8Rng,
    ) -> Option<Message> {
        let own_id = json!(format!("broken/{name}"));
        let own = good.with("id", own_id);
        Some(match chance.random_range(0..8) {
            0 => own.bytes(b"{\"specversion\":\"1.0\",\"id\":"),
            1 => own.bytes(b"\xff\xfe not even text"),
            2 => own.with("type", json!("hold.wished.v1")),
            3 => own.with("type", json!("order.placed.v9")),
            4 => own.on(Lane::Reporting),
            5 => own.with("time", time_at(phase, Span::from_secs(26 * 3_600))),
            6 => own.with("data", json!({"quantity": -1})),
            _ => {
                let sku = self.catalogue.staple(chance);
                let data = json!({"hold": format!("nobody-{name}"), "owner": "nobody"});
                let (id, kind) = (format!("orphan/{name}"), "hold.committed.v1");
                let orphan = event(phase, &sku, id, kind, data);
                return orphan;
            }
        })
    }

    // === what they were told ===

    fn hear(&mut self, phase: Phase, told: &Told) {
        match told.r#type.as_str() {
            "hold.granted.v1" => self.hold_granted(phase, told),
            "order.reserved.v1" => self.order_reserved(phase, told),
            "order.confirmed.v1" => self.order_confirmed(phase, told),
            "order.shipped.v1" => self.order_shipped(phase, told),
            "order.expired.v1" => self.order_expired(phase, told),
            _ => {}
        }
    }

    /// Most order what is in the cart; some let go, some ask for more time, some just leave.
    fn hold_granted(&mut self, phase: Phase, told: &Told) {
        let (Some(hold), Some(owner)) = (&told.data.hold, &told.data.owner) else { return };
        let sku = &told.subject;
        let order = |later: usize| {
            let phase = phase.then(Kind::Demand, later);
            let quantity = told.data.quantity.unwrap_or(1);
            let line = json!({"line": "1", "sku": sku, "quantity": quantity, "hold": hold});
            (phase, placed(phase, &format!("order-{hold}"), vec![line], "all_or_nothing"))
        };
        let settle = |kind: &str, data: Value| {
            let phase = phase.then(Kind::Settlement, 0);
            let id = format!("{kind}/{hold}");
            (phase, event(phase, sku, id, kind, data))
        };
        let (phase, message) = match self.lot(hold) {
            0..66 => order(0),
            66..78 => {
                let data = json!({"hold": hold, "owner": owner, "reason": "changed their mind"});
                settle("hold.released.v1", data)
            }
            78..86 => {
                let data = json!({"hold": hold, "owner": owner, "ttl_s": CART_S * 2});
                let (phase, message) = settle("hold.extended.v1", data);
                self.plan_for(phase, message);
                order(1)
            }
            _ => return,
        };
        self.plan_for(phase, message);
    }

    /// Most pay at once; some cards are refused, some shoppers cancel, forget, or pay too late.
    fn order_reserved(&mut self, phase: Phase, told: &Told) {
        let order = &told.subject;
        let at = |later| phase.then(Kind::Settlement, later);
        self.reserved.insert(order.clone(), told.data.lines.clone());
        match self.lot(order) {
            0..76 => self.pay(at(0), order, "payment.captured.v1"),
            76..84 => {
                self.pay(at(0), order, "payment.failed.v1");
                self.pay(at(1), order, "payment.captured.v1");
            }
            84..88 => self.pay(at(0), order, "payment.failed.v1"),
            88..93 => self.cancel(at(0), order),
            93..96 => self.pay(at(3), order, "payment.captured.v1"),
            _ => {}
        }
    }

    /// Nearly everything is sent off; some shoppers cancel what they have paid for.
    fn order_confirmed(&mut self, phase: Phase, told: &Told) {
        let order = &told.subject;
        let at = phase.then(Kind::Settlement, 1);
        match self.lot(&format!("confirmed/{order}")) {
            0..84 => {
                let lines = self.reserved.get(order).cloned().unwrap_or_default();
                self.fulfil(at, order, "fulfilment.shipped.v1", &lines);
            }
            84..90 => self.cancel(at, order),
            _ => {}
        }
    }

    /// Parcels are tracked, and most arrive before the day is over.
    fn order_shipped(&mut self, phase: Phase, told: &Told) {
        let order = &told.subject;
        let (soon, later) = (phase.then(Kind::Settlement, 0), phase.then(Kind::Fulfilment, 1));
        let lot = self.lot(&format!("shipped/{order}"));
        if lot < 50 {
            let data = json!({
                "fulfilment": format!("F-{order}"), "carrier": "post", "status": "on its way",
                "at": time_at(soon, Span::ZERO),
            });
            let (id, kind) = (format!("track/{order}"), "shipment.tracked.v1");
            let tracked = event(soon, order, id, kind, data);
            self.plan_for(soon, tracked);
        }
        if lot < 70 {
            let lines = self.reserved.remove(order).unwrap_or_default();
            self.fulfil(later, order, "fulfilment.delivered.v1", &lines);
        }
    }

    fn order_expired(&mut self, _: Phase, told: &Told) {
        self.reserved.remove(&told.subject);
    }

    fn pay(&mut self, phase: Phase, order: &str, kind: &str) {
        let data =
            json!({"payment": format!("P-{order}"), "amount_minor": 4_990, "currency": "EUR"});
        let id = format!("{kind}/{order}");
        self.plan_for(phase, event(phase, order, id, kind, data));
    }

    fn cancel(&mut self, phase: Phase, order: &str) {
        let (id, kind) = (format!("cancel/{order}"), "order.cancel_requested.v1");
        let data = json!({"reason": "found it cheaper"});
        self.plan_for(phase, event(phase, order, id, kind, data));
    }

    fn fulfil(&mut self, phase: Phase, order: &str, kind: &str, lines: &[Line]) {
        let lines: Vec<Value> = lines
            .iter()
            .map(|line| json!({"line": line.line, "quantity": line.quantity}))
            .collect();
        let name = format!("F-{order}");
        let data = json!({"fulfilment": name, "location": "main", "lines": lines});
        let id = format!("{kind}/{order}");
        self.plan_for(phase, event(phase, order, id, kind, data));
    }
}

const STOCK: &str = "stock.received.v1";

fn time_at(phase: Phase, before: Span) -> Value {
    json!(crate::contract::time::format(phase.at() - before))
}

fn placed(phase: Phase, order: &str, lines: Vec<Value>, policy: &str) -> Option<Message> {
    let data = json!({"lines": lines, "policy": policy, "payment_due_s": PAY_WITHIN_S});
    event(phase, order, format!("placed/{order}"), "order.placed.v1", data)
}

fn event(phase: Phase, key: &str, id: String, kind: &str, data: Value) -> Option<Message> {
    Message::event(Envelope { key, id, kind, at: phase.at() }, data)
}
