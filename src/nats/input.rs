//! The input port: EARMARK_IN and EARMARK_CMD.
//!
//! Promises: a loss is found when a reader is opened, by the state of the stream at its leader, and
//! the reader then stands where nothing that is there is skipped.

use std::sync::Arc;

use async_nats::jetstream::Context;
use async_trait::async_trait;

use super::{
    api::{self, Wanted},
    holes::refilled,
    names,
    reader::{NatsReader, stand_at},
    settings::ReaderSettings,
    watch::StreamWatch,
};
use crate::{
    domain::time::Timestamp,
    ports::{Cursor, Input, LogMessage, Loss, Opened, Partition, PortError, Source},
};

/// The input port.
pub struct NatsInput {
    lanes: Arc<StreamWatch>,
    commands: Arc<StreamWatch>,
    settings: Arc<ReaderSettings>,
}

impl NatsInput {
    /// Reads over this connection.
    pub fn new(context: Context, settings: ReaderSettings) -> NatsInput {
        NatsInput {
            lanes: Arc::new(StreamWatch::new(context.clone(), names::IN)),
            commands: Arc::new(StreamWatch::new(context, names::CMD)),
            settings: Arc::new(settings),
        }
    }

    fn watch(&self, source: Source) -> &Arc<StreamWatch> {
        match source {
            Source::Commands => &self.commands,
            Source::Lane(_) => &self.lanes,
        }
    }
}

#[async_trait]
impl Input for NatsInput {
    async fn open(
        &self,
        partition: Partition,
        source: Source,
        after: Cursor,
    ) -> Result<Opened, PortError> {
        let watch = self.watch(source);
        let seen = watch.look().await?;
        let (mut cursor, mut loss) = stand_at(after, &seen);
        if loss.is_none()
            && let Some(hole) = refilled(watch, &self.settings, cursor, &seen).await?
        {
            if let Loss::EndBeforeCursor { end, .. } = hole {
                cursor.sequence = end;
            }
            loss = Some(hole);
        }
        let filter = names::filter_of(partition, source);
        let reader = NatsReader::new(watch.clone(), filter, self.settings.clone(), cursor);
        Ok(Opened { reader: Box::new(reader), cursor, loss })
    }

    async fn fetch(&self, source: Source, sequence: u64) -> Result<Option<LogMessage>, PortError> {
        let watch = self.watch(source);
        let stored = api::get(&watch.context, watch.stream, Wanted::at(sequence)).await?;
        Ok(stored.map(|stored| LogMessage {
            sequence: stored.sequence,
            at: stored.at,
            subject: stored.subject,
            payload: stored.payload,
        }))
    }

    async fn purge(&self, source: Source, below: u64) -> Result<(), PortError> {
        // A sequence of 0 would mean all of it.
        if below <= 1 {
            return Ok(());
        }
        let watch = self.watch(source);
        // Beyond its end a stream would be emptied, and go on from there.
        let below = below.min(watch.look().await?.last + 1);
        let stream = watch.context.get_stream_no_info(watch.stream).await;
        let error = |why: String| PortError::new(format!("purge {}", watch.stream), why);
        let stream = stream.map_err(|e| error(e.to_string()))?;
        stream.purge().sequence(below).await.map_err(|e| error(e.to_string()))?;
        Ok(())
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        Ok(self.lanes.look().await?.now)
    }
}
