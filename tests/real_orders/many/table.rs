//! The table of faults, from the streams alone: of each what was done, how long decisions waited
//! that were asked for meanwhile, and what of them was lost or repeated.
//!
//! How long a decision waited is from when EARMARK_IN took its event until EARMARK_JOURNAL took the
//! record with the decision, by the servers' clock.

use std::{collections::BTreeMap, fmt};

use comfy_table::{Table, presets};
use earmark::{
    domain::time::{Span, Timestamp},
    partition::{
        entry::{Entry, Trigger},
        record::Record,
    },
};

use super::fault::Fault;
use crate::{
    checker::{Evidence, Of, Report, input::Id},
    streams::Stored,
};

/// What befell the cluster, from when until all that came meanwhile was decided.
pub struct Cycle {
    pub faults: Vec<Fault>,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Cycle {
    fn has(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.faults.iter().map(|fault| format!("{fault:?}")).collect();
        let names = if names.is_empty() { "nothing".to_owned() } else { names.join(" and ") };
        write!(f, "{names}: {:.1} s", seconds(self.until - self.from))
    }
}

/// Whose row it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Nothing,
    Alone(Fault),
    Two,
}

#[derive(Default)]
struct Row {
    times: u64,
    /// How long each decision waited.
    waited: Vec<Span>,
    lost: usize,
    repeated: usize,
}

impl What {
    fn of(faults: &[Fault]) -> What {
        match faults {
            [] => What::Nothing,
            [alone] => What::Alone(*alone),
            _ => What::Two,
        }
    }

    fn name(self) -> String {
        match self {
            What::Nothing => "nothing".to_owned(),
            What::Alone(fault) => format!("{fault:?}"),
            What::Two => "two at once".to_owned(),
        }
    }

    fn done(self) -> &'static str {
        match self {
            What::Nothing => "for comparison",
            What::Alone(fault) => fault.what(),
            What::Two => "two of the above, drawn from the seed",
        }
    }
}

/// The table, as text. Every cycle that was played has its row, every event of a cycle counts.
pub fn table(evidence: &Evidence, report: &Report, cycles: &[Cycle]) -> String {
    let mut rows: BTreeMap<What, Row> = BTreeMap::new();
    for cycle in cycles {
        rows.entry(What::of(&cycle.faults)).or_default().times += 1;
    }
    let mut note = |at: Timestamp, note: &dyn Fn(&mut Row)| {
        let cycle = cycles.iter().find(|cycle| cycle.has(at));
        if let Some(row) = cycle.and_then(|cycle| rows.get_mut(&What::of(&cycle.faults))) {
            note(row);
        }
    };
    for stored in &evidence.journal {
        for (logged_at, waited) in decided_by(stored) {
            note(logged_at, &|row| row.waited.push(waited));
        }
    }
    let times = Times::new(evidence);
    for of in &report.lost {
        note(times.of(of), &|row| row.lost += 1);
    }
    for of in &report.repeated {
        note(times.of(of), &|row| row.repeated += 1);
    }
    drawn(rows)
}

/// The events that a record decides: when EARMARK_IN took each, and how long it waited.
fn decided_by(stored: &Stored) -> Vec<(Timestamp, Span)> {
    // A record that cannot be read is the checker's to complain of.
    let entries = Record::decode(&stored.payload).map(|record| record.entries).unwrap_or_default();
    let decided = entries.iter().filter_map(|entry| match entry {
        Entry::Decided(decided) => match &decided.trigger {
            Trigger::Event(cause) => Some((cause.logged_at, stored.at - cause.logged_at)),
            Trigger::Command { .. } | Trigger::Deadline { .. } | Trigger::Step { .. } => None,
        },
        _ => None,
    });
    decided.collect()
}

/// When that came of which something was lost or repeated.
struct Times<'a> {
    events: BTreeMap<Id, Timestamp>,
    journal: &'a [Stored],
}

impl Times<'_> {
    fn new(evidence: &Evidence) -> Times<'_> {
        let mut events = BTreeMap::new();
        for stored in &evidence.input {
            let event: serde_json::Value =
                serde_json::from_slice(&stored.payload).unwrap_or_default();
            if let (Some(source), Some(id)) = (event["source"].as_str(), event["id"].as_str()) {
                events.entry((source.to_owned(), id.to_owned())).or_insert(stored.at);
            }
        }
        Times { events, journal: &evidence.journal }
    }

    fn of(&self, of: &Of) -> Timestamp {
        let found = match of {
            Of::Event(id) => self.events.get(id).copied(),
            Of::Record(sequence) => {
                let found = self.journal.binary_search_by_key(sequence, |stored| stored.sequence);
                found.ok().map(|index| self.journal[index].at)
            }
        };
        found.unwrap_or_default()
    }
}

fn drawn(rows: BTreeMap<What, Row>) -> String {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header([
        "fault",
        "what was done",
        "times",
        "events",
        "longest wait",
        "99 of 100 within",
        "lost",
        "repeated",
    ]);
    for (what, mut row) in rows {
        row.waited.sort_unstable();
        table.add_row([
            what.name(),
            what.done().to_owned(),
            row.times.to_string(),
            row.waited.len().to_string(),
            said(row.waited.last()),
            said(row.waited.get((row.waited.len() * 99).div_ceil(100).saturating_sub(1))),
            row.lost.to_string(),
            row.repeated.to_string(),
        ]);
    }
    table.to_string()
}

fn said(waited: Option<&Span>) -> String {
    waited.map_or("-".to_owned(), |waited| format!("{:.2} s", seconds(*waited)))
}

fn seconds(span: Span) -> f64 {
    span.0 as f64 / 1e6
}
