//! `earmark run`: a pod that decides.

use std::{net::SocketAddr, process::ExitCode};

use clap::Args;

use crate::{app, config::Settings, error::Failure};

/// Run a pod: read events, decide, commit, publish what was decided.
///
/// SIGTERM or SIGINT: it commits, writes its snapshots, and leaves within 10 seconds with exit
/// code 0; a second signal ends it at once, which loses nothing but time.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  EARMARK_NATS_URL=nats://nats:4222 EARMARK_REDIS_URL=redis://redis:6379 earmark run
  curl -s localhost:9090/readyz")]
pub struct Run {
    /// Where /metrics, /healthz, /readyz and /v1/events are served (http.listen).
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
}

impl Run {
    pub(super) fn run(self, mut settings: Settings) -> Result<ExitCode, Failure> {
        settings.http.listen = self.listen.unwrap_or(settings.http.listen);
        app::run(settings)
    }
}
