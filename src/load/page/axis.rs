//! Axes: from where to where, where the marks are, and what they say.
//!
//! Logarithmic axes are plain ones of logarithms, so that their marks can be chosen: those of
//! plotters have none between powers of ten.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use crate::load::amounts;

/// How many marks an axis has at most, about.
const MARKS_MAX: f64 = 6.0;
/// Steps between marks of time, in seconds.
const STEPS_S: [f64; 14] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0];
const TIME_MARKS_MAX: f64 = 12.0;
/// The shares that are marked on an axis of percentiles.
const SHARES: [f64; 8] = [0.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 99.9999];
/// No wait is drawn as less than this.
const WAIT_MIN_MS: f64 = 0.1;

/// An axis of a plot.
#[derive(Clone)]
pub struct Axis {
    pub from: f64,
    pub to: f64,
    pub title: &'static str,
    pub marks: Vec<f64>,
    /// What is written at a mark.
    pub words: fn(&f64) -> String,
}

impl Axis {
    /// Seconds after the beginning.
    pub fn time(end_s: f64) -> Axis {
        let to = end_s.max(1.0);
        let fits = |step: &f64| to / step <= TIME_MARKS_MAX;
        let step = STEPS_S.into_iter().find(fits).unwrap_or_else(|| round_step(to));
        let title = "time since the beginning, min:s";
        Axis { from: 0.0, to, title, marks: marks(to, step), words: |s| amounts::clock(*s) }
    }

    /// Without words, above a plot that has the same axis.
    pub fn bare(self) -> Axis {
        Axis { title: "", words: |_| String::new(), ..self }
    }

    /// From nothing to the most that there is.
    pub fn linear(most: f64, title: &'static str) -> Axis {
        let most = if most > 0.0 { most } else { 1.0 };
        let to = most * 1.05;
        let marks = marks(to, round_step(to));
        Axis { from: 0.0, to, title, marks, words: |value| amounts::number(*value) }
    }

    /// Levels of safe mode.
    pub fn levels() -> Axis {
        let marks = vec![0.0, 1.0, 2.0, 3.0];
        Axis { from: 0.0, to: 3.3, title: "level", marks, words: |level| format!("{level:.0}") }
    }

    /// Waits in powers of ten, from around the least to around the most.
    pub fn waits(least_ms: f64, most_ms: f64) -> Axis {
        let from = log_wait(least_ms).floor();
        let to = (log_wait(most_ms) + 0.05).max(from + 1.0);
        let between: &[f64] = if to - from > 2.0 { &[1.0] } else { &[1.0, 2.0, 5.0] };
        let powers = (from as i32..=to.ceil() as i32).map(f64::from);
        let marks = powers.flat_map(|power| between.iter().map(move |by| power + by.log10()));
        let marks = marks.filter(|mark| *mark <= to).collect();
        let words = |log: &f64| amounts::wait(10f64.powf(*log));
        Axis { from, to, title: "wait, logarithmic", marks, words }
    }

    /// Shares of 100 that were below a wait, each mark ten times nearer to all; to a `log_share`.
    pub fn shares(to: f64) -> Axis {
        let to = to.max(1.0);
        let marks = SHARES.into_iter().map(log_share).filter(|mark| *mark <= to).collect();
        Axis { from: 0.0, to, title: "share of waits that were shorter", marks, words: share }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (start, end): (i32, i32)) -> i32 {
        let share = (value - self.from) / (self.to - self.from);
        start + (f64::from(end - start) * share.clamp(0.0, 1.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() { Vec::new() } else { self.marks.clone() }
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

/// Where a wait is on an axis of waits.
pub fn log_wait(ms: f64) -> f64 {
    ms.max(WAIT_MIN_MS).log10()
}

/// Where a share of 100 is on an axis of shares.
pub fn log_share(share: f64) -> f64 {
    -(1.0 - share / 100.0).log10()
}

fn share(log: &f64) -> String {
    let share = 100.0 * (1.0 - 10f64.powf(-log));
    let decimals = (log.round() as usize).saturating_sub(2);
    format!("{share:.decimals$} %")
}

/// 1, 2 or 5 times a power of ten, so that there are few enough of it.
fn round_step(to: f64) -> f64 {
    let rough = to / MARKS_MAX;
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= rough);
    factor.unwrap_or(10.0) * power
}

fn marks(to: f64, step: f64) -> Vec<f64> {
    let last = (to / step).floor() as u32;
    (0..=last).map(|i| f64::from(i) * step).collect()
}
