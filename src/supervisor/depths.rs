//! How much is still to be done: a door of its own, since partitions never ask.

use async_trait::async_trait;

use crate::{
    domain::{event::Lane, time::Timestamp},
    ports::{Partition, PortError, Room, Source},
};

/// What a source of a partition has after a cursor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Messages.
    pub messages: u64,
    /// When the log took the first of them.
    pub oldest: Option<Timestamp>,
}

/// What a partition has not read, by what it can do to what may be promised.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Commands, settlement and demand: they can lower it.
    pub lowers: Unread,
    /// Fulfilment: it can only raise it.
    pub raises: Unread,
}

impl Ahead {
    /// Adds what a source has.
    pub fn add(&mut self, source: Source, unread: Unread) {
        let of = match source {
            Source::Commands | Source::Lane(Lane::Settlement | Lane::Demand) => &mut self.lowers,
            Source::Lane(Lane::Fulfilment) => &mut self.raises,
            Source::Lane(Lane::Reporting) => return,
        };
        of.messages += unread.messages;
        of.oldest = [of.oldest, unread.oldest].into_iter().flatten().min();
    }
}

/// How large a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StreamUsage {
    /// Its name.
    pub stream: &'static str,
    /// Messages in it.
    pub messages: u64,
    /// Their size.
    pub bytes: u64,
    /// The most that it may hold, if there is a bound.
    pub bytes_max: Option<u64>,
}

impl StreamUsage {
    /// How full it is, from 0 to 1, if there is a bound.
    pub fn fullness(&self) -> Option<f64> {
        self.room().fullness()
    }

    /// How much of it is left.
    pub fn room(&self) -> Room {
        Room { bytes: self.bytes, bytes_max: self.bytes_max }
    }
}

/// Tells how much there is.
#[async_trait]
pub trait Depths: Send + Sync {
    /// What a source of a partition has after a sequence.
    async fn unread(
        &self,
        partition: Partition,
        source: Source,
        after: u64,
    ) -> Result<Unread, PortError>;

    /// How large every stream is.
    async fn usage(&self) -> Result<Vec<StreamUsage>, PortError>;
}
