//! What moved at a location and when, so that a count of the past can be brought up to the present.
//!
//! Bounded: a location remembers [`MOVEMENTS_MAX`] points in time at most. Physical facts keep
//! their exact time; promises, of which a hot SKU makes thousands a second, are summed by the
//! second.

use std::collections::VecDeque;

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use crate::domain::{ids::LocationId, time::Timestamp};

/// The most points in time that one location remembers movements of.
pub const MOVEMENTS_MAX: usize = 4_096;
/// Outdated points that one new movement drops at most: two, so that the memory shrinks.
const DROPPED_AT_ONCE: usize = 2;

/// What moved at one point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// Onto the shelf, or off it.
    pub on_hand: i64,
    /// Of the location's [position](super::stock::Stock::position): what may be promised, or has to
    /// come first.
    pub available: i64,
}

/// The movements of all locations of a SKU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Movements {
    by_location: LiteMap<LocationId, Points>,
}

/// What moved at a location, the oldest first. Nearly all comes at the end and goes at the
/// beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Points(VecDeque<(Timestamp, Movement)>);

impl Points {
    fn place(&self, time: Timestamp) -> Result<usize, usize> {
        match self.0.back() {
            Some((last, _)) if *last >= time => self.0.binary_search_by_key(&time, |(at, _)| *at),
            Some(_) | None => Err(self.0.len()),
        }
    }

    fn add(&mut self, time: Timestamp, moved: Movement) {
        match self.place(time) {
            Ok(place) => {
                if let Some((_, sum)) = self.0.get_mut(place) {
                    *sum = sum.and(moved);
                }
            }
            Err(place) => self.0.insert(place, (time, moved)),
        }
    }
}

/// The time of a promise, where promises are summed by the second. A count of within that second
/// finds what was promised after it, and what was let go before it: in doubt, less is for sale.
pub(super) fn of_the_second(time: Timestamp, available: i64) -> Timestamp {
    let begin = time.0.div_euclid(1_000_000).saturating_mul(1_000_000);
    Timestamp(if available < 0 { begin.saturating_add(999_999) } else { begin })
}

impl Movements {
    /// Everything that moved at a location after `as_of`.
    pub fn since(&self, location: &LocationId, as_of: Timestamp) -> Movement {
        let Some(points) = self.by_location.get(location) else { return Movement::default() };
        let after = points.0.iter().rev().take_while(|(at, _)| *at > as_of);
        after.fold(Movement::default(), |sum, (_, moved)| sum.and(*moved))
    }

    /// What is remembered of one point.
    pub(super) fn at(&self, location: &LocationId, time: Timestamp) -> Option<Movement> {
        let points = self.by_location.get(location)?;
        points.0.get(points.place(time).ok()?).map(|(_, moved)| *moved)
    }

    /// Adds to a point.
    pub(super) fn add(&mut self, location: &LocationId, time: Timestamp, moved: Movement) {
        match self.by_location.get_mut(location) {
            Some(points) => points.add(time, moved),
            None => {
                let points = Points(VecDeque::from([(time, moved)]));
                if self.by_location.is_empty() {
                    // Most SKUs have one.
                    self.by_location = LiteMap::with_capacity(1);
                }
                self.by_location.insert(location.clone(), points);
            }
        }
    }

    /// Takes out a few points that nothing will be netted against: those at or before `outdated`,
    /// and the oldest beyond the bound. Returns their times, ascending.
    pub(super) fn drop_outdated(
        &mut self,
        location: &LocationId,
        outdated: Timestamp,
    ) -> Vec<Timestamp> {
        let Some(points) = self.by_location.get_mut(location) else { return Vec::new() };
        let mut dropped = Vec::new();
        while dropped.len() < DROPPED_AT_ONCE {
            let over = points.0.len() > MOVEMENTS_MAX;
            match points.0.front() {
                Some((oldest, _)) if over || *oldest <= outdated => dropped.push(*oldest),
                Some(_) | None => break,
            }
            points.0.pop_front();
        }
        if points.0.is_empty() {
            self.by_location.remove(location);
        }
        dropped
    }
}

impl Movement {
    fn and(self, other: Movement) -> Movement {
        Movement {
            on_hand: self.on_hand.saturating_add(other.on_hand),
            available: self.available.saturating_add(other.available),
        }
    }
}
