//! What a partition knows beside its entities: a fold over its records, and part of its snapshot.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{
    books::Books,
    entry::{Entry, ReadAt},
    record::{Header, Link, Released},
};
use crate::{
    domain::{ids::EntityKey, time::Timestamp},
    ports::{Cursor, Partition, Position, Source},
};

/// The version of the encoded form that this build writes.
const VERSION: u8 = 1;

/// An input that waits for its entity: where to read it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Where the message was read.
    pub read: ReadAt,
    /// Which of the message's inputs it is.
    pub index: u32,
}

/// A partition beside its entities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    /// How many partitions there are.
    pub partitions: Partition,
    /// Raised by each re-seed and restore.
    pub incarnation: u64,
    /// The last record.
    pub last: Link,
    /// The time of its decisions.
    pub decided_at: Timestamp,
    /// How far each source has been read.
    pub cursors: [Cursor; 5],
    /// How far effects have left.
    pub released: Released,
    /// The entities that decide no more, and why.
    pub quarantined: BTreeMap<EntityKey, String>,
    /// The inputs that wait for their entity, oldest first.
    pub waiting: BTreeMap<EntityKey, VecDeque<Waiting>>,
    /// What all its SKUs come to.
    pub books: Books,
    /// Take-overs since the last decision.
    pub attempts: u32,
    /// What was about to be decided, alone, when the last record was written.
    pub in_hand: Option<(Source, u64)>,
}

impl PartitionState {
    /// The position of the last record.
    pub fn position(&self) -> Position {
        Position { incarnation: self.incarnation, sequence: self.last.sequence }
    }

    /// How far a source has been read.
    pub fn cursor(&self, source: Source) -> Cursor {
        self.cursors[source.index()]
    }

    /// How many inputs wait, in all.
    pub fn waiting_len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// Goes on by the header of the record that stands at `link`.
    pub fn follow(&mut self, header: &Header, link: Link) {
        self.partitions = header.partitions;
        self.incarnation = header.incarnation;
        self.last = link;
        self.decided_at = header.decided_at;
        self.cursors = header.cursors;
        self.released = header.released;
    }

    /// Goes on by one entry.
    pub fn note(&mut self, entry: &Entry) {
        self.in_hand = None;
        match entry {
            Entry::Genesis | Entry::Lost { .. } => {}
            Entry::TakenOver => self.attempts += 1,
            Entry::InHand { source, sequence } => self.in_hand = Some((*source, *sequence)),
            Entry::Decided(decided) => {
                self.attempts = 0;
                decided.books.iter().for_each(|change| self.books.enter(change));
            }
            Entry::Rejected { .. } => self.attempts = 0,
            Entry::Quarantined { entity, why, .. } => {
                self.attempts = 0;
                self.quarantined.insert(entity.clone(), why.clone());
            }
            Entry::Waiting { entity, read, index } => {
                self.attempts = 0;
                let waiting = Waiting { read: read.clone(), index: *index };
                self.waiting.entry(entity.clone()).or_default().push_back(waiting);
            }
            Entry::WaitedOut { entity, inputs } => self.waited_out(entity, *inputs),
        }
    }

    fn waited_out(&mut self, entity: &EntityKey, inputs: u32) {
        if let Some(queue) = self.waiting.get_mut(entity) {
            queue.drain(..queue.len().min(inputs as usize));
            if queue.is_empty() {
                self.waiting.remove(entity);
            }
        }
    }

    /// The bytes that a snapshot keeps.
    pub fn encode(&self) -> Vec<u8> {
        // Postcard fails only on a full buffer or an unsized sequence, and this has neither.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// The state from a snapshot's bytes; `None` if this build cannot read them, which is as good
    /// as no snapshot.
    pub fn decode(bytes: &[u8]) -> Option<PartitionState> {
        match bytes.split_first()? {
            (&VERSION, rest) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}
