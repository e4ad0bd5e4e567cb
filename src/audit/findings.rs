//! What an audit found, in words.
//!
//! Promises: the same faults give the same words, in whatever order they were found; of each kind
//! of fault the first few are told and the others counted, so that a broken run does not fill
//! memory.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Faults of one kind that are told.
const TOLD_MAX: usize = 5;

/// What an audit found; each list is empty if the promise was kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// More promised or shipped than there was.
    pub oversold: Vec<String>,
    /// Refused for want of units that were there, at the place of the journal where it was refused.
    pub undersold: Vec<String>,
    /// Accepted by the log and not decided, decided and not said, told and taken back, said lost by
    /// the engine, or units that are not conserved.
    pub lost: Vec<String>,
    /// Decided twice, said twice, or said and not decided.
    pub twice: Vec<String>,
    /// Holds that should have ended: past their deadline and still open, or held for an order that
    /// does not want them.
    pub stuck: Vec<String>,
    /// Anything else: a quarantined entity, a fact that cannot be folded.
    pub other: Vec<String>,
    /// How many there are in all of a list, by its name, where it does not tell all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub in_all: BTreeMap<String, u64>,
}

impl Findings {
    /// Whether every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.lists().into_iter().all(|(_, list)| list.is_empty())
    }

    /// All of them, one list after the other.
    pub fn lines(&self) -> impl Iterator<Item = &String> {
        self.lists().into_iter().flat_map(|(_, list)| list)
    }

    /// How many there are of each list, told or not.
    pub fn numbers(&self) -> [(&'static str, u64); 6] {
        self.lists().map(|(name, list)| {
            let in_all = self.in_all.get(name).copied();
            (name, in_all.unwrap_or(list.len() as u64))
        })
    }

    /// The lists by name.
    pub fn lists(&self) -> [(&'static str, &[String]); 6] {
        [
            ("oversold", &self.oversold),
            ("undersold", &self.undersold),
            ("lost", &self.lost),
            ("twice", &self.twice),
            ("stuck holds", &self.stuck),
            ("other", &self.other),
        ]
    }
}

/// To which list a fault belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Oversold,
    Undersold,
    Lost,
    Twice,
    Stuck,
    Other,
}

/// Faults, as they are found.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<(Kind, &'static str), Told>);

#[derive(Debug, Default)]
struct Told {
    first: BTreeSet<(u64, String)>,
    more: u64,
}

impl Notes {
    /// Takes note of a fault: which promise was broken, at what place (a sequence, or 0), and how.
    pub fn note(&mut self, rule: (Kind, &'static str), place: u64, text: String) {
        let told = self.0.entry(rule).or_default();
        told.first.insert((place, text));
        if told.first.len() > TOLD_MAX {
            told.first.pop_last();
            told.more += 1;
        }
    }

    /// The faults in words.
    pub fn finish(self) -> Findings {
        let mut findings = Findings::default();
        let mut untold: BTreeMap<&str, u64> = BTreeMap::new();
        for ((kind, rule), told) in self.0 {
            let (name, list) = match kind {
                Kind::Oversold => ("oversold", &mut findings.oversold),
                Kind::Undersold => ("undersold", &mut findings.undersold),
                Kind::Lost => ("lost", &mut findings.lost),
                Kind::Twice => ("twice", &mut findings.twice),
                Kind::Stuck => ("stuck holds", &mut findings.stuck),
                Kind::Other => ("other", &mut findings.other),
            };
            list.extend(told.first.into_iter().map(|(_, text)| format!("{rule}: {text}")));
            if told.more > 0 {
                list.push(format!("{rule}: and {} more", told.more));
                *untold.entry(name).or_default() += told.more - 1;
            }
        }
        let told = findings.lists().map(|(name, list)| (name, list.len() as u64));
        let in_all = told.into_iter().filter_map(|(name, told)| {
            untold.get(name).map(|untold| (name.to_owned(), told + untold))
        });
        findings.in_all = in_all.collect();
        findings
    }
}
