//! A count that comes late leaves what it would have left in time.
//!
//! The same history is played twice: once the count is told when it was made, once after all that
//! followed it. What was decided on the way may differ, since more or less was known to be there;
//! where it does not, the stock is the same in the end.

use earmark::domain::{
    decision::Verdict,
    event::*,
    ids::{HoldName, Name},
    outcome::Quantities,
    sku::book::Known,
};
use proptest::prelude::*;

use crate::world::*;

/// When the count is made: what comes before it has two seconds each, and so has what comes after.
const COUNTED: i64 = 100;

fn what_happens() -> impl Strategy<Value = SkuEvent> {
    let hold = (0..5u8).prop_map(|n| format!("h{n}"));
    let units = 1..4u32;
    prop_oneof![
        4 => (hold.clone(), units.clone(), any::<bool>()).prop_map(|(hold, units, backorder)| {
            let location = Some(place("a"));
            SkuEvent::HoldRequested(HoldRequested { backorder, location, ..request(&hold, units) })
        }),
        3 => units.clone().prop_map(|units| received("a", units)),
        3 => (1..4i64).prop_map(|units| adjusted("a", -units)),
        2 => hold.clone().prop_map(|hold| released(&hold, "ann")),
        2 => hold.clone().prop_map(|hold| committed(&hold, "ann")),
        2 => (hold, units.clone()).prop_map(|(hold, units)| shipped(&hold, units)),
        2 => (units.clone(), aside()).prop_map(|(units, to)| moved("a", units, StockKind::Sellable, to)),
        1 => (units, aside()).prop_map(|(units, from)| moved("a", units, from, StockKind::Sellable)),
        1 => (3..6u32, 0..3u32).prop_map(|(limit, safety)| configured(limit, safety)),
    ]
}

fn aside() -> impl Strategy<Value = StockKind> {
    prop_oneof![Just(StockKind::Damaged), Just(StockKind::QualityControl)]
}

/// Says what happened, each two seconds after what came before; what cannot be, since there is too
/// little of it, is left out.
fn play(world: &mut World, from: i64, happened: &[SkuEvent]) -> Vec<Option<Verdict>> {
    (0..)
        .zip(happened)
        .map(|(number, event)| {
            world.clock = from + 2 * number;
            can_be(world, event).then(|| {
                let verdict = world.say(event.clone());
                world.step_through();
                verdict
            })
        })
        .collect()
}

/// Where too little is for sale or promised, a loss is borne by what is broken: a count that finds
/// more does not know that, and repairs nothing.
fn can_be(world: &World, event: &SkuEvent) -> bool {
    let stock = world.at("a");
    let sound = stock.on_hand - stock.unavailable;
    match event {
        SkuEvent::StockMoved(moved) => match moved.from {
            StockKind::Sellable => sound >= u64::from(moved.quantity),
            _ => stock.unavailable >= u64::from(moved.quantity),
        },
        SkuEvent::StockAdjusted(StockAdjusted { quantity: ..0, .. }) => {
            sound >= 4 || stock.unavailable == 0
        }
        SkuEvent::StockShipped(shipped) => {
            is_open(world, &shipped.hold) && (sound >= 4 || stock.unavailable == 0)
        }
        SkuEvent::HoldReleased(released) => is_open(world, &released.hold),
        SkuEvent::HoldCommitted(committed) => is_open(world, &committed.hold),
        _ => true,
    }
}

fn is_open(world: &World, hold: &Name) -> bool {
    matches!(world.state.find(&HoldName::Named(hold.clone())), Known::Open(_))
}

/// Whether a unit waits for what was lost or for what had never come, and whether the buffer was
/// filled before anybody waited, depends on what was known; how many there are in all does not.
fn numbers(world: &World) -> [i64; 6] {
    let Quantities { on_hand, available, held, allocated, overdrawn, .. } = world.at("a");
    let Quantities { unavailable, short, backordered, .. } = world.at("a");
    let signed = |units: u64| i64::try_from(units).unwrap();
    let kept = signed(unavailable) - signed(short + backordered);
    let [on_hand, available, held, allocated, overdrawn] =
        [on_hand, available, held, allocated, overdrawn].map(signed);
    [on_hand, available, held, allocated, overdrawn, kept]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_count_says_the_same_late_as_in_time(
        before in prop::collection::vec(what_happens(), 0..8),
        after in prop::collection::vec(what_happens(), 0..8),
        more in -4..6i64,
        kind in prop_oneof![Just(CountKind::OnHand), Just(CountKind::Available)],
    ) {
        let [mut in_time, mut late] = [(); 2].map(|()| World::new());
        for world in [&mut in_time, &mut late] {
            world.say(configured(4, 0));
            world.say(received("a", 1));
            play(world, 10, &before);
            world.clock = COUNTED;
        }
        // Whether a unit that is missing was a broken one depends on what was known.
        prop_assume!(more >= 0 || in_time.at("a").unavailable == 0);
        let known = match kind {
            CountKind::OnHand => in_time.at("a").on_hand,
            CountKind::Available => in_time.at("a").available,
        };
        let quantity = (i64::try_from(known).unwrap() + more).max(0);
        let count = counted("a", u32::try_from(quantity).unwrap(), kind, COUNTED);
        in_time.say(count.clone());
        in_time.step_through();
        let story = play(&mut in_time, COUNTED + 2, &after);
        prop_assume!(story == play(&mut late, COUNTED + 2, &after));
        late.clock = COUNTED + 100;
        late.say(count);
        late.step_through();
        prop_assert_eq!(numbers(&in_time), numbers(&late));
        late.audit().unwrap();
    }
}
