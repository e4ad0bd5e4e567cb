//! What a load test found, as numbers: what `--json` writes, what is compared, and what the page
//! with plots is drawn from.
//!
//! Promises: all waits are from the time at which a shopper meant to ask, not from when the load
//! came to send it, so that a slow system cannot hide behind a slow sender. Milliseconds, unless a
//! name says otherwise.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::audit::Findings;

/// A run of a plan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The version of Earmark that was tested.
    pub version: String,
    /// The plan's name.
    pub plan: String,
    /// What it is about.
    pub about: String,
    /// A hash of all that it says, but for the seed and the rate.
    #[serde(default)]
    pub plan_hash: String,
    /// As many shoppers came as it has, times this.
    #[serde(default)]
    pub rate: f64,
    /// What chance began with.
    pub seed: u64,
    /// When it began, RFC 3339.
    pub began: String,
    /// Where it ran.
    pub machine: Machine,
    /// For how many seconds shoppers came.
    pub duration_s: f64,
    /// How many seconds it took until all that they had begun was over.
    pub settled_after_s: f64,
    /// What was asked, and how long it was waited for the answer, by kind.
    pub waits: BTreeMap<Kind, Waits>,
    /// The same over time, a second each.
    pub seconds: Vec<Second>,
    /// What was seen of the pods over time.
    pub looks: Vec<Look>,
    /// The SKUs that were asked for most.
    pub hot: Vec<Hot>,
    /// What came of holds, orders and other events, by name.
    pub outcomes: BTreeMap<String, u64>,
    /// What was broken on purpose.
    pub faults: Vec<Fault>,
    /// Promises that were broken.
    pub verdict: Findings,
    /// What could not be compared any more, in words.
    #[serde(default)]
    pub unchecked: Vec<String>,
    /// What was still under way when the time for it was over, in words; nothing if all had come to
    /// rest. What the verdict then lists may only be late.
    #[serde(default)]
    pub unsettled: Option<String>,
    /// What the plan asked for, and whether it was so.
    pub objectives: Vec<Objective>,
}

impl Report {
    /// Whether all came to rest, no promise was broken and every objective was reached.
    pub fn holds(&self) -> bool {
        let reached = self.objectives.iter().all(|objective| objective.holds);
        self.unsettled.is_none() && self.verdict.is_clean() && reached
    }

    /// Whether a promise was broken for certain. While something is under way, what looks lost
    /// or stuck may only be late; what was sold or done twice was.
    pub fn is_broken(&self) -> bool {
        match self.unsettled {
            None => !self.verdict.is_clean(),
            Some(_) => !self.verdict.oversold.is_empty() || !self.verdict.twice.is_empty(),
        }
    }

    /// How many events were asked for in all, and how many were answered. That an order is
    /// reserved is said of an event that was answered before.
    pub fn total(&self) -> (u64, u64) {
        let events = self.waits.iter().filter(|(kind, _)| **kind != Kind::Reserved);
        events.fold((0, 0), |(asked, answered), (_, waits)| {
            (asked + waits.asked, answered + waits.answered)
        })
    }

    /// The levels of safe mode, one after the other.
    pub fn levels(&self) -> Vec<u8> {
        let mut levels: Vec<u8> = self.looks.iter().map(|look| look.level).collect();
        levels.dedup();
        levels
    }

    /// The streams that were seen.
    pub fn streams(&self) -> BTreeSet<&str> {
        let looks = self.looks.iter();
        looks.flat_map(|look| look.streams_bytes.keys().map(String::as_str)).collect()
    }
}

/// Where a test ran.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processors that may be used.
    pub processors: usize,
    /// Pods that ran.
    pub pods: usize,
    /// Partitions.
    pub partitions: u16,
}

/// What somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A hold for a cart, until its answer.
    Hold,
    /// An order, until the answer that it is taken.
    Order,
    /// An order, until it is said to be reserved or rejected.
    Reserved,
    /// What finishes or frees a promise (payments, cancellations, releases, parcels), until its
    /// answer.
    Settlement,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Hold, Kind::Order, Kind::Reserved, Kind::Settlement];

    /// Its name, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Hold => "hold",
            Kind::Order => "order",
            Kind::Reserved => "reserved",
            Kind::Settlement => "settlement",
        }
    }
}

/// How long a kind was waited for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// Events that somebody meant to send.
    pub asked: u64,
    /// Of these, answered with a decision.
    pub answered: u64,
    /// Answers that asked to come back later. Whoever does still waits, since they first asked.
    pub busy: u64,
    /// Those who were told so too often, and came back no more.
    #[serde(default)]
    pub gave_up: u64,
    /// Decisions that refused.
    pub refused: u64,
    /// Never answered.
    pub unanswered: u64,
    /// The wait for a decision that half were below.
    pub p50_ms: f64,
    /// That 90 of 100 were below.
    pub p90_ms: f64,
    /// That 99 of 100 were below.
    pub p99_ms: f64,
    /// That 999 of 1,000 were below.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// The distribution: shares of 100, and the wait that they were below.
    pub distribution: Vec<(f64, f64)>,
}

/// A second of shoppers' time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Second {
    /// Which one, from 0.
    pub at_s: u64,
    /// Events that were meant to be sent in it, of all kinds.
    pub asked: u64,
    /// Answers that came in it.
    pub answered: u64,
    /// Of these, how many asked to come back later.
    pub busy: u64,
    /// By kind, the waits of what was meant to be sent in it: p50 and p99.
    pub waits: BTreeMap<Kind, (f64, f64)>,
}

/// What was seen of the pods at a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Look {
    /// Seconds after the beginning.
    pub at_s: f64,
    /// The highest level of safe mode of any pod.
    pub level: u8,
    /// By lane, how late the latest pod was, in seconds.
    pub late_s: BTreeMap<String, f64>,
    /// The memory of all pods, in bytes.
    pub memory_bytes: u64,
    /// Files and connections that all pods have open.
    #[serde(default)]
    pub open_files: u32,
    /// By stream, how much it holds, in bytes.
    #[serde(default)]
    pub streams_bytes: BTreeMap<String, u64>,
    /// What Redis holds in memory, in bytes; nothing while it does not answer.
    #[serde(default)]
    pub redis_bytes: Option<u64>,
    /// Promised units that are not there any more.
    #[serde(default)]
    pub short_units: u64,
}

/// A SKU that many asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hot {
    /// Its key.
    pub sku: String,
    /// Holds and lines of orders that asked for it.
    pub asked: u64,
    /// Units that carts were granted.
    pub granted: u64,
    /// Holds that were refused.
    pub refused: u64,
}

/// What was broken on purpose.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Seconds after the beginning.
    pub at_s: f64,
    /// Seconds until it was mended.
    pub for_s: f64,
    /// What was done to what: `kill pod-1`.
    pub what: String,
    /// The longest wait of what was asked meanwhile and in the ten seconds after.
    pub longest_wait_ms: f64,
}

/// What a plan asks for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Objective {
    /// Its key in the plan.
    pub name: String,
    /// What was asked for.
    pub wanted: f64,
    /// What was found.
    pub found: f64,
    /// Whether it was so.
    pub holds: bool,
}
