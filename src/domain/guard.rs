//! A guard is one table: what an event does in a state, and why not.
//!
//! Promise: what a reader of the table sees is what decides. The first row that fits speaks; what
//! no row speaks of is refused as `not_supported`, never guessed.

use super::refusal::Reason;

/// What follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then<S> {
    /// It is accepted, and this is the state afterwards.
    Go(S),
    /// It is accepted, and the state stays.
    Stay,
    /// It is written down without effect: it was implied, or is said again.
    Note,
    /// It is refused.
    Refuse(Reason),
    /// It waits for what it names.
    Wait,
}

/// A row of the table.
#[derive(Debug)]
pub struct Row<S: 'static, E: 'static, C: 'static> {
    /// In these states,
    pub from: &'static [S],
    /// on these events,
    pub on: &'static [E],
    /// if this holds (always, where absent),
    pub given: Option<C>,
    /// this follows;
    pub then: Then<S>,
    /// and afterwards this is true, in words.
    pub so: &'static str,
}

/// The table of a machine with states `S`, events `E` and conditions `C`.
#[derive(Debug)]
pub struct Guard<S: 'static, E: 'static, C: 'static> {
    /// Its rows; the first that fits speaks.
    pub rows: &'static [Row<S, E, C>],
}

impl<S: Copy + PartialEq, E: Copy + PartialEq, C: Copy> Guard<S, E, C> {
    /// What follows from an event in a state, where `holds` says which conditions do.
    pub fn then(&self, state: S, event: E, holds: impl Fn(C) -> bool) -> Then<S> {
        let fits = |row: &&Row<S, E, C>| {
            row.from.contains(&state) && row.on.contains(&event) && row.given.is_none_or(&holds)
        };
        let row = self.rows.iter().find(fits);
        row.map_or(Then::Refuse(Reason::NotSupported), |row| row.then)
    }

    /// Whether some row speaks for certain, whatever the conditions are.
    pub fn is_certain(&self, state: S, event: E) -> bool {
        let mut rows = self.rows.iter();
        rows.any(|row| row.from.contains(&state) && row.on.contains(&event) && row.given.is_none())
    }
}

/// Writes a guard's rows: `[states] + [events] if condition => then, "what is true afterwards";`.
macro_rules! guard {
    ($($from:tt + $on:tt $(if $given:expr)? => $then:expr, $so:literal;)*) => {
        $crate::domain::guard::Guard {
            rows: &[$($crate::domain::guard::Row {
                from: &$from,
                on: &$on,
                given: guard!(@given $($given)?),
                then: $then,
                so: $so,
            },)*],
        }
    };
    (@given) => { None };
    (@given $given:expr) => { Some($given) };
}

pub(crate) use guard;
