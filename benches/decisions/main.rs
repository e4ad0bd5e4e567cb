//! What a decision costs the engine, and what is live costs in memory: one partition between ports
//! that cost nothing.
//!
//! `cargo bench --bench decisions` has a partition read, decide, commit, release and keep holds that
//! ask for an answer, over ever more SKUs, and says what that cost the process in CPU time (wall time
//! would say more of the machine than of the engine), and by how much its memory grew with the SKUs.
//! Runs are interleaved, the table has their medians.

mod holds;
mod ports;

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::{Parser, ValueEnum, builder::RangedU64ValueParser};
use comfy_table::{Table, presets};
use earmark::{
    contract::Limits,
    domain::policy::Policy,
    partition::{
        Bounds, Credit, Env, Exit, Formats, Hands, Published, Start, Status, seed_all, serve,
    },
    query::Desks,
};
use mimalloc::MiMalloc;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use ports::Memory;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// What a decision costs the engine alone.
#[derive(Debug, Parser)]
#[command(name = "decisions", bin_name = "cargo bench --bench decisions --")]
struct Args {
    /// Holds that are decided in a run.
    #[arg(long, default_value_t = 100_000, value_parser = some())]
    events: usize,
    /// Over how many SKUs.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,10000,100000,1000000",
        value_parser = some()
    )]
    skus: Vec<usize>,
    /// What the world is told of a decision.
    #[arg(long, value_delimiter = ',', default_value = "answered")]
    told: Vec<Told>,
    /// How often each is measured.
    #[arg(long, default_value_t = 3, value_parser = some())]
    runs: usize,
    /// Write JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Measure one in this process, and say it in JSON.
    #[arg(long, hide = true)]
    here: bool,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What the world is told of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    /// Its requester hears the answer.
    Answered,
    /// And shops hear of what is available.
    AnsweredAndShown,
    /// An outcome is published.
    Published,
    /// And shops hear of what is available.
    PublishedAndShown,
}

/// A number above 0.
fn some() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

/// What a run found.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Found {
    told: Told,
    skus: usize,
    /// Of CPU time.
    us_a_decision: f64,
    /// By how much the memory of the process grew.
    bytes_a_sku: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let cases = args.told.iter().flat_map(|told| args.skus.iter().map(move |skus| (*told, *skus)));
    let cases: Vec<(Told, usize)> = cases.collect();
    if args.here {
        let (told, skus) = *cases.first().context("there is one")?;
        let found = actix::System::new().block_on(measure(args.events, skus, told))?;
        println!("{}", serde_json::to_string(&found)?);
        return Ok(());
    }
    let mut found = Vec::new();
    for run in 1..=args.runs {
        for (told, skus) in &cases {
            eprintln!("run {run} of {}: {told:?}, {skus} SKUs", args.runs);
            found.push(alone(args.events, *skus, *told)?);
        }
    }
    let medians: Vec<Found> = cases.iter().map(|case| median(&found, *case)).collect();
    match args.json {
        true => println!("{}", serde_json::to_string_pretty(&medians)?),
        false => println!("{}", table(&medians)),
    }
    Ok(())
}

/// Measures in a process of its own, whose memory nobody has used before.
fn alone(events: usize, skus: usize, told: Told) -> Result<Found> {
    let told = told.to_possible_value().context("each has a name")?;
    let (events, skus) = (events.to_string(), skus.to_string());
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["--here", "--events", &events, "--skus", &skus, "--told", told.get_name()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        bail!("{skus} SKUs: {}", output.status);
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn median(found: &[Found], (told, skus): (Told, usize)) -> Found {
    let of = |number: fn(&Found) -> f64| {
        let own = found.iter().filter(|found| (found.told, found.skus) == (told, skus));
        let mut sorted: Vec<f64> = own.map(number).collect();
        sorted.sort_by(f64::total_cmp);
        sorted[sorted.len() / 2]
    };
    let (us_a_decision, bytes_a_sku) = (of(|run| run.us_a_decision), of(|run| run.bytes_a_sku));
    Found { told, skus, us_a_decision, bytes_a_sku }
}

fn table(medians: &[Found]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY);
    table.set_header(["told", "SKUs", "µs of CPU a decision", "times the first", "bytes a SKU"]);
    for found in medians {
        let first = medians.iter().find(|first| first.told == found.told);
        let ratio = found.us_a_decision / first.map_or(1.0, |first| first.us_a_decision);
        table.add_row([
            format!("{:?}", found.told),
            found.skus.to_string(),
            format!("{:.2}", found.us_a_decision),
            format!("{ratio:.2}"),
            format!("{:.0}", found.bytes_a_sku),
        ]);
    }
    table
}

async fn measure(events: usize, skus: usize, told: Told) -> Result<Found> {
    let holds = holds::holds(events, skus, told.is_answered());
    let memory = Arc::new(Memory::new(Box::new(holds::stock(skus)), Box::new(holds.into_iter())));
    let ports = memory.clone().ports();
    if let Err(exit) = seed_all(&*ports.journal, 1, &*ports.clock).await {
        bail!("{exit:?}");
    }
    let before = resident()?;
    let (status, mut heard) = watch::channel(Status::default());
    let all_live = Credit { live_entities: skus + 1, ..Credit::default() };
    let (_credit, credit) = watch::channel(all_live);
    let stop = CancellationToken::new();
    let env = Env {
        partition: 0,
        partitions: 1,
        owner: "bench".to_owned(),
        ports,
        policy: Arc::new(Policy::default()),
        limits: Limits::default(),
        published: told.published(),
        bounds: Bounds::default(),
        formats: Formats::default(),
        hands: Hands::default(),
        tap: None,
        desks: Desks::default(),
        credit,
        pace: Arc::default(),
        status,
        stop: stop.clone(),
    };
    let serving = actix::spawn(serve(env, Start::Anew));
    let read = |status: &Status, source: usize, up_to: usize| {
        status.settled && status.read[source].sequence >= up_to as u64
    };
    // And all of it is in the snapshot, so that nothing is kept for the next one.
    let kept = |status: &Status| status.snapshot >= status.position.sequence;
    heard.wait_for(|status| read(status, ports::FULFILMENT, skus) && kept(status)).await?;
    let grown = resident()?.saturating_sub(before);
    let began = cpu()?;
    memory.open_demand();
    heard.wait_for(|status| read(status, ports::DEMAND, events)).await?;
    let spent = cpu()?.saturating_sub(began);
    stop.cancel();
    match serving.await? {
        Exit::Left => Ok(Found {
            told,
            skus,
            us_a_decision: spent.as_secs_f64() * 1e6 / events as f64,
            bytes_a_sku: grown as f64 / skus as f64,
        }),
        exit => bail!("{exit:?}"),
    }
}

impl Told {
    fn is_answered(self) -> bool {
        matches!(self, Told::Answered | Told::AnsweredAndShown)
    }

    fn published(self) -> Published {
        let availability = matches!(self, Told::AnsweredAndShown | Told::PublishedAndShown);
        let mut published = Published { availability, ..Published::default() };
        if self.is_answered() {
            let kinds = ["hold.granted", "event.refused"];
            published.left_out.extend(kinds.map(str::to_owned));
        }
        published
    }
}

/// What the process has used so far.
fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let span = |time: TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs())
            + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    Ok(span(usage.user_time()) + span(usage.system_time()))
}

/// Bytes of memory that the process has.
fn resident() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("it says so")?;
    Ok(kib.parse::<u64>()? * 1_024)
}
