//! What operators did, in EARMARK_AUDIT.
//!
//! Promise: [`write`] returns only when the stream has it; what is done goes on only then. A change
//! that others may make at the same time stands there before it is made ([`Audit::around`]), and
//! again with what came of it.

use async_nats::jetstream::{Context, message::PublishMessage};
use serde::Serialize;
use serde_json::Value;

use super::names;
use crate::{
    control::{Refused, answer::Code},
    ports::{NoteError, PortError},
};

/// How often a change is tried when others were faster.
pub const TRIES: usize = 10;
/// What to do when NATS did not do its part.
const LOOK: &str = "ask for \"status\", which says what is ordered, and ask again if need be";

/// Where changes of one sort are written down.
pub struct Audit<'a> {
    /// Over this connection.
    pub context: &'a Context,
    /// Under this subject.
    pub subject: &'static str,
}

impl Audit<'_> {
    /// Writes down what is about to be done, does it, and writes down what came of it. The place of
    /// the first; nothing if somebody else was faster, and nothing was changed.
    pub async fn around(
        &self,
        what: Value,
        change: impl Future<Output = Result<(), NoteError>>,
    ) -> Result<Option<u64>, Refused> {
        let begins = self.write(&what, "begins").await;
        let place = begins.map_err(|error| Refused::unavailable(&error))?;
        let phase = match change.await {
            Ok(()) => "done",
            Err(NoteError::Taken) => "overtaken",
            Err(NoteError::Later(_)) => "uncertain",
        };
        if let Err(error) = self.write(&what, phase).await {
            tracing::warn!(phase, %error, "the audit does not say what came of a change");
        }
        match phase {
            "done" => Ok(Some(place)),
            "overtaken" => Ok(None),
            _ => {
                let text = "it is not certain whether it was changed: NATS did not answer";
                Err(Refused::other(Code::Unavailable, text.to_owned(), LOOK))
            }
        }
    }

    async fn write(&self, what: &Value, phase: &str) -> Result<u64, PortError> {
        let mut what = what.clone();
        what["phase"] = phase.into();
        write(self.context, self.subject, &what).await
    }
}

/// Others were faster, again and again.
pub fn contended() -> Refused {
    let text = format!("nothing was changed: others changed it, {TRIES} times in a row");
    Refused::other(Code::Contended, text, LOOK)
}

/// Writes down what an operator does; the message's place in EARMARK_AUDIT.
pub async fn write(
    context: &Context,
    subject: &'static str,
    what: &impl Serialize,
) -> Result<u64, PortError> {
    let error = |why: String| PortError::new("write down what is done, in EARMARK_AUDIT", why);
    let bytes = serde_json::to_vec(what).map_err(|e| error(e.to_string()))?;
    let message = PublishMessage::build().payload(bytes.into()).expected_stream(names::AUDIT);
    let sent = context.send_publish(subject, message).await.map_err(|e| error(e.to_string()))?;
    Ok(sent.await.map_err(|e| error(e.to_string()))?.sequence)
}
