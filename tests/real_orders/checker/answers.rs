//! Answers: what a client was told of an event is what the record decided that its answer names.
//!
//! That nothing was promised is no promise, so that refusals are not looked at.

use std::collections::{BTreeMap, BTreeSet};

use earmark::{domain::decision::Verdict, partition::entry::Entry};
use serde::Deserialize;

use super::{
    Of, Report,
    chain::{Chains, Placed},
    input::Id,
};

/// What a client wrote down of an answer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Told {
    /// The answer's id: incarnation, partition and sequence of its record, and its place in it.
    pub id: String,
    /// What it says.
    pub data: Said,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Said {
    /// The `source` of the event that is answered.
    pub event_source: String,
    /// Its `id`.
    pub event_id: String,
    /// What came of it, in a word.
    pub status: String,
}

/// What each record decided of events: the event, and the word for it.
type Decided<'a> = BTreeMap<String, BTreeSet<(Id, &'a str)>>;

/// Compares what clients were told with what was decided.
pub fn check(chains: &Chains, told: &[Told], report: &mut Report) {
    let decided: Decided = chains.records().map(decided_by).collect();
    for Told { id, data } in told {
        let Said { event_source, event_id, status } = data;
        if status == "refused" {
            report.count("answers that are refusals", 1);
            continue;
        }
        let event = (event_source.clone(), event_id.clone());
        let record = id.rsplit_once('-').map_or("", |(record, _)| record);
        let promise = (event, status.as_str());
        if !decided.get(record).is_some_and(|decided| decided.contains(&promise)) {
            let complaint = format!("{event_id}: told {status} by {id}, the journal says other");
            report.lost(Of::Event(promise.0), complaint);
        }
        report.count("answers that clients heard", 1);
    }
}

fn decided_by(placed: &Placed) -> (String, BTreeSet<(Id, &'static str)>) {
    let header = &placed.record.header;
    let record = format!("{}-{}-{}", header.incarnation, header.partition, placed.sequence);
    let decided = placed.record.entries.iter().filter_map(|entry| {
        let Entry::Decided(decided) = entry else { return None };
        let cause = decided.trigger.cause()?;
        let event = (cause.source.clone(), cause.id.clone());
        Some((event, word(&decided.verdict)))
    });
    (record, decided.collect())
}

/// The word of an answer for what was decided.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Recorded => "recorded",
        Verdict::Parked => "parked",
        Verdict::HoldGranted { requested, quantity, .. } if quantity < requested => {
            "partially_granted"
        }
        Verdict::HoldGranted { .. } => "granted",
        Verdict::HoldExtended { .. } => "extended",
        Verdict::Refused(_) => "refused",
    }
}
