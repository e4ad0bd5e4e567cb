//! `earmark dlq show`: everything about a letter, its event, and its entity now.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::desk::Desk;
use crate::{
    cli::print,
    contract::Catalogue,
    error::{Exit, Failure},
    letters::{
        Letter,
        story::{Sources, story},
    },
    nats::{NatsInput, NatsJournal, NatsShelf},
};

/// How long the entity's owner may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Show a dead letter: why, where it was read, its bytes, its entity now, and what to do.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark dlq show 17               # by its sequence in EARMARK_DLQ
  earmark dlq show 1-3-812-4 --json # by its id
  earmark dlq show 17 --scenario poison.yaml && earmark scenario run poison.yaml")]
pub struct Show {
    /// The letter's id, or its sequence in EARMARK_DLQ.
    #[arg(value_name = "ID")]
    id: String,
    /// Write what led to it as a scenario, from the journal and EARMARK_IN, as far as they have it.
    #[arg(long, value_name = "FILE")]
    scenario: Option<PathBuf>,
}

#[derive(Serialize)]
struct Shown {
    dlq_sequence: u64,
    /// Whether somebody replayed or discarded it.
    closed: bool,
    letter: Letter,
    /// The event's bytes as text, where they are UTF-8.
    payload: Option<String>,
    payload_bytes: Option<usize>,
    /// Why the bytes cannot be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_missing: Option<String>,
    /// The headers that it was published with.
    headers: Option<Vec<String>>,
    /// What the owner of its SKU or order says of it now.
    entity_now: Option<Value>,
    /// Why nothing is said of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    entity_unknown: Option<String>,
    what_to_do: Vec<String>,
    /// What the scenario lacks that was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    scenario_lacks: Option<Vec<String>>,
}

impl Show {
    pub(super) async fn run(self, desk: &Desk<'_>) -> Result<Exit, Failure> {
        let (sequence, letter) = desk.find(&self.id).await?;
        let extent = desk.letters.extent().await?;
        let closed = desk.closed(&extent).await?.has(letter.identity(), sequence);
        let lacks = match &self.scenario {
            Some(file) => Some(write_story(desk, &letter, file).await?),
            None => None,
        };
        let mut shown = look(desk, sequence, letter, closed).await;
        shown.scenario_lacks = lacks;
        match desk.context.json {
            true => print::json(&shown),
            false => shown.tell(),
        }
        Ok(Exit::Done)
    }
}

/// Writes what led to a letter; what is missing of it.
async fn write_story(
    desk: &Desk<'_>,
    letter: &Letter,
    file: &Path,
) -> Result<Vec<String>, Failure> {
    let settings = &desk.context.settings;
    let page = settings.engine.journal_page_bytes;
    let sources = Sources {
        journal: &NatsJournal::new(desk.nats.clone(), settings.reader.clone(), page),
        shelf: &NatsShelf::new(desk.nats.clone(), settings.reader.clone()),
        input: &NatsInput::new(desk.nats.clone(), settings.reader.clone()),
        partitions: settings.streams.partitions,
    };
    let bytes = desk.bytes(letter).await.ok();
    let (text, missing) = story(letter, bytes.as_deref(), &sources).await?;
    std::fs::write(file, text).map_err(|error| {
        let text = format!("--scenario: {}: {error}", file.display());
        Failure::new(Exit::Failed, text).advise("name a file that can be written")
    })?;
    Ok(missing)
}

async fn look(desk: &Desk<'_>, dlq_sequence: u64, mut letter: Letter, closed: bool) -> Shown {
    let bytes = desk.bytes(&letter).await;
    let headers = match (letter.headers.take(), letter.sequence) {
        (Some(headers), _) => Ok(Some(headers.lines().map(str::to_owned).collect())),
        (None, 0) => Ok(None),
        // A letter of a version that does not say them.
        (None, at) => desk.letters.headers(&letter.stream, at, letter.logged_at()).await,
    };
    let (entity_now, entity_unknown) = match letter.entity() {
        Some(key) => match desk.letters.ask(&key, ANSWER_WITHIN).await {
            Ok(answer) => (Some(answer), None),
            Err(why) => (None, Some(why)),
        },
        None => (None, Some("the letter does not say whose it is".to_owned())),
    };
    let what_to_do = what_to_do(&letter, &desk.context.settings.published.catalogue, closed);
    // It stands below as text.
    if bytes.as_ref().is_ok_and(|bytes| std::str::from_utf8(bytes).is_ok()) {
        letter.payload_base64 = None;
    }
    Shown {
        dlq_sequence,
        closed,
        payload_bytes: bytes.as_ref().ok().map(Vec::len),
        payload_missing: bytes.as_ref().err().cloned(),
        payload: bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        headers: headers.ok().flatten(),
        letter,
        entity_now,
        entity_unknown,
        what_to_do,
        scenario_lacks: None,
    }
}

fn what_to_do(letter: &Letter, catalogue: &Catalogue, closed: bool) -> Vec<String> {
    use crate::contract::catalogue::Replay;
    let handling = letter.handling(catalogue);
    let id = &letter.id;
    let mut lines = vec![letter.action.clone()];
    if closed {
        lines.push("it is closed: it was replayed or discarded".to_owned());
    }
    lines.push(format!("{} owns it; escalate to {}", handling.owner, handling.escalation));
    lines.push(match handling.replay {
        Replay::AsIs => format!("`earmark dlq replay {id}` says what a replay would do"),
        Replay::AfterCorrection => format!(
            "`earmark dlq replay {id} --set PATH=VALUE` (or --edit FILE) says what a corrected \
             replay would do"
        ),
        Replay::Never => {
            format!("it is not to be replayed; `earmark dlq discard {id}` once it is seen to")
        }
    });
    if let Some(key) = letter.entity() {
        let (kind, key, at) = (key.entity(), json!(key.key()), &letter.time);
        lines.push(format!("`earmark inspect {kind} {key} --until {at}` says how it stood then"));
    }
    lines.push(format!("deploy/runbook.md has a section on {}", letter.reason));
    lines
}

impl Shown {
    fn tell(&self) {
        let letter = &self.letter;
        let closed = if self.closed { ", closed" } else { "" };
        let severity = letter.severity.as_str();
        print::line(format!("letter {} ({}): {severity}{closed}", self.dlq_sequence, letter.id));
        print::line(format!("  {}", letter.message));
        let headers = self.headers.as_ref().filter(|headers| !headers.is_empty());
        let headers = headers.map(|headers| headers.join("; "));
        let fields = [
            ("rule", Some(letter.rule.clone())),
            ("owner", Some(letter.owner.clone())),
            ("event", letter.event_id.clone()),
            ("source", letter.event_source.clone()),
            ("type", letter.event_type.clone()),
            ("subject", letter.event_subject.clone()),
            ("time", letter.event_time.clone()),
            ("logged at", Some(letter.logged_at.clone())),
            ("given up at", Some(letter.time.clone())),
            ("read from", Some(format!("{} {}", letter.stream, letter.sequence))),
            ("by subject", Some(letter.subject.clone())),
            ("headers", headers),
            ("stood", letter.stood()),
        ];
        for (name, value) in fields {
            print::line(format!("  {name:<12} {}", value.as_deref().unwrap_or("-")));
        }
        match (&self.payload, &self.payload_missing, self.payload_bytes) {
            (Some(text), ..) => print::line(format!("\nthe event:\n{text}")),
            (None, Some(why), _) => print::line(format!("\nthe event's bytes are missing: {why}")),
            (None, None, bytes) => print::line(format!(
                "\nthe event is {} bytes that are no text; --json has them in base64",
                bytes.unwrap_or_default()
            )),
        }
        match (&self.entity_now, &self.entity_unknown) {
            (Some(now), _) => {
                let text = serde_json::to_string_pretty(now).unwrap_or_default();
                print::line(format!("\nits entity now:\n{text}"));
            }
            (None, why) => print::line(format!(
                "\nnothing is said of its entity now: {}",
                why.as_deref().unwrap_or_default()
            )),
        }
        print::line("\nwhat to do:");
        self.what_to_do.iter().for_each(|line| print::line(format!("  - {line}")));
        let lacks = self.scenario_lacks.iter().flatten();
        lacks.for_each(|what| print::line(format!("the scenario lacks {what}")));
    }
}
