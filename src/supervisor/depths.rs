//! How much is still to be done: a door of its own, since partitions never ask.

use async_trait::async_trait;

use crate::{
    domain::time::Timestamp,
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
