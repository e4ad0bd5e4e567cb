//! The pace of a pod: who comes first when there is less than all want, and that nobody waits for
//! ever.

use std::{sync::Arc, time::Duration};

use earmark::{
    domain::{Level, event::Lane, time::Timestamp},
    partition::{
        gates::Gates,
        pace::{Counts, Limit, Pace},
    },
};
use tokio::time::{Instant, advance};

const PATIENCE: Duration = Duration::from_secs(1);

fn pace(decisions_per_s: u32) -> Arc<Pace> {
    Arc::new(Pace::new(Limit { decisions_per_s, catch_up_per_s: 100, patience: PATIENCE }))
}

fn decide(pace: &Pace, decided: u64) {
    pace.spend(Counts { decided, urgent: decided, refused: 0 });
}

fn open(gates: &Gates) -> Vec<&'static str> {
    let now = Instant::now();
    let open = Lane::ALL.into_iter().filter(|lane| gates.opens(*lane) <= now);
    open.map(Lane::as_str).collect()
}

/// So much of a lane has just been read, and there is more.
fn read(gates: &mut Gates, lane: Lane, messages: usize) {
    gates.read(lane, messages, true, Timestamp(0), Timestamp(0));
}

/// Each lane has just been read.
fn read_all(gates: &mut Gates) {
    Lane::ALL.into_iter().for_each(|lane| read(gates, lane, 1));
}

#[tokio::test(start_paused = true)]
async fn what_there_is_goes_to_the_most_important_lane() {
    let pace = pace(1_000);
    let mut gates = Gates::new(pace.clone());
    advance(Duration::from_secs(5)).await;
    read_all(&mut gates);
    // No more is saved up than a tenth of a second's.
    let all = ["settlement", "demand", "fulfilment", "reporting"];
    assert_eq!(open(&gates), all);
    let left = [(20, 4), (30, 3), (25, 2), (24, 1), (1, 1), (1, 0)];
    for (decided, lanes) in left {
        decide(&pace, decided);
        assert_eq!(open(&gates), all[..lanes], "after {decided} more");
    }
    // In debt by one; settlement opens once that is paid, reporting when three quarters are saved.
    advance(Duration::from_millis(2)).await;
    assert_eq!(open(&gates), all[..1]);
    advance(Duration::from_millis(75)).await;
    assert_eq!(open(&gates), all);
}

#[tokio::test(start_paused = true)]
async fn no_lane_waits_longer_than_its_patience() {
    let pace = pace(1_000);
    let mut gates = Gates::new(pace.clone());
    read_all(&mut gates);
    decide(&pace, 1_000_000);
    advance(PATIENCE - Duration::from_millis(1)).await;
    assert_eq!(open(&gates), [""; 0]);
    advance(Duration::from_millis(1)).await;
    assert_eq!(open(&gates).len(), Lane::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn without_a_bound_every_lane_is_open() {
    let pace = pace(0);
    let mut gates = Gates::new(pace.clone());
    read_all(&mut gates);
    decide(&pace, 1_000_000);
    assert_eq!(open(&gates).len(), Lane::ALL.len());
}

#[tokio::test(start_paused = true)]
async fn fulfilment_comes_last_while_any_partition_of_the_pod_has_something_urgent() {
    let pace = pace(0);
    let (mut busy, mut other) = (Gates::new(pace.clone()), Gates::new(pace));
    [&mut busy, &mut other].into_iter().for_each(|gates| gates.set(Level::CartsBusy, [false; 4]));
    read(&mut busy, Lane::Demand, 1);
    read(&mut other, Lane::Fulfilment, 1);
    assert!(!open(&other).contains(&"fulfilment"));
    advance(PATIENCE).await;
    assert!(open(&other).contains(&"fulfilment"), "it is read once in a while");
    read(&mut other, Lane::Fulfilment, 1);
    busy.drained(Lane::Demand);
    assert!(open(&other).contains(&"fulfilment"), "nothing urgent is left");
    read(&mut busy, Lane::Settlement, 1);
    assert!(!open(&other).contains(&"fulfilment"));
    drop(busy);
    assert!(open(&other).contains(&"fulfilment"), "its partition has gone elsewhere");
}

#[tokio::test(start_paused = true)]
async fn what_was_put_off_is_caught_up_with_at_a_bounded_rate() {
    let pace = pace(0);
    let mut gates = Gates::new(pace);
    gates.set(Level::ReportingWaits, [false; 4]);
    gates.set(Level::Normal, [false; 4]);
    advance(Duration::from_secs(1)).await;
    let mut in_all = 0;
    for _ in 0..1_000 {
        if open(&gates).contains(&"reporting") {
            read(&mut gates, Lane::Reporting, 20);
            in_all += 20;
        }
        advance(Duration::from_millis(10)).await;
    }
    // Ten seconds at a hundred a second, a tenth of a second's more at first, and the last read.
    assert!((980..=1_030).contains(&in_all), "{in_all}");
    gates.drained(Lane::Reporting);
    for _ in 0..10 {
        assert!(open(&gates).contains(&"reporting"), "it has caught up");
        read(&mut gates, Lane::Reporting, 1_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_of_which_more_comes_than_the_bound_is_caught_up_with_all_the_same() {
    let pace = pace(0);
    let mut gates = Gates::new(pace.clone());
    gates.set(Level::ReportingWaits, [false; 4]);
    gates.set(Level::Normal, [false; 4]);
    // Each second 400 come, and a minute's wait; the bound is 100 a second.
    let (mut waiting, mut steps) = (60 * 400, 0);
    while waiting > 20 {
        assert!(steps < 180 * 20, "{waiting} wait after three minutes");
        advance(Duration::from_millis(50)).await;
        (waiting, steps) = (waiting + 20, steps + 1);
        while waiting > 0 && open(&gates).contains(&"reporting") {
            let messages = waiting.min(256);
            read(&mut gates, Lane::Reporting, messages);
            waiting -= messages;
        }
        if steps % 5 == 0 {
            pace.look(true);
        }
    }
    assert!(steps > 15 * 20, "all at once, after {steps} steps");
    // Where there is no room, it is as slow as at first.
    pace.look(false);
    advance(Duration::from_secs(1)).await;
    read(&mut gates, Lane::Reporting, 110);
    assert!(!open(&gates).contains(&"reporting"));
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_late_no_more_is_behind_no_more() {
    let pace = pace(0);
    let mut gates = Gates::new(pace.clone());
    gates.set(Level::ReportingWaits, [false; 4]);
    gates.set(Level::Normal, [false; 4]);
    let second = 1_000_000;
    let mut read = |messages, all, age: i64| {
        gates.read(Lane::Reporting, messages, all, Timestamp(0), Timestamp(age * second));
        open(&gates).contains(&"reporting")
    };
    assert!(!read(1_000, true, 60), "it is caught up with at a rate");
    assert!(!read(1, false, 60), "and is late still");
    assert!(read(1_000, false, 1), "it is late no more, though it was not read to its end");
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_has_waited_too_long_is_overdue() {
    let mut gates = Gates::new(pace(0));
    assert_eq!(gates.overdue(), [false; 5]);
    advance(PATIENCE).await;
    read(&mut gates, Lane::Settlement, 256);
    // Commands come before all others as it is.
    assert_eq!(gates.overdue(), [false, false, true, true, true]);
    read_all(&mut gates);
    assert_eq!(gates.overdue(), [false; 5]);
}
