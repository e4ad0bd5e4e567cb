//! The commands, one file each.
//!
//! Results go to standard output, everything else to standard error; with `--json` both are JSON.
//! The exit codes are those of [`crate::error::Exit`].

mod check;
mod contracts;
mod demo;
mod dlq;
mod drain;
pub mod inspect;
mod load;
mod partition;
mod pausing;
mod print;
mod promotion;
pub mod publish;
mod run;
mod safe_mode;
mod scenario;
mod setup;
mod status;
mod who;

use std::{path::PathBuf, process::ExitCode};

use async_nats::jetstream::Context as Nats;
use clap::{Parser, Subcommand};

use crate::{
    config::{self, Settings},
    error::{Exit, Failure},
    nats::connect::open_role,
    ports::PortError,
    telemetry::logging,
};

const EXIT_CODES: &str = "\
Exit codes:
  0  all of it was done
  1  some of it was refused, or failed
  2  the command or the settings cannot be understood
  3  a server cannot be reached
  4  the time given with --timeout is over

Settings: `config/default.toml` lists every key. EARMARK_NATS_URL and EARMARK_REDIS_URL say where
the servers are; EARMARK__SECTION__KEY sets any other.";

/// Keeps stock and orders true between the warehouse and the shop.
#[derive(Debug, Parser)]
#[command(name = "earmark", version, about, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    /// A file of settings (TOML), over the built-in ones.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write JSON, for machines.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Demo),
    Run(run::Run),
    Setup(setup::Setup),
    Check(check::Check),
    Publish(publish::Publish),
    Inspect(inspect::Inspect),
    Status(status::Status),
    Drain(drain::Drain),
    SafeMode(safe_mode::SafeMode),
    Pause(pausing::Pause),
    Resume(pausing::Resume),
    Promotion(promotion::Promotions),
    Partition(partition::Partitions),
    Dlq(dlq::DeadLetters),
    Load(load::Load),
    Scenario(scenario::Scenarios),
    Contracts(contracts::Contracts),
}

/// What every command is told.
struct Context {
    settings: Settings,
    json: bool,
}

impl Context {
    /// A connection to NATS for this command.
    async fn connect(&self, role: &'static str) -> Result<Nats, PortError> {
        let nats = &self.settings.nats;
        open_role(nats, role, nats.request_timeout_ms).await
    }
}

/// Does what the command line says.
pub fn main(cli: Cli) -> ExitCode {
    let json = cli.json;
    match dispatch(cli) {
        Ok(code) => code,
        Err(failure) => {
            match json {
                true => print::json_error(&failure),
                false => print::aside(format_args!("earmark: {failure}")),
            }
            failure.exit.into()
        }
    }
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    let settings = config::load(cli.config.as_deref())?;
    let command = match cli.command {
        Command::Run(run) => return run.run(settings),
        Command::Demo(demo) => return demo.run(&settings, cli.json),
        Command::Scenario(scenarios) => return scenarios.run(&settings, cli.json),
        Command::Contracts(contracts) => return contracts.run(&settings.limits, cli.json),
        command => command,
    };
    let mut quiet = settings.log.clone();
    "warn".clone_into(&mut quiet.level);
    logging::start(&quiet);
    let context = Context { settings, json: cli.json };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Failed, error))?;
    let exit = runtime.block_on(async {
        match command {
            Command::Run(_) | Command::Demo(_) | Command::Scenario(_) | Command::Contracts(_) => {
                Ok(Exit::Done)
            }
            Command::Load(load) => load.run(&context).await,
            Command::Setup(setup) => setup.run(&context).await,
            Command::Check(check) => check.run(&context).await,
            Command::Publish(publish) => publish.run(&context).await,
            Command::Inspect(inspect) => inspect.run(&context).await,
            Command::Status(status) => status.run(&context).await,
            Command::Drain(drain) => drain.run(&context).await,
            Command::SafeMode(safe_mode) => safe_mode.run(&context).await,
            Command::Pause(pause) => pause.run(&context).await,
            Command::Resume(resume) => resume.run(&context).await,
            Command::Promotion(promotions) => promotions.run(&context).await,
            Command::Partition(partitions) => partitions.run(&context).await,
            Command::Dlq(letters) => letters.run(&context).await,
        }
    });
    // A read of standard input that is still going on must not keep the process.
    runtime.shutdown_background();
    Ok(exit?.into())
}
