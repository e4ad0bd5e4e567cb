//! Holds the demand lane back until the clock starts, so that nobody's time contains connecting,
//! recovering or taking in stock.

use std::sync::Arc;

use async_trait::async_trait;
use earmark::{
    domain::{event::Lane, time::Timestamp},
    ports::{
        Cursor, Input, LogMessage, Needed, Opened, Partition, PortError, Read, Reader, Source,
    },
};
use tokio::sync::watch;

/// The real input, whose demand lane is read when the gate is open.
pub struct Gated {
    pub input: Arc<dyn Input>,
    pub open: watch::Receiver<bool>,
}

struct GatedReader {
    reader: Box<dyn Reader>,
    open: watch::Receiver<bool>,
}

#[async_trait]
impl Input for Gated {
    async fn open(
        &self,
        partition: Partition,
        source: Source,
        after: Cursor,
    ) -> Result<Opened, PortError> {
        let Opened { reader, cursor, loss } = self.input.open(partition, source, after).await?;
        let reader = match source {
            Source::Lane(Lane::Demand) => {
                Box::new(GatedReader { reader, open: self.open.clone() }) as Box<dyn Reader>
            }
            Source::Lane(_) | Source::Commands => reader,
        };
        Ok(Opened { reader, cursor, loss })
    }

    async fn fetch(&self, source: Source, sequence: u64) -> Result<Option<LogMessage>, PortError> {
        self.input.fetch(source, sequence).await
    }

    async fn purge_lanes(&self, needed: Needed) -> Result<(), PortError> {
        self.input.purge_lanes(needed).await
    }

    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        self.input.purge_commands(partition, below).await
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        self.input.server_time().await
    }
}

#[async_trait]
impl Reader for GatedReader {
    async fn read(&mut self, max: usize) -> Result<Read, PortError> {
        // Without a sender nobody opens it any more, and nothing is to be read.
        if self.open.wait_for(|open| *open).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.reader.read(max).await
    }
}
