//! The contract as a version of Earmark had it, brought to its facts: what is kept of a release,
//! and what today's is compared with.
//!
//! Promise: it is made of the schemas, and leaves out only what changes nothing for anybody:
//! titles, descriptions, examples.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::messages::{Message, Way};
use crate::domain::event::Lane;

/// What a version of Earmark promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// The version.
    pub version: String,
    /// The day on which it was released, `2026-11-24`.
    pub released: String,
    /// What comes in, by type.
    #[serde(rename = "in")]
    pub incoming: BTreeMap<String, Said>,
    /// What leaves, by type.
    #[serde(rename = "out")]
    pub outgoing: BTreeMap<String, Said>,
}

/// A message in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Its subject; none for an answer.
    pub subject: Option<String>,
    /// By which lane it comes in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lane: Option<Lane>,
    /// The last day on which it is served, where it is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_until: Option<String>,
    /// Its fields by their paths, `data.lines[].quantity`; the whole is the empty path.
    pub fields: BTreeMap<String, Facts>,
}

/// What a schema says of one field.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its types in JSON.
    #[serde(rename = "type")]
    pub types: BTreeSet<String>,
    /// Whether it must be there, in what it is a field of.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// The words that it may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<BTreeSet<String>>,
    /// Whether further words may come with any version.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub open: bool,
    /// The limits of numbers, lengths and counts, by their keyword.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub limits: BTreeMap<String, i64>,
    /// All else that restricts it, by keyword.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub form: BTreeMap<String, Value>,
    /// What is counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The last day on which it is served, where it is deprecated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub served_until: Option<String>,
}

/// The keywords of limits that lie below, and those of limits that lie above.
pub(super) const LOWER: &[&str] = &["minimum", "minLength", "minItems"];
pub(super) const UPPER: &[&str] = &[
    "maximum",
    "maxLength",
    "maxItems",
    "maxProperties",
    "x-max-bytes",
    "x-max-bytes-percent-encoded",
];
/// The keywords that restrict in another way.
const FORM: &[&str] =
    &["pattern", "format", "not", "anyOf", "uniqueItems", "contentEncoding", "propertyNames"];

/// Under this name stand the attributes that all events of a direction share.
pub const ATTRIBUTES: &str = "attributes";

impl Released {
    /// The contract of these messages, under a version's name.
    pub fn of(version: &str, released: &str, messages: &[Message]) -> Released {
        let going = |way| {
            let those = || messages.iter().filter(move |message| message.way == way);
            let mut said: BTreeMap<String, Said> =
                those().map(|message| (message.name.clone(), Said::of(message))).collect();
            if let Some(event) = those().find(|message| is_event(message)) {
                said.insert(ATTRIBUTES.to_owned(), Said::attributes(event));
            }
            said
        };
        Released {
            version: version.to_owned(),
            released: released.to_owned(),
            incoming: going(Way::In),
            outgoing: going(Way::Out),
        }
    }

    /// The text of its file: a line a field.
    pub fn text(&self) -> String {
        let value = serde_json::to_value(self).expect("a contract is JSON");
        let mut text = String::new();
        write_lines(&mut text, &value, 0);
        text + "\n"
    }
}

/// Writes JSON: the fields of messages in a line each, what they are in into lines of their own.
fn write_lines(text: &mut String, value: &Value, depth: usize) {
    const FIELDS_DEPTH: usize = 4;
    let Value::Object(entries) = value else { return text.push_str(&value.to_string()) };
    if depth == FIELDS_DEPTH || entries.is_empty() {
        return text.push_str(&value.to_string());
    }
    for (nth, (key, inner)) in entries.iter().enumerate() {
        text.push_str(if nth == 0 { "{\n" } else { ",\n" });
        text.push_str(&" ".repeat(depth + 1));
        text.push_str(&format!("{}: ", Value::from(key.as_str())));
        write_lines(text, inner, depth + 1);
    }
    text.push_str(&format!("\n{}}}", " ".repeat(depth)));
}

fn is_event(message: &Message) -> bool {
    message.schema["properties"].get("specversion").is_some()
}

impl Said {
    /// A message; of an event, its data.
    fn of(message: &Message) -> Said {
        let mut fields = fields_of(message);
        if is_event(message) {
            fields.retain(|path, _| path == "data" || path.starts_with("data."));
        }
        Said {
            subject: message.subject.clone(),
            lane: message.lane,
            served_until: served_until(&message.schema),
            fields,
        }
    }

    /// What is around the data of an event; its own type is its name.
    fn attributes(event: &Message) -> Said {
        let mut fields = fields_of(event);
        let data = Said::of(event).fields;
        fields.retain(|path, _| !data.contains_key(path));
        if let Some(kind) = fields.get_mut("type") {
            kind.words = None;
        }
        Said { subject: None, lane: None, served_until: None, fields }
    }
}

fn fields_of(message: &Message) -> BTreeMap<String, Facts> {
    let mut fields = BTreeMap::new();
    flatten(&mut fields, "", &message.schema, true);
    fields
}

/// Notes what a schema says of a field, and of those inside. A field that may only be `null` is
/// none.
fn flatten(fields: &mut BTreeMap<String, Facts>, path: &str, schema: &Value, required: bool) {
    let facts = Facts::of(schema, required);
    if facts.types.iter().eq(["null"]) {
        return;
    }
    fields.insert(path.to_owned(), facts);
    let must: Vec<&str> = texts(&schema["required"]).collect();
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        flatten(fields, &path, inner, must.contains(&name.as_str()));
    }
    for (keyword, suffix) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[keyword].is_object() {
            flatten(fields, &format!("{path}{suffix}"), &schema[keyword], true);
        }
    }
}

impl Facts {
    fn of(schema: &Value, required: bool) -> Facts {
        let said = |keyword: &&'static str| schema.get(*keyword).map(|value| (*keyword, value));
        let limits = LOWER.iter().chain(UPPER).filter_map(said);
        let limits = limits.filter_map(|(keyword, value)| Some((keyword.into(), value.as_i64()?)));
        let form = FORM.iter().filter_map(said);
        Facts {
            types: types(schema),
            required,
            words: words(schema),
            open: schema.get("x-words").is_some(),
            limits: limits.collect(),
            form: form.map(|(keyword, value)| (keyword.to_owned(), value.clone())).collect(),
            unit: schema["x-unit"].as_str().map(str::to_owned),
            served_until: served_until(schema),
        }
    }
}

fn types(schema: &Value) -> BTreeSet<String> {
    let one = schema["type"].as_str();
    one.into_iter().chain(texts(&schema["type"])).map(str::to_owned).collect()
}

fn words(schema: &Value) -> Option<BTreeSet<String>> {
    if let Some(word) = schema["const"].as_str() {
        return Some([word.to_owned()].into());
    }
    let list = schema.get("enum").or_else(|| schema.get("x-words"))?;
    Some(texts(list).map(str::to_owned).collect())
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn served_until(schema: &Value) -> Option<String> {
    schema["x-deprecated"]["served_until"].as_str().map(str::to_owned)
}
