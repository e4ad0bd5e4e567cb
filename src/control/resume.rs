//! An operator's word that a quarantined SKU or order may decide again: as it is asked on
//! `earmark.control.resume`, as it stands in EARMARK_CLUSTER, and as it is answered.
//!
//! Promise: a word stands for a quarter of an hour, so that whoever serves the partition, or takes
//! it over, hears it, also where the format that it is journaled in is not written yet
//! (`cluster.format_after_s`); it ends one quarantine (`partition::Reinstatement`).

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Code, Refused},
    fields::Fields,
    request::Who,
};
use crate::{
    cluster::Member,
    domain::ids::{EntityKey, OrderId, Sku},
};

/// How long a word stands.
pub const LASTS: Duration = Duration::from_secs(900);
/// What the keys of all words begin with.
const KEYS: &str = "control.resume.";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resume {
    /// Who is to decide again.
    pub entity: EntityKey,
    /// Who asks, and why.
    pub who: Who,
}

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

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ResumeAnswer {
    /// It is said.
    Said {
        /// The word.
        resume: Word,
        /// The partition whose owner heeds it.
        partition: u16,
        /// Where EARMARK_AUDIT has it.
        audit: u64,
    },
    /// It is not.
    Refused(Refused),
}

impl Resume {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn parse(payload: &[u8]) -> Result<Resume, Refused> {
        let fields = Fields::parse(payload, &["sku", "order", "reason", "by"])?;
        let (sku, order) = (fields.key("sku")?, fields.key("order")?);
        let entity = match (sku, order) {
            (Some(sku), None) => Sku::new(&sku).ok().map(EntityKey::Sku),
            (None, Some(order)) => OrderId::new(&order).ok().map(EntityKey::Order),
            _ => {
                return Err(Refused::field(Code::Missing, "sku", None, "either a sku or an order"));
            }
        };
        let entity = entity
            .ok_or_else(|| Refused::field(Code::OutOfRange, "sku", None, "a key of an event"))?;
        Ok(Resume { entity, who: fields.who()? })
    }

    /// The word that it gives.
    pub fn word(&self) -> Word {
        let kind = match &self.entity {
            EntityKey::Sku(_) => "sku",
            EntityKey::Order(_) => "order",
        };
        let Who { by, reason } = self.who.clone();
        Word { kind: kind.to_owned(), key: self.entity.key().to_owned(), by, reason }
    }
}

impl Word {
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
