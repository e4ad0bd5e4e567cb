//! A case for each rule that the table does not show.

use std::{fmt::Debug, sync::Arc};

use earmark::domain::{
    DueClock, Entity,
    command::{CommandBody, SkuAnswer, SkuCommand},
    decision::{Input, Verdict},
    described::Described,
    event::ReturnStep as R,
    event::{Fulfilment, FulfilmentStep as F, OrderEvent, OrderPolicy, PaymentStep as P},
    guard::Guard,
    ids::{Fingerprint, HoldName, LocationId},
    order::{
        OrderState,
        facts::OrderFact,
        fulfilment::FULFILMENT,
        lines::{LineFact, Place},
        payment::MONEY,
        returns::RETURN,
        station::ORDER,
        status::OrderStatus,
    },
    refusal::Reason,
    sku::station::HOLD,
};

use crate::{
    bench::{Bench, at, confirmed_bench, placed_bench, reserved_bench},
    events::*,
    text,
};

#[test]
fn an_order_goes_all_the_way() {
    let mut bench = Bench::new();
    let placed = bench.say(two_lines(OrderPolicy::AllOrNothing));
    assert_eq!(placed, "accepted | A reserve 2, B reserve 1 | ");
    assert_eq!(bench.told("A", granted(2)), "recorded |  | ");
    assert_eq!(bench.told("B", granted(1)), "recorded |  | order.reserved a:2+0 b:1+0");
    assert_eq!(bench.say(pay(P::Authorized, 100)), "accepted | A commit 2, B commit 1 | ");
    assert_eq!(bench.told("A", committed(2)), "recorded |  | ");
    assert_eq!(bench.told("B", committed(1)), "recorded |  | order.confirmed");
    let left = bench.say(fulfil(F::Shipped, "f1", &[("a", 2)]));
    assert_eq!(left, "accepted | A ship 2 #1 | order.partially_shipped a:2");
    let left = bench.say(fulfil(F::Shipped, "f2", &[("b", 1)]));
    assert_eq!(left, "accepted | B ship 1 #1 | order.shipped b:1");
    bench.hear("A", shipped(1));
    bench.hear("B", shipped(1));
    assert_eq!(bench.say(fulfil(F::Delivered, "f1", &[("a", 2)])), "accepted |  | ");
    assert_eq!(bench.say(fulfil(F::Delivered, "f2", &[("b", 1)])), "accepted |  | order.delivered");
    let due = bench.state.dues()[0];
    assert_eq!((due.clock, due.at), (DueClock::Settled, at(30 * 24 * 3_600)));
    assert_eq!(bench.past(30 * 24 * 3_600), "recorded |  | ");
    assert_eq!(bench.past(30 * 24 * 3_600 + 1), "recorded |  | order.closed");
    let leaves = bench.state.dues();
    assert_eq!(leaves[0].at, at(37 * 24 * 3_600 + 1));
}

#[test]
fn lines_of_one_sku_are_asked_for_together() {
    let mut bench = Bench::new();
    let mut lines = vec![line("a", "A", 5), line("b", "A", 5), line("c", "A", 1)];
    lines[2].hold = Some(name("cart-7"));
    let placed = bench.event(OrderEvent::Placed(placed(lines, OrderPolicy::Partial)));
    assert_eq!(text::decision(&placed), "accepted | A reserve 10, A reserve 1 | ");
    let CommandBody::Ask(SkuCommand::Reserve { hold, partial, expires_at, .. }) =
        &placed.commands[1].body
    else {
        panic!("a reservation")
    };
    assert!(
        matches!(hold, HoldName::Order { claim: Some(claim), attempt: 1, .. } if *claim == name("cart-7"))
    );
    assert_eq!((*partial, *expires_at), (true, at(900 + 120)));
    bench.hear("A", granted(7));
    let order = bench.state.order().unwrap();
    let reserved = order.lines.iter().map(|line| line.units.reserved);
    assert_eq!(reserved.collect::<Vec<_>>(), [5, 2, 0], "the first line first");
}

#[test]
fn more_than_may_be_asked_for_is_refused() {
    let lines = vec![line("a", "A", 1_000_000_000), line("b", "A", 1)];
    let order = OrderEvent::Placed(placed(lines, OrderPolicy::Partial));
    assert_eq!(Bench::new().say(order), "refused invalid_field (a) |  | ");
}

#[test]
fn one_refusal_rejects_all_and_names_every_reason() {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.hear("A", granted(2));
    let rejected = bench.told("B", not_granted());
    assert_eq!(rejected, "recorded | A release keep 0 | order.rejected b:insufficient_stock");
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    assert_eq!(bench.told("A", not_granted()), "recorded |  | ");
    let rejected = bench.told("B", not_granted());
    assert_eq!(rejected, "recorded |  | order.rejected a:insufficient_stock b:insufficient_stock");
}

#[test]
fn a_grant_after_a_refusal_goes_straight_back() {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.hear("A", not_granted());
    let rejected = bench.told("B", granted(1));
    assert_eq!(rejected, "recorded | B release keep 0 | order.rejected a:insufficient_stock");
}

#[test]
fn a_partial_order_takes_what_there_is() {
    let mut bench = placed_bench(OrderPolicy::Partial);
    bench.hear(
        "A",
        SkuAnswer::Reserved { hold: hold(), quantity: 1, backordered: 1, location: hel() },
    );
    let reserved = bench.told("B", not_granted());
    assert_eq!(
        reserved,
        "recorded |  | order.reserved a:0+1 not a:insufficient_stock not b:insufficient_stock"
    );
    let mut bench = placed_bench(OrderPolicy::Partial);
    bench.hear("A", not_granted());
    bench.hear("B", not_granted());
    assert_eq!(bench.status(), Some(OrderStatus::Rejected));
}

#[test]
fn unanswered_commands_are_asked_again_in_the_same_words() {
    let mut bench = Bench::new();
    let first = bench.event(two_lines(OrderPolicy::AllOrNothing)).commands;
    let mut sent = Vec::new();
    while bench.now < 200 {
        let due = bench.state.dues()[0].at.0 / 1_000_000 + 1;
        let again = bench.reach(DueClock::Settled, due);
        assert_eq!(again.commands, first);
        sent.push(due);
    }
    assert_eq!(sent, [6, 17, 38, 79, 140, 201], "each wait twice the last, up to a minute");
    bench.hear("A", granted(2));
    let due = bench.state.dues()[0].at.0 / 1_000_000 + 1;
    assert_eq!(bench.past(due), "recorded | B reserve 1 | ");
}

#[test]
fn skus_that_do_not_answer_are_given_up() {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.hear("A", granted(2));
    let rejected = bench.past(601);
    assert_eq!(
        rejected,
        "recorded | A release keep 0, B release keep 0 | order.rejected b:unanswered"
    );
    assert_eq!(bench.told("B", granted(1)), "recorded |  | ", "the release is on its way");
    bench.hear("B", released(0));
    assert_eq!(bench.told("B", granted(1)), "recorded | B release keep 0 | ");
    let mut bench = placed_bench(OrderPolicy::Partial);
    bench.hear("A", granted(2));
    let reserved = bench.past(601);
    assert_eq!(reserved, "recorded | B release keep 0 | order.reserved a:2+0 not b:unanswered");
}

#[test]
fn an_order_from_a_late_lane_still_gets_its_answers() {
    let mut bench = Bench::new();
    let mut published = bench.publish(two_lines(OrderPolicy::AllOrNothing));
    Arc::make_mut(&mut published.cause).logged_at = at(-800);
    bench.feed(&Input::Event(published));
    assert_eq!(bench.state.order().unwrap().terms.answers_due_at, at(600));
    assert_eq!(bench.state.order().unwrap().terms.payment_due_at, at(100));
}

#[test]
fn a_stray_grant_goes_back() {
    let mut bench = reserved_bench();
    let other = HoldName::Order { order: order_id(), location: None, claim: None, attempt: 2 };
    let grant = SkuAnswer::Reserved { hold: other, quantity: 2, backordered: 0, location: hel() };
    assert_eq!(bench.told("A", grant.clone()), "recorded | A release keep 0 | ");
    assert_eq!(Bench::new().told("A", grant), "recorded | A release keep 0 | ");
}

#[test]
fn a_payment_before_the_answers_waits_for_them() {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    assert_eq!(bench.say(pay(P::Captured, 100)), "accepted |  | ");
    bench.hear("A", granted(2));
    let both = bench.told("B", granted(1));
    assert_eq!(both, "recorded | A commit 2, B commit 1 | order.reserved a:2+0 b:1+0");
}

#[test]
fn a_payment_of_a_rejected_order_is_due_back_once() {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.event(pay(P::Captured, 100));
    bench.hear("A", not_granted());
    assert_eq!(
        bench.told("B", not_granted()),
        "recorded |  | order.rejected a:insufficient_stock b:insufficient_stock; refund.due 100, order_ended"
    );
    assert_eq!(bench.say(pay(P::Captured, 20)), "accepted |  | refund.due 20, order_ended");
    assert_eq!(bench.say(pay(P::Refunded, 120)), "recorded |  | ");
    assert_eq!(bench.say(pay(P::Captured, 5)), "accepted |  | refund.due 5, order_ended");
}

#[test]
fn money_at_the_deadline_is_in_time_and_after_it_is_not() {
    let mut bench = reserved_bench();
    bench.now = 900;
    assert_eq!(bench.past(900), "recorded |  | ");
    assert_eq!(bench.say(pay(P::Captured, 100)), "accepted | A commit 2, B commit 1 | ");
    let mut bench = reserved_bench();
    bench.now = 901;
    assert_eq!(
        bench.say(pay(P::Captured, 100)),
        "accepted | A release keep 0, B release keep 0 | order.expired; refund.due 100, payment_too_late"
    );
    assert_eq!(bench.status(), Some(OrderStatus::Expired));
}

#[test]
fn an_order_with_nothing_to_pay_is_paid_by_an_authorization_of_nothing() {
    let mut bench = reserved_bench();
    assert_eq!(bench.say(pay(P::Authorized, 0)), "accepted | A commit 2, B commit 1 | ");
}

#[test]
fn a_voided_authorization_unpays_until_confirmed() {
    let mut bench = reserved_bench();
    bench.event(pay(P::Authorized, 100));
    bench.hear("A", committed(2));
    assert_eq!(bench.say(pay(P::Voided, 100)), "accepted |  | ");
    assert_eq!(bench.told("B", committed(1)), "recorded |  | ", "allocated, but not confirmed");
    assert_eq!(bench.status(), Some(OrderStatus::Reserved));
    let expired = bench.past(901);
    assert_eq!(expired, "recorded | A release keep 0, B release keep 0 | order.expired");
    let mut bench = confirmed_bench();
    assert_eq!(bench.say(pay(P::Voided, 100)), "recorded |  | ");
}

#[test]
fn a_payment_keeps_its_currency() {
    let mut bench = confirmed_bench();
    let OrderEvent::Payment(step, mut payment) = pay(P::Captured, 1) else { unreachable!() };
    payment.currency = "SEK".to_owned();
    let said = bench.say(OrderEvent::Payment(step, payment));
    assert_eq!(said, "refused invalid_field (p1) |  | ");
}

#[test]
fn a_commit_that_fails_calls_the_order_off() {
    let mut bench = reserved_bench();
    bench.event(pay(P::Captured, 100));
    bench.hear("A", committed(2));
    assert_eq!(
        bench.told("B", not_committed()),
        "recorded | B release keep 0, A release keep 0 | \
         order.cancelled a:2 b:1, all, insufficient_stock; refund.due 100, insufficient_stock"
    );
    let mut bench = reserved_bench();
    bench.event(pay(P::Captured, 100));
    bench.hear("B", committed(1));
    let short = bench.told("A", committed(1));
    assert!(short.starts_with("recorded | A release keep 0, B release keep 0 | order.cancelled"));
}

#[test]
fn a_lapsed_hold_is_committed_by_a_fresh_check() {
    let mut bench = reserved_bench();
    assert_eq!(bench.told("A", SkuAnswer::Expired { hold: hold() }), "recorded |  | ");
    assert_eq!(bench.say(pay(P::Captured, 1)), "accepted | A commit 2, B commit 1 | ");
    bench.hear("A", committed(2));
    assert_eq!(bench.told("B", committed(1)), "recorded |  | order.confirmed");
}

#[test]
fn a_hold_that_lapsed_after_it_kept_something_has_lapsed() {
    let mut bench = Bench::new();
    let lines = vec![line("a", "A", 2), line("b", "A", 3)];
    bench.event(OrderEvent::Placed(placed(lines, OrderPolicy::AllOrNothing)));
    bench.hear("A", granted(5));
    assert!(bench.say(cancel(Some(&["b"]))).starts_with("accepted | A release keep 2 |"));
    bench.hear("A", SkuAnswer::Expired { hold: hold() });
    assert_eq!(bench.told("A", released(2)), "recorded |  | ");
    assert_eq!(bench.say(pay(P::Captured, 9)), "accepted | A commit 2 | ");
}

#[test]
fn cancelling_asks_back_what_is_not_wanted() {
    let mut bench = Bench::new();
    let lines = vec![line("a", "A", 2), line("b", "A", 3)];
    bench.event(OrderEvent::Placed(placed(lines, OrderPolicy::AllOrNothing)));
    let b = bench.say(cancel(Some(&["b"])));
    assert_eq!(b, "accepted |  | order.cancelled b:3, changed my mind");
    let reserved = bench.told("A", granted(5));
    assert_eq!(reserved, "recorded | A release keep 2 | order.reserved a:2+0");
    assert_eq!(bench.say(cancel(Some(&["b"]))), "recorded |  | ");
    bench.hear("A", released(2));
    let all = bench.say(cancel(None));
    assert_eq!(all, "accepted | A release keep 0 | order.cancelled a:2, all, changed my mind");
}

#[test]
fn cancelling_an_unanswered_hold_burns_its_name() {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.hear("A", granted(2));
    let b = bench.say(cancel(Some(&["b"])));
    assert_eq!(
        b,
        "accepted | B release keep 0 | order.cancelled b:1, changed my mind; order.reserved a:2+0"
    );
}

#[test]
fn the_window_to_cancel_closes_by_log_time() {
    let mut bench = Bench::new();
    let terms = placed(vec![line("a", "A", 2)], OrderPolicy::Partial);
    bench.event(OrderEvent::Placed(earmark::domain::event::OrderPlaced {
        cancel_until: Some(at(60)),
        ..terms
    }));
    bench.now = 61;
    assert_eq!(
        bench.say(cancel(None)),
        "refused cancel_window_closed |  | order.cancel_refused cancel_window_closed"
    );
    bench.now = 60;
    assert!(bench.say(cancel(None)).starts_with("accepted"));
}

#[test]
fn the_rest_of_a_shipped_order_may_be_cancelled() {
    let mut bench = confirmed_bench();
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2)]));
    bench.event(fulfil(F::Delivered, "f1", &[("a", 2)]));
    let rest = bench.say(cancel(None));
    assert_eq!(
        rest,
        "accepted | B release keep 0 | order.cancelled b:1, changed my mind; order.shipped; order.delivered"
    );
}

#[test]
fn a_release_never_overtakes_a_shipment() {
    let mut bench = Bench::new();
    let lines = vec![line("a", "A", 3), line("b", "A", 2), line("c", "A", 2)];
    bench.event(OrderEvent::Placed(placed(lines, OrderPolicy::AllOrNothing)));
    bench.hear("A", granted(7));
    bench.event(pay(P::Captured, 100));
    bench.hear("A", committed(7));
    let left = bench.say(fulfil(F::Shipped, "f1", &[("a", 3)]));
    assert_eq!(left, "accepted | A ship 3 #1 | order.partially_shipped a:3");
    let rest = bench.say(cancel(Some(&["b"])));
    assert_eq!(rest, "accepted |  | order.cancelled b:2, changed my mind");
    assert_eq!(bench.told("A", shipped(1)), "recorded | A release keep 2 after 1 | ");
    let left = bench.say(fulfil(F::Shipped, "f2", &[("c", 2)]));
    assert_eq!(left, "accepted |  | order.shipped c:2");
    assert_eq!(bench.told("A", after(1, released(2))), "recorded | A ship 2 #2 | ");
}

#[test]
fn goods_that_left_are_believed() {
    let mut bench = reserved_bench();
    bench.past(901);
    bench.hear("A", released(0));
    let left = bench.say(fulfil(F::Shipped, "f1", &[("a", 1)]));
    assert_eq!(left, "accepted | A ship 1, 0 held #1 | order.shipped a:1");
    let mut bench = reserved_bench();
    bench.event(fulfil(F::Shipped, "f1", &[("a", 1)]));
    bench.hear("A", shipped(1));
    assert_eq!(bench.say(pay(P::Captured, 9)), "accepted | A commit 1 after 1, B commit 1 | ");
}

/// What left was the first of the hold: it must not be promised to another line as well.
#[test]
fn a_grant_serves_first_what_left_before_it_was_heard() {
    let mut bench = Bench::new();
    let lines = vec![line("a", "A", 3), line("b", "A", 3)];
    bench.event(OrderEvent::Placed(placed(lines, OrderPolicy::Partial)));
    bench.event(fulfil(F::Shipped, "f1", &[("a", 3)]));
    let heard = bench.told("A", granted(4));
    assert_eq!(heard, "recorded | A ship 3 #1 | order.reserved b:1+0 not b:insufficient_stock");
    let mut bench = Bench::new();
    let lines = vec![line("a", "A", 3), line("b", "A", 3)];
    bench.event(OrderEvent::Placed(placed(lines, OrderPolicy::Partial)));
    bench.event(fulfil(F::Shipped, "f1", &[("a", 3)]));
    bench.hear("A", granted(1));
    assert_eq!(bench.state.order().unwrap().open(), 0, "nothing is promised that is not held");
}

/// Of two lines that share a hold, one ships more than it was promised: the other keeps its unit.
#[test]
fn what_left_beyond_its_promise_is_not_taken_from_another_line() {
    let mut bench = Bench::new();
    let lines = vec![line("a", "A", 1), line("b", "A", 3)];
    bench.event(OrderEvent::Placed(placed(lines, OrderPolicy::Partial)));
    let heard = bench.told("A", granted(2));
    assert_eq!(heard, "recorded |  | order.reserved a:1+0 b:1+0 not b:insufficient_stock");
    let left = bench.say(fulfil(F::Shipped, "f1", &[("b", 3)]));
    assert_eq!(left, "accepted | A ship 3, 1 held #1 | order.partially_shipped b:3");
    bench.hear("A", shipped(1));
    assert_eq!(bench.say(pay(P::Captured, 9)), "accepted | A commit 1 after 1 | ");
    assert_eq!(bench.told("A", after(1, committed(1))), "recorded |  | order.confirmed");
}

#[test]
fn what_left_unpaid_leaves_a_remainder_that_is_called_off() {
    let mut bench = reserved_bench();
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2)]));
    bench.hear("A", shipped(1));
    let rest = bench.past(901);
    assert_eq!(
        rest,
        "recorded | B release keep 0 | order.cancelled b:1, payment_too_late; order.shipped"
    );
    assert_eq!(bench.status(), Some(OrderStatus::Shipped));
}

#[test]
fn a_fulfilment_ships_once_and_a_delivery_implies_it() {
    let mut bench = confirmed_bench();
    let arrived = bench.say(fulfil(F::Delivered, "f1", &[("a", 2)]));
    assert_eq!(arrived, "accepted | A ship 2 #1 | order.partially_shipped a:2");
    assert_eq!(bench.say(fulfil(F::Shipped, "f1", &[("a", 2)])), "recorded |  | ");
    assert_eq!(bench.say(fulfil(F::Picked, "f1", &[("a", 2)])), "recorded |  | ");
    let fulfilment = &bench.state.order().unwrap().fulfilments[&name("f1")];
    assert_eq!(fulfilment.skipped, [F::Opened, F::Picked, F::Shipped]);
}

#[test]
fn a_fulfilment_may_arrive_in_parts() {
    let mut bench = confirmed_bench();
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2), ("b", 1)]));
    assert_eq!(bench.say(fulfil(F::Delivered, "f1", &[("a", 2)])), "accepted |  | ");
    assert_eq!(bench.say(fulfil(F::Delivered, "f1", &[("b", 1)])), "accepted |  | order.delivered");
    assert_eq!(bench.say(fulfil(F::Delivered, "f1", &[("b", 1)])), "recorded |  | ");
}

#[test]
fn the_newest_word_of_a_carrier_is_kept() {
    let mut bench = confirmed_bench();
    assert_eq!(bench.say(tracked("delivered", 9)), "accepted |  | ");
    assert_eq!(bench.say(tracked("in_transit", 5)), "recorded |  | ");
}

#[test]
fn a_repeat_is_answered_as_the_first_time_whatever_its_age() {
    let mut bench = Bench::new();
    let first = bench.publish(two_lines(OrderPolicy::AllOrNothing));
    bench.feed(&Input::Event(first.clone()));
    let mut late = first.clone();
    Arc::make_mut(&mut late.cause).logged_at = at(500 * 24 * 3_600);
    Arc::make_mut(&mut late.cause).expires_at = Some(at(-1));
    let again = bench.feed(&Input::Event(late.clone()));
    assert_eq!(text::decision(&again), "again accepted |  | ");
    Arc::make_mut(&mut late.cause).fingerprint = Fingerprint(8);
    let other = bench.feed(&Input::Event(late.clone()));
    assert_eq!(other.verdict.refused(), Some(Reason::IdConflict));
    Arc::make_mut(&mut late.cause).key = earmark::domain::ids::EventKey(99);
    let stale = bench.feed(&Input::Event(late.clone()));
    assert_eq!(stale.verdict.refused(), Some(Reason::Stale));
    Arc::make_mut(&mut late.cause).time = late.cause.logged_at;
    let too_late = bench.feed(&Input::Event(late.clone()));
    assert_eq!((too_late.verdict.refused(), too_late.facts.len()), (Some(Reason::TooLate), 0));
    Arc::make_mut(&mut late.cause).expires_at = None;
    let exists = bench.feed(&Input::Event(late.clone()));
    assert_eq!(exists.verdict.refused(), Some(Reason::OrderExists));
    let again = bench.feed(&Input::Event(late));
    assert_eq!(text::decision(&again), "again refused order_exists |  | ");
}

#[test]
fn events_before_the_order_wait_for_it_in_order() {
    let mut bench = Bench::new();
    let paid = bench.publish(pay(P::Captured, 100));
    assert_eq!(bench.feed(&Input::Event(paid.clone())).verdict, Verdict::Parked);
    let again = bench.feed(&Input::Event(paid.clone()));
    assert_eq!((text::decision(&again).as_str(), again.facts.len()), ("again parked |  | ", 0));
    assert_eq!(bench.say(cancel(Some(&["x"]))), "parked |  | ");
    assert!(!bench.state.has_steps_left());
    bench.event(two_lines(OrderPolicy::AllOrNothing));
    assert!(bench.state.has_steps_left());
    let step = bench.feed(&Input::Step);
    assert_eq!(step.answers.as_ref(), Some(&paid.cause));
    assert_eq!(text::decision(&step), "accepted |  | ");
    let step = bench.feed(&Input::Step);
    assert_eq!(
        text::decision(&step),
        "refused unknown_line (x) |  | order.cancel_refused unknown_line"
    );
    assert!(!bench.state.has_steps_left());
    let again = bench.feed(&Input::Event(paid));
    assert_eq!(text::decision(&again), "again accepted |  | ");
}

/// Money that came in time is not too late because the demand lane was behind.
#[test]
fn what_has_waited_is_decided_before_a_deadline() {
    let mut bench = Bench::new();
    bench.now = 30;
    assert_eq!(bench.say(pay(P::Captured, 100)), "parked |  | ");
    let mut order = bench.publish(two_lines(OrderPolicy::AllOrNothing));
    let cause = Arc::make_mut(&mut order.cause);
    (cause.logged_at, cause.time) = (at(0), at(0));
    bench.now = 2_000;
    bench.feed(&Input::Event(order));
    assert!(bench.state.dues().is_empty());
    assert!(bench.reach(DueClock::Settled, 2_000).facts.is_empty());
    assert_eq!(text::decision(&bench.feed(&Input::Step)), "accepted |  | ");
    assert!(!bench.state.dues().is_empty());
    assert!(bench.state.order().unwrap().is_paid());
}

#[test]
fn a_provider_may_say_the_last_first() {
    let mut bench = reserved_bench();
    bench.event(pay(P::Voided, 100));
    assert_eq!(bench.say(pay(P::Authorized, 100)), "recorded |  | ");
    assert_eq!(bench.say(pay(P::Captured, 100)), "accepted | A commit 2, B commit 1 | ");
    let mut bench = reserved_bench();
    bench.event(pay(P::Refunded, 100));
    assert_eq!(bench.say(pay(P::Captured, 100)), "recorded |  | ");
}

#[test]
fn goods_that_arrive_in_part_before_anybody_said_that_they_left() {
    let mut bench = Bench::new();
    bench.event(OrderEvent::Placed(placed(vec![line("a", "A", 5)], OrderPolicy::Partial)));
    bench.hear("A", granted(5));
    bench.event(pay(P::Captured, 9));
    bench.hear("A", committed(5));
    let part = bench.say(fulfil(F::Delivered, "f1", &[("a", 2)]));
    assert_eq!(part, "accepted | A ship 2 #1 | order.partially_shipped a:2");
    bench.hear("A", shipped(1));
    let left = bench.say(fulfil(F::Shipped, "f1", &[("a", 5)]));
    assert_eq!(left, "accepted | A ship 3 #2 | order.shipped a:3");
    bench.hear("A", shipped(2));
    assert_eq!(bench.say(fulfil(F::Shipped, "f1", &[("a", 5)])), "recorded |  | ");
    let rest = bench.say(fulfil(F::Delivered, "f1", &[("a", 3)]));
    assert_eq!(rest, "accepted |  | order.delivered");
    let all = bench.say(fulfil(F::Delivered, "f1", &[("a", 5)]));
    assert_eq!(all, "recorded |  | ");
}

#[test]
fn an_order_decides_only_so_many_events() {
    let mut bench = placed_bench(OrderPolicy::Partial);
    bench.policy.events_per_order_max = 2;
    assert_eq!(bench.say(pay(P::Failed, 1)), "recorded |  | ");
    assert_eq!(bench.say(pay(P::Failed, 1)), "refused too_large |  | ");
}

#[test]
fn events_whose_order_never_comes_are_given_up() {
    let mut bench = Bench::new();
    bench.policy.parked_max = 1;
    bench.event(pay(P::Captured, 100));
    assert_eq!(bench.say(pay(P::Captured, 100)), "refused orphan |  | ");
    let due = bench.state.dues()[0];
    assert_eq!((due.clock, due.at), (DueClock::Demand, at(3_600)));
    assert_eq!(bench.reach(DueClock::Demand, 3_600).given_up, []);
    let given_up = bench.reach(DueClock::Demand, 3_601).given_up;
    assert_eq!((given_up.len(), given_up[0].reason), (1, Reason::Orphan));
    assert!(bench.state.parked().is_empty());
}

#[test]
fn a_shipment_that_is_cancelled_gives_back_what_it_took() {
    let mut bench = confirmed_bench();
    let before = bench.state.order().unwrap().lines.clone();
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2)]));
    let back = bench.say(fulfil(F::Cancelled, "f1", &[("a", 2)]));
    assert_eq!(back, "accepted |  | shipment.cancelled a:2");
    assert_eq!(bench.state.order().unwrap().lines, before);
    assert_eq!(bench.status(), Some(OrderStatus::Confirmed));
    let told = bench.told("A", shipped(1));
    assert_eq!(told, "recorded | A BroughtBack 2, 2 held at hel #2 | ");
    assert_eq!(bench.told("A", moved(2, 2)), "recorded |  | ");
    let again = bench.say(fulfil(F::Cancelled, "f1", &[("a", 2)]));
    assert_eq!(again, "recorded |  | ");
    let left = bench.say(fulfil(F::Shipped, "f1", &[("a", 2)]));
    assert_eq!(left, "accepted | A ship 2 #3 | order.partially_shipped a:2");
    bench.event(fulfil(F::Delivered, "f1", &[("a", 2)]));
    let late = bench.say(fulfil(F::Cancelled, "f1", &[("a", 2)]));
    assert_eq!(late, "refused already_delivered |  | ");
}

#[test]
fn units_that_come_back_stand_as_their_sku_has_answered_since() {
    let mut bench = placed_bench(OrderPolicy::Partial);
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2)]));
    bench.hear("A", not_granted());
    bench.event(fulfil(F::Cancelled, "f1", &[("a", 2)]));
    let units = bench.state.order().unwrap().lines[0].units;
    assert_eq!((units.at(Place::Refused), units.at(Place::Shipped)), (2, 0));
}

#[test]
fn what_was_not_there_is_told_to_its_sku_and_wanted_still() {
    let mut bench = confirmed_bench();
    let missing = bench.say(fulfil(F::ShortPicked, "f1", &[("a", 1)]));
    assert_eq!(missing, "accepted | A Missing 1, 0 held at hel #1 | ");
    assert_eq!(bench.state.order().unwrap().open(), 3);
    let more = bench.say(fulfil(F::ShortPicked, "f1", &[("a", 3)]));
    assert_eq!(more, "refused exceeds_quantity (a) |  | ");
}

#[test]
fn returns_never_come_to_more_than_left() {
    let mut bench = confirmed_bench();
    let early = bench.say(give_back(R::Requested, "r1", &[("a", 1)]));
    assert_eq!(early, "refused exceeds_quantity (a) |  | ");
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2), ("b", 1)]));
    bench.hear("A", shipped(1));
    bench.hear("B", shipped(1));
    bench.event(give_back(R::Requested, "r1", &[("a", 2)]));
    let taken = bench.say(give_back(R::Requested, "r2", &[("a", 1)]));
    assert_eq!(taken, "refused exceeds_quantity (a) |  | ");
    bench.event(give_back(R::Declined, "r1", &[("a", 2)]));
    let free = bench.say(give_back(R::Requested, "r2", &[("a", 2)]));
    assert_eq!(free, "accepted |  | ");
    let part = bench.say(give_back(R::Received, "r2", &[("a", 1)]));
    assert_eq!(part, "accepted | A Returned(Restock) 1, 0 held at hel #2 | order.returned a:1");
    let rest = bench.say(give_back(R::Received, "r2", &[("a", 1)]));
    assert_eq!(rest, "accepted |  | order.returned a:1, all");
    let more = bench.say(give_back(R::Received, "r3", &[("a", 1)]));
    assert_eq!(more, "refused exceeds_quantity (a) |  | ");
    assert_eq!(bench.status(), Some(OrderStatus::Shipped));
    bench.event(give_back(R::Received, "r4", &[("b", 1)]));
    assert_eq!(bench.status(), Some(OrderStatus::Delivered), "what came back is not under way");
}

#[test]
fn a_fulfilment_is_split_held_and_resumed() {
    let mut bench = confirmed_bench();
    bench.event(fulfil(F::Opened, "f1", &[("a", 2), ("b", 1)]));
    let OrderEvent::Fulfilment(step, said) = fulfil(F::Split, "f1", &[("b", 1)]) else { panic!() };
    bench.event(OrderEvent::Fulfilment(step, Fulfilment { into: Some(name("f2")), ..said }));
    let OrderEvent::Fulfilment(step, said) = fulfil(F::Held, "f2", &[("b", 1)]) else { panic!() };
    let said = Fulfilment { reason: Some("address".to_owned()), ..said };
    bench.event(OrderEvent::Fulfilment(step, said));
    let planned = |bench: &Bench, fulfilment: &str, line: &str| {
        bench.state.order().unwrap().fulfilments[&name(fulfilment)].lines[&name(line)].planned
    };
    assert_eq!((planned(&bench, "f1", "a"), planned(&bench, "f1", "b")), (2, 0));
    assert_eq!(planned(&bench, "f2", "b"), 1);
    let held_for =
        |bench: &Bench| bench.state.order().unwrap().fulfilments[&name("f2")].held_for.clone();
    assert_eq!(held_for(&bench), ["address"]);
    bench.event(fulfil(F::Resumed, "f2", &[("b", 1)]));
    assert_eq!(held_for(&bench), [""; 0]);
    bench.event(fulfil(F::Cancelled, "f2", &[("b", 1)]));
    let late = bench.say(fulfil(F::Held, "f2", &[("b", 1)]));
    assert_eq!(late, "refused fulfilment_cancelled |  | ");
}

#[test]
fn a_fulfilment_that_moves_takes_its_hold_along_and_lets_nothing_go_before() {
    let mut bench = confirmed_bench();
    let oulu = LocationId::new("oulu").unwrap();
    let asked = bench.say(move_to("oulu", "f1", &[("a", 2)]));
    assert_eq!(asked, "accepted | A reserve 2 elsewhere | ");
    assert_eq!(bench.status(), Some(OrderStatus::Confirmed));
    let hold = second_hold(Some(oulu.clone()));
    let (quantity, backordered) = (2, 0);
    let there =
        SkuAnswer::Reserved { hold: hold.clone(), quantity, backordered, location: oulu.clone() };
    let told = bench.told("A", there);
    let expected = "recorded | A release keep 0, A commit 2 | fulfilment.moved f1 a:2";
    assert_eq!(told, expected);
    bench.hear("A", released(0));
    bench.hear("A", SkuAnswer::Committed { hold, quantity });
    assert_eq!(bench.state.order().unwrap().open_of(&name("a")), 2);
    let OrderEvent::Fulfilment(step, said) = fulfil(F::Shipped, "f1", &[("a", 2)]) else {
        panic!()
    };
    let shipped = Fulfilment { location: oulu, ..said };
    let left = bench.say(OrderEvent::Fulfilment(step, shipped));
    assert_eq!(left, "accepted | A ship 2 #1 | order.partially_shipped a:2");
}

#[test]
fn a_fulfilment_that_cannot_move_is_held_where_it_was() {
    let mut bench = confirmed_bench();
    let oulu = LocationId::new("oulu").unwrap();
    bench.event(move_to("oulu", "f1", &[("a", 2)]));
    let hold = second_hold(Some(oulu));
    let refusal = Reason::InsufficientStock.into();
    let told = bench.told("A", SkuAnswer::NotReserved { hold, refusal });
    assert_eq!(told, "recorded |  | fulfilment.not_moved f1 insufficient_stock");
    assert_eq!(bench.state.order().unwrap().open(), 3);
}

#[test]
fn an_edit_asks_for_more_beside_what_is_there() {
    let mut bench = reserved_bench();
    let more = bench.say(edit(&[("a", "A", 5), ("c", "A", 1)]));
    assert_eq!(more, "accepted | A reserve 3, A reserve 1 | ");
    let hold = second_hold(None);
    let (quantity, backordered, location) = (3, 0, hel());
    let told = bench.told("A", SkuAnswer::Reserved { hold, quantity, backordered, location });
    assert_eq!(told, "recorded |  | order.edited a:5");
    let HoldName::Order { order, location, claim, .. } = second_hold(None) else { panic!() };
    let hold = HoldName::Order { order, location, claim, attempt: 3 };
    let refusal = Reason::InsufficientStock.into();
    let told = bench.told("A", SkuAnswer::NotReserved { hold, refusal });
    assert_eq!(told, "recorded |  | order.edit_refused c:insufficient_stock");
    assert_eq!(bench.status(), Some(OrderStatus::Reserved), "as it was");
    let paid = bench.say(pay(P::Captured, 100));
    assert_eq!(paid, "accepted | A commit 2, B commit 1, A commit 3 | ");
}

#[test]
fn an_edit_calls_off_at_once_and_another_sku_is_another_line() {
    let mut bench = reserved_bench();
    let less = bench.say(edit(&[("a", "A", 1), ("b", "B", 0)]));
    assert_eq!(less, "accepted | A release keep 1, B release keep 0 | order.edited a:1 b:0");
    assert_eq!(bench.say(edit(&[("a", "B", 1)])), "refused invalid_field (a) |  | ");
    bench.hear("A", released(1));
    let none = bench.say(edit(&[("a", "A", 0)]));
    assert_eq!(none, "accepted | A release keep 0 | order.cancelled a:1, all, edited");
    assert_eq!(bench.say(edit(&[("a", "A", 1)])), "refused order_ended |  | ");
}

#[test]
fn an_edit_that_is_edited_again_lets_the_first_wish_go() {
    let mut bench = reserved_bench();
    bench.event(edit(&[("a", "A", 5)]));
    let again = bench.say(edit(&[("a", "A", 2)]));
    assert_eq!(again, "accepted | A release keep 0 | ");
    let hold = second_hold(None);
    bench.hear("A", SkuAnswer::Released { hold, keep: 0 });
    assert_eq!(bench.say(edit(&[("a", "A", 2)])), "recorded |  | ");
}

#[test]
fn what_is_cancelled_is_wished_for_no_longer() {
    let mut bench = reserved_bench();
    bench.event(edit(&[("a", "A", 5), ("c", "A", 1)]));
    let unknown = bench.say(cancel(Some(&["x"])));
    assert_eq!(unknown, "refused unknown_line (x) |  | order.cancel_refused unknown_line");
    let line = bench.say(cancel(Some(&["a"])));
    let wishes = "A release keep 0, A release keep 0";
    assert_eq!(line, format!("accepted | {wishes} | order.cancelled a:2, changed my mind"));
    let new = bench.say(cancel(Some(&["c"])));
    assert_eq!(new, "accepted | A release keep 0 | order.cancelled, changed my mind");
    let (hold, quantity, backordered, location) = (second_hold(None), 3, 0, hel());
    let late = bench.told("A", SkuAnswer::Reserved { hold, quantity, backordered, location });
    assert_eq!(late, "recorded |  | ", "the release that was sent takes it back");
    assert_eq!(bench.state.order().unwrap().open_of(&name("a")), 0);
}

#[test]
fn a_fulfilment_that_leaves_moves_no_longer() {
    let mut bench = confirmed_bench();
    bench.event(move_to("oulu", "f1", &[("a", 2)]));
    let again = bench.say(move_to("turku", "f1", &[("a", 1)]));
    assert_eq!(again, "accepted | A reserve 1 elsewhere, A release keep 0 | ");
    let left = bench.say(fulfil(F::Shipped, "f1", &[("a", 1)]));
    assert_eq!(left, "accepted | A ship 1 #1, A release keep 0 | order.partially_shipped a:1");
    assert!(bench.state.order().unwrap().wishes.is_empty());
}

#[test]
fn what_leaves_and_does_not_leave_before_the_answer_is_the_orders() {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.event(fulfil(F::Shipped, "f1", &[("a", 2)]));
    bench.event(fulfil(F::Cancelled, "f1", &[("a", 2)]));
    let told = bench.told("A", granted(2));
    assert_eq!(told, "recorded | A ship 2 #1 | ");
    assert_eq!(bench.state.order().unwrap().sum(&[Place::Reserved]), 2);
}

#[test]
fn an_order_asks_for_so_many_holds_and_no_more() {
    let mut bench = reserved_bench();
    bench.policy.legs_per_order_max = 3;
    let two = bench.say(edit(&[("a", "A", 5), ("c", "A", 1)]));
    assert_eq!(two, "refused too_large |  | ");
    assert_eq!(bench.say(edit(&[("a", "A", 5)])), "accepted | A reserve 3 | ");
}

#[test]
fn an_order_leaves_a_stone_and_the_stone_goes_too() {
    let days = |days: i64| days * 24 * 3_600;
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    let first = bench.publish(pay(P::Captured, 40));
    bench.feed(&Input::Event(first.clone()));
    bench.hear("A", not_granted());
    bench.hear("B", not_granted());
    bench.past(days(7) + 1);
    assert!(bench.state.order().is_none());
    assert_eq!(bench.status(), Some(OrderStatus::Rejected));
    let again = text::decision(&bench.feed(&Input::Event(first)));
    assert_eq!(again, "again accepted |  | ", "a repeat is told apart by the stone");
    assert_eq!(bench.say(two_lines(OrderPolicy::Partial)), "refused order_exists |  | ");
    let late = bench.say(cancel(None));
    assert_eq!(late, "refused order_ended |  | order.cancel_refused order_ended");
    let unknown = bench.say(fulfil(F::Shipped, "f", &[("x", 1)]));
    assert_eq!(unknown, "refused unknown_line (x) |  | ");
    assert!(bench.state.order().is_none(), "what changes nothing wakes nobody");
    bench.past(days(407) + 10);
    assert_eq!((bench.status(), bench.state.revision()), (None, 0));
    assert_eq!(bench.state.dues(), []);
}

#[test]
fn late_money_and_late_goods_wake_an_order() {
    let days = |days: i64| days * 24 * 3_600;
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.hear("A", not_granted());
    bench.hear("B", not_granted());
    bench.past(days(7) + 1);
    assert!(bench.state.order().is_none());
    let late = bench.say(pay(P::Captured, 60));
    assert_eq!(late, "accepted |  | refund.due 60, order_ended");
    assert!(bench.state.order().is_some() && bench.state.stone().is_none());
    bench.past(days(15));
    assert!(bench.state.order().is_none());
    let left = bench.say(fulfil(F::Shipped, "f", &[("a", 1)]));
    assert_eq!(left, "accepted | A ship 1, 0 held #1 | order.shipped a:1");
    let again = bench.past(days(15) + 20);
    assert_eq!(again, "recorded | A ship 1, 0 held #1 | ", "until its SKU has heard of it");
    bench.hear("A", SkuAnswer::Shipped { hold: hold(), shipment: 1 });
    bench.past(days(60));
    assert!(bench.state.order().is_none(), "and leaves again");
    assert_eq!(bench.say(fulfil(F::Shipped, "f", &[("a", 1)])), "recorded |  | ");
    let back = bench.say(give_back(R::Received, "r", &[("a", 1)]));
    let expected = "accepted | A Returned(Restock) 1, 0 held at hel #2 | order.returned a:1, all";
    assert_eq!(back, expected);
    let more = bench.say(give_back(R::Received, "r", &[("a", 1)]));
    assert_eq!(more, "refused exceeds_quantity (a) |  | ");
}

/// A guard leaves no state and event without a row that speaks whatever else is the case.
fn is_total<S: Described + Debug, E: Described + Debug, C: Copy>(guard: &Guard<S, E, C>) {
    for state in S::ALL {
        for event in E::ALL {
            assert!(guard.is_certain(*state, *event), "{state:?} + {event:?}");
        }
    }
}

#[test]
fn the_guards_are_total() {
    is_total(&ORDER);
    is_total(&MONEY);
    is_total(&FULFILMENT);
    is_total(&RETURN);
    is_total(&HOLD);
}

#[test]
fn a_change_writes_the_head_and_what_it_is_about() {
    let (mut changed, mut bench) = (Vec::new(), confirmed_bench());
    let published = bench.publish(pay(P::Refunded, 1));
    let moment = earmark::domain::Moment::new(at(1), &bench.policy);
    for fact in bench.state.decide(&Input::Event(published), &moment).facts {
        bench.state.apply(&fact, at(1)).unwrap();
    }
    changed.extend(bench.state.take_changed_parts().into_iter().map(|(key, _)| key));
    assert_eq!(changed.len(), 3);
    assert_eq!(changed[..2], ["head".to_owned(), "pay:p1".to_owned()]);
    assert!(changed[2].starts_with("id:"));
}

#[test]
fn parts_that_do_not_fit_are_a_breach() {
    assert!(OrderState::from_parts(order_id(), vec![]).is_err());
    let mut bench = Bench::new();
    let published = bench.publish(two_lines(OrderPolicy::Partial));
    let moment = earmark::domain::Moment::new(at(1), &bench.policy);
    for fact in bench.state.decide(&Input::Event(published), &moment).facts {
        bench.state.apply(&fact, at(1)).unwrap();
    }
    let parts = bench.state.take_changed_parts().into_iter();
    let parts: Vec<_> = parts.filter_map(|(key, part)| Some((key, part?))).collect();
    assert!(OrderState::from_parts(order_id(), parts.clone()).is_ok());
    let without_line = parts.into_iter().filter(|(key, _)| key != "line:1").collect();
    assert!(OrderState::from_parts(order_id(), without_line).is_err());
}

#[test]
fn an_order_can_be_shown_as_json() {
    let shown = serde_json::to_value(&confirmed_bench().state).unwrap();
    assert_eq!(shown["status"], "confirmed");
    assert_eq!(shown["order"]["lines"][0]["units"]["allocated"], 2);
}

#[test]
fn a_transfer_of_units_that_are_not_there_is_a_breach() {
    let mut bench = confirmed_bench();
    let order = bench.state.order().unwrap().clone();
    let fact = LineFact::Moved { from: Place::Allocated, to: Place::Shipped, units: 3 };
    let breach = bench.state.apply(&OrderFact::Line { line: 0, fact }, at(1)).unwrap_err();
    assert_eq!(breach.0, "line a: 3 units cannot go from Allocated to Shipped");
    assert_eq!(bench.state.order(), Some(&order));
}
