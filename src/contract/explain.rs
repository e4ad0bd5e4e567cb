//! The second reading of bytes that the first could not take: slower, and it finds out what to say.

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::{Path, Segment};

use super::{
    envelope::Envelope,
    fields,
    limits::Limits,
    rejection::{FOUND_MAX_CHARS, Names, Rejection},
    rule::Rule,
    v1::{Data, Object},
};

/// Why bytes are no text.
pub(super) fn not_utf8(bytes: &[u8], valid_up_to: usize) -> Box<Rejection> {
    let found = format!("a byte that is not UTF-8 at position {valid_up_to} of {}", bytes.len());
    Rejection::new(Rule::JsonSyntax, &found, "JSON in UTF-8")
}

/// Why a text is no envelope.
pub(super) fn envelope(text: &str, limits: &Limits) -> Box<Rejection> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(why) => return malformed(text, &why),
    };
    if !value.is_object() {
        return Rejection::new(Rule::JsonObject, &value.to_string(), "a JSON object");
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let fault = match serde_path_to_error::deserialize::<_, Envelope>(&mut json) {
        Err(fault) => describe(&fault, &value, "", ""),
        // Both readings are of one struct, so that this cannot be.
        Ok(_) => Rejection::new(Rule::JsonSyntax, text, "one CloudEvent"),
    };
    fault.named(names(&value, limits))
}

/// Why JSON is no data of a type.
pub(super) fn data<T: Data>(text: &str, type_name: &str) -> Box<Rejection> {
    let value = serde_json::from_str(text).unwrap_or(Value::Null);
    match read_again::<Object<T>>(text) {
        Err(fault) => describe(&fault, &value, "data", type_name),
        Ok(_) => Rejection::new(Rule::FieldType, text, "data of this type").at("data"),
    }
}

fn read_again<T: DeserializeOwned>(
    text: &str,
) -> Result<T, serde_path_to_error::Error<serde_json::Error>> {
    serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text))
}

fn malformed(text: &str, why: &serde_json::Error) -> Box<Rejection> {
    let found = if text.trim().is_empty() { "nothing" } else { text };
    Rejection::new(Rule::JsonSyntax, found, format!("one JSON object ({why})"))
}

/// As many of the names as there are, whatever else is wrong.
fn names(value: &Value, limits: &Limits) -> Names {
    let text = |field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    Names {
        source: text("source"),
        id: text("id"),
        subject: text("subject"),
        kind: text("type"),
        reply_to: text("replyto").filter(|subject| limits.permits_reply_to(subject)),
    }
}

/// Says what serde found, in the contract's words.
fn describe(
    fault: &serde_path_to_error::Error<serde_json::Error>,
    value: &Value,
    root: &str,
    type_name: &str,
) -> Box<Rejection> {
    let message = fault.inner().to_string();
    let path = field_path(root, fault.path());
    let named =
        |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    if let Some(field) = quoted_after(&message, "missing field ") {
        let expected = fields::expected(type_name, field);
        return Rejection::new(Rule::FieldRequired, "nothing", expected).at(named(field));
    }
    if let Some(field) = quoted_after(&message, "duplicate field ") {
        let twice = "the field a second time";
        return Rejection::new(Rule::JsonDuplicate, twice, "each field once").at(named(field));
    }
    let expected = expected_at(fault.path(), type_name);
    Rejection::new(rule_of(&message), &found_at(fault.path(), value), expected).at(path)
}

fn quoted_after<'m>(message: &'m str, words: &str) -> Option<&'m str> {
    message.strip_prefix(words)?.strip_prefix('`')?.split('`').next()
}

/// What serde's own messages begin with; all others are those of names and times.
fn rule_of(message: &str) -> Rule {
    let begins = |words: &[&str]| words.iter().any(|word| message.starts_with(word));
    if begins(&["unknown variant"]) {
        Rule::FieldWord
    } else if begins(&["invalid value", "number out of range"]) {
        Rule::FieldRange
    } else if begins(&["a time in RFC 3339"]) {
        Rule::FieldTime
    } else if begins(&["an empty string", "a name "]) {
        Rule::FieldText
    } else {
        Rule::FieldType
    }
}

/// `data.lines[3].quantity`.
fn field_path(root: &str, path: &Path) -> String {
    path.iter().fold(root.to_owned(), |mut text, segment| {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } if text.is_empty() => text.push_str(key),
            Segment::Map { key } => text.extend([".", key.as_str()]),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
        text
    })
}

fn found_at(path: &Path, value: &Value) -> String {
    let found = path.iter().try_fold(value, |value, segment| match segment {
        Segment::Seq { index } => value.get(index),
        Segment::Map { key } => value.get(key),
        Segment::Enum { .. } | Segment::Unknown => Some(value),
    });
    found.map_or_else(|| "something else".to_owned(), show)
}

/// A value as JSON; a long list or object by its kind alone.
fn show(value: &Value) -> String {
    let json = value.to_string();
    match value {
        Value::Array(items) if json.len() > FOUND_MAX_CHARS => format!("a list of {}", items.len()),
        Value::Object(_) if json.len() > FOUND_MAX_CHARS => "an object".to_owned(),
        _ => json,
    }
}

/// What is expected where a path ends: attributes are known by their map, items by their list.
fn expected_at(path: &Path, type_name: &str) -> &'static str {
    let segments: Vec<&Segment> = path.iter().collect();
    match segments.as_slice() {
        [] => "an object",
        [Segment::Map { key }, _, ..] if key == "attributes" => {
            fields::expected("", "attributes.value")
        }
        [.., Segment::Seq { .. }] if type_name == "order.cancel_requested" => {
            fields::expected(type_name, "line")
        }
        [.., Segment::Seq { .. }] => "an object",
        [.., Segment::Map { key }] => fields::expected(type_name, key),
        _ => "something else",
    }
}
