//! What orders ask: once done, answered always.

use earmark::domain::{
    DueClock,
    command::{Goods, SkuAnswer, SkuCommand},
    event::{CountKind, HoldRequested, SkuEvent},
    ids::HoldName,
    outcome::Outcome,
    refusal::Reason,
    sku::hold::PromiseNo,
};

use crate::world::*;

fn commit(hold: &HoldName, quantity: u32) -> SkuCommand {
    SkuCommand::Commit { hold: hold.clone(), quantity, backorder: false }
}

fn release(hold: &HoldName, keep: u32) -> SkuCommand {
    SkuCommand::Release { hold: hold.clone(), keep }
}

fn not_reserved(answer: SkuAnswer) -> Reason {
    match answer {
        SkuAnswer::NotReserved { refusal, .. } => refusal.reason,
        answer => panic!("{answer:?}"),
    }
}

fn not_committed(answer: SkuAnswer) -> Reason {
    match answer {
        SkuAnswer::NotCommitted { refusal, .. } => refusal.reason,
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn an_order_from_first_to_last_each_step_twice() {
    let mut world = World::with_stock(10);
    let hold = hold_of("o", None);
    let steps = [
        (reserve(&hold, 5), "10 5 5 0 0 0 0 0"),
        (commit(&hold, 4), "10 6 0 4 0 0 0 0"),
        (ship(&hold, "a", 1, 1), "9 6 0 3 0 0 0 0"),
        (release(&hold, 2), "9 7 0 2 0 0 0 0"),
        (ship(&hold, "a", 2, 2), "7 7 0 0 0 0 0 0"),
        (ship(&hold, "a", 2, 2), "7 7 0 0 0 0 0 0"),
        (commit(&hold, 4), "7 7 0 0 0 0 0 0"),
    ];
    for (command, after) in steps {
        let first = world.ask("o", command.clone());
        assert_eq!(world.ask("o", command), first);
        assert_eq!(world.line(), after);
    }
    assert!(world.outcomes.is_empty(), "the order speaks: {:?}", world.outcomes);
    world.audit().unwrap();
}

#[test]
fn a_cart_is_claimed_once_and_keeps_its_place() {
    let mut world = World::with_stock(10);
    world.say(requested("cart", 4));
    world.say(requested("other", 3));
    let mine = hold_of("o", Some("cart"));
    world.ask("o", reserve(&mine, 6));
    assert_eq!(world.line(), "10 1 9 0 0 0 0 0");
    assert_eq!(world.open(&mine).promise, PromiseNo(0));
    let theirs = hold_of("p", Some("cart"));
    assert_eq!(not_reserved(world.ask("p", reserve(&theirs, 1))), Reason::NotOwner);
    assert_eq!(not_reserved(world.ask("p", reserve(&mine, 1))), Reason::NotOwner);
    world.audit().unwrap();
}

#[test]
fn a_claim_that_cannot_be_served_leaves_the_cart() {
    let mut world = World::with_stock(5);
    world.say(requested("cart", 4));
    let hold = hold_of("o", Some("cart"));
    assert_eq!(not_reserved(world.ask("o", reserve(&hold, 6))), Reason::InsufficientStock);
    assert_eq!(world.open(&named("cart")).quantity(), 4);
    world.say(received("a", 5));
    assert_eq!(not_reserved(world.ask("o", reserve(&hold, 6))), Reason::InsufficientStock);
}

#[test]
fn excess_of_a_claim_goes_back_and_an_ended_cart_is_asked_anew() {
    let mut world = World::with_stock(5);
    world.say(requested("cart", 4));
    world.ask("o", reserve(&hold_of("o", Some("cart")), 1));
    assert_eq!(world.line(), "5 4 1 0 0 0 0 0");
    world.ask("p", reserve(&hold_of("p", Some("gone")), 3));
    assert_eq!(world.line(), "5 1 4 0 0 0 0 0");
}

#[test]
fn a_release_that_overtakes_burns_the_name() {
    let mut world = World::with_stock(5);
    let hold = hold_of("o", None);
    assert_eq!(
        world.ask("o", release(&hold, 0)),
        SkuAnswer::Released { hold: hold.clone(), keep: 0 }
    );
    assert_eq!(not_reserved(world.ask("o", reserve(&hold, 1))), Reason::HoldEnded);
    assert_eq!(world.line(), "5 5 0 0 0 0 0 0");
}

#[test]
fn a_commit_of_an_expired_hold_looks_again() {
    let mut world = World::with_stock(5);
    let (mine, theirs) = (hold_of("o", None), hold_of("p", None));
    for (of, hold) in [("o", &mine), ("p", &theirs)] {
        let expires_at = at(60);
        let (quantity, partial, backorder) = (2, false, false);
        let hold = hold.clone();
        world.ask(of, SkuCommand::Reserve { hold, quantity, partial, backorder, expires_at });
    }
    world.reach(DueClock::Settled, 61);
    let expired = world.answers.iter().filter(|a| matches!(a, SkuAnswer::Expired { .. }));
    assert_eq!(expired.count(), 2);
    world.say(requested("cart", 2));
    assert!(matches!(world.ask("o", commit(&mine, 2)), SkuAnswer::Committed { quantity: 2, .. }));
    assert!(matches!(world.ask("o", commit(&mine, 2)), SkuAnswer::Committed { quantity: 2, .. }));
    assert_eq!(not_committed(world.ask("p", commit(&theirs, 2))), Reason::InsufficientStock);
    world.say(received("a", 9));
    assert_eq!(not_committed(world.ask("p", commit(&theirs, 2))), Reason::InsufficientStock);
    assert_eq!(world.line(), "14 10 2 2 0 0 0 0");
    world.audit().unwrap();
}

#[test]
fn a_commit_of_an_expired_hold_may_be_beyond_stock() {
    let mut world = World::with_stock(3);
    world.say(configured(2, 0));
    let hold = hold_of("o", None);
    let again = SkuCommand::Reserve {
        hold: hold.clone(),
        quantity: 5,
        partial: false,
        backorder: true,
        expires_at: at(60),
    };
    world.ask("o", again);
    world.reach(DueClock::Settled, 61);
    let commit = SkuCommand::Commit { hold, quantity: 5, backorder: true };
    assert!(matches!(world.ask("o", commit), SkuAnswer::Committed { quantity: 5, .. }));
    world.audit().unwrap();
}

#[test]
fn goods_leave_from_elsewhere_from_broken_promises_and_for_nobody() {
    let mut world = World::with_stock(4);
    world.say(received("b", 3));
    let hold =
        HoldName::Order { order: order("o"), location: Some(place("a")), claim: None, attempt: 1 };
    world.ask("o", reserve(&hold, 4));
    world.ask("o", ship(&hold, "b", 1, 1));
    assert_eq!((world.line().as_str(), world.at("b").on_hand), ("4 1 3 0 0 0 0 0", 2));
    world.say(requested("cart", 2));
    assert_eq!(world.open(&named("cart")).location, place("b"));
    world.say(adjusted("a", -2));
    assert_eq!(world.line(), "2 0 3 0 0 1 0 0");
    world.ask("o", ship(&hold, "a", 3, 2));
    assert_eq!(world.line(), "0 0 0 0 0 0 0 1");
    let unknown = hold_of("p", None);
    (0..2).for_each(|_| drop(world.ask("p", ship(&unknown, "a", 2, 1))));
    assert_eq!(world.line(), "0 0 0 0 0 0 0 3");
    world.audit().unwrap();
}

fn back(hold: &HoldName, quantity: u32, shipment: u32) -> SkuCommand {
    SkuCommand::Move {
        hold: hold.clone(),
        goods: Goods::BroughtBack,
        location: place("a"),
        quantity,
        held: quantity,
        backorder: false,
        shipment,
    }
}

/// What was asked before goods came back was answered then; its repeats may still be on their way.
#[test]
fn what_came_back_is_not_let_go_by_an_older_command() {
    let mut world = World::with_stock(4);
    let hold = hold_of("o", None);
    world.ask("o", reserve(&hold, 4));
    world.ask("o", commit(&hold, 4));
    world.ask("o", release(&hold, 3));
    world.ask("o", ship(&hold, "a", 3, 1));
    world.ask("o", back(&hold, 3, 2));
    assert_eq!(world.line(), "4 1 0 3 0 0 0 0");
    for late in [release(&hold, 0), release(&hold, 1), commit(&hold, 1)] {
        world.ask("o", late.clone());
        let after = |movements| SkuCommand::After { movements, ask: Box::new(late.clone()) };
        world.ask("o", after(1));
        assert_eq!(world.line(), "4 1 0 3 0 0 0 0", "{late:?}");
    }
    world.ask("o", SkuCommand::After { movements: 2, ask: Box::new(release(&hold, 1)) });
    assert_eq!(world.line(), "4 3 0 1 0 0 0 0");
    world.audit().unwrap();
}

/// Who waits for units is served before what comes back is promised again, and what is missing
/// then is said.
#[test]
fn what_comes_back_stands_behind_those_who_wait() {
    let mut world = World::with_stock(4);
    let (hold, other) = (hold_of("o", None), hold_of("p", None));
    world.ask("o", reserve(&hold, 2));
    world.ask("p", reserve(&other, 2));
    world.ask("o", ship(&hold, "a", 2, 1));
    world.say(adjusted("a", -1));
    assert_eq!(world.line(), "1 0 2 0 0 1 0 0");
    world.ask("o", back(&hold, 2, 2));
    assert_eq!(world.line(), "3 0 2 2 0 1 0 0");
    let short = |name: &HoldName| world.open(name).units.short;
    assert_eq!((short(&hold), short(&other)), (1, 0));
    world.audit().unwrap();
}

/// The safety stock is what nobody is promised; what comes back is promised first.
#[test]
fn what_comes_back_is_promised_before_it_is_kept_back() {
    let mut world = World::with_stock(1);
    let hold = hold_of("o", None);
    world.ask("o", reserve(&hold, 1));
    world.ask("o", ship(&hold, "a", 1, 1));
    world.say(configured(0, 1));
    world.ask("o", back(&hold, 1, 2));
    assert_eq!(world.line(), "1 0 0 1 0 0 0 0");
    world.audit().unwrap();
}

/// Units that left beyond what the hold promised are the shelf's: the hold keeps its own.
#[test]
fn a_shipment_takes_of_the_hold_what_the_order_says() {
    let mut world = World::with_stock(9);
    let hold = hold_of("o", None);
    world.ask("o", reserve(&hold, 2));
    let SkuCommand::Ship { hold, location, .. } = ship(&hold, "a", 3, 1) else { unreachable!() };
    let ship = SkuCommand::Ship { hold, location, quantity: 3, held: 1, shipment: 1 };
    (0..2).for_each(|_| drop(world.ask("o", ship.clone())));
    assert_eq!(world.line(), "6 5 1 0 0 0 0 0");
    world.audit().unwrap();
}

/// The stone of a hold that ended long ago must not be taken away with the shipment it has just
/// seen.
#[test]
fn a_late_shipment_is_seen_once() {
    let mut world = World::with_stock(9);
    let hold = hold_of("o", None);
    world.ask("o", reserve(&hold, 2));
    world.ask("o", release(&hold, 0));
    world.clock = 3 * 86_400;
    (0..3).for_each(|_| drop(world.ask("o", ship(&hold, "a", 2, 1))));
    assert_eq!(world.line(), "7 7 0 0 0 0 0 0");
    world.audit().unwrap();
}

#[test]
fn a_shipment_older_than_the_count_moves_nothing() {
    let mut world = World::with_stock(5);
    let hold = hold_of("o", None);
    world.ask("o", reserve(&hold, 2));
    world.clock = 100;
    world.say(counted("a", 3, CountKind::OnHand, 50));
    world.ask_of(40, "o", ship(&hold, "a", 2, 1));
    assert_eq!(world.line(), "3 3 0 0 0 0 0 0");
}

fn back_at(location: &str, hold: &HoldName, quantity: u32, shipment: u32) -> SkuCommand {
    match back(hold, quantity, shipment) {
        SkuCommand::Move { hold, goods, quantity, held, backorder, shipment, .. } => {
            let location = place(location);
            SkuCommand::Move { hold, goods, location, quantity, held, backorder, shipment }
        }
        other => other,
    }
}

#[test]
fn what_came_back_is_promised_where_it_is() {
    let mut world = World::with_stock(2);
    let hold = hold_of("o", None);
    world.ask("o", reserve(&hold, 2));
    world.ask("o", commit(&hold, 2));
    world.say(received("b", 2));
    world.ask("o", ship(&hold, "b", 2, 1));
    world.ask("o", back_at("b", &hold, 1, 2));
    assert_eq!(world.open(&hold).location, place("a"), "it can be had where it was promised");
    assert_eq!(world.line(), "2 1 0 1 0 0 0 0");
    // The other one is gone from there meanwhile, and the whole is where the second comes back.
    world.say(requested("other", 1));
    world.ask("o", back_at("b", &hold, 1, 3));
    assert_eq!(world.open(&hold).location, place("b"));
    assert_eq!(world.line(), "2 1 1 0 0 0 0 0");
    let there = world.at("b");
    assert_eq!((there.on_hand, there.available, there.allocated, there.short), (2, 0, 2, 0));
    world.ask("o", back_at("b", &hold, 1, 3));
    assert_eq!(world.open(&hold).quantity(), 2, "once for each number");
    world.ask("o", ship(&hold, "b", 2, 4));
    assert_eq!(world.at("b").on_hand, 0);
    world.audit().unwrap();
}

#[test]
fn the_holds_of_one_owner_are_one_cart() {
    let mut world = World::with_stock(8);
    for (hold, owner, quantity) in
        [("c1", "ann", 1), ("c2", "ann", 1), ("c3", "ann", 3), ("c4", "bob", 2), ("c5", "ann", 1)]
    {
        let request = HoldRequested { owner: name(owner), ..request(hold, quantity) };
        world.say(SkuEvent::HoldRequested(request));
    }
    world.say(committed("c5", "ann"));
    world.outcomes.clear();
    let first = hold_of("o", Some("c1"));
    assert_eq!(not_reserved(world.ask("x", reserve(&hold_of("x", None), 1))), {
        Reason::InsufficientStock
    });
    world.ask("o", reserve(&first, 4));
    assert_eq!(world.line(), "8 0 7 1 0 0 0 0");
    assert_eq!(world.open(&first).quantity(), 4);
    assert_eq!(world.open(&named("c3")).quantity(), 1);
    assert_eq!(world.open(&named("c4")).quantity(), 2, "another owner's");
    let given = world.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::HoldReleased { hold, quantity, .. } => Some((hold.clone(), *quantity)),
        _ => None,
    });
    assert_eq!(given.collect::<Vec<_>>(), [(named("c2"), 1), (named("c3"), 2)]);
    world.ask("o", reserve(&hold_of("o", Some("c3")), 1));
    assert_eq!(world.line(), "8 0 7 1 0 0 0 0");
    let more = hold_of("p", Some("c4"));
    assert_eq!(not_reserved(world.ask("p", reserve(&more, 3))), Reason::InsufficientStock);
    assert_eq!(world.open(&named("c4")).quantity(), 2, "refused, it takes nothing");
    world.audit().unwrap();
}
