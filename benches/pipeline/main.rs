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
mod rounds;
mod servers;
mod workload;

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use mimalloc::MiMalloc;
use rounds::{Rounds, steps};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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

async fn bench(args: Args) -> Result<()> {
    let steps = steps(&args.only);
    if steps.is_empty() {
        bail!("nothing has such a name: {}", args.only.join(", "));
    }
    let bar = ProgressBar::new((steps.len() * args.runs) as u64);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")?);
    let mut rounds = Rounds::start(&steps, args.events).await?;
    for run in 1..=args.runs {
        for step in &steps {
            let name = step.slug();
            bar.set_message(name.clone());
            let said = rounds.step(*step).await.with_context(|| name.clone())?;
            bar.inc(1);
            // Without a terminal there is no bar.
            if bar.is_hidden() {
                eprintln!("run {run} of {}: {name}: {said}", args.runs);
            }
        }
    }
    bar.finish_and_clear();
    match args.json {
        true => println!("{}", rounds.results.json()?),
        false => println!("{}", rounds.results.tables()),
    }
    Ok(())
}
