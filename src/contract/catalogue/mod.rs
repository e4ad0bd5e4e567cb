//! What a dead letter means for the shop: how much it matters, who can do something about it, whom
//! to call, whether it may be replayed, and what an hour of it costs.
//!
//! Promises: each is taken from the most specific row of the table that says it, so that there is
//! an answer for every reason, type and lane. It is looked up when a letter is sent and is not
//! journaled: the table may change between two letters, and no decision depends on it.

mod read;

use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

pub use self::read::{ESCALATION_MAX_CHARS, OWNER_MAX_BYTES, Wrong, over_shipped};
use super::Severity;
use crate::domain::{event::Lane, refusal::Reason};

/// The built-in table, which is also its own documentation.
pub const SHIPPED: &str = include_str!("../../../config/dead-letters.toml");

/// Whether a dead letter may be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// What was wrong was not the event.
    AsIs,
    /// The event itself is wrong.
    AfterCorrection,
    /// It must not be.
    Never,
}

impl Replay {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Replay::AsIs => "as_is",
            Replay::AfterCorrection => "after_correction",
            Replay::Never => "never",
        }
    }
}

/// An estimate of what an hour costs in which letters of a kind lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// In minor units; 0 where nobody knows.
    pub minor: u64,
    /// ISO 4217.
    pub currency: String,
}

/// For which types a row is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kinds {
    Any,
    Begin(String),
    One(String),
}

impl Kinds {
    /// How specific it is where it fits.
    fn fit(&self, kind: Option<&str>) -> Option<u8> {
        match (self, kind) {
            (Kinds::Any, _) => Some(0),
            (Kinds::Begin(begin), Some(kind)) => kind.starts_with(begin.as_str()).then_some(1),
            (Kinds::One(own), Some(kind)) => (own == kind).then_some(2),
            (Kinds::Begin(_) | Kinds::One(_), None) => None,
        }
    }
}

/// A row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    reason: Option<Reason>,
    kinds: Kinds,
    lane: Option<Lane>,
    severity: Option<Severity>,
    owner: Option<String>,
    escalation: Option<String>,
    replay: Option<Replay>,
    cost: Option<Cost>,
}

/// How specific a row is: by reason, then by type, then by lane.
type Rank = (bool, u8, bool);

impl Row {
    fn rank(&self, reason: Reason, kind: Option<&str>, lane: Lane) -> Option<Rank> {
        let own_reason = self.reason.is_none_or(|own| own == reason);
        let own_lane = self.lane.is_none_or(|own| own == lane);
        let kinds = self.kinds.fit(kind)?;
        (own_reason && own_lane).then_some((self.reason.is_some(), kinds, self.lane.is_some()))
    }
}

/// The table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    rows: Vec<Row>,
}

/// What the table says of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Handling<'a> {
    /// How much it matters.
    pub severity: Severity,
    /// Who can do something about it.
    pub owner: &'a str,
    /// Whom to call, and after how long.
    pub escalation: &'a str,
    /// Whether it may be replayed.
    pub replay: Replay,
    /// What an hour of it costs, as far as somebody has estimated it.
    pub cost: Option<&'a Cost>,
}

impl Catalogue {
    /// The built-in one.
    pub fn shipped() -> Arc<Catalogue> {
        static SHIPPED_ONCE: OnceLock<Arc<Catalogue>> = OnceLock::new();
        // A test sees that it can be read.
        SHIPPED_ONCE.get_or_init(|| over_shipped(None).unwrap_or_default().into()).clone()
    }

    /// Whether a row names this reason.
    pub fn names(&self, reason: Reason) -> bool {
        self.rows.iter().any(|row| row.reason == Some(reason))
    }

    /// What it says of a letter of this reason and type, read from this lane.
    pub fn handling(&self, reason: Reason, kind: Option<&str>, lane: Lane) -> Handling<'_> {
        let ranked = self.rows.iter().filter_map(|row| Some((row.rank(reason, kind, lane)?, row)));
        let mut ranked: Vec<(Rank, &Row)> = ranked.collect();
        // Stable, so that of two alike the later one comes last.
        ranked.sort_by_key(|(rank, _)| *rank);
        let rows = || ranked.iter().rev().map(|(_, row)| *row);
        Handling {
            severity: rows().find_map(|row| row.severity).unwrap_or(Severity::High),
            owner: rows().find_map(|row| row.owner.as_deref()).unwrap_or("operator"),
            escalation: rows().find_map(|row| row.escalation.as_deref()).unwrap_or_default(),
            replay: rows().find_map(|row| row.replay).unwrap_or(Replay::AfterCorrection),
            cost: rows().find_map(|row| row.cost.as_ref()).filter(|cost| cost.minor > 0),
        }
    }
}
