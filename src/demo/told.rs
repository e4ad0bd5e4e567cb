//! What the day's people are told: outcomes, as a shop reads them.

use serde::Deserialize;

use crate::embedded::Stored;

/// An outcome, as far as the day's people look at it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Told {
    /// The plain key of the entity.
    pub subject: String,
    /// Of what type it is.
    pub r#type: String,
    /// When it was decided.
    pub time: String,
    /// The outcome's own fields.
    pub data: Data,
}

/// The fields of all outcomes that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(default)]
pub struct Data {
    pub hold: Option<String>,
    pub owner: Option<String>,
    pub quantity: Option<u32>,
    pub lines: Vec<Line>,
    pub complete: bool,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Line {
    pub line: String,
    pub quantity: u32,
}

impl Told {
    /// An outcome as it stands in the log; none if it is no event that could be read.
    pub fn read(stored: &Stored) -> Option<Told> {
        serde_json::from_slice(&stored.payload).ok()
    }
}
