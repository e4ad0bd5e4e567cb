//! How long a decision is waited for while pods change: `cargo bench --bench failover`.
//!
//! A steady load of 2,000 holds a second over 16 partitions, three pods, default settings, nats-server
//! and Redis beside them. What is measured is the longest that any one SKU waited for a decision,
//! from a little before the change until all is as it should be again; once for the SKUs of
//! partitions that moved, once for all others, and before any change (the floor: what this machine
//! does anyway). And how long a fresh pod takes to its first decision when there are a million SKUs
//! and a million open orders. The cases take turns; each figure is the median of five rounds
//! (`-- --rounds 1`). Nothing is asserted but that what was decided is right.
#![allow(dead_code, reason = "the tests' parts have more than is taken here")]

#[path = "../../tests/pods/crowd.rs"]
mod crowd;
#[path = "../../tests/harness/mod.rs"]
mod harness;
#[path = "../../tests/pods/journal.rs"]
mod journal;
#[path = "../../tests/pods/load.rs"]
mod load;
#[path = "../../tests/real_orders/streams.rs"]
mod streams;
#[path = "../../tests/pods/world.rs"]
mod world;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use comfy_table::Table;
use earmark::{
    contract::partition_of,
    domain::ids::{EntityKey, Sku},
};

use self::{
    harness::{RedisConfig, free_port, metric, wait_until},
    load::{Load, Wants},
    world::{BOUND, PARTITIONS, Pairs, World},
};

/// The steady load.
const WANTS: Wants = Wants { rate: 2_000, skus: 512, units: 100_000 };
/// SKUs of a million that are asked for: more than a pod keeps live.
const ASKED: usize = 200_000;
/// How long the load runs before and after a change.
const QUIET: Duration = Duration::from_secs(4);
/// What makes a pod read and write what an older build does; and newer formats written soon.
const OLDER: Pairs = &[("EARMARK__CLUSTER__FORMAT_MAX", "1")];
const SETTINGS: Pairs = &[("EARMARK__CLUSTER__FORMAT_AFTER_S", "1")];

/// What changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Case {
    Leaves,
    Comes,
    Killed,
    Frozen,
    Upgraded,
    RolledBack,
}

const CASES: [Case; 6] =
    [Case::Leaves, Case::Comes, Case::Killed, Case::Frozen, Case::Upgraded, Case::RolledBack];

impl Case {
    fn name(self) -> &'static str {
        match self {
            Case::Leaves => "SIGTERM of one pod of three",
            Case::Comes => "one pod added to three",
            Case::Killed => "`kill -9` of one pod of three",
            Case::Frozen => "one pod of three frozen for 30 s and thawed",
            Case::Upgraded => "all three replaced by a build with a newer format",
            Case::RolledBack => "all three replaced by a build with an older format",
        }
    }

    /// What the pods are at first.
    fn first(self) -> Pairs {
        if self == Case::Upgraded { OLDER } else { &[] }
    }

    async fn change(self, world: &mut World) {
        match self {
            Case::Leaves => {
                world.leave("b").await;
                world.shared_by(&["a", "c"]).await;
            }
            Case::Comes => {
                world.run("d", &[]);
                world.shared_by(&["a", "b", "c", "d"]).await;
            }
            Case::Killed => {
                world.kill("b");
                world.shared_by(&["a", "c"]).await;
            }
            Case::Frozen => {
                world.pod("b").freeze();
                tokio::time::sleep(Duration::from_secs(30)).await;
                world.pod("b").thaw();
                world.shared_by(&["a", "b", "c"]).await;
            }
            Case::Upgraded => replace(world, &[]).await,
            Case::RolledBack => replace(world, OLDER).await,
        }
    }
}

/// One after the other, the new one first, as a rolling update does.
async fn replace(world: &mut World, by: Pairs) {
    for old in ["a", "b", "c"] {
        let new = format!("{old}-next");
        world.run(&new, by);
        world.joined(&new).await;
        world.leave(old).await;
    }
    world.shared_by(&["a-next", "b-next", "c-next"]).await;
}

/// The longest waits: before the change, of partitions that moved, and of the others.
type Waits = [Duration; 3];

async fn measure(case: Case) -> Waits {
    let mut world = World::start_with(SETTINGS, RedisConfig::default()).await;
    for name in ["a", "b", "c"] {
        world.run(name, case.first());
    }
    world.shared_by(&["a", "b", "c"]).await;
    let load = Load::start(world.nats.jetstream().await, WANTS).await;
    tokio::time::sleep(QUIET).await;
    let quiet = Instant::now();
    tokio::time::sleep(QUIET).await;
    let floor = load.waits(quiet).into_values().max().unwrap_or_default();
    let began = Instant::now();
    case.change(&mut world).await;
    tokio::time::sleep(QUIET).await;
    let waits = load.waits(began);
    let journals = world.all_is_well(load).await;
    let moved: BTreeSet<u16> =
        (0..PARTITIONS).filter(|partition| journals.owners(*partition).len() > 1).collect();
    let mut longest = [floor, Duration::ZERO, Duration::ZERO];
    for (sku, wait) in waits {
        let key = EntityKey::Sku(Sku::new(&sku).expect("it is a key"));
        let which = if moved.contains(&partition_of(&key, PARTITIONS)) { 1 } else { 2 };
        longest[which] = longest[which].max(wait);
    }
    longest
}

/// What a pod that has just come takes over a million of each with: how long until its first
/// decision and until each partition has given one, and its memory when all were asked for.
struct Fresh {
    first: Duration,
    all: Duration,
    at_first: u64,
    at_last: u64,
}

async fn fresh() -> Fresh {
    let memory = RedisConfig { append_only: false, ..RedisConfig::default() };
    let mut world = World::start_with(SETTINGS, memory).await;
    crowd::gather(&mut world).await;
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let listen = [("EARMARK__HTTP__LISTEN", &*listen)];
    let [first, all] = crowd::first_decisions(&mut world, "fresh", &listen).await;
    let at_first = world.pod("fresh").memory_peak();
    crowd::ask_for(&world, 0..ASKED).await;
    wait_until("all are decided", 10 * BOUND, async || {
        metric(port, "earmark_holds_total{change=\"extended\"}").await == ASKED as f64
    })
    .await;
    let at_last = world.pod("fresh").memory_peak();
    world.leave("fresh").await;
    Fresh { first, all, at_first, at_last }
}

fn main() {
    let rounds = rounds();
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let mut measured: BTreeMap<Case, Vec<Waits>> = BTreeMap::new();
    let mut come = Vec::new();
    for round in 1..=rounds {
        for case in CASES {
            let waits = runtime.block_on(measure(case));
            let said = waits.map(seconds).join(", ");
            println!("round {round} of {rounds}: {}: {said}", case.name());
            measured.entry(case).or_default().push(waits);
        }
        let fresh = runtime.block_on(fresh());
        println!("round {round} of {rounds}: a million of each: {}", seconds(fresh.first));
        come.push(fresh);
    }
    let mut table = Table::new();
    table.set_header(["what changes", "before", "partitions that moved", "the others"]);
    for (case, waits) in &measured {
        let of = |which: usize| seconds(median(waits.iter().map(|waits| waits[which])));
        table.add_row([case.name().to_owned(), of(0), of(1), of(2)]);
    }
    println!("The longest that any one SKU waited for a decision, median of {rounds}:\n{table}");
    println!(
        "A fresh pod, all 16 partitions, a million SKUs and a million open orders in Redis, median \
         of {rounds}: first decision after {}, one of each partition after {}; memory at most {} \
         until then, {} when 200,000 SKUs had been asked for",
        seconds(median(come.iter().map(|fresh| fresh.first))),
        seconds(median(come.iter().map(|fresh| fresh.all))),
        mebibytes(median(come.iter().map(|fresh| fresh.at_first))),
        mebibytes(median(come.iter().map(|fresh| fresh.at_last))),
    );
}

fn median<T: Ord + Copy>(of: impl Iterator<Item = T>) -> T {
    let mut all: Vec<T> = of.collect();
    all.sort_unstable();
    all[all.len() / 2]
}

fn seconds(wait: Duration) -> String {
    format!("{:.2} s", wait.as_secs_f64())
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

fn rounds() -> usize {
    let mut args = std::env::args().skip_while(|arg| arg != "--rounds").skip(1);
    args.next().map_or(5, |rounds| rounds.parse().expect("--rounds takes a number"))
}
