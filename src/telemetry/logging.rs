//! The log: text for people, or a JSON object a line for machines, on standard error. Which lines,
//! says `log.level`, or RUST_LOG.
//!
//! What is logged names partitions, sequences and event ids; payloads are never logged.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, checked::Log};

/// Writes the log from now on. The first call in a process counts.
pub fn start(log: &Log) {
    let filter = EnvFilter::try_from_default_env().or_else(|_| EnvFilter::try_new(&log.level));
    let lines = fmt()
        .with_env_filter(filter.unwrap_or_default())
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start finds a log that is written already, which is as good.
    let _ = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
}
