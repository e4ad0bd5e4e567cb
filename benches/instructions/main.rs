//! How many instructions the inner steps take, counted under valgrind: a number that another load
//! on the machine does not change. `tests/instructions` compares them with `counts.toml`.
//!
//! `cargo bench --bench instructions --profile dev` shows them; `make counts` writes them down.

#![allow(missing_docs, reason = "the macros make modules that nobody reads")]

use std::{hint::black_box, sync::Arc};

use earmark::{
    contract::{
        self, AnyEvent, CauseRef, Limits,
        answer::{Answer, render_answer},
    },
    domain::{
        Entity, Moment,
        decision::{Cause, Decision, Input, Published, Standing, Verdict},
        ids::{OrderId, Sku},
        order::{OrderFact, OrderState},
        policy::Policy,
        sku::{SkuFact, SkuState},
        time::Timestamp,
    },
    partition::{
        batch::Batch,
        entry::{Decided, Entry, Facts, Shown, Trigger},
        format::NEWEST,
        record::{Header, Released, encode},
    },
    ports::Cursor,
};
use gungraun::{library_benchmark, library_benchmark_group, main};

/// 2026-11-27, 10:00 UTC.
const NOW: Timestamp = Timestamp(1_795_773_600_000_000);
/// Decisions in a record.
const DECISIONS: u32 = 256;

fn hold(number: u32) -> String {
    format!(
        r#"{{"specversion":"1.0","id":"hold-{number}","source":"/shop","type":"hold.requested.v1",
        "subject":"CUP","time":"2026-11-27T10:00:00Z","replyto":"_INBOX.a.b","data":{{"hold":
        "cart-{number}","owner":"shopper-{number}","kind":"cart","quantity":2,"ttl_s":900}}}}"#
    )
}

fn order() -> String {
    let line = |n| format!(r#"{{"line":"{n}","sku":"SKU-{n}","quantity":1}}"#);
    let lines: Vec<String> = (1..=5).map(line).collect();
    format!(
        r#"{{"specversion":"1.0","id":"order-1","source":"/shop","type":"order.placed.v1",
        "subject":"SO-1","time":"2026-11-27T10:00:00Z","data":{{"lines":[{}],
        "policy":"all_or_nothing","payment_due_s":3600}}}}"#,
        lines.join(",")
    )
}

const STOCK: &str = r#"{"specversion":"1.0","id":"po-1","source":"/wms","type":"stock.received.v1",
    "subject":"CUP","time":"2026-11-27T09:00:00Z",
    "data":{"location":"east","quantity":100000,"reference":"po-1"}}"#;

fn read(text: &str) -> (Arc<Cause>, AnyEvent) {
    let decoded = contract::decode(text.as_bytes(), &Limits::default());
    let (_, cause, event) = decoded.expect("an event of ours").into_parts(NOW, 1);
    (cause, event)
}

type SkuInput = Input<earmark::domain::event::SkuEvent, earmark::domain::command::SkuCommand>;

fn sku_input(text: &str) -> SkuInput {
    match read(text) {
        (cause, AnyEvent::Sku(event)) => Input::Event(Published { cause, event }),
        (_, AnyEvent::Order(_)) => panic!("an event of a SKU"),
    }
}

fn decided(state: &mut SkuState, text: &str) -> Decision<SkuFact> {
    let policy = Policy::default();
    let decision = state.decide(&sku_input(text), &Moment::new(NOW, &policy));
    for fact in &decision.facts {
        state.apply(fact, NOW).expect("it was just decided");
    }
    decision
}

/// A SKU with a hundred open holds.
fn busy_sku() -> SkuState {
    let mut state = SkuState::new(Sku::new("CUP").expect("a key"));
    decided(&mut state, STOCK);
    for number in 1_000..1_100 {
        decided(&mut state, &hold(number));
    }
    state.take_changed_parts();
    state
}

// === deciding ===

fn hold_to_decide() -> (SkuState, SkuInput, Policy) {
    (busy_sku(), sku_input(&hold(1)), Policy::default())
}

#[library_benchmark]
#[bench::hold(setup = hold_to_decide)]
fn decide_hold((mut state, input, policy): (SkuState, SkuInput, Policy)) -> SkuState {
    let decision = state.decide(black_box(&input), &Moment::new(NOW, &policy));
    for fact in &decision.facts {
        state.apply(fact, NOW).expect("it was just decided");
    }
    state.check().expect("units are conserved");
    black_box(decision);
    state
}

fn order_to_decide() -> (OrderState, Published<earmark::domain::event::OrderEvent>, Policy) {
    let (cause, AnyEvent::Order(event)) = read(&order()) else { panic!("an event of an order") };
    let state = OrderState::new(OrderId::new("SO-1").expect("a key"));
    (state, Published { cause, event }, Policy::default())
}

#[library_benchmark]
#[bench::five_lines(setup = order_to_decide)]
fn decide_order(
    (state, placed, policy): (OrderState, Published<earmark::domain::event::OrderEvent>, Policy),
) -> Decision<OrderFact> {
    let moment = Moment::new(NOW, &policy);
    black_box(state.decide(&Input::Event(black_box(placed)), &moment))
}

// === the codec ===

#[library_benchmark]
#[bench::hold(hold(1))]
#[bench::order_of_five_lines(order())]
fn decode(text: String) -> usize {
    let decoded = contract::decode(black_box(text.as_bytes()), &Limits::default());
    black_box(decoded).map_or(0, |decoded| decoded.unknown_fields.len())
}

fn granted() -> (Arc<Cause>, Verdict) {
    let decision = decided(&mut busy_sku(), &hold(1));
    (read(&hold(1)).0, decision.verdict)
}

#[library_benchmark]
#[bench::granted(setup = granted)]
fn answer((cause, verdict): (Arc<Cause>, Verdict)) -> Vec<u8> {
    black_box(render_answer(&Answer {
        id: "1-7-4711-12",
        subject: "CUP",
        time: NOW,
        cause: CauseRef::from(&*cause),
        verdict: &verdict,
        standing: Standing::New,
        retry_after_s: None,
    }))
}

// === a record ===

fn entries() -> Vec<Entry> {
    let mut state = busy_sku();
    (0..DECISIONS)
        .map(|number| {
            let text = hold(number);
            let decision = decided(&mut state, &text);
            let shown = Some(Shown { revision: state.revision(), total: state.quantities(None) });
            Entry::Decided(Box::new(Decided {
                entity: earmark::domain::ids::EntityKey::Sku(state.sku().clone()),
                trigger: Trigger::Event(read(&text).0),
                facts: Facts::Sku(decision.facts),
                outcomes: decision.outcomes,
                commands: decision.commands,
                given_up: decision.given_up,
                verdict: decision.verdict,
                standing: decision.standing,
                shown,
                books: None,
            }))
        })
        .collect()
}

fn header() -> Header {
    Header {
        partition: 7,
        partitions: 16,
        incarnation: 1,
        batch: 4_711,
        owner: "pod-1".to_owned(),
        previous: None,
        decided_at: NOW,
        cursors: [Cursor::default(); 5],
        released: Released::default(),
        entries: DECISIONS,
    }
}

#[library_benchmark]
#[bench::of_256_holds(setup = entries)]
fn record(entries: Vec<Entry>) -> Vec<u8> {
    let mut batch = Batch::default();
    for entry in entries {
        batch.push(black_box(entry)).expect("it can be encoded");
    }
    black_box(encode(NEWEST, &header(), &batch.bytes).expect("it can be encoded"))
}

// === a snapshot ===

fn changed_sku() -> SkuState {
    let mut state = busy_sku();
    for number in 0..16 {
        decided(&mut state, &hold(number));
    }
    state
}

#[library_benchmark]
#[bench::of_16_holds(setup = changed_sku)]
fn snapshot(mut state: SkuState) -> usize {
    let parts = state.take_changed_parts().into_iter();
    let bytes = parts.filter_map(|(_, part)| Some(postcard::to_stdvec(&part?).ok()?.len()));
    black_box(bytes.sum())
}

library_benchmark_group!(name = deciding, benchmarks = [decide_hold, decide_order]);
library_benchmark_group!(name = codec, benchmarks = [decode, answer]);
library_benchmark_group!(name = batch, benchmarks = [record]);
library_benchmark_group!(name = snapshots, benchmarks = [snapshot]);
main!(library_benchmark_groups = [deciding, codec, batch, snapshots]);
