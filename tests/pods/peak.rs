//! Peaks: a pod that may decide 3,000 a second is told and asked for ten times as much.
//!
//! Safe mode is entered and left by itself, what must not wait does not, and afterwards everything
//! that was put off is applied. The thresholds are shorter than by default; how long things take at
//! a peak is measured by `benches/peak`.

use std::time::{Duration, Instant};

use crate::{
    harness::{free_port, wait_until},
    rush::{Heard, Kind, Mix, Rush, Sent, Whose, percentile},
    timeline::Timeline,
    world::{BOUND, World},
};

/// What the pod may decide in a second.
const C: u64 = 3_000;
const CAP: &str = "3000";
/// How long a rush lasts.
const RUSH: Duration = Duration::from_secs(10);
/// Five times what is stated of what must not wait, from level 2 on.
const SOON: Duration = Duration::from_secs(5);
/// What the shipped manifests ask for as a pod's memory.
const MEMORY: u64 = 512 << 20;
/// Units of each SKU: less than are asked for.
const UNITS: u64 = 5;
/// Units of the SKU that everybody wants, and of each other.
const WANTED: u64 = 1_000;

/// A pod that is held back, and soon alarmed.
fn held_back(listen: &str) -> [(&str, &str); 9] {
    [
        ("EARMARK__HTTP__LISTEN", listen),
        ("EARMARK__ENGINE__MAX_DECISIONS_PER_S", CAP),
        ("EARMARK__SAFE_MODE__REPORTING_WAITS_MS", "300"),
        ("EARMARK__SAFE_MODE__FULFILMENT_LATE_MS", "1000"),
        ("EARMARK__SAFE_MODE__CARTS_BUSY_MS", "600"),
        ("EARMARK__SAFE_MODE__ORDERS_BUSY_MS", "1200"),
        ("EARMARK__SAFE_MODE__RISES_AFTER_MS", "300"),
        ("EARMARK__SAFE_MODE__CALM_MS", "200"),
        ("EARMARK__SAFE_MODE__FALLS_AFTER_MS", "1500"),
    ]
}

/// Plays a rush on a pod that is held back; the levels it went through, what was sent, and what of it
/// from level 2 on until the rush was over.
async fn rush(mix: Mix, whose: Whose, units: u64) -> (Vec<u8>, Vec<Sent>, Vec<Sent>) {
    let mut world = World::start().await;
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    // Where one SKU is asked for, its share alone is to be seen, and no level.
    let automatic = (whose == Whose::Everybodys).to_string();
    let levels = [("EARMARK__SAFE_MODE__AUTOMATIC", automatic.as_str())];
    world.run("held-back", &[&held_back(&listen)[..], &levels].concat());
    world.shared_by(&["held-back"]).await;
    let rush = Rush::start(world.nats.jetstream().await, 400, units).await;
    let timeline = Timeline::of(port);
    rush.play(mix, whose, RUSH).await;
    let over = Instant::now();
    let back = "the pod is back at level 0";
    wait_until(back, 2 * BOUND, async || timeline.seen().len() > 10 && timeline.level() == 0).await;
    let (levels, seen) = (timeline.levels(), timeline.seen());
    drop(timeline);
    let memory = world.pod("held-back").memory_peak();
    assert!(memory < MEMORY, "{} MiB", memory >> 20);
    // What was put off is more than this pod may decide in the time of a test.
    world.leave("held-back").await;
    let free = [
        ("EARMARK__SAFE_MODE__CATCH_UP_PER_S", "1000000"),
        ("EARMARK__SAFE_MODE__AUTOMATIC", "false"),
    ];
    world.run("free", &free);
    let sent = rush.all_is_well().await;
    let from = seen.iter().find(|seen| seen.level >= 2).map_or(over, |seen| seen.at);
    let shed = sent.iter().filter(|sent| (from..over).contains(&sent.at)).copied().collect();
    (levels, sent, shed)
}

/// It went up to this level at least (a machine that is busy may call for more), fell level by
/// level, and did not go up and down without end. That it does not flap at all is asserted of the
/// policy, on traces.
fn assert_went_through(levels: &[u8], at_least: u8) {
    let top = levels.iter().copied().max().unwrap_or(0);
    assert!(top >= at_least, "level {at_least} is not reached: {levels:?}");
    let one_by_one = levels.windows(2).all(|pair| pair[0] < pair[1] || pair[0] == pair[1] + 1);
    assert!(one_by_one && levels.len() < 16 && levels.last() == Some(&0), "{levels:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_times_too_much_that_can_wait_holds_up_nothing_that_cannot() {
    let mix = [C * 35 / 100, C * 30 / 100, C * 2 / 100, C * 13 / 10, C * 8];
    let (levels, _, shed) = rush(mix, Whose::Everybodys, UNITS).await;
    assert_went_through(&levels, 2);
    for kind in [Kind::Settlement, Kind::Order] {
        let p99 = percentile(&shed, 99, |sent| sent.kind == kind);
        assert!(p99.is_some_and(|p99| p99 < SOON), "{kind:?}: {p99:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_times_too_much_demand_is_told_to_come_back_and_holds_up_no_settlement() {
    let mix = [C / 2, C * 2, C * 3, 0, 0];
    let (levels, sent, shed) = rush(mix, Whose::Everybodys, UNITS).await;
    assert_went_through(&levels, 3);
    let p99 = percentile(&shed, 99, |sent| sent.kind == Kind::Settlement);
    assert!(p99.is_some_and(|p99| p99 < SOON), "{p99:?}");
    let busy = |of: Kind| {
        let told = sent.iter().filter(|sent| sent.kind == of);
        told.filter(|sent| sent.answer.is_some_and(|(_, heard)| heard == Heard::Busy)).count()
    };
    assert!(busy(Kind::Cart) > 0 && busy(Kind::Order) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sku_that_everybody_wants_takes_its_share_and_leaves_the_others_theirs() {
    let (levels, sent, _) = rush([0, C * 2, 0, 0, 0], Whose::TheFirst, WANTED).await;
    assert_eq!(levels, [0]);
    let busy = |is_hot: bool| {
        let told = sent.iter().filter(|sent| (sent.sku == 0) == is_hot);
        told.filter(|sent| sent.answer.is_some_and(|(_, heard)| heard == Heard::Busy)).count()
    };
    let told = [busy(true), busy(false)];
    assert!(told[0] > 0 && told[1] == 0, "told to come back, of the hot SKU and others: {told:?}");
    let of = |heard: Heard| {
        let told = |sent: &&Sent| sent.sku == 0 && sent.answer.is_some_and(|(_, of)| of == heard);
        sent.iter().filter(told).count()
    };
    let (granted, refused) = (of(Heard::Decided), of(Heard::Refused));
    assert!(granted == WANTED as usize && refused > 0, "{granted} granted, {refused} refused");
}
