//! The door for events: who may come in, how many at a time, and where answers arrive.
//!
//! Promises: nothing is taken without the token; what is under way is bounded by events and by
//! bytes; an event that names no `replyto` is answered at an inbox of the door's own.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::http::{HeaderMap, StatusCode, header};
use futures::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::task::AbortOnDropHandle;

use super::{
    answers::{Answers, Ticket},
    logs::Logs,
    problem::{self, Problem},
    replyto,
};
use crate::{
    clock::SystemClock,
    config::checked,
    contract::Limits,
    ports::{Clock, Inbox, Publisher},
    query::Clerk,
    telemetry,
};

/// How long to wait before an inbox is opened again.
const REOPEN_AFTER: Duration = Duration::from_secs(1);
/// How many characters a token of an answer has.
const TOKEN_BYTES: usize = 32;

/// The door, once there is a log behind it.
pub struct Door {
    /// What it is set to.
    pub settings: checked::Http,
    /// The way into the log.
    pub publisher: Arc<dyn Publisher>,
    /// Answers that are awaited, and kept.
    pub answers: Arc<Answers>,
    /// The logs that can be read here.
    pub logs: Option<Arc<dyn Logs>>,
    clerk: OnceLock<Arc<Clerk>>,
    inbox: watch::Receiver<Option<Desk>>,
    events: Arc<Semaphore>,
    bodies: Arc<Semaphore>,
    _listening: AbortOnDropHandle<()>,
}

/// What requests need while an inbox is open.
#[derive(Clone)]
pub struct Desk {
    prefix: Arc<str>,
    /// What events may look like, so that there is room for a `replyto`.
    pub limits: Arc<Limits>,
}

impl Door {
    /// A door to this log. `limits` says what the log takes; `logs` can be read here, if any can.
    pub fn new(
        publisher: Arc<dyn Publisher>,
        limits: Limits,
        settings: checked::Http,
        logs: Option<Arc<dyn Logs>>,
    ) -> Arc<Door> {
        let answers = Answers::new(settings.answers_max, settings.answers_keep);
        let (tell, inbox) = watch::channel(None);
        let listening = listen(publisher.clone(), answers.clone(), limits, tell);
        telemetry::door::bound(settings.in_flight_max);
        Arc::new(Door {
            events: Arc::new(Semaphore::new(settings.in_flight_max)),
            bodies: Arc::new(Semaphore::new(settings.bodies_bytes_max)),
            settings,
            publisher,
            answers,
            logs,
            clerk: OnceLock::new(),
            inbox,
            _listening: AbortOnDropHandle::new(tokio::spawn(listening)),
        })
    }

    /// Questions are answered here from now on, by this clerk.
    pub fn take_questions(&self, clerk: Arc<Clerk>) {
        // The first one stays: a door is opened once.
        let _ = self.clerk.set(clerk);
    }

    /// Who answers questions.
    pub fn clerk(&self) -> Result<&Arc<Clerk>, Box<Problem>> {
        self.clerk.get().ok_or_else(problem::not_connected)
    }

    /// Lets a request in that brings the token.
    pub fn admit(&self, headers: &HeaderMap) -> Result<(), Box<Problem>> {
        let Some(token) = &self.settings.token else { return Err(closed()) };
        match bearer(headers) {
            Some(given) if token.is(given) => Ok(()),
            Some(_) => Err(unauthorized("another token than the pod's")),
            None => Err(unauthorized("no bearer token")),
        }
    }

    /// What is needed to take events, if answers can be heard.
    pub fn desk(&self) -> Result<Desk, Box<Problem>> {
        self.inbox.borrow().clone().ok_or_else(problem::not_connected)
    }

    /// A new `replyto`, and the right to what is sent there.
    pub fn ticket(&self, desk: &Desk) -> (String, Ticket) {
        let token = format!("{:032x}", SystemClock.unique());
        (format!("{}{token}", desk.prefix), self.answers.expect(token))
    }

    /// Room for so many events.
    pub fn room_for_events(&self, events: usize) -> Result<InFlight, Box<Problem>> {
        let max = self.settings.in_flight_max;
        let asked = u32::try_from(events).unwrap_or(u32::MAX);
        match self.events.clone().try_acquire_many_owned(asked) {
            Ok(permit) => Ok(InFlight::new(permit)),
            Err(_) => {
                let free = self.events.available_permits();
                let found = format!("{events} more events");
                let expected = format!("at most {free}, since {max} may be under way at a time");
                Err(problem::busy(found, expected))
            }
        }
    }

    /// Says how much of each bound is in use.
    pub fn tell_use(&self) {
        let share = |used: usize, most: usize| used as f64 / most.max(1) as f64;
        let taken = |of: &Semaphore, most: usize| share(most - of.available_permits(), most);
        let max = &self.settings;
        let (_, kept) = self.answers.sizes();
        let used = [
            ("http.in_flight_max", taken(&self.events, max.in_flight_max)),
            ("http.bodies_bytes_max", taken(&self.bodies, max.bodies_bytes_max)),
            ("http.answers_max", share(kept, max.answers_max)),
        ];
        let asked = self.clerk.get().map(|clerk| ("query.waiting_max", clerk.in_use()));
        used.into_iter().chain(asked).for_each(|(of, share)| telemetry::door::in_use(of, share));
    }

    /// Room for a body of so many bytes.
    pub fn room_for_body(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Box<Problem>> {
        let asked = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.bodies.clone().try_acquire_many_owned(asked).map_err(|_| {
            let free = self.bodies.available_permits();
            let max = self.settings.bodies_bytes_max;
            let found = format!("a body of {bytes} bytes");
            let expected = format!("at most {free}, since all bodies may hold {max} bytes");
            problem::busy(found, expected)
        })
    }
}

/// Events that are under way.
pub struct InFlight(OwnedSemaphorePermit);

impl InFlight {
    fn new(permit: OwnedSemaphorePermit) -> InFlight {
        telemetry::door::in_flight(permit.num_permits() as f64);
        InFlight(permit)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        telemetry::door::in_flight(-(self.0.num_permits() as f64));
    }
}

/// Hears answers, for as long as there is a port.
async fn listen(
    publisher: Arc<dyn Publisher>,
    answers: Arc<Answers>,
    limits: Limits,
    tell: watch::Sender<Option<Desk>>,
) {
    loop {
        match publisher.inbox().await {
            Ok(inbox) => {
                tell.send_replace(Some(Desk::new(&inbox, &limits)));
                hear(inbox, &answers).await;
                tell.send_replace(None);
                tracing::warn!("the inbox for answers has ended, and is opened again");
            }
            Err(error) => tracing::warn!(%error, "the inbox for answers cannot be opened"),
        }
        tokio::time::sleep(REOPEN_AFTER).await;
    }
}

async fn hear(mut inbox: Inbox, answers: &Answers) {
    while let Some((subject, answer)) = inbox.answers.next().await {
        if let Some(token) = subject.strip_prefix(&inbox.prefix) {
            answers.deliver(token, answer);
        }
    }
}

impl Desk {
    fn new(inbox: &Inbox, limits: &Limits) -> Desk {
        let added = replyto::added_bytes(inbox.prefix.len() + TOKEN_BYTES);
        let event_bytes_max = limits.event_bytes_max.saturating_sub(added);
        let limits = Limits { event_bytes_max, ..limits.clone() };
        Desk { prefix: inbox.prefix.as_str().into(), limits: Arc::new(limits) }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let given = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, token) = given.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}

fn unauthorized(found: &str) -> Box<Problem> {
    let action = "send the pod's token (http.token) as `Authorization: Bearer TOKEN`";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "the request may not come in", action)
        .found(found, "the token that the pod was given")
}

fn closed() -> Box<Problem> {
    let action = "set http.token (EARMARK__HTTP__TOKEN) to 16 or more random letters and digits, \
                  start the pod again, and send it as `Authorization: Bearer TOKEN`";
    Problem::new(
        StatusCode::FORBIDDEN,
        "door_closed",
        "the pod has no token, and takes none",
        action,
    )
}
