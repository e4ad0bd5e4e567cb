//! What happens at a peak: `cargo bench --bench peak`.
//!
//! A pod that may decide C = 3,000 a second, default settings else, nats-server and Redis beside it
//! on the same machine. Rushes of 60 seconds each (`-- --seconds 10` for others): ten times C,
//! of which most can wait; five times C of demand; twice C, of which nineteen of twenty are for one
//! SKU, and the same without that SKU. Told are the levels of safe mode, how long
//! those waited who must not wait, and the pod's memory; a plot of each rush over time is drawn into
//! `target/peak`, and what the pod saw of its load is written beside it, as `tests/data/peaks` has it.
//! Nothing is asserted but that all that was put off is applied, once, and no unit is sold twice.
//!
//! And, by [`beside`], how long others wait beside one SKU that is asked for in nineteen of twenty
//! events, and good events among which one in a hundred is one that nobody can take, and how long
//! without. By [`stated`], how long an operator's level takes to reach three pods, and how long
//! neighbours wait while a SKU's code panics. `-- --only poison`, `hot-sku` or `stated` plays that alone,
//! and any part of another's file name that one.
#![allow(dead_code, reason = "the tests' parts have more than is taken here")]

mod beside;
mod plot;
mod recording;
mod stated;

#[path = "../../tests/harness/mod.rs"]
mod harness;
#[path = "../../tests/real_servers/pod/inside.rs"]
mod inside;
#[path = "../../tests/pods/journal.rs"]
mod journal;
#[path = "../../tests/pods/load.rs"]
mod load;
#[path = "../../tests/pods/poison.rs"]
mod poison;
#[path = "../../tests/pods/rush.rs"]
mod rush;
#[path = "../../tests/real_orders/streams.rs"]
mod streams;
#[path = "../../tests/pods/timeline.rs"]
mod timeline;
#[path = "../../tests/pods/world.rs"]
mod world;

use std::{
    ops::Range,
    path::PathBuf,
    time::{Duration, Instant},
};

use comfy_table::Table;

use self::{
    beside::Trouble,
    harness::{RedisConfig, free_port, metric, wait_until},
    plot::Trace,
    rush::{Heard, Kind, Mix, Rush, Sent, Whose, percentile},
    timeline::Timeline,
    world::{PARTITIONS, World},
};

/// What the pod may decide in a second.
const C: u64 = 3_000;
const CAP: &str = "3000";
/// How long it may take until the pod has made its first archives.
const ARCHIVED_WITHIN: Duration = Duration::from_secs(60);
/// How long it may take until the pod is back at level 0.
const BACK_WITHIN: Duration = Duration::from_secs(300);

/// A rush.
#[derive(Clone, Copy, Debug)]
struct Case {
    name: &'static str,
    file: &'static str,
    mix: Mix,
    whose: Whose,
}

const CASES: [Case; 4] = [
    Case {
        name: "10 C, of which 0.7 C cannot wait",
        file: "can-wait",
        mix: [C * 35 / 100, C * 33 / 100, C * 2 / 100, C * 13 / 10, C * 8],
        whose: Whose::Everybodys,
    },
    Case {
        name: "5 C of demand, 0.5 C of settlement",
        file: "demand",
        mix: [C / 2, C * 2, C * 3, 0, 0],
        whose: Whose::Everybodys,
    },
    Case {
        name: "2 C of demand, 95 % for one SKU",
        file: "one-sku",
        mix: [0, C * 2, 0, 0, 0],
        whose: Whose::TheFirst,
    },
    Case {
        name: "the others of it alone",
        file: "without-it",
        mix: [0, C / 10, 0, 0, 0],
        whose: Whose::Everybodys,
    },
];

/// What came of a rush.
struct Result {
    levels: Vec<u8>,
    /// After how many seconds the highest level was reached, and after how many from the end of the
    /// rush the pod was back.
    up_s: f64,
    back_s: f64,
    /// From when on it was at its highest level, until the rush was over.
    at_top: Range<Instant>,
    sent: Vec<Sent>,
    memory: u64,
}

async fn play(case: Case, time: Duration) -> Result {
    let mut world = World::start_with(&[], RedisConfig::default()).await;
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let settings = [
        ("EARMARK__HTTP__LISTEN", &*listen),
        ("EARMARK__ENGINE__MAX_DECISIONS_PER_S", CAP),
        ("EARMARK__LOG__FORMAT", "json"),
        ("EARMARK__LOG__LEVEL", "info,earmark::supervisor::loading=trace"),
    ];
    world.run("held-back", &settings);
    world.shared_by(&["held-back"]).await;
    let rush = Rush::start(world.nats.jetstream().await, 400, 100_000).await;
    archived(port).await;
    let timeline = Timeline::of(port);
    let began = Instant::now();
    rush.play(case.mix, case.whose, time).await;
    let over = Instant::now();
    wait_until("the pod is back at level 0", BACK_WITHIN, async || {
        over.elapsed() > Duration::from_secs(2) && timeline.level() == 0
    })
    .await;
    let seen = timeline.seen();
    let top = seen.iter().map(|seen| seen.level).max().unwrap_or(0);
    let first = seen.iter().find(|seen| seen.level == top).map_or(began, |seen| seen.at);
    let back = seen.iter().rev().find(|seen| seen.level > 0).map_or(over, |seen| seen.at);
    let (levels, memory) = (timeline.levels(), world.pod("held-back").memory_peak());
    recording::write(&world.pod("held-back").output(), &folder().join(case.file));
    drop(timeline);
    // What was put off would take this pod minutes: another one, which is not held back, applies it.
    world.leave("held-back").await;
    let free = [
        ("EARMARK__SAFE_MODE__CATCH_UP_PER_S", "1000000"),
        ("EARMARK__SAFE_MODE__AUTOMATIC", "false"),
    ];
    world.run("free", &free);
    let sent = rush.all_is_well().await;
    let trace = Trace { began, seen: &seen, sent: &sent };
    trace.draw(case.name, &folder().join(format!("{}.svg", case.file)));
    let since = |at: Instant, from: Instant| at.saturating_duration_since(from).as_secs_f64();
    let (up_s, back_s) = (since(first, began), since(back, over));
    Result { levels, up_s, back_s, at_top: first..over, sent, memory }
}

/// Waits until the pod has made its first archives, as one that has run for a while: each partition
/// is archived once an hour, and first some seconds after the start.
async fn archived(port: u16) {
    wait_until("each partition is archived", ARCHIVED_WITHIN, async || {
        metric(port, "earmark_archives_total").await >= f64::from(PARTITIONS)
    })
    .await;
}

fn main() {
    let time = seconds();
    std::fs::create_dir_all(folder()).expect("target can be written");
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let mut table = Table::new();
    table.set_header([
        "rush",
        "levels",
        "top after",
        "back after",
        "settlement p99",
        "orders p99",
        "carts p99",
        "told busy",
        "memory",
    ]);
    let only = argument("--only").unwrap_or_default();
    for case in CASES.into_iter().filter(|case| case.file.contains(&only)) {
        println!("{} ...", case.name);
        let of = runtime.block_on(play(case, time));
        let p99 = |kind: Kind| {
            let others = |sent: &Sent| {
                sent.kind == kind && !is_hot(case, sent) && of.at_top.contains(&sent.at)
            };
            percentile(&of.sent, 99, others).map_or_else(String::new, milliseconds)
        };
        let busy = |sent: &&Sent| sent.answer.is_some_and(|(_, heard)| heard == Heard::Busy);
        table.add_row([
            case.name.to_owned(),
            of.levels.iter().map(u8::to_string).collect::<Vec<_>>().join(" "),
            format!("{:.1} s", of.up_s),
            format!("{:.1} s", of.back_s),
            p99(Kind::Settlement),
            p99(Kind::Order),
            p99(Kind::Cart),
            of.sent.iter().filter(busy).count().to_string(),
            format!("{} MiB", of.memory >> 20),
        ]);
    }
    for trouble in Trouble::ALL.into_iter().filter(|trouble| trouble.name().contains(&only)) {
        runtime.block_on(trouble.add_rows(&mut table, time));
    }
    if "stated".contains(&only) {
        let mut times = Table::new();
        times.set_header(["from", "stated", "median of five", "longest"]);
        runtime.block_on(stated::add_rows(&mut times));
        println!("{times}");
    }
    println!("{table}");
    println!(
        "p99: of what was sent at the highest level and was decided, from publication to the answer of \
         the committed decision; plots: target/peak/*.svg"
    );
}

/// A cart of the SKU that everybody wants: it is the others that are told.
fn is_hot(case: Case, sent: &Sent) -> bool {
    case.whose == Whose::TheFirst && sent.sku == 0
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/peak")
}

fn milliseconds(wait: Duration) -> String {
    format!("{:.1} ms", wait.as_secs_f64() * 1e3)
}

fn seconds() -> Duration {
    let seconds = argument("--seconds");
    let seconds = seconds.map_or(60, |of| of.parse().expect("--seconds takes a number"));
    Duration::from_secs(seconds)
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|arg| arg != name).nth(1)
}
