//! One entry of an entity's history, as it is shown.

use serde::Serialize;
use serde_json::{Value, value::RawValue};

use crate::{
    cli::print,
    contract::time,
    domain::{
        decision::{Standing, Verdict},
        time::Timestamp,
    },
    partition::entry::{Decided, Entry, Facts, Trigger},
    telemetry::business::outcome,
};

/// Facts that only repeats are recognised by: shown as JSON, left out of tables.
const BOOKKEEPING: [&str; 3] = ["Remembered", "Forgotten", "Moved"];
/// Fields of a fact that a table shows.
const FIELDS_SHOWN: usize = 5;
/// Numbers in this range are points in time, in microseconds: from 2001 to 2100.
const TIMES: std::ops::Range<i64> = 1_000_000_000_000_000..4_100_000_000_000_000;
/// Fields that hold hashes, which mean nothing to a reader.
const HASHES: [&str; 2] = ["key", "fingerprint"];
/// Fields that count from 0.
const PLACES: [&str; 2] = ["leg", "line"];
/// The most characters of a value that a table shows.
const VALUE_CHARS: usize = 40;

/// One entry.
#[derive(Debug, Serialize)]
pub struct Item {
    /// The record's place in the journal.
    pub sequence: u64,
    /// When it was decided.
    pub at: String,
    /// What caused it.
    pub cause: Cause,
    /// What was decided.
    pub verdict: String,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// It was answered as the first time.
    pub repeated: bool,
    /// What changed.
    pub facts: Vec<Box<RawValue>>,
    /// What the world was told.
    pub outcomes: Vec<&'static str>,
    /// What other entities were told.
    pub commands: usize,
}

/// What caused an entry.
#[derive(Debug, Default, Serialize)]
pub struct Cause {
    /// An event's type, or what else it was.
    pub kind: String,
    /// The event's `source`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The event's `id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its place in the log that it was read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Who sent the command.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// An entry as it is shown.
pub fn item(sequence: u64, at: Timestamp, entry: &Entry) -> Item {
    let bare = |verdict: &str, cause: Cause, reason: Option<String>| Item {
        sequence,
        at: time::format(at),
        cause,
        verdict: verdict.to_owned(),
        reason,
        repeated: false,
        facts: Vec::new(),
        outcomes: Vec::new(),
        commands: 0,
    };
    let read_at = |sequence| Cause { kind: "message".to_owned(), sequence, ..Cause::default() };
    match entry {
        Entry::Decided(decided) => decision(sequence, at, decided),
        Entry::Rejected { read, rejection } => {
            let cause = Cause {
                kind: rejection.kind.clone().unwrap_or_default(),
                source: rejection.source.clone(),
                id: rejection.id.clone(),
                sequence: Some(read.sequence),
                from: None,
            };
            bare("rejected", cause, Some(rejection.to_string()))
        }
        Entry::Quarantined { read, why, .. } => {
            let sequence = read.as_ref().map(|read| read.sequence);
            bare("quarantined", read_at(sequence), Some(why.clone()))
        }
        Entry::Waiting { read, .. } => bare("waits", read_at(Some(read.sequence)), None),
        Entry::Reinstated { by, why, .. } => {
            bare("decides again", Cause::default(), Some(format!("{by}: {why}")))
        }
        Entry::LateAllowed { source, id, by, why, .. } => {
            let (source, id) = (Some(source.clone()), Some(id.clone()));
            let cause = Cause { source, id, ..Cause::default() };
            bare("may be late", cause, Some(format!("{by}: {why}")))
        }
        Entry::WaitedOut { inputs, .. } => {
            bare(&format!("{inputs} wait no more"), Cause::default(), None)
        }
        Entry::Genesis
        | Entry::TakenOver
        | Entry::Resumed
        | Entry::Left
        | Entry::InHand(_)
        | Entry::Lost { .. }
        | Entry::Reseeded { .. }
        | Entry::LossAccepted { .. }
        | Entry::Stood(_) => bare("-", Cause::default(), None),
    }
}

fn decision(sequence: u64, at: Timestamp, decided: &Decided) -> Item {
    let Decided { trigger, facts, outcomes, commands, verdict, standing, .. } = decided;
    Item {
        sequence,
        at: time::format(at),
        cause: cause(trigger),
        verdict: outcome(verdict).to_owned(),
        reason: reason(verdict),
        repeated: *standing == Standing::Repeated,
        facts: match facts {
            Facts::Sku(facts) => facts.iter().filter_map(raw).collect(),
            Facts::Order(facts) => facts.iter().filter_map(raw).collect(),
        },
        outcomes: outcomes.iter().map(crate::domain::outcome::Outcome::kind).collect(),
        commands: commands.len(),
    }
}

fn raw(fact: &impl Serialize) -> Option<Box<RawValue>> {
    serde_json::value::to_raw_value(fact).ok()
}

fn reason(verdict: &Verdict) -> Option<String> {
    let Verdict::Refused(refusal) = verdict else { return None };
    let mut text = refusal.reason.to_string();
    if let Some(available) = refusal.available {
        text.push_str(&format!(", {available} available"));
    }
    if let Some(about) = &refusal.about {
        text.push_str(&format!(", about {about}"));
    }
    Some(text)
}

fn cause(trigger: &Trigger) -> Cause {
    match trigger {
        Trigger::Event(cause) | Trigger::Step { settles: Some(cause) } => Cause {
            kind: cause.kind.clone(),
            source: Some(cause.source.clone()),
            id: Some(cause.id.clone()),
            sequence: Some(cause.sequence),
            from: None,
        },
        Trigger::Command { from, sequence, origin } => Cause {
            kind: "command".to_owned(),
            source: origin.as_ref().map(|origin| origin.source.clone()),
            id: origin.as_ref().map(|origin| origin.id.clone()),
            sequence: Some(*sequence),
            from: Some(from.to_string()),
        },
        Trigger::Deadline { reached, .. } => {
            Cause { kind: format!("deadline {}", time::format(*reached)), ..Cause::default() }
        }
        Trigger::Step { settles: None } => Cause { kind: "step".to_owned(), ..Cause::default() },
    }
}

impl Cause {
    /// In one line: what, by whom, and its id.
    pub fn brief(&self) -> String {
        let mut text = self.kind.clone();
        self.from.iter().for_each(|from| text.push_str(&format!(" of {from}")));
        match (&self.source, &self.id) {
            (Some(source), Some(id)) if self.from.is_some() => {
                text.push_str(&format!(", begun by {id} ({source})"));
            }
            (Some(source), Some(id)) => text.push_str(&format!(" {id} ({source})")),
            _ => {}
        }
        text
    }
}

impl Item {
    /// The facts in one line each, those that keep books left out.
    pub fn facts_in_brief(&self) -> Vec<String> {
        let parsed = self.facts.iter().filter_map(|fact| serde_json::from_str(fact.get()).ok());
        parsed.filter_map(|fact: Value| brief(&fact)).collect()
    }
}

/// A fact in one line: its name and its first plain fields.
pub fn brief(fact: &Value) -> Option<String> {
    let (name, fields) = match fact {
        Value::String(name) => (name.as_str(), &Value::Null),
        Value::Object(variants) => {
            let (name, fields) = variants.iter().next()?;
            (name.as_str(), fields)
        }
        _ => return None,
    };
    if BOOKKEEPING.contains(&name) {
        return None;
    }
    let mut shown = Vec::new();
    plain_fields("", fields, &mut shown);
    shown.truncate(FIELDS_SHOWN);
    Some(format!("{name} {}", shown.join(" ")).trim_end().to_owned())
}

/// `name=value` for every plain value that says something, nested ones under the last two names.
fn plain_fields(name: &str, value: &Value, shown: &mut Vec<String>) {
    match value {
        _ if HASHES.contains(&name.rsplit('.').next().unwrap_or_default()) => {}
        Value::Object(fields) => fields.iter().for_each(|(key, value)| {
            let parent = name.rsplit('.').next().unwrap_or_default();
            let key = if parent.is_empty() { key.clone() } else { format!("{parent}.{key}") };
            plain_fields(&key, value, shown);
        }),
        Value::Array(list) if !list.is_empty() => shown.push(format!("{name}[{}]", list.len())),
        Value::String(text) => {
            shown.push(format!("{name}={}", text.chars().take(VALUE_CHARS).collect::<String>()));
        }
        Value::Number(number) if number.as_i64() != Some(0) || is_place(name) => {
            // Microseconds since 1970 are far beyond any quantity.
            let micros = number.as_i64().filter(|micros| TIMES.contains(micros));
            let shown_as = micros.map(|micros| print::at(Timestamp(micros)));
            shown.push(format!("{name}={}", shown_as.unwrap_or_else(|| number.to_string())));
        }
        Value::Bool(true) => shown.push(name.to_owned()),
        Value::Null | Value::Bool(false) | Value::Number(_) | Value::Array(_) => {}
    }
}

/// Whether a number of this name says which, and not how many.
fn is_place(name: &str) -> bool {
    PLACES.contains(&name.rsplit('.').next().unwrap_or_default())
}
