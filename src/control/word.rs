//! An operator's word that a quarantined SKU or order may decide again, as it stands in
//! EARMARK_CLUSTER.
//!
//! Promise: a word stands for a quarter of an hour, so that whoever serves the partition, or takes
//! it over, hears it, also where the format that it is journaled in is not written yet
//! (`cluster.format_after_s`); it ends one quarantine (`partition::Reinstatement`).

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::request::Who;
use crate::{
    cluster::Member,
    domain::ids::{EntityKey, OrderId, Sku},
};

/// How long a word stands.
pub const LASTS: Duration = Duration::from_secs(900);
/// What the keys of all words begin with.
const KEYS: &str = "control.resume.";

/// A word as it stands in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Who is to decide again: `sku` or `order`.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Word {
    /// The word by which an entity may decide again.
    pub fn of(entity: &EntityKey, who: &Who) -> Word {
        let kind = match entity {
            EntityKey::Sku(_) => "sku",
            EntityKey::Order(_) => "order",
        };
        let Who { by, reason } = who.clone();
        Word { kind: kind.to_owned(), key: entity.key().to_owned(), by, reason }
    }

    /// Whether a key of the bucket is that of a word.
    pub fn is_at(key: &str) -> bool {
        key.starts_with(KEYS)
    }

    /// Its own key there.
    pub fn note(&self) -> String {
        format!("{KEYS}{}.{}", self.kind, Member::token(&self.key))
    }

    /// Who is to decide again; nothing if this build knows no such kind.
    pub fn entity(&self) -> Option<EntityKey> {
        match self.kind.as_str() {
            "sku" => Sku::new(&self.key).ok().map(EntityKey::Sku),
            "order" => OrderId::new(&self.key).ok().map(EntityKey::Order),
            _ => None,
        }
    }

    /// The bytes that the bucket keeps.
    pub fn encode(&self) -> Bytes {
        // A struct of texts is always JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// A word from the bucket's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Word, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
