//! The logs that a partition reads, and where in each it stands.
//!
//! Promises: a reader hands over what comes after its cursor, in order and without a gap; what the
//! log has lost before it is said and never skipped.

use async_trait::async_trait;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Partition, PortError};
use crate::domain::{event::Lane, time::Timestamp};

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

/// What is needed of EARMARK_IN: all of one log from a sequence on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needed {
    /// When the log was created: another of the same name has other messages.
    pub log: Timestamp,
    /// From this sequence on.
    pub from: u64,
}

impl Extent {
    /// Refuses to forget all but what is needed where this is another log, or ends before: what it
    /// has now, nobody has read.
    pub fn may_forget_all_but(&self, needed: Needed) -> Result<(), PortError> {
        let why = match () {
            () if self.created != needed.log => "it is another log than the one that was read",
            () if self.last + 1 < needed.from => "it ends before: it has lost its tail",
            () => return Ok(()),
        };
        Err(PortError::new("forget what was read", why))
    }
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

    /// Forgets every message of EARMARK_IN that is not needed, if it may be: see
    /// [`Extent::may_forget_all_but`].
    async fn purge_lanes(&self, needed: Needed) -> Result<(), PortError>;

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
