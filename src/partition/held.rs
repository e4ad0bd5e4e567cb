//! How much a partition holds of what it may hold, so that a bound is seen before it is met.
//!
//! Promises: what was read counts until it is committed; a share is 1 where the bound is met.

use super::Bounds;
use crate::ports::{LogMessage, Source};

/// So many messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub messages: u64,
    /// What was published of them, in bytes.
    pub bytes: u64,
}

/// What was read of each source, in the order of [`Source::ALL`].
pub type Amounts = [Amount; 5];

/// What was read and is not committed: the credit of each source that is in use.
#[derive(Clone, Copy, Debug, Default)]
pub struct CreditInUse {
    taken: Amounts,
    committed: Amounts,
}

impl CreditInUse {
    /// These were read.
    pub fn take(&mut self, source: Source, messages: &[LogMessage]) {
        let taken = &mut self.taken[source.index()];
        taken.messages += messages.len() as u64;
        taken.bytes += messages.iter().map(|message| message.payload.len() as u64).sum::<u64>();
    }

    /// All that was read so far.
    pub fn taken(&self) -> Amounts {
        self.taken
    }

    /// What had been read by then is committed.
    pub fn commit(&mut self, taken: Amounts) {
        self.committed = taken;
    }

    /// How much it is.
    pub fn amounts(&self) -> Amounts {
        let less = |all: u64, of: u64| all.saturating_sub(of);
        std::array::from_fn(|source| {
            let (taken, committed) = (self.taken[source], self.committed[source]);
            Amount {
                messages: less(taken.messages, committed.messages),
                bytes: less(taken.bytes, committed.bytes),
            }
        })
    }
}

/// How much a partition holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Records that are sealed and wait for the journal.
    pub sealed_records: usize,
    /// Bytes of the record that is being filled.
    pub batch_bytes: usize,
    /// Entries that are decided and not committed.
    pub uncommitted_entries: usize,
    /// Committed records whose effects have not left.
    pub unreleased_records: usize,
    /// Committed records that no snapshot has.
    pub unsnapshotted_records: usize,
    /// Those in bytes.
    pub unsnapshotted_bytes: usize,
    /// Inputs that wait: for entities that are quarantined, or for those that are cold or paused,
    /// whichever are more.
    pub waiting: usize,
    /// Holds that orders have asked for and no SKU has answered.
    pub awaited_holds: usize,
    /// Live entities.
    pub live_entities: usize,
    /// Live entities that it may have, as things stand.
    pub live_entities_max: usize,
    /// What was read of each source and is not committed.
    pub credit: Amounts,
}

impl Held {
    /// The share of each bound that is in use, by its setting.
    pub fn shares(&self, bounds: &Bounds) -> [(&'static str, f64); 8] {
        let of = |held: usize, most: usize| held as f64 / most.max(1) as f64;
        let unsnapshotted = of(self.unsnapshotted_records, bounds.unsnapshotted_records_max);
        let bytes = of(self.unsnapshotted_bytes, bounds.unsnapshotted_bytes_max);
        [
            ("engine.batch_bytes_max", of(self.batch_bytes, bounds.batch_bytes_max)),
            ("engine.sealed_records_max", of(self.sealed_records, bounds.sealed_records_max)),
            (
                "engine.unreleased_records_max",
                of(self.unreleased_records, bounds.unreleased_records_max),
            ),
            ("engine.unsnapshotted_records_max", unsnapshotted),
            ("engine.unsnapshotted_bytes_max", bytes),
            ("engine.waiting_max", of(self.waiting, bounds.waiting_max)),
            ("engine.awaited_holds_max", of(self.awaited_holds, bounds.awaited_holds_max)),
            ("engine.live_entities_max", of(self.live_entities, self.live_entities_max)),
        ]
    }
}
