//! Commits a record: appends it at the expected place, and finds out what became of it.
//!
//! An append that is refused or not answered is not known to have failed. The partition's last
//! record, from the stream's leader, tells: our own batch is success, the expected predecessor
//! means that the same bytes are appended again, anything later is another owner's.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use super::record::decode_header;
use crate::{
    mutants::{self, Mutant},
    ports::{AppendError, Journal, JournalEntry, Partition},
};

/// A record on its way into the journal.
pub struct Append {
    /// Where it goes.
    pub journal: Arc<dyn Journal>,
    /// Whose it is.
    pub partition: Partition,
    /// The sequence of the record before; 0 if there is none.
    pub after: u64,
    /// The batch that the record holds.
    pub batch: u128,
    /// The record.
    pub record: Bytes,
    /// How long to wait before the first further try; doubles up to sixteen times that.
    pub retry_after: Duration,
}

/// Why a record was not committed, and never will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotCommitted {
    /// Another owner's record stands in its place.
    Superseded,
    /// No message may be as large as the record.
    TooLarge(String),
    /// The journal ends before the record that this one follows: it lost what it had acknowledged.
    JournalLostItsTail,
}

impl Append {
    /// Appends until it is certain what became of the record; its sequence if it is committed.
    pub async fn run(mut self) -> Result<u64, NotCommitted> {
        if mutants::is_in(Mutant::CommitSkipped) && self.batch.is_multiple_of(64) {
            return Ok(self.after + 1);
        }
        let mut pause = self.retry_after;
        loop {
            match self.journal.append(self.partition, self.after, self.record.clone()).await {
                Ok(sequence) => return Ok(sequence),
                Err(AppendError::Full(why)) => {
                    crate::telemetry::journal_full(self.partition, &why);
                }
                Err(AppendError::TooLarge(why)) => return Err(NotCommitted::TooLarge(why)),
                Err(error @ (AppendError::Refused | AppendError::Unknown(_))) => {
                    crate::telemetry::append_in_doubt(self.partition, &error);
                    match self.verdict(self.last_record().await) {
                        Found::Ours(sequence) => return Ok(sequence),
                        Found::Predecessor => {}
                        Found::Later(last) if mutants::is_in(Mutant::FencedOwnerGoesOn) => {
                            self.after = last;
                        }
                        Found::Later(_) => return Err(NotCommitted::Superseded),
                        Found::Other(why) => return Err(why),
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(self.retry_after * 16);
        }
    }

    async fn last_record(&self) -> Option<JournalEntry> {
        loop {
            match self.journal.last(self.partition).await {
                Ok(last) => return last,
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "append stays in doubt");
                    tokio::time::sleep(self.retry_after).await;
                }
            }
        }
    }

    fn verdict(&self, last: Option<JournalEntry>) -> Found {
        let Some(last) = last else {
            return match self.after {
                0 => Found::Predecessor,
                _ => Found::Other(NotCommitted::JournalLostItsTail),
            };
        };
        let batch = decode_header(&last.record).map(|(header, _)| header.batch);
        if batch == Ok(self.batch) {
            Found::Ours(last.sequence)
        } else if last.sequence == self.after {
            Found::Predecessor
        } else if last.sequence < self.after {
            Found::Other(NotCommitted::JournalLostItsTail)
        } else {
            Found::Later(last.sequence)
        }
    }
}

/// What stands at the end of the partition's journal.
enum Found {
    Ours(u64),
    Predecessor,
    Later(u64),
    Other(NotCommitted),
}
