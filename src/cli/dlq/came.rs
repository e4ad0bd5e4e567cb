//! One event of a dead letter, published again, and what came of it.

use std::time::Duration;

use futures::StreamExt;
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use crate::{
    domain::refusal::Reason,
    nats::NatsPublisher,
    ports::{NewEvent, PublishError, Publisher},
};

/// How long a publish that failed waits.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// What came of a replayed event.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Came {
    /// `done`, `repeated`, `refused`, `busy`, `dead_again`, `unanswered` or `skipped`.
    pub result: &'static str,
    /// What was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    pub closed: bool,
}

/// Publishes an event, again where nobody knows whether it went; its sequence.
pub(super) async fn publish(
    publisher: &NatsPublisher,
    event: NewEvent,
    deadline: Instant,
) -> Result<u64, String> {
    loop {
        match publisher.publish(event.clone()).await {
            Ok(sequence) => return Ok(sequence),
            Err(PublishError::TooLarge(why)) => return Err(why),
            Err(error) if Instant::now() + RETRY_AFTER >= deadline => {
                return Err(format!("it is not known to be in the log: {error}"));
            }
            Err(_) => sleep(RETRY_AFTER).await,
        }
    }
}

/// The data of the answer to a subject; nothing if none comes in time.
pub(super) async fn answer(
    answers: &mut async_nats::Subscriber,
    subject: &str,
    deadline: Instant,
) -> Option<Value> {
    while let Ok(Some(message)) = timeout_at(deadline, answers.next()).await {
        if message.subject.as_str() == subject {
            let answer: Value = serde_json::from_slice(&message.payload).ok()?;
            return Some(answer["data"].clone());
        }
    }
    None
}

/// What an answer says, or that there was none.
pub(super) fn came(answer: Option<Value>) -> Came {
    let Some(answer) = answer else {
        let why = "no answer came in time (dead_letters.decided_within_ms): it is in the log and \
                   is decided once; replay it again to hear what came of it";
        return Came { why: Some(why.to_owned()), ..Came::of("unanswered") };
    };
    let reason = answer["reason"].as_str();
    let decided = Reason::ALL.iter().find(|known| Some(known.as_str()) == reason);
    let decided = decided.is_some_and(|reason| reason.is_remembered());
    let why = reason.map(str::to_owned);
    let (result, closed) = match (answer["status"].as_str(), answer["repeated"].as_bool()) {
        // A pod's own safe mode was faster.
        (Some("refused"), _) if reason == Some(Reason::Busy.as_str()) => ("busy", false),
        (Some("refused"), _) if !decided => ("dead_again", false),
        (None, _) => ("unanswered", false),
        (_, Some(true)) => ("repeated", true),
        (Some("refused"), _) => ("refused", true),
        (Some(_), _) => ("done", true),
    };
    Came { result, answer: Some(answer), why, closed }
}

impl Came {
    pub fn of(result: &'static str) -> Came {
        Came { result, answer: None, why: None, closed: false }
    }
}
