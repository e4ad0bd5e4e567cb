//! The bucket of members and leases: EARMARK_CLUSTER, with a time to live for each note.
//!
//! Promises: a note is written on condition alone, so of two pods one gets it; only a plain "wrong
//! last sequence" is [`NoteError::Taken`], silence never is. A note that lapsed or was taken away
//! counts as nothing. What async-nats' `update` would drop, the time to live, is sent each time.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::{
        Context,
        context::{PublishError, PublishErrorKind},
        kv::{Operation, Watch},
        message::PublishMessage,
    },
};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;

use super::{
    api::{self, Wanted},
    cut::{self, CUT},
    journal::explain,
    names, setup,
};
use crate::{
    cluster::Lease,
    ports::{LeaseWatch, Leases, Note, NoteError, Partition, PortError, Watched},
};

/// How long it can be told that a note was taken away.
const TRACE_LASTS: Duration = Duration::from_secs(60);
/// The header that says what a message of a bucket does.
const OPERATION: &str = "KV-Operation";
/// The header of the server's own: why it took something away.
const MARKER: &str = "Nats-Marker-Reason";

/// The bucket of members and leases.
pub struct NatsLeases {
    context: Context,
}

impl NatsLeases {
    /// Watches and writes over this connection.
    pub fn new(context: Context) -> NatsLeases {
        NatsLeases { context }
    }

    /// A partition's lease, as the leader of the bucket has it. Without a bucket there is none.
    pub async fn lease(&self, partition: Partition) -> Result<Option<Lease>, PortError> {
        let subject = names::cluster_subject(&Lease::key(partition));
        let found = api::get(&self.context, names::CLUSTER_STREAM, Wanted::last(&subject)).await;
        let last = match found {
            Ok(last) => last,
            Err(error) => match setup::exists(&self.context, names::CLUSTER_STREAM).await? {
                true => return Err(error),
                false => return Ok(None),
            },
        };
        // What says that a lease is gone has no value.
        let value = last.map(|last| last.payload).filter(|value| !value.is_empty());
        let lease = value.map(|value| Lease::decode(&value)).transpose();
        lease.map_err(|why| PortError::new(format!("read the lease of partition {partition}"), why))
    }

    /// What stands under a key, as the leader of the bucket has it, and where. What lapsed or was
    /// taken away counts as nothing, which may stand somewhere, too; what was never there at 0.
    pub async fn standing(&self, key: &str) -> Result<(Option<Bytes>, u64), PortError> {
        let subject = names::cluster_subject(key);
        let last = api::get(&self.context, names::CLUSTER_STREAM, Wanted::last(&subject)).await?;
        Ok(last.map_or((None, 0), |last| {
            (Some(last.payload).filter(|value| !value.is_empty()), last.sequence)
        }))
    }

    async fn publish(
        &self,
        key: &str,
        message: PublishMessage,
        after: u64,
    ) -> Result<u64, NoteError> {
        let message = message.expected_last_subject_sequence(after);
        let sent =
            async { self.context.send_publish(names::cluster_subject(key), message).await?.await };
        match cut::answer(&self.context.client(), sent).await {
            Some(Ok(ack)) => Ok(ack.sequence),
            Some(Err(error)) => Err(refusal(&error)),
            None => Err(NoteError::Later(CUT.to_owned())),
        }
    }

    /// Where the trace of a note stands that lapsed or was taken away.
    async fn trace(&self, key: &str) -> Result<Option<u64>, NoteError> {
        let subject = names::cluster_subject(key);
        let stored = api::get(&self.context, names::CLUSTER_STREAM, Wanted::last(&subject)).await;
        let stored = stored.map_err(|error| NoteError::Later(error.to_string()))?;
        let is_trace = |headers: &str| headers.contains(OPERATION) || headers.contains(MARKER);
        Ok(stored.filter(|stored| is_trace(&stored.headers)).map(|stored| stored.sequence))
    }
}

fn refusal(error: &PublishError) -> NoteError {
    match error.kind() {
        PublishErrorKind::WrongLastSequence => NoteError::Taken,
        _ => NoteError::Later(explain(error)),
    }
}

#[async_trait]
impl Leases for NatsLeases {
    async fn watch(&self) -> Result<Box<dyn LeaseWatch>, PortError> {
        let error = |why: String| PortError::new("watch EARMARK_CLUSTER", why);
        let bucket = self.context.get_key_value(names::CLUSTER).await;
        let bucket = bucket.map_err(|e| error(e.to_string()))?;
        let watch = bucket.watch_with_history(">").await.map_err(|e| error(e.to_string()))?;
        Ok(Box::new(NatsWatch { watch, caught_up: Some(false) }))
    }

    async fn note(
        &self,
        key: &str,
        value: Bytes,
        after: Option<u64>,
        lasts: Duration,
    ) -> Result<u64, NoteError> {
        let message = || PublishMessage::build().payload(value.clone()).ttl(lasts);
        match self.publish(key, message(), after.unwrap_or(0)).await {
            Err(NoteError::Taken) if after.is_none() => match self.trace(key).await? {
                Some(trace) => self.publish(key, message(), trace).await,
                None => Err(NoteError::Taken),
            },
            result => result,
        }
    }

    async fn take_away(&self, key: &str, after: u64) -> Result<(), NoteError> {
        let mut headers = HeaderMap::new();
        headers.insert(OPERATION, "DEL");
        let message = PublishMessage::build().headers(headers).ttl(TRACE_LASTS);
        self.publish(key, message, after).await.map(drop)
    }
}

struct NatsWatch {
    watch: Watch,
    /// Whether what was there has been told; nothing once that has been said.
    caught_up: Option<bool>,
}

#[async_trait]
impl LeaseWatch for NatsWatch {
    async fn next(&mut self) -> Result<Watched, PortError> {
        if self.caught_up == Some(true) {
            self.caught_up = None;
            return Ok(Watched::CaughtUp);
        }
        let error = |why: String| PortError::new("watch EARMARK_CLUSTER", why);
        match self.watch.next().await {
            Some(Ok(entry)) => {
                if self.caught_up.is_some() && entry.seen_current {
                    self.caught_up = Some(true);
                }
                Ok(Watched::Note(Note {
                    value: (entry.operation == Operation::Put).then_some(entry.value),
                    key: entry.key,
                    revision: entry.revision,
                }))
            }
            Some(Err(e)) => Err(error(e.to_string())),
            None => Err(error("it ended".to_owned())),
        }
    }
}
