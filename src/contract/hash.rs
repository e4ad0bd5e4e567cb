//! What an event is known by: the hash of its name, and the hash of what it says.

use blake3::Hasher;
use serde::Serialize;

use super::types::AnyEvent;
use crate::{
    domain::ids::{EntityKey, EventKey, Fingerprint},
    encode::encode_onto,
};

/// The idempotency key of an event: the first 128 bits of BLAKE3 over its source, a zero byte, and
/// its id. Neither may hold a zero byte itself, so that no two pairs are spelled alike.
pub fn event_key(source: &str, id: &str) -> EventKey {
    let mut hasher = Hasher::new();
    hasher.update(source.as_bytes()).update(&[0]).update(id.as_bytes());
    let mut first = [0; 16];
    first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    EventKey(u128::from_be_bytes(first))
}

/// What an event says, as the first 64 bits of BLAKE3 over its type, key and typed data in
/// postcard. How its JSON was written does not matter, nor what is not known of it, nor when it was
/// sent.
///
/// A struct of the domain that gains a field gives other fingerprints; then a type needs a new
/// version (a test pins them).
pub fn fingerprint(kind: &str, key: &EntityKey, event: &AnyEvent) -> Fingerprint {
    let bytes = match event {
        AnyEvent::Sku(event) => said(kind, key, event),
        AnyEvent::Order(event) => said(kind, key, event),
    };
    let mut first = [0; 8];
    first.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..8]);
    Fingerprint(u64::from_be_bytes(first))
}

/// Writing to memory fails for no value of the domain: none has a length that is not known.
fn said(kind: &str, key: &EntityKey, event: impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    encode_onto(&mut bytes, &(kind, key, event))
        .expect("a value of the domain has a length that is known");
    bytes
}
