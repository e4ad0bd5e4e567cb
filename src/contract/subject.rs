//! Subjects of NATS: the one canonical spelling of a key, the partition it belongs to, and every
//! subject that is made of them.
//!
//! A key is percent-encoded so that it is one token whatever it holds: every byte that does not
//! [stand for itself](stands_for_itself) is `%XX` with upper-case digits. Any other spelling of the
//! same key is refused, since the server computes the partition from the spelling.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::domain::{
    event::Lane,
    ids::{BadName, EntityKey, KEY_ENCODED_MAX_BYTES, OrderId, Sku, encoded_len},
    refusal::Reason,
};

/// What producers publish to, as the source of the stream's subject transform.
pub const TRANSFORM_SOURCE: &str = "earmark.in.*.*.*";
/// The longest subject that an answer may go to, in bytes.
pub const REPLY_TO_MAX_BYTES: usize = 512;
/// The token that stands for a key which could not be read.
pub const NO_KEY: &str = "-";
/// The token that stands for an entity which could not be read.
pub const NO_ENTITY: &str = "unknown";

/// The bytes that are encoded: all but those that stand for themselves.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'~');

/// The two kinds of entities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntityType {
    /// A stock keeping unit.
    Sku,
    /// An order.
    Order,
}

impl EntityType {
    /// Both.
    pub const ALL: [EntityType; 2] = [EntityType::Sku, EntityType::Order];

    /// The entity's token in a subject.
    pub const fn as_str(self) -> &'static str {
        match self {
            EntityType::Sku => "sku",
            EntityType::Order => "order",
        }
    }

    /// Of which kind an entity is.
    pub const fn of(key: &EntityKey) -> EntityType {
        match key {
            EntityKey::Sku(_) => EntityType::Sku,
            EntityKey::Order(_) => EntityType::Order,
        }
    }

    /// The entity of this kind with a plain key.
    pub fn key(self, key: &str) -> Result<EntityKey, BadName> {
        Ok(match self {
            EntityType::Sku => EntityKey::Sku(Sku::new(key)?),
            EntityType::Order => EntityKey::Order(OrderId::new(key)?),
        })
    }

    fn parse(token: &str) -> Option<EntityType> {
        EntityType::ALL.into_iter().find(|entity| entity.as_str() == token)
    }
}

/// Why a token is not the spelling of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadToken {
    /// The bytes are not UTF-8 once decoded.
    NotUtf8,
    /// There is another spelling, and that one is canonical.
    NotCanonical,
    /// What it spells cannot be a key.
    NotAKey(BadName),
}

impl fmt::Display for BadToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadToken::NotUtf8 => f.write_str("a key that is not UTF-8"),
            BadToken::NotCanonical => f.write_str("a key that is not spelled canonically"),
            BadToken::NotAKey(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for BadToken {}

/// A key's one spelling as a token of a subject.
pub fn encode_key(key: &str) -> String {
    utf8_percent_encode(key, ENCODED).to_string()
}

/// The key that a token spells, if it spells it canonically.
pub fn decode_key(entity: EntityType, token: &str) -> Result<EntityKey, BadToken> {
    let key = percent_decode_str(token).decode_utf8().map_err(|_| BadToken::NotUtf8)?;
    if !utf8_percent_encode(&key, ENCODED).eq_text(token) {
        return Err(BadToken::NotCanonical);
    }
    entity.key(&key).map_err(BadToken::NotAKey)
}

trait EqText {
    fn eq_text(self, text: &str) -> bool;
}

impl<'a, I: Iterator<Item = &'a str>> EqText for I {
    fn eq_text(self, text: &str) -> bool {
        self.flat_map(str::bytes).eq(text.bytes())
    }
}

/// The partition of an entity: what nats-server computes as `{{partition(N,2,3)}}` of the subject
/// that it is published on, FNV-1a of 32 bits over both tokens without a separator.
pub fn partition_of(key: &EntityKey, partitions: u16) -> u16 {
    let fnv = |hash: u32, text: &str| {
        text.bytes().fold(hash, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    };
    let entity = fnv(0x811c_9dc5, key.entity());
    let hash = utf8_percent_encode(key.key(), ENCODED).fold(entity, fnv);
    // What is left is below `partitions`, so that it fits.
    (hash % u32::from(partitions.max(1))) as u16
}

/// What the subject transform of EARMARK_IN turns a subject into: the partition in front, the key
/// left out.
pub fn transform_destination(partitions: u16) -> String {
    format!("earmark.p.{{{{partition({partitions},2,3)}}}}.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}")
}

/// Where a producer publishes an event.
pub fn input_subject(lane: Lane, key: &EntityKey) -> String {
    format!("earmark.in.{}.{}.{}", lane.as_str(), key.entity(), encode_key(key.key()))
}

/// Where an outcome is published. Its kind is one token: `hold.granted` becomes `hold_granted`.
pub fn outcome_subject(key: &EntityKey, kind: &str) -> String {
    let event = kind.replace('.', "_");
    format!("earmark.out.{}.{}.{event}", key.entity(), encode_key(key.key()))
}

/// Where a SKU's availability is published.
pub fn availability_subject(sku: &Sku) -> String {
    format!("earmark.availability.{}", encode_key(sku.as_str()))
}

/// Where a dead letter is published. A key that is not known, or too long for a subject, is
/// [`NO_KEY`]; the dead letter itself says more.
pub fn dead_letter_subject(
    severity: super::Severity,
    reason: Reason,
    entity: Option<EntityType>,
    key: Option<&str>,
) -> String {
    let entity = entity.map_or(NO_ENTITY, EntityType::as_str);
    let fits = |key: &&str| !key.is_empty() && encoded_len(key) <= KEY_ENCODED_MAX_BYTES;
    let key = key.filter(fits).map_or_else(|| NO_KEY.to_owned(), encode_key);
    format!("earmark.dlq.{}.{reason}.{entity}.{key}", severity.as_str())
}

/// The subject under which EARMARK_IN stores an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StoredSubject {
    /// The partition that the server computed.
    pub partition: u16,
    /// The lane that it was published by.
    pub lane: Lane,
    /// Of which kind its entity is.
    pub entity: EntityType,
}

impl StoredSubject {
    /// Reads `earmark.p.<partition>.<lane>.<entity>`.
    pub fn parse(subject: &str) -> Option<StoredSubject> {
        let mut tokens = subject.strip_prefix("earmark.p.")?.split('.');
        let (partition, lane, entity) = (tokens.next()?, tokens.next()?, tokens.next()?);
        let partition: u16 = partition.parse().ok().filter(|_| is_plain(partition))?;
        let lane = Lane::ALL.into_iter().find(|known| known.as_str() == lane)?;
        let entity = EntityType::parse(entity)?;
        tokens.next().is_none().then_some(StoredSubject { partition, lane, entity })
    }
}

impl fmt::Display for StoredSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StoredSubject { partition, lane, entity } = self;
        write!(f, "earmark.p.{partition}.{}.{}", lane.as_str(), entity.as_str())
    }
}

/// Whether a number is spelled as we spell it: without a sign or a leading zero.
fn is_plain(number: &str) -> bool {
    number == "0" || number.starts_with(|digit| matches!(digit, '1'..='9'))
}

/// Can one publish to this subject? It has no wildcard, no space, no empty token, and is not too
/// long.
pub(super) fn is_publishable(subject: &str) -> bool {
    subject.len() <= REPLY_TO_MAX_BYTES
        && subject.split('.').all(|token| !token.is_empty())
        && !subject.chars().any(|c| matches!(c, '*' | '>') || c.is_whitespace() || c.is_control())
}
