//! How busy the partitions' threads are: a partition has one thread's time at most, so that a pod
//! may be at its end while most of its machine is idle.
//!
//! Promises: what the system does not tell is left out, and nothing waits for it.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use actix::Arbiter;

/// Where the system tells of the thread that asks.
const ITSELF: &str = "/proc/thread-self";
/// The file of a thread whose first number is the time that it has computed for, in nanoseconds.
const COMPUTED: &str = "schedstat";

/// The threads of the partitions.
#[derive(Debug, Default)]
pub struct Threads(Vec<Thread>);

#[derive(Debug)]
struct Thread {
    /// Where the system tells of it, once it has run.
    told_at: Arc<OnceLock<PathBuf>>,
    seen: Option<(Instant, Duration)>,
}

impl Threads {
    /// The threads of these arbiters.
    pub fn of(arbiters: &[Arbiter]) -> Threads {
        Threads(arbiters.iter().map(Thread::of).collect())
    }

    /// What share of the time since it was asked last each has computed, from 0 to 1, as far as
    /// that is known.
    pub fn busy(&mut self) -> Vec<Option<f64>> {
        self.0.iter_mut().map(Thread::busy).collect()
    }
}

impl Thread {
    fn of(arbiter: &Arbiter) -> Thread {
        let told_at = Arc::new(OnceLock::new());
        let told = told_at.clone();
        arbiter.spawn_fn(move || {
            if let Ok(of) = fs::read_link(ITSELF) {
                let _ = told.set(PathBuf::from("/proc").join(of).join(COMPUTED));
            }
        });
        Thread { told_at, seen: None }
    }

    fn busy(&mut self) -> Option<f64> {
        let told = fs::read_to_string(self.told_at.get()?).ok()?;
        let computed = Duration::from_nanos(told.split_whitespace().next()?.parse().ok()?);
        let now = Instant::now();
        let (then, before) = self.seen.replace((now, computed))?;
        let took = now.duration_since(then).as_secs_f64();
        let share = computed.saturating_sub(before).as_secs_f64() / took;
        (took > 0.0).then(|| share.min(1.0))
    }
}
