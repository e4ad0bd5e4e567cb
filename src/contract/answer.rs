//! What a requester is told at its `replyto`: a decision's verdict, or a rejection.

use serde::Serialize;

use super::{
    Rejection,
    outgoing::{CauseRef, envelope},
    rule::Rule,
    shape::{Field, Shape, Whole, words},
    time,
};
use crate::domain::{
    decision::{Standing, Verdict},
    ids::LocationId,
    refusal::{Reason, Refusal},
    time::Timestamp,
};

/// The type of every answer.
pub const ANSWER_KIND: &str = "answer.v1";

const UNITS: Shape = Shape::Whole(Whole::natural("units"));
const SECONDS: Shape = Shape::Whole(Whole::natural("seconds"));

/// What comes of an event, in a word.
const STATUSES: &[&str] =
    &["accepted", "recorded", "parked", "granted", "partially_granted", "extended", "refused"];

/// The fields of an answer's data.
pub const FIELDS: &[Field] = &[
    Field::nullable("event_id", Shape::AnyText, "the `id` of the event that is answered"),
    Field::nullable("event_source", Shape::AnyText, "its `source`"),
    Field::required("status", Shape::OpenWord(|| STATUSES), "what came of it"),
    Field::required("repeated", Shape::Flag, "whether it is the first answer, again"),
    Field::sometimes("reason", Shape::OpenWord(words::<Reason>), "why it was refused"),
    Field::sometimes("retry_after_s", SECONDS, "after how long the same may go better, if `busy`"),
    Field::sometimes("available", UNITS, "units that could have been had, if they are the reason"),
    Field::sometimes("about", Shape::Name, "the line, payment or fulfilment that is the reason"),
    Field::sometimes("requested", UNITS, "units asked for"),
    Field::sometimes("quantity", UNITS, "units promised"),
    Field::sometimes("backordered", UNITS, "of these, units beyond stock"),
    Field::sometimes("location", Shape::Name, "where"),
    Field::sometimes("expires_at", Shape::Time, "until when"),
    Field::sometimes("rule", Shape::OpenWord(words::<Rule>), "the rule that was broken"),
    Field::sometimes_null("field", Shape::AnyText, "where; `null` if it is about the whole"),
    Field::sometimes("found", Shape::AnyText, "what was found there"),
    Field::sometimes("expected", Shape::AnyText, "what was expected there"),
    Field::sometimes("action", Shape::AnyText, "what to do about it"),
    Field::sometimes("message", Shape::AnyText, "all of it in a sentence"),
];

/// An answer, with what its envelope says.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The effect's id.
    pub id: &'a str,
    /// The plain key of the entity that decided.
    pub subject: &'a str,
    /// When it was decided (now, not when it was first).
    pub time: Timestamp,
    /// The event that is answered.
    pub cause: CauseRef<'a>,
    /// What was decided.
    pub verdict: &'a Verdict,
    /// Now or before.
    pub standing: Standing,
    /// After how many seconds the same may go better, where that is so.
    pub retry_after_s: Option<u32>,
}

#[derive(Default, Serialize)]
struct AnswerData<'a> {
    event_id: Option<&'a str>,
    event_source: Option<&'a str>,
    status: &'static str,
    repeated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after_s: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    about: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requested: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backordered: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location: Option<&'a LocationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(flatten)]
    rejection: Option<RejectionData<'a>>,
}

#[derive(Serialize)]
struct RejectionData<'a> {
    rule: &'static str,
    field: Option<&'a str>,
    found: &'a str,
    expected: &'a str,
    action: &'a str,
    message: String,
}

/// A verdict as the bytes of an answer.
pub fn render_answer(answer: &Answer) -> Vec<u8> {
    let data = AnswerData {
        event_id: Some(answer.cause.id),
        event_source: Some(answer.cause.source),
        repeated: answer.standing == Standing::Repeated,
        retry_after_s: answer.retry_after_s,
        ..said(answer.verdict)
    };
    envelope(answer.id, ANSWER_KIND, answer.subject, answer.time, Some(answer.cause), &data)
}

fn said(verdict: &Verdict) -> AnswerData<'_> {
    let status = |status| AnswerData { status, ..AnswerData::default() };
    match verdict {
        Verdict::Accepted => status("accepted"),
        Verdict::Recorded => status("recorded"),
        Verdict::Parked => status("parked"),
        Verdict::HoldGranted { requested, quantity, backordered, location, expires_at } => {
            let whole = quantity >= requested;
            AnswerData {
                requested: Some(*requested),
                quantity: Some(*quantity),
                backordered: Some(*backordered),
                location: Some(location),
                expires_at: Some(time::format(*expires_at)),
                ..status(if whole { "granted" } else { "partially_granted" })
            }
        }
        Verdict::HoldExtended { expires_at } => {
            AnswerData { expires_at: Some(time::format(*expires_at)), ..status("extended") }
        }
        Verdict::Refused(refusal) => refused(refusal),
    }
}

fn refused(refusal: &Refusal) -> AnswerData<'_> {
    AnswerData {
        status: "refused",
        reason: Some(refusal.reason.as_str()),
        available: refusal.available,
        about: refusal.about.as_ref().map(|name| name.as_str()),
        ..AnswerData::default()
    }
}

/// A rejection as the bytes of an answer. `id` is the effect's, `time` when it was rejected.
pub fn render_rejection_answer(id: &str, time: Timestamp, rejection: &Rejection) -> Vec<u8> {
    let data = AnswerData {
        event_id: rejection.id.as_deref(),
        event_source: rejection.source.as_deref(),
        status: "refused",
        reason: Some(rejection.reason.as_str()),
        rejection: Some(RejectionData {
            rule: rejection.rule.as_str(),
            field: rejection.field.as_deref(),
            found: &rejection.found,
            expected: &rejection.expected,
            action: &rejection.action,
            message: rejection.to_string(),
        }),
        ..AnswerData::default()
    };
    let (source, cause_id) = (rejection.source.as_deref(), rejection.id.as_deref());
    let cause = source.zip(cause_id).map(|(source, id)| CauseRef { source, id, traceparent: None });
    envelope(id, ANSWER_KIND, rejection.subject.as_deref().unwrap_or("-"), time, cause, &data)
}
