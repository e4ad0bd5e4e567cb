//! What operators did, in EARMARK_AUDIT.
//!
//! Promise: [`write`] returns only when the stream has it; what is done goes on only then.

use async_nats::jetstream::{Context, message::PublishMessage};
use serde::Serialize;

use super::names;
use crate::ports::PortError;

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
