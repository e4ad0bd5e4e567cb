//! The HTTP port: `/metrics` for Prometheus, `/healthz` (the process is alive), `/readyz` (it is
//! fit for work; the body says what is amiss), and the door for events under `/v1`.
//!
//! The [`door`] is there once the pod has a log. [`events`] takes a request in, as [`request`]
//! reads it and [`batch`] splits it; [`chain`] hands the events of a key on in their order;
//! [`answers`] brings each decision back to whoever waits for it; [`queries`] says what is known of
//! a SKU or an order; [`logs`] shows what was said, where there is no NATS to read it from;
//! [`problem`] says what is wrong.

pub mod answers;
pub mod batch;
mod chain;
mod door;
pub mod events;
mod logs;
mod problem;
mod queries;
pub mod replyto;
pub mod request;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use actix::Addr;
use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use self::problem::Problem;
pub use self::{door::Door, logs::Logs};
use crate::{
    supervisor::{Ask, Report, Supervisor},
    telemetry::{self, exporter},
};

/// How long the supervisor may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// The content type of Prometheus' text format.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Whom to ask how the pod stands; nobody before it has connected.
pub type Whom = watch::Receiver<Option<Addr<Supervisor>>>;

/// Where events go in; nowhere before the pod has connected.
pub type Way = watch::Receiver<Option<Arc<Door>>>;

/// What all requests are answered from.
#[derive(Clone)]
pub struct Site {
    /// Whom to ask how the pod stands.
    pub whom: Whom,
    /// Where events go in.
    pub way: Way,
    /// The port is about to be closed.
    pub stop: CancellationToken,
}

impl Site {
    /// The door, if there is one.
    fn door(&self) -> Result<Arc<Door>, Box<Problem>> {
        self.way.borrow().clone().ok_or_else(problem::not_connected)
    }
}

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
    pub async fn serve(self, whom: Whom, way: Way, stop: CancellationToken) -> io::Result<()> {
        let site = Site { whom, way, stop: stop.clone() };
        axum::serve(self.listener, router(site))
            .with_graceful_shutdown(stop.cancelled_owned())
            .await
    }
}

fn router(site: Site) -> Router {
    let door = Router::new()
        .route("/v1/events", post(events::post))
        .route("/v1/answers/{token}", get(events::answer))
        .route("/v1/outcomes", get(logs::outcomes))
        .route("/v1/dead-letters", get(logs::dead_letters))
        .route("/v1/availability/{sku}", get(logs::availability))
        .route("/v1/skus/{sku}", get(queries::sku))
        .route("/v1/orders/{order}", get(queries::order))
        .method_not_allowed_fallback(async || problem::method_not_allowed())
        .layer(map_response(counted));
    door.fallback(async || problem::not_found())
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .with_state(site)
}

/// Counts a response of the door.
async fn counted(response: Response) -> Response {
    telemetry::door::request(response.status().as_u16());
    response
}

async fn metrics(State(site): State<Site>) -> impl IntoResponse {
    if let Ok(door) = site.door() {
        door.tell_use();
    }
    ([(header::CONTENT_TYPE, PROMETHEUS)], exporter::render())
}

async fn ready(State(site): State<Site>) -> impl IntoResponse {
    let report = report(site.whom).await;
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
