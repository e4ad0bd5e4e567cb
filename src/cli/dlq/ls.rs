//! `earmark dlq ls`: the open letters, counted.

use clap::Args;
use serde::Serialize;

use super::{
    asking::Filters,
    desk::{Desk, Passed},
};
use crate::{
    cli::print,
    contract::time,
    domain::time::Span,
    error::{Exit, Failure},
    letters::{
        Letter,
        groups::{By, Group},
    },
};

/// Count the open dead letters, the most severe first, then the dearest.
///
/// Letters of one event count once: `events` are those, `letters` how often they were given up.
/// Costs are the estimates of the catalogue, of a kind of letter and not of each.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  earmark dlq ls
  earmark dlq ls --group-by owner --since 24h
  earmark dlq ls --reason invalid_field --type 'stock.*' --group-by none --json")]
pub struct Ls {
    #[command(flatten)]
    filters: Filters,
    /// What is counted together.
    #[arg(long, value_enum, default_value = "kind", value_name = "MARK")]
    group_by: By,
    /// Closed ones too.
    #[arg(long)]
    closed: bool,
    /// Rows at most.
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,
}

#[derive(Serialize)]
struct Counted {
    groups: Vec<Group>,
    /// How many groups there are, of which these are the first.
    groups_in_all: usize,
    events: usize,
    #[serde(flatten)]
    passed: Passed,
}

#[derive(Serialize)]
struct Listed {
    letters: Vec<One>,
    events: usize,
    #[serde(flatten)]
    passed: Passed,
}

/// An event with its last letter.
#[derive(Serialize)]
struct One {
    /// Where the letter stands in EARMARK_DLQ.
    dlq_sequence: u64,
    /// How many letters the event has.
    letters: u32,
    first_seen: String,
    last_seen: String,
    #[serde(flatten)]
    letter: Letter,
}

impl Ls {
    pub(super) async fn run(self, desk: &Desk<'_>) -> Result<Exit, Failure> {
        let filter = self.filters.filter(desk.now)?;
        // Each for itself, they are still ranked by kind.
        let by = if self.group_by == By::None { By::Kind } else { self.group_by };
        let (groups, passed) = desk.grouped(by, &filter, self.closed).await?;
        let events = groups.events();
        if self.group_by == By::None {
            let mut letters = Vec::new();
            for (_, of) in groups.ranked().into_iter().take(self.limit) {
                let Some(mut letter) = desk.at(of.sequence).await? else { continue };
                (letter.payload_base64, letter.object) = (None, None);
                letters.push(One {
                    dlq_sequence: of.sequence,
                    letters: of.letters,
                    first_seen: time::format(of.first),
                    last_seen: time::format(of.last),
                    letter,
                });
            }
            let listed = Listed { letters, events, passed };
            tell(desk, &listed, table_of_letters);
        } else {
            let mut told = groups.told(desk.now);
            let groups_in_all = told.len();
            told.truncate(self.limit);
            let counted = Counted { groups: told, groups_in_all, events, passed };
            tell(desk, &counted, table_of_groups);
        }
        Ok(Exit::Done)
    }
}

fn tell<T: Serialize>(desk: &Desk<'_>, told: &T, table: impl Fn(&T)) {
    match desk.context.json {
        true => print::json(told),
        false => table(told),
    }
}

fn table_of_groups(counted: &Counted) {
    let mut table = print::table(&[
        "severity",
        "reason",
        "type",
        "owner",
        "key",
        "events",
        "letters",
        "first seen",
        "last seen",
        "age",
        "cost an hour",
    ]);
    for group in &counted.groups {
        let several = |mark: &Option<String>| mark.clone().unwrap_or_else(|| "…".to_owned());
        let cost = group.cost_per_hour_minor.zip(group.currency.as_ref());
        table.add_row([
            group.severity.as_str().to_owned(),
            several(&group.reason),
            several(&group.kind),
            several(&group.owner),
            several(&group.key),
            group.events.to_string(),
            group.letters.to_string(),
            to_the_second(&group.first_seen),
            to_the_second(&group.last_seen),
            print::span(Span::from_secs(group.age_s)),
            cost.map_or("?".to_owned(), |(minor, currency)| format!("{minor} {currency}")),
        ]);
    }
    if !counted.groups.is_empty() {
        print::line(table);
    }
    if counted.groups.len() < counted.groups_in_all {
        let (shown, all) = (counted.groups.len(), counted.groups_in_all);
        print::line(format!("{shown} of {all} groups; --limit shows more"));
    }
    sum(counted.events, counted.passed);
}

fn table_of_letters(listed: &Listed) {
    let mut table = print::table(&[
        "sequence",
        "id",
        "severity",
        "reason",
        "type",
        "key",
        "owner",
        "letters",
        "last seen",
        "replay",
        "message",
    ]);
    for one in &listed.letters {
        let letter = &one.letter;
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.add_row([
            one.dlq_sequence.to_string(),
            letter.id.clone(),
            letter.severity.as_str().to_owned(),
            letter.reason.to_string(),
            or_dash(&letter.event_type),
            or_dash(&letter.event_subject),
            letter.owner.clone(),
            one.letters.to_string(),
            to_the_second(&one.last_seen),
            or_dash(&letter.replay),
            letter.message.clone(),
        ]);
    }
    if !listed.letters.is_empty() {
        print::line(table);
    }
    if listed.letters.len() < listed.events {
        let (shown, all) = (listed.letters.len(), listed.events);
        print::line(format!("{shown} of {all} events; --limit shows more"));
    }
    sum(listed.events, listed.passed);
}

/// A time without what is of no use in a table.
fn to_the_second(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(begin, _)| format!("{begin}Z"))
}

fn sum(events: usize, passed: Passed) {
    let Passed { closed, unreadable } = passed;
    print::line(format!("{events} events have open letters; {closed} letters are closed"));
    if unreadable > 0 {
        print::line(format!("{unreadable} messages cannot be read by this version"));
    }
}
