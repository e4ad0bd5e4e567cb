//! Where effects go, once they are committed: each under an id by which a repeat is known.

use async_trait::async_trait;
use bytes::Bytes;

use super::PortError;

/// A stream that takes effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outlet {
    /// EARMARK_OUT.
    Out,
    /// EARMARK_CMD.
    Commands,
    /// EARMARK_AVAILABILITY.
    Availability,
    /// EARMARK_DLQ.
    DeadLetters,
}

/// A message that is to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Into which stream.
    pub outlet: Outlet,
    /// Under which subject.
    pub subject: String,
    /// The effect's id. By it the server recognises a repeat (`Nats-Msg-Id`), but not of commands:
    /// a repeated one deserves an answer.
    pub id: Option<String>,
    /// Other headers.
    pub headers: Vec<(String, String)>,
    /// The message.
    pub payload: Bytes,
    /// The expected last sequence of the subject, where the message is sent on condition.
    pub after: Option<u64>,
}

/// Why a message is not known to have left.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The subject's last message is not the expected one.
    #[error("the subject's last message is not the expected one")]
    Refused,
    /// The message is larger than the stream takes.
    #[error("the message is too large: {0}")]
    TooLarge(String),
    /// As many messages as may wait for one partition wait for it.
    #[error("the partition has too much to read: {0}")]
    SubjectFull(String),
    /// Not now, or no certain answer.
    #[error("not now: {0}")]
    Later(String),
}

/// Where a message stands once it has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// The server knew its id already.
    pub duplicate: bool,
}

/// Where effects go, once they are committed.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Sends messages in order, without waiting in between, and waits for every acknowledgement.
    /// One result a message, in the same order.
    async fn send(&self, messages: Vec<Outgoing>) -> Vec<Result<Sent, SendError>>;

    /// Answers a requester: at most once, and nobody acknowledges it.
    async fn answer(&self, to: &str, payload: Bytes) -> Result<(), PortError>;

    /// Whether EARMARK_OUT still has the message of this id at `sequence`, or has let it go for its
    /// age. If not, it has lost what it had acknowledged.
    async fn out_holds(&self, sequence: u64, id: &str) -> Result<bool, PortError>;

    /// The ids of effects in EARMARK_OUT, EARMARK_CMD or EARMARK_DLQ after a sequence that begin
    /// with `prefix`, and where they stand, in order.
    async fn ids(
        &self,
        outlet: Outlet,
        after: u64,
        prefix: &str,
    ) -> Result<Vec<(u64, String)>, PortError>;

    /// The last message of an availability subject, and its sequence.
    async fn last_availability(&self, subject: &str) -> Result<Option<(u64, Bytes)>, PortError>;

    /// Keeps bytes that no message can carry, under a name.
    async fn put_object(&self, name: &str, bytes: Bytes) -> Result<(), PortError>;
}
