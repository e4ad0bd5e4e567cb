//! What came of a day.

use serde::{Deserialize, Serialize};

use super::Plan;
use crate::audit::Counts;

/// What came of a day: for a plan always the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// What there was.
    #[serde(flatten)]
    pub counts: Counts,
    /// The hash of all quantities, open holds, lines and payments.
    pub state: String,
    /// Promises that were broken, in words. Empty.
    pub broken: Vec<String>,
}

/// A day, and how it was played.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What it was made from.
    pub plan: Plan,
    /// What came of it.
    pub day: Day,
    /// How it was played: never twice the same.
    pub run: Run,
}

/// How a day was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Times that the pod was killed.
    pub crashes: u32,
    /// Seconds in all.
    pub seconds: f64,
    /// Events that this run published.
    pub published: u64,
    /// Events a second, while the day was played.
    pub events_per_s: f64,
    /// Decisions on events a second.
    pub decisions_per_s: f64,
    /// From publication to the committed answer, in milliseconds: the median.
    pub answer_p50_ms: f64,
    /// The same, of 99 in a hundred.
    pub answer_p99_ms: f64,
}
