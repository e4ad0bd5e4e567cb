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
}
