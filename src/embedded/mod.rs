//! The ports in one directory: for a single shop, for trying Earmark out, and for tests.
//!
//! Everything stands in one file of an embedded store ([redb](https://docs.rs/redb)), written by
//! one thread that commits together what has gathered. An append to the journal and an event are on
//! disk before they are acknowledged, outcomes and dead letters before others read them. What can
//! be made again from the journal (commands, availability, snapshots) is there with the next of
//! these. One process has the file at a time.
//!
//! `store` has the file, `tables` what is in it, and a file a port the rest; `pages` shows the logs
//! to whoever reads beside the partitions, `keeping` lets go what is old, [`reach`] says how others
//! find the process that has the directory.

mod depths;
mod input;
mod journal;
mod keeping;
mod outbox;
mod pages;
mod publisher;
pub mod reach;
mod setup;
mod snapshots;
mod store;
mod tables;

use std::{path::Path, sync::Arc, time::Duration};

use self::store::Store;
pub use self::{
    keeping::Keeping,
    outbox::{Answer, Answers},
    pages::{Shelf, Stored},
    publisher::EmbeddedPublisher,
};
use crate::{
    clock::SystemClock,
    partition::Ports,
    ports::{Clock, PortError, Source},
};

/// What a store is opened with.
#[derive(Clone)]
pub struct Options {
    /// Gives messages their times, and partitions theirs.
    pub clock: Arc<dyn Clock>,
    /// How long a reader waits for messages before it says again that there are none.
    pub drained_every: Duration,
    /// Commands of a partition that wait to be read at most; further ones are not taken.
    pub commands_max: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            clock: Arc::new(SystemClock),
            drained_every: Duration::from_millis(100),
            commands_max: 65_536,
        }
    }
}

/// All ports in one directory.
#[derive(Clone)]
pub struct Embedded {
    store: Arc<Store>,
    answers: Answers,
    clock: Arc<dyn Clock>,
    drained_every: Duration,
    commands_max: u64,
}

impl Embedded {
    /// Opens the store of a directory, or makes one. A file that is damaged, or that another
    /// process has, is refused.
    pub fn open(dir: &Path) -> Result<Embedded, PortError> {
        Embedded::open_with(dir, Options::default())
    }

    /// The same, with another clock.
    pub fn open_with(dir: &Path, options: Options) -> Result<Embedded, PortError> {
        Ok(Embedded::on(Store::open(dir, options.clock.clone())?, options))
    }

    /// A store that is in memory alone: for whoever needs it as long as this.
    pub fn in_memory(options: Options) -> Result<Embedded, PortError> {
        Ok(Embedded::on(Store::in_memory(options.clock.clone())?, options))
    }

    fn on(store: Arc<Store>, options: Options) -> Embedded {
        let Options { clock, drained_every, commands_max } = options;
        Embedded { store, answers: Answers::default(), clock, drained_every, commands_max }
    }

    /// Whether a process has the store of a directory open.
    pub fn is_open(dir: &Path) -> bool {
        store::is_open(dir)
    }

    /// The doors for partitions.
    pub fn ports(&self) -> Ports {
        Ports {
            input: Arc::new(self.clone()),
            journal: Arc::new(self.clone()),
            outbox: Arc::new(self.clone()),
            snapshots: Arc::new(self.clone()),
            // Snapshots stand in the same file as the journal: neither is lost alone.
            archive: None,
            clock: self.clock.clone(),
        }
    }

    /// Who waits for an answer, and where.
    pub fn answers(&self) -> &Answers {
        &self.answers
    }
}

/// The log of a source.
fn log_of(source: Source) -> tables::Log {
    match source {
        Source::Commands => tables::COMMANDS,
        Source::Lane(_) => tables::INPUT,
    }
}
