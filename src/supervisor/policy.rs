//! What the supervisor decides, as pure functions.

use std::time::Duration;

use super::depths::StreamUsage;
use crate::{
    domain::time::{Span, Timestamp},
    partition::{Exit, Start},
    ports::{Needed, Partition},
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

/// What is needed of EARMARK_IN by all that are asked; nothing is known before every partition has
/// said so, and of the same log.
pub fn needed_by_all(needs: impl IntoIterator<Item = Option<Needed>>) -> Option<Needed> {
    let mut needs = needs.into_iter();
    let first = needs.next()??;
    let all = needs.try_fold(first, |lowest, needed| {
        let needed = needed.filter(|needed| needed.log == lowest.log)?;
        Some(Needed { from: lowest.from.min(needed.from), ..lowest })
    });
    all.filter(|all| is_behind_the_first(all.from))
}

/// What each partition needs of its commands: those that have said so.
pub fn needed_by_each(
    needs: impl IntoIterator<Item = (Partition, Option<u64>)>,
) -> Vec<(Partition, u64)> {
    let own = |(partition, from): (_, Option<u64>)| {
        Some((partition, from.filter(|from| is_behind_the_first(*from))?))
    };
    needs.into_iter().filter_map(own).collect()
}

fn is_behind_the_first(sequence: u64) -> bool {
    sequence > 1 && sequence < u64::MAX
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
