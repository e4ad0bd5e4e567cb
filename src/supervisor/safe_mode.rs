//! When safe mode rises and when it falls: a function of how the pod's load went, without a clock.
//!
//! Promises: it rises only while a lag is there for a while and does not shrink; it falls one level
//! at a time, each only after it has been calm for a while and what is asked for fits what the pod
//! can decide; so a peak that comes in waves does not make it flap. What an unbounded pod can
//! decide is found out by trying, the more seldom the more often that failed.

use std::time::Duration;

use tokio::time::Instant;

use crate::{
    domain::{Level, event::Lane},
    partition::pace::Counts,
};

/// Over how long rates are measured.
const WINDOW: Duration = Duration::from_secs(1);
/// A lag that is smaller than this share of what it was a window ago shrinks.
const SHRINKS: f64 = 0.9;
/// What a pod could decide while it was slow is not what it can: above level 0, each window in
/// which nothing is late, so much more is believed of it.
const HOPES: f64 = 0.1;
/// Each rise halves the hope, up to so many times, until there was none for [`FORGETS`]: a pod that
/// cannot decide more tries ever more seldom.
const RISES_MAX: i32 = 7;
const FORGETS: Duration = Duration::from_secs(900);

/// When it rises and falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// Settlement, demand or fulfilment is so late: reporting waits.
    pub reporting_waits: Duration,
    /// Fulfilment is so late: it comes last, and carts are told busy.
    pub fulfilment_late: Duration,
    /// Settlement or demand is so late: carts are told busy.
    pub carts_busy: Duration,
    /// Settlement or demand is so late: orders are told busy too.
    pub orders_busy: Duration,
    /// For how long a lane must have been late before the level rises.
    pub rises_after: Duration,
    /// Nothing is later than this: it is calm.
    pub calm: Duration,
    /// For how long it must have been calm before the level falls by one.
    pub falls_after: Duration,
    /// And what is asked for is no more than this share of what can be decided, from 0 to 1.
    pub spare: f64,
    /// Decisions a second at most, where the pod is bounded.
    pub decisions_per_s: Option<u32>,
}

/// How the pod's load is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// How late each lane is, in the order of [`Lane::ALL`]: the latest of the pod's partitions.
    pub late: [Duration; 4],
    /// What the pod has decided and refused since it began.
    pub counts: Counts,
}

impl Load {
    fn of(&self, lane: Lane) -> Duration {
        self.late[lane as usize]
    }

    /// How late what must not wait is.
    fn urgent(&self) -> Duration {
        self.of(Lane::Settlement).max(self.of(Lane::Demand))
    }
}

/// The level that a pod's load calls for.
#[derive(Clone, Debug)]
pub struct SafeMode {
    thresholds: Thresholds,
    level: Level,
    /// Since when a higher level is called for.
    late_since: Option<Instant>,
    calm_since: Option<Instant>,
    late: [Duration; 4],
    window: Option<Window>,
    rates: Rates,
    /// How often it rose, and when it did last.
    rises: (i32, Option<Instant>),
}

/// Where a window began.
#[derive(Clone, Copy, Debug)]
struct Window {
    at: Instant,
    load: Load,
}

/// How it went over the last window, a second.
#[derive(Clone, Copy, Debug, Default)]
struct Rates {
    /// Anything was decided.
    decides: bool,
    /// Decisions that were asked for and must not wait, those that were refused too.
    asked: f64,
    /// What could be decided while a lane was late, if one was.
    capacity: Option<f64>,
    /// How late things were at its beginning.
    before: Load,
}

impl SafeMode {
    /// Nothing has been seen yet.
    pub fn new(thresholds: Thresholds) -> SafeMode {
        let capacity = thresholds.decisions_per_s.map(f64::from);
        SafeMode {
            thresholds,
            level: Level::Normal,
            late_since: None,
            calm_since: None,
            late: [Duration::ZERO; 4],
            window: None,
            rates: Rates { capacity, ..Rates::default() },
            rises: (0, None),
        }
    }

    /// The level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// How late each lane was when it was last looked at.
    pub fn late(&self) -> [Duration; 4] {
        self.late
    }

    /// Whether nothing that must not wait is late.
    pub fn spares_time(&self, load: &Load) -> bool {
        load.urgent() <= self.thresholds.calm
    }

    /// What the pod can decide in a second, as far as that is known.
    pub fn capacity(&self) -> Option<f64> {
        self.rates.capacity
    }

    /// The level after this.
    pub fn observe(&mut self, load: &Load, now: Instant) -> Level {
        self.measure(load, now);
        self.late = load.late;
        let wanted = self.called_for(load);
        let late = (wanted > self.level).then(|| self.late_since.unwrap_or(now));
        let calm = self.is_calm(load).then(|| self.calm_since.unwrap_or(now));
        (self.late_since, self.calm_since) = (late, calm);
        let for_long = |since: Option<Instant>, long| {
            since.is_some_and(|since| now.duration_since(since) >= long)
        };
        if for_long(late, self.thresholds.rises_after) {
            let before = match self.rises {
                (rises, Some(last)) if now.duration_since(last) < FORGETS => rises,
                _ => 0,
            };
            self.rises = ((before + 1).min(RISES_MAX), Some(now));
            self.go_to(wanted);
        } else if self.level > Level::Normal && for_long(calm, self.thresholds.falls_after) {
            let below = usize::from(self.level.number()) - 1;
            self.go_to(Level::ALL[below]);
        }
        self.level
    }

    fn go_to(&mut self, level: Level) {
        self.level = level;
        (self.late_since, self.calm_since) = (None, None);
    }

    /// The level that this calls for. A lag that shrinks calls for none; nor does one of a pod that
    /// decides nothing at all: that is no peak, and nothing would get room.
    fn called_for(&self, load: &Load) -> Level {
        if !self.rates.decides {
            return Level::Normal;
        }
        let of = &self.thresholds;
        let grows = |late: Duration, before: Duration| late >= before.mul_f64(SHRINKS);
        let (urgent, fulfilment) = (load.urgent(), load.of(Lane::Fulfilment));
        let before = &self.rates.before;
        let level = match urgent {
            _ if !grows(urgent, before.urgent()) => Level::Normal,
            urgent if urgent >= of.orders_busy => Level::OrdersBusy,
            urgent if urgent >= of.carts_busy => Level::CartsBusy,
            urgent if urgent >= of.reporting_waits => Level::ReportingWaits,
            _ => Level::Normal,
        };
        level.max(match fulfilment {
            _ if !grows(fulfilment, before.of(Lane::Fulfilment)) => Level::Normal,
            fulfilment if fulfilment >= of.fulfilment_late => Level::CartsBusy,
            fulfilment if fulfilment >= of.reporting_waits => Level::ReportingWaits,
            _ => Level::Normal,
        })
    }

    /// Whether a level less would do.
    fn is_calm(&self, load: &Load) -> bool {
        let of = &self.thresholds;
        let fulfilment = match self.level {
            Level::OrdersBusy => Duration::ZERO,
            Level::Normal | Level::ReportingWaits | Level::CartsBusy => load.of(Lane::Fulfilment),
        };
        let fits = self.rates.capacity.is_none_or(|most| self.rates.asked <= most * of.spare);
        load.urgent().max(fulfilment) <= of.calm && fits
    }

    fn measure(&mut self, load: &Load, now: Instant) {
        let window = *self.window.get_or_insert(Window { at: now, load: *load });
        let took = now.duration_since(window.at);
        if took < WINDOW {
            return;
        }
        let per_s = |now: u64, then: u64| now.saturating_sub(then) as f64 / took.as_secs_f64();
        let (now_done, then) = (load.counts, window.load.counts);
        let decided = per_s(now_done.decided, then.decided);
        let refused = per_s(now_done.refused, then.refused);
        self.rates.asked = per_s(now_done.urgent, then.urgent) + refused;
        let is_late = load.late.iter().take(3).any(|late| *late >= self.thresholds.calm);
        self.rates.decides = decided > 0.0;
        if self.thresholds.decisions_per_s.is_none() {
            let known = self.rates.capacity;
            self.rates.capacity = match known {
                // What was reached once can be reached again, as long as nothing slower is seen.
                _ if is_late && decided > 0.0 => {
                    Some(decided.max(known.unwrap_or(decided) * SHRINKS))
                }
                // Whoever puts off does not see what it could do.
                Some(known) if self.level > Level::Normal => {
                    Some(known.max(decided) * (1.0 + HOPES / 2_f64.powi(self.rises.0)))
                }
                Some(known) => Some(known.max(decided)),
                None => None,
            };
        }
        self.rates.before = window.load;
        self.window = Some(Window { at: now, load: *load });
    }
}
