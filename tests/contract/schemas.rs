//! The schemas and the reader agree, both ways.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use earmark::{
    contract::{
        EVENT_TYPES, EntityType, EventType, Limits, Received, Rejection, Rule, StoredSubject,
        admit, decode,
        document::{
            messages::{Message, Way, messages},
            schema::UNSAID,
        },
        partition_of, time,
    },
    domain::ids::{KEY_ENCODED_MAX_BYTES, encoded_len},
};
use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{changed, good, order_of, path};

/// A schema that is asked, formats included.
pub fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

/// The schemas of what comes in, by type.
static INCOMING: LazyLock<BTreeMap<String, (Message, Validator)>> = LazyLock::new(|| {
    let those = messages(&Limits::default()).into_iter().filter(|said| said.way == Way::In);
    those.map(|said| (said.name.clone(), (said.clone(), validator(&said.schema)))).collect()
});

/// What the reader says of an event that comes by the subject of its own type and key.
fn read(of: &EventType, event: &Value) -> Result<(), Box<Rejection>> {
    let limits = Limits::default();
    let decoded = decode(event.to_string().as_bytes(), &limits)?;
    let partition = partition_of(&decoded.key, 16);
    let subject = StoredSubject { partition, lane: of.lane, entity: of.entity };
    let logged_at = time::parse("2026-03-02T09:15:01Z").unwrap();
    admit(&decoded, &Received { subject, partitions: 16, logged_at }, &limits)
}

fn refused_example(name: &str) -> Value {
    let file = path(&format!("config/contracts/v1/{name}.refused.json"));
    serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()
}

#[test]
fn good_examples_fit_their_schemas_and_stand_in_them() {
    for of in EVENT_TYPES {
        let (message, schema) = &INCOMING[of.kind];
        let example = good(of.name);
        let errors: Vec<String> = schema.iter_errors(&example).map(|e| e.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{}", of.kind);
        assert_eq!(message.schema["examples"], json!([example]));
    }
}

#[test]
fn refused_examples_fail_unless_a_schema_cannot_say_why() {
    for of in EVENT_TYPES {
        let example = refused_example(of.name);
        let unsaid = UNSAID.iter().any(|(rule, _)| rule.as_str() == example["refused"]["rule"]);
        let fits = INCOMING[of.kind].1.is_valid(&example["event"]);
        assert!(!fits || unsaid, "{} is refused by {}", of.kind, example["refused"]["rule"]);
    }
}

/// The places of a JSON text, as pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, inner)| places(inner, &format!("{at}/{name}"), found));
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.for_each(|(nth, inner)| places(inner, &format!("{at}/{nth}"), found));
        }
        _ => {}
    }
}

/// The places of an example, and those that its schema knows beside them.
fn all_places(example: &Value, schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    places(example, "", &mut found);
    for place in found.clone() {
        let mut known = schema;
        for token in place.split('/').skip(1) {
            known = if known["items"].is_object() {
                &known["items"]
            } else {
                &known["properties"][token]
            };
        }
        let known = known["properties"].as_object().into_iter().flatten();
        found.extend(known.map(|(name, _)| format!("{place}/{name}")));
    }
    found.push("/nobody_knows".into());
    found.push("/data/nobody_knows".into());
    found.sort();
    found.dedup();
    found
}

/// What is put into each place. Texts of more bytes than characters are among it.
fn values() -> Vec<Value> {
    let long = |text: &str, times: usize| json!(text.repeat(times));
    let numbers = [
        0,
        1,
        -1,
        2,
        1_000_000_000,
        1_000_000_001,
        -1_000_000_000,
        -1_000_000_001,
        34_560_000,
        34_560_001,
        1 << 53,
        (1 << 53) + 1,
        i64::from(u32::MAX) + 1,
        i64::MAX,
        i64::MIN,
    ];
    let texts = [
        "",
        "x",
        " ",
        "EUR",
        "eur",
        "EURO",
        "1.0",
        "0.3",
        "hold.requested.v1",
        "hold.requested.v2",
        "cart",
        "scrap",
        "partial",
        "on_hand",
        "sellable",
        "unknown word",
        "a\u{7}b",
        "a\u{85}b",
        "2026-03-02T09:15:00Z",
        "2026-03-02t09:15:00.123456789+01:00",
        "2026-03-02",
        "soon",
        "2026-02-30T09:15:00Z",
        "2026-03-02T25:15:00Z",
        "2026-03-02T09:15:00",
        "2027-01-01T00:00:00Z",
        "2026-03-02T09:15:00+24:00",
        "_INBOX.a.b",
        "_INBOX.",
        "_INBOX.a..b",
        "_INBOX.a b",
        "_INBOX.*",
        "earmark.reply.1",
        "earmark.in.1",
        "application/json",
        "Application/JSON ; charset=utf-8",
        "text/json",
        "application/jsonp",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
        "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x\n",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
    ];
    let lengths = [128, 129, 256, 257, 512, 513, 1_024, 1_025].map(|times| long("x", times));
    let wide = [long("ü", 64), long("ü", 100), long("ü", 200), long("ü", 600), long(".", 100)];
    let others = [
        json!(null),
        json!(true),
        json!(false),
        json!(7.0),
        json!(0.5),
        json!(u64::MAX),
        json!([]),
        json!([null]),
        json!(["1"]),
        json!(["1", "1"]),
        json!({}),
        json!({"x": 1}),
        json!({"x": "1"}),
    ];
    numbers
        .into_iter()
        .map(|n| json!(n))
        .chain(texts.map(|text| json!(text)))
        .chain(lengths)
        .chain(wide)
        .chain(others)
        .collect()
}

/// One change of an event: something else in a place, or nothing.
#[derive(Clone, Debug)]
struct Change {
    place: String,
    to: Option<Value>,
}

impl Change {
    fn apply(&self, event: &mut Value) {
        let Some((parent, name)) = self.place.rsplit_once('/') else {
            *event = self.to.clone().unwrap_or(Value::Null);
            return;
        };
        match event.pointer_mut(parent) {
            Some(Value::Object(fields)) => match &self.to {
                Some(to) => drop(fields.insert(name.to_owned(), to.clone())),
                None => drop(fields.remove(name)),
            },
            Some(Value::Array(items)) => {
                let nth: usize = name.parse().unwrap_or(usize::MAX);
                match (&self.to, items.len()) {
                    (Some(to), len) if nth < len => items[nth] = to.clone(),
                    (None, len) if nth < len => drop(items.remove(nth)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// Whether it is one that only bytes or digits tell from a good one.
    fn is_beyond_schemas(&self) -> bool {
        match &self.to {
            Some(Value::String(text)) => {
                text.len() > text.chars().count() || encoded_len(text) > KEY_ENCODED_MAX_BYTES
            }
            Some(Value::Number(number)) => number.as_f64().is_some_and(|n| n.fract() == 0.0),
            _ => false,
        }
    }
}

/// Whether a refusal is for what a schema cannot say.
fn is_unsaid(rejection: &Rejection, changes: &[Change]) -> bool {
    let beyond = changes.iter().any(Change::is_beyond_schemas);
    UNSAID.iter().any(|(rule, _)| *rule == rejection.rule)
        && match rejection.rule {
            Rule::LinesDistinct | Rule::CountPast | Rule::Clock => true,
            _ => beyond,
        }
}

fn agree(of: &EventType, schema: &Validator, changes: &[Change]) {
    let mut event = good(of.name);
    changes.iter().for_each(|change| change.apply(&mut event));
    let fits = schema.is_valid(&event);
    match read(of, &event) {
        Ok(()) => assert!(fits, "{} is taken, and its schema says no: {changes:?}", of.kind),
        Err(why) if is_unsaid(&why, changes) => {}
        Err(why) => {
            assert!(!fits, "{} fits its schema, and is refused: {why}: {changes:?}", of.kind)
        }
    }
}

#[test]
fn every_single_change_is_seen_by_both() {
    let values = values();
    for of in EVENT_TYPES {
        let (message, schema) = &INCOMING[of.kind];
        for place in all_places(&good(of.name), &message.schema) {
            agree(of, schema, &[Change { place: place.clone(), to: None }]);
            for to in &values {
                agree(of, schema, &[Change { place: place.clone(), to: Some(to.clone()) }]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn several_changes_are_seen_by_both(
        nth in 0..EVENT_TYPES.len(),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<bool>()), 2..5),
    ) {
        let of = &EVENT_TYPES[nth];
        let (message, schema) = &INCOMING[of.kind];
        let (places, values) = (all_places(&good(of.name), &message.schema), values());
        let changes: Vec<Change> = picks
            .iter()
            .map(|(place, value, drop)| Change {
                place: place.get(&places).clone(),
                to: (!drop).then(|| value.get(&values).clone()),
            })
            .collect();
        agree(of, schema, &changes);
    }
}

#[test]
fn numbers_of_lines_and_attributes_are_seen_by_both() {
    let attributes = |n: usize| {
        let texts: serde_json::Map<String, Value> =
            (0..n).map(|n| (n.to_string(), json!(""))).collect();
        changed("sku.described", "/data/attributes", texts.into())
    };
    for (kind, event, good) in [
        ("order.placed.v1", order_of(500), true),
        ("order.placed.v1", order_of(501), false),
        ("order.placed.v1", order_of(0), false),
        ("sku.described.v1", attributes(64), true),
        ("sku.described.v1", attributes(65), false),
    ] {
        let of = EVENT_TYPES.iter().find(|of| of.kind == kind).unwrap();
        assert_eq!(read(of, &event).is_ok(), good, "{kind}");
        assert_eq!(INCOMING[kind].1.is_valid(&event), good, "{kind}");
    }
}

/// An event that its schema takes and this rule refuses, as it comes; none where the rule is one of
/// the place where it is read.
fn beyond_schemas(rule: Rule) -> Option<(&'static str, String)> {
    let wide = |pointer: &str, text: String| {
        Some(("hold.requested.v1", changed("hold.requested", pointer, json!(text)).to_string()))
    };
    match rule {
        Rule::JsonDuplicate => {
            let twice = good("hold.requested").to_string().replacen('{', r#"{"id":"other","#, 1);
            Some(("hold.requested.v1", twice))
        }
        Rule::EventSize => wide("/nobody_knows", "x".repeat(800_000)),
        Rule::SubjectKey => wide("/subject", "ü".repeat(100)),
        Rule::Identity => wide("/id", "ü".repeat(200)),
        Rule::ReplyTo => wide("/replyto", format!("_INBOX.{}", "ü".repeat(400))),
        Rule::TraceParent => {
            let known = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-";
            wide("/traceparent", format!("{known}{}", "ü".repeat(120)))
        }
        Rule::FieldText => wide("/data/owner", "ü".repeat(100)),
        Rule::FieldType => {
            let float = changed("hold.requested", "/data/quantity", json!(7.0));
            Some(("hold.requested.v1", float.to_string()))
        }
        Rule::LinesDistinct => {
            let twice = refused_example("order.placed")["event"].to_string();
            Some(("order.placed.v1", twice))
        }
        Rule::CountPast => {
            let ahead = json!("2026-03-02T09:15:00.5Z");
            Some(("stock.counted.v1", changed("stock.counted", "/data/as_of", ahead).to_string()))
        }
        _ => None,
    }
}

#[test]
fn what_a_schema_cannot_say_is_not_said() {
    let read_elsewhere = [Rule::Lane, Rule::Route, Rule::Clock];
    for (rule, _) in UNSAID {
        let Some((kind, event)) = beyond_schemas(*rule) else {
            assert!(read_elsewhere.contains(rule), "{rule} has no witness");
            continue;
        };
        let why = decode(event.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(why.rule, *rule);
        assert!(INCOMING[kind].1.is_valid(&serde_json::from_str(&event).unwrap()), "{rule}");
    }
    assert_eq!(UNSAID.iter().map(|(rule, _)| rule.as_str()).collect::<BTreeSet<_>>().len(), 13);
}

#[test]
fn a_schema_asks_for_a_t_where_the_reader_takes_any_byte() {
    let of = EVENT_TYPES.iter().find(|of| of.name == "sku.retired").unwrap();
    let spaced = changed("sku.retired", "/time", json!("2026-03-02 09:15:00Z"));
    assert!(read(of, &spaced).is_ok());
    assert!(!INCOMING[of.kind].1.is_valid(&spaced));
}

#[test]
fn limits_of_the_settings_are_those_of_the_schemas() {
    let limits = Limits {
        order_lines_max: 3,
        reply_prefixes: vec!["shop+1.".to_owned()],
        ..Limits::default()
    };
    let all = messages(&limits);
    let of = |name| validator(&all.iter().find(|said| said.name == name).unwrap().schema);
    assert!(of("order.placed.v1").is_valid(&order_of(3)));
    assert!(!of("order.placed.v1").is_valid(&order_of(4)));
    let answered = |to| changed("hold.requested", "/replyto", json!(to));
    assert!(of("hold.requested.v1").is_valid(&answered("shop+1.a")));
    assert!(!of("hold.requested.v1").is_valid(&answered("shop1.a")));
    assert!(!of("hold.requested.v1").is_valid(&answered("_INBOX.a")));
}

#[test]
fn keywords_mean_the_same_in_draft_07() {
    let known: BTreeSet<&str> = [
        "$id",
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "contentEncoding",
        "deprecated",
        "description",
        "enum",
        "examples",
        "format",
        "items",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "not",
        "pattern",
        "properties",
        "propertyNames",
        "required",
        "title",
        "type",
        "uniqueItems",
    ]
    .into();
    for message in messages(&Limits::default()) {
        keywords(&message.schema, &mut |keyword| {
            assert!(keyword.starts_with("x-") || known.contains(keyword), "{keyword}");
        });
    }
}

fn keywords(schema: &Value, say: &mut impl FnMut(&str)) {
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        say(keyword);
        match (keyword.as_str(), value) {
            ("properties", Value::Object(inner)) => {
                inner.values().for_each(|schema| keywords(schema, say));
            }
            ("anyOf", Value::Array(inner)) => inner.iter().for_each(|schema| keywords(schema, say)),
            ("items" | "not" | "propertyNames" | "additionalProperties", inner) => {
                keywords(inner, say);
            }
            _ => {}
        }
    }
}

#[test]
fn the_entity_of_a_type_is_that_of_its_subject() {
    for (_, (message, _)) in INCOMING.iter() {
        let entity = message.entity.map(EntityType::as_str).unwrap();
        let lane = message.lane.unwrap().as_str();
        assert_eq!(message.subject, Some(format!("earmark.in.{lane}.{entity}.{{key}}")));
    }
}
