//! `earmark partition show`: what each store knows.

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::{
    Stores,
    look::{Archives, Seen, look},
};
use crate::{
    cli::print,
    domain::time::Span,
    error::{Exit, Failure},
    ports::{Partition, PortError, Position},
};

/// Partitions that are looked at at a time.
const AT_A_TIME: usize = 4;

/// Show what each store knows of a partition, whether that fits together, and what can be done.
///
/// The exit code is 1 if a partition that is shown cannot be served.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark partition show                # all partitions, a line each
  earmark partition show 3              # one of them
  earmark partition show 3 --verify     # and read its archives, all of them
  earmark partition show --json | jq '.[] | select(.can_be_served | not)'")]
pub struct Show {
    /// The partition; all of them if none is named.
    #[arg(value_name = "N")]
    partition: Option<Partition>,
    /// Read all of each archive, and compare it with its hashes.
    #[arg(long)]
    verify: bool,
}

impl Show {
    pub(super) async fn run(self, stores: &Stores<'_>, json: bool) -> Result<Exit, Failure> {
        let partitions = match self.partition {
            Some(partition) => {
                stores.check(partition)?;
                vec![partition]
            }
            None => (0..stores.partitions()).collect(),
        };
        let archives = if self.verify { Archives::Read } else { Archives::Described };
        let looks = stream::iter(partitions).map(|partition| look(stores, partition, archives));
        let seen: Result<Vec<Seen>, PortError> = looks.buffered(AT_A_TIME).try_collect().await;
        let seen = seen.map_err(|error| {
            Failure::unreachable(error).advise("`earmark check` says what is missing")
        })?;
        match (json, self.partition) {
            (true, _) => print::json(&seen),
            (false, None) => tell_all(&seen),
            (false, Some(_)) => seen.iter().for_each(tell),
        }
        match seen.iter().all(|seen| seen.can_be_served) {
            true => Ok(Exit::Done),
            false => Ok(Exit::Failed),
        }
    }
}

fn tell_all(all: &[Seen]) {
    let headings = ["partition", "journal", "incarnation", "committed", "snapshot", "archives", ""];
    let mut table = print::table(&headings);
    let sequence = |at: Option<Position>| at.map_or("-".to_owned(), |at| at.sequence.to_string());
    for seen in all {
        let journal = seen.journal.as_ref();
        let archives: Vec<String> =
            seen.archives.iter().map(|archive| archive.position.sequence.to_string()).collect();
        table.add_row([
            seen.partition.to_string(),
            journal.map_or("empty".to_owned(), |of| format!("{} to {}", of.first, of.last)),
            journal.map_or("-".to_owned(), |of| of.incarnation.to_string()),
            sequence(seen.committed),
            sequence(seen.snapshot.as_ref().map(|snapshot| snapshot.position)),
            if archives.is_empty() { "-".to_owned() } else { archives.join(", ") },
            if seen.can_be_served { "fits" } else { "cannot be served" }.to_owned(),
        ]);
    }
    print::line(table);
    for seen in all.iter().filter(|seen| !seen.can_be_served) {
        verdict(seen);
    }
}

/// One partition, a row for each thing that a store has of it.
pub fn tell(seen: &Seen) {
    let mut table = print::table(&["store", "position", "incarnation", "what"]);
    let mut row = |store: &str, at: String, incarnation: String, what: String| {
        table.add_row([store.to_owned(), at, incarnation, what]);
    };
    let none = || "-".to_owned();
    match &seen.journal {
        None => row("journal", none(), none(), "empty".to_owned()),
        Some(of) => {
            let begins = if of.from_its_beginning { "its first record" } else { "trimmed before" };
            row("journal, begins", of.first.to_string(), none(), begins.to_owned());
            let what = format!("{}, by {}", of.decided_at, of.owner);
            row("journal, ends", of.last.to_string(), of.incarnation.to_string(), what);
        }
    }
    let position = |at: Position| (at.sequence.to_string(), at.incarnation.to_string());
    match seen.committed {
        None => row("Redis, committed", none(), none(), "no mark".to_owned()),
        Some(at) => {
            let (sequence, incarnation) = position(at);
            row("Redis, committed", sequence, incarnation, "known to be committed".to_owned());
        }
    }
    match &seen.snapshot {
        None => row("Redis, snapshot", none(), none(), "none".to_owned()),
        Some(of) => {
            let (sequence, incarnation) = position(of.position);
            let what = of.problem.clone().unwrap_or_else(|| "fits".to_owned());
            row("Redis, snapshot", sequence, incarnation, what);
        }
    }
    for of in &seen.archives {
        let (sequence, incarnation) = position(of.position);
        let fits = if of.read { "fits, and all of it was read" } else { "fits" };
        let what = of.problem.clone().unwrap_or_else(|| fits.to_owned());
        let age = print::span(Span((of.age_s * 1e6) as i64));
        let what = format!("{what}; {age} old, {}, {}", print::bytes(of.bytes), of.name);
        row("archive", sequence, incarnation, what);
    }
    if let Some(told) = seen.told {
        row("effects", told.to_string(), none(), "the last record of which one left".to_owned());
    }
    if let Some(of) = &seen.lease {
        let what = format!("{} by {}, {}", of.phase.as_str(), of.pod, of.at);
        row("lease", of.position.to_string(), of.incarnation.to_string(), what);
    }
    print::line(format!("partition {}", seen.partition));
    print::line(table);
    verdict(seen);
}

fn verdict(seen: &Seen) {
    let partition = seen.partition;
    if let Some(from) = &seen.comes_back_from {
        print::line(format!("it can be served: it comes back from {from}"));
    }
    if let Some(why) = &seen.why {
        print::line(format!("partition {partition} cannot be served: {why}"));
    }
    seen.advice.iter().for_each(|advice| print::line(format!("  what to do: {advice}")));
}

/// A value as JSON, as the audit has it.
pub fn value(of: &impl Serialize) -> serde_json::Value {
    serde_json::to_value(of).unwrap_or_default()
}
