//! `POST /v1/events` and `GET /v1/answers/<token>`: events are held to the contract, handed to the
//! log, and answered with what was decided.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json,
    body::BodyDataStream,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::future::join_all;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    Site,
    answers::Late,
    batch,
    chain::{self, Outcome, Posted, Until},
    door::{Desk, Door},
    problem::{self, Problem},
    replyto,
    request::{self, EVENT, Form, Wait},
};
use crate::{
    contract::{Decoded, Rejection, Rule, decode},
    domain::{ids::EntityKey, refusal::Reason},
    ports::NewEvent,
    telemetry,
};

/// Where an answer is asked for.
const ANSWERS: &str = "/v1/answers/";
const AGAIN: &str = "posting the same event again, with the same source and id, is safe and gets \
                     the first answer";

/// One event, or a batch of them, goes into the log.
pub async fn post(State(site): State<Site>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let mut body = body.into_data_stream();
    let entered = match enter(&site, &head.headers) {
        Ok(entering) => entering.read(&head.headers, &mut body).await,
        Err(problem) => Err(problem),
    };
    let done = match entered {
        Ok(entered) => entered.run(&site).await,
        Err(problem) if request::discard(&mut body).await => Err(problem),
        Err(problem) => Err(problem.closing()),
    };
    done.unwrap_or_else(|problem| problem.into_response())
}

/// A request whose body is wanted.
struct Entering {
    door: Arc<Door>,
    desk: Desk,
    form: Form,
    wait: Wait,
    began: Instant,
}

/// A request that has been read.
struct Entered {
    of: Entering,
    reading: Reading,
    /// The room that its events take while they are under way.
    _room: OwnedSemaphorePermit,
}

fn enter(site: &Site, headers: &HeaderMap) -> Result<Entering, Box<Problem>> {
    let began = Instant::now();
    let door = site.door()?;
    door.admit(headers)?;
    let (form, wait) = (Form::of(headers)?, Wait::of(headers, &door.settings));
    Ok(Entering { desk: door.desk()?, door, form, wait, began })
}

impl Entering {
    async fn read(
        self,
        headers: &HeaderMap,
        body: &mut BodyDataStream,
    ) -> Result<Entered, Box<Problem>> {
        let (body, room) = request::body(&self.door, headers, body).await?;
        let mut reading = Reading::default();
        match self.form {
            Form::Event => reading.event(&self.door, &self.desk, &body),
            Form::Batch => reading.batch(&self.door, &self.desk, &body)?,
        }
        Ok(Entered { of: self, reading, _room: room })
    }
}

impl Entered {
    async fn run(self, site: &Site) -> Result<Response, Box<Problem>> {
        let Entering { door, form, wait, began, .. } = self.of;
        let decided = began + wait.span;
        let published = decided.max(began + door.settings.publish_within);
        let until = Until { began, decided, published, stop: &site.stop };
        let _in_flight = door.room_for_events(self.reading.posted)?;
        let results = self.reading.run(&door, &until).await;
        results.iter().for_each(|result| telemetry::door::event(result.outcome.name()));
        let mut response = match form {
            Form::Event => single(results)?,
            Form::Batch => many(results)?,
        };
        wait.tell(response.headers_mut());
        Ok(response)
    }
}

/// A request's events.
#[derive(Default)]
struct Reading {
    names: Vec<Name>,
    refused: Vec<(usize, Outcome)>,
    by_key: HashMap<EntityKey, Vec<Posted>>,
    posted: usize,
}

/// What an event is known by, as far as that could be read.
#[derive(Default)]
struct Name {
    id: Option<String>,
    source: Option<String>,
}

/// An event, and what came of it.
struct Of {
    name: Name,
    outcome: Outcome,
}

impl Reading {
    fn batch(&mut self, door: &Door, desk: &Desk, body: &[u8]) -> Result<(), Box<Problem>> {
        let max = door.settings.in_flight_max;
        let events = batch::split(body, max).map_err(|why| no_batch(&why))?;
        if events.len > max {
            return Err(too_many(events.len, max));
        }
        events.first.iter().for_each(|event| self.event(door, desk, event.get().as_bytes()));
        Ok(())
    }

    /// Holds an event to the contract.
    fn event(&mut self, door: &Door, desk: &Desk, bytes: &[u8]) {
        let place = self.names.len();
        match read(door, desk, bytes) {
            Ok((name, event, ticket)) => {
                self.names.push(name);
                self.posted += 1;
                let key = event.key.clone();
                self.by_key.entry(key).or_default().push(Posted { place, event, ticket });
            }
            Err(rejection) => {
                let outcome = Outcome::Refused(rejection.as_ref().into());
                self.names.push(Name { id: rejection.id, source: rejection.source });
                self.refused.push((place, outcome));
            }
        }
    }

    /// Publishes all, those of different keys at the same time; what came of each.
    async fn run(self, door: &Door, until: &Until<'_>) -> Vec<Of> {
        let chains = self.by_key.into_values().map(|events| chain::run(door, events, until));
        let mut outcomes: Vec<(usize, Outcome)> =
            join_all(chains).await.into_iter().flatten().chain(self.refused).collect();
        outcomes.sort_unstable_by_key(|(place, _)| *place);
        let outcomes = outcomes.into_iter().map(|(_, outcome)| outcome);
        self.names.into_iter().zip(outcomes).map(|(name, outcome)| Of { name, outcome }).collect()
    }
}

type Ready = (Name, NewEvent, Option<super::answers::Ticket>);

fn read(door: &Door, desk: &Desk, bytes: &[u8]) -> Result<Ready, Box<Rejection>> {
    let Decoded { key, lane, id, source, reply_to, .. } = decode(bytes, &desk.limits)?;
    let name = Name { id: Some(id), source: Some(source) };
    let (payload, ticket) = match (reply_to, std::str::from_utf8(bytes)) {
        (None, Ok(event)) => {
            let (subject, ticket) = door.ticket(desk);
            (Bytes::from(replyto::with_reply_to(event, &subject)), Some(ticket))
        }
        (_, _) => (Bytes::copy_from_slice(bytes), None),
    };
    Ok((name, NewEvent { lane, key, payload }, ticket))
}

/// The response to one event.
fn single(results: Vec<Of>) -> Result<Response, Box<Problem>> {
    let Some(of) = results.into_iter().next() else {
        return Ok(StatusCode::NO_CONTENT.into_response());
    };
    match of.outcome {
        Outcome::Decided(answer) => match busy(&answer) {
            Some(seconds) => Err(problem::put_off(seconds)),
            None => Ok(answered(answer)),
        },
        Outcome::Refused(problem) | Outcome::NotTaken(problem) => Err(problem),
        Outcome::Accepted | Outcome::Waiting(_) => {
            let result = Told::of(&of);
            let location = result.location.clone();
            let mut response = (StatusCode::ACCEPTED, Json(result)).into_response();
            if let Some(location) = location.and_then(|path| HeaderValue::try_from(path).ok()) {
                response.headers_mut().insert(header::LOCATION, location);
            }
            Ok(response)
        }
    }
}

/// The response to a batch.
fn many(mut results: Vec<Of>) -> Result<Response, Box<Problem>> {
    let all = |of: fn(&Outcome) -> bool| {
        !results.is_empty() && results.iter().all(|result| of(&result.outcome))
    };
    let undecided = all(|outcome| matches!(outcome, Outcome::Accepted | Outcome::Waiting(_)));
    // The first event had none before it, so that its problem is the cause of all others.
    if all(|outcome| matches!(outcome, Outcome::NotTaken(_)))
        && let Outcome::NotTaken(problem) = results.swap_remove(0).outcome
    {
        return Err(problem);
    }
    let status = if undecided { StatusCode::ACCEPTED } else { StatusCode::OK };
    let told: Vec<Told> = results.iter().map(Told::of).collect();
    Ok((status, Json(told)).into_response())
}

/// In how many seconds to ask again, if that is the answer: nothing was decided.
fn busy(answer: &[u8]) -> Option<u32> {
    let Answer { data } = serde_json::from_slice(answer).ok()?;
    data.retry_after_s.filter(|_| data.reason == Some(Reason::Busy.as_str()))
}

/// What is looked at of an answer.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    reason: Option<&'a str>,
    retry_after_s: Option<u32>,
}

fn answered(answer: Bytes) -> Response {
    ([(header::CONTENT_TYPE, EVENT)], answer).into_response()
}

/// What came of an event, as it is told.
#[derive(Default, Serialize)]
struct Told<'a> {
    status: &'static str,
    id: Option<&'a str>,
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<&'a Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl<'a> Told<'a> {
    fn of(of: &'a Of) -> Told<'a> {
        let (id, source) = (of.name.id.as_deref(), of.name.source.as_deref());
        let told = Told { status: of.outcome.name(), id, source, ..Told::default() };
        match &of.outcome {
            Outcome::Decided(answer) => {
                Told { answer: serde_json::from_slice(answer).ok(), ..told }
            }
            Outcome::Accepted => {
                let detail = "the event is in the log; its answer goes to its own replyto";
                Told { detail: Some(detail.to_owned()), ..told }
            }
            Outcome::Waiting(token) => {
                let location = format!("{ANSWERS}{token}");
                let detail = format!(
                    "the event is in the log and not decided yet: GET {location} for the answer; \
                     {AGAIN}"
                );
                Told { detail: Some(detail), location: Some(location), ..told }
            }
            Outcome::Refused(problem) | Outcome::NotTaken(problem) => {
                Told { problem: Some(problem), ..told }
            }
        }
    }
}

/// The answer to an event whose request did not wait for it.
pub async fn answer(
    State(site): State<Site>,
    token: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let look = || {
        let door = site.door()?;
        door.admit(request.headers())?;
        let known = token.ok().and_then(|Path(token)| door.answers.look(&token));
        known.ok_or_else(unknown_answer)
    };
    match look() {
        Ok(Late::Answered(answer)) => answered(answer),
        Ok(Late::Waiting) => {
            let detail = format!("the event is not decided yet: ask again later; {AGAIN}");
            let told = serde_json::json!({ "status": "waiting", "detail": detail });
            (StatusCode::ACCEPTED, [(header::RETRY_AFTER, "1")], Json(told)).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

fn unknown_answer() -> Box<Problem> {
    let title = "no answer is known here by this name";
    let action = "post the event again, with the same source and id: it gets the first answer. \
                  Answers are kept for a while, by the pod that took the event";
    Problem::new(StatusCode::NOT_FOUND, "unknown_answer", title, action)
}

fn no_batch(why: &serde_json::Error) -> Box<Problem> {
    let title = "the body is no batch of events";
    let action = format!("send a list of CloudEvents, or one as {EVENT}");
    Problem::new(StatusCode::BAD_REQUEST, Rule::JsonSyntax.reason().as_str(), title, action)
        .found(why.to_string(), "a JSON array")
}

fn too_many(events: usize, max: usize) -> Box<Problem> {
    let (title, action) = ("the batch is too large", "send several smaller batches");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "batch_too_large", title, action)
        .found(format!("{events} events"), format!("at most {max} (http.in_flight_max)"))
}
