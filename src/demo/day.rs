//! The day's hours: rounds of half an hour, each with three phases.
//!
//! What is published in a phase is decided to the end before the next one begins, so nothing
//! depends on which of two lanes is read first: goods arrive before shoppers come, and shoppers
//! have been answered before they pay, cancel, or let go.

use crate::domain::time::{Span, Timestamp};

/// 2026-11-27, 09:00 UTC: a Black Friday.
const BEGINS: Timestamp = Timestamp(1_795_770_000_000_000);
const ROUND: Span = Span::from_secs(30 * 60);
const PHASE: Span = Span::from_secs(60);
/// Rounds in which shoppers come.
pub const OPEN_ROUNDS: usize = 24;
/// Rounds in which everything that was begun ends.
pub const LATE_ROUNDS: usize = 5;

/// What happens in a phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goods arrive, parcels are delivered.
    Fulfilment,
    /// Shoppers hold and order.
    Demand,
    /// Shoppers pay, cancel and let go; parcels leave.
    Settlement,
}

/// A phase of the day, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Phase(pub usize);

const KINDS: [Kind; 3] = [Kind::Fulfilment, Kind::Demand, Kind::Settlement];

impl Phase {
    /// All phases of the day.
    pub fn all() -> impl Iterator<Item = Phase> {
        (0..(OPEN_ROUNDS + LATE_ROUNDS) * KINDS.len()).map(Phase)
    }

    /// The phase of a kind in this round, or in a later one.
    pub fn then(self, kind: Kind, rounds_later: usize) -> Phase {
        let first = self.0 - self.0 % KINDS.len() + kind as usize;
        let here = if first < self.0 { first + KINDS.len() } else { first };
        Phase(here + rounds_later * KINDS.len())
    }

    /// What happens in it.
    pub fn kind(self) -> Kind {
        KINDS[self.0 % KINDS.len()]
    }

    /// The round that it is in, from 0.
    pub fn round(self) -> usize {
        self.0 / KINDS.len()
    }

    /// When it begins and ends: no time passes in it.
    pub fn at(self) -> Timestamp {
        let spans = |span: Span, times: usize| Span(span.0 * times as i64);
        BEGINS + spans(ROUND, self.round()) + spans(PHASE, self.0 % KINDS.len())
    }

    /// `HH:MM`.
    pub fn clock_face(self) -> String {
        let minutes = 9 * 60 + self.round() * 30 + self.0 % KINDS.len();
        format!("{:02}:{:02}", minutes / 60 % 24, minutes % 60)
    }
}
