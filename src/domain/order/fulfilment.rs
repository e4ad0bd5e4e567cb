//! The fulfilments of an order: what warehouses and carriers say about parcels.
//!
//! Promise: a fulfilment only goes forward. A later step implies the earlier ones, which are no-ops
//! when they come; it ships once. What a carrier says is data, and the newest is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Breach,
    event::{FulfilmentStep, ShipmentTracked},
    ids::{LocationId, Name},
    outcome::LineQuantity,
    time::Timestamp,
};

/// How far a fulfilment has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Only its name is known, from a carrier.
    #[default]
    Named,
    /// Work may begin.
    Opened,
    /// Work waits.
    Held,
    /// Goods are off the shelf.
    Picked,
    /// Goods left.
    Shipped,
    /// All of its goods arrived.
    Delivered,
}

impl Stage {
    /// The stage after a step; `None` where the fulfilment has come that far already, or where no
    /// such step is decided.
    pub fn after(self, step: FulfilmentStep) -> Option<Stage> {
        use FulfilmentStep as Step;
        use Stage::{Delivered, Held, Named, Opened, Picked, Shipped};
        match (step, self) {
            (Step::Opened, Named) => Some(Opened),
            (Step::Opened, Opened | Held | Picked | Shipped | Delivered) => None,
            (Step::Held, Named | Opened) => Some(Held),
            (Step::Held, Held | Picked | Shipped | Delivered) => None,
            (Step::Resumed, Named | Held) => Some(Opened),
            (Step::Resumed, Opened | Picked | Shipped | Delivered) => None,
            (Step::Picked, Named | Opened | Held) => Some(Picked),
            (Step::Picked, Picked | Shipped | Delivered) => None,
            (Step::Shipped, Named | Opened | Held | Picked) => Some(Shipped),
            (Step::Shipped, Shipped | Delivered) => None,
            (Step::Delivered, Named | Opened | Held | Picked | Shipped) => Some(Delivered),
            (Step::Delivered, Delivered) => None,
            (
                Step::ShortPicked | Step::Cancelled | Step::Moved | Step::Split,
                Named | Opened | Held | Picked | Shipped | Delivered,
            ) => None,
        }
    }

    /// The steps that a warehouse left out on the way to another stage.
    pub fn skipped(self, to: Stage) -> Vec<FulfilmentStep> {
        let milestones = [
            (Stage::Opened, FulfilmentStep::Opened),
            (Stage::Picked, FulfilmentStep::Picked),
            (Stage::Shipped, FulfilmentStep::Shipped),
        ];
        let between = milestones.into_iter().filter(|(stage, _)| self < *stage && *stage < to);
        between.map(|(_, step)| step).collect()
    }
}

/// Units of a line in a fulfilment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parcel {
    /// Units that it was said to be about, by the newest step before it shipped.
    pub planned: u32,
    /// Units that left.
    pub shipped: u32,
    /// Of these, units that arrived.
    pub delivered: u32,
}

/// What a carrier said last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracking {
    /// The carrier.
    pub carrier: String,
    /// Its own status.
    pub status: String,
    /// When it saw it.
    pub at: Timestamp,
}

/// A fulfilment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Where.
    pub location: Option<LocationId>,
    /// How far it has come.
    pub stage: Stage,
    /// Its goods, by line.
    pub lines: BTreeMap<Name, Parcel>,
    /// The carrier's number.
    pub tracking: Option<String>,
    /// What the carrier said last.
    pub carrier: Option<Tracking>,
    /// Steps that the warehouse left out.
    pub skipped: Vec<FulfilmentStep>,
}

/// What can happen to a fulfilment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FulfilmentFact {
    /// A warehouse said something.
    Stepped {
        /// What happened.
        step: FulfilmentStep,
        /// Where.
        location: LocationId,
        /// To what of the order.
        lines: Vec<LineQuantity>,
        /// The carrier's number.
        tracking: Option<String>,
        /// Steps that were left out before it.
        skipped: Vec<FulfilmentStep>,
    },
    /// The carrier said something.
    Tracked(Tracking),
}

impl From<&ShipmentTracked> for Tracking {
    fn from(said: &ShipmentTracked) -> Tracking {
        Tracking { carrier: said.carrier.clone(), status: said.status.clone(), at: said.at }
    }
}

impl Fulfilment {
    /// Units of a line that left.
    pub fn shipped(&self, line: &Name) -> u32 {
        self.lines.get(line).map_or(0, |parcel| parcel.shipped)
    }

    /// Units of a line that left and have not arrived.
    pub fn under_way(&self, line: &Name) -> u32 {
        self.lines.get(line).map_or(0, |parcel| parcel.shipped.saturating_sub(parcel.delivered))
    }

    /// Applies what happened.
    pub fn apply(&mut self, fact: &FulfilmentFact) -> Result<(), Breach> {
        match fact {
            FulfilmentFact::Stepped { step, location, lines, tracking, skipped } => {
                self.location = Some(location.clone());
                self.tracking = tracking.clone().or(self.tracking.take());
                self.skipped.extend(skipped);
                lines.iter().try_for_each(|units| self.count(*step, units))?;
                self.stage = self.stage_after(*step);
            }
            FulfilmentFact::Tracked(tracking) => self.carrier = Some(tracking.clone()),
        }
        Ok(())
    }

    fn count(&mut self, step: FulfilmentStep, units: &LineQuantity) -> Result<(), Breach> {
        let parcel = self.lines.entry(units.line.clone()).or_default();
        let counted = match step {
            FulfilmentStep::Shipped => &mut parcel.shipped,
            FulfilmentStep::Delivered => &mut parcel.delivered,
            FulfilmentStep::Opened
            | FulfilmentStep::Held
            | FulfilmentStep::Resumed
            | FulfilmentStep::Picked
            | FulfilmentStep::ShortPicked
            | FulfilmentStep::Cancelled
            | FulfilmentStep::Moved
            | FulfilmentStep::Split => {
                parcel.planned = units.quantity;
                return Ok(());
            }
        };
        let sum = counted.checked_add(units.quantity);
        *counted = sum.ok_or_else(|| Breach(format!("line {}: too many units", units.line)))?;
        Ok(())
    }

    /// A fulfilment of several parcels is delivered when the last of them is.
    fn stage_after(&self, step: FulfilmentStep) -> Stage {
        let under_way = self.lines.values().any(|parcel| parcel.delivered < parcel.shipped);
        match self.stage.after(step) {
            Some(Stage::Delivered) if under_way => Stage::Shipped,
            Some(stage) => stage,
            None if self.stage == Stage::Delivered && under_way => Stage::Shipped,
            None => self.stage,
        }
    }

    /// No line delivered more than left.
    pub fn check(&self) -> Result<(), Breach> {
        let wrong = self.lines.iter().find(|(_, parcel)| parcel.delivered > parcel.shipped);
        match wrong {
            None => Ok(()),
            Some((line, _)) => Err(Breach(format!("line {line}: delivered more than left"))),
        }
    }
}
