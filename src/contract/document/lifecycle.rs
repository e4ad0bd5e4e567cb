//! The lifecycle as a page of Markdown: every machine with its states, events, preconditions,
//! postconditions and refusal codes, and a diagram of each in Mermaid.
//!
//! Promise: the page is made of the guards that decide; nothing in it is typed twice.

use std::fmt::Write;

use super::{
    advice::{Action, Code, codes},
    machine::{Follows, Machine, RowSaid, Word, machines, words},
};
use crate::domain::{
    described::Described,
    order::{lines::Place, passage::PASSAGES, status::OrderStatus},
};

const HEAD: &str = "\
# The lifecycle

What an event does in a state, and why not: the tables that decide, printed by
`earmark contracts lifecycle`. Of several rows for a state and an event the first speaks whose
condition holds. What no row speaks of is refused as `not_supported`.

What follows is one of:

- **goes to** a state: it is accepted, and that is the state afterwards;
- **stays**: it is accepted, and has its effect in the same state;
- **noted**: it is written down without effect, since it was implied or is said again;
- **waits** for what it names, as long as `policy.park_for_s` says;
- **refused** with a code, and nothing changes.

Before any of these tables the gate refuses what is `stale`, `too_late`, `busy` or an
`id_conflict`, and answers a repeat as the first time.
";

const STATUSES: &str = "\
## What an order is called

Its status, as `earmark inspect order` shows it, is derived from where its units stand. It is never
stored, and no machine of its own.
";

const UNITS: &str = "\
## The units of a line

Every unit that is ordered stands in exactly one place, and goes to another by one of these ways, in
any state of the order that lets the event happen. Units that did not leave after all
(`fulfilment.cancelled` after they left) go back to where they had come from or, if their SKU has
answered since, where its answer puts them. Units that an edit asks for begin as `reserved`, once
they are granted.
";

const CODES: &str = "\
## Refusal codes

A code that is *remembered* is the answer to the event's `source` and `id` for good; published again
after its cause is gone, the event needs another `id`. *Dead letter*: its bytes are kept, to be
replayed.
";

/// The page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    machines().iter().for_each(|machine| tell_machine(&mut page, machine));
    section(&mut page, STATUSES);
    tell_words(&mut page, "status", &words::<OrderStatus>());
    section(&mut page, UNITS);
    tell_units(&mut page);
    section(&mut page, CODES);
    tell_codes(&mut page, &codes());
    page
}

fn section(page: &mut String, text: &str) {
    page.push('\n');
    page.push_str(text);
    page.push('\n');
}

fn tell_machine(page: &mut String, machine: &Machine) {
    section(page, &format!("## The {}\n\n{}", machine.name, machine.about));
    page.push('\n');
    page.push_str("```mermaid\n");
    page.push_str(&diagram(machine));
    page.push_str("```\n\n");
    tell_words(page, "state", &machine.states);
    page.push('\n');
    tell_words(page, "event", &machine.events);
    if !machine.conditions.is_empty() {
        page.push('\n');
        tell_words(page, "condition", &machine.conditions);
    }
    page.push('\n');
    tell_rows(page, machine);
    page.push('\n');
    tell_grid(page, machine);
}

fn tell_words(page: &mut String, heading: &str, words: &[Word]) {
    row(page, [heading, "meaning"]);
    row(page, ["---"; 2]);
    words.iter().for_each(|word| row(page, [code(word.name).as_str(), word.meaning]));
}

/// The rows, as they stand.
fn tell_rows(page: &mut String, machine: &Machine) {
    row(page, ["in", "on", "if", "follows", "and afterwards"]);
    row(page, ["---"; 5]);
    for said in &machine.rows {
        let given = said.given.map_or_else(|| otherwise(machine, said).to_owned(), code);
        let follows = follows(said.then);
        row(page, [&list(&said.from), &list(&said.on), &given, &follows, said.so]);
    }
}

/// What stands for the condition of a row that has none.
fn otherwise(machine: &Machine, said: &RowSaid) -> &'static str {
    let before = machine.rows.iter().take_while(|row| *row != said);
    let mut conditional = before.filter(|row| row.given.is_some());
    let share = |one: &[&str], other: &[&str]| one.iter().any(|word| other.contains(word));
    match conditional.any(|row| share(&row.from, &said.from) && share(&row.on, &said.on)) {
        true => "otherwise",
        false => "",
    }
}

/// Every state with every event.
fn tell_grid(page: &mut String, machine: &Machine) {
    let states: Vec<String> = machine.states.iter().map(|state| code(state.name)).collect();
    row(page, [""].into_iter().chain(states.iter().map(String::as_str)));
    row(page, std::iter::repeat_n("---", states.len() + 1));
    for event in &machine.events {
        let cells = machine.states.iter().map(|state| cell(machine, state.name, event.name));
        let cells: Vec<String> = [code(event.name)].into_iter().chain(cells).collect();
        row(page, cells.iter().map(String::as_str));
    }
}

fn cell(machine: &Machine, state: &str, event: &str) -> String {
    let rows = machine.rows_for(state, event);
    let said: Vec<String> = rows
        .iter()
        .map(|row| match row.given {
            Some(given) => format!("{} if {}", in_brief(row.then), code(given)),
            None => in_brief(row.then),
        })
        .collect();
    match said.is_empty() {
        true => code("not_supported"),
        false => said.join("; else "),
    }
}

/// The places of a line's units, and the ways between them.
fn tell_units(page: &mut String) {
    page.push_str("```mermaid\nstateDiagram-v2\n    [*] --> awaiting\n");
    for passage in PASSAGES {
        for from in passage.from {
            // Writing to a text does not fail.
            let _ = writeln!(page, "    {} --> {}", from.name(), passage.to.name());
        }
    }
    page.push_str("```\n\n");
    tell_words(page, "place", &words::<Place>());
    page.push('\n');
    row(page, ["from", "when", "to"]);
    row(page, ["---"; 3]);
    for passage in PASSAGES {
        let from: Vec<&str> = passage.from.iter().map(|place| place.name()).collect();
        row(page, [list(&from).as_str(), passage.on, &code(passage.to.name())]);
    }
}

fn tell_codes(page: &mut String, codes: &[Code]) {
    row(page, ["code", "meaning", "remembered", "dead letter", "what to do"]);
    row(page, ["---"; 5]);
    for said in codes {
        let yes = |is: bool| if is { "yes" } else { "" };
        let actions: Vec<String> = said.actions.iter().map(action).collect();
        let (remembered, dead_letter) = (yes(said.remembered), yes(said.dead_letter));
        let actions = actions.join("<br>");
        row(page, [&code(said.code), said.meaning, remembered, dead_letter, &actions]);
    }
}

fn action(said: &Action) -> String {
    match said.rule {
        Some(rule) => format!("{}: {}", code(rule), said.action),
        None => said.action.to_owned(),
    }
}

/// A row of a table. A bar would end its cell.
fn row<'a>(page: &mut String, cells: impl IntoIterator<Item = &'a str>) {
    page.push('|');
    for cell in cells {
        // Writing to a text does not fail.
        let _ = write!(page, " {} |", cell.replace('|', "\\|"));
    }
    page.push('\n');
}

fn code(word: &str) -> String {
    format!("`{word}`")
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| code(word)).collect::<Vec<_>>().join(", ")
}

fn follows(then: Follows) -> String {
    match then {
        Follows::Goes(state) => format!("goes to {}", code(state)),
        Follows::Stays => "stays".to_owned(),
        Follows::Noted => "noted".to_owned(),
        Follows::Refused(reason) => format!("refused {}", code(reason)),
        Follows::Waits => "waits".to_owned(),
    }
}

fn in_brief(then: Follows) -> String {
    match then {
        Follows::Goes(state) => format!("→ {}", code(state)),
        Follows::Refused(reason) => format!("✗ {}", code(reason)),
        other => follows(other),
    }
}

/// A machine as a state diagram of Mermaid: what is accepted. One arrow a pair of states.
pub fn diagram(machine: &Machine) -> String {
    let mut text = "stateDiagram-v2\n".to_owned();
    if let Some(first) = machine.states.first() {
        let _ = writeln!(text, "    [*] --> {}", first.name);
    }
    for from in &machine.states {
        for to in &machine.states {
            let labels = labels(machine, from.name, to.name);
            if !labels.is_empty() {
                let _ = writeln!(text, "    {} --> {} : {}", from.name, to.name, labels.join(", "));
            }
        }
    }
    text
}

/// The events that lead from a state to a state; `(if)` where that depends on a condition.
fn labels(machine: &Machine, from: &str, to: &str) -> Vec<String> {
    let leads = |row: &&RowSaid| match row.then {
        Follows::Goes(state) => state == to,
        Follows::Stays => from == to,
        _ => false,
    };
    let mut labels = Vec::new();
    for event in &machine.events {
        let rows = machine.rows_for(from, event.name);
        if rows.iter().any(leads) {
            let depends = if rows.len() > 1 { " (if)" } else { "" };
            labels.push(format!("{}{depends}", event.name));
        }
    }
    labels
}
