//! `earmark load`: plays a promotion before shoppers do.

mod screen;
mod told;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Context, print};
use crate::{
    error::{Exit, Failure},
    load::{
        capacity::capacity, compare::compare, conductor::conduct, page::page, plan::Plan,
        report::Report,
    },
    signals::Signals,
};

/// Play a promotion before shoppers do, and say whether every promise was kept.
///
/// A plan says who comes when, what is sold, what goes wrong, and what has to hold; `config/load`
/// has eight. nats-server, Redis and pods are started for it, on this machine, and end with it.
/// Shoppers come when the plan says, however slowly they are answered, and all waits are counted
/// from then. Afterwards the journal is folded anew, and compared with events, outcomes, dead
/// letters and what shoppers heard.
///
/// The exit code is 1 if a promise was broken, an objective was missed, or it did not come to rest.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Example:
  earmark load config/load/flash-sale.toml
  earmark load config/load/black-friday.toml --rate 2 --report black-friday.html --json > now.json
  earmark load config/load/steady.toml --servers target/servers
  earmark load config/load/soak.toml --for 28800 --report soak.html
  earmark load compare before.json now.json"
)]
pub struct Load {
    #[command(subcommand)]
    other: Option<Other>,
    /// The plan (TOML).
    #[arg(value_name = "PLAN", required = true)]
    plan: Option<PathBuf>,
    /// As many shoppers as the plan has, times this.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    rate: f64,
    /// For how many seconds shoppers come, instead of the plan's: it ends sooner, or its last rate
    /// goes on.
    #[arg(long = "for", value_name = "SECONDS",
        value_parser = clap::value_parser!(u32).range(1..=604_800))]
    for_s: Option<u32>,
    /// What chance begins with, instead of the plan's.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Where nats-server and redis-server are, if not where commands are.
    #[arg(long, value_name = "DIR", env = "EARMARK_SERVERS")]
    servers: Option<PathBuf>,
    /// Write the page with plots here.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Other {
    /// Lay two runs side by side, as `--json` wrote them.
    Compare {
        /// The one that is compared with.
        #[arg(value_name = "A.json")]
        a: PathBuf,
        /// The one that is compared.
        #[arg(value_name = "B.json")]
        b: PathBuf,
    },
    /// Find the highest rate at which a plan still reaches its objectives.
    ///
    /// Each rate is played steadily for some seconds, without the plan's faults, on servers and
    /// pods of its own: twice as many shoppers until an objective is missed, then between the two,
    /// to a tenth. It takes some minutes.
    Capacity {
        /// The plan (TOML).
        #[arg(value_name = "PLAN")]
        plan: PathBuf,
        /// For how many seconds each rate is played.
        #[arg(long, value_name = "SECONDS", default_value_t = 20,
            value_parser = clap::value_parser!(u32).range(5..=3_600))]
        seconds: u32,
        /// Say how many pods and partitions so many shoppers a second need.
        #[arg(long, value_name = "SHOPPERS")]
        peak: Option<u32>,
        /// Where nats-server and redis-server are, if not where commands are.
        #[arg(long, value_name = "DIR", env = "EARMARK_SERVERS")]
        servers: Option<PathBuf>,
    },
}

impl Load {
    pub(super) async fn run(self, context: &Context) -> Result<Exit, Failure> {
        match &self.other {
            Some(Other::Compare { a, b }) => {
                let comparison = compare(&read(a)?, &read(b)?);
                match context.json {
                    true => print::json(&comparison),
                    false => told::compared(&comparison),
                }
                Ok(Exit::Done)
            }
            Some(Other::Capacity { plan, seconds, peak, servers }) => {
                let plan = Plan::read(plan)?;
                let how = (f64::from(*seconds), peak.map(f64::from));
                let found = interruptible(capacity(&plan, servers.as_deref(), how, |rate, of| {
                    print::aside(format_args!("{rate:.0} shoppers a second:"));
                    screen::watch(of);
                }));
                let found = found.await?;
                match context.json {
                    true => print::json(&found),
                    false => told::capacity(&found),
                }
                Ok(if found.shoppers_per_s > 0.0 { Exit::Done } else { Exit::Failed })
            }
            None => self.play(context).await,
        }
    }

    async fn play(&self, context: &Context) -> Result<Exit, Failure> {
        let plan = self.plan()?;
        let report = interruptible(conduct(&plan, self.servers.as_deref(), screen::watch)).await?;
        match context.json {
            true => print::json(&report),
            false => told::told(&report),
        }
        if let Some(file) = &self.report {
            std::fs::write(file, page(&report)).map_err(|error| {
                Failure::new(Exit::Failed, format!("{}: {error}", file.display()))
                    .advise("name a file that can be written")
            })?;
        }
        Ok(if report.holds() { Exit::Done } else { Exit::Failed })
    }

    /// The plan, as it is to be played.
    fn plan(&self) -> Result<Plan, Failure> {
        let file = self.plan.as_deref();
        let mut plan = Plan::read(file.unwrap_or_else(|| Path::new("")))?;
        plan.seed = self.seed.unwrap_or(plan.seed);
        if !(self.rate > 0.0 && self.rate <= 1_000.0) {
            let text = format!("--rate: found {}, expected above 0 to 1000", self.rate);
            return Err(Failure::new(Exit::Usage, text));
        }
        if let Some(for_s) = self.for_s {
            plan = plan
                .lasting(f64::from(for_s))
                .map_err(|why| Failure::new(Exit::Usage, format!("--for {for_s}:\n{why}")))?;
        }
        plan.at_rate(self.rate)
            .map_err(|why| Failure::new(Exit::Usage, format!("--rate {}:\n{why}", self.rate)))
    }
}

/// Servers and pods end with what is interrupted.
async fn interruptible<T>(doing: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut signals = Signals::listen()?;
    tokio::select! {
        biased;
        () = signals.next() => Err(Failure::new(Exit::Failed, "the load test was interrupted")),
        done = doing => done,
    }
}

fn read(file: &Path) -> Result<Report, Failure> {
    let failed = |why: String| {
        Failure::new(Exit::Usage, format!("{}: {why}", file.display()))
            .advise("name what `earmark load PLAN --json` wrote")
    };
    let bytes = std::fs::read(file).map_err(|error| failed(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))
}
