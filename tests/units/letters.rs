//! The operator's desk of dead letters, without a server: counting, closing, correcting.

use earmark::{
    domain::time::Timestamp,
    letters::{
        Closed, Letter,
        correct::{Set, keeps_its_name, set},
        groups::{By, Groups},
    },
};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_772_442_900_000_000);

/// A letter of 0.1.0, with what is changed.
fn letter(change: Value) -> Letter {
    let mut letter = json!({
        "id": "1-0-5-0", "reason": "invalid_field", "rule": "field.range", "severity": "medium",
        "owner": "publisher", "message": "m", "field": "data.quantity", "found": "-3",
        "expected": "a number", "action": "correct it", "event_source": "/shop", "event_id": "e1",
        "event_type": "hold.requested.v1", "event_subject": "MUG", "reply_to": null,
        "stream": "EARMARK_IN", "sequence": 7, "subject": "earmark.p.0.demand.sku",
        "logged_at": "2026-03-02T09:00:00Z", "time": "2026-03-02T09:01:00Z",
        "payload_base64": "e30=",
    });
    for (name, value) in change.as_object().expect("an object") {
        letter[name] = value.clone();
    }
    Letter::read(letter.to_string().as_bytes()).expect("a letter")
}

#[test]
fn a_letter_says_in_a_line_how_its_entity_stood() {
    assert_eq!(letter(json!({})).stood(), None, "a letter of an older version");
    let mut sku = json!({"revision": 3, "quantities": {
        "on_hand": 5, "available": 3, "held": 2, "allocated": 0, "unavailable": 0, "short": 0,
        "backordered": 0, "overdrawn": 0,
    }});
    let said = letter(sku.clone()).stood();
    assert_eq!(said.as_deref(), Some("on hand 5, available 3, held 2"));
    ["on_hand", "available", "held"].iter().for_each(|of| sku["quantities"][of] = json!(0));
    assert_eq!(letter(sku).stood().as_deref(), Some("no units"));
    let order = json!({"revision": 4, "order": {"status": "reserved", "payment": "unpaid", "units": {
        "awaiting": 0, "reserved": 2, "allocated": 0, "shipped": 0, "delivered": 0, "refused": 1,
        "cancelled": 0, "expired": 0,
    }}});
    let said = letter(order).stood();
    assert_eq!(said.as_deref(), Some("reserved, unpaid: reserved 2, refused 1"));
    assert_eq!(letter(json!({"revision": 0})).stood().as_deref(), Some("not placed"));
}

#[test]
fn letters_of_one_event_count_once_and_the_severe_come_first() {
    let mut groups = Groups::new(By::Reason, 10);
    assert!(groups.take(1, &letter(json!({}))));
    assert!(groups.take(2, &letter(json!({"time": "2026-03-02T09:05:00Z"}))));
    let other = json!({"event_id": "e2", "reason": "orphan", "severity": "high"});
    assert!(groups.take(3, &letter(other)));
    // Without a name it is known by its place.
    assert!(groups.take(4, &letter(json!({"event_id": null, "sequence": 9}))));
    let told = groups.told(NOW);
    let counted: Vec<_> =
        told.iter().map(|of| (of.reason.as_deref(), of.events, of.letters)).collect();
    assert_eq!(counted, [(Some("orphan"), 1, 1), (Some("invalid_field"), 2, 3)]);
    assert_eq!(told[1].first_seen, "2026-03-02T09:01:00Z");
    assert_eq!(told[1].last_seen, "2026-03-02T09:05:00Z");
    assert_eq!(groups.in_order().len(), 3);
}

#[test]
fn an_event_is_where_its_last_letter_says_and_events_are_bounded() {
    let mut groups = Groups::new(By::Reason, 1);
    assert!(groups.take(1, &letter(json!({}))));
    assert!(groups.take(2, &letter(json!({"reason": "stale"}))));
    let told = groups.told(NOW);
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].reason.as_deref(), told[0].letters), (Some("stale"), 2));
    assert!(!groups.take(3, &letter(json!({"event_id": "e2"}))), "there is no room");
    groups.forget(letter(json!({})).identity());
    assert!(groups.take(4, &letter(json!({"event_id": "e2"}))));
}

#[test]
fn an_id_is_one_event_of_each_sku() {
    let of = |subject: &str| {
        let kind = "stock.received.v1";
        letter(json!({"event_subject": subject, "event_type": kind})).identity()
    };
    assert_eq!(of("CUP"), of("CUP"));
    assert_ne!(of("CUP"), of("MUG"), "a replay of one must not close the other");
}

#[test]
fn what_is_closed_is_closed_up_to_a_letter_of_this_stream() {
    let event = letter(json!({})).identity();
    let note = |through: u64, created: &str| {
        let closes = json!([{"event": event.to_string(), "through": through}]);
        json!({"dlq_created": created, "closes": closes}).to_string()
    };
    let mut closed = Closed::default();
    closed.note(note(9, "another").as_bytes(), "this", 1);
    closed.note(b"not a note", "this", 1);
    closed.note(note(2, "this").as_bytes(), "this", 3);
    assert!(closed.is_empty(), "another stream, and letters that are gone");
    closed.note(note(5, "this").as_bytes(), "this", 1);
    closed.note(note(4, "this").as_bytes(), "this", 1);
    assert!(closed.has(event, 5));
    assert!(!closed.has(event, 6), "what fails again is open");
}

#[test]
fn fields_are_set_and_the_name_is_kept() {
    let event = br#"{"id":"e1","data":{"lines":[{"quantity":1}],"note":"x"}}"#;
    let of = |text: &str| text.parse::<Set>();
    let sets = ["data.lines[0].quantity=3", "data.note=two words", "time=null", "data.more=[1]"];
    let sets: Vec<Set> = sets.iter().map(|text| of(text).expect("a path")).collect();
    let corrected: Value = serde_json::from_slice(&set(event, &sets).expect("it fits")).unwrap();
    let lines = json!([{"quantity": 3}]);
    let expected = json!({
        "id": "e1", "time": null, "data": {"lines": lines, "note": "two words", "more": [1]},
    });
    assert_eq!(corrected, expected);
    for wrong in ["id=e2", "source=x", "data", "data..x=1", "data.lines[x]=1", "=1"] {
        assert!(of(wrong).is_err(), "{wrong}");
    }
    let nowhere = [of("data.lines[4].quantity=1").expect("a path")];
    assert!(set(event, &nowhere).expect_err("no such line").contains("data.lines[4]"));
    assert!(set(b"nothing", &nowhere).expect_err("no JSON").contains("--edit"));
    let own = letter(json!({}));
    assert_eq!(keeps_its_name(&own, b"", "/shop", "e1"), Ok(()));
    let another = keeps_its_name(&own, b"", "/shop", "e2").expect_err("another");
    assert!(another.contains("expected \"e1\""), "{another}");
    let unnamed = letter(json!({"event_source": null, "event_id": null}));
    assert_eq!(keeps_its_name(&unnamed, b"", "/any", "any"), Ok(()));
    // A letter of a failure names nobody; the event does.
    let original = br#"{"source":"/shop","id":"e1","data":5}"#;
    assert_eq!(keeps_its_name(&unnamed, original, "/shop", "e1"), Ok(()));
    assert!(keeps_its_name(&unnamed, original, "/shop", "e2").is_err());
    // One that is no name needs another.
    let nameless = letter(json!({"rule": "envelope.identity", "field": "id", "event_id": ""}));
    assert_eq!(keeps_its_name(&nameless, b"", "/shop", "e2"), Ok(()));
    assert!(keeps_its_name(&nameless, b"", "/other", "e2").is_err());
}
