//! How many come when: a line through points, and the times at which each one comes.
//!
//! Promises: the loop is open. When somebody comes is drawn before the first one has come, from
//! the curve and the seed alone; it does not depend on how fast anybody is answered.

use rand::Rng;
use rand_distr::{Distribution, Exp1};
use serde::{Deserialize, Serialize};

/// Points of seconds and a rate a second, joined by lines: two points at one time are a jump.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Curve(pub Vec<[f64; 2]>);

impl Curve {
    /// The same rate for so many seconds.
    pub fn steady(rate: f64, seconds: f64) -> Curve {
        Curve(vec![[0.0, rate], [seconds, rate]])
    }

    /// What is wrong with it, if anything is.
    pub(super) fn check(&self, longest: f64, highest: f64) -> Result<(), String> {
        let expected = "points of seconds and shoppers a second, such as [[0, 10], [60, 10]]";
        let times = self.0.iter().map(|[at, _]| *at);
        let rise = self.0.windows(2).all(|pair| pair[0][0] <= pair[1][0]);
        let begins = self.0.first().is_some_and(|[at, _]| *at == 0.0);
        if !begins || !rise || !times.clone().all(f64::is_finite) {
            return Err(format!("found {:?}, expected {expected}, from 0 on, in order", self.0));
        }
        let ends = self.ends_at();
        if ends <= 0.0 || ends > longest {
            return Err(format!("it ends after {ends} seconds, expected above 0 to {longest}"));
        }
        match self.0.iter().find(|[_, rate]| !(0.0..=highest).contains(rate)) {
            Some([at, rate]) => {
                Err(format!("found {rate} a second at {at} s, expected 0 to {highest}"))
            }
            None => Ok(()),
        }
    }

    /// When it ends, in seconds.
    pub fn ends_at(&self) -> f64 {
        self.0.last().map_or(0.0, |[at, _]| *at)
    }

    /// How many come in all, on average.
    pub fn total(&self) -> f64 {
        self.0.windows(2).map(|pair| area(pair[0], pair[1])).sum()
    }

    /// The same with every rate so many times as high.
    pub fn times(&self, factor: f64) -> Curve {
        Curve(self.0.iter().map(|[at, rate]| [*at, rate * factor]).collect())
    }

    /// The same for so many seconds: it ends sooner, or its last rate goes on.
    pub fn lasting(&self, seconds: f64) -> Curve {
        let mut points: Vec<[f64; 2]> = Vec::new();
        for [at, rate] in &self.0 {
            if *at < seconds {
                points.push([*at, *rate]);
                continue;
            }
            if let Some([from, low]) = points.last().filter(|[from, _]| from < at) {
                let rate = low + (rate - low) * (seconds - from) / (at - from);
                points.push([seconds, rate]);
            }
            return Curve(points);
        }
        let last = points.last().map(|[_, rate]| [seconds, *rate]);
        points.extend(last);
        Curve(points)
    }

    /// By when so many have come, in seconds, on average; none if so many do not come.
    fn reached(&self, number: f64) -> Option<f64> {
        let mut left = number;
        for pair in self.0.windows(2) {
            let ([from, low], [to, high]) = (pair[0], pair[1]);
            let here = area(pair[0], pair[1]);
            if left > here || here == 0.0 {
                left -= here;
                continue;
            }
            let slope = (high - low) / (to - from);
            // left = low t + slope t² / 2, solved without the difference of two nearly equal
            // numbers.
            let root = (low * low + 2.0 * slope * left).max(0.0).sqrt();
            return Some(from + (2.0 * left / (low + root)).min(to - from));
        }
        None
    }
}

fn area([from, low]: [f64; 2], [to, high]: [f64; 2]) -> f64 {
    (to - from) * (low + high) / 2.0
}

/// The times at which somebody comes, in seconds: as many as chance has it, by a Poisson process.
pub struct Arrivals<R> {
    curve: Curve,
    chance: R,
    come: f64,
}

impl<R: Rng> Arrivals<R> {
    /// Those of a curve.
    pub fn new(curve: Curve, chance: R) -> Arrivals<R> {
        Arrivals { curve, chance, come: 0.0 }
    }
}

impl<R: Rng> Iterator for Arrivals<R> {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        let gap: f64 = Exp1.sample(&mut self.chance);
        self.come += gap;
        self.curve.reached(self.come)
    }
}
