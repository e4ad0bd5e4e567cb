//! The publisher port: events onto their subjects of EARMARK_IN, answers from an inbox.

use async_nats::jetstream::{
    Context,
    context::{PublishError as NatsError, PublishErrorKind},
};
use async_trait::async_trait;
use futures::StreamExt;

use super::{
    cut::{self, CUT},
    journal::{STREAM_FULL, code, explain},
    names,
};
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
        let acknowledged: Option<Result<_, NatsError>> =
            cut::answer(&self.context.client(), acknowledged).await;
        let Some(acknowledged) = acknowledged else {
            return Err(PublishError::Unknown(CUT.to_owned()));
        };
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

/// The largest event that EARMARK_IN takes, in bytes.
pub async fn largest(context: &Context) -> Result<usize, PortError> {
    let doing = || format!("read the configuration of {}", names::IN);
    let stream = context.get_stream(names::IN).await;
    let stream = stream.map_err(|error| PortError::new(doing(), error))?;
    let stream = usize::try_from(stream.cached_info().config.max_message_size).ok();
    let server = context.client().server_info().max_payload;
    Ok(stream.filter(|largest| *largest > 0).unwrap_or(server).min(server))
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
