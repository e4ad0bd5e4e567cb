//! The fulfilments of an order: what warehouses and carriers say about parcels.
//!
//! Promise: a later step implies the earlier ones, which are no-ops when they come; goods leave
//! once, and a fulfilment that is cancelled after they left gives back exactly what it took. What a
//! carrier says is data, and the newest is kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::lines::Place;
use crate::domain::{
    Breach,
    described::described,
    event::{FulfilmentStep, ShipmentTracked},
    guard::{Guard, Then, guard},
    ids::{LocationId, Name},
    outcome::LineQuantity,
    refusal::Reason,
    time::Timestamp,
};

described! {
    /// How far a fulfilment has come.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Stage {
        /// Only its name is known, from a carrier.
        #[default]
        Named = "named",
        /// Work may begin.
        Opened = "opened",
        /// Work waits.
        Held = "held",
        /// Goods are off the shelf.
        Picked = "picked",
        /// Goods left.
        Shipped = "shipped",
        /// All of its goods arrived.
        Delivered = "delivered",
        /// It will not happen, or did not.
        Cancelled = "cancelled",
    }
}

described! {
    /// What a row of [`FULFILMENT`] depends on beside the stage.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum FulfilmentCondition {
        /// Some of its goods have arrived.
        SomeArrived = "some_arrived",
        /// Some of its goods, those that it is to ship or those that left, are not named.
        SomeStay = "some_stay",
        /// More of its goods, or other lines, are said to have moved than were said before.
        More = "more",
    }
}

/// The guard of fulfilments. Physical facts are believed from every stage.
pub const FULFILMENT: Guard<Stage, FulfilmentStep, FulfilmentCondition> = {
    use FulfilmentCondition::{More, SomeArrived, SomeStay};
    use FulfilmentStep as Step;
    use Stage::{Cancelled, Delivered, Held, Named, Opened, Picked, Shipped};
    use Then::{Go, Note, Refuse, Stay};
    guard! {
        [Cancelled] + [
            Step::Opened, Step::Held, Step::Resumed, Step::Picked, Step::Moved, Step::Split
        ] => Refuse(Reason::FulfilmentCancelled), "its units wait for another fulfilment";
        [Named] + [Step::Opened] => Go(Opened), "work may begin";
        [Opened, Held, Picked, Shipped, Delivered] + [Step::Opened] => Note, "it was open before";
        [Named, Opened] + [Step::Held] => Go(Held), "work waits, for the reason given";
        [Held] + [Step::Held] => Stay, "work waits, for this reason too";
        [Picked, Shipped, Delivered] + [Step::Held] => Note, "it was too late to wait";
        [Named, Held] + [Step::Resumed] => Go(Opened), "nothing is waited for any longer";
        [Opened, Picked, Shipped, Delivered] + [Step::Resumed] => Note, "nothing was waited for";
        [Named, Opened, Held] + [Step::Picked] => Go(Picked), "the goods are off the shelf";
        [Picked, Shipped, Delivered] + [Step::Picked] => Note, "they were picked before";
        [Named] + [Step::ShortPicked]
            => Go(Opened), "the missing units are off the books, and off its plan";
        [Opened, Held, Picked, Shipped, Delivered, Cancelled] + [Step::ShortPicked]
            => Stay, "the missing units are off the books, and off its plan";
        [Named] + [Step::Moved] => Go(Opened), "it happens at another location";
        [Opened, Held, Picked] + [Step::Moved] => Stay, "it happens at another location";
        [Named] + [Step::Split] => Go(Opened), "the units are another fulfilment's";
        [Opened, Held, Picked] + [Step::Split] => Stay, "the units are another fulfilment's";
        [Shipped, Delivered] + [Step::Moved, Step::Split]
            => Refuse(Reason::AlreadyShipped), "what left is where it is";
        [Named, Opened, Held, Picked, Cancelled] + [Step::Shipped]
            => Go(Shipped), "the units are gone, and their SKUs know";
        [Shipped, Delivered] + [Step::Shipped] if More
            => Stay, "the units that nobody spoke of are gone as well";
        [Shipped, Delivered] + [Step::Shipped] => Note, "they left before";
        [Named, Opened, Held, Picked, Cancelled] + [Step::Delivered]
            => Go(Delivered), "the units have arrived, and must have left before";
        [Shipped] + [Step::Delivered] if More
            => Go(Delivered), "the units have arrived; others may be under way still";
        [Delivered] + [Step::Delivered] if More
            => Stay, "the units that nobody spoke of have arrived as well";
        [Shipped, Delivered] + [Step::Delivered] => Note, "they arrived before";
        [Named, Opened, Held, Picked] + [Step::Cancelled] if SomeStay
            => Stay, "what is named is off its plan";
        [Named, Opened, Held, Picked] + [Step::Cancelled]
            => Go(Cancelled), "its units wait for another fulfilment";
        [Shipped] + [Step::Cancelled] if SomeArrived
            => Refuse(Reason::AlreadyDelivered), "what arrived comes back by a return";
        [Shipped] + [Step::Cancelled] if SomeStay
            => Stay, "of what is named, what has not left is off its plan; the rest is back";
        [Shipped] + [Step::Cancelled]
            => Go(Cancelled), "its units are back where it took them from, and their SKUs know";
        [Delivered] + [Step::Cancelled]
            => Refuse(Reason::AlreadyDelivered), "what arrived comes back by a return";
        [Cancelled] + [Step::Cancelled] => Note, "it was cancelled before";
    }
};

impl Stage {
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
    /// Units that it is said to be about, by the newest step before it shipped.
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

/// Units that left with a fulfilment, and where they stood before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The place of their line among the lines.
    pub line: u32,
    /// Where they stood.
    pub from: Place,
    /// How many.
    pub units: u32,
}

impl Taken {
    /// Whether it left a line of which nobody had answered yet.
    pub fn was_awaited(&self, line: u32) -> bool {
        self.line == line && self.from == Place::Awaiting
    }
}

/// What a SKU was told of goods that left with a fulfilment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The place of the leg among the legs.
    pub leg: u32,
    /// From where they left.
    pub location: LocationId,
    /// Units.
    pub quantity: u32,
    /// Of these, units out of the leg's hold.
    pub held: u32,
    /// When they did, says the publisher.
    pub time: Timestamp,
}

/// A fulfilment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// Where the newest step was.
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
    /// What it waits for, while it is held.
    pub held_for: Vec<String>,
    /// What it took from where, since it has not been given back.
    pub taken: Vec<Taken>,
    /// What SKUs were told of that.
    pub told: Vec<Told>,
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
    /// It waits, and this is why.
    HeldFor {
        /// Why.
        reason: String,
    },
    /// Units left with it.
    Took {
        /// From where.
        taken: Vec<Taken>,
        /// What SKUs hear of it.
        told: Vec<Told>,
    },
    /// Units of a line left with it before their SKU had answered, and were promised after all.
    Granted {
        /// The place of their line among the lines.
        line: u32,
    },
    /// A part of it will not happen, or did not.
    CancelledInPart {
        /// Units that it is not to ship any more.
        unplanned: Vec<LineQuantity>,
        /// Units that did not leave after all.
        back: Vec<LineQuantity>,
        /// What it has taken from where, but for these.
        taken: Vec<Taken>,
        /// What SKUs were told, but for these.
        told: Vec<Told>,
    },
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

    /// Units of a line that arrived.
    pub fn delivered(&self, line: &Name) -> u32 {
        self.lines.get(line).map_or(0, |parcel| parcel.delivered)
    }

    /// Units of a line that it is to ship, as far as anybody said.
    pub fn planned(&self, line: &Name) -> u32 {
        self.lines.get(line).map_or(0, |parcel| parcel.planned)
    }

    /// Units of a line that left and have not arrived.
    pub fn under_way(&self, line: &Name) -> u32 {
        self.lines.get(line).map_or(0, |parcel| parcel.shipped.saturating_sub(parcel.delivered))
    }

    /// Some of its goods left.
    pub fn has_left(&self) -> bool {
        self.lines.values().any(|parcel| parcel.shipped > 0)
    }

    /// Some of its goods arrived.
    pub fn has_arrived(&self) -> bool {
        self.lines.values().any(|parcel| parcel.delivered > 0)
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
                self.tidy(*step);
            }
            FulfilmentFact::Tracked(tracking) => self.carrier = Some(tracking.clone()),
            FulfilmentFact::HeldFor { reason } => self.held_for.push(reason.clone()),
            FulfilmentFact::Took { taken, told } => {
                self.taken.extend(taken);
                self.told.extend(told.iter().cloned());
            }
            FulfilmentFact::CancelledInPart { unplanned, back, taken, told } => {
                unplanned.iter().for_each(|units| self.unplan(units));
                back.iter().try_for_each(|units| self.count(FulfilmentStep::Cancelled, units))?;
                (self.taken, self.told) = (taken.clone(), told.clone());
            }
            FulfilmentFact::Granted { line } => {
                let awaited = self.taken.iter_mut().filter(|taken| taken.was_awaited(*line));
                awaited.for_each(|taken| taken.from = Place::Reserved);
            }
        }
        Ok(())
    }

    fn unplan(&mut self, units: &LineQuantity) {
        let parcel = self.lines.entry(units.line.clone()).or_default();
        parcel.planned = parcel.planned.saturating_sub(units.quantity);
    }

    fn count(&mut self, step: FulfilmentStep, units: &LineQuantity) -> Result<(), Breach> {
        let parcel = self.lines.entry(units.line.clone()).or_default();
        let wrong = || Breach(format!("line {}: not so many units in a parcel", units.line));
        match step {
            FulfilmentStep::Shipped => {
                parcel.shipped = parcel.shipped.checked_add(units.quantity).ok_or_else(wrong)?;
            }
            FulfilmentStep::Delivered => {
                parcel.delivered =
                    parcel.delivered.checked_add(units.quantity).ok_or_else(wrong)?;
            }
            FulfilmentStep::Cancelled => {
                parcel.shipped = parcel.shipped.checked_sub(units.quantity).ok_or_else(wrong)?;
            }
            FulfilmentStep::ShortPicked | FulfilmentStep::Split => {
                parcel.planned = parcel.planned.saturating_sub(units.quantity);
            }
            FulfilmentStep::Opened
            | FulfilmentStep::Held
            | FulfilmentStep::Resumed
            | FulfilmentStep::Picked
            | FulfilmentStep::Moved => parcel.planned = units.quantity,
        }
        Ok(())
    }

    /// A fulfilment of several parcels is delivered when the last of them is.
    fn stage_after(&self, step: FulfilmentStep) -> Stage {
        let under_way = self.lines.values().any(|parcel| parcel.delivered < parcel.shipped);
        // What is written down was more than had been said before, where the guard asks.
        match FULFILMENT.then(self.stage, step, |given| given == FulfilmentCondition::More) {
            Then::Go(Stage::Delivered) if under_way => Stage::Shipped,
            Then::Go(stage) => stage,
            _ if self.stage == Stage::Delivered && under_way => Stage::Shipped,
            _ => self.stage,
        }
    }

    /// What was waited for, and what was planned or taken, ends with some steps.
    fn tidy(&mut self, step: FulfilmentStep) {
        match step {
            FulfilmentStep::Resumed | FulfilmentStep::Picked | FulfilmentStep::Shipped => {
                self.held_for.clear();
            }
            FulfilmentStep::Cancelled => {
                self.held_for.clear();
                self.taken.clear();
                self.told.clear();
                self.lines.values_mut().for_each(|parcel| parcel.planned = 0);
            }
            FulfilmentStep::ShortPicked
            | FulfilmentStep::Opened
            | FulfilmentStep::Held
            | FulfilmentStep::Delivered
            | FulfilmentStep::Moved
            | FulfilmentStep::Split => {}
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
