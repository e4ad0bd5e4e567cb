//! `fulfilment.cancelled`: what a fulfilment is not to ship, and what did not leave after all.
//!
//! Promise: what a fulfilment took it can give back exactly: each unit stands where it stood, or
//! where its SKU's answer has put it since, and a hold gets back what it gave, and no more.

use std::collections::BTreeMap;

use super::{
    draft::Draft,
    fulfilments::{ByLine, to_ship},
};
use crate::domain::{
    event::{Fulfilment, FulfilmentStep},
    ids::{LocationId, Name},
    order::{
        fulfilment::{Fulfilment as KnownFulfilment, FulfilmentFact, Taken, Told},
        lines::{Line, Place},
        saga::{Goods, Hold},
    },
    outcome::{LineQuantity, Outcome},
};

impl Draft<'_> {
    /// A fulfilment will not happen; of one that had left, everything is where it was, and was
    /// there all the time: a count of meanwhile has seen it.
    pub fn bring_back(&mut self, said: &Fulfilment) {
        let known = self.as_told(said);
        self.put_where_it_was(&known.taken, &known.told);
        let lines: Vec<LineQuantity> = (known.lines.iter())
            .map(|(line, parcel)| (line, parcel.shipped))
            .filter(|(_, quantity)| *quantity > 0)
            .map(|(line, quantity)| LineQuantity { line: line.clone(), quantity })
            .collect();
        self.record_fulfilment(
            &said.fulfilment,
            FulfilmentFact::Stepped {
                step: FulfilmentStep::Cancelled,
                location: said.location.clone(),
                lines: lines.clone(),
                tracking: None,
                skipped: Vec::new(),
            },
        );
        self.say_cancelled(said, lines);
    }

    /// Units of a fulfilment will not happen: those that have not left are off its plan; beyond
    /// these, some that left are where they were.
    pub fn cancel_in_part(&mut self, said: &Fulfilment, units: &ByLine) {
        let mut known = self.as_told(said);
        let unplanned = units.at_most(|line| known.planned(line));
        let back = units.less(|line, _| to_ship(&self.order, &known, line));
        let back = back.at_most(|line| known.shipped(line));
        let (taken, told) = self.undo(&mut known, Back { units: &back, location: &said.location });
        self.put_where_it_was(&taken, &told);
        let (unplanned, lines) = (unplanned.quantities(), back.quantities());
        let KnownFulfilment { taken, told, .. } = known;
        let fact = FulfilmentFact::CancelledInPart { unplanned, back: lines.clone(), taken, told };
        self.record_fulfilment(&said.fulfilment, fact);
        self.say_cancelled(said, lines);
    }

    fn say_cancelled(&mut self, said: &Fulfilment, lines: Vec<LineQuantity>) {
        if !lines.is_empty() {
            let (fulfilment, complete) = (said.fulfilment.clone(), self.order.is_over());
            self.say(Outcome::ShipmentCancelled { fulfilment, lines, complete });
        }
    }

    /// Takes units out of what a fulfilment took and told, the last first; says which. Units that
    /// the order had given up were nobody's hold, and go back to no hold.
    fn undo(&self, known: &mut KnownFulfilment, back: Back<'_>) -> (Vec<Taken>, Vec<Told>) {
        let mut left: BTreeMap<Name, u32> =
            back.units.iter().map(|(line, units)| (line.clone(), units)).collect();
        let mut by_leg: BTreeMap<u32, Returning> = BTreeMap::new();
        let mut taken = Vec::new();
        for of in known.taken.iter_mut().rev() {
            let Some(line) = self.order.lines.get(of.line as usize) else { continue };
            let Some(left) = left.get_mut(&line.name) else { continue };
            let units = of.units.min(*left);
            (of.units, *left) = (of.units - units, *left - units);
            by_leg.entry(line.leg).or_default().add(of.from, units);
            taken.push(Taken { units, ..*of });
        }
        let mut told: Vec<&mut Told> = known.told.iter_mut().rev().collect();
        told.sort_by_key(|told| told.location != *back.location);
        let mut returned: Vec<Told> = told
            .iter_mut()
            .filter_map(|told| by_leg.get_mut(&told.leg)?.as_they_were(told))
            .collect();
        returned.extend(
            told.iter_mut().filter_map(|told| by_leg.get_mut(&told.leg)?.out_of_the_rest(told)),
        );
        known.taken.retain(|of| of.units > 0);
        known.told.retain(|of| of.quantity > 0);
        taken.retain(|of| of.units > 0);
        (taken, returned)
    }

    /// Units did not leave after all: they stand where they stood, and their SKUs hear of it.
    fn put_where_it_was(&mut self, taken: &[Taken], told: &[Told]) {
        let mut wanted = self.wanted_again(taken);
        for told in told {
            let wanted = wanted.entry(told.leg).or_default();
            let held = told.held.min(*wanted);
            *wanted -= held;
            self.move_goods(&Told { held, ..told.clone() }, Goods::BroughtBack);
        }
    }

    /// A fulfilment with what it took.
    fn as_told(&self, said: &Fulfilment) -> KnownFulfilment {
        let known = self.order.fulfilments.get(&said.fulfilment).cloned().unwrap_or_default();
        if known.taken.is_empty() { self.as_if_told(known) } else { known }
    }

    /// v0.1.0 did not write down what a fulfilment took: units that were promised for good, by all
    /// that can be known.
    fn as_if_told(&self, mut known: KnownFulfilment) -> KnownFulfilment {
        for (name, parcel) in &known.lines {
            let (units, location) = (parcel.shipped, known.location.clone());
            let found = self.order.line_named(name).zip(location).filter(|_| units > 0);
            let Some(((line, Line { leg, .. }), location)) = found else { continue };
            known.taken.push(Taken { line, from: Place::Allocated, units });
            let time = self.when.time;
            known.told.push(Told { leg: *leg, location, quantity: units, held: units, time });
        }
        known
    }

    /// Moves units back to where they had been taken from; says how many of each leg the order
    /// still wants.
    fn wanted_again(&mut self, taken: &[Taken]) -> BTreeMap<u32, u32> {
        let mut wanted: BTreeMap<u32, u32> = BTreeMap::new();
        for Taken { line, from, units } in taken {
            let home = self.home(*line, *from);
            let units = self.move_units(*line, Place::Shipped, home, *units);
            self.refuses |= units > 0 && home == Place::Refused && *from != home;
            let leg = self.order.lines.get(*line as usize).map(|line| line.leg);
            if let Some(leg) = leg.filter(|_| Place::OPEN.contains(&home)) {
                let sum = wanted.entry(leg).or_default();
                *sum = sum.saturating_add(units);
            }
        }
        wanted
    }

    /// Where units stand that come back from where they had left to: as before, or, if their SKU
    /// has answered since, as it answered.
    fn home(&self, line: u32, from: Place) -> Place {
        let line = self.order.lines.get(line as usize);
        let Some(leg) = line.and_then(|line| self.order.legs.get(line.leg as usize)) else {
            return from;
        };
        match (from, &leg.hold) {
            (Place::Awaiting | Place::Reserved, Hold::Allocated(_)) => Place::Allocated,
            (Place::Awaiting, Hold::Asked) if leg.sent.is_some() => Place::Awaiting,
            (Place::Awaiting, _) => Place::Refused,
            (from, _) => from,
        }
    }
}

/// What is said not to have left after all, and from where.
#[derive(Clone, Copy)]
struct Back<'a> {
    units: &'a ByLine,
    location: &'a LocationId,
}

/// Units of a leg on their way back: those that the order wanted, and those that it had given up.
#[derive(Default)]
struct Returning {
    wanted: u32,
    given_up: u32,
}

impl Returning {
    fn add(&mut self, from: Place, units: u32) {
        let sum = if Place::OPEN.contains(&from) { &mut self.wanted } else { &mut self.given_up };
        *sum = sum.saturating_add(units);
    }

    /// Wanted units come out of what a hold gave, others out of the rest.
    fn as_they_were(&mut self, told: &mut Told) -> Option<Told> {
        let held = self.wanted.min(told.held);
        let others = self.given_up.min(told.quantity.saturating_sub(told.held));
        (self.wanted, self.given_up) = (self.wanted - held, self.given_up - others);
        take_out(told, held.saturating_add(others), held)
    }

    /// What is left comes out of whatever is left.
    fn out_of_the_rest(&mut self, told: &mut Told) -> Option<Told> {
        let units = self.wanted.saturating_add(self.given_up).min(told.quantity);
        let wanted = self.wanted.min(units);
        (self.wanted, self.given_up) = (self.wanted - wanted, self.given_up - (units - wanted));
        take_out(told, units, units.min(told.held))
    }
}

fn take_out(told: &mut Told, quantity: u32, held: u32) -> Option<Told> {
    (told.quantity, told.held) = (told.quantity - quantity, told.held - held);
    (quantity > 0).then(|| Told { quantity, held, ..told.clone() })
}
