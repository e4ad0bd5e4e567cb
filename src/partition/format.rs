//! Formats of records: which of them a pod reads, and which it writes for now.
//!
//! A pod must be able to take over from any other while builds are exchanged, in both directions
//! (E12). So a format is written only once every member reads it; and when a member comes that does
//! not, the owner goes back to what it reads, writes a record and a snapshot in that, and says in
//! its lease from when on the older build can go on from there.
//!
//! | format | since | what is new |
//! | --- | --- | --- |
//! | 1 | 0.1.0 | |
//! | 2 | 0.2.0 | `Left`: an owner that hands over says so, and is not taken for dead. |
//! | | | `Reseeded`, `LossAccepted`: an operator begins a partition anew |
//! | | | `Reinstated`: an operator lets a quarantined entity decide again |
//! | | | `LateAllowed`: an operator lets an event be decided however late it is |
//! | | | `Stood`: a dead letter says how its entity stood |

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use super::entry::Entry;

/// The oldest format that this build reads.
pub const OLDEST: u8 = 1;
/// The newest format that this build reads.
pub const NEWEST: u8 = 2;

/// Which formats a pod reads and writes. All copies are one.
#[derive(Clone, Debug)]
pub struct Formats {
    reads: u8,
    writes: Arc<AtomicU8>,
}

impl Default for Formats {
    fn default() -> Formats {
        Formats::up_to(NEWEST)
    }
}

impl Formats {
    /// A pod that reads and writes everything up to this one.
    pub fn up_to(newest: u8) -> Formats {
        Formats { reads: newest, writes: Arc::new(AtomicU8::new(newest)) }
    }

    /// The newest format that it reads.
    pub fn reads(&self) -> u8 {
        self.reads
    }

    /// The format that it writes now.
    pub fn writes(&self) -> u8 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Writes this format from now on, as far as it reads it.
    pub fn write(&self, format: u8) {
        self.writes.store(format.clamp(OLDEST, self.reads), Ordering::Relaxed);
    }
}

/// The format of a record by which an operator begins a partition anew.
pub const BEGINS_ANEW: u8 = 2;

/// The oldest format in which an entry can be written.
pub fn needed_by(entry: &Entry) -> u8 {
    match entry {
        Entry::Reseeded { .. } | Entry::LossAccepted { .. } => BEGINS_ANEW,
        Entry::Left | Entry::Reinstated { .. } | Entry::LateAllowed { .. } | Entry::Stood(_) => 2,
        _ => OLDEST,
    }
}

/// Where the last record of each format stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    last: [u64; NEWEST as usize + 1],
}

impl Spoken {
    /// There is a record at this sequence.
    pub fn note(&mut self, sequence: u64, record: &[u8]) {
        let format = record.first().copied().unwrap_or_default();
        if let Some(last) = self.last.get_mut(usize::from(format)) {
            *last = sequence.max(*last);
        }
    }

    /// The format of the last record.
    pub fn newest_at_end(&self) -> u8 {
        let end = self.last.iter().max().copied().unwrap_or_default();
        let last = self.last.iter().rposition(|last| *last == end);
        last.and_then(|format| u8::try_from(format).ok()).unwrap_or(OLDEST)
    }

    /// The format that must be read by whoever goes on from a snapshot at this sequence: the last
    /// record is read in any case.
    pub fn needed(&self, snapshot: u64) -> u8 {
        let end = self.last.iter().max().copied().unwrap_or_default();
        let needed = |last: &u64| *last > snapshot || *last == end;
        let newest = self.last.iter().rposition(needed).filter(|_| end > 0);
        newest.and_then(|format| u8::try_from(format).ok()).unwrap_or(OLDEST)
    }
}
