//! The outbox port: EARMARK_OUT, EARMARK_CMD, EARMARK_AVAILABILITY, EARMARK_DLQ, and answers.
//!
//! Promises: messages are sent in order over one connection, all before the first acknowledgement
//! is awaited; then all are awaited together, so a silent server costs one timeout and not one a
//! message. Very long lists go in chunks, so that callers cannot wait for each other.

use std::ops::ControlFlow;

use async_nats::{
    HeaderMap,
    jetstream::{
        Context,
        context::{PublishAckFuture, PublishError, PublishErrorKind},
        message::PublishMessage,
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::future::join_all;

use super::{
    api::{self, Stored, Wanted},
    cut::{self, CUT},
    feed::FeedOf,
    journal::{STREAM_FULL, code, explain},
    names,
    settings::ReaderSettings,
    span,
};
use crate::ports::{Outbox, Outgoing, Outlet, PortError, SendError, Sent};

/// What tells a subject that is full from a stream that is: they share a code.
const TOO_MANY_OF_SUBJECT: &str = "per subject";
/// How many messages are on their way at most, for one caller.
const CHUNK: usize = 8_192;
/// `message size exceeds maximum allowed`, of a stream.
const TOO_LARGE_FOR_STREAM: u64 = 10_054;

/// The header that has the effect's id: where it is the first, the server recognises a repeat.
fn id_header(outlet: Outlet) -> &'static str {
    match outlet {
        Outlet::Commands => "Earmark-Effect-Id",
        Outlet::Out | Outlet::Availability | Outlet::DeadLetters => "Nats-Msg-Id",
    }
}

/// The outbox port.
pub struct NatsOutbox {
    context: Context,
    settings: ReaderSettings,
}

impl NatsOutbox {
    /// Sends over this connection. The settings are for [`Outbox::ids`].
    pub fn new(context: Context, settings: ReaderSettings) -> NatsOutbox {
        NatsOutbox { context, settings }
    }

    async fn post(&self, message: Outgoing) -> Result<PublishAckFuture, PublishError> {
        let mut headers = HeaderMap::new();
        for (name, value) in &message.headers {
            headers.insert(name.as_str(), value.as_str());
        }
        if let Some(id) = &message.id {
            headers.insert(id_header(message.outlet), id.as_str());
        }
        let mut publish = PublishMessage::build().headers(headers).payload(message.payload);
        if let Some(after) = message.after {
            publish = publish.expected_last_subject_sequence(after);
        }
        publish = publish.expected_stream(names::stream_of_outlet(message.outlet));
        self.context.send_publish(message.subject, publish).await
    }

    async fn send_chunk(&self, chunk: Vec<Outgoing>) -> Vec<Result<Sent, SendError>> {
        let messages = chunk.len();
        let sending = async {
            let mut posted = Vec::with_capacity(messages);
            for message in chunk {
                posted.push(self.post(message).await);
            }
            let acknowledged = posted.into_iter().map(|posted| async {
                let ack = posted?.await?;
                Ok(Sent { sequence: ack.sequence, duplicate: ack.duplicate })
            });
            join_all(acknowledged).await
        };
        let Some(answers) = cut::answer(&self.context.client(), sending).await else {
            return (0..messages).map(|_| Err(SendError::Later(CUT.to_owned()))).collect();
        };
        answers.into_iter().map(|answer| answer.map_err(|error| unsent(&error))).collect()
    }
}

fn unsent(error: &PublishError) -> SendError {
    match (error.kind(), code(error)) {
        (_, Some(STREAM_FULL)) if explain(error).contains(TOO_MANY_OF_SUBJECT) => {
            SendError::SubjectFull(explain(error))
        }
        (PublishErrorKind::WrongLastSequence, _) => SendError::Refused,
        (PublishErrorKind::MaxPayloadExceeded, _) | (_, Some(TOO_LARGE_FOR_STREAM)) => {
            SendError::TooLarge(explain(error))
        }
        _ => SendError::Later(explain(error)),
    }
}

#[async_trait]
impl Outbox for NatsOutbox {
    async fn send(&self, messages: Vec<Outgoing>) -> Vec<Result<Sent, SendError>> {
        let mut sent = Vec::with_capacity(messages.len());
        let mut messages = messages.into_iter();
        loop {
            let chunk: Vec<Outgoing> = messages.by_ref().take(CHUNK).collect();
            if chunk.is_empty() {
                return sent;
            }
            sent.extend(self.send_chunk(chunk).await);
        }
    }

    async fn answer(&self, to: &str, payload: Bytes) -> Result<(), PortError> {
        let published = self.context.client().publish(to.to_owned(), payload).await;
        published.map_err(|error| PortError::new(format!("answer to {to}"), error))
    }

    async fn out_holds(&self, sequence: u64, id: &str) -> Result<bool, PortError> {
        let line = format!("{}: {id}", id_header(Outlet::Out));
        let is_it = |stored: &Stored| stored.headers.lines().any(|header| header == line);
        let at = Wanted::at(sequence);
        if api::get(&self.context, names::OUT, at.clone()).await?.as_ref().is_some_and(is_it) {
            return Ok(true);
        }
        // What is there is there; only what is not could be another leader's.
        match api::certain(&self.context, names::OUT, at).await? {
            Some(stored) => Ok(is_it(&stored)),
            None => Ok(api::look(&self.context, names::OUT).await?.first > sequence),
        }
    }

    async fn ids(
        &self,
        outlet: Outlet,
        after: u64,
        prefix: &str,
    ) -> Result<Vec<(u64, String)>, PortError> {
        let stream = names::stream_of_outlet(outlet);
        let end = api::look(&self.context, stream).await?.last;
        let filter = names::filter_of_outlet(outlet).to_owned();
        let of = FeedOf { stream, filter, after, headers_only: true };
        let header = id_header(outlet);
        let mut ids = Vec::new();
        span::read(&self.context, &self.settings, &of, end, |item| {
            let id = item.message.headers.as_ref().and_then(|headers| headers.get(header));
            let id = id.filter(|id| id.as_str().starts_with(prefix));
            ids.extend(id.map(|id| (item.sequence, id.to_string())));
            ControlFlow::Continue(())
        })
        .await?;
        Ok(ids)
    }

    async fn last_availability(&self, subject: &str) -> Result<Option<(u64, Bytes)>, PortError> {
        let last = api::get(&self.context, names::AVAILABILITY, Wanted::last(subject)).await?;
        Ok(last.map(|stored| (stored.sequence, stored.payload)))
    }

    async fn put_object(&self, name: &str, bytes: Bytes) -> Result<(), PortError> {
        let error = |why: String| PortError::new(format!("put object {name}"), why);
        let store = self.context.get_object_store(names::OBJECTS).await;
        let store = store.map_err(|e| error(e.to_string()))?;
        let mut bytes = bytes.as_ref();
        store.put(name, &mut bytes).await.map_err(|e| error(e.to_string()))?;
        Ok(())
    }
}
