//! The few doors behind which all IO lies: input, journal, outbox, snapshots, archives, clock; and
//! for those who bring events, the publisher.
//!
//! Adapters stand in `crate::nats` and `crate::redis`, and for one directory in `crate::embedded`;
//! the simulator of the tests has its own. All of them pass the same suite (`tests/conformance`).
//! No port retries on its own: it says what it knows, and the engine, which knows what is at stake,
//! decides.

mod archive;
mod leases;
mod publisher;
mod room;

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use self::{
    archive::{Built, Copied, Copies, Kept, Named, Shelf},
    leases::{LeaseWatch, Leases, Note, NoteError, Watched},
    publisher::{Inbox, NewEvent, PublishError, Publisher},
    room::Room,
};
use crate::domain::{DueClock, event::Lane, ids::EntityKey, time::Timestamp};

/// A partition's number, from 0.
pub type Partition = u16;

/// A log that a partition reads: the four lanes of EARMARK_IN, and its commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// EARMARK_CMD: what actors say to one another. Always read first.
    Commands,
    /// A lane of EARMARK_IN.
    Lane(Lane),
}

impl Source {
    /// All sources, in the order in which they are read.
    pub const ALL: [Source; 5] = [
        Source::Commands,
        Source::Lane(Lane::Settlement),
        Source::Lane(Lane::Demand),
        Source::Lane(Lane::Fulfilment),
        Source::Lane(Lane::Reporting),
    ];

    /// The source's place in [`Source::ALL`].
    pub fn index(self) -> usize {
        match self {
            Source::Commands => 0,
            Source::Lane(lane) => 1 + lane as usize,
        }
    }

    /// The source's name in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Commands => "commands",
            Source::Lane(lane) => lane.as_str(),
        }
    }
}

/// How far a source has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything up to this sequence of the stream has been read.
    pub sequence: u64,
    /// The log time up to which it has been read: the last message's, or the server's own at the
    /// read that found nothing more.
    pub at: Timestamp,
    /// When the stream was created: another time is another stream. 0 before the first read.
    pub created: Timestamp,
}

/// A message of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogMessage {
    /// Its sequence in the stream.
    pub sequence: u64,
    /// When the log took it.
    pub at: Timestamp,
    /// The subject under which it is stored.
    pub subject: String,
    /// What was published.
    pub payload: Bytes,
}

/// What a reader has to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Messages in the log's order, at least one.
    Messages(Vec<LogMessage>),
    /// Nothing more is there: everything up to this cursor has been handed over. Its sequence is
    /// the stream's end and its time the server's own, both read before nothing was pending.
    Drained(Cursor),
}

/// A log that is not what the cursor remembers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Messages after the cursor are gone.
    FirstAfterCursor {
        /// The cursor's sequence.
        cursor: u64,
        /// The first sequence that is still there.
        first: u64,
    },
    /// The log ends before the cursor: it has lost its tail.
    EndBeforeCursor {
        /// The cursor's sequence.
        cursor: u64,
        /// The last sequence that is still there.
        end: u64,
    },
    /// It is another log of the same name.
    OtherStream {
        /// When the remembered stream was created.
        remembered: Timestamp,
        /// When this one was created.
        found: Timestamp,
    },
}

/// From where to where a log goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// When it was created.
    pub created: Timestamp,
    /// Its first sequence.
    pub first: u64,
    /// Its last sequence.
    pub last: u64,
}

impl Cursor {
    /// Where a reader stands that is asked to stand after this cursor, and what is lost before it.
    pub fn stand(self, source: Source, log: &Extent) -> (Cursor, Option<Loss>) {
        let before_first = log.first.saturating_sub(1);
        if self.created.0 != 0 && self.created != log.created {
            let loss = Loss::OtherStream { remembered: self.created, found: log.created };
            let begin =
                Cursor { sequence: before_first, created: log.created, ..Cursor::default() };
            return (begin, Some(loss));
        }
        let at = |sequence| Cursor { sequence, at: self.at, created: log.created };
        let cursor = self.sequence;
        if log.last < cursor {
            return (at(log.last), Some(Loss::EndBeforeCursor { cursor, end: log.last }));
        }
        if before_first > cursor && source != Source::Commands {
            let loss = Loss::FirstAfterCursor { cursor, first: log.first };
            return (at(before_first), Some(loss));
        }
        (at(cursor), None)
    }
}

/// A reader that stands at its cursor.
pub struct Opened {
    /// Hands over what comes after `cursor`.
    pub reader: Box<dyn Reader>,
    /// Where it stands. Not where it was asked to if there was a loss.
    pub cursor: Cursor,
    /// What had been lost, to be said and counted.
    pub loss: Option<Loss>,
}

/// A port could not do what it was asked, and may next time.
#[derive(Debug, thiserror::Error)]
#[error("{doing}: {why}")]
pub struct PortError {
    /// What was being done, in words: `read the journal's last record`.
    pub doing: String,
    /// Why it failed.
    pub why: String,
}

impl PortError {
    /// An error with its two halves.
    pub fn new(doing: impl Into<String>, why: impl std::fmt::Display) -> PortError {
        PortError { doing: doing.into(), why: why.to_string() }
    }
}

/// The logs that are read: EARMARK_IN and EARMARK_CMD.
#[async_trait]
pub trait Input: Send + Sync {
    /// Stands a reader after `after`. A cursor of the default value is the beginning.
    ///
    /// A first sequence after the cursor, an end before it, or another creation time is a loss:
    /// reported, and the reader stands at the nearest place from which nothing that is there is
    /// skipped (after an end before the cursor: at that end). A first sequence after the cursor is
    /// no loss of commands: each partition's own are purged behind its own cursor.
    async fn open(
        &self,
        partition: Partition,
        source: Source,
        after: Cursor,
    ) -> Result<Opened, PortError>;

    /// One message again, for the original bytes of a dead letter.
    async fn fetch(&self, source: Source, sequence: u64) -> Result<Option<LogMessage>, PortError>;

    /// The same with the headers that it was published with, a line each. A log that keeps none
    /// has none.
    async fn fetch_with_headers(
        &self,
        source: Source,
        sequence: u64,
    ) -> Result<Option<(LogMessage, String)>, PortError> {
        Ok(self.fetch(source, sequence).await?.map(|message| (message, String::new())))
    }

    /// Forgets every message of EARMARK_IN below a sequence.
    async fn purge_lanes(&self, below: u64) -> Result<(), PortError>;

    /// Forgets a partition's commands below a sequence. Those of others stay.
    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError>;

    /// The server's own time.
    async fn server_time(&self) -> Result<Timestamp, PortError>;
}

/// Reads one source of one partition.
#[async_trait]
pub trait Reader: Send {
    /// The next messages, at most `max` of them. Waits while there are none, and says
    /// [`Read::Drained`] when that has become certain and again from time to time. Dropping the
    /// future loses nothing. Sequences rise, and nothing at or before the cursor is handed over.
    /// An error means that this reader is of no more use.
    async fn read(&mut self, max: usize) -> Result<Read, PortError>;
}

/// A record of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// Its sequence in the journal's stream: the record's position.
    pub sequence: u64,
    /// When the log took it.
    pub at: Timestamp,
    /// The record.
    pub record: Bytes,
}

/// Why an append is not known to have happened.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The partition's last record is not the expected one. Perhaps it is this very record.
    #[error("the partition's last record is not the expected one")]
    Refused,
    /// The journal is full.
    #[error("the journal is full: {0}")]
    Full(String),
    /// The record is larger than a message may be.
    #[error("the record is too large: {0}")]
    TooLarge(String),
    /// No answer, or one that says neither: the record may be there or not.
    #[error("no certain answer: {0}")]
    Unknown(String),
}

/// The journal: one conditional append at a time per partition.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends a record if the partition's last one is at `after` (0: there is none), and says
    /// where it stands.
    async fn append(
        &self,
        partition: Partition,
        after: u64,
        record: Bytes,
    ) -> Result<u64, AppendError>;

    /// The partition's last record, from the stream's leader.
    async fn last(&self, partition: Partition) -> Result<Option<JournalEntry>, PortError>;

    /// The partition's records after `after`, in order, some megabytes at a time; none at the end.
    async fn read(&self, partition: Partition, after: u64) -> Result<Vec<JournalEntry>, PortError>;

    /// Forgets the partition's records below a sequence, but never its last one.
    async fn purge(&self, partition: Partition, below: u64) -> Result<(), PortError>;

    /// How much the log holds that the journals of all partitions are in.
    async fn room(&self) -> Result<Room, PortError>;
}

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

/// A place in a partition's journal.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Position {
    /// Raised by each re-seed and restore.
    pub incarnation: u64,
    /// The record's sequence in the journal's stream.
    pub sequence: u64,
}

/// What changed of an entity since the last delta.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntityChange {
    /// The entity.
    pub key: EntityKey,
    /// The sequence of the last record that is folded into it.
    pub folded_to: u64,
    /// Its changed parts; `None` for one that is gone.
    pub parts: Vec<(String, Option<Bytes>)>,
    /// Its next deadline on each clock; `None` for a clock without one.
    pub dues: [(DueClock, Option<Timestamp>); 2],
}

/// What changed of a partition between two positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The position that the snapshot must stand at.
    pub from: Position,
    /// The position that it stands at afterwards.
    pub to: Position,
    /// The partition's own state at `to`.
    pub state: Bytes,
    /// What changed of its entities.
    pub changes: Vec<EntityChange>,
}

/// An entity as a snapshot has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntity {
    /// The sequence of the last record that is folded into it.
    pub folded_to: u64,
    /// All its parts, in any order.
    pub parts: Vec<(String, Bytes)>,
}

/// What became of a request that holds only at a certain position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At<T> {
    /// The snapshot stands where it was expected.
    Here(T),
    /// It stands elsewhere, or there is none.
    Elsewhere(Option<Position>),
}

/// Snapshots: the fold of the journal so far. Never the truth.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// The position of a partition's snapshot, and the partition's own state there.
    async fn state(&self, partition: Partition) -> Result<Option<(Position, Bytes)>, PortError>;

    /// Entities, each `None` if it has nothing stored, all read with the position in one atomic
    /// step and in one round trip.
    async fn load(
        &self,
        partition: Partition,
        at: Position,
        keys: &[EntityKey],
    ) -> Result<At<Vec<Option<StoredEntity>>>, PortError>;

    /// Moves the snapshot on, atomically, if it stands at `delta.from`. If it stands at `delta.to`
    /// already, this delta was accepted before, and that is success.
    async fn advance(&self, partition: Partition, delta: &Delta) -> Result<At<()>, PortError>;

    /// Starts anew: forgets all entities and stands at `to`.
    async fn reset(
        &self,
        partition: Partition,
        to: Position,
        state: Bytes,
    ) -> Result<(), PortError>;

    /// Entities whose deadline on a clock is before `before`, the earliest first.
    async fn due(
        &self,
        partition: Partition,
        at: Position,
        clock: DueClock,
        before: Timestamp,
        limit: usize,
    ) -> Result<At<Vec<EntityKey>>, PortError>;

    /// Remembers that a position was committed. Never moves back within an incarnation.
    async fn note_committed(
        &self,
        partition: Partition,
        position: Position,
    ) -> Result<(), PortError>;

    /// The highest position that is known to have been committed.
    async fn committed(&self, partition: Partition) -> Result<Option<Position>, PortError>;
}

/// The time, and chance: what makes two runs differ.
pub trait Clock: Send + Sync {
    /// The pod's own time.
    fn now(&self) -> Timestamp;

    /// 128 bits that nobody else has.
    fn unique(&self) -> u128;
}
