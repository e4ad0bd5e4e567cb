//! One of each thing that leaves, to show what it looks like: the examples of the document.
//!
//! Promise: they are rendered by the code that renders what really leaves; each kind of outcome has
//! one.

use serde_json::{Value, from_slice};

use crate::{
    contract::{
        Catalogue, Limits, Rejection,
        answer::{Answer, render_answer, render_rejection_answer},
        availability::{Availability, render_availability},
        dead_letter::{DeadLetter, Payload, event_time, render_dead_letter},
        decode,
        outcome::{OutcomeEvent, render_outcome},
        outgoing::CauseRef,
    },
    domain::{
        brief::{Brief, OrderBrief},
        decision::{Standing, Verdict},
        event::{HoldKind, Lane},
        ids::{EntityKey, HoldName, LocationId, Name, OrderId, Owner, Sku},
        order::{lines::Units, payment::MoneyStage, status::OrderStatus},
        outcome::{LineQuantity, LineRefusal, LineReserved, Outcome, Quantities, ShortHold},
        refusal::{Reason, Refusal},
        time::Timestamp,
    },
};

/// When all of them happened.
pub(super) const NOW: Timestamp = Timestamp(1_772_442_900_250_000);

const CAUSE: CauseRef = CauseRef {
    source: "/shop/web",
    id: "hold-0001",
    traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
};

pub(super) fn name(text: &str) -> Name {
    Name::new(text).expect("a short text is a name")
}

pub(super) fn location() -> LocationId {
    LocationId::new("hamburg").expect("a short text is a name")
}

pub(super) fn sku() -> Sku {
    Sku::new("MUG").expect("a short text is a key")
}

fn order() -> OrderId {
    OrderId::new("SO-1").expect("a short text is a key")
}

fn hold() -> HoldName {
    HoldName::Named(name("cart-81/1"))
}

fn order_hold() -> HoldName {
    let order = order();
    HoldName::Order { order, location: Some(location()), claim: None, attempt: 1 }
}

fn owner() -> Owner {
    Owner::Named(name("cart-81"))
}

fn refusal() -> Refusal {
    Refusal { reason: Reason::InsufficientStock, available: Some(3), about: Some(name("1")) }
}

fn granted(quantity: u32) -> Outcome {
    Outcome::HoldGranted {
        hold: hold(),
        owner: owner(),
        kind: HoldKind::Cart,
        requested: 5,
        quantity,
        backordered: 1,
        location: location(),
        expires_at: NOW,
    }
}

fn of_skus() -> Vec<Outcome> {
    let (hold, owner) = (hold(), owner());
    let short = ShortHold { hold: order_hold(), owner: owner.clone(), units: 2 };
    vec![
        granted(5),
        granted(2),
        Outcome::HoldRejected {
            hold: hold.clone(),
            owner: owner.clone(),
            requested: 5,
            refusal: refusal(),
        },
        Outcome::HoldExtended { hold: hold.clone(), expires_at: NOW },
        Outcome::HoldTransferred {
            hold: hold.clone(),
            from: owner.clone(),
            to: Owner::Order(order()),
        },
        Outcome::HoldCommitted { hold: hold.clone(), owner: owner.clone(), quantity: 5 },
        Outcome::HoldReleased { hold: hold.clone(), owner: owner.clone(), quantity: 5 },
        Outcome::HoldExpired { hold, owner, quantity: 5 },
        Outcome::StockShortfall {
            location: location(),
            units: 2,
            holds: vec![short.clone()],
            more: false,
        },
        Outcome::BackorderFilled {
            location: location(),
            units: 2,
            holds: vec![short.clone()],
            more: false,
        },
        Outcome::ShortfallCovered {
            location: location(),
            units: 2,
            holds: vec![short],
            more: false,
        },
        Outcome::EventRefused { refusal: Reason::NotOwner.into() },
    ]
}

fn of_orders() -> Vec<Outcome> {
    let units = vec![LineQuantity { line: name("1"), quantity: 2 }];
    let refused = vec![LineRefusal { line: name("2"), sku: sku(), refusal: refusal() }];
    let reserved = LineReserved {
        line: name("1"),
        sku: sku(),
        quantity: 2,
        backordered: 0,
        location: location(),
    };
    let shipped = |complete| Outcome::OrderShipped {
        fulfilment: name("F-1"),
        lines: units.clone(),
        complete,
    };
    vec![
        Outcome::OrderReserved {
            lines: vec![reserved],
            refused: refused.clone(),
            payment_due_at: NOW,
        },
        Outcome::OrderRejected { refused },
        Outcome::OrderConfirmed,
        shipped(false),
        shipped(true),
        Outcome::OrderDelivered,
        Outcome::OrderCancelled { lines: units.clone(), complete: true, reason: "mistake".into() },
        Outcome::OrderCancelRefused { refusal: Reason::AlreadyShipped.into() },
        Outcome::OrderExpired,
        Outcome::OrderClosed,
        Outcome::RefundDue {
            payment: name("P-77"),
            amount_minor: 2490,
            currency: "EUR".into(),
            refusal: Reason::PaymentTooLate.into(),
        },
        Outcome::ShipmentCancelled {
            fulfilment: name("F-1"),
            lines: units.clone(),
            complete: false,
        },
        Outcome::OrderReturned { r#return: name("R-5"), lines: units.clone(), complete: true },
        Outcome::OrderEdited { lines: units.clone() },
        Outcome::OrderEditRefused {
            refused: vec![LineRefusal { line: name("2"), sku: sku(), refusal: refusal() }],
        },
        Outcome::FulfilmentMoved { fulfilment: name("F-1"), lines: units },
        Outcome::FulfilmentNotMoved { fulfilment: name("F-1"), refusal: refusal() },
    ]
}

/// An outcome of each kind, of SKUs and then of orders.
pub fn outcomes() -> Vec<(EntityKey, Outcome)> {
    let (of_sku, of_order) = (EntityKey::Sku(sku()), EntityKey::Order(order()));
    let of_skus = of_skus().into_iter().map(|outcome| (of_sku.clone(), outcome));
    of_skus.chain(of_orders().into_iter().map(|outcome| (of_order.clone(), outcome))).collect()
}

/// An outcome as it leaves.
pub fn rendered(key: &EntityKey, outcome: &Outcome) -> Value {
    let quantities = Quantities { on_hand: 10, available: 7, held: 3, ..Quantities::default() };
    value(&render_outcome(&OutcomeEvent {
        id: "1-4-77-0",
        key,
        time: NOW,
        cause: Some(CAUSE),
        outcome,
        quantities: matches!(key, EntityKey::Sku(_)).then_some(&quantities),
    }))
}

/// What an event may be answered, of each kind.
pub fn verdicts() -> Vec<Verdict> {
    let granted = |quantity| Verdict::HoldGranted {
        requested: 5,
        quantity,
        backordered: 1,
        location: location(),
        expires_at: NOW,
    };
    vec![
        granted(5),
        granted(2),
        Verdict::HoldExtended { expires_at: NOW },
        Verdict::Refused(refusal()),
        Verdict::Accepted,
        Verdict::Recorded,
        Verdict::Parked,
    ]
}

/// Answers, one of each kind.
pub fn answers() -> Vec<Value> {
    let answer = |verdict: &Verdict, retry_after_s: Option<u32>| {
        let standing = Standing::New;
        let (id, subject) = ("1-4-77-1", "MUG");
        let (time, cause) = (NOW, CAUSE);
        value(&render_answer(&Answer {
            id,
            subject,
            time,
            cause,
            verdict,
            standing,
            retry_after_s,
        }))
    };
    let mut answers: Vec<Value> = verdicts().iter().map(|of| answer(of, None)).collect();
    answers.push(answer(&Verdict::Refused(Reason::Busy.into()), Some(5)));
    answers.push(value(&render_rejection_answer("1-4-77-1", NOW, &rejection())));
    answers
}

/// What a shop may show of a SKU.
pub fn availability() -> Value {
    let total = Quantities { on_hand: 10, available: 7, held: 3, ..Quantities::default() };
    let sku = &sku();
    let (incarnation, revision, as_of) = (1, 12, NOW);
    value(&render_availability(&Availability { sku, incarnation, revision, as_of, total }))
}

/// Dead letters, with the bytes inside and outside.
pub fn dead_letters() -> Vec<Value> {
    let (rejection, catalogue) = (rejection(), Catalogue::shipped());
    let total = Quantities { on_hand: 10, available: 7, held: 3, ..Quantities::default() };
    let sku = Brief::Sku { revision: 12, total };
    let units = Units { reserved: 5, ..Units::default() };
    let order = OrderBrief { status: OrderStatus::Reserved, payment: MoneyStage::Unpaid, units };
    let order = Brief::Order { revision: 3, placed: Some(order) };
    let letter = |payload, stood| {
        value(&render_dead_letter(&DeadLetter {
            id: "1-4-77-2",
            rejection: &rejection,
            handling: catalogue.handling(rejection.reason, rejection.kind.as_deref(), Lane::Demand),
            event_time: event_time(WITHOUT_OWNER.as_bytes()),
            stream: "EARMARK_IN",
            sequence: 77,
            subject: "earmark.p.3.demand.sku",
            logged_at: NOW,
            time: NOW,
            headers: "Nats-Msg-Id: hold-0001",
            stood: Some(stood),
            payload,
        }))
    };
    vec![
        letter(Payload::Inline(WITHOUT_OWNER.as_bytes()), sku),
        letter(Payload::Object("1-4-77-2"), order),
    ]
}

/// An event that lacks a field.
const WITHOUT_OWNER: &str = r#"{"specversion":"1.0","id":"hold-0001","source":"/shop/web",
"type":"hold.requested.v1","subject":"MUG","time":"2026-03-02T09:15:00Z",
"data":{"hold":"cart-81/1","kind":"cart","quantity":5}}"#;

fn rejection() -> Rejection {
    *decode(WITHOUT_OWNER.as_bytes(), &Limits::default()).expect_err("a hold is somebody's")
}

fn value(bytes: &[u8]) -> Value {
    from_slice(bytes).expect("what leaves is JSON")
}
