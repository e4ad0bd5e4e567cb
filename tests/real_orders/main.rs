//! Real orders through real servers and a real Earmark, which are killed on the way, with a result
//! that is exactly right.
//!
//! `make real-orders` runs this with its output. [`convert`] makes the events, [`play`] publishes
//! them and kills whatever is at work, [`many`] does so on a cluster, [`checker`] works out from the
//! streams alone whether the result is right.

mod checker;
mod convert;
mod fold;
#[path = "../harness/mod.rs"]
mod harness;
mod many;
mod play;
mod script;
mod streams;
mod watch;

use std::path::Path;

use earmark::{clock::SystemClock, domain::time::Timestamp, ports::Clock};
use tokio::sync::Mutex;

use self::{
    checker::Policy,
    convert::{Conversion, Options, orders, stock::Received, twice::Twice},
    many::{Cluster, Faults, table},
    play::Play,
};

/// Two plays at once would only take each other's time.
static STAGE: Mutex<()> = Mutex::const_new(());

#[tokio::test(flavor = "multi_thread")]
async fn every_unit_that_can_be_sold_is_sold_once() {
    real_orders(orders::Policy::Partial, Policy::Partial).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_order_is_refused_or_granted_wrongly() {
    real_orders(orders::Policy::AllOrNothing, Policy::AllOrNothing).await;
}

async fn real_orders(ordered: orders::Policy, policy: Policy) {
    let _stage = STAGE.lock().await;
    let seed = seed();
    println!("Real orders, {}, seed {seed}:", ordered.as_str());
    let mut play = Play::open(conversion(ordered, seed)).await;
    play.stock().await;
    play.orders().await;
    play.shipments().await;
    let evidence = play.close().await;
    let report = checker::check(&evidence, policy);
    println!("{report}");
    if !report.complaints.is_empty() {
        panic!("the result is not right; the streams are kept in {}", play.keep().display());
    }
    assert_eq!(report.counted("orders"), 5_009);
    assert!(report.counted("orders rejected") > 0 && report.counted("duplicates") > 0);
    play.compare_with_inspect(&evidence).await;
}

/// The same with three pods on a cluster. `EARMARK_FAULTS` says what befalls it (`all`, or names
/// with commas between them), `EARMARK_CYCLES` how often anything does.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_whatever_befalls_the_cluster() {
    let _stage = STAGE.lock().await;
    let seed = seed();
    println!("Real orders on a cluster, seed {seed}:");
    let faults = Faults::named(std::env::var("EARMARK_FAULTS").ok().as_deref());
    let mut cluster = Cluster::open(conversion(orders::Policy::Partial, seed), faults).await;
    let cycles = std::env::var("EARMARK_CYCLES").ok();
    let cycles = cycles.map(|cycles| cycles.parse().expect("EARMARK_CYCLES is a number"));
    let (evidence, cycles) = cluster.play(cycles).await;
    let report = checker::check(&evidence, Policy::Partial);
    println!("{report}\n{}", table(&evidence, &report, &cycles));
    assert!(report.complaints.is_empty(), "the result is not right");
    assert_eq!((report.lost.len(), report.repeated.len()), (0, 0));
    assert_eq!(report.counted("orders"), 5_009);
    assert!(report.counted("answers that clients heard") > 0, "clients heard something");
}

/// Another seed sends other events twice and kills at other points.
fn seed() -> u64 {
    let seed = std::env::var("REAL_ORDERS_SEED").ok();
    seed.map_or(1, |seed| seed.parse().expect("REAL_ORDERS_SEED is a number"))
}

fn conversion(policy: orders::Policy, seed: u64) -> Conversion {
    let csv = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/retail_orders.csv");
    let now: Timestamp = SystemClock.now();
    let twice = Twice { percent: 3.0, seed };
    let options = Options { policy, received: Received::default(), twice, now };
    Conversion::new(&csv, options).expect("the sample can be read")
}
