//! What operators have ordered, as it stands in EARMARK_CLUSTER: a level of safe mode, or that
//! something is paused.
//!
//! Promises: an order counts until its end and not a moment longer, whether or not its note is
//! still there; what is unknown in a note is passed over, so that a newer build may say more.

use std::{collections::BTreeSet, fmt};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    cluster::Member,
    contract::time,
    domain::{
        Level,
        event::Lane,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    ports::Partition,
};

/// What the keys of all pauses begin with.
const PAUSES: &str = "control.pause.";

/// What is ordered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A level of safe mode for all pods.
    Level(Level),
    /// A lane is not read.
    Lane(Lane),
    /// No lane of a partition is read.
    Partition(Partition),
    /// A SKU decides nothing; what comes for it waits.
    Sku(Sku),
    /// An order decides nothing; what comes for it waits.
    Order(OrderId),
}

impl What {
    /// Its key in EARMARK_CLUSTER.
    pub fn note(&self) -> String {
        match self {
            What::Level(_) => Order::LEVEL.to_owned(),
            What::Lane(lane) => format!("{PAUSES}lane.{}", lane.as_str()),
            What::Partition(partition) => format!("{PAUSES}partition.{partition}"),
            What::Sku(sku) => format!("{PAUSES}sku.{}", Member::token(sku.as_str())),
            What::Order(order) => format!("{PAUSES}order.{}", Member::token(order.as_str())),
        }
    }

    /// The SKU or order that it is about.
    pub fn entity(&self) -> Option<EntityKey> {
        match self {
            What::Sku(sku) => Some(EntityKey::Sku(sku.clone())),
            What::Order(order) => Some(EntityKey::Order(order.clone())),
            What::Level(_) | What::Lane(_) | What::Partition(_) => None,
        }
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Level(level) => write!(f, "level {}", level.number()),
            What::Lane(lane) => write!(f, "lane {}", lane.as_str()),
            What::Partition(partition) => write!(f, "partition {partition}"),
            What::Sku(sku) => write!(f, "SKU {}", sku.as_str()),
            What::Order(order) => write!(f, "order {}", order.as_str()),
        }
    }
}

/// An order of an operator's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What is ordered.
    #[serde(flatten)]
    pub what: What,
    /// Who ordered it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, by the server's clock: RFC 3339.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub at: Timestamp,
    /// Until when it counts: RFC 3339.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub until: Timestamp,
}

impl Order {
    /// The key of the level of safe mode in EARMARK_CLUSTER.
    pub const LEVEL: &str = "control.safe-mode";

    /// Whether a key of the bucket is that of an order.
    pub fn is_at(key: &str) -> bool {
        key == Order::LEVEL || key.starts_with(PAUSES)
    }

    /// The bytes that the bucket keeps.
    pub fn encode(&self) -> Bytes {
        // A struct of numbers and texts is always JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// An order from the bucket's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Order, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Whether it still counts.
    pub fn counts(&self, now: Timestamp) -> bool {
        now < self.until
    }
}

/// All orders that count at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Orders {
    /// The level of safe mode; `null` if each pod goes by its own load.
    pub ordered: Option<Order>,
    /// What is paused.
    pub pauses: Vec<Order>,
}

impl Orders {
    /// Those of these that count now.
    pub fn counting<'a>(all: impl Iterator<Item = &'a Order>, now: Timestamp) -> Orders {
        let counting = all.filter(|order| order.counts(now)).cloned();
        let (levels, pauses): (Vec<_>, Vec<_>) =
            counting.partition(|order| matches!(order.what, What::Level(_)));
        Orders { ordered: levels.into_iter().next_back(), pauses }
    }

    /// The level by which a pod works: what is ordered, else its own.
    pub fn level(&self, own: Level) -> Level {
        match self.ordered.as_ref().map(|order| &order.what) {
            Some(What::Level(level)) => *level,
            _ => own,
        }
    }

    /// What is paused.
    pub fn paused(&self) -> Paused {
        let mut paused = Paused::default();
        for pause in &self.pauses {
            match &pause.what {
                What::Lane(lane) => drop(paused.lanes.insert(*lane)),
                What::Partition(partition) => drop(paused.partitions.insert(*partition)),
                other => paused.entities.extend(other.entity()),
            }
        }
        paused
    }
}

/// What is paused. What actors say to one another always goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paused {
    /// Lanes of which nothing is read.
    pub lanes: BTreeSet<Lane>,
    /// Partitions of which nothing is read.
    pub partitions: BTreeSet<Partition>,
    /// SKUs and orders that decide nothing.
    pub entities: BTreeSet<EntityKey>,
}

impl Paused {
    /// Which lanes of a partition are not read, in the order of [`Lane::ALL`].
    pub fn lanes(&self, partition: Partition) -> [bool; 4] {
        let all = self.partitions.contains(&partition);
        Lane::ALL.map(|lane| all || self.lanes.contains(&lane))
    }
}

pub(super) fn write<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time::format(*time))
}

pub(super) fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    time::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no RFC 3339 time")))
}
