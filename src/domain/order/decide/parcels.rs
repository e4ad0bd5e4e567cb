//! Goods on their way: what left, what arrived, what came back.
//!
//! Promise: each unit that moves is counted in its line, in its fulfilment and in the books of its
//! SKU, by one decision. What did not leave after all is called back ([`super::recall`]).

use std::collections::BTreeMap;

use super::{
    draft::Draft,
    fulfilments::{ByLine, within_order},
};
use crate::domain::{
    event::{Fulfilment, FulfilmentStep},
    ids::{LocationId, Name},
    order::{
        fulfilment::{Fulfilment as KnownFulfilment, FulfilmentFact, Stage, Taken, Told},
        lines::Line,
        passage::{DELIVER, SHIP},
        saga::{Goods, LegFact, Movement, Shipment},
        state::Order,
    },
    outcome::Outcome,
    refusal::Refusal,
};

impl Draft<'_> {
    /// Counts units as gone, the firmest promises first, and lets their SKUs know.
    pub fn ship(&mut self, said: &Fulfilment, units: &ByLine) -> Result<(), Refusal> {
        within_order(&self.order, units)?;
        let stage = self
            .order
            .fulfilments
            .get(&said.fulfilment)
            .map_or_else(Default::default, |of| of.stage);
        let open = self.order.open_by_leg();
        let taken = self.take(said, units);
        let told = self.tell_skus(said, &taken, &open);
        self.record_fulfilment(&said.fulfilment, FulfilmentFact::Took { taken, told });
        let skipped = stage.skipped(Stage::Shipped);
        self.step(FulfilmentStep::Shipped, said, units, skipped);
        let complete = self.order.open() == 0 && !self.order.hopes();
        let (fulfilment, lines) = (said.fulfilment.clone(), units.quantities());
        self.say(Outcome::OrderShipped { fulfilment, lines, complete });
        Ok(())
    }

    /// Moves units of lines from wherever they stand to those that left.
    fn take(&mut self, said: &Fulfilment, units: &ByLine) -> Vec<Taken> {
        let mut taken = Vec::new();
        for (line, quantity) in units.iter() {
            let mut left = quantity;
            for &from in SHIP.from {
                for line in self.order.portions(line, &said.location) {
                    let units = self.move_units(line, from, SHIP.to, left);
                    left -= units;
                    if units > 0 {
                        taken.push(Taken { line, from, units });
                    }
                }
            }
        }
        taken
    }

    /// One shipment for each hold that units belonged to, whatever became of the hold. Of lines
    /// that share a hold one may ship more than it was promised: the others keep theirs.
    fn tell_skus(&mut self, said: &Fulfilment, taken: &[Taken], open_before: &[u32]) -> Vec<Told> {
        let open_after = self.order.open_by_leg();
        let mut by_leg: BTreeMap<u32, u32> = BTreeMap::new();
        for Taken { line, units, .. } in taken {
            let Some(line) = self.order.lines.get(*line as usize) else { continue };
            let sum = by_leg.entry(line.leg).or_default();
            *sum = sum.saturating_add(*units);
        }
        let mut told = Vec::new();
        for (leg, quantity) in by_leg {
            let Some(known) = self.order.legs.get(leg as usize) else { continue };
            let open = |by_leg: &[u32]| by_leg.get(leg as usize).copied().unwrap_or(0);
            let promised = open(open_before).saturating_sub(open(&open_after));
            let held = quantity.min(promised.saturating_add(known.surplus(open(open_before))));
            let (location, time) = (said.location.clone(), self.when.time);
            let left = Told { leg, location, quantity, held, time };
            self.move_goods(&left, Goods::Left);
            told.push(left);
        }
        told
    }

    /// Writes down that goods of a leg moved, for its SKU to hear.
    pub fn move_goods(&mut self, told: &Told, goods: Goods) {
        let Some(leg) = self.order.legs.get(told.leg as usize) else { return };
        let shipment = Shipment {
            number: leg.movements.saturating_add(1),
            location: told.location.clone(),
            quantity: told.quantity,
            held: told.held,
            time: told.time,
        };
        let fact = match goods {
            Goods::Left => LegFact::Shipping(shipment),
            Goods::Missing | Goods::BroughtBack | Goods::Returned(_) => {
                LegFact::Moving(Movement { goods, shipment })
            }
        };
        self.record_leg(told.leg, fact);
    }

    /// Units of a line arrived with a fulfilment: those that it took first.
    pub fn arrive(&mut self, fulfilment: &Name, name: &Name, quantity: u32) {
        let known = self.order.fulfilments.get(fulfilment);
        let mut arrived = known.and_then(|of| of.lines.get(name)).map_or(0, |of| of.delivered);
        let taken = known.map_or_else(Vec::new, |of| of.taken.clone());
        let mut left = quantity;
        for Taken { line, units, .. } in taken {
            if self.order.lines.get(line as usize).is_none_or(|line| line.name != *name) {
                continue;
            }
            let before = units.min(arrived);
            arrived -= before;
            let now = left.min(units - before);
            left -= self.pass(line, &DELIVER, now);
        }
        self.pass_line(name, &DELIVER, left);
    }

    /// Units of a line moved at a location, but for the order's own count of what left.
    pub fn put_back(&mut self, line: &Name, quantity: u32, goods: Goods, at: Option<&LocationId>) {
        let Some((_, &Line { leg, .. })) = self.order.line_named(line) else { return };
        let time = self.when.time;
        let parts = match at {
            Some(location) => vec![(location.clone(), quantity)],
            None => self.order.left_from(line, quantity),
        };
        for (location, quantity) in parts {
            self.move_goods(&Told { leg, location, quantity, held: 0, time }, goods);
        }
    }

    /// Writes down why a fulfilment waits, each reason once.
    pub fn hold_for(&mut self, fulfilment: &Name, reason: &str) {
        let known = self.order.fulfilments.get(fulfilment);
        if known.is_none_or(|of| !of.held_for.iter().any(|known| known == reason)) {
            let reason = reason.to_owned();
            self.record_fulfilment(fulfilment, FulfilmentFact::HeldFor { reason });
        }
    }

    /// Writes down that a fulfilment went a step.
    pub fn step(
        &mut self,
        step: FulfilmentStep,
        said: &Fulfilment,
        units: &ByLine,
        skipped: Vec<FulfilmentStep>,
    ) {
        let fact = FulfilmentFact::Stepped {
            step,
            location: said.location.clone(),
            lines: units.quantities(),
            tracking: said.tracking.clone(),
            skipped,
        };
        self.record_fulfilment(&said.fulfilment, fact);
    }
}

impl Order {
    /// From where units of a line left that have not come back yet, fulfilment by fulfilment.
    fn left_from(&self, line: &Name, quantity: u32) -> Vec<(LocationId, u32)> {
        let left = self.fulfilments.values().flat_map(|of| self.left_with(of, line));
        let (mut back, mut wanted) = (self.came_back(line), quantity);
        let mut from: Vec<(LocationId, u32)> = Vec::new();
        for (location, left) in left {
            let before = left.min(back);
            let units = (left - before).min(wanted);
            (back, wanted) = (back - before, wanted - units);
            if units > 0 {
                from.push((location, units));
            }
        }
        from
    }

    /// From where units of a line left with a fulfilment, as its SKU was told; v0.1.0 wrote down
    /// only where the newest step was.
    fn left_with(&self, of: &KnownFulfilment, line: &Name) -> Vec<(LocationId, u32)> {
        let is_theirs = |leg| self.lines.iter().any(|of| of.name == *line && of.leg == leg);
        let told = of.told.iter().filter(|told| is_theirs(told.leg));
        let mut left = of.shipped(line);
        let mut from: Vec<(LocationId, u32)> = Vec::new();
        for Told { location, quantity, .. } in told {
            let units = left.min(*quantity);
            left -= units;
            from.push((location.clone(), units));
        }
        from.extend(of.location.clone().map(|location| (location, left)));
        from
    }
}
