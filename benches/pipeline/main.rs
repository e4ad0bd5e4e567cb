//! Earmark, what the log alone allows, and what a team would write instead, on real servers: one
//! run, a table, nothing by hand.
//!
//! Each contestant's result is checked; a wrong one ends the run with the exit code 1. All servers
//! are gone when it ends, however it ends.

#[path = "../../tests/harness/mod.rs"]
mod harness;

mod check;
mod contest;
mod earmark_pod;
mod floor;
mod gate;
mod latency;
mod listener;
mod log;
mod report;
mod rivals;
mod servers;
mod workload;

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use contest::{Contestant, Delivery, Lasting, Setting, Stores};
use indicatif::{ProgressBar, ProgressStyle};
use report::Results;
use servers::{Fsync, PostgresServer};
use workload::{Kind, Workload};

/// How long latency is measured each time.
const LATENCY_LASTS: Duration = Duration::from_secs(3);
/// Publishers sustain less than this, a second.
const LATENCY_RATE_MAX: usize = 150_000;

/// Runs Earmark and what it is compared with.
#[derive(Debug, Parser)]
#[command(name = "pipeline", bin_name = "cargo bench --bench pipeline --")]
struct Args {
    /// Write JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// How often each contestant runs; the table has the medians.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Only what has one of these in its name, such as `uniform/answered`, `always/earmark` or
    /// `latency`; several are separated by commas. Names are shown with the progress.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Holds that are decided in a run; half as many orders.
    #[arg(long, default_value_t = 60_000)]
    events: usize,
    /// What cargo says to every bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.enable_all().build().unwrap_or_else(|error| {
            eprintln!("no threads: {error}");
            std::process::exit(1)
        })
    };
    match actix::System::with_tokio_rt(runtime).block_on(until_stopped(args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("pipeline: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn until_stopped(args: Args) -> Result<()> {
    let kind = tokio::signal::unix::SignalKind::terminate();
    let mut terminate = tokio::signal::unix::signal(kind)?;
    tokio::select! {
        done = bench(args) => done,
        _ = tokio::signal::ctrl_c() => bail!("stopped"),
        _ = terminate.recv() => bail!("stopped"),
    }
}

/// What is run, in its order.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Rate(Setting, Contestant),
    Latency(Setting, Contestant),
}

impl Step {
    fn slug(self) -> String {
        match self {
            Step::Rate(setting, contestant) => format!("{}/{}", setting.slug(), contestant.slug()),
            Step::Latency(setting, contestant) => {
                format!("latency/{}/{}", setting.slug(), contestant.slug())
            }
        }
    }

    fn contestant(self) -> Contestant {
        match self {
            Step::Rate(_, contestant) | Step::Latency(_, contestant) => contestant,
        }
    }
}

/// All steps that are asked for; the floor is there wherever something is compared with it.
fn steps(only: &[String]) -> Vec<Step> {
    let asked = |step: &Step| only.is_empty() || only.iter().any(|part| step.slug().contains(part));
    let mut steps = Vec::new();
    for setting in Setting::all() {
        let all = Contestant::of(setting).into_iter();
        let mut some: Vec<Step> =
            all.map(|contestant| Step::Rate(setting, contestant)).filter(asked).collect();
        let floor = Step::Rate(setting, Contestant::Floor);
        if !some.is_empty() && some[0] != floor {
            some.insert(0, floor);
        }
        steps.extend(some);
    }
    for fsync in Fsync::ALL {
        let setting = Setting { kind: Kind::Uniform, delivery: Delivery::Answered, fsync };
        for contestant in [Contestant::Earmark, Contestant::RedisTogether] {
            steps.extend(Some(Step::Latency(setting, contestant)).filter(asked));
        }
    }
    steps
}

async fn bench(args: Args) -> Result<()> {
    let steps = steps(&args.only);
    if steps.is_empty() {
        bail!("nothing has such a name: {}", args.only.join(", "));
    }
    let bar = ProgressBar::new((steps.len() * args.runs) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")?);
    let results = all(&args, &steps, &bar).await;
    bar.finish_and_clear();
    let results = results?;
    match args.json {
        true => println!("{}", results.json()?),
        false => println!("{}", results.tables()),
    }
    Ok(())
}

async fn all(args: &Args, steps: &[Step], bar: &ProgressBar) -> Result<Results> {
    let postgres = match steps.iter().any(|step| step.contestant() == Contestant::Postgres) {
        true => Some(PostgresServer::start().await?),
        false => None,
    };
    let lasting = Lasting { postgres };
    let workloads: BTreeMap<Kind, Workload> = Kind::ALL
        .into_iter()
        .map(|kind| {
            let events = if kind == Kind::Orders { args.events / 2 } else { args.events };
            (kind, Workload::new(kind, events))
        })
        .collect();
    let waited = latency_workload(steps);
    let mut results = Results::default();
    let mut stores = Stores::default();
    let mut idle = BTreeMap::new();
    for run in 1..=args.runs {
        let mut floors = BTreeMap::new();
        let mut publishers = BTreeMap::new();
        for step in steps {
            let name = step.slug();
            bar.set_message(name.clone());
            let said;
            match *step {
                Step::Rate(setting, contestant) => {
                    let workload = &workloads[&setting.kind];
                    let store = stores.of(setting, workload).await?;
                    let took = contest::run(contestant, setting, workload, store, &lasting)
                        .await
                        .with_context(|| name.clone())?;
                    let rate = workload.units() as f64 / took.as_secs_f64();
                    if contestant == Contestant::Floor {
                        floors.insert(setting, rate);
                    }
                    let floor = floors.get(&setting).copied().unwrap_or(f64::NAN);
                    said = format!("{rate:.0} a second, {:.3} of the floor", rate / floor);
                    results.rate(setting, contestant, rate, floor);
                }
                Step::Latency(setting, contestant) => {
                    if !idle.contains_key(&setting) {
                        let store = log::fill(&waited, &[], true, setting.fsync).await?;
                        idle.insert(setting, store);
                    }
                    let store = &idle[&setting];
                    if !publishers.contains_key(&setting) {
                        let sustained = latency::sustained(setting, store, &waited).await?;
                        publishers.insert(setting, sustained);
                    }
                    let latency = latency::measure(
                        contestant,
                        setting,
                        store,
                        &waited,
                        &lasting,
                        publishers[&setting],
                        LATENCY_LASTS,
                    );
                    let latency = latency.await.with_context(|| name.clone())?;
                    said = format!("{:.1} ms half of the time", latency.p50_ms);
                    results.latency(setting, contestant, latency);
                }
            }
            // Without a terminal there is no bar.
            if bar.is_hidden() {
                eprintln!("run {run} of {}: {name}: {said}", args.runs);
            }
            bar.inc(1);
        }
    }
    Ok(results)
}

/// Requests that are not in the log before: as many as publishers can publish in the time.
fn latency_workload(steps: &[Step]) -> Workload {
    let settings: BTreeSet<Setting> = steps
        .iter()
        .filter_map(|step| match step {
            Step::Latency(setting, _) => Some(*setting),
            Step::Rate(..) => None,
        })
        .collect();
    let most = LATENCY_RATE_MAX * LATENCY_LASTS.as_secs() as usize;
    Workload::new(Kind::Uniform, if settings.is_empty() { 0 } else { most })
}
