//! Answers to questions, one of each kind, to show what they look like: examples of the document.
//!
//! Promise: they are written by the code that writes what is really answered.

use std::sync::Arc;

use serde_json::{Value, from_slice};

use super::samples::{NOW, location, name, sku};
use crate::{
    contract::availability::Shown,
    domain::{
        ids::{EntityKey, OrderId},
        order::{
            fulfilment::Stage,
            lines::Units,
            payment::Payment,
            returns::{ReturnStage, Returned},
            status::OrderStatus,
        },
        outcome::Quantities,
        refusal::Reason,
        time::Span,
    },
    inspecting::{
        View,
        view::{
            FulfilmentView, LineView, LocationView, OrderView, ParcelView, PaymentView, ReturnView,
            ReturnedView, SkuView,
        },
    },
    ports::Position,
    query::{
        Told, answer,
        certainty::{Rule, Standing, Stands},
    },
};

const RULE: Rule =
    Rule { fresh: Span::from_secs(10), behind: Span::from_secs(5), units_per_message: None };
const TOTAL: Quantities = Quantities {
    on_hand: 10,
    available: 7,
    held: 3,
    allocated: 0,
    unavailable: 0,
    short: 0,
    backordered: 0,
    overdrawn: 0,
};

fn told(view: View) -> Told {
    Told {
        view: Some(Arc::new(view)),
        position: Position { incarnation: 1, sequence: 77 },
        at: NOW,
        decided_at: NOW,
        decided_to: NOW - Span::from_millis(40),
        added_to: NOW - Span::from_millis(90),
        sheds: false,
    }
}

fn read(answer: Result<Vec<u8>, crate::query::Refusal>) -> Value {
    from_slice(&answer.expect("it is known")).expect("answers are JSON")
}

/// About a SKU: by its owner, by its last value, and where nothing is known.
pub fn about_skus() -> Vec<Value> {
    let key = EntityKey::Sku(sku());
    let view = View::Sku(SkuView {
        revision: 12,
        on_sale: true,
        promisable: 7,
        beyond_stock: 5,
        total: TOTAL,
        locations: vec![LocationView { location: location(), quantities: TOTAL }],
        locations_in_all: 1,
        holds_open: 2,
    });
    let exact = answer::told(&key, 3, &told(view), &RULE);
    let shown = Shown { incarnation: 1, revision: 12, as_of: NOW, total: TOTAL };
    let standing = Standing {
        stands: Stands::Silent,
        at: NOW,
        unread: None,
        decided_to: None,
        added_to: None,
        sheds: false,
    };
    let last = |shown, standing| {
        answer::last_known(&key, 3, shown, standing, (NOW, "its owner is silent"), &RULE)
    };
    vec![read(exact), read(last(Some(shown), Some(&standing))), read(last(None, None))]
}

/// About an order: one whose line was refused in part, and one that is on its way.
pub fn about_orders() -> Vec<Value> {
    [Some(Reason::InsufficientStock), None].map(about_order).into()
}

fn about_order(reason: Option<Reason>) -> Value {
    let key = EntityKey::Order(OrderId::new("SO-1").expect("a short text is a key"));
    let refused = if reason.is_some() { 1 } else { 0 };
    let line = name("1");
    let parcel = ParcelView { line: line.clone(), planned: 2, shipped: 2, delivered: 0 };
    let units = Returned { asked: 1, ..Returned::default() };
    let amounts = Payment {
        currency: "EUR".to_owned(),
        authorized: 1_200,
        captured: 1_200,
        pays: true,
        ..Payment::default()
    };
    let view = View::Order(OrderView {
        revision: 9,
        status: OrderStatus::Shipped,
        payment: "served",
        placed_at: crate::contract::time::format(NOW - Span::from_secs(3_600)),
        payment_due_at: crate::contract::time::format(NOW),
        lines: vec![LineView {
            line: line.clone(),
            sku: sku(),
            ordered: 2 + refused,
            units: Units { shipped: 2, refused, ..Units::default() },
            reason,
        }],
        payments: vec![PaymentView { payment: name("pay-1"), amounts }],
        fulfilments: vec![FulfilmentView {
            fulfilment: name("f-1"),
            stage: Stage::Shipped,
            location: Some(location()),
            tracking: Some("T-9".to_owned()),
            lines: vec![parcel],
        }],
        returns: vec![ReturnView {
            r#return: name("r-1"),
            stage: ReturnStage::Requested,
            lines: vec![ReturnedView { line, units }],
        }],
    });
    read(answer::told(&key, 3, &told(view), &RULE))
}
