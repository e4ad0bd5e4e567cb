//! Everything that is said to Earmark and by it, with its subject and its schema.
//!
//! Promise: a type of the table of types or of outcomes is here by standing there.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{
    asked,
    deprecated::{DEPRECATED, Deprecated},
    samples,
    schema::Scheme,
};
use crate::{
    contract::{
        EVENT_TYPES, EntityType, Limits, answer, availability, dead_letter, envelope,
        outcome::{OUTCOME_TYPES, OUTCOME_VERSION, OutcomeType},
        outgoing,
        shape::Field,
        subject::{availability_subject, input_subject, outcome_subject},
        types::EventType,
    },
    domain::{
        event::Lane,
        ids::{EntityKey, Sku},
    },
    query::fields,
};

/// Which way something goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It comes in.
    In,
    /// It leaves.
    Out,
}

impl Way {
    /// The folder of its schemas.
    pub const fn as_str(self) -> &'static str {
        match self {
            Way::In => "in",
            Way::Out => "out",
        }
    }
}

/// Something that is said.
#[derive(Clone, Debug)]
pub struct Message {
    /// Which way it goes.
    pub way: Way,
    /// Its type, `hold.requested.v1`.
    pub name: String,
    /// What it says, in a sentence.
    pub about: &'static str,
    /// By which lane it comes in.
    pub lane: Option<Lane>,
    /// Whose input or outcome it is; none where it may be about either.
    pub entity: Option<EntityType>,
    /// The subject of NATS, with its variable tokens in braces; none for an answer, which goes to
    /// the event's `replyto`, or to whoever asked.
    pub subject: Option<String>,
    /// Its schema.
    pub schema: Value,
}

impl Message {
    /// Where its schema stands, `in/hold.requested.v1`.
    pub fn place(&self) -> String {
        place(self.way, &self.name)
    }
}

fn place(way: Way, name: &str) -> String {
    format!("{}/{name}", way.as_str())
}

/// The subject of a dead letter; [`dead_letter_subject`](crate::contract::subject) makes it.
pub const DEAD_LETTER_SUBJECT: &str = "earmark.dlq.{severity}.{reason}.{entity}.{key}";

/// All that is said, in the order of the tables.
pub fn messages(limits: &Limits) -> Vec<Message> {
    messages_with(limits, DEPRECATED)
}

/// What schemas are made with.
#[derive(Clone, Copy)]
pub(super) struct Made<'a> {
    /// The bounds that hold.
    pub limits: &'a Limits,
    /// What goes away.
    pub deprecated: &'a [Deprecated],
}

/// All that is said, where this goes away.
pub fn messages_with(limits: &Limits, deprecated: &[Deprecated]) -> Vec<Message> {
    let made = Made { limits, deprecated };
    let mut all: Vec<Message> = EVENT_TYPES.iter().map(|of| event(of, made)).collect();
    let outcomes = samples::outcomes();
    all.extend(OUTCOME_TYPES.iter().map(|of| {
        let example = outcomes.iter().find(|(_, outcome)| outcome.kind() == of.name);
        outcome(of, example.map(|(key, outcome)| samples::rendered(key, outcome)), made)
    }));
    all.push(answer(made));
    all.push(shown(made));
    all.push(dead(made));
    all.push(answered(EntityType::Sku, made));
    all.push(answered(EntityType::Order, made));
    all
}

fn event(of: &EventType, made: Made) -> Message {
    let scheme = Scheme {
        place: &place(Way::In, of.kind),
        kind: of.kind,
        fields: envelope::FIELDS,
        data: of.fields,
        together: of.together,
        made,
    };
    let example = serde_json::from_str(of.example).expect("an example is JSON");
    Message {
        way: Way::In,
        name: of.kind.to_owned(),
        about: of.about,
        lane: Some(of.lane),
        entity: Some(of.entity),
        subject: Some(variable(&input_subject(of.lane, &some(of.entity)), "key")),
        schema: finish(&scheme, of.about, vec![example]),
    }
}

fn outcome(of: &OutcomeType, example: Option<Value>, made: Made) -> Message {
    let kind = format!("{}.v{OUTCOME_VERSION}", of.name);
    let scheme = Scheme {
        place: &place(Way::Out, &kind),
        kind: &kind,
        fields: outgoing::FIELDS,
        data: of.fields,
        together: &[],
        made,
    };
    Message {
        way: Way::Out,
        about: of.about,
        lane: None,
        entity: Some(of.entity),
        subject: Some(variable(&outcome_subject(&some(of.entity), of.name), "key")),
        schema: finish(&scheme, of.about, example.into_iter().collect()),
        name: kind,
    }
}

fn answer(made: Made) -> Message {
    let (kind, about) = (answer::ANSWER_KIND, "What came of an event, at its `replyto`.");
    let (fields, data) = (outgoing::FIELDS, answer::FIELDS);
    let place = &place(Way::Out, kind);
    let scheme = Scheme { place, kind, fields, data, together: &[], made };
    leaving(kind, about, None, finish(&scheme, about, samples::answers()))
}

fn shown(made: Made) -> Message {
    let about = "What a shop may show of a SKU: the last value on its subject.";
    let schema = plain("availability", about, availability::FIELDS, made);
    let subject = availability_subject(&Sku::new(KEY).expect(IS_A_KEY));
    leaving(
        "availability",
        about,
        Some(variable(&subject, "sku")),
        schema(vec![samples::availability()]),
    )
}

fn dead(made: Made) -> Message {
    let about = "What could not be taken, why, where it was read, and its original bytes.";
    let schema = plain("dead_letter", about, dead_letter::FIELDS, made);
    let subject = Some(DEAD_LETTER_SUBJECT.to_owned());
    leaving("dead_letter", about, subject, schema(samples::dead_letters()))
}

/// The answer to a question, which goes to whoever asked.
fn answered(of: EntityType, made: Made) -> Message {
    let (name, fields, about, examples) = match of {
        EntityType::Sku => (
            "sku_answer",
            fields::SKU_ANSWER,
            "What is known of a SKU, to whoever asks at `earmark.query.sku`.",
            asked::about_skus(),
        ),
        EntityType::Order => (
            "order_answer",
            fields::ORDER_ANSWER,
            "What is known of an order, to whoever asks at `earmark.query.order`.",
            asked::about_orders(),
        ),
    };
    leaving(name, about, None, plain(name, about, fields, made)(examples))
}

fn leaving(name: &str, about: &'static str, subject: Option<String>, schema: Value) -> Message {
    let (name, entity) = (name.to_owned(), None);
    Message { way: Way::Out, name, about, lane: None, entity, subject, schema }
}

/// The schema of something that is no CloudEvent.
fn plain<'a>(
    name: &'a str,
    about: &'a str,
    fields: &'static [Field],
    made: Made<'a>,
) -> impl FnOnce(Vec<Value>) -> Value + 'a {
    move |examples| {
        let place = &place(Way::Out, name);
        let scheme = Scheme { place, kind: name, fields, data: &[], together: &[], made };
        finish(&scheme, about, examples)
    }
}

/// A schema with its name, its words and its examples.
fn finish(scheme: &Scheme, about: &str, examples: Vec<Value>) -> Value {
    let mut schema: Map<String, Value> = scheme.schema();
    let name = scheme.place.replace('/', ":");
    schema.insert("$schema".into(), "https://json-schema.org/draft/2020-12/schema".into());
    schema.insert("$id".into(), format!("urn:earmark:{name}").into());
    schema.insert("title".into(), scheme.kind.into());
    schema.insert("description".into(), about.into());
    schema.insert("examples".into(), json!(examples));
    scheme.mark(&mut schema, scheme.place);
    schema.into()
}

/// A key that no subject has otherwise.
const KEY: &str = "KEY";
const IS_A_KEY: &str = "a short text is a key";

fn some(entity: EntityType) -> EntityKey {
    entity.key(KEY).expect(IS_A_KEY)
}

/// A subject whose key is any.
fn variable(subject: &str, name: &str) -> String {
    subject.replace(KEY, &format!("{{{name}}}"))
}
