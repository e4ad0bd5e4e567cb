//! Archives: copies of snapshots in an object store, from which Redis comes back without the whole
//! journal, so that the journal can be trimmed.
//!
//! Read in this order: [`format`](mod@format) (what is written), [`names`] (under which names),
//! `copying` (how a snapshot that moves on is copied as it stood at one position), `writing` (how
//! it gets onto the shelf, and is read back before it counts), [`reading`] (which archives there
//! are, and back into Redis), `trimming` (what the journal may forget), [`keeping`] (when all this
//! happens). Who has no shelf, such as the store of one directory, whose snapshots are as safe as
//! its journal, has no archives, and its journal is never trimmed.

mod copying;
pub mod format;
pub mod keeping;
pub mod names;
pub mod reading;
mod trimming;
mod writing;

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use crate::{
    domain::time::Span,
    ports::{Copies, PortError, Shelf},
};

pub use self::{format::BadArchive, keeping::keep, writing::archive};

/// The doors that archives need.
#[derive(Clone)]
pub struct ArchivePorts {
    /// Where snapshots are copied and built.
    pub copies: Arc<dyn Copies>,
    /// Where archives are kept.
    pub shelf: Arc<dyn Shelf>,
    /// Whose turn it is: a process archives one partition at a time, so that Redis and JetStream
    /// have time for what cannot wait.
    pub turn: Arc<Semaphore>,
}

impl ArchivePorts {
    /// The doors of a process.
    pub fn new(copies: Arc<dyn Copies>, shelf: Arc<dyn Shelf>) -> ArchivePorts {
        ArchivePorts { copies, shelf, turn: Arc::new(Semaphore::new(1)) }
    }
}

/// How much is archived, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archiving {
    /// A partition is archived this long after the last time, if anything was decided since.
    pub interval: Duration,
    /// And when the journal has grown by so many records since, those of all partitions.
    pub every_records: u64,
    /// How often it is looked at whether something is to be done.
    pub look_every: Duration,
    /// Entities that are read or written in one step.
    pub entities_at_once: usize,
    /// How large a segment grows before it is compressed, in bytes.
    pub segment_bytes: usize,
    /// How long the journal keeps what an archive has.
    pub journal_keep: Span,
}

impl Default for Archiving {
    fn default() -> Archiving {
        Archiving {
            interval: Duration::from_secs(3_600),
            every_records: 5_000_000,
            look_every: Duration::from_secs(10),
            entities_at_once: 256,
            segment_bytes: 2 << 20,
            journal_keep: Span::from_secs(30 * 24 * 3_600),
        }
    }
}

/// Why an archive was not made, or not read.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// A store did not do something; it may next time.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Its bytes are not right.
    #[error(transparent)]
    Bad(#[from] BadArchive),
    /// The snapshot is not what it was when it was begun, or somebody else does the same.
    #[error("{0}")]
    Overtaken(&'static str),
}
