//! What shoppers, payment providers and warehouses publish: CloudEvents, ready to be sent.

use bytes::Bytes;
use serde_json::{Value, json};

use super::report::Kind;
use crate::{
    contract::{EVENT_TYPES, subject::input_subject, time},
    domain::time::{Span, Timestamp},
};

/// An event that somebody means to send.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its number in the run, by which its answer is known; none for what nobody waits for.
    pub waits: Option<(u64, Kind)>,
    /// Its subject in EARMARK_IN.
    pub subject: String,
    /// Its bytes.
    pub payload: Bytes,
}

/// What all events of a run have in common.
#[derive(Clone, Debug)]
pub struct Envelopes {
    /// The `source` of all of them.
    pub source: String,
    /// What the subjects of answers begin with.
    pub inbox: String,
    /// When the run began, by the wall clock.
    pub began: Timestamp,
}

/// An event's own part.
pub struct Content<'a> {
    /// Its number in the run.
    pub number: u64,
    /// Its type, with its version.
    pub kind: &'static str,
    /// Of the entity.
    pub key: &'a str,
    /// When it is meant to be sent, in seconds after the beginning.
    pub at_s: f64,
    /// Who waits for its answer.
    pub waits: Option<Kind>,
    /// Its data.
    pub data: Value,
}

impl Envelopes {
    /// A time of the run, as events have it.
    pub fn time(&self, at_s: f64) -> String {
        time::format(self.began + Span((at_s * 1e6) as i64))
    }

    /// An event; none if its type or key is none that is known.
    pub fn event(&self, of: Content) -> Option<Event> {
        let known = EVENT_TYPES.iter().find(|known| known.kind == of.kind)?;
        let key = known.entity.key(of.key).ok()?;
        let mut event = json!({
            "specversion": "1.0",
            "id": id(of.number),
            "source": self.source,
            "type": of.kind,
            "subject": of.key,
            "time": self.time(of.at_s),
            "data": of.data,
        });
        if of.waits.is_some() {
            event["replyto"] = json!(format!("{}.{}", self.inbox, of.number));
        }
        Some(Event {
            waits: of.waits.map(|kind| (of.number, kind)),
            subject: input_subject(known.lane, &key),
            payload: event.to_string().into(),
        })
    }
}

/// The `id` of the event of a number.
pub fn id(number: u64) -> String {
    format!("e-{number}")
}

/// Bytes that are no event, where this one would stand.
pub fn malformed(event: &Event, nth: u64) -> Event {
    let payload: &'static [u8] = match nth % 4 {
        0 => b"{\"specversion\":\"1.0\",\"id\":",
        1 => b"\xff\xfe not even text",
        2 => {
            b"{\"specversion\":\"1.0\",\"id\":\"m\",\"source\":\"/m\",\"type\":\"hold.wished.v1\"}"
        }
        _ => b"[]",
    };
    Event { waits: None, subject: event.subject.clone(), payload: Bytes::from_static(payload) }
}
