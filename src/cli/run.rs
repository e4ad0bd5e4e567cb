//! `earmark run`: a pod that decides.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::Args;

use crate::{
    app::{self, Home},
    config::Settings,
    error::Failure,
};

/// Run a pod: read events, decide, commit, publish what was decided.
///
/// SIGTERM or SIGINT: it commits, writes its snapshots, and leaves within 10 seconds with exit
/// code 0; a second signal ends it at once, which loses nothing but time.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  EARMARK_NATS_URL=nats://nats:4222 EARMARK_REDIS_URL=redis://redis:6379 earmark run
  earmark run --embedded shop     # no server at all: everything is kept in the directory `shop`
  curl -s localhost:9090/readyz")]
pub struct Run {
    /// Where /metrics, /healthz, /readyz and /v1/events are served (http.listen).
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Keep everything in this directory instead of NATS and Redis: for a single shop, and for one
    /// process at a time. It is made, and set up, if it is not there.
    #[arg(long, value_name = "DIR")]
    embedded: Option<PathBuf>,
}

impl Run {
    pub(super) fn run(self, mut settings: Settings) -> Result<ExitCode, Failure> {
        settings.http.listen = self.listen.unwrap_or(settings.http.listen);
        app::run(settings, self.embedded.map_or(Home::Servers, Home::Directory))
    }
}
