//! An event as a line of NDJSON.

use earmark::{contract::time, domain::time::Timestamp};
use serde::Serialize;
use serde_json::Value;

/// The `source` of all events.
pub const SOURCE: &str = "retail-orders";

/// An event that is ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its `id`.
    pub id: String,
    /// Its `time`.
    pub at: Timestamp,
    /// All of it, without a line break.
    pub json: String,
}

#[derive(Serialize)]
struct Envelope<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    r#type: &'a str,
    subject: &'a str,
    time: String,
    data: &'a Value,
}

impl Event {
    /// An event about `subject`, whose id is made of it and of what happened.
    pub fn new(kind: &str, subject: &str, what: &str, at: Timestamp, data: &Value) -> Event {
        let id = format!("{subject}/{what}");
        let r#type = format!("{kind}.v1");
        let envelope = Envelope {
            specversion: "1.0",
            id: &id,
            source: SOURCE,
            r#type: &r#type,
            subject,
            time: time::format(at),
            data,
        };
        // Texts and numbers are always JSON.
        let json = serde_json::to_string(&envelope).unwrap_or_default();
        Event { id, at, json }
    }
}
