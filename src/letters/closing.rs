//! How a letter is closed: a note in EARMARK_AUDIT says up to which letter an event is done with.
//!
//! Promise: nothing is deleted. A letter that comes for the same event after the note is open: what
//! fails again comes back by itself. Notes about another EARMARK_DLQ than the one there is count
//! for nothing, since sequences may come again.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Identity;

/// Up to which letter an event is done with.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Close {
    /// The event, as [`Identity`] writes it.
    pub event: String,
    /// The last letter of EARMARK_DLQ that is closed by it.
    pub through: u64,
}

#[derive(Deserialize)]
struct Note {
    dlq_created: String,
    #[serde(default)]
    closes: Vec<Close>,
}

/// What is closed.
#[derive(Debug, Default)]
pub struct Closed(HashMap<Identity, u64>);

impl Closed {
    /// Takes in a note about an EARMARK_DLQ that was created then and begins at `first`. What stood
    /// before that is gone with its letters.
    pub fn note(&mut self, payload: &[u8], dlq_created: &str, first: u64) {
        let Ok(note) = serde_json::from_slice::<Note>(payload) else { return };
        if note.dlq_created != dlq_created {
            return;
        }
        for Close { event, through } in note.closes {
            if let Some(event) = Identity::parse(&event).filter(|_| through >= first) {
                let of_event = self.0.entry(event).or_default();
                *of_event = through.max(*of_event);
            }
        }
    }

    /// Whether the letter at this sequence is closed.
    pub fn has(&self, event: Identity, sequence: u64) -> bool {
        self.0.get(&event).is_some_and(|through| sequence <= *through)
    }

    /// How many events are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
