//! What others read of a pod that keeps everything in a directory: `GET /v1/outcomes` and
//! `GET /v1/dead-letters` by page, `GET /v1/availability/<sku>` the last value. Whoever has NATS
//! reads it there.

use async_trait::async_trait;
use axum::{
    Json,
    extract::{
        Path, Query, State,
        rejection::{PathRejection, QueryRejection},
    },
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Site, problem::Problem};
use crate::{
    contract::subject::availability_subject,
    domain::ids::Sku,
    embedded::{Embedded, Shelf, Stored},
    ports::{Outbox, PortError},
};

/// Messages in a page, where the request does not say.
const PAGE: usize = 100;
/// The most that it may ask for.
const PAGE_MAX: usize = 1_000;

/// Logs that can be read by page.
#[async_trait]
pub trait Logs: Send + Sync {
    /// The messages of a log after a sequence, at most so many.
    async fn page(&self, log: Shelf, after: u64, most: usize) -> Result<Vec<Stored>, PortError>;

    /// What may be shown of a SKU.
    async fn availability(&self, sku: &Sku) -> Result<Option<Bytes>, PortError>;
}

#[async_trait]
impl Logs for Embedded {
    async fn page(&self, log: Shelf, after: u64, most: usize) -> Result<Vec<Stored>, PortError> {
        Embedded::page(self, log, after, most).await
    }

    async fn availability(&self, sku: &Sku) -> Result<Option<Bytes>, PortError> {
        let last = self.last_availability(&availability_subject(sku)).await?;
        Ok(last.map(|(_, value)| value))
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Messages after this one.
    #[serde(default)]
    after: u64,
    /// So many at most.
    limit: Option<usize>,
}

type Asked = Result<Query<Wanted>, QueryRejection>;

/// Outcomes, in the order in which they were said.
pub async fn outcomes(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    page(site, Shelf::Outcomes, asked, headers).await
}

/// Dead letters, in the order in which they were given up.
pub async fn dead_letters(State(site): State<Site>, asked: Asked, headers: HeaderMap) -> Response {
    page(site, Shelf::DeadLetters, asked, headers).await
}

/// The last known availability of a SKU, as it was decided.
pub async fn availability(
    State(site): State<Site>,
    sku: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    match last_value(&site, sku, &headers).await {
        Ok(value) => ([(CONTENT_TYPE, "application/json")], value).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn last_value(
    site: &Site,
    sku: Result<Path<String>, PathRejection>,
    headers: &HeaderMap,
) -> Result<Bytes, Box<Problem>> {
    let door = site.door()?;
    door.admit(headers)?;
    let logs = door.logs.as_ref().ok_or_else(|| on_nats("EARMARK_AVAILABILITY"))?;
    let sku = sku.ok().and_then(|Path(key)| Sku::new(&key).ok()).ok_or_else(unknown_sku)?;
    let value = logs.availability(&sku).await;
    value.map_err(|error| unreadable(&error.to_string()))?.ok_or_else(unknown_sku)
}

#[derive(Serialize)]
struct Page {
    messages: Vec<Message>,
    /// What to ask for next: the page after this one.
    next: u64,
}

#[derive(Serialize)]
struct Message {
    sequence: u64,
    subject: String,
    message: Box<RawValue>,
}

async fn page(site: Site, log: Shelf, asked: Asked, headers: HeaderMap) -> Response {
    match read(&site, log, asked, &headers).await {
        Ok(page) => Json(page).into_response(),
        Err(problem) => problem.into_response(),
    }
}

async fn read(
    site: &Site,
    log: Shelf,
    asked: Asked,
    headers: &HeaderMap,
) -> Result<Page, Box<Problem>> {
    let door = site.door()?;
    door.admit(headers)?;
    let Query(wanted) = asked.map_err(|why| bad_query(&why.body_text()))?;
    let logs = door.logs.as_ref().ok_or_else(|| on_nats(stream(log)))?;
    let limit = wanted.limit.unwrap_or(PAGE);
    if !(1..=PAGE_MAX).contains(&limit) {
        return Err(bad_query(&format!("limit={limit}")));
    }
    let stored = logs.page(log, wanted.after, limit).await;
    let stored = stored.map_err(|error| unreadable(&error.to_string()))?;
    let next = stored.last().map_or(wanted.after, |last| last.sequence);
    Ok(Page { messages: stored.into_iter().filter_map(message).collect(), next })
}

fn message(stored: Stored) -> Option<Message> {
    let text = String::from_utf8(stored.payload).ok()?;
    let message = RawValue::from_string(text).ok()?;
    Some(Message { sequence: stored.sequence, subject: stored.subject, message })
}

fn bad_query(found: &str) -> Box<Problem> {
    let action = "ask for ?after=SEQUENCE&limit=NUMBER, both of which may be left out";
    let title = "the query cannot be understood";
    Problem::new(StatusCode::BAD_REQUEST, "invalid_query", title, action)
        .found(found, format!("after: a number; limit: 1 to {PAGE_MAX}"))
}

fn stream(log: Shelf) -> &'static str {
    match log {
        Shelf::Events => "EARMARK_IN",
        Shelf::Outcomes => "EARMARK_OUT",
        Shelf::DeadLetters => "EARMARK_DLQ",
    }
}

fn on_nats(stream: &str) -> Box<Problem> {
    let title = "this pod keeps its logs on NATS";
    let action = format!("read the stream {stream} there");
    Problem::new(StatusCode::NOT_FOUND, "on_nats", title, action)
}

fn unknown_sku() -> Box<Problem> {
    let title = "nothing is known of this SKU";
    let action = "see that it is spelled as in `subject`, percent-encoded for a URL";
    Problem::new(StatusCode::NOT_FOUND, "unknown_sku", title, action)
}

fn unreadable(why: &str) -> Box<Problem> {
    let (title, action) = ("the log cannot be read", "ask the same again later");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "log_unreachable", title, action)
        .found(why, "a page of the log")
        .retry_after(1)
}
