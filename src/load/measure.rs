//! How long was waited for what, over the whole run and each second of it.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::report::{Kind, Second, Waits};

/// Digits of a wait that are kept.
const DIGITS: u8 = 3;
/// Points of a distribution for each halving of what is left of 100.
const POINTS_A_HALVING: u32 = 4;

/// All waits of a run.
#[derive(Default)]
pub struct Measure {
    kinds: BTreeMap<Kind, OfKind>,
    seconds: Vec<OfSecond>,
    outcomes: BTreeMap<String, u64>,
}

struct OfKind {
    asked: u64,
    answered: u64,
    busy: u64,
    gave_up: u64,
    refused: u64,
    /// Of decisions, in microseconds.
    waits: Histogram<u64>,
}

#[derive(Default)]
struct OfSecond {
    asked: u64,
    answered: u64,
    busy: u64,
    /// Of what was meant to be sent in it, in microseconds.
    waits: BTreeMap<Kind, Vec<u32>>,
}

/// What came of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It was decided, and taken.
    Taken,
    /// It was decided, and refused.
    Refused,
    /// It was told to come back.
    Busy,
}

impl Measure {
    /// Somebody meant to ask at this time.
    pub fn asked(&mut self, kind: Kind, at_s: f64) {
        self.of(kind).asked += 1;
        self.second(at_s).asked += 1;
    }

    /// Somebody who meant to ask at `meant_s` heard at `at_s` what came of it.
    pub fn answered(&mut self, kind: Kind, meant_s: f64, at_s: f64, came: Came) {
        let wait_us = ((at_s - meant_s).max(0.0) * 1e6) as u64;
        let of = self.of(kind);
        match came {
            Came::Busy => of.busy += 1,
            Came::Taken | Came::Refused => {
                of.answered += 1;
                of.refused += u64::from(came == Came::Refused);
                // It grows to what it is given.
                let _ = of.waits.record(wait_us);
            }
        }
        let now = self.second(at_s);
        now.answered += 1;
        now.busy += u64::from(came == Came::Busy);
        if came != Came::Busy {
            let waits = self.second(meant_s).waits.entry(kind).or_default();
            waits.push(u32::try_from(wait_us).unwrap_or(u32::MAX));
        }
    }

    /// Somebody who was told to come back comes back no more.
    pub fn gave_up(&mut self, kind: Kind) {
        self.of(kind).gave_up += 1;
    }

    /// Counts what came of something, by name.
    pub fn came(&mut self, name: &str) {
        match self.outcomes.get_mut(name) {
            Some(number) => *number += 1,
            None => drop(self.outcomes.insert(name.to_owned(), 1)),
        }
    }

    /// What came of what, by name.
    pub fn outcomes(&self) -> &BTreeMap<String, u64> {
        &self.outcomes
    }

    /// How many of all kinds were meant to be asked in a second, and how many were answered.
    pub fn rates(&self, second: usize) -> (u64, u64) {
        self.seconds.get(second).map_or((0, 0), |of| (of.asked, of.answered))
    }

    /// The waits below which so many of 100 of a kind are, in milliseconds.
    pub fn below(&self, kind: Kind, percents: [f64; 3]) -> Option<[f64; 3]> {
        let waits = &self.kinds.get(&kind)?.waits;
        Some(percents.map(|percent| milliseconds(waits.value_at_percentile(percent))))
    }

    /// The longest wait of what was meant to be asked within this time, in milliseconds.
    pub fn longest_ms(&self, from_s: f64, to_s: f64) -> f64 {
        let seconds = self.seconds.iter().take(to_s as usize + 1).skip(from_s as usize);
        let waits = seconds.flat_map(|of| of.waits.values().flatten());
        f64::from(waits.copied().max().unwrap_or(0)) / 1e3
    }

    /// By kind, over the whole run.
    pub fn waits(&self) -> BTreeMap<Kind, Waits> {
        self.kinds.iter().map(|(kind, of)| (*kind, of.told())).collect()
    }

    /// Each second of it.
    pub fn seconds(self) -> Vec<Second> {
        (0..).zip(self.seconds).map(|(at_s, of)| of.told(at_s)).collect()
    }

    fn of(&mut self, kind: Kind) -> &mut OfKind {
        self.kinds.entry(kind).or_default()
    }

    fn second(&mut self, at_s: f64) -> &mut OfSecond {
        let at = at_s.max(0.0) as usize;
        if self.seconds.len() <= at {
            self.seconds.resize_with(at + 1, OfSecond::default);
        }
        &mut self.seconds[at]
    }
}

impl Default for OfKind {
    fn default() -> OfKind {
        let mut waits = Histogram::new(DIGITS).unwrap_or_else(|_| unreachable!("3 are allowed"));
        waits.auto(true);
        OfKind { asked: 0, answered: 0, busy: 0, gave_up: 0, refused: 0, waits }
    }
}

impl OfKind {
    fn told(&self) -> Waits {
        let at = |percent| milliseconds(self.waits.value_at_percentile(percent));
        let points = self.waits.iter_quantiles(POINTS_A_HALVING);
        Waits {
            asked: self.asked,
            answered: self.answered,
            busy: self.busy,
            gave_up: self.gave_up,
            refused: self.refused,
            unanswered: self.asked.saturating_sub(self.answered + self.gave_up),
            p50_ms: at(50.0),
            p90_ms: at(90.0),
            p99_ms: at(99.0),
            p999_ms: at(99.9),
            max_ms: milliseconds(self.waits.max()),
            distribution: points
                .map(|point| (point.percentile(), milliseconds(point.value_iterated_to())))
                .collect(),
        }
    }
}

impl OfSecond {
    fn told(self, at_s: u64) -> Second {
        let of = |mut waits: Vec<u32>| {
            waits.sort_unstable();
            let at = |percent: usize| {
                let place = waits.len().saturating_sub(1) * percent / 100;
                waits.get(place).map_or(0.0, |wait| f64::from(*wait) / 1e3)
            };
            (at(50), at(99))
        };
        let waits = self.waits.into_iter().map(|(kind, waits)| (kind, of(waits))).collect();
        Second { at_s, asked: self.asked, answered: self.answered, busy: self.busy, waits }
    }
}

fn milliseconds(micros: u64) -> f64 {
    micros as f64 / 1e3
}
