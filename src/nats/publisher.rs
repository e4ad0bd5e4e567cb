//! The publisher port: events onto their subjects of EARMARK_IN, answers from an inbox.

use async_nats::jetstream::{
    Context,
    context::{PublishError as NatsError, PublishErrorKind},
};
use async_trait::async_trait;
use futures::StreamExt;

use super::journal::{STREAM_FULL, code, explain};
use crate::{
    contract::subject::input_subject,
    ports::{Inbox, NewEvent, PortError, PublishError, Publisher},
};

/// `message size exceeds maximum allowed`, of a stream.
const TOO_LARGE_FOR_STREAM: u64 = 10_054;

/// The publisher port.
pub struct NatsPublisher {
    context: Context,
}

impl NatsPublisher {
    /// Publishes over this connection.
    pub fn new(context: Context) -> NatsPublisher {
        NatsPublisher { context }
    }
}

#[async_trait]
impl Publisher for NatsPublisher {
    async fn publish(&self, event: NewEvent) -> Result<u64, PublishError> {
        let subject = input_subject(event.lane, &event.key);
        let acknowledged = async { self.context.publish(subject, event.payload).await?.await };
        let acknowledged: Result<_, NatsError> = acknowledged.await;
        acknowledged.map(|ack| ack.sequence).map_err(|error| unpublished(&error))
    }

    async fn inbox(&self) -> Result<Inbox, PortError> {
        let client = self.context.client();
        let prefix = format!("{}.", client.new_inbox());
        let answers = client.subscribe(format!("{prefix}*")).await;
        let answers = answers.map_err(|error| PortError::new("open an inbox", error))?;
        let answers = answers.map(|message| (message.subject.to_string(), message.payload));
        Ok(Inbox { prefix, answers: answers.boxed() })
    }
}

fn unpublished(error: &NatsError) -> PublishError {
    match (error.kind(), code(error)) {
        (_, Some(STREAM_FULL)) => PublishError::Full(explain(error)),
        (PublishErrorKind::MaxPayloadExceeded, _) | (_, Some(TOO_LARGE_FOR_STREAM)) => {
            PublishError::TooLarge(explain(error))
        }
        _ => PublishError::Unknown(explain(error)),
    }
}
