//! Outcomes: what the journal decided to tell stands on EARMARK_OUT, each once, and nothing else.

use std::collections::BTreeMap;

use earmark::partition::entry::Entry;
use serde::Deserialize;

use super::{
    Of, Report,
    chain::{Chains, Placed},
};
use crate::streams::Stored;

/// What is looked at of an outcome.
#[derive(Deserialize)]
struct Outcome {
    id: String,
    r#type: String,
    subject: String,
}

/// The record that an outcome is of: incarnation, partition and sequence, as its id begins.
type RecordId = String;

/// Of each record what is told, in order: type and key.
type Told = BTreeMap<RecordId, Vec<(String, String)>>;

/// Compares what was decided to be told with what was told.
pub fn check(chains: &Chains, out: &[Stored], report: &mut Report) {
    let due: Told =
        chains.records().map(due).filter(|(_, outcomes)| !outcomes.is_empty()).collect();
    let told = told(out, report);
    for (record, due) in &due {
        let told = told.get(record).map_or(&[][..], Vec::as_slice);
        if told != due.as_slice() {
            let (told, due) = (told.len(), due.len());
            let complaint =
                format!("record {record} tells {due} outcomes, EARMARK_OUT has {told}, or others");
            match told > due {
                true => report.repeated(of(record), complaint),
                false => report.lost(of(record), complaint),
            }
        }
    }
    for record in told.keys().filter(|record| !due.contains_key(*record)) {
        let complaint = format!("EARMARK_OUT has outcomes of record {record}, which tells none");
        report.repeated(of(record), complaint);
    }
    report.count("outcomes", out.len() as u64);
}

/// What is found about a record: its id ends with its sequence.
fn of(record: &str) -> Of {
    Of::Record(record.rsplit('-').next().and_then(|end| end.parse().ok()).unwrap_or_default())
}

fn due(placed: &Placed) -> (RecordId, Vec<(String, String)>) {
    let header = &placed.record.header;
    let record = format!("{}-{}-{}", header.incarnation, header.partition, placed.sequence);
    let mut outcomes = Vec::new();
    for entry in &placed.record.entries {
        let Entry::Decided(decided) = entry else { continue };
        let key = decided.entity.key();
        let kinds = decided.outcomes.iter().map(|outcome| format!("{}.v1", outcome.kind()));
        outcomes.extend(kinds.map(|kind| (kind, key.to_owned())));
    }
    (record, outcomes)
}

/// What was told, each id once, by its place in its record.
fn told(out: &[Stored], report: &mut Report) -> Told {
    let mut places: BTreeMap<(RecordId, u64), (String, String)> = BTreeMap::new();
    for stored in out {
        let read = serde_json::from_slice::<Outcome>(&stored.payload).ok();
        let place = read.and_then(|outcome| {
            let (record, index) = outcome.id.rsplit_once('-')?;
            let place = (record.to_owned(), index.parse().ok()?);
            Some((place, outcome.id.clone(), (outcome.r#type, outcome.subject)))
        });
        let Some((place, id, what)) = place else {
            report.complain(format!("EARMARK_OUT {}: not an outcome", stored.sequence));
            continue;
        };
        let record = of(&place.0);
        if places.insert(place, what).is_some() {
            let complaint = format!("EARMARK_OUT {}: {id} stands there twice", stored.sequence);
            report.repeated(record, complaint);
        }
    }
    let mut told = Told::new();
    for ((record, _), what) in places {
        told.entry(record).or_default().push(what);
    }
    told
}
