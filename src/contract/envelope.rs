//! The envelope: CloudEvents 1.0 in JSON, with the attributes of this contract.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    Decoded, explain, fields,
    hash::{event_key, fingerprint},
    limits::Limits,
    rejection::{Names, Rejection},
    rule::Rule,
    shape::{Field, Shape},
    time,
    types::{EventType, event_type},
    v1::{self, Context},
};
use crate::domain::{ids::EntityKey, time::Timestamp};

/// The longest `source` and `id`, in bytes each.
pub const IDENTITY_MAX_BYTES: usize = 256;

/// The attributes; a test sees that serde reads these and no others.
pub const FIELDS: &[Field] = &[
    Field::required("specversion", Shape::Exactly("1.0"), "the version of CloudEvents"),
    Field::required(
        "id",
        Shape::Identity,
        "with `source` the event's identity, kept at each retry",
    ),
    Field::required("source", Shape::Identity, "who says it"),
    Field::required("type", Shape::Type, "what it is"),
    Field::required("subject", Shape::Key, "the plain SKU or order id"),
    Field::required(
        "time",
        Shape::Time,
        "when it happened; not ahead of the log by more than clocks differ",
    ),
    Field::required("data", Shape::Data, "what it says"),
    Field::optional("replyto", Shape::ReplyTo, "the subject that the answer goes to"),
    Field::optional("expirytime", Shape::Time, "later than that it is not worth deciding"),
    Field::optional("sequence", Shape::TextOrNumber, "accepted, and not looked at"),
    Field::optional("traceparent", Shape::TraceParent, "W3C; carried to the outcomes"),
    Field::optional("causationid", Shape::AnyText, "accepted, and not looked at"),
    Field::optional("datacontenttype", Shape::JsonType, "the media type of `data`"),
    Field::optional("dataschema", Shape::AnyText, "accepted, and not looked at"),
];

/// The names of the attributes that are read.
pub fn names() -> &'static [&'static str] {
    super::shape::names(|asked| drop(Envelope::deserialize(asked)))
}

/// An event as its JSON says it, before any rule but the JSON types.
#[derive(Deserialize)]
pub(super) struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    source: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    data: &'a RawValue,
    replyto: Option<String>,
    expirytime: Option<String>,
    #[serde(rename = "sequence")]
    _sequence: Option<Sequence>,
    traceparent: Option<String>,
    #[serde(rename = "causationid")]
    _causation_id: Option<String>,
    datacontenttype: Option<String>,
    #[serde(rename = "dataschema")]
    _data_schema: Option<String>,
}

/// A publisher's own numbering, as text or as a number. Nothing depends on it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Sequence {
    Text(#[allow(dead_code)] String),
    Number(#[allow(dead_code)] i64),
}

/// Reads an event.
pub(super) fn decode(text: &str, limits: &Limits) -> Result<Decoded, Box<Rejection>> {
    let mut unknown = Vec::new();
    let envelope = parse(text, &mut unknown).ok_or_else(|| explain::envelope(text, limits))?;
    envelope.check(limits, unknown).map_err(|why| why.named(envelope.names(limits)))
}

fn parse<'a>(text: &'a str, unknown: &mut Vec<String>) -> Option<Envelope<'a>> {
    // Serde would take a list of the fields' values for the object too.
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let note = |path: serde_ignored::Path| v1::note_unknown(unknown, "", &path);
    let envelope = serde_ignored::deserialize(&mut json, note).ok()?;
    json.end().ok()?;
    Some(envelope)
}

impl Envelope<'_> {
    fn names(&self, limits: &Limits) -> Names {
        Names {
            source: Some(self.source.to_string()),
            id: Some(self.id.to_string()),
            subject: Some(self.subject.to_string()),
            kind: Some(self.kind.to_string()),
            reply_to: self.replyto.clone().filter(|subject| limits.permits_reply_to(subject)),
        }
    }

    fn check(&self, limits: &Limits, unknown: Vec<String>) -> Result<Decoded, Box<Rejection>> {
        if self.specversion != "1.0" {
            return Err(refuse(Rule::SpecVersion, "specversion", &self.specversion));
        }
        let event_type = event_type(&self.kind)?;
        identity("source", &self.source)?;
        identity("id", &self.id)?;
        let key = self.key(event_type)?;
        let time = point_in_time("time", &self.time)?;
        let expires_at = self.expirytime.as_deref().map(|text| point_in_time("expirytime", text));
        let expires_at = expires_at.transpose()?;
        self.check_optional(limits)?;
        let mut cx = Context { name: event_type.name, time, limits, unknown };
        let event = (event_type.read)(self.data, &mut cx)?;
        Ok(Decoded {
            event_key: event_key(&self.source, &self.id),
            fingerprint: fingerprint(event_type.kind, &key, &event),
            key,
            event,
            lane: event_type.lane,
            source: self.source.to_string(),
            id: self.id.to_string(),
            kind: event_type.kind,
            time,
            expires_at,
            reply_to: self.replyto.clone(),
            traceparent: self.traceparent.clone(),
            unknown_fields: cx.unknown,
        })
    }

    fn key(&self, event_type: &EventType) -> Result<EntityKey, Box<Rejection>> {
        event_type.entity.key(&self.subject).map_err(|why| {
            let found = format!("{why}: {:?}", self.subject);
            let expected = fields::expected("", "subject");
            Rejection::new(Rule::SubjectKey, &found, expected).at("subject")
        })
    }

    fn check_optional(&self, limits: &Limits) -> Result<(), Box<Rejection>> {
        if let Some(said) = self.datacontenttype.as_deref().filter(|said| !is_json(said)) {
            return Err(refuse(Rule::ContentType, "datacontenttype", said));
        }
        if let Some(said) = self.traceparent.as_deref().filter(|said| !is_traceparent(said)) {
            return Err(refuse(Rule::TraceParent, "traceparent", said));
        }
        match self.replyto.as_deref() {
            Some(subject) if !limits.permits_reply_to(subject) => Err(reply_to(subject, limits)),
            _ => Ok(()),
        }
    }
}

fn refuse(rule: Rule, field: &'static str, found: &str) -> Box<Rejection> {
    Rejection::new(rule, &format!("{found:?}"), fields::expected("", field)).at(field)
}

fn reply_to(found: &str, limits: &Limits) -> Box<Rejection> {
    let prefixes = limits.reply_prefixes.join(" or ");
    let expected = format!(
        "a subject that begins with {prefixes}, without wildcards, spaces and empty tokens, of at \
         most {} bytes",
        super::subject::REPLY_TO_MAX_BYTES
    );
    Rejection::new(Rule::ReplyTo, &format!("{found:?}"), expected).at("replyto")
}

fn identity(field: &'static str, said: &str) -> Result<(), Box<Rejection>> {
    let fits = (1..=IDENTITY_MAX_BYTES).contains(&said.len());
    if fits && !said.bytes().any(|byte| byte.is_ascii_control()) {
        return Ok(());
    }
    Err(refuse(Rule::Identity, field, said))
}

fn point_in_time(field: &'static str, said: &str) -> Result<Timestamp, Box<Rejection>> {
    time::parse(said).ok_or_else(|| refuse(Rule::FieldTime, field, said))
}

fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case("application/json")
}

/// Is this a trace context of the W3C? Later versions than `00` may append further parts.
fn is_traceparent(said: &str) -> bool {
    let parts: Vec<&str> = said.split('-').collect();
    let [version, trace, parent, flags, rest @ ..] = parts.as_slice() else {
        return false;
    };
    let hex = |part: &str, digits: usize| {
        part.len() == digits && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let some = |part: &str, digits: usize| hex(part, digits) && part.bytes().any(|b| b != b'0');
    hex(version, 2)
        && *version != "ff"
        && (rest.is_empty() || *version != "00")
        && said.len() <= IDENTITY_MAX_BYTES
        && some(trace, 32)
        && some(parent, 16)
        && hex(flags, 2)
}
