//! `earmark load`: plays a promotion before shoppers do.

mod screen;
mod told;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{Context, print};
use crate::{
    error::{Exit, Failure},
    load::{compare::compare, conductor::conduct, page::page, plan::Plan, report::Report},
    signals::Signals,
};

/// Play a promotion before shoppers do, and say whether every promise was kept.
///
/// A plan says who comes when, what is sold, what goes wrong, and what has to hold; `config/load` has
/// seven. nats-server, Redis and pods are started for it, on this machine, and end with it. Shoppers
/// come when the plan says, however slowly they are answered, and all waits are counted from then.
/// Afterwards the journal is folded anew and compared with every log, and with what shoppers heard.
///
/// The exit code is 1 if a promise was broken or an objective was missed.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Example:
  earmark load config/load/flash-sale.toml
  earmark load config/load/black-friday.toml --rate 2 --report black-friday.html --json > now.json
  earmark load config/load/steady.toml --servers target/servers
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
            None => self.play(context).await,
        }
    }

    async fn play(&self, context: &Context) -> Result<Exit, Failure> {
        let plan = self.plan()?;
        let mut signals = Signals::listen()?;
        let report = tokio::select! {
            biased;
            () = signals.next() => {
                return Err(Failure::new(Exit::Failed, "the load test was interrupted"));
            }
            report = conduct(&plan, self.servers.as_deref(), screen::watch) => report?,
        };
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
        plan.arrivals = plan.arrivals.times(self.rate);
        Ok(plan)
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
