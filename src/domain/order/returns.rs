//! The returns of an order: what the buyer asks, what the shop answers, and what came back.
//!
//! Promise: goods that came back are believed, in parts, whatever was agreed before; never more
//! than left. What is done with them is no matter of the money: refund and restock know nothing of
//! one another.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{lines::Place, state::Order};
use crate::domain::{
    described::described,
    event::{Disposition, ReturnStep},
    guard::{Guard, Then, guard},
    ids::Name,
    outcome::LineQuantity,
    refusal::Reason,
};

described! {
    /// How far a return has come.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ReturnStage {
        /// Nobody has spoken of it.
        #[default]
        Unknown = "unknown",
        /// The buyer asked.
        Requested = "requested",
        /// The shop agreed.
        Approved = "approved",
        /// The shop did not.
        Declined = "declined",
        /// Goods of it have come, perhaps not all.
        Received = "received",
    }
}

described! {
    /// What a row of [`RETURN`] depends on beside the stage.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum ReturnCondition {
        /// More units than have left and are on no other return.
        TooMany = "too_many",
    }
}

/// The guard of returns.
pub const RETURN: Guard<ReturnStage, ReturnStep, ReturnCondition> = {
    use ReturnCondition::TooMany;
    use ReturnStage::{Approved, Declined, Received, Requested, Unknown};
    use ReturnStep as Step;
    use Then::{Go, Note, Refuse, Stay};
    guard! {
        [Unknown] + [Step::Requested, Step::Declined] if TooMany
            => Refuse(Reason::ExceedsQuantity), "more units than left and are on no other return";
        [Unknown, Requested, Approved, Received] + [Step::Approved] if TooMany
            => Refuse(Reason::ExceedsQuantity), "more units than left and are on no other return";
        [Unknown] + [Step::Requested] => Go(Requested), "the units are spoken for by this return";
        [Requested, Approved, Declined, Received] + [Step::Requested]
            => Note, "it was asked for before";
        [Unknown, Requested] + [Step::Approved] => Go(Approved), "what it names is expected, no more";
        [Approved, Received] + [Step::Approved]
            => Stay, "what it names is expected from now on, no more";
        [Declined] + [Step::Approved]
            => Refuse(Reason::ReturnDeclined), "a return that was declined is asked for anew";
        [Unknown, Requested] + [Step::Declined] => Go(Declined), "its units are free for another";
        [Declined] + [Step::Declined] => Note, "it was declined before";
        [Approved, Received] + [Step::Declined]
            => Refuse(Reason::ReturnApproved), "what was approved may be on its way";
        [Unknown, Requested, Approved, Declined, Received] + [Step::Received] if TooMany
            => Refuse(Reason::ExceedsQuantity), "more units came than left";
        [Unknown, Requested, Approved, Declined] + [Step::Received]
            => Go(Received), "the goods are where their disposition says";
        [Received] + [Step::Received] => Stay, "a further part of it came";
    }
};

/// Units of a line in a return.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Returned {
    /// Units that the buyer asked for; those that the shop agreed to, once it has.
    pub asked: u32,
    /// Units that came and went back on the shelf.
    pub restocked: u32,
    /// Units that came and are looked at.
    pub quarantined: u32,
    /// Units that came and were thrown away.
    pub scrapped: u32,
}

impl Returned {
    /// Units that came.
    pub fn came(&self) -> u32 {
        self.restocked.saturating_add(self.quarantined).saturating_add(self.scrapped)
    }

    fn counter(&mut self, disposition: Disposition) -> &mut u32 {
        match disposition {
            Disposition::Restock => &mut self.restocked,
            Disposition::Quarantine => &mut self.quarantined,
            Disposition::Scrap => &mut self.scrapped,
        }
    }
}

/// A return.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// How far it has come.
    pub stage: ReturnStage,
    /// Its units, by line.
    pub lines: BTreeMap<Name, Returned>,
}

/// What can happen to a return.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReturnFact {
    /// Something was asked or answered, or goods came.
    Stepped {
        /// The stage afterwards.
        stage: ReturnStage,
        /// What it is about now; a line that is not listed stays as it was.
        lines: Vec<LineQuantity>,
    },
    /// Units of a line came.
    Came {
        /// The line.
        line: Name,
        /// Units.
        quantity: u32,
        /// What is done with them.
        disposition: Disposition,
    },
}

impl Return {
    /// Applies what happened.
    pub fn apply(&mut self, fact: &ReturnFact) {
        match fact {
            ReturnFact::Stepped { stage, lines } => {
                self.stage = *stage;
                for LineQuantity { line, quantity } in lines {
                    self.lines.entry(line.clone()).or_default().asked = *quantity;
                }
            }
            ReturnFact::Came { line, quantity, disposition } => {
                let counter = self.lines.entry(line.clone()).or_default().counter(*disposition);
                *counter = counter.saturating_add(*quantity);
            }
        }
    }

    /// Everything that it is about has come.
    pub fn is_complete(&self) -> bool {
        self.stage == ReturnStage::Received
            && self.lines.values().all(|units| units.came() >= units.asked)
    }

    /// Units of a line that came, or may come still.
    pub fn speaks_for(&self, line: &Name) -> u32 {
        let units = self.lines.get(line).copied().unwrap_or_default();
        match self.stage {
            ReturnStage::Declined => units.came(),
            ReturnStage::Unknown
            | ReturnStage::Requested
            | ReturnStage::Approved
            | ReturnStage::Received => units.came().max(units.asked),
        }
    }
}

impl Order {
    /// Units of a line that came back, in all.
    pub fn came_back(&self, line: &Name) -> u32 {
        let came = self.returns.values().filter_map(|of| of.lines.get(line));
        came.map(Returned::came).fold(0, u32::saturating_add)
    }

    /// Units of a line that left and are on no return yet.
    pub fn returnable(&self, line: &Name) -> u32 {
        let spoken_for = self.returns.values().map(|of| of.speaks_for(line));
        self.left(line).saturating_sub(spoken_for.fold(0, u32::saturating_add))
    }

    /// Units of a line that left and have not come back.
    pub fn outside(&self, line: &Name) -> u32 {
        self.left(line).saturating_sub(self.came_back(line))
    }

    /// Whether units left and have not come back.
    pub fn is_anything_outside(&self) -> bool {
        self.lines.iter().any(|line| self.outside(&line.name) > 0)
    }

    fn left(&self, line: &Name) -> u32 {
        let lines = self.lines.iter().filter(|of| of.name == *line);
        let left: u64 = lines.map(|of| of.units.sum(&Place::GONE)).sum();
        u32::try_from(left).unwrap_or(u32::MAX)
    }
}
