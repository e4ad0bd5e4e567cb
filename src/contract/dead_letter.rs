//! A dead letter: what could not be taken, why, where it was read, and its original bytes.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use super::{
    CONTRACT_VERSION, Rejection, Rule,
    catalogue::{Handling, Replay},
    outcome::QUANTITIES,
    outgoing::json,
    shape::{Field, Shape, Whole, words},
    time,
};
use crate::domain::{
    brief::{Brief, OrderBrief},
    order::{payment::MoneyStage, status::OrderStatus},
    outcome::Quantities,
    refusal::Reason,
    time::Timestamp,
};

/// How much a dead letter matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Somebody looks at it now.
    Page,
    /// Somebody looks at it today: the books may be wrong until then.
    High,
    /// A sale or an arrival is missing.
    Medium,
    /// A report is missing something.
    Low,
}

impl Severity {
    /// Its token in a subject.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Page => "page",
            Severity::High => "high",
            Severity::Medium => "medium",
            Severity::Low => "low",
        }
    }
}

/// Its fields.
pub const FIELDS: &[Field] = &[
    Field::required("id", Shape::AnyText, "the effect's id: said again, it has the same"),
    Field::required("reason", Shape::OpenWord(words::<Reason>), "why"),
    Field::required("rule", Shape::OpenWord(words::<Rule>), "the rule that was broken"),
    Field::required("severity", Shape::OpenWord(words::<Severity>), "how much it matters"),
    Field::required("owner", Shape::OpenWord(|| OWNERS), "who can do something about it"),
    Field::required("escalation", Shape::AnyText, "whom to call, and after how long"),
    Field::required("replay", Shape::OpenWord(words::<Replay>), "whether it may be replayed"),
    Field::nullable("cost_per_hour_minor", MINOR, "an estimate; `null` where nobody knows"),
    Field::nullable("currency", Shape::Currency, "of that estimate"),
    Field::required("contract_version", VERSION, "the contract that it was held to"),
    Field::required("message", Shape::AnyText, "all of it in a sentence"),
    Field::nullable("field", Shape::AnyText, "where it is wrong; `null` if as a whole"),
    Field::required("found", Shape::AnyText, "what was found there"),
    Field::required("expected", Shape::AnyText, "what was expected there"),
    Field::required("action", Shape::AnyText, "what to do about it"),
    Field::nullable("event_source", Shape::AnyText, "the event's `source`, as far as it is known"),
    Field::nullable("event_id", Shape::AnyText, "its `id`, as far as it is known"),
    Field::nullable("event_type", Shape::AnyText, "its `type`, as far as it is known"),
    Field::nullable("event_subject", Shape::AnyText, "its `subject`, as far as it is known"),
    Field::nullable("event_time", Shape::Time, "its `time`, if that can be read"),
    Field::nullable("reply_to", Shape::AnyText, "where its answer goes, if that is permitted"),
    Field::required("stream", Shape::AnyText, "the stream that it was read from"),
    Field::required("sequence", Shape::Whole(Whole::natural("")), "its sequence there"),
    Field::required("subject", Shape::AnyText, "its subject there"),
    Field::required("logged_at", Shape::Time, "when the log took it"),
    Field::required("time", Shape::Time, "when it was given up"),
    Field::nullable("headers", Shape::AnyText, "its headers, a line each: the first 4,096 bytes"),
    Field::nullable("revision", VERSION, "how often its entity had changed, if it was looked at"),
    Field::nullable("quantities", Shape::Object(QUANTITIES), "of its SKU then, in all"),
    Field::nullable("order", Shape::Object(ORDER), "its order then, if it was placed"),
    Field::sometimes("payload_base64", Shape::Base64, "its bytes"),
    Field::sometimes("object", Shape::AnyText, "or the object of the store that has them"),
];

const ORDER: &[Field] = &[
    Field::required("status", Shape::OpenWord(words::<OrderStatus>), "derived from its lines"),
    Field::required("payment", Shape::OpenWord(words::<MoneyStage>), "what its money stands at"),
    Field::required("units", Shape::Object(UNITS), "where they stood, summed over its lines"),
];
/// Where the units of an order stand.
pub const UNITS: &[Field] = &[
    Field::required("awaiting", COUNT, "not answered by their SKU"),
    Field::required("reserved", COUNT, "promised until the payment deadline"),
    Field::required("allocated", COUNT, "promised for good"),
    Field::required("shipped", COUNT, "left"),
    Field::required("delivered", COUNT, "arrived"),
    Field::required("refused", COUNT, "refused"),
    Field::required("cancelled", COUNT, "called off"),
    Field::required("expired", COUNT, "not paid in time"),
];
const COUNT: Shape = Shape::Whole(Whole::natural("units"));

/// Of the headers that an event was published with, a letter has so many bytes at most.
pub const HEADERS_BYTES_MAX: usize = 4_096;

/// What is estimated.
const MINOR: Shape = Shape::Whole(Whole::natural("minor units"));
/// Versions are counted.
const VERSION: Shape = Shape::Whole(Whole::natural(""));

/// Everybody that the built-in catalogue names; another may name others.
pub const OWNERS: &[&str] = &["operator", "payments", "publisher", "shop", "warehouse"];

/// When it happened, as the bytes of an event say, whatever else is wrong with them.
pub fn event_time(bytes: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Said {
        time: String,
    }
    time::parse(&serde_json::from_slice::<Said>(bytes).ok()?.time)
}

/// The original bytes, or where they are.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'a> {
    /// Here.
    Inline(&'a [u8]),
    /// In the object store, under this name.
    Object(&'a str),
}

/// A dead letter and where it was read.
#[derive(Clone, Copy, Debug)]
pub struct DeadLetter<'a> {
    /// The effect's id.
    pub id: &'a str,
    /// Why.
    pub rejection: &'a Rejection,
    /// What the catalogue says of it.
    pub handling: Handling<'a>,
    /// When it happened, as the event says.
    pub event_time: Option<Timestamp>,
    /// The stream that it was read from.
    pub stream: &'a str,
    /// Its sequence there.
    pub sequence: u64,
    /// Its subject there.
    pub subject: &'a str,
    /// When the log took it.
    pub logged_at: Timestamp,
    /// When it was given up.
    pub time: Timestamp,
    /// The headers that it was published with, a line each. Beyond [`HEADERS_BYTES_MAX`] they are
    /// left out.
    pub headers: &'a str,
    /// How its entity stood when it was given up, where that was looked at.
    pub stood: Option<Brief>,
    /// Its bytes.
    pub payload: Payload<'a>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    reason: &'static str,
    rule: &'static str,
    severity: &'static str,
    owner: &'a str,
    escalation: &'a str,
    replay: &'static str,
    cost_per_hour_minor: Option<u64>,
    currency: Option<&'a str>,
    contract_version: u32,
    message: String,
    field: Option<&'a str>,
    found: &'a str,
    expected: &'a str,
    action: &'a str,
    event_source: Option<&'a str>,
    event_id: Option<&'a str>,
    event_type: Option<&'a str>,
    event_subject: Option<&'a str>,
    event_time: Option<String>,
    reply_to: Option<&'a str>,
    stream: &'a str,
    sequence: u64,
    subject: &'a str,
    logged_at: String,
    time: String,
    headers: Option<&'a str>,
    revision: Option<u64>,
    quantities: Option<Quantities>,
    order: Option<OrderBrief>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_base64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a str>,
}

/// As much of a text as a letter has room for.
fn bounded(headers: &str) -> &str {
    let most = HEADERS_BYTES_MAX.min(headers.len());
    let end = (0..=most).rev().find(|end| headers.is_char_boundary(*end));
    headers.get(..end.unwrap_or_default()).unwrap_or_default()
}

/// A dead letter as JSON.
pub fn render_dead_letter(letter: &DeadLetter) -> Vec<u8> {
    let (rejection, handling) = (letter.rejection, &letter.handling);
    let (payload_base64, object) = match letter.payload {
        Payload::Inline(bytes) => (Some(STANDARD.encode(bytes)), None),
        Payload::Object(name) => (None, Some(name)),
    };
    let (revision, quantities, order) = match letter.stood {
        Some(Brief::Sku { revision, total }) => (Some(revision), Some(total), None),
        Some(Brief::Order { revision, placed }) => (Some(revision), None, placed),
        None => (None, None, None),
    };
    json(&Body {
        id: letter.id,
        reason: rejection.reason.as_str(),
        rule: rejection.rule.as_str(),
        severity: handling.severity.as_str(),
        owner: handling.owner,
        escalation: handling.escalation,
        replay: handling.replay.as_str(),
        cost_per_hour_minor: handling.cost.map(|cost| cost.minor),
        currency: handling.cost.map(|cost| cost.currency.as_str()),
        contract_version: CONTRACT_VERSION,
        message: rejection.to_string(),
        field: rejection.field.as_deref(),
        found: &rejection.found,
        expected: &rejection.expected,
        action: &rejection.action,
        event_source: rejection.source.as_deref(),
        event_id: rejection.id.as_deref(),
        event_type: rejection.kind.as_deref(),
        event_subject: rejection.subject.as_deref(),
        event_time: letter.event_time.map(time::format),
        reply_to: rejection.reply_to.as_deref(),
        stream: letter.stream,
        sequence: letter.sequence,
        subject: letter.subject,
        logged_at: time::format(letter.logged_at),
        time: time::format(letter.time),
        headers: Some(bounded(letter.headers)).filter(|headers| !headers.is_empty()),
        revision,
        quantities,
        order,
        payload_base64,
        object,
    })
}
