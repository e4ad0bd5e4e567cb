//! What the day's people publish: CloudEvents, and some bytes that are none.

use serde_json::{Map, Value, json};

use crate::{
    contract::{EVENT_TYPES, time},
    domain::{event::Lane, ids::EntityKey, time::Timestamp},
    ports::NewEvent,
};

/// A message that somebody publishes.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    lane: Lane,
    key: EntityKey,
    body: Body,
}

#[derive(Clone, Debug, PartialEq)]
enum Body {
    Event(Map<String, Value>),
    Bytes(&'static [u8]),
}

/// An event's envelope.
pub struct Envelope<'a> {
    /// Of the entity, as `subject` has it.
    pub key: &'a str,
    pub id: String,
    pub kind: &'a str,
    pub at: Timestamp,
}

impl Message {
    /// An event; `None` if the key or the type is none.
    pub fn event(envelope: Envelope, data: Value) -> Option<Message> {
        let Envelope { key, id, kind, at } = envelope;
        let known = EVENT_TYPES.iter().find(|known| known.kind == kind)?;
        let event = json!({
            "specversion": "1.0",
            "id": id,
            "source": "/demo",
            "type": kind,
            "subject": key,
            "time": time::format(at),
            "data": data,
        });
        let Value::Object(event) = event else { return None };
        Some(Message {
            lane: known.lane,
            key: known.entity.key(key).ok()?,
            body: Body::Event(event),
        })
    }

    /// Bytes that are no event, on an entity's subject.
    pub fn bytes(&self, bytes: &'static [u8]) -> Message {
        Message { body: Body::Bytes(bytes), ..self.clone() }
    }

    /// The same on another lane.
    pub fn on(&self, lane: Lane) -> Message {
        Message { lane, ..self.clone() }
    }

    /// The same with another value at the top, or in `data`.
    pub fn with(&self, field: &str, value: Value) -> Message {
        let mut message = self.clone();
        if let Body::Event(event) = &mut message.body {
            let inner = field.strip_prefix("data.");
            let place = match inner {
                Some(inner) => event.get_mut("data").and_then(|data| data.get_mut(inner)),
                None => event.get_mut(field),
            };
            if let Some(place) = place {
                *place = value;
            }
        }
        message
    }

    /// Whether whoever reads it can find out whom to answer.
    pub fn is_answered(&self) -> bool {
        matches!(self.body, Body::Event(_))
    }

    /// Ready to be published; whoever is told the answer is named where there is one to come.
    pub fn addressed(self, reply_to: String) -> NewEvent {
        let payload = match self.body {
            Body::Event(mut event) => {
                event.insert("replyto".to_owned(), Value::String(reply_to));
                Value::Object(event).to_string().into_bytes()
            }
            Body::Bytes(bytes) => bytes.to_vec(),
        };
        NewEvent { lane: self.lane, key: self.key, payload: payload.into() }
    }
}
