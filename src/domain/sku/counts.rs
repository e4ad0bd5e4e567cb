//! When a location was last counted, and which facts of before that the counts have seen.
//!
//! Promise: this is the one place that says so. A count of `on_hand` sees all that lies there, and
//! not of which kind it is; one of `available` sees what is for sale, and nothing else.

use super::stock::Stock;
use crate::domain::{event::CountKind, time::Timestamp};

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Units for sale that came or went.
    ForSale,
    /// Units that came or went while they were not for sale: promised, or looked at first.
    Aside,
    /// Units on the shelf that began to be for sale, or ceased to be.
    KindForSale,
    /// Units on the shelf that were not for sale and are not now, and are something else.
    KindAside,
}

impl About {
    /// Whether a count of this kind sees it.
    fn is_seen_by(self, kind: CountKind) -> bool {
        match (self, kind) {
            (About::ForSale, CountKind::OnHand | CountKind::Available)
            | (About::Aside, CountKind::OnHand)
            | (About::KindForSale, CountKind::Available) => true,
            (About::Aside, CountKind::Available)
            | (About::KindForSale, CountKind::OnHand)
            | (About::KindAside, CountKind::OnHand | CountKind::Available) => false,
        }
    }
}

impl Stock {
    /// The same after one more count.
    pub(super) fn counted(self, kind: CountKind, as_of: Timestamp) -> Stock {
        match kind {
            CountKind::OnHand => Stock { last_count: Some(as_of), ..self },
            CountKind::Available => Stock { last_count_of_available: Some(as_of), ..self },
        }
    }

    /// As of when it was last counted, in either way: no count of an earlier time is taken.
    pub fn latest_count(&self) -> Option<Timestamp> {
        self.last_count.max(self.last_count_of_available)
    }

    /// Whether a count was there to see what happened at this time.
    pub fn has_counted(&self, about: About, time: Timestamp) -> bool {
        let seen = |kind, last: Option<Timestamp>| {
            about.is_seen_by(kind) && last.is_some_and(|as_of| time <= as_of)
        };
        seen(CountKind::OnHand, self.last_count)
            || seen(CountKind::Available, self.last_count_of_available)
    }
}
