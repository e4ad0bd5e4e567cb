//! The HTTP port: `/metrics` for Prometheus, `/healthz` (the process is alive) and `/readyz` (all
//! of its work can be done; if not, the body says why).

use std::{io, net::SocketAddr, time::Duration};

use actix::Addr;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::{
    supervisor::{Ask, Report, Supervisor},
    telemetry::exporter,
};

/// How long the supervisor may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The content type of Prometheus' text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whom to ask how the pod stands; nobody before it has connected.
pub type Whom = watch::Receiver<Option<Addr<Supervisor>>>;

/// A port that is bound and not served yet.
pub struct Http {
    listener: TcpListener,
}

impl Http {
    /// Takes the port.
    pub async fn bind(at: SocketAddr) -> io::Result<Http> {
        Ok(Http { listener: TcpListener::bind(at).await? })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is asked to stop.
    pub async fn serve(self, whom: Whom, stop: CancellationToken) -> io::Result<()> {
        axum::serve(self.listener, router(whom))
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }
}

fn router(whom: Whom) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .with_state(whom)
}

async fn metrics() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, PROMETHEUS)], exporter::render())
}

async fn ready(State(whom): State<Whom>) -> impl IntoResponse {
    let report = report(whom).await;
    let status = if report.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report))
}

async fn report(whom: Whom) -> Report {
    let supervisor = whom.borrow().clone();
    let Some(supervisor) = supervisor else {
        return Report::not_yet("the pod starts, or leaves");
    };
    match tokio::time::timeout(ANSWER_WITHIN, supervisor.send(Ask)).await {
        Ok(Ok(report)) => report,
        Ok(Err(_)) => Report::not_yet("the supervisor is gone"),
        Err(_) => Report::not_yet("the supervisor does not answer"),
    }
}
