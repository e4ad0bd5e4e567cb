//! The envelope of all that Earmark says.

use serde::Serialize;

use super::{
    shape::{Field, Shape},
    time,
};
use crate::domain::{decision::Cause, time::Timestamp};

/// The `source` of all that Earmark says.
pub const SOURCE: &str = "earmark";

/// The media type of all that Earmark says.
const JSON: &str = "application/json";
/// Most of what is said fits into so many bytes.
const ROOM: usize = 640;

/// The event that something was said because of.
#[derive(Clone, Copy, Debug)]
pub struct CauseRef<'a> {
    /// Its `source`.
    pub source: &'a str,
    /// Its `id`.
    pub id: &'a str,
    /// The trace it belongs to.
    pub traceparent: Option<&'a str>,
}

impl<'a> From<&'a Cause> for CauseRef<'a> {
    fn from(cause: &'a Cause) -> CauseRef<'a> {
        let Cause { source, id, traceparent, .. } = cause;
        CauseRef { source, id, traceparent: traceparent.as_deref() }
    }
}

/// The attributes of a CloudEvent of Earmark's.
pub(super) const FIELDS: &[Field] = &[
    Field::required("specversion", Shape::Exactly("1.0"), "the version of CloudEvents"),
    Field::required("id", Shape::AnyText, "the effect's id: said again, it has the same"),
    Field::required("source", Shape::Exactly(SOURCE), "who says it"),
    Field::required("type", Shape::Type, "what it is"),
    Field::required("subject", Shape::AnyText, "the plain SKU or order id; `-` if it is not known"),
    Field::required("time", Shape::Time, "when it was decided"),
    Field::required("datacontenttype", Shape::Exactly(JSON), "the media type of `data`"),
    Field::sometimes("causationid", Shape::AnyText, "the `id` of the event that caused it"),
    Field::sometimes("causationsource", Shape::AnyText, "the `source` of the event that caused it"),
    Field::sometimes("traceparent", Shape::AnyText, "the trace of the event that caused it"),
    Field::required("data", Shape::Data, "what it says"),
];

/// A CloudEvent of Earmark's.
#[derive(Serialize)]
struct Outgoing<'a, D> {
    specversion: &'static str,
    id: &'a str,
    source: &'static str,
    r#type: &'a str,
    subject: &'a str,
    time: String,
    datacontenttype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causationsource: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
    data: &'a D,
}

pub(super) fn envelope<D: Serialize>(
    id: &str,
    kind: &str,
    subject: &str,
    time: Timestamp,
    cause: Option<CauseRef>,
    data: &D,
) -> Vec<u8> {
    json(&Outgoing {
        specversion: "1.0",
        id,
        source: SOURCE,
        r#type: kind,
        subject,
        time: time::format(time),
        datacontenttype: JSON,
        causationid: cause.map(|cause| cause.id),
        causationsource: cause.map(|cause| cause.source),
        traceparent: cause.and_then(|cause| cause.traceparent),
        data,
    })
}

/// JSON as bytes. The structs of this module have text for keys and nothing that can fail.
pub(super) fn json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ROOM);
    serde_json::to_writer(&mut bytes, value).expect("a struct of texts and numbers is JSON");
    bytes
}
