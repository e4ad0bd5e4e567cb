//! Each type has a good and a refused example, and each example is what it says.

use std::{collections::BTreeSet, fs};

use earmark::contract::{EVENT_TYPES, EntityType};
use serde_json::Value;

use crate::support::{accepted, good, path, refused};

fn files() -> BTreeSet<String> {
    let entries = fs::read_dir(path("config/contracts/v1")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_type_has_both_examples_and_there_are_no_others() {
    let expected: BTreeSet<String> = EVENT_TYPES
        .iter()
        .flat_map(|of| ["good", "refused"].map(|kind| format!("{}.{kind}.json", of.name)))
        .collect();
    assert_eq!(files(), expected);
}

#[test]
fn the_table_names_each_type_once() {
    let kinds: BTreeSet<&str> = EVENT_TYPES.iter().map(|of| of.kind).collect();
    assert_eq!(kinds.len(), EVENT_TYPES.len());
    assert_eq!(kinds.len(), 38);
    for of in EVENT_TYPES {
        assert_eq!(of.kind, format!("{}.v{}", of.name, of.version));
    }
}

#[test]
fn good_examples_are_taken() {
    for of in EVENT_TYPES {
        let event = good(of.name);
        let decoded = accepted(&event);
        assert_eq!(decoded.kind, of.kind);
        assert_eq!(decoded.lane, of.lane);
        assert_eq!(EntityType::of(&decoded.key), of.entity);
        assert_eq!(decoded.key.key(), event["subject"]);
        assert_eq!(decoded.id, event["id"]);
        assert_eq!(decoded.source, event["source"]);
        assert_eq!(decoded.unknown_fields, Vec::<String>::new(), "{}", of.kind);
    }
}

#[test]
fn refused_examples_are_refused_for_the_reason_they_name() {
    for of in EVENT_TYPES {
        let file = path(&format!("config/contracts/v1/{}.refused.json", of.name));
        is_refused_as_it_says(&serde_json::from_slice(&fs::read(file).unwrap()).unwrap());
    }
}

fn is_refused_as_it_says(example: &Value) {
    let rejection = refused(&example["event"]);
    let said = &example["refused"];
    assert_eq!(rejection.reason.as_str(), said["reason"], "{rejection}");
    assert_eq!(rejection.rule.as_str(), said["rule"], "{rejection}");
    assert_eq!(rejection.field.as_deref(), said["field"].as_str(), "{rejection}");
}

#[test]
fn all_fields_of_the_envelope_arrive() {
    let decoded = accepted(&good("hold.requested"));
    let at = |text| earmark::contract::time::parse(text).unwrap();
    assert_eq!(decoded.time, at("2026-03-02T09:15:00Z"));
    assert_eq!(decoded.expires_at, Some(at("2026-03-02T09:15:10Z")));
    assert_eq!(decoded.reply_to.as_deref(), Some("_INBOX.shop.81"));
    assert!(decoded.traceparent.as_deref().unwrap().starts_with("00-4bf92f35"));
    let (key, cause, _) = decoded.clone().into_parts(at("2026-03-02T09:15:01Z"), 7);
    assert_eq!(key, decoded.key);
    assert_eq!((cause.sequence, cause.key), (7, decoded.event_key));
    assert_eq!(cause.kind, "hold.requested.v1");
}

#[test]
fn examples_of_tagged_versions_are_answered_as_they_were() {
    let mut read = 0;
    for version in fs::read_dir(path("tests/fixtures")).unwrap() {
        let Ok(examples) = fs::read_dir(version.unwrap().path().join("contracts")) else {
            continue;
        };
        for example in examples {
            let example: Value =
                serde_json::from_slice(&fs::read(example.unwrap().path()).unwrap()).unwrap();
            match example.get("refused") {
                None => drop(accepted(&example)),
                Some(_) => is_refused_as_it_says(&example),
            }
            read += 1;
        }
    }
    assert!(read >= 2 * 37, "v0.1.0 had 37 types");
}
