//! Says in an event where its answer goes, and leaves every other byte as it was sent: numbers
//! keep their digits, unknown fields their place.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// What an event says of `replyto`, as it is written.
#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow, default, deserialize_with = "raw")]
    replyto: Option<&'a RawValue>,
}

/// A field that is there, also if it is `null`.
fn raw<'de: 'a, 'a, D: Deserializer<'de>>(from: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(from).map(Some)
}

/// An event that follows the contract, with this `replyto` in place of its own.
pub fn with_reply_to(event: &str, subject: &str) -> String {
    // A text is always JSON.
    let subject = serde_json::Value::from(subject).to_string();
    match said(event) {
        Some((from, to)) => format!("{}{subject}{}", &event[..from], &event[to..]),
        None => {
            let begin = event.find('{').map_or(0, |brace| brace + 1);
            format!("{}\"replyto\":{subject},{}", &event[..begin], &event[begin..])
        }
    }
}

/// Where it says a `replyto`, `null` too.
fn said(event: &str) -> Option<(usize, usize)> {
    let said: Said = serde_json::from_str(event).ok()?;
    let own = said.replyto?.get();
    // It is a part of the event's own text.
    let from = (own.as_ptr() as usize).checked_sub(event.as_ptr() as usize)?;
    Some((from, from + own.len()))
}

/// How many bytes longer an event becomes.
pub fn added_bytes(subject_bytes: usize) -> usize {
    "\"replyto\":\"\",".len() + subject_bytes
}
