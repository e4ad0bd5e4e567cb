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
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::Parser;
use convert::{
    Conversion, ORDERS, Options, Phase, SHIPMENTS, STOCK, orders::Policy, shipments::Granted,
    stock::Received, twice::Twice,
};
use earmark::{contract::time, domain::time::Timestamp};

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
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Write shipments only, of what these outcomes grant: NDJSON of EARMARK_OUT (a file, or - for
    /// stdin), or the URL of the NATS server that has the stream.
    #[arg(long, value_name = "FILE|-|URL")]
    shipments_from: Option<String>,
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
    std::fs::create_dir_all(&args.out).with_context(|| format!("make {}", args.out.display()))?;
    let write = |phase: Phase, stem: &str| {
        phase.write(&args.out, stem)?;
        println!(
            "{stem}: {} events, and {} of them again later",
            phase.first.len(),
            phase.again.len()
        );
        anyhow::Ok(())
    };
    match &args.shipments_from {
        Some(from) => write(conversion.shipments(&granted(from)?), SHIPMENTS),
        None => {
            write(conversion.stock(), STOCK)?;
            write(conversion.orders(), ORDERS)
        }
    }
}

fn granted(from: &str) -> Result<Granted> {
    let outcomes = outcomes(from).with_context(|| format!("read outcomes from {from}"))?;
    let mut granted = Granted::default();
    for (i, outcome) in outcomes.iter().enumerate() {
        granted.note(outcome).with_context(|| format!("outcome {}", i + 1))?;
    }
    Ok(granted)
}

fn outcomes(from: &str) -> Result<Vec<Vec<u8>>> {
    if from.contains("://") {
        let runtime = tokio::runtime::Runtime::new()?;
        let messages = runtime.block_on(streams::read_from_url(from, "EARMARK_OUT"))?;
        return Ok(messages.into_iter().map(|message| message.payload.to_vec()).collect());
    }
    let mut text = String::new();
    match from {
        "-" => stdin().read_to_string(&mut text)?,
        path => std::fs::File::open(path)?.read_to_string(&mut text)?,
    };
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Ok(lines.map(|line| line.as_bytes().to_vec()).collect())
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    time::parse(text).ok_or_else(|| format!("{text:?} is not a time in RFC 3339"))
}

fn present() -> Timestamp {
    let nanos = ::time::OffsetDateTime::now_utc().unix_timestamp_nanos();
    Timestamp(i64::try_from(nanos / 1_000).unwrap_or(i64::MAX))
}
