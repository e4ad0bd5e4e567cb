//! A small journal made by hand, for the tests of the checker: five units of tea, two orders for
//! three each under `all_or_nothing`. The first is paid and ships, the second is rejected and its
//! money is due back; the first payment is heard twice, and so is the first question, long after its
//! hold has ended.

use std::collections::BTreeMap;

use bytes::Bytes;
use earmark::{
    domain::{
        command::{Command, SkuAnswer},
        decision::{Cause, Standing, Verdict},
        event::{HoldKind, Lane, OrderPolicy},
        ids::{EntityKey, EventKey, Fingerprint, HoldName, LocationId, Name, OrderId, Owner, Sku},
        order::{
            OrderFact,
            saga::{Ask, Grant, LegFact, Sent, Shipment},
            terms::Terms,
        },
        outcome::{LineRefusal, LineReserved, Outcome},
        refusal::{Reason, Refusal},
        sku::{
            SkuFact,
            hold::{Ending, Hold, HoldState, PromiseNo, Units},
            stock::StockChange,
        },
        time::Timestamp,
    },
    partition::{
        entry::{Decided, Entry, Facts, Trigger},
        record::{Header, Link, RecordHash, Released, encode},
    },
    ports::Cursor,
};
use serde_json::{Value, json};

use super::Evidence;
use crate::streams::Stored;

/// The names of the story's decisions, in order.
pub const STEPS: [&str; 16] = [
    "received",
    "a placed",
    "b placed",
    "a granted",
    "b refused",
    "a reserved",
    "b rejected",
    "a paid",
    "a committed",
    "a confirmed",
    "b paid",
    "a paid again",
    "a shipped",
    "a left",
    "a acknowledged",
    "a asked again",
];

/// What was published and decided; tests change it.
pub struct Story {
    /// The messages of EARMARK_IN.
    pub input: Vec<Value>,
    /// The decisions, by the names of [`STEPS`].
    pub steps: BTreeMap<&'static str, Decided>,
}

impl Story {
    /// The story as it should be.
    pub fn new() -> Story {
        let mut input = vec![received(5)];
        for order in ["a", "b"] {
            input.push(placed(order));
            input.push(captured(order));
        }
        input.extend([captured("a"), shipped("a", 3)]);
        Story { input, steps: STEPS.into_iter().map(|step| (step, decided(step))).collect() }
    }

    /// A decision of the story.
    pub fn step(&mut self, step: &'static str) -> &mut Decided {
        self.steps.get_mut(step).expect("the story has this step")
    }

    /// The streams as they would be, one record a decision.
    pub fn evidence(&self) -> Evidence {
        let known = STEPS.iter().filter_map(|step| self.steps.get(step));
        let entries = known.map(|decided| Entry::Decided(Box::new(decided.clone())));
        let entries: Vec<Entry> = std::iter::once(Entry::Genesis).chain(entries).collect();
        let input = (1..).zip(&self.input).map(|(sequence, event)| {
            stored(sequence, "earmark.p.0.lane.entity", event.to_string().into_bytes())
        });
        let (journal, out) = (journal(&entries), out(&entries));
        Evidence { input: input.collect(), journal, out, told: Vec::new() }
    }
}

fn stored(sequence: u64, subject: &str, bytes: Vec<u8>) -> Stored {
    let (at, payload) = (Timestamp::default(), Bytes::from(bytes));
    Stored { sequence, at, subject: subject.to_owned(), payload }
}

fn journal(entries: &[Entry]) -> Vec<Stored> {
    let mut previous = None;
    let mut records = Vec::new();
    for (sequence, entry) in (1..).zip(entries) {
        let header = Header {
            partition: 0,
            partitions: 1,
            incarnation: 1,
            batch: u128::from(sequence),
            owner: "story".to_owned(),
            previous,
            decided_at: Timestamp::default(),
            cursors: [Cursor::default(); 5],
            released: Released::default(),
            entries: 1,
        };
        let entry = postcard::to_stdvec(entry).expect("an entry can be encoded");
        let bytes = encode(1, &header, &entry).expect("a record can be encoded");
        previous = Some(Link { sequence, hash: RecordHash::of(&bytes) });
        records.push(stored(sequence, "earmark.journal.0", bytes));
    }
    records
}

fn out(entries: &[Entry]) -> Vec<Stored> {
    let mut out = Vec::new();
    for (sequence, entry) in (1_u64..).zip(entries) {
        let Entry::Decided(decided) = entry else { continue };
        for (index, outcome) in decided.outcomes.iter().enumerate() {
            let event = json!({
                "id": format!("1-0-{sequence}-{index}"),
                "type": format!("{}.v1", outcome.kind()),
                "subject": decided.entity.key(),
            });
            out.push(stored(out.len() as u64 + 1, "earmark.out", event.to_string().into_bytes()));
        }
    }
    out
}

/// `stock.received`.
pub fn received(quantity: u64) -> Value {
    event("stock.received", "tea", "received", json!({"location": "east", "quantity": quantity}))
}

fn placed(order: &str) -> Value {
    let line = json!({"line": "1", "sku": "tea", "quantity": 3, "location": "east"});
    event("order.placed", order, "placed", json!({"lines": [line]}))
}

fn captured(order: &str) -> Value {
    event("payment.captured", order, "captured", json!({"amount_minor": 3000}))
}

/// `fulfilment.shipped`.
pub fn shipped(order: &str, quantity: u64) -> Value {
    let line = json!({"line": "1", "quantity": quantity});
    event("fulfilment.shipped", order, "shipped", json!({"location": "east", "lines": [line]}))
}

/// An event of the story.
pub fn event(kind: &str, subject: &str, what: &str, data: Value) -> Value {
    let id = format!("{subject}/{what}");
    json!({"source": "story", "id": id, "type": format!("{kind}.v1"), "subject": subject, "data": data})
}

fn decided(step: &str) -> Decided {
    let a = hold_name("a");
    match step {
        "received" => sku(published("tea/received"), vec![stock_came(5)], None),
        "a placed" => order("a", published("a/placed"), asked(), vec![]),
        "b placed" => order("b", published("b/placed"), asked(), vec![]),
        "a granted" => sku(asked_by("a"), vec![hold_opened(0, "a")], Some(granted("a", 3))),
        "b refused" => sku(asked_by("b"), vec![], Some(refused("b"))),
        "a reserved" => {
            order("a", answered(), vec![leg(LegFact::Granted(grant()))], vec![reserved()])
        }
        "b rejected" => {
            order("b", answered(), vec![leg(LegFact::Refused(insufficient()))], vec![rejected()])
        }
        "a paid" => order("a", published("a/captured"), vec![sent()], vec![]),
        "a committed" => {
            let committed = SkuAnswer::Committed { hold: a, quantity: 3 };
            let fact = SkuFact::HoldCommitted { promise: PromiseNo(0) };
            sku(asked_by("a"), vec![fact], Some(("a", committed)))
        }
        "a confirmed" => {
            let fact = leg(LegFact::Allocated { quantity: 3 });
            order("a", answered(), vec![fact], vec![Outcome::OrderConfirmed])
        }
        "b paid" => order("b", published("b/captured"), vec![], vec![refund_due()]),
        "a paid again" => {
            let again = order("a", published("a/captured"), vec![], vec![]);
            Decided { standing: Standing::Repeated, ..again }
        }
        "a shipped" => {
            order("a", published("a/shipped"), vec![shipping(), sent()], vec![left(true)])
        }
        "a left" => {
            let shipped = SkuAnswer::Shipped { hold: a, shipment: 1 };
            let facts = vec![hold_shipped(3), hold_ended(0)];
            sku(asked_by("a"), facts, Some(("a", shipped)))
        }
        "a acknowledged" => {
            order("a", answered(), vec![leg(LegFact::Shipped { number: 1 })], vec![])
        }
        "a asked again" => sku(asked_by("a"), vec![], Some(ended("a"))),
        other => panic!("the story has no {other}"),
    }
}

fn sku(trigger: Trigger, facts: Vec<SkuFact>, answer: Option<(&str, SkuAnswer)>) -> Decided {
    let tea = Sku::new("tea").expect("a name");
    let answer = answer.map(|(to, answer)| {
        Command::answer(&tea, &OrderId::new(to).expect("a name"), Timestamp::default(), answer)
    });
    let commands = answer.into_iter().collect();
    Decided { commands, ..bare(EntityKey::Sku(tea), trigger, Facts::Sku(facts)) }
}

fn order(id: &str, trigger: Trigger, facts: Vec<OrderFact>, outcomes: Vec<Outcome>) -> Decided {
    let key = EntityKey::Order(OrderId::new(id).expect("a name"));
    Decided { outcomes, ..bare(key, trigger, Facts::Order(facts)) }
}

fn bare(entity: EntityKey, trigger: Trigger, facts: Facts) -> Decided {
    Decided {
        entity,
        trigger,
        facts,
        outcomes: vec![],
        commands: vec![],
        given_up: vec![],
        verdict: Verdict::Accepted,
        standing: Standing::New,
        shown: None,
        books: None,
    }
}

fn published(id: &str) -> Trigger {
    let cause = Cause {
        source: "story".to_owned(),
        id: id.to_owned(),
        kind: String::new(),
        key: EventKey(0),
        fingerprint: Fingerprint(0),
        time: Timestamp::default(),
        logged_at: Timestamp::default(),
        lane: Lane::Demand,
        sequence: 0,
        expires_at: None,
        reply_to: None,
        traceparent: None,
    };
    Trigger::Event(cause.into())
}

fn asked_by(order: &str) -> Trigger {
    let from = EntityKey::Order(OrderId::new(order).expect("a name"));
    Trigger::Command { from, sequence: 0, origin: None }
}

fn answered() -> Trigger {
    let from = EntityKey::Sku(Sku::new("tea").expect("a name"));
    Trigger::Command { from, sequence: 0, origin: None }
}

/// Units came.
pub fn stock_came(units: i64) -> SkuFact {
    let change = StockChange { on_hand: units, available: units, ..StockChange::default() };
    SkuFact::StockChanged { location: east(), change }
}

/// Three units are held for an order.
pub fn hold_opened(promise: u64, order: &str) -> SkuFact {
    SkuFact::HoldOpened(Box::new(Hold {
        promise: PromiseNo(promise),
        name: hold_name(order),
        owner: Owner::Order(OrderId::new(order).expect("a name")),
        kind: HoldKind::Order,
        location: east(),
        requested: 3,
        units: Units { covered: 3, ..Units::default() },
        state: HoldState::Held { expires_at: Timestamp::MAX },
        shipments: Default::default(),
    }))
}

/// Units of the first hold left.
pub fn hold_shipped(units: u64) -> SkuFact {
    SkuFact::HoldShipped { promise: PromiseNo(0), units }
}

/// A hold ended.
pub fn hold_ended(promise: u64) -> SkuFact {
    let promise = PromiseNo(promise);
    SkuFact::HoldEnded { promise, ending: Ending::Shipped, stone: promise }
}

/// The answer to an order that its hold stands.
pub fn granted(order: &str, quantity: u32) -> (&str, SkuAnswer) {
    let hold = hold_name(order);
    (order, SkuAnswer::Reserved { hold, quantity, backordered: 0, location: east() })
}

/// The answer as a command.
pub fn answer_to((order, answer): (&str, SkuAnswer)) -> Command {
    let to = OrderId::new(order).expect("a name");
    Command::answer(&Sku::new("tea").expect("a name"), &to, Timestamp::default(), answer)
}

fn refused(order: &str) -> (&str, SkuAnswer) {
    (order, SkuAnswer::NotReserved { hold: hold_name(order), refusal: insufficient() })
}

/// The answer to an order that its hold has ended.
pub fn ended(order: &str) -> (&str, SkuAnswer) {
    let (hold, refusal) = (hold_name(order), Reason::HoldEnded.into());
    (order, SkuAnswer::NotReserved { hold, refusal })
}

/// `order.rejected`.
pub fn rejected() -> Outcome {
    let (line, sku) = (Name::new("1").expect("a name"), Sku::new("tea").expect("a name"));
    Outcome::OrderRejected { refused: vec![LineRefusal { line, sku, refusal: insufficient() }] }
}

/// `refund.due` of what was paid.
pub fn refund_due() -> Outcome {
    Outcome::RefundDue {
        payment: Name::new("payment").expect("a name"),
        amount_minor: 3_000,
        currency: "EUR".to_owned(),
        refusal: insufficient(),
    }
}

/// `order.shipped`, or `order.partially_shipped`.
pub fn left(complete: bool) -> Outcome {
    let fulfilment = Name::new("parcel").expect("a name");
    Outcome::OrderShipped { fulfilment, lines: vec![], complete }
}

fn reserved() -> Outcome {
    let line = LineReserved {
        line: Name::new("1").expect("a name"),
        sku: Sku::new("tea").expect("a name"),
        quantity: 3,
        backordered: 0,
        location: east(),
    };
    let payment_due_at = Timestamp::MAX;
    Outcome::OrderReserved { lines: vec![line], refused: vec![], payment_due_at }
}

fn insufficient() -> Refusal {
    Reason::InsufficientStock.into()
}

fn asked() -> Vec<OrderFact> {
    let terms = Terms {
        policy: OrderPolicy::AllOrNothing,
        backorder: false,
        placed_at: Timestamp::default(),
        answers_due_at: Timestamp::MAX,
        payment_due_at: Timestamp::MAX,
        holds_until: Timestamp::MAX,
        cancel_until: None,
    };
    vec![OrderFact::Placed { terms, lines: vec![], legs: vec![] }, sent()]
}

fn leg(fact: LegFact) -> OrderFact {
    OrderFact::Leg { leg: 0, fact }
}

fn sent() -> OrderFact {
    leg(LegFact::Sent(Sent {
        ask: Ask::Reserve,
        time: Timestamp::default(),
        sent_at: Timestamp::default(),
        tries: 1,
        again_at: Timestamp::MAX,
    }))
}

fn shipping() -> OrderFact {
    let time = Timestamp::default();
    leg(LegFact::Shipping(Shipment { number: 1, location: east(), quantity: 3, held: 3, time }))
}

fn grant() -> Grant {
    Grant { quantity: 3, backordered: 0, location: east() }
}

fn east() -> LocationId {
    LocationId::new("east").expect("a name")
}

fn hold_name(order: &str) -> HoldName {
    let order = OrderId::new(order).expect("a name");
    HoldName::Order { order, location: Some(east()), claim: None, attempt: 1 }
}
