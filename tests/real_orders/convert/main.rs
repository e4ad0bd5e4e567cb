//! `cargo run --example retail_orders`: the sample orders as CloudEvents, for `earmark publish`.
//!
//! Stock, orders and payments are written at once. Shipments come of what was granted: run it again
//! with `--shipments-from` once the orders are decided.

#[path = "mod.rs"]
mod convert;
#[path = "../streams.rs"]
mod streams;

use std::{
    io::{Read, stdin},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use convert::{
    Conversion, ORDERS, Options, Phase, SHIPMENTS, STOCK, orders::Policy, shipments::Granted,
    stock::Received, twice::Twice,
};
use earmark::{contract::time, domain::time::Timestamp};

/// How long a server's outcomes are waited for.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// How often they are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Turns real retail orders into CloudEvents: 1-stock.ndjson, 2-orders.ndjson (orders and payments),
/// and with --shipments-from 3-shipments.ndjson. What is to be sent a second time, later, is in
/// files that end in -again.ndjson.
#[derive(Parser)]
#[command(name = "retail_orders")]
struct Args {
    /// The rows.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/retail_orders.csv"))]
    csv: PathBuf,
    /// What orders do with lines that cannot be served.
    #[arg(long, value_enum, default_value = "all_or_nothing")]
    policy: Policy,
    /// How much of each SKU's demand at each location is received: PERCENT, or PERCENT:N for one SKU
    /// in N and all for the rest.
    #[arg(long, value_name = "SPEC", default_value_t = Received::default())]
    received: Received,
    /// How many of a hundred events are sent twice, half of them at once and half later.
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    duplicates: f64,
    /// Another seed chooses other duplicates, and other orders that are authorized first.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// When the last day of the file ends, RFC 3339; the present where absent.
    #[arg(long, value_parser = parse_time)]
    now: Option<Timestamp>,
    /// The folder that is written to; made if it is not there.
    #[arg(long, value_name = "DIR", required_unless_present = "summary_of")]
    out: Option<PathBuf>,
    /// Write shipments only, of what these outcomes grant: NDJSON of EARMARK_OUT (a file, or - for
    /// stdin), or the URL of a NATS server, whose outcomes are waited for until every order is
    /// confirmed or rejected.
    #[arg(long, value_name = "FILE|-|URL")]
    shipments_from: Option<String>,
    /// Write nothing; wait until every order that was to leave has left or will not, and count the
    /// outcomes.
    #[arg(long, value_name = "URL")]
    summary_of: Option<String>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let options = Options {
        policy: args.policy,
        received: args.received,
        twice: Twice { percent: args.duplicates, seed: args.seed },
        now: args.now.unwrap_or_else(present),
    };
    let conversion = Conversion::new(&args.csv, options)?;
    match (&args.summary_of, &args.shipments_from, &args.out) {
        (Some(url), _, _) => summarize(&wait_for(url, |granted| conversion.is_done(granted))?),
        (None, Some(from), Some(out)) => {
            let granted = granted(from, &conversion)?;
            write(out, &conversion.shipments(&granted), SHIPMENTS)
        }
        (None, None, Some(out)) => {
            write(out, &conversion.stock(), STOCK)?;
            write(out, &conversion.orders(), ORDERS)
        }
        (None, _, None) => bail!("--out says where to write"),
    }
}

fn write(dir: &Path, phase: &Phase, stem: &str) -> Result<()> {
    std::fs::create_dir_all(dir).with_context(|| format!("make {}", dir.display()))?;
    phase.write(dir, stem)?;
    println!("{stem}: {} events, and {} of them again later", phase.first.len(), phase.again.len());
    Ok(())
}

fn summarize(granted: &Granted) -> Result<()> {
    for (kind, outcomes) in granted.kinds() {
        println!("{outcomes:>8}  {kind}");
    }
    Ok(())
}

fn granted(from: &str, conversion: &Conversion) -> Result<Granted> {
    if from.contains("://") {
        return wait_for(from, |granted| conversion.is_decided(granted));
    }
    let mut text = String::new();
    match from {
        "-" => stdin().read_to_string(&mut text),
        path => std::fs::File::open(path).and_then(|mut file| file.read_to_string(&mut text)),
    }
    .with_context(|| format!("read {from}"))?;
    let mut granted = Granted::default();
    for (i, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        granted.note(line.as_bytes()).with_context(|| format!("line {}", i + 1))?;
    }
    Ok(granted)
}

/// The outcomes of a server, once they are enough.
#[tokio::main]
async fn wait_for(url: &str, enough: impl Fn(&Granted) -> bool) -> Result<Granted> {
    let client = async_nats::connect(url).await.with_context(|| format!("connect to {url}"))?;
    let context = async_nats::jetstream::new(client);
    let (began, mut granted, mut last) = (Instant::now(), Granted::default(), 0);
    loop {
        for stored in streams::read_after(&context, "EARMARK_OUT", last).await? {
            last = stored.sequence;
            granted.note(&stored.payload).with_context(|| format!("outcome {last}"))?;
        }
        if enough(&granted) {
            return Ok(granted);
        }
        ensure!(began.elapsed() < WAIT_MAX, "not all orders are decided after {WAIT_MAX:?}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    time::parse(text).ok_or_else(|| format!("{text:?} is not a time in RFC 3339"))
}

fn present() -> Timestamp {
    let nanos = ::time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    Timestamp(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX))
}
