//! The rule of conservation of an order, recomputed.
//!
//! Promise: [`Order::check`] finds units that are nowhere or twice; [`Order::audit`] also finds
//! lines, legs and fulfilments that tell different stories.

use std::collections::BTreeMap;

use super::{
    lines::{Line, Place},
    saga::{Hold, Leg},
    state::Order,
};
use crate::domain::{Breach, ids::Name};

impl Order {
    /// Every ordered unit stands in exactly one place.
    pub fn check(&self) -> Result<(), Breach> {
        self.lines.iter().try_for_each(Line::check)
    }

    /// All that must hold always.
    pub fn audit(&self) -> Result<(), Breach> {
        self.check()?;
        (0..).zip(&self.legs).try_for_each(|(index, leg)| self.audit_leg(index, leg))?;
        self.fulfilments.values().try_for_each(|fulfilment| fulfilment.check())?;
        self.audit_parcels()?;
        self.lines.iter().try_for_each(|line| self.audit_line(line))
    }

    fn audit_line(&self, line: &Line) -> Result<(), Breach> {
        let asks = |leg: &Leg| {
            (&leg.sku, &leg.location, &leg.claim) == (&line.sku, &line.location, &line.claim)
        };
        match self.legs.get(line.leg as usize) {
            Some(leg) if asks(leg) => Ok(()),
            Some(_) | None => Err(Breach(format!("line {}: no leg asks for it", line.name))),
        }
    }

    /// Units wait for an answer only while one can come, and a leg that rests holds no more than
    /// its lines want.
    fn audit_leg(&self, index: u32, leg: &Leg) -> Result<(), Breach> {
        let name = &leg.sku;
        let awaiting: u64 =
            self.lines_of(index).map(|(_, line)| line.units.sum(&[Place::Awaiting])).sum();
        let answered = leg.hold != Hold::Asked || leg.sent.is_none();
        if awaiting > 0 && answered {
            return Err(Breach(format!("leg of SKU {name}: {awaiting} units wait for nothing")));
        }
        let open: u64 = self.lines_of(index).map(|(_, line)| line.open()).sum();
        let held = match &leg.hold {
            Hold::Granted(grant) | Hold::Allocated(grant) => u64::from(grant.quantity),
            Hold::Asked | Hold::Lapsed(_) | Hold::Refused(_) | Hold::Released => 0,
        };
        if leg.sent.is_none() && held > open {
            return Err(Breach(format!("leg of SKU {name}: {held} units held, {open} wanted")));
        }
        Ok(())
    }

    /// What left and arrived by fulfilment is what left and arrived by line.
    fn audit_parcels(&self) -> Result<(), Breach> {
        let mut parcels: BTreeMap<&Name, (u64, u64)> = BTreeMap::new();
        for (line, parcel) in self.fulfilments.values().flat_map(|fulfilment| &fulfilment.lines) {
            let sums = parcels.entry(line).or_default();
            sums.0 += u64::from(parcel.shipped);
            sums.1 += u64::from(parcel.delivered);
        }
        let mut lines: BTreeMap<&Name, (u64, u64)> = BTreeMap::new();
        for line in &self.lines {
            let sums = lines.entry(&line.name).or_default();
            sums.0 += line.units.sum(&Place::GONE);
            sums.1 += line.units.sum(&[Place::Delivered]);
        }
        for (name, by_line) in lines {
            let by_fulfilment = parcels.get(name).copied().unwrap_or_default();
            if by_line != by_fulfilment {
                return Err(Breach(format!(
                    "line {name}: {by_line:?} gone and delivered, by fulfilment {by_fulfilment:?}"
                )));
            }
        }
        Ok(())
    }
}
