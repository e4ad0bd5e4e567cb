//! The ports in one directory: for a single shop, for trying Earmark out, and for tests.
//!
//! Everything stands in one file of an embedded store ([redb](https://docs.rs/redb)), written by
//! one thread that commits together what has gathered. An append to the journal and an event are on
//! disk before they are acknowledged; what can be made again from the journal (commands, outcomes,
//! availability, snapshots) is on disk with the next of these. One process has the file at a time.
//!
//! Nothing is trimmed yet but what partitions purge.

mod input;
mod journal;
mod outbox;
mod publisher;
mod snapshots;
mod store;
mod tables;

use std::{path::Path, sync::Arc};

use crate::{
    clock::SystemClock,
    partition::Ports,
    ports::{PortError, Source},
};

use self::store::Store;
pub use self::{
    outbox::{Answer, Answers},
    publisher::EmbeddedPublisher,
};

/// All ports in one directory.
#[derive(Clone)]
pub struct Embedded {
    store: Arc<Store>,
    answers: Answers,
}

impl Embedded {
    /// Opens the store of a directory, or makes one. A file that is damaged, or that another
    /// process has, is refused.
    pub fn open(dir: &Path) -> Result<Embedded, PortError> {
        Ok(Embedded { store: Store::open(dir)?, answers: Answers::default() })
    }

    /// The doors for partitions.
    pub fn ports(&self) -> Ports {
        Ports {
            input: Arc::new(self.clone()),
            journal: Arc::new(self.clone()),
            outbox: Arc::new(self.clone()),
            snapshots: Arc::new(self.clone()),
            clock: Arc::new(SystemClock),
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
