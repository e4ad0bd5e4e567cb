//! The input port: EARMARK_IN and EARMARK_CMD.
//!
//! Promises: a loss is found when a reader is opened, by the state of the stream at its leader, and
//! the reader then stands where nothing that is there is skipped.

use std::sync::Arc;

use async_nats::jetstream::Context;
use async_trait::async_trait;

use super::{
    api::{self, Stored, Wanted},
    holes::refilled,
    names,
    reader::NatsReader,
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
        let (mut cursor, mut loss) = after.stand(source, &seen.extent());
        if loss.is_none()
            && let Some(hole) = refilled(watch, &self.settings, cursor, &seen).await?
        {
            if let Loss::EndBeforeCursor { end, .. } = hole {
                cursor.sequence = end;
            }
            loss = Some(hole);
        }
        let filter = names::filter_of(partition, source);
        let reader = NatsReader::new(watch.clone(), source, filter, self.settings.clone(), cursor);
        Ok(Opened { reader: Box::new(reader), cursor, loss })
    }

    async fn fetch(&self, source: Source, sequence: u64) -> Result<Option<LogMessage>, PortError> {
        Ok(self.fetch_with_headers(source, sequence).await?.map(|(message, _)| message))
    }

    async fn fetch_with_headers(
        &self,
        source: Source,
        sequence: u64,
    ) -> Result<Option<(LogMessage, String)>, PortError> {
        let watch = self.watch(source);
        let stored = api::get(&watch.context, watch.stream, Wanted::at(sequence)).await?;
        Ok(stored.map(|stored| {
            let headers = stored.header_lines().join("\n");
            let Stored { sequence, at, subject, payload, .. } = stored;
            (LogMessage { sequence, at, subject, payload }, headers)
        }))
    }

    async fn purge_lanes(&self, below: u64) -> Result<(), PortError> {
        self.lanes.purge(">", below).await
    }

    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        self.commands.purge(&names::command_subject(partition), below).await
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        Ok(self.lanes.look().await?.now)
    }
}
