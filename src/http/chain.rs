//! The events of one key in one request, on their way into the log and to their decisions.
//!
//! Promises: they are decided in their order. Of a key one event is published at a time, which
//! keeps the order within a lane; lanes are read independently, so an event of another lane
//! waits for the decisions before it. When one was not taken, those behind it are not either.

use axum::http::StatusCode;
use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    answers::Ticket,
    door::Door,
    problem::{self, Problem},
};
use crate::{
    domain::event::Lane,
    ports::{NewEvent, PublishError},
    telemetry,
};

/// The longest wait before a publish is repeated.
const RETRY_MAX: std::time::Duration = std::time::Duration::from_secs(1);

/// An event that follows the contract, with its place in the request.
pub struct Posted {
    /// Where it stands in the request, from 0.
    pub place: usize,
    /// What is published.
    pub event: NewEvent,
    /// The right to its answer; nothing if the answer goes elsewhere.
    pub ticket: Option<Ticket>,
}

/// What came of an event.
#[derive(Debug)]
pub enum Outcome {
    /// It was decided: the answer.
    Decided(Bytes),
    /// It is in the log, and its answer goes where it says itself.
    Accepted,
    /// It is in the log, and its answer can be asked for by this token.
    Waiting(String),
    /// It cannot be taken as it is.
    Refused(Box<Problem>),
    /// It was not taken, or it is not known whether it was: to be posted again.
    NotTaken(Box<Problem>),
}

impl Outcome {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Decided(_) => "decided",
            Outcome::Accepted => "accepted",
            Outcome::Waiting(_) => "waiting",
            Outcome::Refused(_) => "refused",
            Outcome::NotTaken(_) => "not_taken",
        }
    }
}

/// How long a request goes on.
pub struct Until<'a> {
    /// When it began.
    pub began: Instant,
    /// When it stops to wait for decisions.
    pub decided: Instant,
    /// When it stops to publish again.
    pub published: Instant,
    /// The pod leaves.
    pub stop: &'a CancellationToken,
}

/// The events of a key so far.
struct Chain<'a> {
    door: &'a Door,
    until: &'a Until<'a>,
    lane: Option<Lane>,
    pending: Vec<(usize, Ticket)>,
    outcomes: Vec<(usize, Outcome)>,
    /// Why nothing more of this key is taken.
    stopped: Option<Box<Problem>>,
}

/// Takes the events of one key in their order; what came of each, with its place.
pub async fn run(door: &Door, events: Vec<Posted>, until: &Until<'_>) -> Vec<(usize, Outcome)> {
    let outcomes = Vec::with_capacity(events.len());
    let mut chain = Chain { door, until, lane: None, pending: Vec::new(), outcomes, stopped: None };
    for posted in events {
        let lane = posted.event.lane;
        if chain.lane.is_some_and(|before| before != lane) && !chain.settle().await {
            chain.stopped.get_or_insert_with(earlier_undecided);
        }
        chain.lane = Some(lane);
        chain.take(posted).await;
    }
    chain.settle().await;
    chain.outcomes
}

impl Chain<'_> {
    async fn take(&mut self, posted: Posted) {
        let place = posted.place;
        if let Some(stopped) = &self.stopped {
            return self.outcomes.push((place, Outcome::NotTaken(stopped.clone())));
        }
        let outcome = match publish(self.door, &posted.event, self.until).await {
            Ok(_) => match posted.ticket {
                Some(ticket) => return self.pending.push((place, ticket)),
                None => Outcome::Accepted,
            },
            Err(PublishError::TooLarge(why)) => Outcome::Refused(problem::too_large_for_log(&why)),
            Err(PublishError::Full(why)) => self.stop(problem::log_full(&why)),
            Err(PublishError::Unknown(why)) => self.stop(problem::log_unreachable(&why)),
        };
        self.outcomes.push((place, outcome));
    }

    fn stop(&mut self, why: Box<Problem>) -> Outcome {
        self.stopped = Some(earlier_not_taken());
        Outcome::NotTaken(why)
    }

    /// Waits for the answers to all that was published; whether all came.
    async fn settle(&mut self) -> bool {
        let mut all = true;
        for (place, mut ticket) in std::mem::take(&mut self.pending) {
            let answer = tokio::select! {
                biased;
                answer = ticket.answer() => answer,
                () = tokio::time::sleep_until(self.until.decided) => None,
                () = self.until.stop.cancelled() => None,
            };
            let outcome = match answer.map_or_else(|| ticket.later(), Err) {
                Err(answer) => Outcome::Decided(answer),
                Ok(token) => Outcome::Waiting(token),
            };
            all &= matches!(outcome, Outcome::Decided(_));
            telemetry::door::waited(self.until.began.elapsed());
            self.outcomes.push((place, outcome));
        }
        all
    }
}

/// Publishes an event, and again what was not acknowledged: the same bytes, decided once.
async fn publish(door: &Door, event: &NewEvent, until: &Until<'_>) -> Result<u64, PublishError> {
    let mut pause = door.settings.retry_after;
    loop {
        let attempt = door.publisher.publish(event.clone());
        let error = match tokio::time::timeout_at(until.published, attempt).await {
            Ok(Ok(sequence)) => return Ok(sequence),
            Ok(Err(error)) => error,
            Err(_) => PublishError::Unknown("no answer in time".to_owned()),
        };
        let over = until.stop.is_cancelled() || Instant::now() + pause >= until.published;
        if over || !matches!(error, PublishError::Unknown(_)) {
            return Err(error);
        }
        tracing::debug!(%error, "published again");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(RETRY_MAX);
    }
}

fn earlier_not_taken() -> Box<Problem> {
    not_taken("earlier_not_taken", "an event of the same key that stands before it was not taken")
}

fn earlier_undecided() -> Box<Problem> {
    not_taken(
        "earlier_undecided",
        "events of the same key that stand before it, of another lane, were not decided in time",
    )
}

fn not_taken(code: &'static str, title: &'static str) -> Box<Problem> {
    let action = "post it again after those before it: events of a key are decided in their order";
    Problem::new(StatusCode::FAILED_DEPENDENCY, code, title, action).retry_after(1)
}
