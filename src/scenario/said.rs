//! What was said since it was last looked: outcomes, and the events that became dead letters.

use async_nats::jetstream::Context;
use serde::Deserialize;

use crate::{
    embedded::{Embedded, Shelf},
    nats::{names, pages},
    ports::PortError,
};

/// Messages that are read at a time.
const PAGE: usize = 1_000;
/// An event whose id is not known.
const NO_ID: &str = "?";

/// Where it stands.
#[derive(Clone)]
pub(super) enum Logs {
    /// In a store.
    Store(Embedded),
    /// In the streams of a server.
    Streams(Context),
}

/// Reads on from where it was.
pub(super) struct Said {
    logs: Logs,
    outcomes: u64,
    letters: u64,
}

/// A dead letter.
pub(super) struct Letter {
    /// The id of the event, or a question mark.
    pub id: String,
    /// Why.
    pub reason: String,
}

#[derive(Deserialize)]
struct Event {
    r#type: String,
    subject: String,
}

#[derive(Deserialize)]
struct Body {
    event_id: Option<String>,
    reason: String,
}

impl Said {
    pub fn new(logs: Logs) -> Said {
        Said { logs, outcomes: 0, letters: 0 }
    }

    /// The kind of each new outcome, and the key of whoever says so.
    pub async fn outcomes(&mut self) -> Result<Vec<String>, PortError> {
        let messages = self.logs.after(Shelf::Outcomes, &mut self.outcomes).await?;
        messages.iter().map(|bytes| outcome(bytes)).collect()
    }

    /// The new dead letters.
    pub async fn letters(&mut self) -> Result<Vec<Letter>, PortError> {
        let messages = self.logs.after(Shelf::DeadLetters, &mut self.letters).await?;
        messages.iter().map(|bytes| letter(bytes)).collect()
    }
}

fn outcome(bytes: &[u8]) -> Result<String, PortError> {
    let event: Event = serde_json::from_slice(bytes).map_err(unread)?;
    let kind = event.r#type.rsplit_once(".v").map_or(event.r#type.as_str(), |(kind, _)| kind);
    Ok(format!("{kind} {}", event.subject))
}

fn letter(bytes: &[u8]) -> Result<Letter, PortError> {
    let Body { event_id, reason } = serde_json::from_slice(bytes).map_err(unread)?;
    Ok(Letter { id: event_id.unwrap_or_else(|| NO_ID.to_owned()), reason })
}

fn unread(error: serde_json::Error) -> PortError {
    PortError::new("read what was said", error)
}

impl Logs {
    /// The messages of a log after a sequence, which moves on.
    async fn after(&self, shelf: Shelf, after: &mut u64) -> Result<Vec<Vec<u8>>, PortError> {
        let mut messages = Vec::new();
        loop {
            let page: Vec<(u64, Vec<u8>)> = match self {
                Logs::Store(store) => {
                    let page = store.page(shelf, *after, PAGE).await?;
                    page.into_iter().map(|stored| (stored.sequence, stored.payload)).collect()
                }
                Logs::Streams(context) => {
                    let stream = match shelf {
                        Shelf::Events => names::IN,
                        Shelf::Outcomes => names::OUT,
                        Shelf::DeadLetters => names::DLQ,
                    };
                    pages::page(context, stream, *after, PAGE).await?
                }
            };
            let Some((last, _)) = page.last() else { return Ok(messages) };
            *after = *last;
            messages.extend(page.into_iter().map(|(_, payload)| payload));
        }
    }
}
