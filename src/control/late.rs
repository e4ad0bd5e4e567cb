//! An operator's word that one event may be decided however late it is: as it is asked on
//! `earmark.control.allow-stale`, as it stands in EARMARK_CLUSTER, and as it is answered.
//!
//! Promises: a word names one event of one SKU or order, and counts for what the log takes in the
//! quarter of an hour after it (`partition::Lateness` says how much less where ids are remembered
//! for a shorter time). No event can say it of itself.

use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    answer::{Code, Refused},
    fields::Fields,
    request::Who,
};
use crate::{
    contract::{EntityType, IDENTITY_MAX_BYTES, event_key, time},
    domain::{
        ids::{EntityKey, EventKey},
        time::Timestamp,
    },
};

/// How long a word counts, in seconds.
pub const COUNTS_S: u32 = 900;
/// How long it stands in the bucket.
pub const LASTS: Duration = Duration::from_secs(COUNTS_S as u64);
/// What the keys of all words begin with.
const KEYS: &str = "control.late.";

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowStale {
    /// Whose event it is.
    pub entity: EntityKey,
    /// The event's `source`.
    pub source: String,
    /// Its `id`.
    pub id: String,
    /// Who asks, and why.
    pub who: Who,
}

/// A word as it stands in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Late {
    /// Whose event it is: that of a `sku` or of an `order`.
    pub kind: String,
    /// Its key.
    pub key: String,
    /// The event's `source`.
    pub source: String,
    /// Its `id`.
    pub id: String,
    /// When it was said, by the server's clock: RFC 3339.
    pub at: String,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl AllowStale {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn parse(payload: &[u8]) -> Result<AllowStale, Refused> {
        let known = &["sku", "order", "source", "id", "reason", "by"];
        let fields = Fields::parse(payload, known)?;
        let entity = match (fields.key("sku")?, fields.key("order")?) {
            (Some(sku), None) => EntityType::Sku.key(&sku).ok(),
            (None, Some(order)) => EntityType::Order.key(&order).ok(),
            _ => {
                return Err(Refused::field(Code::Missing, "sku", None, "either a sku or an order"));
            }
        };
        let entity = entity
            .ok_or_else(|| Refused::field(Code::OutOfRange, "sku", None, "a key of an event"))?;
        let source = fields.text("source", IDENTITY_MAX_BYTES, "the event's source")?;
        let id = fields.text("id", IDENTITY_MAX_BYTES, "the event's id")?;
        Ok(AllowStale { entity, source, id, who: fields.who()? })
    }

    /// The word that it gives now.
    pub fn word(&self, now: Timestamp) -> Late {
        let Who { by, reason } = self.who.clone();
        Late {
            kind: self.entity.entity().to_owned(),
            key: self.entity.key().to_owned(),
            source: self.source.clone(),
            id: self.id.clone(),
            at: time::format(now),
            by,
            reason,
        }
    }
}

impl Late {
    /// Whether a key of the bucket is that of a word.
    pub fn is_at(key: &str) -> bool {
        key.starts_with(KEYS)
    }

    /// The event that it names.
    pub fn event(&self) -> EventKey {
        event_key(&self.source, &self.id)
    }

    /// Its own key there.
    pub fn note(&self) -> String {
        // An id is one event of each SKU and order that it is published for.
        let of = event_key(&self.kind, &self.key);
        format!("{KEYS}{:032x}.{:032x}", of.0, self.event().0)
    }

    /// Whose event it is; nothing if this build knows no such kind.
    pub fn entity(&self) -> Option<EntityKey> {
        let kind = EntityType::ALL.into_iter().find(|kind| kind.as_str() == self.kind)?;
        kind.key(&self.key).ok()
    }

    /// When it was said.
    pub fn said_at(&self) -> Option<Timestamp> {
        time::parse(&self.at)
    }

    /// The bytes that the bucket keeps.
    pub fn encode(&self) -> Bytes {
        // A struct of texts is always JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// A word from the bucket's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Late, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}
