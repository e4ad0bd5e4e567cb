//! What a stream looked like a moment ago, shared between the readers of that stream.
//!
//! Promises: an answer is never older than asked for; of many readers that ask at once one asks the
//! server and the others wait for its answer.

use std::time::{Duration, Instant};

use async_nats::jetstream::Context;
use tokio::sync::Mutex;

use super::api::{self, StreamSeen};
use crate::ports::PortError;

/// A stream's last known state.
pub(crate) struct StreamWatch {
    pub context: Context,
    pub stream: &'static str,
    seen: Mutex<Option<StreamSeen>>,
}

impl StreamWatch {
    pub fn new(context: Context, stream: &'static str) -> StreamWatch {
        StreamWatch { context, stream, seen: Mutex::new(None) }
    }

    /// The state, asked for now.
    pub async fn look(&self) -> Result<StreamSeen, PortError> {
        self.look_within(Duration::ZERO).await
    }

    /// The state, asked for no longer ago than `age`.
    pub async fn look_within(&self, age: Duration) -> Result<StreamSeen, PortError> {
        let wanted = Instant::now();
        let mut seen = self.seen.lock().await;
        if let Some(seen) = seen.as_ref()
            && seen.asked + age >= wanted
        {
            return Ok(seen.clone());
        }
        let fresh = api::look(&self.context, self.stream).await?;
        *seen = Some(fresh.clone());
        Ok(fresh)
    }

    /// Forgets every message below a sequence whose subject matches.
    pub async fn purge(&self, filter: &str, below: u64) -> Result<(), PortError> {
        // A sequence of 0 would mean all of it.
        if below <= 1 {
            return Ok(());
        }
        // Beyond its end a stream would be emptied, and go on from there.
        let below = below.min(self.look().await?.last + 1);
        let error = |why: String| PortError::new(format!("purge {}", self.stream), why);
        let stream = self.context.get_stream_no_info(self.stream).await;
        let stream = stream.map_err(|e| error(e.to_string()))?;
        let purge = stream.purge().filter(filter).sequence(below);
        purge.await.map_err(|e| error(e.to_string()))?;
        Ok(())
    }
}
