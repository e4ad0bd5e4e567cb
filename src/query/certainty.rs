//! How sure an availability is, and how much of it may be promised: a pure function of the last
//! known value, of how its partition stands, and of the time.
//!
//! A pod and a shop use the same function. A pod that serves the SKU has the value from its own
//! committed state; everybody else has the last value of EARMARK_AVAILABILITY and the partition's
//! lease in EARMARK_CLUSTER. It promises: `exact` is only said where all that the log had at
//! `as_of` has been decided; everything else is a `floor`, a number that is not above what a hold
//! asked for at `as_of` would have found; and where nothing is known nothing may be promised. No
//! number here is a promise: only a granted hold is.
//!
//! Why a floor is what it is:
//!
//! - A message that has not been read may lower any SKU of its partition by any number of units: a
//!   count, a shipment, a hold for all there is. What it is about nobody knows before it is read.
//!   So behind unread messages the floor is 0, unless a shop knows how many units one message of
//!   its own takes at most ([`Rule::units_per_message`]): then all of them may be about this SKU,
//!   and the floor is what is left.
//! - A lane that only adds (`fulfilment`) takes nothing from the floor: it is the last known value.
//! - While a partition changes hands in an orderly way nothing is decided, and all that was decided
//!   has been shown: the last value stands, as long as what was said of it is fresh.
//! - After an owner died, or while it does not answer, a decision may be committed that has not
//!   been shown. The last value is then no bound, and 0 is the only number that is.
//! - Where nobody says how the partition stands, nobody counts what comes: 0 again.

use crate::{
    cluster::{Lease, Phase},
    contract::{availability::Shown, time},
    domain::{
        Level,
        time::{Span, Timestamp},
    },
};

/// What is known of a SKU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Units that could be promised, as far as that can be told.
    pub available: u64,
    /// Whether there may be more.
    pub at_least: bool,
    /// When that was decided.
    pub as_of: Timestamp,
}

impl Known {
    /// What the last value in EARMARK_AVAILABILITY says. It is a sum: where promises are broken at
    /// one location, it does not say how much is free at the others.
    pub fn of(shown: &Shown) -> Known {
        let at_least = shown.total.short > 0 || shown.total.overdrawn > 0;
        let available = if at_least { 0 } else { shown.total.available };
        Known { available, at_least, as_of: shown.as_of }
    }
}

/// Who has the partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// An owner that reads and decides.
    Serving,
    /// An owner that has handed it over: nothing is decided, and all that was is shown.
    ChangingHands,
    /// An owner that does not decide yet, or cannot: it recovers, or waits for something.
    NotServing,
    /// An owner that does not answer.
    Silent,
    /// An owner that has set this very SKU aside.
    SetAside,
}

/// How a partition stood when somebody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Who has it.
    pub stands: Stands,
    /// When that was so.
    pub at: Timestamp,
    /// Messages that had not been read, where they were counted.
    pub unread: Option<u64>,
    /// Before this point of the log all had been decided that can lower what may be promised; where
    /// it is not said, all of it.
    pub decided_to: Option<Timestamp>,
    /// The same of what can only raise it.
    pub added_to: Option<Timestamp>,
    /// Its owner puts off what is not urgent, and tells new carts to come back.
    pub sheds: bool,
}

impl Standing {
    /// How a partition stands by its lease.
    pub fn of(lease: &Lease) -> Standing {
        // A time that cannot be read is long ago.
        let at = time::parse(&lease.at).unwrap_or(Timestamp::MIN);
        let waits = |seconds: f64| at - Span((seconds.max(0.0) * 1e6) as i64);
        let decided_to = match (lease.unread, lease.oldest_unread_s) {
            (0, _) => None,
            (_, oldest) => Some(oldest.map_or(Timestamp::MIN, waits)),
        };
        let stands = match lease.phase {
            Phase::Serving => Stands::Serving,
            Phase::Free if lease.settled => Stands::ChangingHands,
            // What was decided before may not have been shown.
            Phase::Leaving | Phase::Free | Phase::Recovering | Phase::Waiting => Stands::NotServing,
        };
        let added_to = lease.oldest_addition_s.map(waits);
        let sheds = lease.level >= Level::CartsBusy;
        Standing { stands, at, unread: Some(lease.unread), decided_to, added_to, sheds }
    }
}

/// What an answer is measured by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What was said of a partition longer ago than this is not heard.
    pub fresh: Span,
    /// A partition that has not decided what is older than this is behind.
    pub behind: Span,
    /// The most units that one message takes from one SKU, where somebody knows that.
    pub units_per_message: Option<u64>,
}

/// How sure an answer is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// All that the log had at `as_of` has been decided, and this came of it.
    Exact,
    /// No less than this; it is being verified.
    Floor,
    /// Nothing is known.
    Unknown,
}

/// Why an answer is not exact.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// No value was ever shown, or none can be read.
    NothingKnown,
    /// Nobody has the partition.
    Unowned,
    /// What is said of the partition is old, or from a clock that is far ahead.
    OldNews,
    /// Its owner does not decide yet, or cannot.
    NotServing,
    /// Its owner does not answer.
    Silent,
    /// It gets another owner.
    ChangingHands,
    /// Its owner has not decided what came a while ago.
    Behind,
    /// Its owner has not decided goods that came a while ago.
    AdditionsWait,
    /// Promises are broken at one of its locations, and what is free elsewhere is not known here.
    Shortfall,
    /// Its owner is in safe mode.
    SafeMode,
    /// The SKU decides no more until an operator has looked at it.
    SetAside,
}

impl Doubt {
    /// All of them.
    pub const ALL: [Doubt; 11] = [
        Doubt::NothingKnown,
        Doubt::Unowned,
        Doubt::OldNews,
        Doubt::NotServing,
        Doubt::Silent,
        Doubt::ChangingHands,
        Doubt::Behind,
        Doubt::AdditionsWait,
        Doubt::Shortfall,
        Doubt::SafeMode,
        Doubt::SetAside,
    ];

    /// Its code.
    pub const fn as_str(self) -> &'static str {
        match self {
            Doubt::NothingKnown => "nothing_known",
            Doubt::Unowned => "unowned",
            Doubt::OldNews => "old_news",
            Doubt::NotServing => "not_serving",
            Doubt::Silent => "silent",
            Doubt::ChangingHands => "changing_hands",
            Doubt::Behind => "behind",
            Doubt::AdditionsWait => "additions_wait",
            Doubt::Shortfall => "shortfall",
            Doubt::SafeMode => "safe_mode",
            Doubt::SetAside => "set_aside",
        }
    }

    /// The same in words, for whoever reads the answer.
    pub const fn text(self) -> &'static str {
        match self {
            Doubt::NothingKnown => "no value of it is known, and its owner cannot be asked",
            Doubt::Unowned => "no pod serves its partition; it is verified once one does",
            Doubt::OldNews => {
                "what is known of its partition is old; it is verified once its owner speaks again"
            }
            Doubt::NotServing => {
                "its partition is being brought back, or waits; it is verified once it is served"
            }
            Doubt::Silent => {
                "its owner does not answer, and may have decided more; it is being verified"
            }
            Doubt::ChangingHands => {
                "its partition gets another owner; it is verified once that one serves"
            }
            Doubt::Behind => "its partition has not decided all that came; it is being verified",
            Doubt::AdditionsWait => {
                "goods that came may not be counted yet, there may be more; it is being verified"
            }
            Doubt::Shortfall => {
                "promises are broken at one of its locations; its owner knows what is free elsewhere"
            }
            Doubt::SafeMode => {
                "its partition puts off what is not urgent; there may be more, it is being verified"
            }
            Doubt::SetAside => {
                "the SKU failed on an input and decides no more; an operator has to look at it"
            }
        }
    }
}

/// How sure it is, and what may be promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sure {
    /// How sure it is.
    pub certainty: Certainty,
    /// Units that may be promised.
    pub promisable: u64,
    /// When that was so; nothing if nothing is known.
    pub as_of: Option<Timestamp>,
    /// Why it is not exact.
    pub doubt: Option<Doubt>,
}

/// How sure a value is.
pub fn certainty(
    known: Option<Known>,
    standing: Option<&Standing>,
    now: Timestamp,
    rule: &Rule,
) -> Sure {
    let Some(known) = known else {
        let (certainty, doubt) = (Certainty::Unknown, Some(Doubt::NothingKnown));
        return Sure { certainty, promisable: 0, as_of: None, doubt };
    };
    let floor = |promisable, doubt| Sure {
        certainty: Certainty::Floor,
        promisable,
        as_of: Some(known.as_of),
        doubt: Some(doubt),
    };
    let Some(standing) = standing else { return floor(0, Doubt::Unowned) };
    match standing.stands {
        Stands::SetAside => return floor(0, Doubt::SetAside),
        Stands::Silent => return floor(0, Doubt::Silent),
        _ if is_old(standing.at, now, rule) => return floor(0, Doubt::OldNews),
        Stands::NotServing => return floor(0, Doubt::NotServing),
        Stands::Serving | Stands::ChangingHands => {}
    }
    let is_behind = |to: Option<Timestamp>| to.is_some_and(|to| standing.at - to > rule.behind);
    if is_behind(standing.decided_to) {
        return floor(less_unread(known.available, standing, rule), Doubt::Behind);
    }
    let decided_to = standing.decided_to.unwrap_or(standing.at).min(standing.at);
    let (as_of, doubt) = match (standing.stands, standing.added_to) {
        (Stands::ChangingHands, _) => (decided_to, Some(Doubt::ChangingHands)),
        (_, to) if is_behind(to) => (decided_to, Some(Doubt::AdditionsWait)),
        _ if known.at_least => (decided_to, Some(Doubt::Shortfall)),
        (_, to) if standing.sheds => {
            (to.map_or(decided_to, |to| to.min(decided_to)), Some(Doubt::SafeMode))
        }
        (_, to) => (to.map_or(decided_to, |to| to.min(decided_to)), None),
    };
    let certainty = if doubt.is_some() { Certainty::Floor } else { Certainty::Exact };
    Sure { certainty, promisable: known.available, as_of: Some(as_of), doubt }
}

/// Clocks may differ by as much as news may be old.
fn is_old(at: Timestamp, now: Timestamp, rule: &Rule) -> bool {
    now - at > rule.fresh || at - now > rule.fresh
}

/// What is left if every unread message takes as much as one can from this SKU.
fn less_unread(available: u64, standing: &Standing, rule: &Rule) -> u64 {
    match (standing.unread, rule.units_per_message) {
        (Some(messages), Some(units)) => available.saturating_sub(messages.saturating_mul(units)),
        _ => 0,
    }
}
