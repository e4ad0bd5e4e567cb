//! The independent checker: what happened, worked out again from the three streams alone.
//!
//! It reads what was published (EARMARK_IN), what was decided (EARMARK_JOURNAL) and what was told
//! (EARMARK_OUT, and what clients wrote down of their answers), and does its own sums. It takes the
//! records apart with the product's types and never asks the product to decide or to apply. Whatever
//! does not fit is a complaint in words.
//!
//! [`chain`] reads the journal, [`input`] what was published; [`decided`] asks whether each event was
//! decided once, [`ledger`] whether the stock adds up and each hold was rightly granted or refused,
//! [`orders`] whether each order came to one end, [`outbox`] whether each outcome was told once,
//! [`answers`] whether what clients were told stands in the journal.

pub mod answers;
pub mod chain;
pub mod decided;
pub mod input;
pub mod ledger;
pub mod orders;
pub mod outbox;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, fmt};

use self::{
    answers::Told,
    chain::Chains,
    decided::Decisions,
    input::{Id, Input},
    ledger::Ledger,
    orders::Orders,
};
use super::streams::Stored;

/// What the three streams hold, and what clients heard.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// EARMARK_IN.
    pub input: Vec<Stored>,
    /// EARMARK_JOURNAL.
    pub journal: Vec<Stored>,
    /// EARMARK_OUT.
    pub out: Vec<Stored>,
    /// What clients were told.
    pub told: Vec<Told>,
}

/// What orders do with lines that cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Every unit or none.
    AllOrNothing,
    /// What can be had, by the unit.
    Partial,
}

/// A SKU at a location.
pub type Place = (String, String);

/// What something that was lost or repeated is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// An event.
    Event(Id),
    /// A record of the journal, by its sequence.
    Record(u64),
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What does not fit, in words.
    pub complaints: Vec<String>,
    /// What of it was lost: an event, an outcome, a promise.
    pub lost: Vec<Of>,
    /// What of it came about twice: a decision, an outcome.
    pub repeated: Vec<Of>,
    /// What was counted, by name.
    pub counts: BTreeMap<&'static str, u64>,
    /// Why orders that came to no end are open, and how many.
    pub open: BTreeMap<orders::Open, u64>,
}

/// Checks everything.
pub fn check(evidence: &Evidence, policy: Policy) -> Report {
    let mut report = Report::default();
    let input = Input::read(&evidence.input, &mut report);
    let chains = Chains::read(&evidence.journal, &mut report);
    let (mut decisions, mut ledger) = (Decisions::default(), Ledger::new(&input, policy));
    let mut orders = Orders::default();
    for (at, entry) in chains.entries() {
        decisions.note(&at, entry, &mut report);
        ledger.note(&at, entry, &mut report);
        orders.note(entry);
    }
    decisions.conclude(&input, &mut report);
    ledger.conclude(&mut report);
    orders.conclude(&input, &ledger, policy, &mut report);
    outbox::check(&chains, &evidence.out, &mut report);
    answers::check(&chains, &evidence.told, &mut report);
    report
}

impl Report {
    /// Writes a complaint down.
    pub fn complain(&mut self, complaint: impl fmt::Display) {
        self.complaints.push(complaint.to_string());
    }

    /// Writes down that something was lost.
    pub fn lost(&mut self, of: Of, complaint: impl fmt::Display) {
        self.lost.push(of);
        self.complain(complaint);
    }

    /// Writes down that something came about twice.
    pub fn repeated(&mut self, of: Of, complaint: impl fmt::Display) {
        self.repeated.push(of);
        self.complain(complaint);
    }

    /// Counts.
    pub fn count(&mut self, what: &'static str, units: u64) {
        *self.counts.entry(what).or_default() += units;
    }

    /// What was counted under a name.
    pub fn counted(&self, what: &str) -> u64 {
        self.counts.get(what).copied().unwrap_or_default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 40;
        for (what, units) in &self.counts {
            writeln!(f, "  {units:>8}  {what}")?;
        }
        for (why, orders) in &self.open {
            writeln!(f, "  {orders:>8}  orders open: {why}")?;
        }
        writeln!(f, "  {:>8}  complaints", self.complaints.len())?;
        for complaint in self.complaints.iter().take(SHOWN) {
            writeln!(f, "    - {complaint}")?;
        }
        let more = self.complaints.len().saturating_sub(SHOWN);
        if more > 0 { writeln!(f, "    … and {more} more") } else { Ok(()) }
    }
}
