//! A promotion that was announced, as it stands in EARMARK_CLUSTER: what is sold, and when.
//!
//! Promises: it is armed from its lead before the start until its end and not a moment longer,
//! whether or not its note is still there; what is unknown in a note is passed over, so that a
//! newer build may say more.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::order::{read, write};
use crate::{
    cluster::Member,
    contract::{partition_of, time},
    domain::{
        ids::{EntityKey, Sku},
        time::{Span, Timestamp},
    },
    ports::Partition,
};

/// What the keys of all promotions begin with.
const KEYS: &str = "control.promotion.";

/// A promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promotion {
    /// Its name.
    pub name: String,
    /// What is sold: each SKU once.
    pub skus: BTreeSet<Sku>,
    /// When it begins: RFC 3339.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub start: Timestamp,
    /// When it is over: RFC 3339.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub end: Timestamp,
    /// When it was announced, by the server's clock: RFC 3339.
    #[serde(serialize_with = "write", deserialize_with = "read")]
    pub at: Timestamp,
    /// Who announced it.
    pub by: String,
    /// Why.
    pub reason: String,
}

impl Promotion {
    /// The key in EARMARK_CLUSTER of the promotion of this name.
    pub fn note(name: &str) -> String {
        format!("{KEYS}{}", Member::token(name))
    }

    /// Whether a key of the bucket is that of a promotion.
    pub fn is_at(key: &str) -> bool {
        key.starts_with(KEYS)
    }

    /// The bytes that the bucket keeps.
    pub fn encode(&self) -> Bytes {
        // A struct of texts is always JSON.
        serde_json::to_vec(self).unwrap_or_default().into()
    }

    /// A promotion from the bucket's bytes.
    pub fn decode(bytes: &[u8]) -> Result<Promotion, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Whether it is still to come, or going on.
    pub fn counts(&self, now: Timestamp) -> bool {
        now < self.end
    }

    /// From when on it is armed, with this lead.
    pub fn arms_at(&self, lead: Span) -> Timestamp {
        self.start - lead
    }

    /// Whether its SKUs are to be in memory now, and their partitions to stay where they are.
    pub fn is_armed(&self, now: Timestamp, lead: Span) -> bool {
        self.arms_at(lead) <= now && self.counts(now)
    }

    /// How long its note is to stand from now on: until the end, in whole seconds.
    pub fn lasts(&self, now: Timestamp) -> Duration {
        let micros = u64::try_from((self.end - now).0).unwrap_or(0);
        Duration::from_secs(micros.div_ceil(1_000_000).max(1))
    }

    /// How it stands now, in short.
    pub fn outlook(&self, partitions: Partition, lead: Span, now: Timestamp) -> Outlook {
        Outlook {
            name: self.name.clone(),
            skus: self.skus.len(),
            partitions: Promoted::of([self].into_iter(), partitions).partitions(),
            armed: self.is_armed(now, lead),
            arms_at: time::format(self.arms_at(lead)),
            start: time::format(self.start),
            end: time::format(self.end),
            at: time::format(self.at),
            by: self.by.clone(),
            reason: self.reason.clone(),
        }
    }
}

/// How a promotion stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outlook {
    /// Its name.
    pub name: String,
    /// How many SKUs it has.
    pub skus: usize,
    /// Their partitions, which are not moved for balance while it is armed.
    pub partitions: BTreeSet<Partition>,
    /// Whether it is armed now.
    pub armed: bool,
    /// From when on it is: RFC 3339.
    pub arms_at: String,
    /// When it begins: RFC 3339.
    pub start: String,
    /// When it is over: RFC 3339.
    pub end: String,
    /// When it was announced: RFC 3339.
    pub at: String,
    /// Who announced it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// The SKUs of promotions, by the partition that each is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promoted(BTreeMap<Partition, BTreeSet<EntityKey>>);

impl Promoted {
    /// The SKUs of all of these.
    pub fn of<'a>(
        promotions: impl Iterator<Item = &'a Promotion>,
        partitions: Partition,
    ) -> Promoted {
        let mut promoted: BTreeMap<Partition, BTreeSet<EntityKey>> = BTreeMap::new();
        for sku in promotions.flat_map(|promotion| &promotion.skus) {
            let key = EntityKey::Sku(sku.clone());
            promoted.entry(partition_of(&key, partitions)).or_default().insert(key);
        }
        Promoted(promoted)
    }

    /// Those of one partition, in the order of their keys.
    pub fn of_partition(&self, partition: Partition) -> impl Iterator<Item = &EntityKey> {
        self.0.get(&partition).into_iter().flatten()
    }

    /// The partitions that have some.
    pub fn partitions(&self) -> BTreeSet<Partition> {
        self.0.keys().copied().collect()
    }
}
