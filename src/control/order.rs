//! The level of safe mode that an operator ordered, as it stands in EARMARK_CLUSTER.
//!
//! Promise: an order counts until its end and not a moment longer, whether or not its note is still
//! there; what is unknown in a note is passed over, so that a newer build may say more.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    contract::time,
    domain::{Level, time::Timestamp},
};

/// The level that an operator ordered for all pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The level.
    pub level: Level,
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
    /// Its key in EARMARK_CLUSTER.
    pub const KEY: &str = "control.safe-mode";

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

/// The level by which a pod works: what is ordered, while that counts, else its own.
pub fn effective(ordered: Option<&Order>, own: Level, now: Timestamp) -> Level {
    ordered.filter(|order| order.counts(now)).map_or(own, |order| order.level)
}

fn write<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&time::format(*time))
}

fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    time::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no RFC 3339 time")))
}
