//! What a run is made of: a seed, how long, and what is left out of it.
//!
//! Promise: what is left out does not happen, and moves none of the dice of the others, as far as
//! they throw their own.

use std::{collections::BTreeSet, fmt, path::Path};

use serde::{Deserialize, Serialize};

/// The simulated time until everything comes to rest, in seconds, and the SKUs that are sold.
const SECONDS: u64 = 45;
pub const SKUS: usize = 14;

/// A run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub seed: u64,
    pub seconds: u64,
    pub skus: usize,
    #[serde(default)]
    pub without: BTreeSet<Part>,
}

/// Something that happens in a run, and need not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    // What goes wrong.
    Crash,
    Freeze,
    TwoOwners,
    Leaving,
    Slow,
    Clock,
    StoreAway,
    StoreEmptied,
    StoreRolledBack,
    OutLost,
    InputLost,
    InputBlockLost,
    InputEmptied,
    CommandsLost,
    CommandsAgain,
    JournalCut,
    Trouble,
    Failures,
    // Who acts.
    Operator,
    Questions,
    Shoppers,
    // What is published.
    Nonsense,
    Contradictions,
    Repeats,
    Descriptions,
    Edits,
    Returns,
    Cancellations,
    Fulfilments,
    Payments,
    Orders,
    HoldUses,
    HoldRequests,
    Stock,
}

impl Part {
    pub const ALL: [Part; 34] = [
        Part::Crash,
        Part::Freeze,
        Part::TwoOwners,
        Part::Leaving,
        Part::Slow,
        Part::Clock,
        Part::StoreAway,
        Part::StoreEmptied,
        Part::StoreRolledBack,
        Part::OutLost,
        Part::InputLost,
        Part::InputBlockLost,
        Part::InputEmptied,
        Part::CommandsLost,
        Part::CommandsAgain,
        Part::JournalCut,
        Part::Trouble,
        Part::Failures,
        Part::Operator,
        Part::Questions,
        Part::Shoppers,
        Part::Nonsense,
        Part::Contradictions,
        Part::Repeats,
        Part::Descriptions,
        Part::Edits,
        Part::Returns,
        Part::Cancellations,
        Part::Fulfilments,
        Part::Payments,
        Part::Orders,
        Part::HoldUses,
        Part::HoldRequests,
        Part::Stock,
    ];
}

impl Case {
    /// All that the seed has.
    pub fn of(seed: u64) -> Case {
        Case { seed, seconds: SECONDS, skus: SKUS, without: BTreeSet::new() }
    }

    pub fn has(&self, part: Part) -> bool {
        !self.without.contains(&part)
    }

    /// Whether nothing of the seed is left out.
    pub fn is_whole(&self) -> bool {
        *self == Case::of(self.seed)
    }

    pub fn read(path: &Path) -> Case {
        let text = std::fs::read_to_string(path).expect("the case can be read");
        toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}
