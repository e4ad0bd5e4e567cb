//! What the supervisor sees of partitions, streams and servers.

use super::catalogue as c;
use crate::{
    domain::{Level, event::Lane},
    partition::{Bounds, Exit, Pace, Status},
    ports::{Partition, Source},
    supervisor::safe_mode::Load,
};

/// Whether a partition is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// This pod serves it.
    Serving,
    /// This pod does not, as far as is known not for long.
    NotServing,
    /// It is this pod's, and an operator has to look at it.
    NeedsOperator,
}

/// How a partition stands. Of one that this pod does not serve, nothing is left here.
pub fn partition(partition: Partition, status: &Status, stands: Stands, bounds: &Bounds) {
    let p = partition.to_string();
    let labels: &[&str] = &[&p];
    let serving = stands == Stands::Serving;
    let nothing = Status::default();
    let status = if serving { status } else { &nothing };
    if !serving {
        Source::ALL.into_iter().for_each(|source| lag(partition, source, 0, 0.0));
        commands(partition, 0, 1);
    }
    let flag = |is: bool| f64::from(u8::from(is));
    c::NEEDS_OPERATOR.set(labels, flag(stands == Stands::NeedsOperator));
    c::UNANSWERED.set(labels, flag(status.unanswered));
    held(&p, status, bounds);
    let behind = |mark: u64| status.position.sequence.saturating_sub(mark) as f64;
    c::SERVING.set(labels, flag(serving));
    c::POSITION.set(labels, status.position.sequence as f64);
    c::UNRELEASED.set(labels, behind(status.released));
    c::UNSNAPSHOTTED.set(labels, behind(status.snapshot));
    c::LIVE_ENTITIES.set(labels, status.live as f64);
    c::PROMOTION_SKUS.set(labels, status.armed.wanted as f64);
    c::PROMOTION_SKUS_LIVE.set(labels, status.armed.live as f64);
    c::QUARANTINED.set(labels, status.quarantined as f64);
    c::WAITING.set(labels, status.waiting as f64);
    c::HOT_SKUS.set(labels, status.hot as f64);
    c::HOLDS_OPEN.set(labels, status.books.open_holds as f64);
    c::HOLDS_AWAITED.set(labels, status.books.awaited as f64);
    for (state, units) in status.books.units() {
        c::UNITS.set(&[&p, state], units as f64);
    }
}

fn held(partition: &str, status: &Status, bounds: &Bounds) {
    c::UNCOMMITTED.set(&[partition], status.held.uncommitted_entries as f64);
    for (bound, share) in status.held.shares(bounds) {
        c::PARTITION_BOUND_USED.set(&[partition, bound], share);
    }
    for (source, amount) in Source::ALL.into_iter().zip(status.held.credit) {
        c::IN_HAND.set(&[partition, source.as_str()], amount.messages as f64);
        c::IN_HAND_BYTES.set(&[partition, source.as_str()], amount.bytes as f64);
    }
}

/// Commands that wait for a partition in the log, of so many at most.
pub fn commands(partition: Partition, messages: u64, most: usize) {
    let share = messages as f64 / most.max(1) as f64;
    c::PARTITION_BOUND_USED.set(&[&partition.to_string(), "streams.cmd_waiting_max"], share);
}

/// How late the lanes are, what was decided, and how much of the pod's pace is used.
pub fn load(load: &Load, pace: &Pace) {
    for lane in Lane::ALL {
        c::LANE_LATE.set(&[lane.as_str()], load.late[lane as usize].as_secs_f64());
    }
    c::PACED.reach(&["decided"], load.counts.decided);
    c::PACED.reach(&["busy"], load.counts.refused);
    c::PACE_MAX.set(&[], f64::from(pace.decisions_per_s_max()));
    pace.in_use().into_iter().for_each(|(setting, share)| bound(setting, share));
}

/// How much is in use of a bound of the pod, which is one of our settings.
pub fn bound(setting: &'static str, share: f64) {
    c::BOUND_USED.set(&[setting], share);
}

/// What share of its time a thread of partitions was computing.
pub fn thread(thread: usize, busy: f64) {
    c::THREAD_BUSY.set(&[&thread.to_string()], busy);
}

/// The level of safe mode.
pub fn level(level: Level) {
    c::SAFE_MODE.set(&[], f64::from(level.number()));
}

/// How many lanes, partitions, SKUs and orders operators have paused.
pub fn paused(number: usize) {
    c::PAUSED.set(&[], number as f64);
}

/// How many partitions promotions keep where they are.
pub fn pinned(number: usize) {
    c::PINNED.set(&[], number as f64);
}

/// A partition stopped.
pub fn stopped(exit: Option<&Exit>) {
    let why = match exit {
        Some(Exit::Left) => "left",
        Some(Exit::LeftInHaste) => "left_in_haste",
        Some(Exit::SteppedDown) => "stepped_down",
        Some(Exit::SnapshotLost) => "snapshot_lost",
        Some(Exit::SnapshotMoved) => "snapshot_moved",
        Some(Exit::OutLostItsTail) => "out_lost_its_tail",
        Some(Exit::Frozen) => "frozen",
        Some(Exit::Refused(_)) => "refused",
        None => "panicked",
    };
    c::PARTITION_STOPS.count(&[why], 1);
}

/// How far a source of a partition is behind.
pub fn lag(partition: Partition, source: Source, messages: u64, oldest_seconds: f64) {
    let labels: &[&str] = &[&partition.to_string(), source.as_str()];
    c::LAG.set(labels, messages as f64);
    c::OLDEST_UNREAD.set(labels, oldest_seconds);
}

/// How full a stream is. `stream` is one of ours.
pub fn stream(stream: &'static str, bytes: u64, fullness: Option<f64>) {
    c::STREAM_BYTES.set(&[stream], bytes as f64);
    if let Some(fullness) = fullness {
        c::STREAM_FULLNESS.set(&[stream], fullness);
    }
}

/// How far the pod's clock is ahead of the server's.
pub fn clock(off_seconds: f64) {
    c::CLOCK_OFF.set(&[], off_seconds);
}

/// Whether a server answers: `nats` or `redis`.
pub fn server(server: &'static str, answers: bool) {
    c::REACHABLE.set(&[server], f64::from(u8::from(answers)));
}
