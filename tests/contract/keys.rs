//! Keys in subjects: one spelling each, and the partition that the server computes.

use earmark::{
    contract::{
        EntityType, Severity, StoredSubject, partition_of,
        subject::{
            BadToken, availability_subject, dead_letter_subject, decode_key, encode_key,
            input_subject, outcome_subject, transform_destination,
        },
    },
    domain::{
        event::Lane,
        ids::{BadName, EntityKey, OrderId, Sku, encoded_len, stands_for_itself},
        refusal::Reason,
    },
};
use proptest::prelude::*;
use serde_json::json;

use crate::support::{accepted, changed};

fn sku(key: &str) -> EntityKey {
    EntityKey::Sku(Sku::new(key).unwrap())
}

#[test]
fn the_two_definitions_of_the_encoding_agree() {
    for byte in 0..128u8 {
        let key = char::from(byte).to_string();
        let encoded = encode_key(&key);
        assert_eq!(encoded == key, stands_for_itself(byte), "{byte}");
        assert_eq!(encoded.len(), encoded_len(&key));
    }
}

#[test]
fn odd_keys_have_one_spelling_and_come_back() {
    for (key, token) in [
        ("MUG-12_a~", "MUG-12_a~"),
        ("a.b", "a%2Eb"),
        ("a b", "a%20b"),
        ("*", "%2A"),
        (">", "%3E"),
        ("100%", "100%25"),
        ("a/b", "a%2Fb"),
        ("☕", "%E2%98%95"),
        ("Ü", "%C3%9C"),
    ] {
        assert_eq!(encode_key(key), token);
        assert_eq!(decode_key(EntityType::Sku, token), Ok(sku(key)));
        assert_eq!(accepted(&changed("hold.requested", "/subject", json!(key))).key, sku(key));
    }
}

#[test]
fn other_spellings_are_refused() {
    let refused = |token| decode_key(EntityType::Sku, token).unwrap_err();
    for token in ["a.b", "a b", "a%2eb", "%41", "100%", "a%2", "a%zz", "☕", "*"] {
        assert_eq!(refused(token), BadToken::NotCanonical, "{token}");
    }
    assert_eq!(refused("%FF"), BadToken::NotUtf8);
    assert_eq!(refused(""), BadToken::NotAKey(BadName::Empty));
    assert_eq!(refused("%00"), BadToken::NotAKey(BadName::ControlCharacter));
}

#[test]
fn a_key_may_be_256_bytes_once_encoded() {
    for key in ["x".repeat(256), format!("{}x", ".".repeat(85)), format!("{}x", "Ü".repeat(42))] {
        let token = encode_key(&key);
        assert!(token.len() <= 256);
        assert_eq!(decode_key(EntityType::Sku, &token), Ok(sku(&key)));
    }
    assert!(matches!(
        decode_key(EntityType::Sku, &"x".repeat(257)),
        Err(BadToken::NotAKey(BadName::TooLong { bytes: 257, max: 256 }))
    ));
}

#[test]
fn partitions_are_fnv1a_of_both_tokens() {
    let fnv1a = |text: &str| {
        text.bytes()
            .fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
    };
    assert_eq!(fnv1a("foobar"), 0xbf9c_f968, "the published test vector");
    for key in ["MUG", "a.b", "☕", "85123A", ">"] {
        let hash = fnv1a(&format!("sku{}", encode_key(key)));
        assert_eq!(u32::from(partition_of(&sku(key), 16)), hash % 16);
        assert_eq!(u32::from(partition_of(&sku(key), 7)), hash % 7);
        let order = EntityKey::Order(OrderId::new(key).unwrap());
        let hash = fnv1a(&format!("order{}", encode_key(key)));
        assert_eq!(u32::from(partition_of(&order, 16)), hash % 16);
    }
    assert_eq!(partition_of(&sku("MUG"), 1), 0);
}

/// What nats-server 2.15 delivered for `{{partition(16,2,3)}}` of each subject.
#[test]
fn partitions_are_those_of_the_server() {
    let long = "x".repeat(256);
    for (key, of_sku, of_order) in [
        ("MUG", 5, 2),
        ("85123A", 2, 11),
        ("MUG-12.BLUE", 3, 12),
        ("a b", 4, 7),
        ("*", 4, 7),
        (">", 13, 14),
        ("100%", 5, 0),
        ("☕", 5, 10),
        ("Ü", 14, 7),
        ("SO-1001", 5, 10),
        ("Teapot 1.5 l", 9, 12),
        (&long, 10, 7),
    ] {
        assert_eq!(partition_of(&sku(key), 16), of_sku, "{key}");
        let order = EntityKey::Order(OrderId::new(key).unwrap());
        assert_eq!(partition_of(&order, 16), of_order, "{key}");
    }
}

#[test]
fn subjects() {
    let key = sku("MUG 1.5");
    assert_eq!(input_subject(Lane::Demand, &key), "earmark.in.demand.sku.MUG%201%2E5");
    assert_eq!(outcome_subject(&key, "hold.granted"), "earmark.out.sku.MUG%201%2E5.hold_granted");
    assert_eq!(availability_subject(&Sku::new("a*").unwrap()), "earmark.availability.a%2A");
    let dead = |entity, key| dead_letter_subject(Severity::High, Reason::WrongLane, entity, key);
    assert_eq!(dead(Some(EntityType::Order), Some("a>")), "earmark.dlq.high.wrong_lane.order.a%3E");
    assert_eq!(dead(None, None), "earmark.dlq.high.wrong_lane.unknown.-");
    let long = "x".repeat(300);
    assert_eq!(dead(Some(EntityType::Sku), Some(&long)), "earmark.dlq.high.wrong_lane.sku.-");
    assert_eq!(
        transform_destination(16),
        "earmark.p.{{partition(16,2,3)}}.{{wildcard(1)}}.{{wildcard(2)}}"
    );
}

#[test]
fn stored_subjects() {
    let parsed = StoredSubject::parse("earmark.p.15.settlement.order").unwrap();
    assert_eq!(
        parsed,
        StoredSubject { partition: 15, lane: Lane::Settlement, entity: EntityType::Order }
    );
    assert_eq!(parsed.to_string(), "earmark.p.15.settlement.order");
    for bad in [
        "earmark.p.15.settlement",
        "earmark.p.15.settlement.order.x",
        "earmark.p.015.settlement.order",
        "earmark.p.+1.settlement.order",
        "earmark.p.70000.settlement.order",
        "earmark.p.1.express.order",
        "earmark.p.1.demand.shop",
        "earmark.in.demand.sku.MUG",
        "",
    ] {
        assert_eq!(StoredSubject::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn keys_survive_the_subject(key in "\\PC{1,60}") {
        if let Ok(sku) = Sku::new(&key) {
            let token = encode_key(&key);
            prop_assert!(token.bytes().all(|b| stands_for_itself(b) || b == b'%'));
            prop_assert_eq!(decode_key(EntityType::Sku, &token), Ok(EntityKey::Sku(sku)));
        }
    }

    #[test]
    fn a_token_that_is_taken_is_the_keys_own(token in "[a-zA-Z0-9%.~_-]{1,30}") {
        if let Ok(key) = decode_key(EntityType::Order, &token) {
            prop_assert_eq!(encode_key(key.key()), token);
        }
    }
}
