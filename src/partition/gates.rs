//! Which lanes of a partition may be read now, as far as its pod's pace and the level of safe mode
//! say.
//!
//! Promises: at level 2 fulfilment gets what settlement and demand leave, and is still read once in
//! a while; a lane that was put off is caught up with at a bounded rate until it is late no more.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::pace::Pace;
use crate::{
    domain::{
        Level,
        event::Lane,
        time::{Span, Timestamp},
    },
    ports::Source,
};

const LANES: usize = Lane::ALL.len();
/// What was read longer ago says nothing of now.
const LATELY: Duration = Duration::from_secs(1);
/// What the log took no longer ago is not late.
const RECENT: Span = Span(1_000_000);

/// The gates of a partition's lanes.
#[derive(Debug)]
pub struct Gates {
    pace: Arc<Pace>,
    last_read: [Instant; LANES],
    /// Lanes that were put off and have been late since.
    behind: [bool; LANES],
    /// Lanes of which there is more to read, as far as is known.
    more: [bool; LANES],
    /// When the log took what was read last of a lane, and how old that was then.
    taken: [(Timestamp, Span); LANES],
    level: Level,
    /// Lanes that an operator has paused.
    paused: [bool; LANES],
}

/// From which level on a lane is put off.
pub const fn put_off_from(lane: Lane) -> Option<Level> {
    match lane {
        Lane::Settlement | Lane::Demand => None,
        Lane::Fulfilment => Some(Level::CartsBusy),
        Lane::Reporting => Some(Level::ReportingWaits),
    }
}

impl Gates {
    /// Nothing has been read yet.
    pub fn new(pace: Arc<Pace>) -> Gates {
        let (last_read, none) = ([Instant::now(); LANES], [false; LANES]);
        let taken = [(Timestamp::default(), Span::ZERO); LANES];
        let level = Level::Normal;
        Gates { pace, last_read, behind: none, more: none, taken, level, paused: none }
    }

    /// The level of safe mode is this, and operators have paused these lanes.
    pub fn set(&mut self, level: Level, paused: [bool; LANES]) {
        let before = self.is_urgent();
        (self.level, self.paused) = (level, paused);
        for lane in Lane::ALL {
            let waits = paused[lane as usize] && put_off_from(lane).is_some();
            self.behind[lane as usize] |= waits || self.is_put_off(lane);
        }
        self.tell_urgent(before);
    }

    /// So many messages of a lane were read, `all` that were asked for or fewer; the log took the
    /// last of them at `at`, and it is `now`.
    pub fn read(&mut self, lane: Lane, messages: usize, all: bool, at: Timestamp, now: Timestamp) {
        // While it is put off it gets what is left, however much that is.
        if self.behind[lane as usize] && !self.is_put_off(lane) {
            self.pace.caught_up(messages);
        }
        // Under steady traffic there is always something to read.
        if !all && now - at <= RECENT && !self.is_put_off(lane) {
            self.behind[lane as usize] = false;
        }
        self.last_read[lane as usize] = Instant::now();
        self.taken[lane as usize] = (at, now - at);
        self.note(lane, all);
    }

    /// A lane has nothing to be read.
    pub fn drained(&mut self, lane: Lane) {
        if !self.is_put_off(lane) {
            self.behind[lane as usize] = false;
        }
        self.last_read[lane as usize] = Instant::now();
        self.taken[lane as usize].1 = Span::ZERO;
        self.note(lane, false);
    }

    /// Which sources have waited too long for their next read.
    pub fn overdue(&self) -> [bool; 5] {
        Source::ALL.map(|source| match source {
            Source::Commands => false,
            Source::Lane(lane) => self.last_read[lane as usize].elapsed() >= self.pace.patience(),
        })
    }

    /// From when on a lane may be read.
    pub fn opens(&self, lane: Lane) -> Instant {
        let last = self.last_read[lane as usize];
        match lane {
            Lane::Fulfilment if self.is_put_off(lane) => self.pace.opens_last(lane, last),
            _ if self.behind[lane as usize] => self.pace.catches_up(lane, last),
            _ => self.pace.opens(lane, last),
        }
    }

    /// How late each lane is: how old what was read last is by now, if there is more behind it; and
    /// else how old it was, if that is not long ago. What is paused is not late.
    pub fn late(&self, now: Timestamp) -> [Span; LANES] {
        Lane::ALL.map(|lane| {
            let (at, age) = self.taken[lane as usize];
            match self.more[lane as usize] {
                _ if self.paused[lane as usize] => Span::ZERO,
                true => now - at,
                false if self.last_read[lane as usize].elapsed() < LATELY => age,
                false => Span::ZERO,
            }
        })
    }

    fn is_put_off(&self, lane: Lane) -> bool {
        put_off_from(lane).is_some_and(|from| self.level >= from)
    }

    fn is_urgent(&self) -> bool {
        let asks = |lane: Lane| self.more[lane as usize] && !self.paused[lane as usize];
        asks(Lane::Settlement) || asks(Lane::Demand)
    }

    fn note(&mut self, lane: Lane, more: bool) {
        let before = self.is_urgent();
        self.more[lane as usize] = more;
        self.tell_urgent(before);
    }

    fn tell_urgent(&self, before: bool) {
        let urgent = self.is_urgent();
        if urgent != before {
            self.pace.is_urgent(urgent);
        }
    }
}

impl Drop for Gates {
    fn drop(&mut self) {
        if self.is_urgent() {
            self.pace.is_urgent(false);
        }
    }
}
