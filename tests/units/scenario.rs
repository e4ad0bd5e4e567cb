//! How a scenario's expectations are compared, and how it writes points in time.

use earmark::{
    contract::time,
    scenario::{
        expect::{at, compare, same},
        when::parse,
    },
};
use serde_json::{Value, json};

fn complaints(expected: &Value, found: &Value) -> Vec<String> {
    let mut mismatches = Vec::new();
    compare("it", expected, found, &mut mismatches);
    mismatches.into_iter().map(|mismatch| mismatch.what).collect()
}

#[test]
fn a_mapping_is_a_subset_and_a_list_is_whole() {
    let found = json!({"a": 1, "b": {"c": [1, {"d": 2, "e": 3}]}, "n": null});
    assert!(complaints(&json!({"b": {"c": [1, {"d": 2}]}, "missing": null}), &found).is_empty());
    assert_eq!(complaints(&json!({"b": {"c": [1]}}), &found), ["it.b.c"]);
    assert_eq!(complaints(&json!({"b": {"c": [1, {"d": 4}]}, "a": 2}), &found).len(), 2);
    assert_eq!(complaints(&json!({"x": 1}), &found), ["it.x"]);
    let at = json!(1_000_000);
    assert!(complaints(&json!("1970-01-01T00:00:01Z"), &at).is_empty());
    assert_eq!(complaints(&json!("1970-01-01T00:00:02Z"), &at), ["it"]);
}

#[test]
fn a_path_goes_through_mappings_and_lists() {
    let value = json!({"a": [{"b.c": {"d": 1}}], "x.y": 2});
    assert_eq!(at(&value, "a.0.b.c.d"), &json!(1));
    assert_eq!(at(&value, "x.y"), &json!(2));
    assert_eq!(at(&value, "a.1"), &Value::Null);
}

#[test]
fn a_list_of_texts_has_each_as_often() {
    let texts = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    assert_eq!(same("out", &texts(&["a", "b"]), &texts(&["b", "a"])), None);
    assert!(same("out", &texts(&["a"]), &texts(&["a", "a"])).is_some());
}

#[test]
fn a_point_in_time_is_absolute_or_relative() {
    let base = time::parse("2026-11-27T10:00:00Z");
    let at = |text| parse(text, base).map(time::format);
    assert_eq!(at("+1d2h3m4s").as_deref(), Some("2026-11-28T12:03:04Z"));
    assert_eq!(at("-60s").as_deref(), Some("2026-11-27T09:59:00Z"));
    assert_eq!(at("2026-01-01T00:00:00+01:00").as_deref(), Some("2025-12-31T23:00:00Z"));
    for wrong in ["+", "+5", "+m", "5m", "+1w", "tomorrow", "+99999999999999999999s"] {
        assert_eq!(at(wrong), None, "{wrong}");
    }
    assert_eq!(parse("+1s", None), None);
}
