//! The input port: EARMARK_IN and EARMARK_CMD.
//!
//! Promises: a loss is found when a reader is opened, by the state of the stream at its leader, and
//! the reader then stands where nothing that is there is skipped. What a replicated stream has lost
//! it has lost a moment later, too.

use std::{sync::Arc, time::Duration};

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
    ports::{Cursor, Input, LogMessage, Loss, Needed, Opened, Partition, PortError, Source},
};

/// A leader that thaws takes answers from before it froze for new ones. After this it has heard of
/// its successor.
const THAWED_WITHIN: Duration = Duration::from_secs(1);

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

    /// Where a reader stands after a cursor, what was lost before it, and on how many servers.
    async fn stand(
        &self,
        source: Source,
        after: Cursor,
    ) -> Result<(Cursor, Option<Loss>, usize), PortError> {
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
        Ok((cursor, loss, seen.replicas))
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
        let (mut cursor, mut loss, replicas) = self.stand(source, after).await?;
        if loss.is_some() && replicas > 1 {
            tokio::time::sleep(THAWED_WITHIN).await;
            (cursor, loss, _) = self.stand(source, after).await?;
        }
        let watch = self.watch(source);
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
        let at = Wanted::at(sequence);
        let stored = match api::get(&watch.context, watch.stream, at.clone()).await? {
            Some(stored) => Some(stored),
            // What waits would be given up.
            None => api::certain(&watch.context, watch.stream, at).await?,
        };
        Ok(stored.map(|stored| {
            let headers = stored.header_lines().join("\n");
            let Stored { sequence, at, subject, payload, .. } = stored;
            (LogMessage { sequence, at, subject, payload }, headers)
        }))
    }

    async fn purge_lanes(&self, needed: Needed) -> Result<(), PortError> {
        self.lanes.look().await?.extent().may_forget_all_but(needed)?;
        self.lanes.purge(">", needed.from).await
    }

    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        self.commands.purge(&names::command_subject(partition), below).await
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        Ok(self.lanes.look().await?.now)
    }
}
