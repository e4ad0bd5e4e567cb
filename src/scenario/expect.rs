//! Compares what is expected with what was found.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::wanted::OfEntity;
use crate::{
    contract::time,
    domain::{ids::LocationId, order::OrderState},
    inspecting::{Found, state},
    partition::fold::State,
};

/// Quantities of a SKU, at a location or in all.
pub(super) const QUANTITIES: [&str; 8] = [
    "on_hand",
    "available",
    "held",
    "allocated",
    "short",
    "backordered",
    "unavailable",
    "overdrawn",
];
/// Why lines of an order were refused.
pub(super) const REASONS: &str = "reasons";
/// Why an entity decides no more.
pub(super) const QUARANTINED: &str = "quarantined";

/// Something that is not as it was expected.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mismatch {
    /// What.
    pub what: String,
    /// What was expected.
    pub expected: Value,
    /// What was found.
    pub found: Value,
}

/// Where an entity is not as it is expected.
pub(super) fn entity(wanted: &OfEntity, found: &Found) -> serde_json::Result<Vec<Mismatch>> {
    let shown = shown(found, wanted.location.as_ref())?;
    let mut mismatches = Vec::new();
    for (path, expected) in &wanted.fields {
        let what = format!("{} {path}", wanted.name);
        match path.as_str() {
            REASONS => set(&what, expected, &shown[REASONS], &mut mismatches),
            _ => compare(&what, expected, at(&shown, path), &mut mismatches),
        }
    }
    Ok(mismatches)
}

/// Where an answer is not as it is expected.
pub(super) fn answer(fields: &[(String, Value)], found: &Value) -> Vec<Mismatch> {
    let mut mismatches = Vec::new();
    for (path, expected) in fields {
        compare(&format!("the answer's {path}"), expected, at(found, path), &mut mismatches);
    }
    mismatches
}

/// Whether a list has these texts, each as often and in any order.
pub fn same(what: &str, expected: &[String], found: &[String]) -> Option<Mismatch> {
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list
    };
    let mismatch =
        || Mismatch { what: what.to_owned(), expected: json!(expected), found: json!(found) };
    (sorted(expected) != sorted(found)).then(mismatch)
}

/// What can be expected of an entity, by name.
fn shown(found: &Found, location: Option<&LocationId>) -> serde_json::Result<Value> {
    let Value::Object(mut shown) = state(&found.state)? else { return Ok(Value::Null) };
    shown.insert(QUARANTINED.to_owned(), json!(found.quarantined));
    match &found.state {
        State::Sku(sku) => {
            let quantities = serde_json::to_value(sku.quantities(location))?;
            let Value::Object(quantities) = quantities else { return Ok(Value::Null) };
            shown.extend(quantities);
        }
        State::Order(order) => add_reasons(order, &mut shown)?,
    }
    Ok(Value::Object(shown))
}

fn add_reasons(order: &OrderState, shown: &mut Map<String, Value>) -> serde_json::Result<()> {
    let lines = order.order().map(|order| order.lines.as_slice()).unwrap_or_default();
    let refusals = lines.iter().filter_map(|line| line.refusal.as_ref());
    let reasons: BTreeSet<&str> = refusals.map(|refusal| refusal.reason.as_str()).collect();
    shown.insert(REASONS.to_owned(), serde_json::to_value(reasons)?);
    Ok(())
}

/// What stands at a path; names may have dots of their own.
pub fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    find(value, path).unwrap_or(&Value::Null)
}

fn find<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let step = |name: &str| match value {
        Value::Object(fields) => fields.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    };
    step(path).or_else(|| {
        let mut dots = path.match_indices('.');
        dots.find_map(|(dot, _)| find(step(&path[..dot])?, &path[dot + 1..]))
    })
}

fn set(what: &str, expected: &Value, found: &Value, mismatches: &mut Vec<Mismatch>) {
    let texts = |value: &Value| -> BTreeSet<String> {
        let items = value.as_array().into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    if texts(expected) != texts(found) {
        mismatches.push(mismatch(what, expected, found));
    }
}

fn mismatch(what: &str, expected: &Value, found: &Value) -> Mismatch {
    Mismatch { what: what.to_owned(), expected: expected.clone(), found: found.clone() }
}

/// A mapping needs no more than what it names, a list all its items, a value itself.
pub fn compare(what: &str, expected: &Value, found: &Value, mismatches: &mut Vec<Mismatch>) {
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, expected) in fields {
                compare(&format!("{what}.{name}"), expected, at(found, name), mismatches);
            }
        }
        (Value::Array(wanted), Value::Array(items)) if wanted.len() == items.len() => {
            for (index, (expected, found)) in wanted.iter().zip(items).enumerate() {
                compare(&format!("{what}.{index}"), expected, found, mismatches);
            }
        }
        _ if expected == found || is_same_time(expected, found) => {}
        _ => mismatches.push(mismatch(what, expected, found)),
    }
}

/// A state has points in time in microseconds, which nobody reads or writes.
fn is_same_time(expected: &Value, found: &Value) -> bool {
    let written = expected.as_str().and_then(time::parse);
    written.is_some_and(|written| found.as_i64() == Some(written.0))
}
