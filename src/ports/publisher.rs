//! The near end of EARMARK_IN: for whoever brings events and waits for what was decided.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use super::PortError;
use crate::domain::{event::Lane, ids::EntityKey};

/// An event that follows the contract, on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// By which lane its type travels.
    pub lane: Lane,
    /// Whose input it is.
    pub key: EntityKey,
    /// The event.
    pub payload: Bytes,
}

/// Why an event is not known to be in the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The log is full until it is read.
    #[error("the log is full: {0}")]
    Full(String),
    /// The log never takes a message this large.
    #[error("the event is too large: {0}")]
    TooLarge(String),
    /// No answer, or one that says neither. To publish the same event again is harmless.
    #[error("no certain answer: {0}")]
    Unknown(String),
}

/// Where answers come in.
pub struct Inbox {
    /// An answer to any subject that consists of this and one token more comes here.
    pub prefix: String,
    /// Each answer with the whole subject that it was sent to. Ends when the port is gone.
    pub answers: BoxStream<'static, (String, Bytes)>,
}

/// Brings events, and hears answers.
#[async_trait]
pub trait Publisher: Send + Sync {
    /// Hands an event over; its sequence in the log, once the log has it.
    async fn publish(&self, event: NewEvent) -> Result<u64, PublishError>;

    /// Opens an inbox of its own.
    async fn inbox(&self) -> Result<Inbox, PortError>;
}
