//! What each kind of count has seen, and what not.

use earmark::domain::{
    command::{Goods, SkuCommand},
    decision::Verdict,
    event::*,
    ids::HoldName,
};

use crate::world::*;

/// A count that was made at second 50, reported at 100.
fn counted_of(world: &mut World, kind: CountKind, quantity: u32) {
    world.clock = 100;
    assert_eq!(world.say(counted("a", quantity, kind, 50)), Verdict::Accepted);
}

fn moves(hold: &HoldName, goods: Goods, quantity: u32, shipment: u32) -> SkuCommand {
    SkuCommand::Move {
        hold: hold.clone(),
        goods,
        location: place("a"),
        quantity,
        held: quantity,
        backorder: false,
        shipment,
    }
}

fn returned(disposition: Disposition) -> SkuEvent {
    let (location, reference) = (place("a"), name("r"));
    SkuEvent::StockReturned(StockReturned { location, quantity: 2, reference, disposition })
}

/// Ten units, of which an order has four and two are damaged, counted rightly; then one fact of
/// before the count.
fn after(kind: CountKind, late: impl FnOnce(&mut World, &HoldName)) -> String {
    let mut world = World::with_stock(10);
    let hold = hold_of("o", None);
    world.ask("o", reserve(&hold, 4));
    world.say(moved("a", 2, StockKind::Sellable, StockKind::Damaged));
    assert_eq!(world.line(), "10 4 4 0 2 0 0 0");
    counted_of(&mut world, kind, if kind == CountKind::OnHand { 10 } else { 4 });
    late(&mut world, &hold);
    world.audit().unwrap();
    world.line()
}

#[test]
fn each_kind_of_count_has_seen_what_it_can_see() {
    use CountKind::{Available, OnHand};
    use StockKind::{Damaged, QualityControl, Sellable};
    type Late = fn(&mut World, &HoldName);
    let facts: [(Late, [&str; 2]); 10] = [
        (|w, _| drop(w.say_of(40, received("a", 3))), ["10 4 4 0 2 0 0 0", "10 4 4 0 2 0 0 0"]),
        (|w, _| drop(w.say_of(40, adjusted("a", -1))), ["10 4 4 0 2 0 0 0", "10 4 4 0 2 0 0 0"]),
        (
            |w, _| drop(w.say_of(40, returned(Disposition::Restock))),
            ["10 4 4 0 2 0 0 0", "10 4 4 0 2 0 0 0"],
        ),
        (
            |w, _| drop(w.say_of(40, returned(Disposition::Quarantine))),
            ["10 2 4 0 4 0 0 0", "12 4 4 0 4 0 0 0"],
        ),
        (
            |w, _| drop(w.say_of(40, moved("a", 1, Sellable, Damaged))),
            ["10 3 4 0 3 0 0 0", "11 4 4 0 3 0 0 0"],
        ),
        (
            |w, _| drop(w.say_of(40, moved("a", 1, Damaged, Sellable))),
            ["10 5 4 0 1 0 0 0", "9 4 4 0 1 0 0 0"],
        ),
        (
            |w, _| drop(w.say_of(40, moved("a", 1, Damaged, QualityControl))),
            ["10 4 4 0 2 0 0 0", "10 4 4 0 2 0 0 0"],
        ),
        (
            |w, hold| drop(w.ask_of(40, "o", ship(hold, "a", 4, 1))),
            ["10 8 0 0 2 0 0 0", "6 4 0 0 2 0 0 0"],
        ),
        (
            |w, hold| drop(w.ask_of(40, "o", moves(hold, Goods::Missing, 1, 1))),
            ["10 4 4 0 2 0 0 0", "9 3 4 0 2 0 0 0"],
        ),
        (
            |w, hold| {
                w.ask_of(40, "o", ship(hold, "a", 4, 1));
                w.ask_of(40, "o", moves(hold, Goods::BroughtBack, 4, 2));
            },
            ["10 4 0 4 2 0 0 0", "10 4 0 4 2 0 0 0"],
        ),
    ];
    for (number, (late, lines)) in facts.into_iter().enumerate() {
        assert_eq!(after(OnHand, late), lines[0], "fact {number}, on hand");
        assert_eq!(after(Available, late), lines[1], "fact {number}, available");
    }
}

#[test]
fn the_figure_that_was_counted_last_is_right() {
    let mut world = World::with_stock(10);
    world.say(requested("h", 3));
    counted_of(&mut world, CountKind::OnHand, 10);
    world.clock = 200;
    world.say(counted("a", 7, CountKind::Available, 150));
    // Before both, between them, after both.
    assert_eq!(world.say_of(40, shipped("h", 1)), Verdict::Accepted);
    assert_eq!(world.line(), "9 7 2 0 0 0 0 0");
    assert_eq!(world.say_of(120, shipped("h", 1)), Verdict::Accepted);
    assert_eq!(world.line(), "8 7 1 0 0 0 0 0");
    assert_eq!(world.say_of(120, received("a", 1)), Verdict::Recorded);
    assert_eq!(world.say_of(180, received("a", 1)), Verdict::Accepted);
    assert_eq!(world.line(), "9 8 1 0 0 0 0 0");
    world.audit().unwrap();
}

#[test]
fn goods_that_were_given_up_after_the_count_were_promised_when_it_was_made() {
    let mut world = World::with_stock(10);
    world.say(requested("before", 2));
    world.say(requested("after", 2));
    world.clock = 20;
    world.say(released("before", "ann"));
    counted_of(&mut world, CountKind::Available, 8);
    world.say(released("after", "ann"));
    assert_eq!(world.line(), "10 10 0 0 0 0 0 0");
    assert_eq!(world.say_of(40, shipped("before", 2)), Verdict::Recorded);
    assert_eq!(world.say_of(40, shipped("after", 2)), Verdict::Accepted);
    assert_eq!(world.line(), "8 8 0 0 0 0 0 0");
    // A count of between, reported only now, is netted with what it has not seen.
    world.clock = 300;
    assert_eq!(world.say(counted("a", 6, CountKind::Available, 60)), Verdict::Accepted);
    assert_eq!(world.line(), "6 6 0 0 0 0 0 0");
    world.audit().unwrap();
}

#[test]
fn a_promise_begins_and_ends_when_that_is_decided() {
    let mut world = World::with_stock(10);
    world.clock = 100;
    world.say_of(10, requested("h", 2));
    world.clock = 200;
    world.say(counted("a", 10, CountKind::Available, 50));
    assert_eq!(world.line(), "10 8 2 0 0 0 0 0");
    world.clock = 300;
    world.say_of(210, released("h", "ann"));
    world.clock = 400;
    world.say(counted("a", 8, CountKind::Available, 250));
    assert_eq!(world.line(), "10 10 0 0 0 0 0 0");
    world.audit().unwrap();
}

#[test]
fn what_is_for_sale_is_what_was_counted_however_many_wait() {
    let mut world = World::with_stock(2);
    world.say(configured(4, 3));
    world.say(requested("none", 1));
    assert_eq!(world.line(), "2 0 0 0 2 0 0 0");
    world.say(configured(4, 0));
    world.say(requested("h", 2));
    let wish = HoldRequested { backorder: true, ..request("b", 3) };
    world.say(SkuEvent::HoldRequested(wish));
    world.say(adjusted("a", -1));
    world.say(configured(4, 2));
    assert_eq!(world.line(), "1 0 5 0 0 1 3 0");
    counted_of(&mut world, CountKind::Available, 0);
    assert_eq!(world.line(), "1 0 5 0 0 1 3 0");
    for clock in [200, 300] {
        world.clock = clock;
        world.say(counted("a", 5, CountKind::Available, clock));
        assert_eq!(world.line(), "12 5 5 0 2 0 0 0");
    }
    world.audit().unwrap();
}

#[test]
fn what_v0_1_0_counted_may_have_been_either() {
    let mut world = World::with_stock(10);
    world.say(requested("h", 3));
    let location = place("a");
    let counted = earmark::domain::sku::SkuFact::CountedV010 { location, as_of: at(50) };
    earmark::domain::Entity::apply(&mut world.state, &counted, at(60)).unwrap();
    world.clock = 100;
    assert_eq!(world.say_of(40, shipped("h", 3)), Verdict::Recorded);
    // Which of the two it was is not known: in doubt less is for sale.
    world.say_of(40, moved("a", 1, StockKind::Sellable, StockKind::Damaged));
    assert_eq!(world.line(), "10 9 0 0 1 0 0 0");
}

#[test]
fn a_count_that_finds_nothing_fills_no_buffer() {
    let mut world = World::with_stock(7);
    world.say(configured(0, 1));
    world.say(moved("a", 1, StockKind::Safety, StockKind::Sellable));
    assert_eq!(world.line(), "7 7 0 0 0 0 0 0");
    for (quantity, line) in [(7, "7 7 0 0 0 0 0 0"), (5, "5 5 0 0 0 0 0 0"), (7, "8 7 0 0 1 0 0 0")]
    {
        world.clock += 100;
        world.say(counted("a", quantity, CountKind::Available, world.clock));
        assert_eq!(world.line(), line);
    }
    world.audit().unwrap();
}
