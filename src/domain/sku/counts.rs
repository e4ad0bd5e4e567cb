//! When a location was last counted, and what that count makes of facts of before it.
//!
//! Whoever counts gets one figure right, what lies there or what is for sale, and the other follows
//! by what is known to be promised or set aside. So a fact of before the last count, told after it,
//! leaves the counted figure as it is: what becomes of the other one, the rooms of `decide` say.

use super::stock::Stock;
use crate::domain::{event::CountKind, time::Timestamp};

impl Stock {
    /// The same after one more count, which is the last one from now on: one of the other kind and
    /// the same time was before it.
    pub(super) fn counted(self, kind: CountKind, as_of: Timestamp) -> Stock {
        let before = |mark: Option<Timestamp>| {
            mark.map(|mark| mark.min(Timestamp(as_of.0.saturating_sub(1))))
        };
        match kind {
            CountKind::OnHand => Stock {
                last_count: Some(as_of),
                last_count_of_available: before(self.last_count_of_available),
                ..self
            },
            CountKind::Available => Stock {
                last_count_of_available: Some(as_of),
                last_count: before(self.last_count),
                ..self
            },
        }
    }

    /// The same after a count as v0.1.0 wrote it down.
    pub(super) fn counted_v010(self, as_of: Timestamp) -> Stock {
        Stock { last_count: Some(as_of), last_count_of_available: Some(as_of), ..self }
    }

    /// As of when it was last counted, in either way: no count of an earlier time is taken.
    pub fn latest_count(&self) -> Option<Timestamp> {
        self.last_count.max(self.last_count_of_available)
    }

    /// What was counted last, if that was there to see what happened at this time.
    pub fn counted_since(&self, time: Timestamp) -> Option<CountKind> {
        let last = match self.last_count >= self.last_count_of_available {
            true => (self.last_count, CountKind::OnHand),
            false => (self.last_count_of_available, CountKind::Available),
        };
        last.0.is_some_and(|as_of| time <= as_of).then_some(last.1)
    }
}
