//! The partition that the server's subject transform computes, and our own computation of it: an
//! owner recomputes it for each event (`misrouted`), so that both have to agree for every key.

use async_nats::jetstream::stream::{Config, SubjectTransform};

use crate::harness::NatsServer;

const PARTITIONS: u32 = 16;

/// FNV-1a, 32 bits, over the tokens' bytes one after the other with nothing between, modulo the
/// number of partitions.
fn partition_of(tokens: &[&str]) -> u32 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in tokens.iter().flat_map(|token| token.bytes()) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    hash % PARTITIONS
}

/// Entity and key, as they stand in the subject: the key is percent-encoded.
const KEYS: &[(&str, &str)] = &[
    ("sku", "85123A"),
    ("sku", "22423"),
    ("order", "22423"),
    ("order", "536365"),
    ("sku", "A%2EB%20C%2FD"),
    ("sku", "%2A%3E"),
    ("sku", "%F0%9F%A7%A6-socks"),
    ("sku", "%C3%A9t%C3%A9"),
    ("sku", "x"),
    ("sku", ""),
];

#[tokio::test]
async fn the_server_computes_fnv_1a_over_the_joined_tokens() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = context
        .create_stream(Config {
            name: "ROUTED".to_owned(),
            subjects: vec!["in.*.*.*".to_owned()],
            subject_transform: Some(SubjectTransform {
                source: "in.*.*.*".to_owned(),
                destination: "in.{{partition(16,2,3)}}.{{wildcard(1)}}.{{wildcard(2)}}".to_owned(),
            }),
            ..Default::default()
        })
        .await
        .unwrap();
    let long = "%20".repeat(85);
    let keys = KEYS.iter().copied().filter(|(_, key)| !key.is_empty()).chain([("sku", &*long)]);
    for (entity, key) in keys {
        let published = context.publish(format!("in.demand.{entity}.{key}"), "".into());
        let sequence = published.await.unwrap().await.unwrap().sequence;
        let stored = stream.get_raw_message(sequence).await.unwrap();
        // The key is left out of the stored subject: it is in the event.
        let expected = format!("in.{}.demand.{entity}", partition_of(&[entity, key]));
        assert_eq!(stored.subject.as_str(), expected, "{entity}.{key}");
    }
}

#[test]
fn the_tokens_are_joined_without_a_separator() {
    assert_eq!(partition_of(&["sku", "85123A"]), partition_of(&["sku85123A"]));
    assert_ne!(partition_of(&["sku", "85123A"]), partition_of(&["sku.85123A"]));
}
