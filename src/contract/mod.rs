//! The contract: bytes become a checked event, or a rejection that says what to do; and what was
//! decided becomes bytes again.
//!
//! Inwards: [`decode`] reads the [`envelope`] (CloudEvents 1.0 in JSON), finds its type in the
//! table of [`types`], reads and checks its data ([`v1`]), and [`admit`] compares what it says with
//! where it was read. Whatever is wrong becomes a [`Rejection`] by a [`Rule`]. The good path reads
//! the JSON once, into typed structs; only what fails is read a second time, to explain it.
//!
//! Outwards: [`outcome`], [`answer`] and [`dead_letter`] write what leaves; [`catalogue`] says what
//! a dead letter means for the shop.
//!
//! In writing: each type's fields stand as data ([`shape`]) beside the code that reads or writes
//! them; [`document`] makes the schemas and pages of these tables and of the domain's guards.
//!
//! What serde does with JSON, and the contract keeps to: a known field said twice is refused; of an
//! attribute or an unknown field said twice, the last counts; `null` is as good as an optional
//! field left out; a number is whole only if it is written so (`1.0` is refused).

mod admit;
pub mod answer;
pub mod availability;
pub mod catalogue;
pub mod dead_letter;
pub mod document;
pub mod envelope;
mod explain;
mod fields;
mod hash;
mod limits;
pub mod outcome;
mod outgoing;
mod rejection;
mod rule;
pub mod shape;
pub mod subject;
pub mod time;
pub mod types;
pub mod v1;

/// The version of the contract that this build serves.
pub const CONTRACT_VERSION: u32 = 1;

pub use admit::{Received, admit};
pub use catalogue::Catalogue;
pub use dead_letter::Severity;
pub use envelope::IDENTITY_MAX_BYTES;
pub use hash::{event_key, fingerprint};
pub use limits::Limits;
pub use outgoing::{CauseRef, SOURCE};
pub use rejection::{FOUND_MAX_CHARS, Rejection, cut};
pub use rule::Rule;
pub use subject::{EntityType, StoredSubject, partition_of};
pub use types::{AnyEvent, EVENT_TYPES, EventType};
pub use v1::UNKNOWN_FIELDS_MAX;

use std::sync::Arc;

use crate::domain::{
    decision::Cause,
    event::Lane,
    ids::{EntityKey, EventKey, Fingerprint},
    time::Timestamp,
};

/// An event that follows the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Whose input it is.
    pub key: EntityKey,
    /// What it says.
    pub event: AnyEvent,
    /// By which lane its type travels.
    pub lane: Lane,
    /// Where it comes from.
    pub source: String,
    /// Its id there.
    pub id: String,
    /// Its type, `hold.requested.v1`.
    pub kind: &'static str,
    /// When it happened, says the publisher.
    pub time: Timestamp,
    /// Until when it is worth deciding.
    pub expires_at: Option<Timestamp>,
    /// Where the answer goes.
    pub reply_to: Option<String>,
    /// The trace it belongs to.
    pub traceparent: Option<String>,
    /// Source and id, hashed.
    pub event_key: EventKey,
    /// What it says, hashed.
    pub fingerprint: Fingerprint,
    /// Paths of the fields that nobody knows, at most [`UNKNOWN_FIELDS_MAX`].
    pub unknown_fields: Vec<String>,
}

impl Decoded {
    /// The event apart from where it came from, with what the log adds.
    pub fn into_parts(
        self,
        logged_at: Timestamp,
        sequence: u64,
    ) -> (EntityKey, Arc<Cause>, AnyEvent) {
        let cause = Arc::new(Cause {
            source: self.source,
            id: self.id,
            kind: self.kind.to_owned(),
            key: self.event_key,
            fingerprint: self.fingerprint,
            time: self.time,
            logged_at,
            lane: self.lane,
            sequence,
            expires_at: self.expires_at,
            reply_to: self.reply_to,
            traceparent: self.traceparent,
        });
        (self.key, cause, self.event)
    }
}

/// Reads an event: a structured CloudEvent in JSON, held to the contract.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Decoded, Box<Rejection>> {
    if bytes.len() > limits.event_bytes_max {
        let expected = format!("at most {} bytes", limits.event_bytes_max);
        return Err(Rejection::new(Rule::EventSize, &format!("{} bytes", bytes.len()), expected));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => envelope::decode(text, limits),
        Err(why) => Err(explain::not_utf8(bytes, why.valid_up_to())),
    }
}
