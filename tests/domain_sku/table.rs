//! The state machine of a hold as one text: what each event does to it in each state.

use earmark::domain::{
    DueClock,
    command::SkuCommand,
    decision::Verdict,
    event::SkuEvent,
    sku::{
        book::Known,
        hold::{Ending, HoldState},
        station::{HOLD, HoldStation, HoldStep},
    },
};

use crate::world::*;

const TABLE: &str = "
unknown
  requested          done; held 4; 6 of 10
  requested other    done; held 3; 7 of 10
  extended           parked; unknown; 10 of 10
  extended by bob    parked; unknown; 10 of 10
  transferred        parked; unknown; 10 of 10
  transferred by bob parked; unknown; 10 of 10
  committed          parked; unknown; 10 of 10
  committed by bob   parked; unknown; 10 of 10
  released           parked; unknown; 10 of 10
  released by bob    parked; unknown; 10 of 10
  shipped 1          parked; unknown; 10 of 10
  shipped 4          parked; unknown; 10 of 10
  shipped 6          parked; unknown; 10 of 10
held
  requested          done; held 4; 6 of 10
  requested other    hold_exists; held 4; 6 of 10
  extended           done; held 4; 6 of 10
  extended by bob    not_owner; held 4; 6 of 10
  transferred        done; held 4; 6 of 10
  transferred by bob not_owner; held 4; 6 of 10
  committed          done; committed 4; 6 of 10
  committed by bob   not_owner; held 4; 6 of 10
  released           done; released; 10 of 10
  released by bob    not_owner; held 4; 6 of 10
  shipped 1          done; held 3; 6 of 9
  shipped 4          done; shipped; 6 of 6
  shipped 6          done; shipped; 4 of 4
overdue
  requested          hold_expired; expired; 10 of 10
  requested other    hold_exists; held 4; 6 of 10
  extended           hold_expired; expired; 10 of 10
  extended by bob    not_owner; held 4; 6 of 10
  transferred        hold_expired; expired; 10 of 10
  transferred by bob not_owner; held 4; 6 of 10
  committed          hold_expired; expired; 10 of 10
  committed by bob   not_owner; held 4; 6 of 10
  released           hold_expired; expired; 10 of 10
  released by bob    not_owner; held 4; 6 of 10
  shipped 1          done; held 3; 6 of 9
  shipped 4          done; shipped; 6 of 6
  shipped 6          done; shipped; 4 of 4
committed
  requested          hold_committed; committed 4; 6 of 10
  requested other    hold_exists; committed 4; 6 of 10
  extended           hold_committed; committed 4; 6 of 10
  extended by bob    not_owner; committed 4; 6 of 10
  transferred        done; committed 4; 6 of 10
  transferred by bob not_owner; committed 4; 6 of 10
  committed          done; committed 4; 6 of 10
  committed by bob   not_owner; committed 4; 6 of 10
  released           done; released; 10 of 10
  released by bob    not_owner; committed 4; 6 of 10
  shipped 1          done; committed 3; 6 of 9
  shipped 4          done; shipped; 6 of 6
  shipped 6          done; shipped; 4 of 4
released
  requested          hold_ended; released; 10 of 10
  requested other    hold_ended; released; 10 of 10
  extended           hold_ended; released; 10 of 10
  extended by bob    hold_ended; released; 10 of 10
  transferred        hold_ended; released; 10 of 10
  transferred by bob hold_ended; released; 10 of 10
  committed          hold_ended; released; 10 of 10
  committed by bob   hold_ended; released; 10 of 10
  released           hold_ended; released; 10 of 10
  released by bob    hold_ended; released; 10 of 10
  shipped 1          done; released; 9 of 9
  shipped 4          done; released; 6 of 6
  shipped 6          done; released; 4 of 4
expired
  requested          hold_expired; expired; 10 of 10
  requested other    hold_expired; expired; 10 of 10
  extended           hold_expired; expired; 10 of 10
  extended by bob    hold_expired; expired; 10 of 10
  transferred        hold_expired; expired; 10 of 10
  transferred by bob hold_expired; expired; 10 of 10
  committed          hold_expired; expired; 10 of 10
  committed by bob   hold_expired; expired; 10 of 10
  released           hold_expired; expired; 10 of 10
  released by bob    hold_expired; expired; 10 of 10
  shipped 1          done; expired; 9 of 9
  shipped 4          done; expired; 6 of 6
  shipped 6          done; expired; 4 of 4
shipped
  requested          hold_ended; shipped; 6 of 6
  requested other    hold_ended; shipped; 6 of 6
  extended           hold_ended; shipped; 6 of 6
  extended by bob    hold_ended; shipped; 6 of 6
  transferred        hold_ended; shipped; 6 of 6
  transferred by bob hold_ended; shipped; 6 of 6
  committed          hold_ended; shipped; 6 of 6
  committed by bob   hold_ended; shipped; 6 of 6
  released           hold_ended; shipped; 6 of 6
  released by bob    hold_ended; shipped; 6 of 6
  shipped 1          done; shipped; 5 of 5
  shipped 4          done; shipped; 2 of 2
  shipped 6          done; shipped; 0 of 0
claimed
  requested          hold_ended; claimed; 6 of 10
  requested other    hold_ended; claimed; 6 of 10
  extended           hold_ended; claimed; 6 of 10
  extended by bob    hold_ended; claimed; 6 of 10
  transferred        hold_ended; claimed; 6 of 10
  transferred by bob hold_ended; claimed; 6 of 10
  committed          hold_ended; claimed; 6 of 10
  committed by bob   hold_ended; claimed; 6 of 10
  released           hold_ended; claimed; 6 of 10
  released by bob    hold_ended; claimed; 6 of 10
  shipped 1          not_owner; claimed; 6 of 10
  shipped 4          not_owner; claimed; 6 of 10
  shipped 6          not_owner; claimed; 6 of 10
";

const STATES: [&str; 8] =
    ["unknown", "held", "overdue", "committed", "released", "expired", "shipped", "claimed"];

fn events() -> Vec<(&'static str, SkuEvent)> {
    vec![
        ("requested", requested("h", 4)),
        ("requested other", requested("h", 3)),
        ("extended", extended("h", "ann", 900)),
        ("extended by bob", extended("h", "bob", 900)),
        ("transferred", transferred("h", "ann", "cleo")),
        ("transferred by bob", transferred("h", "bob", "cleo")),
        ("committed", committed("h", "ann")),
        ("committed by bob", committed("h", "bob")),
        ("released", released("h", "ann")),
        ("released by bob", released("h", "bob")),
        ("shipped 1", shipped("h", 1)),
        ("shipped 4", shipped("h", 4)),
        ("shipped 6", shipped("h", 6)),
    ]
}

/// Ten units at one location, and a hold of four of them in the state asked for.
fn world_where(state: &str) -> World {
    let mut world = World::with_stock(10);
    if state == "unknown" {
        return world;
    }
    world.say(requested("h", 4));
    match state {
        "held" => {}
        "overdue" => world.clock = 700,
        "committed" => drop(world.say(committed("h", "ann"))),
        "released" => drop(world.say(released("h", "ann"))),
        "expired" => {
            world.clock = 700;
            world.reach(DueClock::Settled, 700);
        }
        "shipped" => drop(world.say(shipped("h", 4))),
        "claimed" => drop(world.ask("o", reserve(&hold_of("o", Some("h")), 4))),
        other => panic!("no such state: {other}"),
    }
    world
}

fn cell(state: &str, event: SkuEvent) -> String {
    let mut world = world_where(state);
    let verdict = world.say(event);
    world.audit().unwrap();
    let after = match world.state.find(&named("h")) {
        Known::Open(hold) => match hold.state {
            HoldState::Held { .. } => format!("held {}", hold.quantity()),
            HoldState::Committed => format!("committed {}", hold.quantity()),
        },
        Known::Ended(stone) => match &stone.ending {
            Ending::Transferred { .. } => "claimed".into(),
            ending => format!("{ending:?}").to_lowercase(),
        },
        Known::Unknown => "unknown".into(),
    };
    let said = match verdict {
        Verdict::Refused(refusal) => refusal.reason.to_string(),
        Verdict::Parked => "parked".into(),
        Verdict::Recorded => "recorded".into(),
        Verdict::Accepted | Verdict::HoldGranted { .. } | Verdict::HoldExtended { .. } => {
            "done".into()
        }
    };
    let q = world.at("a");
    format!("{said}; {after}; {} of {}", q.available, q.on_hand)
}

#[test]
fn each_event_in_each_state() {
    let mut table = String::new();
    for state in STATES {
        table += &format!("{state}\n");
        for (event, of) in events() {
            table += &format!("  {event:<19}{}\n", cell(state, of));
        }
    }
    assert!(table == TABLE.trim_start(), "the table is now\n{table}");
}

/// The guard leaves no state and event without a row that speaks whatever else is the case.
#[test]
fn the_guard_is_total() {
    use HoldStation::{Claimed, Committed, Ended, Expired, Held, Overdue, Unknown};
    use HoldStep as Step;
    for station in [Unknown, Held, Overdue, Committed, Expired, Ended, Claimed] {
        for step in [
            Step::Requested,
            Step::Extended,
            Step::Transferred,
            Step::Committed,
            Step::Released,
            Step::Shipped,
        ] {
            assert!(HOLD.is_certain(station, step), "{station:?} + {step:?}");
        }
    }
}

#[test]
fn an_order_s_hold_is_out_of_reach() {
    let mut world = World::with_stock(10);
    let hold = hold_of("o", Some("h"));
    world.say(requested("h", 4));
    world.ask("o", reserve(&hold, 4));
    for (what, event) in events() {
        let before = world.line();
        assert!(world.say(event).refused().is_some(), "{what}");
        assert_eq!(world.line(), before, "{what}");
    }
    world.ask("o", SkuCommand::Release { hold, keep: 0 });
    assert_eq!(world.line(), "10 10 0 0 0 0 0 0");
}
