//! The journal port: EARMARK_JOURNAL, one subject a partition.
//!
//! Promises: an append carries nothing but the expected last sequence of its subject, so a retry is
//! the same message. Only a plain "wrong last sequence" is [`AppendError::Refused`] and only
//! "stream full" is [`AppendError::Full`]; everything else, silence included, is
//! [`AppendError::Unknown`]. What is read is complete up to the end that the stream's leader named
//! when it was asked.

use std::ops::ControlFlow;

use async_nats::jetstream::{self, Context, context::PublishErrorKind, message::PublishMessage};
use async_trait::async_trait;
use bytes::Bytes;

use super::{
    api::{self, Wanted},
    cut::{self, CUT},
    feed::FeedOf,
    names,
    settings::ReaderSettings,
    span,
};
use crate::ports::{AppendError, Journal, JournalEntry, Partition, PortError, Room};

/// `maximum bytes exceeded` and its kin, of a stream that discards new messages.
pub(crate) const STREAM_FULL: u64 = 10_077;

/// The journal port.
pub struct NatsJournal {
    context: Context,
    settings: ReaderSettings,
    page_bytes: usize,
}

impl NatsJournal {
    /// Appends and reads over this connection, some `page_bytes` bytes at a time.
    pub fn new(context: Context, settings: ReaderSettings, page_bytes: usize) -> NatsJournal {
        NatsJournal { context, settings, page_bytes }
    }
}

/// The code that JetStream gave for a publish that failed.
pub(crate) fn code(error: &jetstream::context::PublishError) -> Option<u64> {
    let source = std::error::Error::source(error)?;
    Some(source.downcast_ref::<jetstream::Error>()?.error_code().0)
}

/// The error with what JetStream said, which its own text leaves out.
pub(crate) fn explain(error: &jetstream::context::PublishError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[async_trait]
impl Journal for NatsJournal {
    async fn append(
        &self,
        partition: Partition,
        after: u64,
        record: Bytes,
    ) -> Result<u64, AppendError> {
        let message = PublishMessage::build().payload(record).expected_last_subject_sequence(after);
        let outcome = async {
            self.context.send_publish(names::journal_subject(partition), message).await?.await
        };
        let client = self.context.client();
        let Some(outcome) = cut::answer(&client, outcome).await else {
            return Err(AppendError::Unknown(CUT.to_owned()));
        };
        match outcome {
            Ok(ack) if ack.stream == names::JOURNAL => Ok(ack.sequence),
            Ok(ack) => Err(AppendError::Unknown(format!("{} took the record", ack.stream))),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => {
                Err(AppendError::Refused)
            }
            Err(error) if code(&error) == Some(STREAM_FULL) => {
                Err(AppendError::Full(explain(&error)))
            }
            Err(error) if error.kind() == PublishErrorKind::MaxPayloadExceeded => {
                Err(AppendError::TooLarge(explain(&error)))
            }
            Err(error) => Err(AppendError::Unknown(explain(&error))),
        }
    }

    async fn last(&self, partition: Partition) -> Result<Option<JournalEntry>, PortError> {
        let subject = names::journal_subject(partition);
        let stored = api::certain(&self.context, names::JOURNAL, Wanted::last(&subject)).await?;
        Ok(stored.map(|stored| JournalEntry {
            sequence: stored.sequence,
            at: stored.at,
            record: stored.payload,
        }))
    }

    async fn read(&self, partition: Partition, after: u64) -> Result<Vec<JournalEntry>, PortError> {
        let filter = names::journal_subject(partition);
        let last = api::certain(&self.context, names::JOURNAL, Wanted::last(&filter)).await?;
        let end = last.map_or(0, |last| last.sequence);
        let of = FeedOf { stream: names::JOURNAL, filter, after, headers_only: false };
        let mut entries = Vec::new();
        let mut bytes = 0;
        span::read(&self.context, &self.settings, &of, end, |item| {
            bytes += item.message.payload.len();
            entries.push(JournalEntry {
                sequence: item.sequence,
                at: item.at,
                record: item.message.payload,
            });
            match bytes < self.page_bytes {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        })
        .await?;
        Ok(entries)
    }

    async fn purge(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        let subject = names::journal_subject(partition);
        let last = api::get(&self.context, names::JOURNAL, Wanted::last(&subject)).await?;
        let below = below.min(last.map_or(0, |last| last.sequence));
        // A sequence of 0 would mean all of it.
        if below <= 1 {
            return Ok(());
        }
        let error = |why: String| PortError::new("purge the journal", why);
        let stream = self.context.get_stream_no_info(names::JOURNAL).await;
        let stream = stream.map_err(|e| error(e.to_string()))?;
        let purge = stream.purge().filter(subject).sequence(below);
        purge.await.map_err(|e| error(e.to_string()))?;
        Ok(())
    }

    async fn room(&self) -> Result<Room, PortError> {
        let found = self.context.get_stream(names::JOURNAL).await;
        let found = found.map_err(|error| PortError::new("measure the journal", error))?;
        let info = found.cached_info();
        let bytes_max = u64::try_from(info.config.max_bytes).ok().filter(|max| *max > 0);
        Ok(Room { bytes: info.state.bytes, bytes_max })
    }
}
