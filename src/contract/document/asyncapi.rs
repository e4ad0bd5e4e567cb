//! An AsyncAPI 3.0 document: channels, operations and messages, with the schemas beside it.
//!
//! Promise: every channel is a subject that the engine reads or publishes to, every message one of
//! [`messages`](super::messages), and every reference resolves; tests see to it.

use serde_json::{Map, Value, json};

use super::messages::{Message, Way};
use crate::{
    contract::{
        EntityType, Limits, Severity, answer,
        shape::words,
        subject::{NO_ENTITY, NO_KEY},
    },
    domain::{event::Lane, refusal::Reason},
};

const DESCRIPTION: &str = "\
    What is said to Earmark and by it over NATS. A key is percent-encoded: the letters and \
    digits of ASCII and `-`, `_`, `~` stand for themselves, every other byte of the UTF-8 is \
    `%XX` with upper-case digits. The same events are taken by HTTP at `POST /v1/events`. Of \
    what leaves, an `id` that comes again is the same message again.";
const ANSWERS: &str = "answers";

/// The document.
pub fn document(messages: &[Message], limits: &Limits) -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    for message in messages {
        let channel = channel_name(message);
        if !channels.contains_key(&channel) {
            operations.insert(operation_name(message, &channel), operation(message, &channel));
            channels.insert(channel.clone(), empty_channel(message));
        }
        let id = message_id(message);
        channels[&channel]["messages"][&id] = reference(&format!("components/messages/{id}"));
    }
    let described: Map<String, Value> =
        messages.iter().map(|message| (message_id(message), described(message))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Earmark",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"nats": {
            "host": "localhost:4222", "protocol": "nats", "description": reply_prefixes(limits),
        }},
        "channels": channels,
        "operations": operations,
        "components": {"messages": described},
    })
}

fn reply_prefixes(limits: &Limits) -> String {
    format!(
        "With JetStream. Answers go to subjects that begin with {}.",
        limits.reply_prefixes.join(" or ")
    )
}

/// `in.fulfilment.moved.v1`: of one name, two may go two ways.
fn message_id(message: &Message) -> String {
    message.place().replace('/', ".")
}

fn channel_name(message: &Message) -> String {
    match (message.way, message.lane, message.entity) {
        (Way::In, Some(lane), Some(entity)) => format!("in.{}.{}", lane.as_str(), entity.as_str()),
        (_, _, Some(_)) => message_id(message),
        _ if message.name == answer::ANSWER_KIND => ANSWERS.to_owned(),
        _ => message.name.clone(),
    }
}

fn operation_name(message: &Message, channel: &str) -> String {
    match message.way {
        Way::In => format!("take.{channel}"),
        Way::Out => format!("say.{channel}"),
    }
}

fn operation(message: &Message, channel: &str) -> Value {
    let about = match (message.way, message.lane) {
        (Way::In, Some(lane)) => lane_about(lane),
        _ => message.about,
    };
    let action = if message.way == Way::In { "receive" } else { "send" };
    let mut said = json!({
        "action": action, "channel": reference(&format!("channels/{channel}")), "summary": about,
    });
    if message.way == Way::In {
        said["reply"] = json!({
            "address": {
                "location": "$message.payload#/replyto",
                "description": "where the event says, once it is decided and committed",
            },
            "channel": reference(&format!("channels/{ANSWERS}")),
        });
    }
    said
}

const fn lane_about(lane: Lane) -> &'static str {
    match lane {
        Lane::Settlement => "What finishes or frees a promise, or lowers what may be sold.",
        Lane::Demand => "New holds and orders.",
        Lane::Fulfilment => "What adds stock or tells progress.",
        Lane::Reporting => "All that a customer can wait for.",
    }
}

fn empty_channel(message: &Message) -> Value {
    let Some(subject) = &message.subject else {
        let to = match message.name == answer::ANSWER_KIND {
            true => "The `replyto` of the event.",
            false => "The reply subject of the question.",
        };
        return json!({"address": null, "description": to, "messages": {}});
    };
    let parameters: Map<String, Value> =
        variables(subject).map(|name| (name.to_owned(), parameter(name, message))).collect();
    json!({"address": subject, "parameters": parameters, "messages": {}})
}

/// The names in braces.
fn variables(subject: &str) -> impl Iterator<Item = &str> {
    subject.split('{').skip(1).filter_map(|after| after.split('}').next())
}

fn parameter(name: &str, message: &Message) -> Value {
    let entities = EntityType::ALL.map(EntityType::as_str);
    match name {
        "severity" => json!({"description": "how much it matters", "enum": words::<Severity>()}),
        "reason" => {
            let kept = Reason::ALL.iter().filter(|reason| reason.is_dead_letter());
            let codes: Vec<&str> = kept.map(|reason| reason.as_str()).collect();
            json!({"description": "why", "enum": codes})
        }
        "entity" => json!({
            "description": "of whom", "enum": [entities[0], entities[1], NO_ENTITY],
        }),
        _ => {
            let of = match (name, message.entity) {
                ("sku", _) | (_, Some(EntityType::Sku)) => "the SKU, percent-encoded".to_owned(),
                (_, Some(EntityType::Order)) => "the order's id, percent-encoded".to_owned(),
                (_, None) => format!("the key, percent-encoded; `{NO_KEY}` where it is not known"),
            };
            json!({"description": of})
        }
    }
}

fn described(message: &Message) -> Value {
    let envelope = message.schema["properties"].get("specversion").is_some();
    let examples = message.schema["examples"].as_array().map_or(&[][..], Vec::as_slice);
    let examples: Vec<Value> = examples.iter().map(|payload| json!({"payload": payload})).collect();
    json!({
        "name": message.name,
        "title": message.name,
        "summary": message.about,
        "contentType": if envelope { "application/cloudevents+json" } else { "application/json" },
        "payload": {"$ref": format!("./{}", super::schema_file(message))},
        "examples": examples,
    })
}

fn reference(place: &str) -> Value {
    json!({"$ref": format!("#/{place}")})
}
