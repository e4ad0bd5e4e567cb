//! The way through a pod's door: `POST /v1/events`.

use std::{fmt, net::IpAddr, time::Duration};

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::way::{Delivered, Undelivered, Way};
use crate::{
    contract::{Rejection, Rule},
    domain::refusal::Reason,
    error::{Exit, Failure},
    ports::NewEvent,
};

/// How long making a connection may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long a request may take beyond what it asks the door to wait.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How long the door is asked to wait for a decision.
const DECIDE_WITHIN: Duration = Duration::from_secs(30);
const EVENT: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

/// Requests under way at most: each has a connection of its own, and others want to be let in too.
const REQUESTS_MAX: usize = 64;

/// A pod's door.
pub struct Door {
    client: Client,
    requests: Semaphore,
    base: Url,
    token: String,
    wait: Duration,
}

impl Door {
    /// The door of the pod at `base`. With `wait`, an event has gone when it is decided.
    pub fn new(base: Url, token: String, wait: bool) -> Result<Door, Failure> {
        let mut client = Client::builder().connect_timeout(CONNECT_WITHIN);
        if is_here(&base) {
            // Nobody in between should see the token, or could reach this machine.
            client = client.no_proxy();
        }
        let client = client.build();
        let client = client.map_err(|error| Failure::new(Exit::Failed, error))?;
        let wait = if wait { DECIDE_WITHIN } else { Duration::ZERO };
        Ok(Door { client, requests: Semaphore::new(REQUESTS_MAX), base, token, wait })
    }

    /// Whether anybody is there who lets us in.
    pub async fn knock(&self) -> Result<(), Failure> {
        let nothing = self.post(BATCH).body("[]").send().await;
        let answer = nothing.map_err(|error| {
            Failure::new(Exit::Unreachable, format!("{}: {}", self.base, explain(&error)))
                .advise("see that the pod runs, and that this is its address (`earmark run` says)")
        })?;
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let text = format!("{} does not let us in: {}", self.base, said(answer).await);
                Err(Failure::new(Exit::Failed, text)
                    .advise("give the pod's token in EARMARK__HTTP__TOKEN"))
            }
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                let text = format!("{} has no door for events", self.base);
                Err(Failure::new(Exit::Failed, text)
                    .advise("name the address of a pod of Earmark, as http://HOST:PORT"))
            }
            _ => Ok(()),
        }
    }

    fn post(&self, form: &str) -> RequestBuilder {
        self.client
            .post(self.at("/v1/events"))
            .bearer_auth(&self.token)
            .timeout(self.wait + ANSWER_WITHIN)
            .header(header::CONTENT_TYPE, form)
            .header("Prefer", format!("wait={}", self.wait.as_secs()))
    }

    fn at(&self, path: &str) -> Url {
        self.base.join(path).unwrap_or_else(|_| self.base.clone())
    }

    /// Asks for an answer until it is there.
    async fn ask(&self, location: &str) -> Result<(), Undelivered> {
        loop {
            let asked = self.client.get(self.at(location)).bearer_auth(&self.token);
            let answer = asked.timeout(ANSWER_WITHIN).send().await.map_err(unanswered)?;
            match answer.status() {
                StatusCode::OK => return decided(answer).await,
                StatusCode::ACCEPTED => tokio::time::sleep(Duration::from_millis(200)).await,
                // The event is sent again, and gets its first answer.
                _ => return Err(Undelivered::Unanswered(said(answer).await.to_string())),
            }
        }
    }
}

#[async_trait]
impl Way for Door {
    async fn deliver(&self, event: NewEvent) -> Result<Delivered, Undelivered> {
        let _one_of_few = self.requests.acquire().await;
        let answer = self.post(EVENT).body(event.payload).send().await.map_err(unanswered)?;
        let location = answer.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
        match (answer.status(), location.map(str::to_owned)) {
            (StatusCode::ACCEPTED, Some(location)) if !self.wait.is_zero() => {
                self.ask(&location).await?;
                Ok(Delivered::Through)
            }
            (StatusCode::ACCEPTED, None) if !self.wait.is_zero() => Ok(Delivered::Unawaited),
            (status, _) if status.is_success() => Ok(Delivered::Through),
            (status, _) => Err(said(answer).await.of(status, &self.base)),
        }
    }
}

/// Whether the pod is on this machine.
fn is_here(base: &Url) -> bool {
    let host = base.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    host == "localhost" || address.is_some_and(|address| address.is_loopback())
}

/// Whether what was answered is a decision: who is told `busy` asks again.
async fn decided(answer: Response) -> Result<(), Undelivered> {
    let answer: Answer = answer.json().await.map_err(unanswered)?;
    match answer.data.reason.as_deref() == Some(Reason::Busy.as_str()) {
        true => Err(Undelivered::Full("safe mode puts it off".to_owned())),
        false => Ok(()),
    }
}

/// What is looked at of an answer.
#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    reason: Option<String>,
}

fn unanswered(error: reqwest::Error) -> Undelivered {
    Undelivered::Unanswered(explain(&error))
}

/// The error with what lies behind it, which its own text leaves out.
fn explain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(why) = source {
        text.push_str(&format!(": {why}"));
        source = why.source();
    }
    text
}

/// What the door says is wrong, as problem details; nothing if it is not the door who says it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    detail: String,
    rule: Option<Rule>,
    field: Option<String>,
    found: Option<String>,
    expected: Option<String>,
}

async fn said(answer: Response) -> Said {
    let status = answer.status();
    let said: Said = answer.json().await.unwrap_or_default();
    match said.detail.is_empty() {
        true => Said { detail: status.to_string(), ..said },
        false => said,
    }
}

impl Said {
    /// What it means for the event.
    fn of(self, status: StatusCode, base: &Url) -> Undelivered {
        match status {
            StatusCode::TOO_MANY_REQUESTS => Undelivered::Full(self.detail),
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => {
                Undelivered::Never(self.rejection())
            }
            status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
                Undelivered::Unanswered(self.detail)
            }
            _ => {
                let text = format!("{base} takes nothing more: {}", self.detail);
                Undelivered::Closed(Failure::new(Exit::Failed, text).advise(
                    "see that the address and the token are still those of a pod, and publish \
                     everything again: what the log has already is decided once",
                ))
            }
        }
    }

    fn rejection(self) -> Box<Rejection> {
        let Said { detail, rule, field, found, expected } = self;
        let found = found.unwrap_or(detail);
        let expected = expected.unwrap_or_else(|| "an event that the pod takes".to_owned());
        let rejection = Rejection::new(rule.unwrap_or(Rule::EventSize), &found, expected);
        match field {
            Some(field) => rejection.at(field),
            None => rejection,
        }
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}
