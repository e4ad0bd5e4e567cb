//! Safe mode as a function of load, on traces of peaks, made up (a line a stretch of time) and
//! recorded, and the levels that the pod went through.

use std::time::Duration;

use earmark::{
    domain::Level,
    partition::pace::Counts,
    supervisor::safe_mode::{Load, SafeMode, Thresholds},
};
use proptest::prelude::*;
use tokio::time::Instant;

const STEP: Duration = Duration::from_millis(250);

fn thresholds() -> Thresholds {
    Thresholds {
        reporting_waits: Duration::from_secs(2),
        fulfilment_late: Duration::from_secs(10),
        carts_busy: Duration::from_secs(4),
        orders_busy: Duration::from_secs(8),
        rises_after: Duration::from_secs(1),
        calm: Duration::from_millis(500),
        falls_after: Duration::from_secs(10),
        spare: 0.8,
        decisions_per_s: Some(1_000),
    }
}

/// A stretch of a trace.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    seconds: u32,
    /// How late settlement, demand and fulfilment are at its end, in seconds; from where they were
    /// they go there evenly.
    late: [f64; 3],
    /// Decided a second, of this urgently, and refused.
    rates: [u64; 3],
}

const fn stretch(seconds: u32, late: [f64; 3], rates: [u64; 3]) -> Stretch {
    Stretch { seconds, late, rates }
}

/// Plays a trace; each level that was reached, and after how many seconds.
fn play(mode: &mut SafeMode, trace: &[Stretch]) -> Vec<(u32, u8)> {
    let began = Instant::now();
    let (mut at, mut late, mut counts) = (Duration::ZERO, [0.0; 3], [0.0; 3]);
    let mut levels = vec![(0, mode.level().number())];
    for part in trace {
        let steps = part.seconds * 4;
        let by: [f64; 3] =
            std::array::from_fn(|lane| (part.late[lane] - late[lane]) / f64::from(steps));
        for _ in 0..steps {
            at += STEP;
            for lane in 0..3 {
                late[lane] += by[lane];
                counts[lane] += part.rates[lane] as f64 * STEP.as_secs_f64();
            }
            let [decided, urgent, refused] = counts.map(|count| count as u64);
            let of = |lane: usize| Duration::from_secs_f64(late[lane].max(0.0));
            let load = Load {
                late: [of(0), of(1), of(2), Duration::from_secs(3_600)],
                counts: Counts { decided, urgent, refused },
            };
            let level = mode.observe(&load, began + at).number();
            if levels.last().is_some_and(|(_, last)| *last != level) {
                levels.push((at.as_secs() as u32, level));
            }
        }
    }
    levels
}

fn levels(trace: &[Stretch]) -> Vec<u8> {
    play(&mut SafeMode::new(thresholds()), trace).into_iter().map(|(_, level)| level).collect()
}

/// What a pod bounded at 3,000 decisions a second saw, four times a second, and its levels then.
fn recorded(file: &str) -> Vec<(Duration, Load, u8)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/peaks/");
    let mut rows = csv::Reader::from_path(format!("{path}{file}.csv")).expect("it is there");
    let row = |row: csv::Result<[u64; 9]>| {
        let [at, late @ .., decided, urgent, refused, level] = row.expect("a row of numbers");
        let late: [u64; 4] = late;
        let counts = Counts { decided, urgent, refused };
        let late = late.map(Duration::from_micros);
        let level = u8::try_from(level).expect("a level");
        (Duration::from_micros(at), Load { late, counts }, level)
    };
    rows.deserialize().map(row).collect()
}

/// The policy with the built-in thresholds on a recording: its levels one after the other, having
/// been at each of them when the pod was.
fn relived(file: &str) -> Vec<u8> {
    let built_in = earmark::config::load_from(None, Default::default()).expect("they are good");
    let thresholds = built_in.safe_mode.thresholds;
    let mut mode = SafeMode::new(Thresholds { decisions_per_s: Some(3_000), ..thresholds });
    let began = Instant::now();
    let mut levels = vec![0];
    for (at, load, then) in recorded(file) {
        let level = mode.observe(&load, began + at).number();
        assert_eq!(level, then, "{file} after {at:?}: {load:?}");
        levels.push(level);
    }
    levels.dedup();
    levels
}

#[test]
fn a_recorded_rush_of_what_can_wait_goes_up_to_two_and_comes_back_level_by_level() {
    assert_eq!(relived("can-wait"), [0, 1, 2, 1, 0]);
}

#[test]
fn a_recorded_rush_of_demand_goes_to_the_top_and_comes_back_level_by_level() {
    assert_eq!(relived("demand"), [0, 1, 2, 3, 2, 1, 0]);
}

#[test]
fn fulfilment_that_falls_behind_comes_last_and_is_caught_up_with() {
    let trace = [
        stretch(10, [0.1, 0.1, 0.1], [500, 300, 0]),
        // A carrier sends a day's scans at once.
        stretch(30, [0.1, 0.2, 25.0], [1_000, 300, 0]),
        stretch(30, [0.1, 0.1, 0.2], [1_000, 300, 0]),
        stretch(40, [0.1, 0.1, 0.1], [500, 300, 0]),
    ];
    assert_eq!(levels(&trace), [0, 1, 2, 1, 0]);
}

#[test]
fn a_rush_on_carts_and_orders_goes_to_the_top_and_comes_back_level_by_level() {
    let trace = [
        stretch(20, [0.2, 12.0, 1.0], [1_000, 1_000, 0]),
        // What is refused shows how much is asked for: it is not calm, although nothing is late.
        stretch(60, [0.1, 0.1, 0.1], [600, 600, 4_000]),
        stretch(60, [0.1, 0.1, 0.1], [300, 300, 200]),
    ];
    assert_eq!(levels(&trace), [0, 1, 2, 3, 2, 1, 0]);
    let mut mode = SafeMode::new(thresholds());
    let reached = play(&mut mode, &trace);
    let left = reached.iter().find(|(at, level)| *level == 2 && *at > 20).map(|(at, _)| *at);
    assert!(left.is_some_and(|at| at >= 80), "left while the rush went on: {reached:?}");
}

#[test]
fn a_backlog_that_shrinks_raises_nothing() {
    // As after a take-over: much waits, and is read at once.
    let mut mode = SafeMode::new(thresholds());
    let began = Instant::now();
    for step in 0..40_u32 {
        let late = Duration::from_secs_f64(20.0 * 0.8_f64.powi(step as i32));
        let decided = u64::from(step + 1) * 50_000;
        let counts = Counts { decided, urgent: decided, refused: 0 };
        let load = Load { late: [late; 4], counts };
        assert_eq!(mode.observe(&load, began + STEP * 4 * step), Level::Normal);
    }
}

#[test]
fn an_outage_is_no_peak() {
    let trace = [
        stretch(10, [0.1, 0.1, 0.1], [500, 300, 0]),
        stretch(30, [30.0, 30.0, 30.0], [0, 0, 0]),
        stretch(3, [0.1, 0.1, 0.1], [10_000, 5_000, 0]),
        stretch(10, [0.1, 0.1, 0.1], [500, 300, 0]),
    ];
    assert_eq!(levels(&trace), [0]);
}

#[test]
fn a_peak_in_waves_does_not_make_it_flap() {
    let wave = [
        stretch(5, [0.1, 6.0, 0.1], [1_000, 1_000, 0]),
        stretch(5, [0.1, 0.1, 0.1], [700, 700, 900]),
    ];
    let trace: Vec<Stretch> = std::iter::repeat_n(wave, 12).flatten().collect();
    let reached = levels(&trace);
    assert!(reached.windows(2).all(|pair| pair[0] < pair[1]), "it fell in between: {reached:?}");
}

#[test]
fn reporting_alone_raises_nothing() {
    assert_eq!(levels(&[stretch(60, [0.1, 0.1, 0.1], [100, 100, 0])]), [0]);
}

/// A pod without a bound, as it goes on: asked for so many carts a second, beside settlement.
struct Unbounded {
    mode: SafeMode,
    now: Instant,
    waiting: f64,
    counts: [f64; 3],
}

/// Settlement a second.
const SETTLEMENT: f64 = 100.0;

impl Unbounded {
    fn new() -> Unbounded {
        let of = Thresholds { decisions_per_s: None, ..thresholds() };
        let mode = SafeMode::new(of);
        Unbounded { mode, now: Instant::now(), waiting: 0.0, counts: [0.0; 3] }
    }

    /// For so many seconds it can decide so much, and so many carts are asked for, a second; the
    /// levels that it goes through.
    fn play(&mut self, seconds: u32, can: f64, carts: f64) -> Vec<u8> {
        let mut levels = vec![self.mode.level().number()];
        for _ in 0..seconds * 4 {
            self.now += STEP;
            let step = STEP.as_secs_f64();
            let refused = if self.mode.level() >= Level::CartsBusy { carts } else { 0.0 };
            self.waiting += (SETTLEMENT + carts - refused) * step;
            let decided = self.waiting.min(can * step);
            self.waiting -= decided;
            for (count, by) in self.counts.iter_mut().zip([decided, decided, refused * step]) {
                *count += by;
            }
            let [decided, urgent, refused] = self.counts.map(|count| count as u64);
            let late = Duration::from_secs_f64(self.waiting / can);
            let load = Load {
                late: [late, late, Duration::ZERO, Duration::ZERO],
                counts: Counts { decided, urgent, refused },
            };
            let level = self.mode.observe(&load, self.now).number();
            if levels.last() != Some(&level) {
                levels.push(level);
            }
        }
        levels
    }
}

#[test]
fn a_pod_that_was_slow_for_a_while_is_believed_more_again() {
    let mut pod = Unbounded::new();
    assert_eq!(pod.play(60, 20_000.0, 350.0), [0]);
    let top = *pod.play(60, 300.0, 350.0).last().expect("it has a level");
    assert!(top >= 2, "it is slower than what it is asked for: {top}");
    // The disk is fast again, and all that is asked for could be decided.
    assert_eq!(pod.play(180, 20_000.0, 350.0).last(), Some(&0));
    assert_eq!(pod.play(3_600, 20_000.0, 350.0), [0]);
}

#[test]
fn a_pod_that_cannot_decide_more_tries_ever_more_seldom() {
    let mut pod = Unbounded::new();
    pod.play(60, 1_000.0, 100.0);
    let hours: Vec<usize> = (0..3).map(|_| pod.play(3_600, 1_000.0, 3_000.0).len()).collect();
    assert!(hours[0] <= 60 && hours[1] <= 30 && hours[2] <= 30, "it flaps: {hours:?}");
    assert_eq!(pod.play(600, 1_000.0, 100.0).last(), Some(&0));
}

proptest! {
    #[test]
    fn it_falls_one_level_at_a_time_and_is_normal_again_once_all_is_calm(
        parts in prop::collection::vec(
            (1_u32..20, prop::array::uniform3(0.0_f64..30.0), prop::array::uniform3(0_u64..5_000)),
            1..12,
        ),
    ) {
        let mut trace: Vec<Stretch> =
            parts.into_iter().map(|(seconds, late, rates)| stretch(seconds, late, rates)).collect();
        trace.push(stretch(10, [0.0; 3], [100, 100, 0]));
        trace.push(stretch(60, [0.0; 3], [100, 100, 0]));
        let reached = levels(&trace);
        for pair in reached.windows(2) {
            prop_assert!(pair[1] > pair[0] || pair[1] + 1 == pair[0], "{reached:?}");
        }
        prop_assert_eq!(reached.last(), Some(&0));
    }
}
