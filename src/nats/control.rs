//! What operators ask of one pod over NATS: `earmark.control.drain.<pod>`, a request whose answer
//! says what was done.
//!
//! Promises: what cannot be understood is answered with what was expected, and changes nothing;
//! EARMARK_AUDIT has what is done before it is done.

use std::time::Duration;

use async_nats::{Client, RequestErrorKind, jetstream::Context};
use bytes::Bytes;
use futures::StreamExt;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;

use super::{api, audit, names};
use crate::{
    contract::time,
    control::{Drain, Refused},
    ports::{Partition, PortError},
};

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
        /// Where EARMARK_AUDIT has it.
        audit: u64,
    },
    /// It does not.
    Refused(Refused),
}

/// A request that waits for its answer.
pub struct Asked {
    /// What is asked, or why that cannot be understood.
    pub request: Result<Drain, Refused>,
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
        let request = Drain::parse(&message.payload);
        Asked { request, reply: message.reply, client: client.clone() }
    }))
}

/// Writes down that a pod is asked to hand over, or that it did (`phase`).
pub async fn audit_drain(
    context: &Context,
    pod: &str,
    drain: &Drain,
    phase: &str,
) -> Result<u64, PortError> {
    let now = api::look(context, names::CLUSTER_STREAM).await?.now;
    let what = json!({
        "at": time::format(now),
        "by": drain.who.by,
        "reason": drain.who.reason,
        "command": "drain",
        "undo": drain.undo,
        "phase": phase,
        "pod": pod,
    });
    audit::write(context, names::AUDIT_DRAIN, &what).await
}

/// Asks a pod; nothing if there is no such pod.
pub async fn drain(
    client: &Client,
    pod: &str,
    drain: &Drain,
    within: Duration,
) -> Result<Option<DrainAnswer>, PortError> {
    let (by, reason) = (&drain.who.by, &drain.who.reason);
    let request = json!({"undo": drain.undo, "by": by, "reason": reason});
    ask(client, &names::drain_subject(pod), &request, within).await
}

/// Asks at a subject of control; nothing if nobody listens there.
///
/// # Errors
/// No answer came in time, or none that can be understood.
pub(super) async fn ask<A: DeserializeOwned>(
    client: &Client,
    subject: &str,
    request: &serde_json::Value,
    within: Duration,
) -> Result<Option<A>, PortError> {
    let error = |why: String| PortError::new(format!("ask at {subject}"), why);
    let bytes = serde_json::to_vec(request).map_err(|e| error(e.to_string()))?;
    let asked = client.request(subject.to_owned(), bytes.into());
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
