//! The parts of a load test that need no server: its plans, who comes when, what is asked for, and
//! what is made of the waits.

use std::path::Path;

use earmark::load::{
    capacity::{Search, needs, steady},
    catalogue::Catalogue,
    curve::{Arrivals, Curve},
    event::Envelopes,
    growth,
    heard::{Answer, AnswerData, Told},
    measure::{Came, Measure},
    objectives,
    plan::{self, Objectives, Plan},
    report::{Kind, Look, Report},
    shop::Shop,
};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const PLANS: [&str; 8] = [
    "black-friday",
    "bot-attack",
    "flash-sale",
    "hot-sku",
    "restock",
    "slow-payments",
    "soak",
    "steady",
];

fn chance(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A plan in as few words as it can be.
fn short(more: &str) -> String {
    format!("name = \"short\"\nabout = \"-\"\narrivals = [[0, 10], [10, 10]]\n{more}")
}

#[test]
fn each_plan_that_is_shipped_can_be_played_under_its_name() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/load");
    let mut names: Vec<String> = std::fs::read_dir(&dir)
        .expect("it is there")
        .map(|file| Plan::read(&file.expect("a file").path()).expect("a plan"))
        .map(|plan| plan.name)
        .collect();
    names.sort();
    assert_eq!(names, PLANS);
}

#[test]
fn the_plan_that_explains_all_keys_has_the_values_that_the_keys_have_without_it() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/load");
    let steady = Plan::read(&dir.join("steady.toml")).expect("a plan");
    let short = Plan::parse(&short("")).expect("a plan");
    assert_eq!(steady.shoppers, short.shoppers);
    assert_eq!(steady.payments, short.payments);
    assert_eq!(steady.warehouse, short.warehouse);
    assert_eq!(steady.bots, short.bots);
    assert_eq!(steady.publishers, short.publishers);
    assert_eq!(steady.pods, short.pods);
    assert_eq!(steady.settle_within_s, short.settle_within_s);
    assert_eq!(steady.copies, short.copies);
}

#[test]
fn all_that_is_wrong_with_a_plan_is_said_at_once_and_where() {
    let wrong = "[shoppers]\nabandon = 1.4\nbaskets = [0.5, 0.4]\nthink_s = [3, 1]\n\
                 [catalogue]\nhot_skus = 2000\n\
                 [[faults]]\nat_s = 20\nwhat = \"kill\"\nof = \"pod-7\"\nfor_s = 1\n";
    let why = Plan::parse(&short(wrong)).expect_err("it is wrong");
    for said in [
        "shoppers.abandon: found 1.4, expected a share",
        "shoppers.baskets: found [0.5, 0.4]",
        "shoppers.think_s: found [3.0, 1.0]",
        "catalogue.hot_skus: found 2000, expected no more than catalogue.skus",
        "faults[0].of: found \"pod-7\", expected nats, redis, or one of pod-1",
        "faults[0].at_s: found 20.0, expected a time at which shoppers come",
    ] {
        assert!(why.contains(said), "{said}\nis not in\n{why}");
    }
}

#[test]
fn a_key_that_nobody_knows_is_refused_with_its_line() {
    let why = Plan::parse(&short("[shoppers]\nabandons = 0.1\n")).expect_err("it is wrong");
    assert!(why.contains("abandons") && why.contains("line 5"), "{why}");
}

#[test]
fn a_curve_that_goes_back_ends_at_once_or_is_too_high_is_refused() {
    for (arrivals, said) in [
        ("[[0, 1], [5, 1], [3, 1]]", "in order"),
        ("[[1, 1], [5, 1]]", "from 0 on"),
        ("[]", "found []"),
        ("[[0, 1]]", "it ends after 0 seconds"),
        ("[[0, 1], [5, -1]]", "found -1 a second at 5 s"),
    ] {
        let text = format!("name = \"a\"\nabout = \"-\"\narrivals = {arrivals}\n");
        let why = Plan::parse(&text).expect_err("it is wrong");
        assert!(why.contains(said), "{arrivals}: {why}");
    }
}

#[test]
fn a_plan_that_cannot_come_to_rest_is_refused() {
    let more = |due_s: u32, never: f64| {
        format!("settle_within_s = 60\n[payments]\ndue_s = {due_s}\nfail = 0\nnever = {never}\n")
    };
    let why = Plan::parse(&short(&more(60, 0.1))).expect_err("nobody waits so long");
    assert!(why.contains("settle_within_s: found 60.0, expected more than 63 s"), "{why}");
    Plan::parse(&short(&more(50, 0.1))).expect("it is long enough");
    Plan::parse(&short(&more(60, 0.0))).expect("all pay");
}

#[test]
fn as_many_come_as_the_curve_has_and_when_it_has_them() {
    let curve = Curve(vec![[0.0, 0.0], [10.0, 1_000.0], [10.0, 5_000.0], [20.0, 5_000.0]]);
    let came: Vec<f64> = Arrivals::new(curve.clone(), chance(1)).collect();
    let within = |from: f64, to: f64| came.iter().filter(|at| (from..to).contains(*at)).count();
    assert!((curve.total() - 55_000.0).abs() < 1e-6);
    for (from, to, number) in [(0.0, 5.0, 1_250.0), (5.0, 10.0, 3_750.0), (10.0, 20.0, 50_000.0)] {
        let (found, spread) = (within(from, to) as f64, 5.0 * f64::sqrt(number));
        assert!((found - number).abs() < spread, "{found} of {number} from {from} to {to}");
    }
    assert!(came.is_sorted() && came.iter().all(|at| (0.0..=20.0).contains(at)));
    let again: Vec<f64> = Arrivals::new(curve, chance(1)).collect();
    assert_eq!(came, again);
}

#[test]
fn what_is_promoted_is_asked_for_from_its_time_on_as_often_as_it_says() {
    let of = plan::Catalogue {
        skus: 100,
        hot_skus: 5,
        hot_from_s: 10.0,
        hot_share: 0.8,
        ..plan::Catalogue::default()
    };
    let catalogue = Catalogue::new(&of, "T-");
    let mut chance = chance(1);
    let mut hot = |at_s: f64| {
        let wanted = (0..10_000).map(|_| catalogue.wanted(at_s, &mut chance));
        wanted.filter(|sku| catalogue.is_hot(*sku)).count()
    };
    assert_eq!(hot(9.9), 0);
    assert!((7_800..8_200).contains(&hot(10.0)));
}

#[test]
fn a_catalogue_of_promoted_skus_alone_asks_for_no_other() {
    let of = plan::Catalogue { skus: 3, hot_skus: 3, ..plan::Catalogue::default() };
    let catalogue = Catalogue::new(&of, "T-");
    let mut chance = chance(1);
    assert!((0..1_000).all(|_| catalogue.wanted(0.0, &mut chance) < 3));
}

#[test]
fn a_wait_begins_when_somebody_meant_to_ask_and_busy_is_no_decision() {
    let mut measure = Measure::default();
    for (meant, heard, came) in
        [(0.5, 0.6, Came::Taken), (0.5, 3.5, Came::Refused), (0.9, 9.0, Came::Busy)]
    {
        measure.asked(Kind::Hold, meant);
        measure.answered(Kind::Hold, meant, heard, came);
    }
    measure.asked(Kind::Hold, 1.0);
    let waits = &measure.waits()[&Kind::Hold];
    let counts = [waits.asked, waits.answered, waits.refused, waits.busy, waits.unanswered];
    assert_eq!(counts, [4, 2, 1, 1, 2]);
    assert!((waits.max_ms - 3_000.0).abs() < 3.0, "{}", waits.max_ms);
    assert!((measure.longest_ms(0.0, 0.9) - 3_000.0).abs() < 3.0);
    // Who comes back still waits; who comes back no more does not.
    measure.gave_up(Kind::Hold);
    let waits = &measure.waits()[&Kind::Hold];
    assert_eq!((waits.gave_up, waits.unanswered), (1, 1));
    let seconds = measure.seconds();
    assert_eq!((seconds[0].asked, seconds[1].asked, seconds[3].answered), (3, 1, 1));
    // The second that it was meant in, not that in which it was heard.
    assert!(seconds[3].waits.is_empty() && seconds[0].waits.contains_key(&Kind::Hold));
}

#[test]
fn an_objective_that_is_missed_is_said_with_what_was_found() {
    let mut measure = Measure::default();
    for nth in 0..100 {
        measure.asked(Kind::Order, 0.0);
        let came = if nth < 10 { Came::Busy } else { Came::Taken };
        measure.answered(Kind::Order, 0.0, 0.1, came);
    }
    let report = Report { waits: measure.waits(), settled_after_s: 7.0, ..Report::default() };
    let wanted = Objectives {
        hold_p99_ms: Some(1.0),
        order_p99_ms: Some(50.0),
        decided_min: Some(0.9),
        settled_after_s_max: Some(6.0),
        ..Objectives::default()
    };
    let found = objectives::check(&wanted, &report);
    let holds: Vec<bool> = found.iter().map(|of| of.holds).collect();
    // Nobody asked for a hold.
    assert_eq!(holds, [true, false, true, false], "{found:?}");
}

/// A line of a minute, by the second.
fn line(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    (0..=60).map(f64::from).map(|at| (at, value(at))).collect()
}

#[test]
fn what_rises_and_falls_around_the_same_height_is_level_and_what_climbs_is_not() {
    let all = (0.0, 60.0);
    let of = |points: &[(f64, f64)], within| growth::growth(points, 10.0, within);
    let saw = line(|at| 100.0 + 50.0 * (at % 5.0));
    assert_eq!(of(&saw, all), Some(0.0));
    let climbs = line(|at| 100.0 + at);
    let found = of(&climbs, all).expect("it was measured");
    assert!((found - 45.0 / 107.0).abs() < 0.03, "{found}");
    // What comes before is no growth.
    let warm = line(|at| at.min(20.0));
    assert_eq!(of(&warm, (20.0, 60.0)), Some(0.0));
    // Of next to nothing, much is still little.
    let small = line(|at| at / 60.0);
    assert!(of(&small, all).is_some_and(|found| found < 0.1));
    // Less is no growth.
    assert!(of(&line(|at| 100.0 - at), all).is_some_and(|found| found < 0.0));
    assert_eq!(of(&[(1.0, 5.0)], all), None);
}

#[test]
fn lines_that_must_be_level_are_judged_each_by_its_name_and_what_was_not_seen_is_not_level() {
    let look = |at: u32| Look {
        at_s: f64::from(at),
        memory_bytes: 100 << 20,
        open_files: 90,
        streams_bytes: [("EARMARK_JOURNAL".to_owned(), u64::from(at) << 20)].into(),
        ..Look::default()
    };
    let looks: Vec<Look> = (0..=100).map(look).collect();
    let report = Report { looks, duration_s: 100.0, ..Report::default() };
    let wanted = Objectives {
        level_after_s: Some(0.0),
        growth_max: Some(0.1),
        waits_growth_max: Some(0.1),
        ..Objectives::default()
    };
    let found = objectives::check(&wanted, &report);
    let found: Vec<(&str, bool)> = found.iter().map(|of| (of.name.as_str(), of.holds)).collect();
    assert_eq!(
        found,
        [
            ("memory_growth", true),
            ("open_files_growth", true),
            // Nobody saw what Redis holds.
            ("redis_growth", false),
            ("EARMARK_JOURNAL_growth", false),
        ]
    );
}

#[test]
fn what_must_be_level_is_asked_for_within_the_time_of_a_plan() {
    let plan = short("[objectives]\ngrowth_max = 0.1\nlevel_after_s = 5\n");
    let plan = Plan::parse(&plan).expect("it can be played");
    let why = plan.lasting(5.0).expect_err("nothing is left of it");
    assert!(
        why.contains("objectives.level_after_s: found Some(5.0), expected seconds, less"),
        "{why}"
    );
    let why = Plan::parse(&short("[objectives]\ngrowth_max = 0.1\n")).expect_err("from when on?");
    assert!(why.contains("objectives.level_after_s: found None"), "{why}");
}

#[test]
fn a_search_for_the_highest_rate_asks_for_no_line_to_be_level() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/load");
    let soak = Plan::read(&dir.join("soak.toml")).expect("a plan");
    let plan = steady(&soak, 10.0, 20.0);
    assert_eq!(plan.duration_s(), 20.0);
    assert_eq!(plan.objectives.hold_p99_ms, soak.objectives.hold_p99_ms);
    assert_eq!(plan.objectives.level_after_s, None);
}

#[test]
fn a_curve_lasts_as_long_as_it_is_told_to() {
    let curve = Curve(vec![[0.0, 0.0], [10.0, 20.0], [20.0, 20.0]]);
    assert_eq!(curve.lasting(5.0).0, [[0.0, 0.0], [5.0, 10.0]]);
    assert_eq!(curve.lasting(10.0).0, [[0.0, 0.0], [10.0, 20.0]]);
    assert_eq!(curve.lasting(20.0), curve);
    assert_eq!(curve.lasting(60.0).total(), curve.total() + 800.0);
    // A jump at its end is not reached.
    let jump = Curve(vec![[0.0, 1.0], [5.0, 1.0], [5.0, 9.0], [9.0, 9.0]]);
    assert_eq!(jump.lasting(5.0).total(), 5.0);
}

#[test]
fn what_was_never_decided_reaches_no_objective() {
    let mut measure = Measure::default();
    measure.asked(Kind::Hold, 0.0);
    let wanted =
        Objectives { hold_p99_ms: Some(1_000.0), decided_min: Some(0.5), ..Objectives::default() };
    let holds = |report: Report| {
        let found = objectives::check(&wanted, &report);
        found.iter().map(|of| of.holds).collect::<Vec<bool>>()
    };
    assert_eq!(holds(Report { waits: measure.waits(), ..Report::default() }), [false, false]);
    assert_eq!(holds(Report::default()), [true, true]);
}

#[test]
fn a_run_that_did_not_come_to_rest_fails_and_breaks_only_what_cannot_be_late() {
    let mut report = Report { unsettled: Some("7 orders".to_owned()), ..Report::default() };
    report.verdict.lost.push("an event".to_owned());
    assert!(!report.holds() && !report.is_broken());
    report.verdict.twice.push("an event".to_owned());
    assert!(report.is_broken());
}

#[test]
fn the_hash_of_a_plan_is_that_of_its_contents() {
    let plan = |more: &str| Plan::parse(&short(more)).expect("a plan");
    let other_seed = Plan { seed: 99, ..plan("") };
    assert_eq!(other_seed.hash(), plan("").hash());
    for rate in [0.3, 0.7, 3.0, 4.0, 7.3] {
        let same = plan("").at_rate(rate).expect("a rate");
        assert_eq!(same.hash(), plan("").hash(), "{rate}");
        assert_eq!(same.shoppers_come(), plan("").arrivals.times(rate));
    }
    assert_ne!(plan("[shoppers]\ncarts = 0.5\n").hash(), plan("").hash());
}

/// A shop in which everybody fills a cart of one line.
fn shop(more: &str) -> Shop {
    let more =
        format!("[publishers]\nduplicates = 0\n[shoppers]\ncarts = 1\nbaskets = [1]\n{more}");
    let envelopes = Envelopes {
        source: "/t".to_owned(),
        inbox: "_INBOX.t".to_owned(),
        began: Default::default(),
    };
    Shop::new(&Plan::parse(&short(&more)).expect("a plan"), envelopes, "T").expect("a shop")
}

fn answer(status: &str) -> Answer {
    let data = AnswerData { status: status.to_owned(), ..AnswerData::default() };
    Answer { data, ..Answer::default() }
}

#[test]
fn a_shopper_orders_what_was_granted_once_all_of_the_cart_is_answered() {
    let mut shop = shop("abandon = 0\nrelease = 0\n");
    shop.come(1.0);
    let said = shop.sayings();
    let [(at_s, hold)] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!((*at_s, hold.waits), (1.0, Some((1, Kind::Hold))));
    assert!(hold.subject.starts_with("earmark.in.demand.sku.T-SKU-"), "{}", hold.subject);
    shop.answered((1, Kind::Hold), &answer("granted"), 2.0);
    let said = shop.sayings();
    let [(at_s, order)] = said.as_slice() else { panic!("{said:?}") };
    assert!((2.5..=5.0).contains(at_s) && order.subject.ends_with(".order.T-O-2"), "{said:?}");
    let payload = String::from_utf8(order.payload.to_vec()).expect("text");
    assert!(payload.contains("\"hold\":\"T-1-0\""), "{payload}");
    assert_eq!(shop.open_orders(), 1);
}

#[test]
fn a_shopper_who_got_nothing_orders_nothing() {
    let mut shop = shop("abandon = 0\nrelease = 0\n");
    shop.come(1.0);
    shop.sayings();
    shop.answered((1, Kind::Hold), &answer("refused"), 2.0);
    assert!(shop.sayings().is_empty());
    let hottest = &shop.hottest(1)[0];
    assert_eq!((hottest.asked, hottest.granted, hottest.refused), (1, 0, 1));
}

#[test]
fn an_order_of_which_something_was_refused_is_waited_for_all_the_same() {
    let mut shop = shop("abandon = 0\nrelease = 0\n");
    shop.come(1.0);
    shop.answered((1, Kind::Hold), &answer("granted"), 2.0);
    let order = "T-O-2";
    let of_it = |status: &str| Answer { subject: order.to_owned(), ..answer(status) };
    shop.answered((2, Kind::Order), &of_it("accepted"), 4.0);
    shop.answered((3, Kind::Settlement), &of_it("refused"), 5.0);
    assert_eq!(shop.open_orders(), 1);
    shop.answered((2, Kind::Order), &of_it("refused"), 4.0);
    assert_eq!(shop.open_orders(), 0);
}

#[test]
fn what_is_said_of_an_order_again_is_no_news() {
    let mut shop = shop("abandon = 0\nrelease = 0\n");
    shop.come(1.0);
    shop.answered((1, Kind::Hold), &answer("granted"), 2.0);
    shop.sayings();
    let says = |kind: &str| Told { kind: kind.to_owned(), subject: "T-O-2".to_owned() };
    assert!(shop.told(&says("order.reserved.v1"), 5.0));
    assert_eq!(shop.sayings().len(), 1, "the payment");
    assert!(!shop.told(&says("order.reserved.v1"), 6.0) && shop.sayings().is_empty());
    // The first word was missed.
    assert!(shop.told(&says("order.confirmed.v1"), 7.0));
    assert!(!shop.told(&says("order.reserved.v1"), 8.0));
    assert_eq!(shop.open_orders(), 0);
}

/// What is found where rates up to this one hold, and after how many tries.
fn found(limit: f64) -> (f64, u32) {
    let (mut search, mut tries, mut best) = (Search::default(), 0, 0.0_f64);
    while let Some(rate) = search.next() {
        search.note(rate, rate <= limit);
        best = if rate <= limit { best.max(rate) } else { best };
        tries += 1;
    }
    (best, tries)
}

#[test]
fn the_highest_rate_is_found_to_a_tenth_wherever_it_is() {
    for limit in [3.0, 49.0, 50.0, 777.0, 100_000.0] {
        let (best, tries) = found(limit);
        assert!(best <= limit && best >= limit / 1.11, "{best} of {limit}");
        assert!(tries < 20, "{tries} tries for {limit}");
    }
    assert_eq!(found(0.0).0, 0.0);
}

#[test]
fn what_a_peak_needs_grows_with_it_and_is_not_said_where_nothing_held() {
    assert_eq!(needs(100.0, 0.0, 1), None);
    let small = needs(10.0, 1_000.0, 2).expect("it is known");
    assert_eq!((small.pods, small.partitions), (1, 16));
    // 350 a pod are planned with.
    let large = needs(7_000.0, 1_000.0, 2).expect("it is known");
    assert_eq!((large.pods, large.partitions), (20, 128));
}
