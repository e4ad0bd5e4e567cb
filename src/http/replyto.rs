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

/// An event that follows the contract and names no `replyto`, with this one.
pub fn with_reply_to(event: &str, subject: &str) -> String {
    // A text is always JSON.
    let subject = serde_json::Value::from(subject).to_string();
    match null(event) {
        Some((from, to)) => format!("{}{subject}{}", &event[..from], &event[to..]),
        None => {
            let begin = event.find('{').map_or(0, |brace| brace + 1);
            format!("{}\"replyto\":{subject},{}", &event[..begin], &event[begin..])
        }
    }
}

/// Where a `replyto` is `null`.
fn null(event: &str) -> Option<(usize, usize)> {
    let said: Said = serde_json::from_str(event).ok()?;
    let null = said.replyto?.get();
    // It is a part of the event's own text.
    let from = (null.as_ptr() as usize).checked_sub(event.as_ptr() as usize)?;
    Some((from, from + null.len()))
}

/// How many bytes longer an event becomes.
pub fn added_bytes(subject_bytes: usize) -> usize {
    "\"replyto\":\"\",".len() + subject_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_stays_as_it_was_sent() {
        let event =
            " \n{ \"id\" : \"a\", \"n\":1.50e+3, \"o\":{\"replyto\":null}, \"é\":\"\\u00e9\"}\n";
        let with = with_reply_to(event, "_INBOX.x.1");
        let expected = event.replacen('{', "{\"replyto\":\"_INBOX.x.1\",", 1);
        assert_eq!(with, expected);
        assert_eq!(with.len(), event.len() + added_bytes("_INBOX.x.1".len()));
    }

    #[test]
    fn a_null_gives_way_however_it_is_spelled() {
        let with = |event| with_reply_to(event, "_INBOX.x.1");
        let expected = "{\"a\":1, \"replyto\" : \"_INBOX.x.1\" }";
        assert_eq!(with("{\"a\":1, \"replyto\" : null }"), expected);
        let expected = "{\"reply\\u0074o\":\"_INBOX.x.1\",\"data\":{\"replyto\":null}}";
        assert_eq!(with("{\"reply\\u0074o\":null,\"data\":{\"replyto\":null}}"), expected);
    }
}
