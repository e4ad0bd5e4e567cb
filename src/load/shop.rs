//! The people of a load test: who comes, what each of them says, and what they do about an answer.
//!
//! Promises: when shoppers come does not depend on anybody's answer; what each does afterwards
//! does, as with people. Who did not hear does not act: a cart whose hold was never answered is
//! never ordered.

use std::collections::{BTreeMap, HashMap};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, weighted::WeightedIndex};
use serde_json::{Value, json};

use super::{
    catalogue::Catalogue,
    event::{Content, Envelopes, Event, malformed},
    heard::{Answer, Told},
    plan::{Plan, Publishers},
    report::{Hot, Kind},
};
use crate::domain::time::Timestamp;

/// Somebody means to send something at a time, in seconds after the beginning.
pub type Saying = (f64, Event);

/// Where all goods lie.
const LOCATION: &str = "main";
/// How far a bot's holds are apart, in seconds.
const BOT_GAP_S: f64 = 0.01;

/// Everybody.
pub struct Shop {
    plan: Plan,
    envelopes: Envelopes,
    catalogue: Catalogue,
    baskets: WeightedIndex<f64>,
    chance: ChaCha8Rng,
    /// What the keys of orders begin with.
    prefix: String,
    number: u64,
    said: Vec<Saying>,
    carts: HashMap<u64, Cart>,
    /// Which cart waits for the answer of this number.
    asked: HashMap<u64, (u64, usize)>,
    orders: HashMap<String, Order>,
    hot: BTreeMap<u32, Hot>,
}

/// A cart that is being filled.
struct Cart {
    lines: Vec<Line>,
    waits_for: usize,
    is_bot: bool,
}

/// A line of a cart or an order.
#[derive(Clone, Debug)]
struct Line {
    sku: u32,
    hold: Option<String>,
}

/// An order on its way.
struct Order {
    lines: usize,
    /// When it was meant to be placed, in seconds after the beginning.
    placed_s: f64,
    stage: Stage,
}

/// How far an order is, as far as anybody was told. What is said of a stage that it has reached is
/// a repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Placed,
    Reserved,
    Confirmed,
    Shipped,
    Over,
}

impl Stage {
    fn of(kind: &str) -> Stage {
        match kind {
            "order.reserved.v1" => Stage::Reserved,
            "order.confirmed.v1" => Stage::Confirmed,
            "order.shipped.v1" => Stage::Shipped,
            _ => Stage::Over,
        }
    }
}

impl Shop {
    /// The people of a plan. `prefix` is what all keys begin with.
    pub fn new(plan: &Plan, envelopes: Envelopes, prefix: &str) -> Option<Shop> {
        Some(Shop {
            catalogue: Catalogue::new(&plan.catalogue, &format!("{prefix}-SKU-")),
            baskets: WeightedIndex::new(&plan.shoppers.baskets).ok()?,
            chance: ChaCha8Rng::seed_from_u64(plan.seed),
            prefix: prefix.to_owned(),
            plan: plan.clone(),
            envelopes,
            number: 0,
            said: Vec::new(),
            carts: HashMap::new(),
            asked: HashMap::new(),
            orders: HashMap::new(),
            hot: BTreeMap::new(),
        })
    }

    /// What was said since this was asked last.
    pub fn sayings(&mut self) -> Vec<Saying> {
        std::mem::take(&mut self.said)
    }

    /// Orders that are neither confirmed nor over, as far as anybody was told.
    pub fn open_orders(&self) -> usize {
        self.orders.values().filter(|order| order.stage < Stage::Confirmed).count()
    }

    /// The SKUs that were asked for most, the first one most.
    pub fn hottest(&self, most: usize) -> Vec<Hot> {
        let mut hot: Vec<Hot> = self.hot.values().cloned().collect();
        hot.sort_by(|a, b| b.asked.cmp(&a.asked).then_with(|| a.sku.cmp(&b.sku)));
        hot.truncate(most);
        hot
    }

    fn say(&mut self, kind: &'static str, key: &str, at_s: f64, waits: Option<Kind>, data: Value) {
        self.number += 1;
        let content = Content { number: self.number, kind, key, at_s, waits, data };
        let Some(event) = self.envelopes.event(content) else { return };
        let wrong = &self.plan.publishers;
        if self.chance.random_bool(wrong.duplicates) {
            let again = at_s + self.chance.random_range(0.0..1.0);
            self.said.push((again, Event { waits: None, ..event.clone() }));
        }
        if self.chance.random_bool(wrong.malformed) {
            self.said.push((at_s, malformed(&event, self.number)));
        }
        self.said.push((at_s, event));
    }

    fn between(&mut self, [least, most]: [f64; 2]) -> f64 {
        self.chance.random_range(least..=most)
    }

    // === before anybody comes ===

    /// Seconds are counted from now on.
    pub fn begins(&mut self, now: Timestamp) {
        self.envelopes.began = now;
    }

    /// The goods that are there when the shop opens.
    pub fn open(&mut self) {
        let right = Publishers { duplicates: 0.0, malformed: 0.0 };
        let wrong = std::mem::replace(&mut self.plan.publishers, right);
        for sku in self.catalogue.all() {
            let units = self.catalogue.stock(sku);
            if units > 0 {
                self.deliver(sku, units, 0.0, Some(Kind::Settlement));
            }
        }
        self.plan.publishers = wrong;
    }

    fn deliver(&mut self, sku: u32, units: u32, at_s: f64, waits: Option<Kind>) {
        let data = json!({
            "location": LOCATION, "quantity": units, "reference": format!("D-{}", self.number),
        });
        let key = self.catalogue.key(sku);
        self.say("stock.received.v1", &key, at_s, waits, data);
    }

    // === who comes ===

    /// Goods arrive for some SKU.
    pub fn restock(&mut self, at_s: f64) {
        let sku = self.catalogue.wanted(at_s, &mut self.chance);
        self.deliver(sku, self.plan.warehouse.restock_units, at_s, None);
    }

    /// Somebody changes a description.
    pub fn describe(&mut self, at_s: f64) {
        let sku = self.catalogue.wanted(at_s, &mut self.chance);
        let key = self.catalogue.key(sku);
        let data = json!({"attributes": {"title": format!("title {}", self.number)}});
        self.say("sku.described.v1", &key, at_s, None, data);
    }

    /// A shopper comes, or a bot.
    pub fn come(&mut self, at_s: f64) {
        if self.chance.random_bool(self.plan.bots.share) {
            return self.fill_cart(at_s, self.plan.bots.holds as usize, true);
        }
        let lines = self.baskets.sample(&mut self.chance) + 1;
        match self.chance.random_bool(self.plan.shoppers.carts) {
            true => self.fill_cart(at_s, lines, false),
            false => {
                let lines = self.pick(lines, at_s, false);
                self.place(at_s, lines);
            }
        }
    }

    /// Different SKUs, as far as there are some.
    fn pick(&mut self, lines: usize, at_s: f64, is_bot: bool) -> Vec<Line> {
        let mut picked: Vec<Line> = Vec::with_capacity(lines);
        for _ in 0..lines {
            let sku = self.catalogue.wanted(at_s, &mut self.chance);
            if is_bot || picked.iter().all(|line| line.sku != sku) {
                picked.push(Line { sku, hold: None });
            }
        }
        picked
    }

    fn fill_cart(&mut self, at_s: f64, lines: usize, is_bot: bool) {
        let mut lines = self.pick(lines, at_s, is_bot);
        let cart = self.number + 1;
        for (nth, line) in lines.iter_mut().enumerate() {
            let hold = format!("{}-{cart}-{nth}", self.prefix);
            let data = json!({
                "hold": hold, "owner": format!("cart-{cart}"), "kind": "cart", "quantity": 1,
                "ttl_s": self.plan.shoppers.cart_ttl_s,
            });
            line.hold = Some(hold);
            let key = self.note(line.sku);
            let meant = if is_bot { at_s + BOT_GAP_S * nth as f64 } else { at_s };
            self.say("hold.requested.v1", &key, meant, Some(Kind::Hold), data);
            self.asked.insert(self.number, (cart, nth));
        }
        let waits_for = lines.len();
        self.carts.insert(cart, Cart { lines, waits_for, is_bot });
    }

    /// Counts that somebody asks for a SKU.
    fn note(&mut self, sku: u32) -> String {
        let key = self.catalogue.key(sku);
        let hot = self.hot.entry(sku);
        hot.or_insert_with(|| Hot { sku: key.clone(), ..Hot::default() }).asked += 1;
        key
    }

    fn place(&mut self, at_s: f64, lines: Vec<Line>) {
        let order = format!("{}-O-{}", self.prefix, self.number + 1);
        let written: Vec<Value> = (1..)
            .zip(&lines)
            .map(|(nth, line)| {
                let sku = self.catalogue.key(line.sku);
                let mut written = json!({"line": format!("{nth}"), "sku": sku, "quantity": 1});
                if let Some(hold) = &line.hold {
                    written["hold"] = json!(hold);
                }
                written
            })
            .collect();
        for line in lines.iter().filter(|line| line.hold.is_none()) {
            self.note(line.sku);
        }
        let data = json!({
            "lines": written, "policy": "all_or_nothing",
            "payment_due_s": self.plan.payments.due_s,
        });
        self.say("order.placed.v1", &order, at_s, Some(Kind::Order), data);
        let known = Order { lines: lines.len(), placed_s: at_s, stage: Stage::Placed };
        self.orders.insert(order, known);
    }

    // === what they hear ===

    /// Somebody hears the answer to the event of this number.
    pub fn answered(&mut self, (number, kind): (u64, Kind), answer: &Answer, at_s: f64) {
        if let Some((cart, nth)) = self.asked.remove(&number) {
            self.hold_answered(cart, nth, answer, at_s);
        } else if kind == Kind::Order && !answer.is_taken() {
            // An order that was refused is not waited for.
            self.orders.remove(&answer.subject);
        }
    }

    fn hold_answered(&mut self, number: u64, nth: usize, answer: &Answer, at_s: f64) {
        let Some(cart) = self.carts.get_mut(&number) else { return };
        cart.waits_for -= 1;
        let line = &mut cart.lines[nth];
        let hot = self.hot.entry(line.sku).or_default();
        match answer.is_taken() {
            true => hot.granted += 1,
            false => {
                line.hold = None;
                hot.refused += u64::from(answer.busy().is_none());
            }
        }
        if cart.waits_for == 0
            && let Some(cart) = self.carts.remove(&number)
        {
            self.cart_filled(number, cart, at_s);
        }
    }

    /// Most order what they got; some let go, some just leave.
    fn cart_filled(&mut self, number: u64, cart: Cart, at_s: f64) {
        let mut got = cart.lines;
        got.retain(|line| line.hold.is_some());
        if got.is_empty() || cart.is_bot {
            return;
        }
        let lot: f64 = self.chance.random();
        let at_s = at_s + self.between(self.plan.shoppers.think_s);
        let of = &self.plan.shoppers;
        if lot < of.abandon {
            return;
        }
        if lot >= of.abandon + of.release {
            return self.place(at_s, got);
        }
        for line in got {
            let key = self.catalogue.key(line.sku);
            let data = json!({
                "hold": line.hold, "owner": format!("cart-{number}"), "reason": "emptied",
            });
            self.say("hold.released.v1", &key, at_s, Some(Kind::Settlement), data);
        }
    }

    /// When an order was meant to be placed that is not over.
    pub fn placed_s(&self, order: &str) -> Option<f64> {
        self.orders.get(order).map(|order| order.placed_s)
    }

    /// Everybody hears what came of an order; whether it is news.
    pub fn told(&mut self, told: &Told, at_s: f64) -> bool {
        let Some(order) = self.orders.get_mut(&told.subject) else { return false };
        let stage = Stage::of(&told.kind);
        if stage <= order.stage {
            return false;
        }
        order.stage = stage;
        let lines = order.lines;
        match stage {
            Stage::Placed => {}
            Stage::Reserved => self.reserved(&told.subject, at_s),
            Stage::Confirmed => self.confirmed(&told.subject, lines, at_s),
            Stage::Shipped => self.shipped(&told.subject, lines, at_s),
            Stage::Over => drop(self.orders.remove(&told.subject)),
        }
        true
    }

    fn reserved(&mut self, order: &str, at_s: f64) {
        if self.chance.random_bool(self.plan.shoppers.cancel) {
            let at_s = at_s + self.between(self.plan.shoppers.think_s);
            let data = json!({"reason": "found it cheaper"});
            let waits = Some(Kind::Settlement);
            return self.say("order.cancel_requested.v1", order, at_s, waits, data);
        }
        let lot: f64 = self.chance.random();
        let mut at_s = at_s + self.between(self.plan.payments.after_s);
        let (fail, never) = (self.plan.payments.fail, self.plan.payments.never);
        if lot < fail {
            self.pay("payment.failed.v1", order, at_s);
            at_s += self.between(self.plan.payments.after_s);
        }
        // Half of those whose payment failed try again.
        if lot < fail / 2.0 || lot >= fail + never {
            self.pay("payment.captured.v1", order, at_s);
        }
    }

    fn pay(&mut self, kind: &'static str, order: &str, at_s: f64) {
        let payment = format!("P-{}", self.number);
        let data = json!({"payment": payment, "amount_minor": 4_990, "currency": "EUR"});
        self.say(kind, order, at_s, Some(Kind::Settlement), data);
    }

    fn confirmed(&mut self, order: &str, lines: usize, at_s: f64) {
        if self.chance.random_bool(self.plan.warehouse.ships) {
            let at_s = at_s + self.between(self.plan.warehouse.ships_after_s);
            let data = json!({"fulfilment": "F-1", "location": LOCATION, "lines": whole(lines)});
            self.say("fulfilment.shipped.v1", order, at_s, Some(Kind::Settlement), data);
        }
    }

    fn shipped(&mut self, order: &str, lines: usize, at_s: f64) {
        for nth in 0..self.plan.warehouse.tracking {
            let at_s = at_s + 0.5 * f64::from(nth + 1);
            let data = json!({
                "fulfilment": "F-1", "carrier": "post", "status": format!("stop {nth}"),
                "at": self.envelopes.time(at_s),
            });
            self.say("shipment.tracked.v1", order, at_s, None, data);
        }
        if self.chance.random_bool(self.plan.warehouse.returns) {
            let at_s = at_s + self.between(self.plan.warehouse.ships_after_s);
            let lines: Vec<Value> = (1..=lines)
                .map(|nth| json!({"line": format!("{nth}"), "quantity": 1, "disposition": "restock"}))
                .collect();
            let data = json!({"return": "R-1", "lines": lines});
            self.say("return.received.v1", order, at_s, None, data);
        }
    }
}

/// All lines of an order.
fn whole(lines: usize) -> Vec<Value> {
    (1..=lines).map(|nth| json!({"line": format!("{nth}"), "quantity": 1})).collect()
}
