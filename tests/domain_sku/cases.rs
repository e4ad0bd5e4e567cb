//! Single rules of stock, counts, memory and parking.

use std::sync::Arc;

use earmark::domain::{
    DueClock, Entity, Moment,
    decision::{Input, Standing, Verdict},
    event::*,
    ids::Fingerprint,
    outcome::Outcome,
    policy::ServeFrom,
    refusal::Reason,
    time::Span,
};

use crate::world::*;

#[test]
fn a_loss_breaks_the_newest_promise_and_arrivals_mend_the_oldest() {
    let mut world = World::with_stock(10);
    world.say(requested("old", 5));
    world.say(requested("new", 5));
    world.say(adjusted("a", -7));
    assert_eq!(world.line(), "3 0 10 0 0 7 0 0");
    assert_eq!(world.open(&named("new")).units.short, 5);
    assert_eq!(world.open(&named("old")).units.short, 2);
    let Some(Outcome::StockShortfall { units: 7, holds, more: false, .. }) = world.outcomes.last()
    else {
        panic!("{:?}", world.outcomes)
    };
    assert_eq!((holds.len(), holds[0].units, &holds[0].hold), (2, 5, &named("new")));
    world.say(received("a", 3));
    assert_eq!(world.open(&named("old")).units.short, 0);
    assert_eq!(world.open(&named("new")).units.short, 4);
    world.audit().unwrap();
}

#[test]
fn backorders_are_filled_oldest_first_and_said_to_be() {
    let mut world = World::new();
    world.say(configured(10, 0));
    for (hold, quantity) in [("first", 2), ("second", 3)] {
        let wish = HoldRequested { backorder: true, ..request(hold, quantity) };
        let wish = HoldRequested { location: Some(place("a")), ..wish };
        world.say(SkuEvent::HoldRequested(wish));
    }
    world.say(received("a", 3));
    let Some(Outcome::BackorderFilled { units: 3, holds, more: false, .. }) = world.outcomes.last()
    else {
        panic!("{:?}", world.outcomes)
    };
    let filled: Vec<_> = holds.iter().map(|of| (of.hold.clone(), of.units)).collect();
    assert_eq!(filled, [(named("first"), 2), (named("second"), 1)]);
    assert_eq!(world.open(&named("second")).units.backordered, 2);
    world.audit().unwrap();
}

#[test]
fn a_fixed_order_of_locations_serves_the_first_that_can() {
    let mut world = World::with_stock(3);
    world.policy.serve_from = ServeFrom::FixedOrder;
    world.policy.location_order = vec![place("c"), place("a")];
    world.say(received("b", 9));
    world.say(received("c", 2));
    let of = |world: &mut World, hold: &str, quantity: u32| {
        world.say(requested(hold, quantity));
        world.open(&named(hold)).location.clone()
    };
    assert_eq!(of(&mut world, "small", 2), place("c"));
    assert_eq!(of(&mut world, "next", 2), place("a"));
    assert_eq!(of(&mut world, "large", 4), place("b"), "the listed ones cannot serve it");
}

#[test]
fn a_hold_must_name_its_location_where_the_policy_says_so() {
    let mut world = World::with_stock(3);
    world.policy.serve_from = ServeFrom::RequestedOnly;
    assert_eq!(refused(&world.say(requested("any", 1))), Reason::LocationRequired);
    let here = HoldRequested { location: Some(place("a")), ..request("here", 1) };
    world.say(SkuEvent::HoldRequested(here));
    assert_eq!(world.open(&named("here")).location, place("a"));
}

#[test]
fn what_is_taken_beyond_the_shelf_is_overdrawn_and_paid_off_first() {
    let mut world = World::with_stock(2);
    world.say(adjusted("a", -5));
    assert_eq!(world.line(), "0 0 0 0 0 0 0 3");
    world.say(received("a", 4));
    assert_eq!(world.line(), "1 1 0 0 0 0 0 0");
}

#[test]
fn a_loss_spares_what_is_not_for_sale_until_the_end() {
    let mut world = World::with_stock(10);
    world.say(configured(0, 2));
    world.say(moved("a", 3, StockKind::Sellable, StockKind::Damaged));
    world.say(requested("h", 4));
    assert_eq!(world.line(), "10 1 4 0 5 0 0 0");
    world.say(adjusted("a", -4));
    assert_eq!(world.line(), "6 0 4 0 3 1 0 0");
    world.say(adjusted("a", -5));
    assert_eq!(world.line(), "1 0 4 0 1 4 0 0");
}

#[test]
fn safety_stock_is_topped_up_and_given_back() {
    let mut world = World::with_stock(3);
    world.say(configured(0, 5));
    assert_eq!(world.line(), "3 0 0 0 3 0 0 0");
    world.say(received("a", 4));
    assert_eq!(world.line(), "7 2 0 0 5 0 0 0");
    world.say(moved("a", 2, StockKind::Safety, StockKind::Sellable));
    assert_eq!(world.line(), "7 4 0 0 3 0 0 0");
    world.say(configured(0, 1));
    assert_eq!(world.line(), "7 6 0 0 1 0 0 0");
}

#[test]
fn the_safety_stock_takes_no_promised_units() {
    let mut world = World::with_stock(5);
    world.say(requested("h", 3));
    world.say(moved("a", 4, StockKind::Sellable, StockKind::Safety));
    assert_eq!(world.line(), "5 0 3 0 2 0 0 0");
    assert_eq!(world.say(moved("a", 1, StockKind::Sellable, StockKind::Safety)), {
        Verdict::Recorded
    });
    world.say(moved("a", 3, StockKind::Sellable, StockKind::Damaged));
    assert_eq!(world.line(), "5 0 3 0 3 1 0 0", "what is broken is broken");
}

#[test]
fn units_beyond_stock_wait_at_a_location() {
    let mut world = World::new();
    let wish = HoldRequested { backorder: true, ..request("h", 1) };
    let refused_for = |world: &mut World, wish: &HoldRequested| {
        refused(&world.say(SkuEvent::HoldRequested(wish.clone())))
    };
    assert_eq!(refused_for(&mut world, &wish), Reason::InsufficientStock, "there is no limit");
    world.say(configured(2, 0));
    let wish = HoldRequested { hold: name("i"), ..wish };
    assert_eq!(refused_for(&mut world, &wish), Reason::LocationRequired);
    let stock = HoldRequested { hold: name("j"), backorder: false, ..wish.clone() };
    assert_eq!(refused_for(&mut world, &stock), Reason::InsufficientStock);
    let here = HoldRequested { hold: name("k"), location: Some(place("a")), ..wish };
    world.say(SkuEvent::HoldRequested(here));
    assert_eq!(world.line(), "0 0 1 0 0 0 1 0");
    world.say(received("b", 3));
    assert_eq!(world.line(), "0 0 1 0 0 0 1 0", "what arrives elsewhere serves nobody here");
}

#[test]
fn units_are_found_where_there_are_most() {
    let mut world = World::new();
    for (location, units) in [("a", 3), ("b", 9), ("c", 9)] {
        world.say(received(location, units));
    }
    assert!(world.say(requested("h", 9)).refused().is_none());
    assert_eq!(world.open(&named("h")).location, place("b"));
    let Verdict::Refused(refusal) = world.say(requested("i", 10)) else { panic!() };
    assert_eq!((refusal.reason, refusal.available), (Reason::InsufficientStock, Some(9)));
    let partial = HoldRequested { partial: true, ..request("i", 10) };
    world.say(SkuEvent::HoldRequested(partial));
    assert_eq!(world.open(&named("i")).quantity(), 9);
    world.say(adjusted("b", -2));
    assert!(world.say(requested("j", 3)).refused().is_none(), "a shortfall hides nothing");
}

#[test]
fn backorder_goes_to_the_limit_and_is_filled_by_arrivals() {
    let mut world = World::with_stock(2);
    world.say(configured(5, 0));
    let backorder = |hold, n| HoldRequested { backorder: true, ..request(hold, n) };
    world.say(SkuEvent::HoldRequested(backorder("h", 6)));
    assert_eq!(world.line(), "2 0 6 0 0 0 4 0");
    assert_eq!(
        refused(&world.say(SkuEvent::HoldRequested(backorder("i", 2)))),
        Reason::InsufficientStock
    );
    world.say(received("a", 5));
    assert_eq!(world.line(), "7 1 6 0 0 0 0 0");
}

#[test]
fn a_count_is_netted_with_what_moved_since() {
    let mut world = World::with_stock(10);
    world.clock = 100;
    world.say(received("a", 5));
    world.say(requested("h", 2));
    world.clock = 200;
    world.say(counted("a", 8, CountKind::OnHand, 50));
    assert_eq!(world.line(), "13 11 2 0 0 0 0 0");
    assert_eq!(world.say_of(40, received("a", 3)), Verdict::Recorded);
    assert_eq!(world.say(counted("a", 1, CountKind::OnHand, 40)), Verdict::Recorded);
    world.say(counted("a", 20, CountKind::Available, 60));
    assert_eq!(world.line(), "25 23 2 0 0 0 0 0");
    world.audit().unwrap();
}

#[test]
fn a_recount_breaks_no_more_than_is_gone() {
    let mut world = World::with_stock(10);
    world.say(requested("h", 6));
    world.clock = 10;
    world.say(counted("a", 5, CountKind::OnHand, 5));
    assert_eq!(world.line(), "5 0 6 0 0 1 0 0");
    world.say(adjusted("a", -7));
    assert_eq!(world.line(), "0 0 6 0 0 6 0 2");
    world.clock = 30;
    world.say(counted("a", 8, CountKind::OnHand, 20));
    assert_eq!(world.line(), "8 2 6 0 0 0 0 0");
}

#[test]
fn goods_that_left_before_the_count_leave_no_second_time() {
    let mut world = World::with_stock(10);
    world.say(requested("h", 4));
    world.clock = 100;
    world.say(counted("a", 6, CountKind::OnHand, 50));
    assert_eq!(world.line(), "6 2 4 0 0 0 0 0");
    assert_eq!(world.say_of(40, shipped("h", 4)), Verdict::Recorded);
    assert_eq!(world.line(), "6 6 0 0 0 0 0 0");
}

#[test]
fn returns_go_where_they_are_sent() {
    let mut world = World::new();
    for disposition in [Disposition::Restock, Disposition::Quarantine, Disposition::Scrap] {
        let (location, reference) = (place("a"), name("r"));
        let returned = StockReturned { location, quantity: 2, reference, disposition };
        world.say(SkuEvent::StockReturned(returned));
    }
    assert_eq!(world.line(), "4 2 0 0 2 0 0 0");
}

#[test]
fn a_retired_sku_keeps_its_promises_and_makes_none() {
    let mut world = World::with_stock(5);
    world.say(requested("h", 2));
    world.say(SkuEvent::SkuRetired);
    assert_eq!(refused(&world.say(requested("i", 1))), Reason::NotSellable);
    assert_eq!(world.say(shipped("h", 2)), Verdict::Accepted);
    assert_eq!(world.state.availability().available, 0);
}

#[test]
fn a_large_loss_is_spread_in_steps() {
    let mut world = World::with_stock(300);
    (0..300).for_each(|n| drop(world.say(requested(&format!("h{n}"), 1))));
    world.say(adjusted("a", -200));
    assert_eq!(world.line(), "100 0 300 0 0 200 0 0");
    assert_eq!(world.open(&named("h120")).units.short, 0);
    assert_eq!(world.step_through(), 3);
    assert_eq!(world.open(&named("h120")).units.short, 1);
    assert_eq!(world.open(&named("h99")).units.short, 0);
    let shortfalls = world.outcomes.iter().filter(|o| o.kind() == "stock.shortfall");
    assert_eq!(shortfalls.count(), 1);
    let Some(Outcome::StockShortfall { holds, more: true, .. }) = world.outcomes.last() else {
        panic!()
    };
    assert_eq!(holds.len(), 50);
    world.audit().unwrap();
}

#[test]
fn what_came_early_waits_for_its_hold() {
    let mut world = World::with_stock(5);
    assert_eq!(world.say(committed("h", "ann")), Verdict::Parked);
    assert!(!world.state.has_steps_left());
    world.say(requested("h", 2));
    let decision = world.play(Input::Step);
    assert_eq!(decision.verdict, Verdict::Accepted);
    assert_eq!(decision.answers.map(|cause| cause.id.clone()), Some("2".into()));
    assert!(world.open(&named("h")).is_committed());
    world.audit().unwrap();
}

#[test]
fn what_waits_in_vain_is_refused_or_given_up() {
    let mut world = World::with_stock(5);
    world.say(released("h", "ann"));
    world.say(released("never", "ann"));
    world.say(requested("h", 9));
    assert_eq!(world.play(Input::Step).verdict.refused(), Some(Reason::HoldEnded));
    assert!(world.reach(DueClock::Demand, 3_600).given_up.is_empty());
    let given_up = world.reach(DueClock::Demand, 3_601).given_up;
    assert_eq!(given_up.len(), 1);
    assert_eq!(given_up[0].reason, Reason::Orphan);
    world.policy.parked_max = 0;
    assert_eq!(refused(&world.say(released("none", "ann"))), Reason::Orphan);
}

#[test]
fn the_gate_knows_repeats_before_age() {
    let mut world = World::with_stock(5);
    let published = world.published(requested("h", 2));
    let first = world.play(Input::Event(published.clone()));
    world.clock = 30 * 3_600;
    let moment = Moment::new(at(world.clock), &world.policy);
    let mut again = published.clone();
    Arc::make_mut(&mut again.cause).logged_at = at(world.clock);
    let repeated = world.state.decide(&Input::Event(again.clone()), &moment);
    assert_eq!((repeated.verdict, repeated.standing), (first.verdict, Standing::Repeated));
    Arc::make_mut(&mut again.cause).fingerprint = Fingerprint(0);
    let conflict = world.state.decide(&Input::Event(again.clone()), &moment);
    assert_eq!(refused(&conflict.verdict), Reason::IdConflict);
    assert_eq!(refused(&world.say_of(0, received("a", 1))), Reason::Stale);
    let mut late = world.published(requested("i", 1));
    Arc::make_mut(&mut late.cause).expires_at = Some(at(world.clock - 1));
    assert_eq!(refused(&world.play(Input::Event(late)).verdict), Reason::TooLate);
}

#[test]
fn too_many_ids_raise_the_mark() {
    let mut world = World::new();
    world.policy.ids_per_sku_max = 10;
    world.policy.skew = Span::from_secs(1);
    for second in 0..100 {
        world.clock = second;
        world.say(received("a", 1));
        assert!(world.state.memory().len() <= 10);
    }
    let marks = world.state.head().forgotten;
    assert_eq!(marks, [None, None, Some(at(89)), None], "of the lane that ran over alone");
    assert_eq!(refused(&world.say_of(90, received("a", 1))), Reason::Stale);
    assert_eq!(world.say_of(80, adjusted("a", 1)), Verdict::Accepted, "by another lane");
    assert_eq!(world.say_of(91, received("a", 1)), Verdict::Accepted);
}

#[test]
fn a_sku_has_only_so_many_locations_and_attributes() {
    let mut world = World::new();
    (world.policy.locations_per_sku_max, world.policy.attributes_per_sku_max) = (2, 1);
    world.say(received("a", 1));
    world.say(received("b", 1));
    assert_eq!(refused(&world.say(received("c", 1))), Reason::TooLarge);
    assert_eq!(world.say(received("b", 1)), Verdict::Accepted);
    let described = |name: &str| {
        let attributes = [(name.to_owned(), "x".to_owned())].into();
        SkuEvent::SkuDescribed(SkuDescribed { attributes })
    };
    world.say(described("colour"));
    assert_eq!(world.say(described("colour")), Verdict::Accepted);
    assert_eq!(refused(&world.say(described("size"))), Reason::TooLarge);
}

/// A commit that waited for its hold came before the hold's deadline did.
#[test]
fn what_has_waited_is_decided_before_a_deadline() {
    let mut world = World::with_stock(5);
    world.clock = 60;
    assert_eq!(world.say(committed("h", "ann")), Verdict::Parked);
    world.clock = 1_000;
    let mut requested = world.published(requested("h", 2));
    let cause = Arc::make_mut(&mut requested.cause);
    (cause.logged_at, cause.time) = (at(0), at(0));
    world.play(Input::Event(requested));
    assert!(world.state.dues().is_empty());
    assert!(world.reach(DueClock::Settled, 1_000).facts.is_empty());
    assert!(world.reach(DueClock::Demand, 9_000).given_up.is_empty());
    assert_eq!(world.play(Input::Step).verdict, Verdict::Accepted);
    assert_eq!(world.line(), "5 3 0 2 0 0 0 0");
}

#[test]
fn ids_and_stones_are_let_go_in_time() {
    let mut world = World::with_stock(100);
    world.say(requested("kept", 1));
    (0..20).for_each(|n| drop(world.say(requested(&format!("h{n}"), 1))));
    (0..20).for_each(|n| drop(world.say(released(&format!("h{n}"), "ann"))));
    world.say(committed("kept", "ann"));
    assert_eq!(world.state.book().stones().count(), 20);
    for hour in 50..70 {
        world.clock = hour * 3_600;
        world.say(adjusted("a", 1));
    }
    assert_eq!(world.state.book().stones().count(), 0);
    world.audit().unwrap();
    for hour in 100..110 {
        world.clock = hour * 3_600;
        world.say(requested(&format!("i{hour}"), 1));
        world.say(adjusted("a", 1));
    }
    assert!(world.state.memory().len() < 60, "{}", world.state.memory().len());
    world.audit().unwrap();
}
