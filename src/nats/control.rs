//! What operators ask of one pod over NATS: `earmark.control.drain.<pod>`, a request whose answer
//! says what was done.
//!
//! Promises: what cannot be understood is answered with what was expected, and changes nothing.

use std::time::Duration;

use async_nats::{Client, RequestErrorKind};
use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::names;
use crate::ports::{Partition, PortError};

/// What is asked: to hand over everything, or to take part again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// Take part again.
    #[serde(default)]
    pub undo: bool,
}

/// What a pod answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum DrainAnswer {
    /// It does so.
    Done {
        /// The pod.
        pod: String,
        /// The partitions that it had when it was asked.
        partitions: Vec<Partition>,
    },
    /// It does not.
    Refused {
        /// A reason code.
        error: String,
        /// In words, with what was expected.
        message: String,
    },
}

impl DrainAnswer {
    /// It does not, for this reason.
    pub fn refused(error: &str, message: &str) -> DrainAnswer {
        DrainAnswer::Refused { error: error.to_owned(), message: message.to_owned() }
    }
}

/// A request that waits for its answer.
pub struct Asked {
    /// What is asked, or why that cannot be understood.
    pub request: Result<DrainRequest, String>,
    reply: Option<async_nats::Subject>,
    client: Client,
}

impl Asked {
    /// Answers it. Whoever asked may be gone.
    pub async fn answer(self, answer: &DrainAnswer) {
        let Some(reply) = self.reply else { return };
        // A struct of texts and numbers is always JSON.
        let bytes: Bytes = serde_json::to_vec(answer).unwrap_or_default().into();
        if let Err(error) = self.client.publish(reply, bytes).await {
            tracing::debug!(%error, "an answer to an operator did not leave");
        }
    }
}

/// Hears what is asked of a pod, for ever.
pub async fn hear(
    client: Client,
    pod: &str,
) -> Result<impl futures::Stream<Item = Asked> + use<>, PortError> {
    let subject = names::drain_subject(pod);
    let subscribed = client.subscribe(subject.clone()).await;
    let error = |e| PortError::new(format!("subscribe {subject}"), e);
    Ok(subscribed.map_err(error)?.map(move |message| {
        let request = match message.payload.is_empty() {
            true => Ok(DrainRequest { undo: false }),
            false => parse(&message.payload).map_err(|error| error.to_string()),
        };
        Asked { request, reply: message.reply, client: client.clone() }
    }))
}

/// An object with the request's fields: a list of their values would do for serde.
fn parse(payload: &[u8]) -> serde_json::Result<DrainRequest> {
    let fields: Map<String, Value> = serde_json::from_slice(payload)?;
    serde_json::from_value(Value::Object(fields))
}

/// Asks a pod; nothing if there is no such pod.
pub async fn drain(
    client: &Client,
    pod: &str,
    request: &DrainRequest,
    within: Duration,
) -> Result<Option<DrainAnswer>, PortError> {
    let error = |why: String| PortError::new(format!("ask {pod} to hand over"), why);
    let bytes = serde_json::to_vec(request).map_err(|e| error(e.to_string()))?;
    let asked = client.request(names::drain_subject(pod), bytes.into());
    match tokio::time::timeout(within, asked).await {
        Ok(Ok(answer)) => {
            let answer = serde_json::from_slice(&answer.payload);
            answer.map(Some).map_err(|e| error(e.to_string()))
        }
        Ok(Err(e)) if e.kind() == RequestErrorKind::NoResponders => Ok(None),
        Ok(Err(e)) => Err(error(e.to_string())),
        Err(_) => Err(error(format!("no answer in {within:?}"))),
    }
}
