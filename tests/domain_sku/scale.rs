//! What a change costs does not depend on how many holds are open: counted, not timed.

use earmark::domain::{
    DueClock, Entity, Moment,
    decision::Input,
    event::SkuEvent,
    sku::{SkuFact, SkuState},
};

use crate::world::*;

/// Plays without the checks of `World::play`, and returns the parts and bytes that changed.
fn cost(world: &mut World, event: SkuEvent) -> (usize, usize) {
    let published = world.published(event);
    let moment = Moment::new(at(world.clock), &world.policy);
    let decision = world.state.decide(&Input::Event(published), &moment);
    apply(&mut world.state, &decision.facts, world.clock);
    let parts = world.state.take_changed_parts();
    let bytes = parts.iter().map(|part| postcard::to_stdvec(part).unwrap().len()).sum();
    (parts.len(), bytes)
}

fn apply(state: &mut SkuState, facts: &[SkuFact], clock: i64) {
    facts.iter().for_each(|fact| state.apply(fact, at(clock)).unwrap());
    state.check().unwrap();
}

#[test]
fn a_change_costs_the_same_among_a_hundred_thousand_holds() {
    let mut world = World::with_stock(1_000_000);
    world.policy.ids_per_sku_max = 1_000_000;
    let first = cost(&mut world, requested("h000000", 2));
    let first_release = cost(&mut world, released("h000000", "ann"));
    for n in 1..100_000 {
        cost(&mut world, requested(&format!("h{n:06}"), 2));
    }
    let last = cost(&mut world, requested("h100000", 2));
    let last_release = cost(&mut world, released("h050000", "ann"));
    assert_eq!((first.0, first_release.0), (last.0, last_release.0));
    assert_eq!(last.0, 5, "head, location, hold, id, movement");
    // Numbers grow by a few bytes as they count up; nothing else does.
    assert!(last.1 <= first.1 + 24, "{first:?} {last:?}");
    assert!(last_release.1 <= first_release.1 + 24, "{first_release:?} {last_release:?}");
    world.state.audit().unwrap();
}

/// Ten days of the same work every five minutes: carts that are released, carts that expire, and
/// orders that ship.
#[test]
fn steady_work_keeps_as_much_as_a_few_days_of_it() {
    let mut world = World::with_stock(1_000_000);
    let mut kept = Vec::new();
    for round in 0..10 * 288 {
        world.clock += 300;
        let (cart, left) = (format!("c{round}"), format!("l{round}"));
        world.say(requested(&cart, 2));
        world.say(released(&cart, "ann"));
        world.say(requested(&left, 1));
        let (buyer, now) = (format!("o{round}"), world.clock);
        let hold = hold_of(&buyer, None);
        world.ask(&buyer, reserve(&hold, 1));
        world.ask(&buyer, ship(&hold, "a", 1, 1));
        world.reach(DueClock::Settled, now);
        if world.clock % 86_400 == 0 {
            kept.push(world.parts.len());
        }
    }
    let (settled, last) = (kept[3], kept[kept.len() - 1]);
    assert!(last <= settled + settled / 100, "parts grow by the day: {kept:?}");
    world.audit().unwrap();
}
