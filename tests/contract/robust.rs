//! Whatever the bytes, there is an answer.

use earmark::contract::{EVENT_TYPES, Limits, decode};
use proptest::prelude::*;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::good;

/// Any small JSON.
fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "\\PC{0,40}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"line": "1", "quantity": 1}])),
        Just(json!({"a": {"b": ["c"]}})),
    ]
}

/// Every place in a JSON, as pointers.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    if !at.is_empty() {
        into.push(at.to_owned());
    }
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{name}"), into));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(i, value)| places(value, &format!("{at}/{i}"), into));
        }
        _ => {}
    }
}

/// A rejection always says something, and never too much.
fn is_answered(bytes: &[u8]) {
    if let Err(why) = decode(bytes, &Limits::default()) {
        assert!(!why.found.is_empty() && !why.expected.is_empty() && !why.action.is_empty());
        assert!(why.found.chars().count() <= 120);
        assert!(why.to_string().chars().count() < 1_000);
        assert_eq!(why.reason, why.rule.reason());
        assert!(!why.to_string().contains('\n'));
    }
}

fn example() -> impl Strategy<Value = Value> {
    (0..EVENT_TYPES.len()).prop_map(|n| good(EVENT_TYPES[n].name))
}

/// Nothing at all is found where a text is empty, and it is said in words.
#[test]
fn an_empty_text_is_named() {
    let mut event = good("hold.requested");
    for place in ["replyto", "expirytime", "time", "subject", "type", "specversion", "id"] {
        let before = std::mem::replace(&mut event[place], Value::from(""));
        assert!(decode(event.to_string().as_bytes(), &Limits::default()).is_err(), "{place}");
        is_answered(event.to_string().as_bytes());
        event[place] = before;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        is_answered(&bytes);
    }

    #[test]
    fn bytes_of_an_event_changed(
        event in example(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = event.to_string().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        is_answered(&bytes);
    }

    #[test]
    fn a_value_of_an_event_changed(
        event in example(),
        at in any::<prop::sample::Index>(),
        to in any_json(),
    ) {
        let mut event = event;
        let mut all = Vec::new();
        places(&event, "", &mut all);
        *event.pointer_mut(&all[at.index(all.len())]).unwrap() = to;
        is_answered(event.to_string().as_bytes());
    }

    #[test]
    fn an_event_cut_short(event in example(), at in any::<prop::sample::Index>()) {
        let text = event.to_string();
        let cut = &text.as_bytes()[..at.index(text.len())];
        prop_assert!(decode(cut, &Limits::default()).is_err());
        is_answered(cut);
    }

    #[test]
    fn times_survive(micros in -62_167_219_200_000_000i64..253_402_300_800_000_000) {
        let time = earmark::domain::time::Timestamp(micros);
        let text = earmark::contract::time::format(time);
        prop_assert_eq!(earmark::contract::time::parse(&text), Some(time));
        let date = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000);
        prop_assert_eq!(date.ok().and_then(|date| date.format(&Rfc3339).ok()), Some(text));
    }
}
