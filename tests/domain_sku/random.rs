//! Properties: whatever comes, in whatever order, the numbers stay true.

use std::collections::BTreeMap;

use earmark::domain::{
    DueClock, Entity,
    command::{Goods, SkuCommand},
    decision::Input,
    event::*,
    ids::HoldName,
    sku::settings::Settings,
    time::Span,
};
use proptest::prelude::*;

use crate::world::*;

#[derive(Clone, Debug)]
enum Play {
    Say(SkuEvent),
    SayOf(i64, SkuEvent),
    Ask(String, SkuCommand, i64),
    Reach(DueClock, i64),
    Step,
    Wait(i64),
}

fn location() -> impl Strategy<Value = &'static str> {
    prop_oneof![3 => Just("a"), 1 => Just("b")]
}

fn hold_name() -> impl Strategy<Value = String> {
    (0..6u8).prop_map(|n| format!("h{n}"))
}

fn owner() -> impl Strategy<Value = &'static str> {
    prop_oneof![6 => Just("ann"), 1 => Just("bob")]
}

fn kind() -> impl Strategy<Value = StockKind> {
    prop_oneof![
        Just(StockKind::Sellable),
        Just(StockKind::Damaged),
        Just(StockKind::QualityControl),
        Just(StockKind::Safety)
    ]
}

fn hold_request() -> impl Strategy<Value = SkuEvent> {
    let flags = (any::<bool>(), any::<bool>(), 1..400u32);
    (hold_name(), 1..8u32, flags, proptest::option::of(location()), owner()).prop_map(
        |(hold, quantity, (partial, backorder, ttl), at, owner)| {
            SkuEvent::HoldRequested(HoldRequested {
                partial,
                backorder,
                owner: name(owner),
                location: at.map(place),
                ttl_s: Some(ttl),
                ..request(&hold, quantity)
            })
        },
    )
}

fn event() -> impl Strategy<Value = SkuEvent> {
    let count = prop_oneof![Just(CountKind::OnHand), Just(CountKind::Available)];
    let to_do = prop_oneof![
        Just(Disposition::Restock),
        Just(Disposition::Quarantine),
        Just(Disposition::Scrap)
    ];
    prop_oneof![
        6 => hold_request(),
        1 => (hold_name(), owner(), 1..900u32).prop_map(|(h, o, s)| extended(&h, o, s)),
        1 => (hold_name(), owner()).prop_map(|(h, o)| transferred(&h, o, "ann")),
        2 => (hold_name(), owner()).prop_map(|(h, o)| committed(&h, o)),
        2 => (hold_name(), owner()).prop_map(|(h, o)| released(&h, o)),
        2 => (hold_name(), 1..10u32).prop_map(|(h, n)| shipped(&h, n)),
        3 => (location(), 1..9u32).prop_map(|(l, n)| received(l, n)),
        3 => (location(), (-9..9i64).prop_filter("not 0", |n| *n != 0))
            .prop_map(|(l, n)| adjusted(l, n)),
        2 => (location(), 0..15u32, count, 0..2_000i64).prop_map(|(l, n, k, s)| counted(l, n, k, s)),
        2 => (location(), 1..9u32, kind(), kind()).prop_map(|(l, n, f, t)| moved(l, n, f, t)),
        1 => (location(), 1..9u32, to_do).prop_map(|(l, quantity, disposition)| {
            SkuEvent::StockReturned(StockReturned {
                location: place(l), quantity, reference: name("r"), disposition,
            })
        }),
        1 => (0..12u32, 0..5u32).prop_map(|(b, s)| configured(b, s)),
        1 => Just(SkuEvent::SkuRetired),
        1 => Just(SkuEvent::SkuConfigured(SkuConfigured {
            sellable: Some(true), ..Default::default()
        })),
        1 => Just(SkuEvent::SkuDescribed(SkuDescribed {
            attributes: [("colour".to_owned(), "blue".to_owned())].into(),
        })),
    ]
}

fn order_hold() -> impl Strategy<Value = (String, HoldName)> {
    let location = proptest::option::of(location());
    (0..3u8, location, proptest::option::of(hold_name()), 1..3u32).prop_map(|(o, l, c, attempt)| {
        let of = format!("o{o}");
        let (location, claim) = (l.map(place), c.map(|c| name(&c)));
        (of.clone(), HoldName::Order { order: order(&of), location, claim, attempt })
    })
}

fn command() -> impl Strategy<Value = (String, SkuCommand)> {
    let flags = (any::<bool>(), any::<bool>(), 0..3_000i64);
    (order_hold(), 0..6u8, 1..8u32, flags, location(), 1..6u32).prop_map(
        |((of, hold), what, quantity, (partial, backorder, until), l, shipment)| {
            let command = match what {
                0 => SkuCommand::Reserve {
                    hold,
                    quantity,
                    partial,
                    backorder,
                    expires_at: at(until),
                },
                1 => SkuCommand::Commit { hold, quantity, backorder },
                2 => SkuCommand::Release { hold, keep: quantity % 3 },
                3 => SkuCommand::Move {
                    hold,
                    goods: if backorder { Goods::Missing } else { Goods::BroughtBack },
                    location: place(l),
                    quantity,
                    held: quantity.saturating_sub(u32::from(partial)),
                    backorder: until % 2 == 0,
                    shipment,
                },
                _ => SkuCommand::Ship {
                    hold,
                    location: place(l),
                    quantity,
                    held: quantity.saturating_sub(u32::from(partial)),
                    shipment,
                },
            };
            (of, command)
        },
    )
}

fn play() -> impl Strategy<Value = Play> {
    prop_oneof![
        10 => event().prop_map(Play::Say),
        3 => (0..2_000i64, event()).prop_map(|(s, e)| Play::SayOf(s, e)),
        6 => (command(), 0..2_000i64).prop_map(|((o, c), s)| Play::Ask(o, c, s)),
        2 => (0..300i64).prop_map(|s| Play::Reach(DueClock::Settled, s)),
        1 => (0..300i64).prop_map(|s| Play::Reach(DueClock::Demand, s)),
        2 => Just(Play::Step),
        3 => (1..400i64).prop_map(Play::Wait),
    ]
}

fn act(world: &mut World, play: Play) {
    match play {
        Play::Say(event) => drop(world.say(event)),
        Play::SayOf(seconds, event) => drop(world.say_of(seconds.min(world.clock), event)),
        Play::Ask(from, command, seconds) => {
            drop(world.ask_of(seconds.min(world.clock), &from, command));
        }
        Play::Reach(clock, back) => drop(world.reach(clock, world.clock - back)),
        Play::Step if world.state.has_steps_left() => drop(world.play(Input::Step)),
        Play::Step => {}
        Play::Wait(seconds) => world.clock += seconds,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..Default::default() })]

    #[test]
    fn the_numbers_stay_true(
        plays in prop::collection::vec(play(), 1..60),
        per_step in 1..5usize,
        ids in 3..40usize,
        horizon in 300..3_000i64,
    ) {
        let mut world = World::new();
        world.policy.holds_per_step_max = per_step;
        world.policy.shortfall_named_max = 3;
        world.policy.ids_per_sku_max = ids;
        world.policy.parked_max = 3;
        world.policy.park_for = Span::from_secs(300);
        world.policy.skew = Span::from_secs(1);
        world.policy.horizon = Span::from_secs(horizon);
        for play in plays {
            act(&mut world, play);
            prop_assert_eq!(world.state.audit(), Ok(()));
        }
        world.step_through();
        prop_assert_eq!(world.audit(), Ok(()));
        served(&world);
    }
}

/// Once everything is spread, nobody waits for units that are available.
fn served(world: &World) {
    for stock in world.state.locations().values() {
        assert!(stock.available == 0 || stock.short + stock.backordered == 0, "{stock:?}");
    }
}

/// A shop on the back of an envelope: units on the shelf, and who was promised how many.
#[derive(Default)]
struct Envelope {
    shelf: i64,
    promised: BTreeMap<String, i64>,
}

impl Envelope {
    fn free(&self) -> i64 {
        self.shelf - self.promised.values().sum::<i64>()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..Default::default() })]

    /// The simple subset against an independent model: no unit lost, none sold twice.
    #[test]
    fn it_sells_like_an_envelope(
        plays in prop::collection::vec((0..4u8, 0..6u8, 1..6u32), 1..80),
    ) {
        let (mut world, mut envelope) = (World::new(), Envelope::default());
        for (n, (what, hold, units)) in plays.into_iter().enumerate() {
            // A name that ended cannot be used again, so each round of names is new.
            let hold = format!("{hold}-{}", n / 10);
            let quantity = i64::from(units);
            match what {
                0 => {
                    world.say(received("a", units));
                    envelope.shelf += quantity;
                }
                1 => {
                    let granted = world.say(requested(&hold, units)).refused().is_none();
                    let known = world.state.memory().len();
                    prop_assert!(known > 0);
                    if granted && !envelope.promised.contains_key(&hold) {
                        prop_assert!(quantity <= envelope.free());
                        envelope.promised.insert(hold, quantity);
                    }
                }
                2 => {
                    if world.say(released(&hold, "ann")).refused().is_none() {
                        envelope.promised.remove(&hold);
                    }
                }
                _ => {
                    if let Some(promised) = envelope.promised.get(&hold).copied() {
                        world.say(shipped(&hold, promised as u32));
                        envelope.promised.remove(&hold);
                        envelope.shelf -= promised;
                    }
                }
            }
            world.step_through();
            envelope.promised.retain(|hold, _| {
                matches!(world.state.find(&named(hold)), earmark::domain::sku::book::Known::Open(_))
            });
            prop_assert_eq!(world.at("a").on_hand as i64, envelope.shelf);
            prop_assert_eq!(world.at("a").available as i64, envelope.free());
        }
        prop_assert_eq!(*world.state.settings(), Settings::default());
    }
}
