//! Orders that change: lines that are replaced, units that change hands, fulfilments that are
//! cancelled in part. What a whole story shows stands in `tests/scenarios`.

use earmark::domain::{
    command::SkuAnswer,
    event::{FulfilmentStep as F, OrderPolicy},
    ids::HoldName,
    order::status::OrderStatus,
    refusal::{Reason, Refusal},
};

use crate::{
    bench::{Bench, confirmed_bench, reserved_bench},
    events::*,
};

/// The hold that an order asks a SKU for under an attempt.
fn attempt(attempt: u32) -> HoldName {
    match hold() {
        HoldName::Order { order, location, claim, .. } => {
            HoldName::Order { order, location, claim, attempt }
        }
        other => other,
    }
}

fn open(bench: &Bench, line: &str) -> u32 {
    bench.state.order().expect("it is placed").open_of(&name(line))
}

#[test]
fn an_order_whose_lines_are_replaced_waits_for_the_answer_and_for_its_money() {
    let mut bench = reserved_bench();
    let replaced = bench.say(edit(&[("a", "A", 0), ("b", "B", 0), ("c", "C", 1)]));
    let asked = "accepted | C reserve 1, A release keep 0, B release keep 0";
    assert_eq!(replaced, format!("{asked} | order.edited a:0 b:0"));
    assert_eq!(bench.status(), Some(OrderStatus::Placed));
    let unpaid = bench.past(901);
    let releases = "C release keep 0, A release keep 0, B release keep 0";
    assert_eq!(unpaid, format!("recorded | {releases} | order.cancelled, all, payment_too_late"));
    assert_eq!(bench.status(), Some(OrderStatus::Cancelled));
}

#[test]
fn a_replaced_line_that_is_refused_ends_the_order_and_its_money_is_due_back() {
    let mut bench = confirmed_bench();
    bench.event(edit(&[("a", "A", 0), ("b", "B", 0), ("c", "C", 1)]));
    assert_eq!(bench.status(), Some(OrderStatus::Confirmed));
    let refused = bench.told("C", not_granted());
    let said = "order.edit_refused c:insufficient_stock; order.cancelled, all, edited";
    assert_eq!(refused, format!("recorded |  | {said}; refund.due 100, order_ended"));
}

#[test]
fn units_that_wait_for_an_answer_change_hands() {
    let mut bench = Bench::new();
    let lines = vec![line("a", "A", 2), line("b", "A", 1)];
    let placed = placed(lines, OrderPolicy::AllOrNothing);
    bench.event(earmark::domain::event::OrderEvent::Placed(placed));
    let changed = bench.say(edit(&[("a", "A", 1), ("b", "A", 2)]));
    assert_eq!(changed, "accepted |  | order.edited a:1 b:2");
    bench.hear("A", granted(3));
    assert_eq!((open(&bench, "a"), open(&bench, "b")), (1, 2));
    assert_eq!(bench.status(), Some(OrderStatus::Reserved));
}

#[test]
fn fewer_units_than_were_refused_are_asked_for_once_more() {
    let mut bench = Bench::new();
    bench.event(two_lines(OrderPolicy::AllOrNothing));
    bench.event(edit(&[("a", "A", 1)]));
    let refusal = |available| Refusal {
        reason: Reason::InsufficientStock,
        available: Some(available),
        about: None,
    };
    let refused = SkuAnswer::NotReserved { hold: hold(), refusal: refusal(1) };
    assert_eq!(bench.told("A", refused.clone()), "recorded | A reserve 1 | ");
    assert_eq!(bench.told("A", refused), "recorded |  | ", "it was heard before");
    let none = SkuAnswer::NotReserved { hold: attempt(2), refusal: refusal(0) };
    assert_eq!(bench.told("A", none), "recorded |  | ", "B has not answered");
    let rest = bench.told("B", granted(1));
    let said = "order.cancelled b:1, all, insufficient_stock";
    assert_eq!(rest, format!("recorded | B release keep 0 | {said}"));
}

#[test]
fn a_part_of_a_parcel_comes_back_and_the_rest_later() {
    let mut bench = confirmed_bench();
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2), ("b", 1)]));
    bench.hear("A", shipped(1));
    bench.hear("B", shipped(1));
    let part = bench.say(fulfil(F::Cancelled, "f1", &[("a", 1)]));
    assert_eq!(part, "accepted | A BroughtBack 1, 1 held at hel #2 | shipment.cancelled a:1");
    assert_eq!(bench.status(), Some(OrderStatus::PartiallyShipped));
    let again = bench.say(fulfil(F::Cancelled, "f1", &[("a", 1), ("b", 1)]));
    assert_eq!(again, "accepted | B BroughtBack 1, 1 held at hel #2 | shipment.cancelled a:1 b:1");
    let more = bench.say(fulfil(F::Cancelled, "f1", &[("a", 1)]));
    assert_eq!(more, "recorded |  | ");
    assert_eq!((open(&bench, "a"), open(&bench, "b")), (2, 1));
}

#[test]
fn a_fulfilment_that_is_cancelled_in_part_still_moves() {
    let mut bench = confirmed_bench();
    bench.event(move_to("oulu", "f1", &[("a", 2)]));
    let part = bench.say(fulfil(F::Cancelled, "f1", &[("a", 1)]));
    assert_eq!(part, "accepted |  | ");
    assert_eq!(bench.state.order().expect("it is placed").wishes.len(), 1);
}
