//! The pod's own clock, and chance.
//!
//! Promises: microseconds since 1970 from the system's clock, and 128 bits from the system's
//! randomness. Only this adapter reads either.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::{domain::time::Timestamp, ports::Clock};

/// The system's clock and randomness.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
    }

    fn unique(&self) -> u128 {
        rand::random()
    }
}
