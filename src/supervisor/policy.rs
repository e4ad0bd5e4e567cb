//! What the supervisor decides, as pure functions.

use std::time::Duration;

use super::depths::StreamUsage;
use crate::{
    domain::{
        event::Lane,
        time::{Span, Timestamp},
    },
    partition::{Exit, Start},
    ports::{Cursor, Partition, Source},
};

/// How long a partition that stopped waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackOff {
    /// The first time; doubles from there.
    pub first: Duration,
    /// At most.
    pub max: Duration,
}

/// Losses that are answered by starting again at once, before that waits too.
const AT_ONCE: u32 = 3;

impl BackOff {
    /// How long to wait after so many failures in a row, this one not counted.
    pub fn after(&self, failures: u32) -> Duration {
        self.first.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(self.max)
    }
}

/// What follows when a partition stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is started again.
    Start {
        /// After this long.
        after: Duration,
        /// In which way.
        start: Start,
    },
    /// It stays stopped: it was asked to.
    Stay,
    /// It stays stopped until an operator has looked at it.
    Refused(String),
}

/// What follows when a partition stopped after `failures` failures in a row. No exit is a panic.
pub fn next(exit: Option<&Exit>, failures: u32, back_off: &BackOff) -> Next {
    let soon = if failures < AT_ONCE { Duration::ZERO } else { back_off.after(failures - AT_ONCE) };
    match exit {
        Some(Exit::Left | Exit::LeftInHaste) => Next::Stay,
        Some(Exit::SnapshotLost) => Next::Start { after: soon, start: Start::WithoutSnapshot },
        Some(Exit::OutLostItsTail | Exit::SnapshotMoved) => {
            Next::Start { after: soon, start: Start::Again }
        }
        Some(Exit::SteppedDown) | None => {
            Next::Start { after: back_off.after(failures), start: Start::Anew }
        }
        Some(Exit::Frozen) => Next::Refused("JetStream lost acknowledged writes".to_owned()),
        Some(Exit::Refused(why)) => Next::Refused(why.clone()),
    }
}

/// The arbiter of each partition: as even as can be.
pub fn arbiter_of(partition: Partition, arbiters: usize) -> usize {
    usize::from(partition) % arbiters.max(1)
}

/// Below which sequence nobody needs a stream any more; nothing is known before every partition
/// has said what it needs.
pub fn purge_below(keeps: impl IntoIterator<Item = Option<u64>>) -> Option<u64> {
    let lowest = keeps.into_iter().try_fold(u64::MAX, |lowest, keep| Some(lowest.min(keep?)))?;
    (lowest > 1 && lowest < u64::MAX).then_some(lowest)
}

/// The same of what belongs to one partition each: those that have said what they need.
pub fn purge_each(
    keeps: impl IntoIterator<Item = (Partition, Option<u64>)>,
) -> Vec<(Partition, u64)> {
    let own = |(partition, keep)| Some((partition, purge_below([keep])?));
    keeps.into_iter().filter_map(own).collect()
}

/// Which EARMARK_IN it is that these partitions have read: when it was created; nothing, as long as
/// some of them have not noticed that it is another.
pub fn log_of(cursors: impl IntoIterator<Item = [Cursor; 5]>) -> Option<Timestamp> {
    let lane =
        |cursors: [Cursor; 5]| Lane::ALL.map(|lane| cursors[Source::Lane(lane).index()].created);
    let lanes = cursors.into_iter().flat_map(lane);
    let mut created = lanes.filter(|created| *created != Timestamp::default());
    let first = created.next()?;
    created.all(|at| at == first).then_some(first)
}

/// Whether a stream holds so much that its age counts no more.
pub fn lacks_room(streams: &[StreamUsage], stream: &str) -> bool {
    streams.iter().any(|usage| usage.stream == stream && usage.room().lacks() > 0)
}

/// How far the pod's clock is certainly ahead of the server's (behind it: below zero), where the
/// server was asked between two readings of the pod's.
pub fn clock_off(before: Timestamp, server: Timestamp, after: Timestamp) -> Span {
    if server < before {
        before - server
    } else if server > after {
        after - server
    } else {
        Span::ZERO
    }
}

/// Whether a pod with such a clock may serve.
pub fn clock_is_right(off: Span, max: Duration) -> bool {
    u128::from(off.0.unsigned_abs()) <= max.as_micros()
}
