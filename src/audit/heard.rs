//! What clients were told, to be held against the journal: an answer is not taken back.
//!
//! Some hundred bytes are kept of each promise. That an answer was a refusal is no promise: who was
//! told to come back may have come back.

use std::collections::HashMap;

use super::findings::{Kind, Notes};
use crate::{
    contract::event_key,
    domain::{decision::Verdict, ids::EventKey, refusal::Reason},
    ports::Partition,
};

const TAKEN_BACK: (Kind, &str) = (Kind::Lost, "a promise was taken back");

/// Promises that clients heard, by event.
#[derive(Debug, Default)]
pub struct Heard(HashMap<EventKey, Promise>);

#[derive(Debug)]
struct Promise {
    event: Box<str>,
    kept: bool,
    /// Why it was refused, and by which record of which partition.
    refused: Option<(Reason, u64, Partition)>,
}

impl Heard {
    /// A client was answered: the event's source and id, and whether it was granted.
    pub fn add(&mut self, source: &str, id: &str, granted: bool) {
        if granted {
            let event = format!("{id} of {source}").into();
            let promise = Promise { event, kept: false, refused: None };
            self.0.entry(event_key(source, id)).or_insert(promise);
        }
    }

    /// The journal has a decision on an event.
    pub(super) fn decided(
        &mut self,
        event: EventKey,
        verdict: &Verdict,
        (record, partition): (u64, Partition),
    ) {
        let Some(promise) = self.0.get_mut(&event) else { return };
        match verdict {
            Verdict::Refused(refusal) => {
                promise.refused.get_or_insert((refusal.reason, record, partition));
            }
            Verdict::Parked => {}
            Verdict::Accepted
            | Verdict::Recorded
            | Verdict::HoldGranted { .. }
            | Verdict::HoldExtended { .. } => promise.kept = true,
        }
    }

    pub(super) fn finish(self, notes: &mut Notes) {
        for promise in self.0.into_values().filter(|promise| !promise.kept) {
            let Promise { event, refused, .. } = promise;
            let text = match refused {
                Some((reason, record, partition)) => format!(
                    "{event}: told granted, refused as {reason} by record {record} of partition \
                     {partition}"
                ),
                None => format!("{event}: told granted, the journal does not know it"),
            };
            notes.note(TAKEN_BACK, 0, text);
        }
    }
}

impl<S: AsRef<str>, I: AsRef<str>> FromIterator<(S, I, bool)> for Heard {
    fn from_iter<T: IntoIterator<Item = (S, I, bool)>>(answers: T) -> Heard {
        let mut heard = Heard::default();
        for (source, id, granted) in answers {
            heard.add(source.as_ref(), id.as_ref(), granted);
        }
        heard
    }
}
