//! A plan: who comes when, what is sold, what goes wrong, and what has to hold.
//!
//! Promises: a plan that is taken can be played. Whatever is wrong with one is said at once, each
//! with its key, what was found there, what was expected, and what to do. `config/load` has plans
//! with every key and its unit.

mod checked;

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::curve::Curve;
use crate::error::{Exit, Failure};

/// A plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// What it is about, in a sentence.
    pub about: String,
    /// What chance begins with.
    #[serde(default = "one")]
    pub seed: u64,
    /// How many shoppers come when: points of seconds and shoppers a second, joined by lines.
    pub arrivals: Curve,
    /// As many come as that, times this: `--rate`. No part of what the plan says.
    #[serde(skip, default = "once")]
    pub rate: f64,
    /// How long what was begun may take to end, in seconds.
    #[serde(default = "two_minutes")]
    pub settle_within_s: f64,
    /// Whether what the logs forget meanwhile is kept beside them, for the check at the end.
    #[serde(default)]
    pub copies: bool,
    /// What is sold.
    #[serde(default)]
    pub catalogue: Catalogue,
    /// What shoppers do.
    #[serde(default)]
    pub shoppers: Shoppers,
    /// How they pay.
    #[serde(default)]
    pub payments: Payments,
    /// What the warehouse does.
    #[serde(default)]
    pub warehouse: Warehouse,
    /// Programs that ask for what everybody wants, and buy nothing.
    #[serde(default)]
    pub bots: Bots,
    /// What publishers do wrong.
    #[serde(default)]
    pub publishers: Publishers,
    /// The pods that are started.
    #[serde(default)]
    pub pods: Pods,
    /// What is broken on purpose.
    #[serde(default)]
    pub faults: Vec<Fault>,
    /// What has to hold.
    #[serde(default)]
    pub objectives: Objectives,
}

/// What is sold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Catalogue {
    /// How many SKUs.
    pub skus: u32,
    /// How unevenly they are asked for: the exponent of Zipf's law; 0 is evenly.
    pub skew: f64,
    /// Units of each at the beginning.
    pub stock: u32,
    /// The SKUs that are promoted, from 0 on.
    pub hot_skus: u32,
    /// Units of each of these at the beginning.
    pub hot_stock: u32,
    /// From when on they are asked for, in seconds.
    pub hot_from_s: f64,
    /// The share of lines that are for them from then on.
    pub hot_share: f64,
}

/// What shoppers do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shoppers {
    /// The share who fill a cart first; the others order at once.
    pub carts: f64,
    /// The shares of baskets of one line, two, three, and so on.
    pub baskets: Vec<f64>,
    /// How long they think before they order, in seconds: at least and at most.
    pub think_s: [f64; 2],
    /// How long a cart keeps its units, in seconds.
    pub cart_ttl_s: u32,
    /// The share of carts that are left without a word.
    pub abandon: f64,
    /// The share of carts that are emptied.
    pub release: f64,
    /// The share of reserved orders that are cancelled.
    pub cancel: f64,
    /// How often somebody who is told to come back comes back.
    pub patience: u32,
}

/// How shoppers pay.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Payments {
    /// How long a payment takes, in seconds: at least and at most.
    pub after_s: [f64; 2],
    /// How long it may take, in seconds; later the order has expired.
    pub due_s: u32,
    /// The share that fail. Half of these try again.
    pub fail: f64,
    /// The share that never come.
    pub never: f64,
}

/// What the warehouse does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Warehouse {
    /// The share of confirmed orders that leave while shoppers still come.
    pub ships: f64,
    /// How long it takes until a parcel leaves, in seconds: at least and at most.
    pub ships_after_s: [f64; 2],
    /// Messages of carriers about each parcel.
    pub tracking: u32,
    /// The share of parcels that come back.
    pub returns: f64,
    /// Deliveries of goods a second, each to one SKU.
    pub restocks_per_s: f64,
    /// Units in each of them.
    pub restock_units: u32,
    /// Descriptions that change, a second.
    pub descriptions_per_s: f64,
}

/// Programs that ask for what everybody wants, and buy nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bots {
    /// The share of arrivals that are bots.
    pub share: f64,
    /// Holds that each of them asks for.
    pub holds: u32,
}

/// What publishers do wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Publishers {
    /// The share of events that are published twice.
    pub duplicates: f64,
    /// For each event, events that nobody can read.
    pub malformed: f64,
}

/// The pods that are started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pods {
    /// How many.
    pub count: u32,
    /// Partitions.
    pub partitions: u16,
    /// Settings of each, by key: `"engine.max_decisions_per_s" = 3000`.
    pub settings: BTreeMap<String, toml::Value>,
}

/// Something that is broken on purpose.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// When, in seconds after the beginning.
    pub at_s: f64,
    /// What is done.
    pub what: Breakage,
    /// To what: `pod-1` and so on, `nats` or `redis`.
    pub of: String,
    /// For how long, in seconds.
    pub for_s: f64,
}

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breakage {
    /// It is killed, and started again.
    Kill,
    /// It stands still, and goes on.
    Freeze,
    /// Nobody reaches it (a server), or it reaches nobody (a pod); then the network is back.
    Cut,
}

impl Breakage {
    /// Its name, as in a plan.
    pub fn as_str(self) -> &'static str {
        match self {
            Breakage::Kill => "kill",
            Breakage::Freeze => "freeze",
            Breakage::Cut => "cut",
        }
    }
}

/// What has to hold. That no promise is broken has to hold always.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Objectives {
    /// The wait for the answer to a hold that 99 of 100 must be below.
    pub hold_p99_ms: Option<f64>,
    /// For the answer to an order.
    pub order_p99_ms: Option<f64>,
    /// For an order to be reserved or rejected.
    pub reserved_p99_ms: Option<f64>,
    /// For the answer to what finishes or frees a promise.
    pub settlement_p99_ms: Option<f64>,
    /// The share of what was asked that must be answered with a decision, at least.
    pub decided_min: Option<f64>,
    /// The highest level of safe mode.
    pub level_max: Option<u8>,
    /// After how many seconds all that was begun must be over.
    pub settled_after_s_max: Option<f64>,
    /// From when on what a run holds, and how long is waited in it, must be level, in seconds.
    pub level_after_s: Option<f64>,
    /// By which share memory, open files, streams and Redis may grow from then on.
    pub growth_max: Option<f64>,
    /// By which share waits may.
    pub waits_growth_max: Option<f64>,
}

fn one() -> u64 {
    1
}

fn once() -> f64 {
    1.0
}

fn two_minutes() -> f64 {
    120.0
}

impl Default for Catalogue {
    fn default() -> Catalogue {
        Catalogue {
            skus: 1_000,
            skew: 0.8,
            stock: 1_000,
            hot_skus: 0,
            hot_stock: 100,
            hot_from_s: 0.0,
            hot_share: 0.0,
        }
    }
}

impl Default for Shoppers {
    fn default() -> Shoppers {
        Shoppers {
            carts: 0.7,
            baskets: vec![0.6, 0.25, 0.1, 0.05],
            think_s: [0.5, 3.0],
            cart_ttl_s: 30,
            abandon: 0.2,
            release: 0.05,
            cancel: 0.02,
            patience: 3,
        }
    }
}

impl Default for Payments {
    fn default() -> Payments {
        Payments { after_s: [0.5, 3.0], due_s: 60, fail: 0.03, never: 0.02 }
    }
}

impl Default for Warehouse {
    fn default() -> Warehouse {
        Warehouse {
            ships: 0.5,
            ships_after_s: [1.0, 5.0],
            tracking: 1,
            returns: 0.02,
            restocks_per_s: 1.0,
            restock_units: 50,
            descriptions_per_s: 1.0,
        }
    }
}

impl Default for Bots {
    fn default() -> Bots {
        Bots { share: 0.0, holds: 10 }
    }
}

impl Default for Publishers {
    fn default() -> Publishers {
        Publishers { duplicates: 0.01, malformed: 0.0 }
    }
}

impl Default for Pods {
    fn default() -> Pods {
        Pods { count: 1, partitions: 16, settings: BTreeMap::new() }
    }
}

impl Plan {
    /// Reads and checks a file.
    pub fn read(file: &Path) -> Result<Plan, Failure> {
        let at = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::new(Exit::Usage, format!("{at}: {error}"))
                .advise("name a plan; config/load has eight")
        })?;
        Plan::parse(&text).map_err(|why| {
            let text = format!("{at} is no plan that can be played\n{why}");
            Failure::new(Exit::Usage, text)
                .advise("correct it; config/load/steady.toml has each key")
        })
    }

    /// Reads and checks a text.
    ///
    /// # Errors
    /// Everything that is wrong, a line each.
    pub fn parse(text: &str) -> Result<Plan, String> {
        toml::from_str::<Plan>(text).map_err(|error| error.to_string())?.checked()
    }

    /// The same with so many times as many shoppers.
    pub fn at_rate(self, rate: f64) -> Result<Plan, String> {
        Plan { rate, ..self }.checked()
    }

    /// The same, with shoppers who come for so many seconds.
    pub fn lasting(self, seconds: f64) -> Result<Plan, String> {
        Plan { arrivals: self.arrivals.lasting(seconds), ..self }.checked()
    }

    fn checked(self) -> Result<Plan, String> {
        match self.problems() {
            problems if problems.is_empty() => Ok(self),
            problems => Err(problems.join("\n")),
        }
    }

    /// A hash of all that it says, but for the seed and the rate.
    pub fn hash(&self) -> String {
        let same = Plan { seed: 0, ..self.clone() };
        let text = serde_json::to_vec(&same).unwrap_or_default();
        blake3::hash(&text).to_hex()[..16].to_owned()
    }

    /// How many shoppers come when, at its rate.
    pub fn shoppers_come(&self) -> Curve {
        self.arrivals.times(self.rate)
    }

    /// For how many seconds shoppers come.
    pub fn duration_s(&self) -> f64 {
        self.arrivals.ends_at()
    }
}
