//! The logs as whoever reads them beside the partitions finds them: page by page.

use super::{
    Embedded,
    tables::{INPUT, Kept, LETTERS, Log, OUT, existing},
};
use crate::{domain::time::Timestamp, ports::PortError};

/// A page ends behind so many bytes.
const BYTES_MAX: usize = 4 << 20;

/// A log that others read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// What was published.
    Events,
    /// What was said of it.
    Outcomes,
    /// What could not be taken.
    DeadLetters,
}

/// A message of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its place in the log.
    pub sequence: u64,
    /// When the log took it.
    pub at: Timestamp,
    /// Its subject.
    pub subject: String,
    /// The effect's id, if it is one.
    pub id: Option<String>,
    /// The message.
    pub payload: Vec<u8>,
}

impl Embedded {
    /// The messages of a log after a sequence, at most so many and some megabytes.
    pub async fn page(
        &self,
        shelf: Shelf,
        after: u64,
        most: usize,
    ) -> Result<Vec<Stored>, PortError> {
        let log = log_of(shelf);
        let page = self.store.read(move |txn| {
            let Some(messages) = existing(txn.open_table(log.messages))? else {
                return Ok(Vec::new());
            };
            let (mut page, mut size) = (Vec::new(), 0);
            for found in messages.range(after.saturating_add(1)..)?.take(most) {
                let (sequence, bytes) = found?;
                let kept = Kept::decode(sequence.value(), bytes.value())?;
                size += kept.payload.len();
                page.push(stored(sequence.value(), kept));
                if size > BYTES_MAX {
                    break;
                }
            }
            Ok(page)
        });
        page.await.map_err(|fault| fault.doing("read a page of a log"))
    }

    /// The last sequence that a log has given.
    pub async fn end(&self, shelf: Shelf) -> Result<u64, PortError> {
        let ends = self.store.read(move |txn| log_of(shelf).ends(txn)).await;
        ends.map(|(_, last)| last).map_err(|fault| fault.doing("read a log's end"))
    }
}

fn log_of(shelf: Shelf) -> Log {
    match shelf {
        Shelf::Events => INPUT,
        Shelf::Outcomes => OUT,
        Shelf::DeadLetters => LETTERS,
    }
}

fn stored(sequence: u64, kept: Kept) -> Stored {
    let Kept { at, subject, id, payload, .. } = kept;
    Stored { sequence, at, subject, id, payload }
}
