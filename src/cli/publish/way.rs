//! The ways that events go: into a log, or through the door of whoever has one.

use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    contract::{Rejection, Rule},
    error::Failure,
    ports::{NewEvent, PublishError, Publisher},
};

/// An event that has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// Into a log, at this sequence.
    At(u64),
    /// Through a door; it is decided, if that was waited for.
    Through,
    /// Through a door that does not hear of its decision: the answer goes elsewhere.
    Unawaited,
}

/// Why an event did not go.
#[derive(Debug)]
pub enum Undelivered {
    /// It will never be taken.
    Never(Box<Rejection>),
    /// This way is none, for any event.
    Closed(Failure),
    /// There is no room for it now, or it is put off.
    Full(String),
    /// Nobody knows; to send it again is harmless.
    Unanswered(String),
}

/// A way that events go.
#[async_trait]
pub trait Way: Send + Sync {
    /// Sends an event on its way.
    async fn deliver(&self, event: NewEvent) -> Result<Delivered, Undelivered>;
}

/// Straight into a log.
pub struct Log(pub Arc<dyn Publisher>);

#[async_trait]
impl Way for Log {
    async fn deliver(&self, event: NewEvent) -> Result<Delivered, Undelivered> {
        let bytes = event.payload.len();
        let published = self.0.publish(event).await;
        published.map(Delivered::At).map_err(|error| match error {
            PublishError::TooLarge(why) => Undelivered::Never(Rejection::new(
                Rule::EventSize,
                &format!("{bytes} bytes ({why})"),
                "an event that the log takes",
            )),
            PublishError::Full(why) => Undelivered::Full(why),
            PublishError::Unknown(why) => Undelivered::Unanswered(why),
        })
    }
}
