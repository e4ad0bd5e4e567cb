//! How much a pod decides in a second, and who comes first when that is less than there is to do.
//!
//! Promises: settlement comes before demand, demand before fulfilment, fulfilment before reporting,
//! over all partitions of the pod; what actors say to one another is never held up; no lane that
//! may be read waits longer than a bound for its next read; and what has waited for a better time
//! is caught up with at a bounded rate, which rises as long as that is too little and nothing
//! else waits.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::domain::event::Lane;

/// How long is saved up what is not used.
const SAVED: Duration = Duration::from_millis(100);
/// What must be left of what was saved for a lane to be read, in quarters, in the order of
/// [`Lane::ALL`].
const LEFT: [f64; 4] = [0.0, 0.25, 0.5, 0.75];
/// What must be left for nobody to go short, whoever takes what is beyond it.
const SPARE: f64 = 0.75;
/// With less than this there is too much to do: soon a lane would have to wait.
const SHORT: f64 = 0.5;
/// How much faster there is catching up, each time that it is looked at and was not enough: looked
/// at four times a second, twice as fast after ten seconds.
const QUICKENS: f64 = 1.0175;
/// And no more than so many times as fast.
const QUICKEST: f64 = 1_000.0;
/// Nobody waits longer for a purse that is in debt: it is looked at again.
const WAIT_MAX: f64 = 60.0;

/// The pace of a pod, shared by its partitions.
#[derive(Debug)]
pub struct Pace {
    decisions: Option<Purse>,
    catching_up: Purse,
    /// How many times as fast as at first there is catching up.
    quickened: Mutex<f64>,
    /// How long a lane waits at most for its next read.
    patience: Duration,
    /// Partitions with settlement or demand that they have not read.
    urgent: AtomicUsize,
    decided: AtomicU64,
    urgently: AtomicU64,
    refused: AtomicU64,
}

/// What a pod has done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Inputs that were decided.
    pub decided: u64,
    /// Of these, those that must not wait: all but fulfilment's and reporting's.
    pub urgent: u64,
    /// What the requests would have cost that were refused `busy`, in decisions.
    pub refused: u64,
}

/// How fast a pod may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Decisions a second at most; 0 for no bound.
    pub decisions_per_s: u32,
    /// Messages a second of lanes that have waited for a better time.
    pub catch_up_per_s: u32,
    /// How long a lane waits at most for its next read.
    pub patience: Duration,
}

impl Default for Limit {
    fn default() -> Limit {
        Limit { decisions_per_s: 0, catch_up_per_s: 2_000, patience: Duration::from_secs(1) }
    }
}

impl Pace {
    /// A pace that nobody has used yet.
    pub fn new(limit: Limit) -> Pace {
        let decisions = limit.decisions_per_s;
        Pace {
            decisions: (decisions > 0).then(|| Purse::new(decisions)),
            catching_up: Purse::new(limit.catch_up_per_s),
            quickened: Mutex::new(1.0),
            patience: limit.patience,
            urgent: AtomicUsize::new(0),
            decided: AtomicU64::new(0),
            urgently: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// So much is being decided and refused.
    pub fn spend(&self, counts: Counts) {
        if let Some(purse) = &self.decisions {
            purse.spend(counts.decided as f64);
        }
        self.decided.fetch_add(counts.decided, Ordering::Relaxed);
        self.urgently.fetch_add(counts.urgent, Ordering::Relaxed);
        self.refused.fetch_add(counts.refused, Ordering::Relaxed);
    }

    /// What it has done.
    pub fn counts(&self) -> Counts {
        Counts {
            decided: self.decided.load(Ordering::Relaxed),
            urgent: self.urgently.load(Ordering::Relaxed),
            refused: self.refused.load(Ordering::Relaxed),
        }
    }

    /// So many messages of a lane that catches up were read.
    pub fn caught_up(&self, messages: usize) {
        self.catching_up.spend(messages as f64 / *self.quickened());
    }

    /// Told again and again: whether there is room to catch up faster than before.
    pub fn look(&self, has_room: bool) {
        let mut quickened = self.quickened();
        *quickened = match self.catching_up.in_use() {
            _ if !has_room => 1.0,
            used if used >= 1.0 => (*quickened * QUICKENS).min(QUICKEST),
            used if used <= 0.0 => 1.0,
            _ => *quickened,
        };
    }

    fn quickened(&self) -> MutexGuard<'_, f64> {
        // Whoever panicked here left a number.
        self.quickened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From when on a lane may be read that was read last at `last`.
    pub fn opens(&self, lane: Lane, last: Instant) -> Instant {
        let purse = self.decisions.as_ref();
        let opens = purse.and_then(|purse| purse.lacks_until(LEFT[lane as usize]));
        opens.map_or(last, |opens| opens.min(last + self.patience))
    }

    /// The same of a lane that catches up.
    pub fn catches_up(&self, lane: Lane, last: Instant) -> Instant {
        let opens = self.opens(lane, last);
        self.catching_up.lacks_until(0.0).map_or(opens, |caught_up| caught_up.max(opens))
    }

    /// The same of a lane that gets what settlement and demand leave.
    pub fn opens_last(&self, lane: Lane, last: Instant) -> Instant {
        match self.urgent.load(Ordering::Relaxed) {
            0 => self.opens(lane, last),
            _ => last + self.patience,
        }
    }

    /// One more partition has settlement or demand that it has not read; or one less.
    pub fn is_urgent(&self, urgent: bool) {
        match urgent {
            true => self.urgent.fetch_add(1, Ordering::Relaxed),
            false => self.urgent.fetch_sub(1, Ordering::Relaxed),
        };
    }

    /// So many decisions a bounded pod has left beyond what any lane asks for.
    pub fn spare(&self) -> u32 {
        self.decisions.as_ref().map_or(0, |purse| purse.beyond(SPARE) as u32)
    }

    /// Whether a bounded pod has little left.
    pub fn is_short(&self) -> bool {
        self.decisions.as_ref().is_some_and(|purse| purse.lacks_until(SHORT).is_some())
    }

    /// How long a lane waits at most for its next read.
    pub fn patience(&self) -> Duration {
        self.patience
    }

    /// How much of each bound is used, by its setting, from 0 to 1; more than 1 in debt.
    pub fn in_use(&self) -> [(&'static str, f64); 2] {
        let decisions = self.decisions.as_ref().map_or(0.0, Purse::in_use);
        [
            ("engine.max_decisions_per_s", decisions),
            ("safe_mode.catch_up_per_s", self.catching_up.in_use()),
        ]
    }

    /// Decisions a second at most; 0 for no bound.
    pub fn decisions_per_s_max(&self) -> u32 {
        self.decisions.as_ref().map_or(0, |purse| purse.per_s as u32)
    }
}

impl Default for Pace {
    fn default() -> Pace {
        Pace::new(Limit::default())
    }
}

/// What may be spent: it fills at a rate, up to a bound, and may be in debt.
#[derive(Debug)]
struct Purse {
    per_s: f64,
    /// What is in it, and as of when.
    content: Mutex<(f64, Instant)>,
}

impl Purse {
    fn new(per_s: u32) -> Purse {
        Purse { per_s: f64::from(per_s.max(1)), content: Mutex::new((0.0, Instant::now())) }
    }

    fn most(&self) -> f64 {
        (self.per_s * SAVED.as_secs_f64()).max(1.0)
    }

    fn spend(&self, of: f64) {
        self.update(|content| *content -= of);
    }

    /// Until when less than this share of the most is in it; nothing if that much is in it now.
    fn lacks_until(&self, share: f64) -> Option<Instant> {
        let (content, now) = self.update(|_| ());
        let lacks = (share * self.most() - content) / self.per_s;
        (lacks > 0.0).then(|| now + Duration::from_secs_f64(lacks.min(WAIT_MAX)))
    }

    /// How much more than this share of the most is in it; 0 if less.
    fn beyond(&self, share: f64) -> f64 {
        (self.update(|_| ()).0 - share * self.most()).max(0.0)
    }

    fn in_use(&self) -> f64 {
        1.0 - self.update(|_| ()).0 / self.most()
    }

    fn update(&self, change: impl FnOnce(&mut f64)) -> (f64, Instant) {
        // Whoever panicked here left two numbers.
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let came = now.saturating_duration_since(content.1).as_secs_f64() * self.per_s;
        content.0 = (content.0 + came).min(self.most());
        content.1 = now;
        change(&mut content.0);
        *content
    }
}
