//! `earmark scenario`: stories of events and expectations, played through the real engine.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::{Args, Subcommand};
use futures::{StreamExt, TryStreamExt, stream};

use super::print;
use crate::{
    app,
    config::Settings,
    error::{Exit, Failure},
    scenario::{Home, Played, Report, Scenario, file, junit, play},
    telemetry::logging,
};

/// Scenarios that are played at a time in memory: most of the time of each is waiting.
const AT_A_TIME: usize = 4;

/// Play scenarios: what happens, and what is expected to come of it.
#[derive(Debug, Args)]
pub struct Scenarios {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    Run(Run),
}

/// Play files of YAML through the real engine, on a clock that is set, and compare.
///
/// Without a server: each scenario has a store of its own, in memory. The exit code is 1 if
/// anything was not as it was expected, and 2 if a file cannot be understood; then nothing is
/// played.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark scenario run tests/scenarios
  earmark scenario run returns.yaml --json
  earmark scenario run tests/scenarios --junit scenarios.xml
  EARMARK_NATS_URL=nats://127.0.0.1:4333 EARMARK_REDIS_URL=redis://127.0.0.1:6390 \\
    earmark scenario run tests/scenarios --nats --reset   # deletes what Earmark has there

A scenario:
  name: the last unit, two shoppers
  steps:
    - {at: \"2026-11-27T10:00:00Z\", sku: CUP, event: stock.received,
       data: {location: east, quantity: 1, reference: po-1}}
    - {at: +1s, sku: CUP, event: hold.requested,
       data: {hold: h1, owner: cart-1, kind: cart, quantity: 1, ttl_s: 900}}
    - expect: {sku CUP: {available: 0, held: 1}, out: [hold.granted CUP]}
    - {at: +16m}
    - expect: {sku CUP: {available: 1}, out: [hold.expired CUP], dead_letters: []}")]
struct Run {
    /// Files, or directories: every *.yaml below them, in the order of their names.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Play on nats-server and Redis, which must be empty, with the engine in this process.
    #[arg(long)]
    nats: bool,
    /// Delete everything that Earmark has on these servers, before each scenario.
    #[arg(long, requires = "nats")]
    reset: bool,
    /// Write a report as JUnit XML, one test case a scenario.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Scenarios {
    pub(super) fn run(self, settings: &Settings, json: bool) -> Result<ExitCode, Failure> {
        let What::Run(run) = self.what;
        let files = file::find(&run.paths)?;
        let scenarios: Vec<Scenario> =
            files.iter().map(|file| Scenario::read(file)).collect::<Result<_, _>>()?;
        if run.nats && !run.reset && scenarios.len() > 1 {
            let text = format!("{} scenarios cannot share empty servers", scenarios.len());
            let action = "play one, or say --reset, which deletes all that Earmark has there before \
                          each";
            return Err(Failure::new(Exit::Usage, text).advise(action));
        }
        let mut quiet = settings.log.clone();
        "error".clone_into(&mut quiet.level);
        logging::start(&quiet);
        let report = app::system().block_on(run.play(&scenarios, settings, json))?;
        run.tell(&report, json)?;
        Ok(if report.passed { Exit::Done } else { Exit::Failed }.into())
    }
}

impl Run {
    async fn play(
        &self,
        scenarios: &[Scenario],
        settings: &Settings,
        json: bool,
    ) -> Result<Report, Failure> {
        let began = Instant::now();
        let (home, at_a_time) = match self.nats {
            true => (Home::Servers { reset: self.reset }, 1),
            false => (Home::Memory, AT_A_TIME),
        };
        let playing = stream::iter(scenarios).map(|scenario| play(scenario, settings, home));
        let told = playing.buffered(at_a_time).inspect_ok(|played| {
            if !json {
                print::line(played);
            }
        });
        let scenarios: Vec<Played> = told.try_collect().await?;
        Ok(Report {
            passed: scenarios.iter().all(|played| played.passed),
            seconds: began.elapsed().as_secs_f64(),
            scenarios,
        })
    }

    fn tell(&self, report: &Report, json: bool) -> Result<(), Failure> {
        match json {
            true => print::json(report),
            false => print::line(report),
        }
        let Some(file) = &self.junit else { return Ok(()) };
        let failed = |why: String| {
            let text = format!("{}: {why}", file.display());
            Failure::new(Exit::Failed, text).advise("name a file that can be written")
        };
        let xml = junit::xml(report).map_err(failed)?;
        std::fs::write(file, xml).map_err(|error| failed(error.to_string()))
    }
}
