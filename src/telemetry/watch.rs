//! What the supervisor sees of partitions, streams and servers.

use super::catalogue as c;
use crate::{
    domain::{Level, event::Lane},
    partition::{Exit, Status},
    ports::{Partition, Source},
    supervisor::safe_mode::Load,
};

/// How a partition stands.
pub fn partition(partition: Partition, status: &Status, serving: bool) {
    let p = partition.to_string();
    let labels: &[&str] = &[&p];
    let behind = |mark: u64| status.position.sequence.saturating_sub(mark) as f64;
    c::SERVING.set(labels, f64::from(u8::from(serving)));
    c::POSITION.set(labels, status.position.sequence as f64);
    c::UNRELEASED.set(labels, behind(status.released));
    c::UNSNAPSHOTTED.set(labels, behind(status.snapshot));
    c::LIVE_ENTITIES.set(labels, status.live as f64);
    c::QUARANTINED.set(labels, status.quarantined as f64);
    c::WAITING.set(labels, status.waiting as f64);
    c::HOT_SKUS.set(labels, status.hot as f64);
    c::HOLDS_OPEN.set(labels, status.books.open_holds as f64);
    c::HOLDS_AWAITED.set(labels, status.books.awaited as f64);
    for (state, units) in status.books.units() {
        c::UNITS.set(&[&p, state], units as f64);
    }
}

/// How late the lanes are, and how much of the pod's pace is used.
pub fn load(load: &Load, in_use: f64) {
    for lane in Lane::ALL {
        c::LANE_LATE.set(&[lane.as_str()], load.late[lane as usize].as_secs_f64());
    }
    c::PACE_IN_USE.set(&[], in_use);
}

/// The level of safe mode.
pub fn level(level: Level) {
    c::SAFE_MODE.set(&[], f64::from(level.number()));
}

/// How many lanes, partitions, SKUs and orders operators have paused.
pub fn paused(number: usize) {
    c::PAUSED.set(&[], number as f64);
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
