//! JSON Schema (draft 2020-12) of what comes in and of what leaves, made of the tables of fields.
//!
//! Promise: a schema says what the reader checks, with the reader's own limits; what it cannot say
//! is in [`UNSAID`], and nothing else. In one thing it asks for more: a `T` between date and time,
//! where the reader takes any byte. Only keywords that mean the same in draft 07 are used, since
//! tools for AsyncAPI read that.

use serde_json::{Map, Value, json};

use super::{deprecated::Deprecated, messages::Made};
use crate::{
    contract::{
        Limits, Rule,
        envelope::IDENTITY_MAX_BYTES,
        shape::{Field, Presence, Shape, Together, Whole},
        subject::REPLY_TO_MAX_BYTES,
        v1::{ATTRIBUTE_NAME_MAX_BYTES, ATTRIBUTES_MAX, TEXT_MAX_BYTES},
    },
    domain::ids::{KEY_ENCODED_MAX_BYTES, NAME_MAX_BYTES},
};

/// The rules that events are refused by and a schema cannot say, or not wholly.
pub const UNSAID: &[(Rule, &str)] = &[
    (Rule::JsonDuplicate, "a field that is said twice is one field to a schema"),
    (Rule::EventSize, "a schema does not count the bytes of an event"),
    (Rule::SubjectKey, "lengths are counted in characters, the limit is one of encoded bytes"),
    (Rule::Identity, "lengths are counted in characters, the limit is one of bytes"),
    (Rule::ReplyTo, "lengths are counted in characters, the limit is one of bytes"),
    (Rule::TraceParent, "lengths are counted in characters, the limit is one of bytes"),
    (Rule::FieldText, "lengths are counted in characters, the limit is one of bytes"),
    (Rule::FieldType, "`1.0` is a whole number to a schema, and none to the reader"),
    (Rule::LinesDistinct, "a schema cannot compare one field of a list's items"),
    (Rule::CountPast, "a schema cannot compare two times"),
    (Rule::Lane, "a schema does not see by which subject an event came"),
    (Rule::Route, "a schema does not see by which subject an event came"),
    (Rule::Clock, "a schema has no clock"),
];

/// Control characters, of all Unicode and of ASCII.
const CONTROL: &str = r"[\u0000-\u001f\u007f-\u009f]";
const ASCII_CONTROL: &str = r"[\u0000-\u001f\u007f]";
/// What no subject may have that one publishes to.
const UNPUBLISHABLE: &str = r"[*>\s\u0000-\u001f\u007f-\u009f]|\.\.|\.$|^\.";
const CURRENCY: &str = "^[A-Z]{3}$";
const TIME: &str = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$";
/// What a schema is made for.
pub(super) struct Scheme<'a> {
    /// Where it stands, `in/hold.requested.v1`.
    pub place: &'a str,
    /// Its type, `hold.requested.v1`; nothing where it has none.
    pub kind: &'a str,
    /// The attributes, or the fields where there is no envelope.
    pub fields: &'static [Field],
    /// The fields of its data.
    pub data: &'static [Field],
    /// What these must be like together.
    pub together: &'static [Together],
    /// What holds for all.
    pub made: Made<'a>,
}

impl Scheme<'_> {
    /// Its schema, without a name.
    pub fn schema(&self) -> Map<String, Value> {
        self.object("", self.fields)
    }

    /// Marks what goes away, with its dates.
    pub fn mark(&self, said: &mut Map<String, Value>, what: &str) {
        let mut deprecated = self.made.deprecated.iter();
        let Some(found) = deprecated.find(|deprecated| deprecated.what == what) else { return };
        let Deprecated { since, served_until, instead, .. } = found;
        said.insert("deprecated".into(), true.into());
        said.insert(
            "x-deprecated".into(),
            json!({"since": since, "served_until": served_until, "instead": instead}),
        );
    }

    fn object(&self, path: &str, fields: &[Field]) -> Map<String, Value> {
        let named = |field: &Field| {
            let path =
                if path.is_empty() { field.name.into() } else { format!("{path}.{}", field.name) };
            (field.name.to_owned(), self.field(&path, field))
        };
        let properties: Map<String, Value> = fields.iter().map(named).collect();
        let always =
            |field: &&Field| matches!(field.presence, Presence::Required | Presence::Nullable);
        let required: Vec<&str> = fields.iter().filter(always).map(|field| field.name).collect();
        keywords(json!({"type": "object", "properties": properties, "required": required}))
    }

    fn field(&self, path: &str, field: &Field) -> Value {
        let others = field.only_in.filter(|name| !self.kind.starts_with(&format!("{name}.v")));
        let mut said = match others {
            Some(name) => {
                keywords(json!({"type": "null", "description": format!("only {name} has it")}))
            }
            None => self.described(path, field),
        };
        self.mark(&mut said, &format!("{}#{path}", self.place));
        said.into()
    }

    fn described(&self, path: &str, field: &Field) -> Map<String, Value> {
        let mut said = self.shape(path, field.shape);
        said.insert("description".into(), field.about.into());
        match field.presence {
            Presence::Required | Presence::Sometimes => said,
            Presence::Optional | Presence::SometimesNull | Presence::Nullable => or_null(said),
        }
    }

    fn shape(&self, path: &str, shape: Shape) -> Map<String, Value> {
        let items = || format!("{path}[]");
        match shape {
            Shape::Type => keywords(json!({"type": "string", "const": self.kind})),
            Shape::Data => {
                let mut data = self.object(path, self.data);
                self.together.iter().for_each(|rule| together(&mut data, *rule, self.data));
                data
            }
            Shape::ReplyTo => reply_to(self.made.limits),
            Shape::Object(fields) => self.object(path, fields),
            Shape::List(fields) => {
                keywords(json!({"type": "array", "items": self.object(&items(), fields)}))
            }
            Shape::Lines(fields) => keywords(json!({
                "type": "array", "items": self.object(&items(), fields),
                "minItems": 1, "maxItems": self.made.limits.order_lines_max,
            })),
            Shape::LineNames => keywords(json!({
                "type": "array", "items": self.shape(&items(), Shape::Name),
                "minItems": 1, "maxItems": self.made.limits.order_lines_max, "uniqueItems": true,
            })),
            other => plain(other),
        }
    }
}

/// The shapes that are the same everywhere.
fn plain(shape: Shape) -> Map<String, Value> {
    keywords(match shape {
        Shape::Exactly(text) => json!({"type": "string", "const": text}),
        Shape::Name => json!({
            "type": "string", "minLength": 1, "maxLength": NAME_MAX_BYTES,
            "x-max-bytes": NAME_MAX_BYTES, "not": text_with(CONTROL),
        }),
        Shape::Key => json!({
            "type": "string", "minLength": 1, "maxLength": KEY_ENCODED_MAX_BYTES,
            "x-max-bytes-percent-encoded": KEY_ENCODED_MAX_BYTES, "not": text_with(CONTROL),
        }),
        Shape::Identity => json!({
            "type": "string", "minLength": 1, "maxLength": IDENTITY_MAX_BYTES,
            "x-max-bytes": IDENTITY_MAX_BYTES, "not": text_with(ASCII_CONTROL),
        }),
        Shape::Text(bytes) => {
            json!({"type": "string", "maxLength": bytes, "x-max-bytes": bytes})
        }
        Shape::Base64 => json!({"type": "string", "contentEncoding": "base64"}),
        Shape::Currency => json!({
            "type": "string", "pattern": CURRENCY, "minLength": 3, "maxLength": 3,
        }),
        Shape::Time => json!({"type": "string", "format": "date-time", "pattern": TIME}),
        Shape::TraceParent => json!({
            "type": "string", "pattern": trace_parent(), "maxLength": IDENTITY_MAX_BYTES,
            "x-max-bytes": IDENTITY_MAX_BYTES,
        }),
        Shape::JsonType => json!({"type": "string", "pattern": json_type()}),
        Shape::TextOrNumber => json!({
            "type": ["string", "integer"], "minimum": i64::MIN, "maximum": i64::MAX,
        }),
        Shape::Word(words) => json!({"type": "string", "enum": words()}),
        Shape::OpenWord(words) => json!({"type": "string", "x-words": words()}),
        Shape::Flag => json!({"type": "boolean"}),
        Shape::Whole(range) => whole(range),
        Shape::Attributes => json!({
            "type": "object", "maxProperties": ATTRIBUTES_MAX,
            "propertyNames": {
                "maxLength": ATTRIBUTE_NAME_MAX_BYTES, "x-max-bytes": ATTRIBUTE_NAME_MAX_BYTES,
            },
            "additionalProperties": {
                "type": "string", "maxLength": TEXT_MAX_BYTES, "x-max-bytes": TEXT_MAX_BYTES,
            },
        }),
        _ => json!({"type": "string"}),
    })
}

/// A text with something in it; of what is no text, a pattern alone says nothing.
fn text_with(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

fn whole(range: Whole) -> Value {
    let mut said = json!({"type": "integer", "minimum": range.min});
    if let Some(max) = range.max {
        said["maximum"] = max.into();
    }
    if range.not_zero {
        said["not"] = json!({"const": 0});
    }
    if !range.unit.is_empty() {
        said["x-unit"] = range.unit.into();
    }
    said
}

fn reply_to(limits: &Limits) -> Map<String, Value> {
    let prefixes: Vec<String> =
        limits.reply_prefixes.iter().map(|prefix| literally(prefix)).collect();
    keywords(json!({
        "type": "string", "pattern": format!("^({})", prefixes.join("|")),
        "not": text_with(UNPUBLISHABLE),
        "maxLength": REPLY_TO_MAX_BYTES, "x-max-bytes": REPLY_TO_MAX_BYTES,
    }))
}

/// A text as a pattern that fits it alone.
fn literally(text: &str) -> String {
    let special = |c: char| r"\.+*?()|[]{}^$/".contains(c);
    text.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect()
}

/// A trace context of the W3C: version `00` has four parts, later ones may have more, `ff` is none.
fn trace_parent() -> String {
    let parts = "-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}";
    format!("^(00{parts}$|(?!00|ff)[0-9a-f]{{2}}{parts}(-|$))")
}

/// `application/json` in any case, with or without parameters.
fn json_type() -> String {
    let any_case = |c: char| match c {
        '/' => r"\/".to_owned(),
        c => format!("[{}{c}]", c.to_ascii_uppercase()),
    };
    let media_type: String = "application/json".chars().map(any_case).collect();
    format!(r"^\s*{media_type}\s*(;|$)")
}

fn together(data: &mut Map<String, Value>, rule: Together, fields: &[Field]) {
    match rule {
        Together::Differ(one, other) => {
            let word = |name: &str| fields.iter().find(|field| field.name == name);
            let Some(Shape::Word(words)) = word(one).map(|field| field.shape) else { return };
            let alike = |word: &&str| {
                json!({
                    "properties": {one: {"const": word}, other: {"const": word}},
                    "required": [one, other],
                })
            };
            let alike: Vec<Value> = words().iter().map(alike).collect();
            data.insert("not".into(), json!({"anyOf": alike}));
        }
        Together::NotEmpty => {
            let said = |field: &Field| {
                let not_null = json!({"not": {"type": "null"}});
                json!({"required": [field.name], "properties": {field.name: not_null}})
            };
            data.insert("anyOf".into(), fields.iter().map(said).collect());
        }
    }
}

/// The same, or `null`.
fn or_null(mut said: Map<String, Value>) -> Map<String, Value> {
    let null = Value::from("null");
    let types = match said.remove("type") {
        Some(Value::Array(types)) => types.into_iter().chain([null]).collect(),
        Some(one) => vec![one, null],
        None => vec![null],
    };
    said.insert("type".into(), types.into());
    if let Some(Value::Array(words)) = said.get_mut("enum") {
        words.push(Value::Null);
    }
    said
}

fn keywords(said: Value) -> Map<String, Value> {
    match said {
        Value::Object(keywords) => keywords,
        _ => Map::new(),
    }
}
