//! Good events among which one in a hundred is one that nobody can take, and the same without: runs
//! of either in turn, and their medians. In the runs with them there are 100,000 good ones and 1,000
//! bad ones of ten kinds in all, if they last for a minute.

use std::time::Duration;

use comfy_table::Table;
use serde_json::json;

use crate::{
    harness::{RedisConfig, wait_until},
    milliseconds,
    poison::{poison, publish},
    rush::{Kind, Mix, Rush, Sent, Whose, percentile},
    world::World,
};

/// Good events in a second: less than a pod can decide, of every lane.
const MIX: Mix = [500, 500, 67, 300, 300];
/// So many good ones for a bad one.
const GOOD_FOR_A_BAD: u64 = 100;
/// Runs of either.
const RUNS: u32 = 3;
const SKUS: usize = 400;
/// How long it may take until all dead letters are there.
const LETTERS_WITHIN: Duration = Duration::from_secs(60);

/// Plays, and adds a row for either.
pub async fn add_rows(table: &mut Table, time: Duration) {
    let mut runs = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (with, runs) in [false, true].into_iter().zip(&mut runs) {
            println!("good events, bad ones among them: {with} ...");
            runs.push(play(with, time / RUNS).await);
        }
    }
    let names = ["1,667 good events a second", "the same, and 1 % that nobody can take"];
    for (name, runs) in names.into_iter().zip(&runs) {
        let p99 = |kind: Kind| median(runs, |sent| sent.kind == kind).map(milliseconds);
        let [settlement, orders, carts] =
            [Kind::Settlement, Kind::Order, Kind::Cart].map(p99).map(Option::unwrap_or_default);
        table.add_row([name, "-", "-", "-", &settlement, &orders, &carts, "-", "-"]);
    }
    let [without, with] = [0, 1].map(|at| median(&runs[at], |_| true).unwrap_or_default());
    println!(
        "p99 of all that is answered, median of {RUNS} runs: {:.2} ms without bad events, {:.2} ms \
         with: {:.2} times",
        without.as_secs_f64() * 1e3,
        with.as_secs_f64() * 1e3,
        with.as_secs_f64() / without.as_secs_f64()
    );
}

/// The median of the runs' p99.
fn median(runs: &[Vec<Sent>], is_counted: impl Fn(&Sent) -> bool) -> Option<Duration> {
    let p99 = runs.iter().filter_map(|sent| percentile(sent, 99, &is_counted));
    let mut p99: Vec<Duration> = p99.collect();
    p99.sort_unstable();
    p99.get(p99.len() / 2).copied()
}

/// One run, in a world of its own, by a pod that is held back by nothing.
async fn play(with_bad_ones: bool, time: Duration) -> Vec<Sent> {
    let mut world = World::start_with(&[], RedisConfig::default()).await;
    world.run("one", &[("EARMARK__SAFE_MODE__AUTOMATIC", "false")]);
    world.shared_by(&["one"]).await;
    let context = world.nats.jetstream().await;
    let rush = Rush::start(context.clone(), SKUS, 1_000_000).await;
    let good = MIX.iter().sum::<u64>() * time.as_secs();
    let number = if with_bad_ones { good / GOOD_FOR_A_BAD } else { 0 };
    let bad = poison(usize::try_from(number).expect("not so many"), SKUS);
    tokio::join!(publish(&context, &bad, time), rush.play(MIX, Whose::Everybodys, time));
    let sent = rush.all_is_well().await;
    wait_until("each has its letter", LETTERS_WITHIN, async || {
        let listed = world.earmark(&["dlq", "ls", "--json"]).await.with(0).json();
        listed["events"] == json!(bad.len())
    })
    .await;
    sent
}
