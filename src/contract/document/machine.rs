//! The machines that the document is about: each a guard of the domain, in words.
//!
//! Promise: the rows are those that decide. To add a machine is to add a line to [`machines`].

use serde::Serialize;

use crate::domain::{
    described::Described,
    guard::{Guard, Row, Then},
    order::{fulfilment::FULFILMENT, payment::MONEY, returns::RETURN, station::ORDER},
    sku::station::HOLD,
};

/// A machine in words.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// What it is a machine of, `fulfilment`.
    pub name: &'static str,
    /// What one needs to know to read it.
    pub about: &'static str,
    /// Its states; it begins in the first.
    pub states: Vec<Word>,
    /// What may happen.
    pub events: Vec<Word>,
    /// What else its rows depend on.
    pub conditions: Vec<Word>,
    /// Its rows; the first that fits speaks.
    pub rows: Vec<RowSaid>,
}

/// A word of a machine and its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
}

/// A row of a machine, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RowSaid {
    /// In these states,
    pub from: Vec<&'static str>,
    /// on these events,
    pub on: Vec<&'static str>,
    /// if this holds (always, where absent),
    pub given: Option<&'static str>,
    /// this follows;
    pub then: Follows,
    /// and afterwards this is true.
    pub so: &'static str,
}

/// What follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Follows {
    /// It is accepted, and this is the state afterwards.
    Goes(&'static str),
    /// It is accepted, and the state stays.
    Stays,
    /// It is written down without effect.
    Noted,
    /// It is refused with this code.
    Refused(&'static str),
    /// It waits for what it names.
    Waits,
}

/// Every machine there is.
pub fn machines() -> Vec<Machine> {
    vec![
        Machine::of("hold", HOLD_ABOUT, &HOLD),
        Machine::of("order", ORDER_ABOUT, &ORDER),
        Machine::of("money", MONEY_ABOUT, &MONEY),
        Machine::of("fulfilment", FULFILMENT_ABOUT, &FULFILMENT),
        Machine::of("return", RETURN_ABOUT, &RETURN),
    ]
}

const HOLD_ABOUT: &str = "\
    A promise of units that a publisher asked for, by its name and its owner. A deadline is \
    judged by the time at which the log took the event. A new hold is refused \
    `insufficient_stock`, `not_sellable` or `location_required` where its SKU cannot serve it. \
    Holds of orders are not in reach of these events: the order asks for them, by name and \
    attempt, and lets them go.";
const MONEY_ABOUT: &str = "\
    What an order's payments come to. Each payment has amounts, which add up by step, and no \
    state of its own; what they mean to the order is this table (see `payment.*` above). \
    Amounts that two systems report of one payment under ids of their own are two amounts.";
const ORDER_ABOUT: &str = "\
    Where an order stands for what may be said to it: whether units of it (of the lines that \
    a cancellation names) may still ship, or have left. Its units go from `open` to `left` \
    and `over` by its fulfilments, its returns, its SKUs' answers and its deadlines; it is \
    `forgotten` some time after nothing more is to be expected.";
const FULFILMENT_ABOUT: &str = "\
    A parcel on its way, of an order that stands (see `fulfilment.*` above). Physical facts \
    are believed from every state; a later step implies the earlier ones, and the steps that \
    a warehouse skipped are counted. What names a line that the order has not is refused \
    `unknown_line` before the table is asked; more units that left, arrived or were missing \
    than the order can ship, `exceeds_quantity`; plans and cancellations are, beyond all that was \
    ever ordered or asked for.";
const RETURN_ABOUT: &str = "\
    Goods on their way back, of an order that stands (see `return.*` above). Goods that came \
    back are believed, in parts, whatever was agreed before. What names a line that the \
    order has not is refused `unknown_line` before the table is asked.";

impl Machine {
    /// A guard, in words.
    pub fn of<S: Described, E: Described, C: Described>(
        name: &'static str,
        about: &'static str,
        guard: &Guard<S, E, C>,
    ) -> Machine {
        Machine {
            name,
            about,
            states: words::<S>(),
            events: words::<E>(),
            conditions: words::<C>(),
            rows: guard.rows.iter().map(RowSaid::of).collect(),
        }
    }

    /// The rows that speak of an event in a state, up to the first that always fits.
    pub fn rows_for(&self, state: &str, event: &str) -> Vec<&RowSaid> {
        let fits = |row: &&RowSaid| row.from.contains(&state) && row.on.contains(&event);
        let mut speaking = Vec::new();
        for row in self.rows.iter().filter(fits) {
            speaking.push(row);
            if row.given.is_none() {
                break;
            }
        }
        speaking
    }

    /// The codes that it refuses with, each once, in the order of its rows.
    pub fn codes(&self) -> Vec<&'static str> {
        let mut codes = Vec::new();
        for row in &self.rows {
            match row.then {
                Follows::Refused(code) if !codes.contains(&code) => codes.push(code),
                _ => {}
            }
        }
        codes
    }
}

/// The words of a set.
pub fn words<W: Described>() -> Vec<Word> {
    W::ALL.iter().map(|word| Word { name: word.name(), meaning: word.meaning() }).collect()
}

impl RowSaid {
    fn of<S: Described, E: Described, C: Described>(row: &Row<S, E, C>) -> RowSaid {
        RowSaid {
            from: names(row.from),
            on: names(row.on),
            given: row.given.map(Described::name),
            then: match row.then {
                Then::Go(state) => Follows::Goes(state.name()),
                Then::Stay => Follows::Stays,
                Then::Note => Follows::Noted,
                Then::Refuse(reason) => Follows::Refused(reason.as_str()),
                Then::Wait => Follows::Waits,
            },
            so: row.so,
        }
    }
}

fn names<W: Described>(words: &[W]) -> Vec<&'static str> {
    words.iter().map(|word| word.name()).collect()
}
