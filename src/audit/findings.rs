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
        for ((kind, rule), told) in self.0 {
            let list = match kind {
                Kind::Oversold => &mut findings.oversold,
                Kind::Undersold => &mut findings.undersold,
                Kind::Lost => &mut findings.lost,
                Kind::Twice => &mut findings.twice,
                Kind::Stuck => &mut findings.stuck,
                Kind::Other => &mut findings.other,
            };
            list.extend(told.first.into_iter().map(|(_, text)| format!("{rule}: {text}")));
            if told.more > 0 {
                list.push(format!("{rule}: and {} more", told.more));
            }
        }
        findings
    }
}
