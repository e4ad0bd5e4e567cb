//! The lines of an order: where each ordered unit stands, as a ledger of transfers.
//!
//! Promise: every ordered unit stands in exactly one [`Place`]. Units only ever move from one place
//! to another, so their sum cannot change.

use std::iter::Sum;

use serde::{Deserialize, Serialize};

use super::state::Order;
use crate::domain::{
    Breach,
    described::{Described, described},
    event::OrderLine,
    ids::{LocationId, Name, Sku},
    refusal::Refusal,
};

described! {
    /// Where a unit of a line stands.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum Place {
        /// Its SKU has not answered.
        Awaiting = "awaiting",
        /// Promised until the payment deadline.
        Reserved = "reserved",
        /// Promised for good.
        Allocated = "allocated",
        /// It left.
        Shipped = "shipped",
        /// It arrived.
        Delivered = "delivered",
        /// Its SKU refused it, or the order gave it up because another was refused.
        Refused = "refused",
        /// The buyer called it off, or its commit failed.
        Cancelled = "cancelled",
        /// It was not paid in time.
        Expired = "expired",
    }
}

impl Place {
    /// Units that may still ship, the firmest promise first.
    pub const OPEN: [Place; 3] = [Place::Allocated, Place::Reserved, Place::Awaiting];
    /// Units that left.
    pub const GONE: [Place; 2] = [Place::Shipped, Place::Delivered];
    /// Units that the order has given up; one that ships all the same is taken from here last.
    pub const LOST: [Place; 3] = [Place::Cancelled, Place::Expired, Place::Refused];
}

/// How many units of a line stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// See [`Place::Awaiting`].
    pub awaiting: u32,
    /// See [`Place::Reserved`].
    pub reserved: u32,
    /// See [`Place::Allocated`].
    pub allocated: u32,
    /// See [`Place::Shipped`].
    pub shipped: u32,
    /// See [`Place::Delivered`].
    pub delivered: u32,
    /// See [`Place::Refused`].
    pub refused: u32,
    /// See [`Place::Cancelled`].
    pub cancelled: u32,
    /// See [`Place::Expired`].
    pub expired: u32,
}

impl Units {
    /// Units that stand at a place.
    pub fn at(&self, place: Place) -> u32 {
        match place {
            Place::Awaiting => self.awaiting,
            Place::Reserved => self.reserved,
            Place::Allocated => self.allocated,
            Place::Shipped => self.shipped,
            Place::Delivered => self.delivered,
            Place::Refused => self.refused,
            Place::Cancelled => self.cancelled,
            Place::Expired => self.expired,
        }
    }

    fn at_mut(&mut self, place: Place) -> &mut u32 {
        match place {
            Place::Awaiting => &mut self.awaiting,
            Place::Reserved => &mut self.reserved,
            Place::Allocated => &mut self.allocated,
            Place::Shipped => &mut self.shipped,
            Place::Delivered => &mut self.delivered,
            Place::Refused => &mut self.refused,
            Place::Cancelled => &mut self.cancelled,
            Place::Expired => &mut self.expired,
        }
    }

    /// Units that stand at any of these places.
    pub fn sum(&self, places: &[Place]) -> u64 {
        places.iter().map(|&place| u64::from(self.at(place))).sum()
    }

    fn transfer(&mut self, from: Place, to: Place, units: u32) -> Option<()> {
        let mut after = *self;
        *after.at_mut(from) = after.at(from).checked_sub(units)?;
        *after.at_mut(to) = after.at(to).checked_add(units)?;
        *self = after;
        Some(())
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Units>>(all: I) -> Units {
        let mut sum = Units::default();
        for units in all {
            for &place in Place::ALL {
                *sum.at_mut(place) = sum.at(place).saturating_add(units.at(place));
            }
        }
        sum
    }
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its name within the order.
    pub name: Name,
    /// What is ordered.
    pub sku: Sku,
    /// Units ordered.
    pub ordered: u32,
    /// From where, if the order says.
    pub location: Option<LocationId>,
    /// The hold of a cart or draft that it takes over.
    pub claim: Option<Name>,
    /// The leg of the saga that asks for its units.
    pub leg: u32,
    /// Where its units stand.
    pub units: Units,
    /// Why units of it were refused.
    pub refusal: Option<Refusal>,
}

impl Order {
    /// The portion of a line that asks by the same leg as another portion.
    pub(super) fn portion_beside(&self, other: u32, name: &Name) -> Option<u32> {
        let leg = self.lines.get(other as usize)?.leg;
        let mut lines = (0..).zip(&self.lines);
        lines.find(|(_, line)| line.name == *name && line.leg == leg).map(|(at, _)| at)
    }

    /// Makes units of a portion another line's: as many as before belong to its leg.
    pub(super) fn hand_over(
        &mut self,
        from: u32,
        to: &Name,
        place: Place,
        units: u32,
    ) -> Result<(), Breach> {
        let wrong = || Breach(format!("line {from}: {units} units cannot be handed to {to}"));
        let at = self.portion_beside(from, to);
        let giver = self.lines.get_mut(from as usize).ok_or_else(wrong)?;
        giver.take(place, units).ok_or_else(wrong)?;
        let empty = Line {
            name: to.clone(),
            ordered: 0,
            units: Units::default(),
            refusal: None,
            ..giver.clone()
        };
        let at = at.map_or(self.lines.len(), |at| at as usize);
        if at == self.lines.len() {
            self.lines.push(empty);
        }
        self.lines.get_mut(at).and_then(|taker| taker.put(place, units)).ok_or_else(wrong)
    }
}

/// What can happen to a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LineFact {
    /// Units went from one place to another.
    Moved {
        /// Where they stood.
        from: Place,
        /// Where they stand.
        to: Place,
        /// How many.
        units: u32,
    },
    /// Units of it cannot be had.
    NotServed {
        /// Why.
        refusal: Refusal,
    },
}

impl Line {
    /// A line as it was placed, asked for by a leg.
    pub fn placed(line: &OrderLine, leg: u32) -> Line {
        Line {
            name: line.line.clone(),
            sku: line.sku.clone(),
            ordered: line.quantity,
            location: line.location.clone(),
            claim: line.hold.clone(),
            leg,
            units: Units { awaiting: line.quantity, ..Units::default() },
            refusal: None,
        }
    }

    /// Units that may still ship.
    pub fn open(&self) -> u64 {
        self.units.sum(&Place::OPEN)
    }

    /// The same, as the vocabulary counts them: no line has more than was ordered.
    pub fn open_u32(&self) -> u32 {
        u32::try_from(self.open()).unwrap_or(u32::MAX)
    }

    /// Units that a physical fact can still take: all that have not left, promised or not.
    pub fn shippable(&self) -> u32 {
        self.ordered.saturating_sub(self.units.shipped).saturating_sub(self.units.delivered)
    }

    /// Takes units out of it, wherever they belong from now on.
    fn take(&mut self, place: Place, units: u32) -> Option<()> {
        let ordered = self.ordered.checked_sub(units)?;
        let here = self.units.at_mut(place);
        *here = here.checked_sub(units)?;
        self.ordered = ordered;
        Some(())
    }

    /// Puts units into it that are its own from now on.
    fn put(&mut self, place: Place, units: u32) -> Option<()> {
        let ordered = self.ordered.checked_add(units)?;
        let here = self.units.at_mut(place);
        *here = here.checked_add(units)?;
        self.ordered = ordered;
        Some(())
    }

    /// Applies what happened.
    pub fn apply(&mut self, fact: &LineFact) -> Result<(), Breach> {
        match fact {
            LineFact::Moved { from, to, units } => {
                self.units.transfer(*from, *to, *units).ok_or_else(|| {
                    let name = &self.name;
                    Breach(format!("line {name}: {units} units cannot go from {from:?} to {to:?}"))
                })
            }
            LineFact::NotServed { refusal } => {
                self.refusal = Some(refusal.clone());
                Ok(())
            }
        }
    }

    /// Conservation: every ordered unit stands in exactly one place.
    pub fn check(&self) -> Result<(), Breach> {
        let units = &self.units;
        let lost_or_gone = units.sum(&Place::LOST) + units.sum(&Place::GONE);
        if units.sum(&Place::OPEN) + lost_or_gone == u64::from(self.ordered) {
            return Ok(());
        }
        Err(Breach(format!("line {}: {} ordered, but {units:?}", self.name, self.ordered)))
    }
}
