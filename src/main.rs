//! The `earmark` command.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    earmark::cli::main(earmark::cli::Cli::parse())
}
