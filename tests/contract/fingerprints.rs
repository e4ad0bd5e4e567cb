//! What an event says is known whatever its JSON looks like.

use std::fmt::Write;

use earmark::contract::{EVENT_TYPES, Limits, decode, event_key};
use serde_json::{Value, json};

use crate::support::{accepted, changed, compare, good};

/// The same JSON with its fields the other way round and much white space.
fn backwards(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .rev()
                .map(|(name, value)| format!(" {} :\n\t{} ", json!(name), backwards(value)))
                .collect();
            format!("{{ {} }}", fields.join(","))
        }
        Value::Array(items) => {
            format!("[ {} ]", items.iter().map(backwards).collect::<Vec<_>>().join(" , "))
        }
        other => other.to_string(),
    }
}

#[test]
fn how_the_json_is_written_does_not_matter() {
    for of in EVENT_TYPES {
        let event = good(of.name);
        let text = backwards(&event);
        let other = decode(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(other, accepted(&event));
    }
}

#[test]
fn what_is_not_said_about_stock_or_orders_does_not_matter() {
    let first = accepted(&good("hold.requested"));
    let mut event = good("hold.requested");
    event["time"] = json!("2026-03-02T10:00:00Z");
    event["replyto"] = json!("_INBOX.other");
    event["expirytime"] = json!(null);
    event["traceparent"] = json!(null);
    event["unknown"] = json!(1);
    event["data"]["unknown"] = json!(1);
    let second = accepted(&event);
    assert_eq!(first.fingerprint, second.fingerprint);
    assert_eq!(first.event_key, second.event_key);
}

#[test]
fn a_default_said_is_the_default_left_out() {
    let said = accepted(&changed("hold.requested", "/data/backorder", json!(false)));
    let mut event = good("hold.requested");
    event["data"].as_object_mut().unwrap().remove("backorder");
    assert_eq!(said.fingerprint, accepted(&event).fingerprint);
}

#[test]
fn another_content_type_or_key_is_another_fingerprint() {
    let first = accepted(&good("hold.requested")).fingerprint;
    for (pointer, to) in [
        ("/data/quantity", json!(3)),
        ("/data/owner", json!("cart-82")),
        ("/data/location", json!(null)),
        ("/subject", json!("MUG-12.RED")),
    ] {
        assert_ne!(accepted(&changed("hold.requested", pointer, to)).fingerprint, first);
    }
    let shipped = accepted(&changed("fulfilment.shipped", "/type", json!("fulfilment.picked.v1")));
    assert_ne!(shipped.fingerprint, accepted(&good("fulfilment.shipped")).fingerprint);
}

#[test]
fn source_and_id_do_not_run_into_each_other() {
    assert_ne!(event_key("ab", "c"), event_key("a", "bc"));
    assert_eq!(event_key("a", "b"), event_key("a", "b"));
}

/// Ids are remembered for up to 400 days, with their fingerprints: they must not change.
#[test]
fn fingerprints_stay_what_they_were() {
    let mut text = String::new();
    for of in EVENT_TYPES {
        let event = accepted(&good(of.name));
        let (key, said) = (event.event_key.0, event.fingerprint.0);
        writeln!(text, "{} {key:032x} {said:016x}", of.kind).unwrap();
    }
    compare("fingerprints.txt", &text);
}
