//! `earmark demo`: a promotion day in one directory, with a crash in the middle.
//!
//! The day is the same for a seed, whatever the machine does: shoppers and warehouses ([`shop`])
//! act by what they were told before, in phases that are decided to the end before the next one
//! begins ([`day`]), on a clock that is set and does not run ([`crate::hosted`]). The
//! [`player`] is a process of its own, so that it can be killed like one; the [`conductor`] starts
//! it, kills it in the middle, and starts it again. The [`audit`] believes nobody: it folds the
//! journal, looks at every stream, and compares.

mod audit;
mod catalogue;
pub mod conductor;
pub mod day;
mod event;
pub mod player;
pub mod report;
mod shop;
mod told;

use serde::{Deserialize, Serialize};

/// What a day is made from: the same numbers give the same day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// About how many events there are.
    pub events: u32,
    /// How many SKUs are sold.
    pub skus: u32,
    /// What chance begins with.
    pub seed: u64,
}

/// What a player tells its conductor, a line of JSON each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// How far it is.
    Progress(Progress),
    /// The day is over.
    Over(Box<report::Day>),
}

/// How far a player is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// The time of the day, `HH:MM`.
    pub at: String,
    /// What is going on.
    pub doing: String,
    /// Events that have been published, in all.
    pub published: u64,
    /// Decisions since the player was started.
    pub decided: u64,
    /// For how long it has been playing, in milliseconds; recovery and audit are not counted.
    pub playing_ms: u64,
    /// How long each answer took since the last line, from publication, in microseconds.
    pub answered_us: Vec<u32>,
}
