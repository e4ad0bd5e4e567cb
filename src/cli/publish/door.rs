//! The way through a pod's door: `POST /v1/events`.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use serde_json::Value;

use super::way::{Undelivered, Way};
use crate::{
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

/// A pod's door.
pub struct Door {
    client: Client,
    base: Url,
    token: String,
    wait: Duration,
}

impl Door {
    /// The door of the pod at `base`. With `wait`, an event has gone when it is decided.
    pub fn new(base: Url, token: String, wait: bool) -> Result<Door, Failure> {
        let client = Client::builder().connect_timeout(CONNECT_WITHIN).build();
        let client = client.map_err(|error| Failure::new(Exit::Failed, error))?;
        let wait = if wait { DECIDE_WITHIN } else { Duration::ZERO };
        Ok(Door { client, base, token, wait })
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
                StatusCode::OK => return Ok(()),
                StatusCode::ACCEPTED => tokio::time::sleep(Duration::from_millis(200)).await,
                // The event is sent again, and gets its first answer.
                _ => return Err(Undelivered::Unanswered(said(answer).await)),
            }
        }
    }
}

#[async_trait]
impl Way for Door {
    async fn deliver(&self, event: NewEvent) -> Result<Option<u64>, Undelivered> {
        let answer = self.post(EVENT).body(event.payload).send().await.map_err(unanswered)?;
        let location = answer.headers().get(header::LOCATION).and_then(|at| at.to_str().ok());
        match (answer.status(), location.map(str::to_owned)) {
            (StatusCode::ACCEPTED, Some(location)) if !self.wait.is_zero() => {
                self.ask(&location).await?;
                Ok(None)
            }
            (status, _) if status.is_success() => Ok(None),
            (StatusCode::TOO_MANY_REQUESTS, _) => Err(Undelivered::Full(said(answer).await)),
            (status, _) if status.is_client_error() => Err(Undelivered::Never(said(answer).await)),
            _ => Err(Undelivered::Unanswered(said(answer).await)),
        }
    }
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

/// What the door says is wrong.
async fn said(answer: Response) -> String {
    let status = answer.status();
    let problem: Value = answer.json().await.unwrap_or_default();
    let texts = ["title", "detail"].map(|field| problem[field].as_str().unwrap_or_default());
    match texts.iter().all(|text| text.is_empty()) {
        true => status.to_string(),
        false => texts.join(": ").trim_matches([':', ' ']).to_owned(),
    }
}
