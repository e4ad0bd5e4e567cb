//! The ways that events go: into a log, or through the door of whoever has one.

use std::sync::Arc;

use async_trait::async_trait;

use crate::ports::{NewEvent, PublishError, Publisher};

/// Why an event did not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Undelivered {
    /// It will never be taken.
    Never(String),
    /// There is no room for it now.
    Full(String),
    /// Nobody knows; to send it again is harmless.
    Unanswered(String),
}

/// A way that events go.
#[async_trait]
pub trait Way: Send + Sync {
    /// Sends an event on its way; its sequence in the log where that is told.
    async fn deliver(&self, event: NewEvent) -> Result<Option<u64>, Undelivered>;
}

/// Straight into a log.
pub struct Log(pub Arc<dyn Publisher>);

#[async_trait]
impl Way for Log {
    async fn deliver(&self, event: NewEvent) -> Result<Option<u64>, Undelivered> {
        let published = self.0.publish(event).await;
        published.map(Some).map_err(|error| match error {
            PublishError::TooLarge(why) => Undelivered::Never(why),
            PublishError::Full(why) => Undelivered::Full(why),
            PublishError::Unknown(why) => Undelivered::Unanswered(why),
        })
    }
}
