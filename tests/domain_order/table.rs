//! What an order of each status does with each event: one table, compared literally. Set
//! `BLESS=1` to write it anew after a change that was meant.

use earmark::domain::event::{
    FulfilmentStep as F, OrderEvent, OrderPolicy, PaymentStep as P, ReturnStep as R,
};

use crate::{bench::Bench, events::*, text};

/// An order brought to each of its stations.
fn stations() -> Vec<(&'static str, Bench)> {
    let mut all = Vec::new();
    let unplaced = Bench::new();
    let mut placed = unplaced.clone();
    placed.event(two_lines(OrderPolicy::AllOrNothing));
    let mut failing = placed.clone();
    failing.hear("A", not_granted());
    let mut rejected = failing.clone();
    rejected.hear("B", not_granted());
    let mut reserved = placed.clone();
    reserved.hear("A", granted(2));
    reserved.hear("B", granted(1));
    let mut expired = reserved.clone();
    expired.past(901);
    expired.hear("A", released(0));
    expired.hear("B", released(0));
    let mut cancelled = reserved.clone();
    cancelled.event(cancel(None));
    cancelled.hear("A", released(0));
    cancelled.hear("B", released(0));
    let mut committing = reserved.clone();
    committing.event(pay(P::Authorized, 100));
    let mut confirmed = committing.clone();
    confirmed.hear("A", committed(2));
    confirmed.hear("B", committed(1));
    let mut partially = confirmed.clone();
    partially.event(fulfil(F::Shipped, "f0", &[("a", 1)]));
    partially.hear("A", shipped(1));
    let mut gone = confirmed.clone();
    gone.event(fulfil(F::Shipped, "f0", &[("a", 2), ("b", 1)]));
    gone.hear("A", shipped(1));
    gone.hear("B", shipped(1));
    let mut delivered = gone.clone();
    delivered.event(fulfil(F::Delivered, "f0", &[("a", 2), ("b", 1)]));
    let mut closed = delivered.clone();
    closed.past(31 * 24 * 3_600);
    all.extend([("unplaced", unplaced), ("placed", placed), ("failing", failing)]);
    let mut refused = rejected.clone();
    all.extend([("rejected", rejected), ("reserved", reserved), ("expired", expired)]);
    all.extend([("cancelled", cancelled), ("committing", committing), ("confirmed", confirmed)]);
    all.extend([("partially", partially), ("shipped", gone), ("delivered", delivered)]);
    let mut forgotten = closed.clone();
    forgotten.past(40 * 24 * 3_600);
    refused.past(8 * 24 * 3_600);
    all.push(("closed", closed));
    all.extend([("forgotten", forgotten), ("rejected long ago", refused)]);
    all
}

fn events() -> Vec<(&'static str, OrderEvent)> {
    let f1 = |step| fulfil(step, "f1", &[("a", 1)]);
    vec![
        ("placed", two_lines(OrderPolicy::AllOrNothing)),
        ("authorized", pay(P::Authorized, 100)),
        ("captured", pay(P::Captured, 100)),
        ("failed", pay(P::Failed, 100)),
        ("voided", pay(P::Voided, 100)),
        ("refunded", pay(P::Refunded, 100)),
        ("disputed", pay(P::Disputed, 100)),
        ("cancel", cancel(None)),
        ("cancel b", cancel(Some(&["b"]))),
        ("cancel x", cancel(Some(&["x"]))),
        ("edit a 1", edit(&[("a", "A", 1)])),
        ("edit a 3", edit(&[("a", "A", 3)])),
        ("opened", f1(F::Opened)),
        ("held", f1(F::Held)),
        ("resumed", f1(F::Resumed)),
        ("picked", f1(F::Picked)),
        ("shipped", f1(F::Shipped)),
        ("shipped x", fulfil(F::Shipped, "f1", &[("x", 1)])),
        ("shipped 3", fulfil(F::Shipped, "f1", &[("a", 3)])),
        ("delivered", f1(F::Delivered)),
        ("short_picked", f1(F::ShortPicked)),
        ("moved", f1(F::Moved)),
        ("split", f1(F::Split)),
        ("cancelled", f1(F::Cancelled)),
        ("cancelled f0", fulfil(F::Cancelled, "f0", &[("a", 1)])),
        ("return asked", give_back(R::Requested, "r1", &[("a", 1)])),
        ("return approved", give_back(R::Approved, "r1", &[("a", 1)])),
        ("return declined", give_back(R::Declined, "r1", &[("a", 1)])),
        ("returned", give_back(R::Received, "r1", &[("a", 1)])),
        ("tracked", tracked("in_transit", 5)),
    ]
}

#[test]
fn every_status_knows_what_to_do_with_every_event() {
    let mut table = String::new();
    for (station, bench) in stations() {
        for (said, event) in events() {
            let mut bench = bench.clone();
            let decision = text::decision(&bench.event(event));
            let next = bench.status().map_or("-".to_owned(), |status| {
                serde_json::to_value(status).unwrap().as_str().unwrap().to_owned()
            });
            table.push_str(&format!("{station} + {said} -> {next} | {decision}\n"));
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/domain_order/table.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &table).unwrap();
    }
    assert_eq!(table, std::fs::read_to_string(path).unwrap());
}
