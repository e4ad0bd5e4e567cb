//! A placed order: its terms, lines, legs, payments and fulfilments, and what follows from them.
//!
//! Promise: whatever can be derived is derived here, once, and stored nowhere.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    fulfilment::Fulfilment,
    lines::{Line, Place},
    payment::Payment,
    returns::Return,
    saga::Leg,
    terms::Terms,
    wishes::Wish,
};
use crate::domain::{
    event::OrderPolicy,
    ids::{HoldName, LocationId, Name, OrderId, Sku},
    time::Timestamp,
};

/// A placed order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// What was agreed.
    pub terms: Terms,
    /// What is ordered, as it was listed.
    pub lines: Vec<Line>,
    /// One for each hold.
    pub legs: Vec<Leg>,
    /// By name.
    pub payments: BTreeMap<Name, Payment>,
    /// By name.
    pub fulfilments: BTreeMap<Name, Fulfilment>,
    /// By name.
    pub returns: BTreeMap<Name, Return>,
    /// By the place of their leg.
    pub wishes: BTreeMap<u32, Wish>,
    /// When it leaves the hot state, once nothing is to be expected of it.
    pub leaves_at: Option<Timestamp>,
    /// It was said to be confirmed.
    pub confirmed: bool,
    /// When it will be closed, once delivered.
    pub closes_at: Option<Timestamp>,
    /// It is over.
    pub closed: bool,
}

impl Order {
    /// An order as it was placed.
    pub fn new(terms: Terms, lines: Vec<Line>, legs: Vec<Leg>) -> Order {
        Order {
            terms,
            lines,
            legs,
            payments: BTreeMap::new(),
            fulfilments: BTreeMap::new(),
            returns: BTreeMap::new(),
            wishes: BTreeMap::new(),
            leaves_at: None,
            confirmed: false,
            closes_at: None,
            closed: false,
        }
    }

    /// Units of all lines that stand at any of these places.
    pub fn sum(&self, places: &[Place]) -> u64 {
        self.lines.iter().map(|line| line.units.sum(places)).sum()
    }

    /// Units that may still ship.
    pub fn open(&self) -> u64 {
        self.sum(&Place::OPEN)
    }

    /// Units that left.
    pub fn gone(&self) -> u64 {
        self.sum(&Place::GONE)
    }

    /// Some SKU has not answered for units that the order wants.
    pub fn is_awaiting(&self) -> bool {
        self.sum(&[Place::Awaiting]) > 0
    }

    /// Nothing is left of it: no unit will come, none went, and none is asked for.
    pub fn is_over(&self) -> bool {
        self.open() == 0 && self.gone() == 0 && !self.hopes()
    }

    /// All of it that is not lost arrived.
    pub fn is_delivered(&self) -> bool {
        self.open() == 0 && self.sum(&[Place::Shipped]) == 0 && self.gone() > 0
    }

    /// Money is promised or taken.
    pub fn is_paid(&self) -> bool {
        self.payments.values().any(|payment| payment.pays)
    }

    /// It may pass its payment deadline.
    pub fn is_unpaid(&self) -> bool {
        !self.confirmed && !self.is_paid() && (self.open() > 0 || self.hopes())
    }

    /// A refusal under `all_or_nothing`: the order will be rejected when the last SKU has answered.
    /// Of one that is confirmed all was there; what is lost afterwards takes nothing with it.
    pub fn is_failing(&self) -> bool {
        !self.confirmed
            && self.terms.policy == OrderPolicy::AllOrNothing
            && self.sum(&[Place::Refused]) > 0
    }

    /// Its holds are to be made allocations: also of units that come back into an order that was
    /// confirmed without them.
    pub fn wants_commit(&self) -> bool {
        (self.is_paid() || self.confirmed) && !self.is_awaiting() && self.open() > 0
    }

    /// Every hold that it still wants is acknowledged to be an allocation.
    pub fn is_allocated(&self) -> bool {
        let open = self.open_by_leg();
        self.legs
            .iter()
            .zip(open)
            .filter(|(_, open)| *open > 0)
            .all(|(leg, open)| leg.is_allocated(open))
    }

    /// Its lines that a leg asks for, each with its place.
    pub fn lines_of(&self, leg: u32) -> impl Iterator<Item = (u32, &Line)> {
        (0..).zip(&self.lines).filter(move |(_, line)| line.leg == leg)
    }

    /// For each leg, the units of its lines that may still ship. A leg never asks for more than a
    /// command can say, so the sums fit.
    pub fn open_by_leg(&self) -> Vec<u32> {
        let mut open = vec![0_u32; self.legs.len()];
        for line in &self.lines {
            let units = u32::try_from(line.open()).unwrap_or(u32::MAX);
            if let Some(sum) = open.get_mut(line.leg as usize) {
                *sum = sum.saturating_add(units);
            }
        }
        open
    }

    /// The leg that a hold of a SKU belongs to.
    pub fn leg_of(&self, id: &OrderId, sku: &Sku, hold: &HoldName) -> Option<(u32, &Leg)> {
        (0..).zip(&self.legs).find(|(_, leg)| leg.sku == *sku && leg.hold_name(id) == *hold)
    }

    /// A line by its name.
    pub fn line_named(&self, name: &Name) -> Option<(u32, &Line)> {
        (0..).zip(&self.lines).find(|(_, line)| line.name == *name)
    }

    /// Units of a line that a physical fact can still take: all that have not left, promised or
    /// not.
    pub fn shippable(&self, name: &Name) -> u32 {
        let lines = self.lines.iter().filter(|line| line.name == *name);
        lines.map(Line::shippable).fold(0, u32::saturating_add)
    }

    /// Units of a line that a fulfilment may speak of: all that were ever ordered or are asked for,
    /// and what it was known to have of a line that gave some to another since.
    pub fn ever_in(&self, fulfilment: &Name, line: &Name) -> u32 {
        let lines = self.lines.iter().filter(|known| known.name == *line);
        let ordered = lines.map(|line| line.ordered);
        let more = self.wishes.iter().filter(|(_, wish)| wish.is_more_of(line));
        let asked = more.filter_map(|(leg, _)| self.legs.get(*leg as usize)).map(|leg| leg.asked);
        let ordered = ordered.chain(asked).fold(0, u32::saturating_add);
        let known = self.fulfilments.get(fulfilment);
        let known = known.map_or(0, |known| known.planned(line).max(known.shipped(line)));
        ordered.max(known)
    }

    /// The places of a line's portions.
    pub fn indexes_of(&self, name: &Name) -> Vec<u32> {
        let lines = (0..).zip(&self.lines).filter(|(_, line)| line.name == *name);
        lines.map(|(index, _)| index).collect()
    }

    /// The same, those held at a location first.
    pub fn portions(&self, name: &Name, at: &LocationId) -> Vec<u32> {
        let elsewhere = |index: &u32| {
            let leg = self.lines.get(*index as usize).map(|line| line.leg);
            let grant = leg.and_then(|leg| self.legs.get(leg as usize)?.grant());
            grant.is_none_or(|grant| grant.location != *at)
        };
        let mut portions = self.indexes_of(name);
        portions.sort_by_key(elsewhere);
        portions
    }
}
