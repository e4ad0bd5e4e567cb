//! A clock that stands still until it is set.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use crate::{clock::SystemClock, domain::time::Timestamp, ports::Clock};

/// A clock that is set. Clones show the same time.
#[derive(Clone, Debug, Default)]
pub struct SetClock(Arc<AtomicI64>);

impl SetClock {
    /// Sets it. It never goes back.
    pub fn set(&self, at: Timestamp) {
        self.0.fetch_max(at.0, Ordering::SeqCst);
    }
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }

    fn unique(&self) -> u128 {
        SystemClock.unique()
    }
}
