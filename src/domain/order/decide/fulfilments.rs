//! `fulfilment.*` and `shipment.tracked`: physical facts are believed, whatever the order stands
//! at.
//!
//! Promise: goods that left are counted once and their SKU hears of it; a warehouse that skipped a
//! step is believed too, and the skipped step is written down. Only more units than were ordered
//! are refused: they cannot be this order's.

use std::collections::BTreeMap;

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::{Fulfilment, FulfilmentStep, ShipmentTracked},
    ids::Name,
    order::{
        fulfilment::{FulfilmentFact, Stage, Tracking},
        lines::Place,
        saga::{LegFact, Shipment},
        state::Order,
    },
    outcome::{LineQuantity, Outcome},
    refusal::{Reason, Refusal},
};

/// Units by the place of their line.
type ByLine = BTreeMap<u32, u32>;

/// Goes a step with a fulfilment, unless it has come that far already.
pub(super) fn decide(draft: &mut Draft<'_>, step: FulfilmentStep, said: &Fulfilment) -> Verdict {
    let stage = stage_of(&draft.order, &said.fulfilment);
    let units = match by_line(&draft.order, said) {
        Ok(units) => units,
        Err(refusal) => return Verdict::Refused(refusal),
    };
    let Some(next) = stage.after(step) else {
        return match step {
            FulfilmentStep::Shipped => ship_the_rest(draft, said, &units),
            _ => Verdict::Recorded,
        };
    };
    let gone = match next {
        Stage::Shipped => ship(draft, said, &units),
        Stage::Delivered => deliver(draft, said, &units, stage),
        Stage::Named | Stage::Opened | Stage::Held | Stage::Picked => {
            write_down(draft, step, said, &units, stage.skipped(next));
            Ok(())
        }
    };
    gone.map_or_else(Verdict::Refused, |()| Verdict::Accepted)
}

/// Goods that arrived had left, before anybody said so: of those that are now said to have left,
/// the others are still under way.
fn ship_the_rest(draft: &mut Draft<'_>, said: &Fulfilment, units: &ByLine) -> Verdict {
    let known = draft.order.fulfilments.get(&said.fulfilment);
    let Some(known) = known.filter(|known| known.skipped.contains(&FulfilmentStep::Shipped)) else {
        return Verdict::Recorded;
    };
    let rest = |(&line, &quantity): (&u32, &u32)| {
        let name = &draft.order.lines.get(line as usize)?.name;
        let left = quantity.saturating_sub(known.shipped(name));
        (left > 0).then_some((line, left))
    };
    let rest: ByLine = units.iter().filter_map(rest).collect();
    if rest.is_empty() {
        return Verdict::Recorded;
    }
    ship(draft, said, &rest).map_or_else(Verdict::Refused, |()| Verdict::Accepted)
}

/// Keeps the newest word of a carrier, by the carrier's own clock.
pub(super) fn track(draft: &mut Draft<'_>, said: &ShipmentTracked) -> Verdict {
    let known = draft.order.fulfilments.get(&said.fulfilment);
    let newer = known.and_then(|known| known.carrier.as_ref()).is_some_and(|it| it.at > said.at);
    if newer {
        return Verdict::Recorded;
    }
    draft.record_fulfilment(&said.fulfilment, FulfilmentFact::Tracked(Tracking::from(said)));
    Verdict::Accepted
}

fn stage_of(order: &Order, fulfilment: &Name) -> Stage {
    order.fulfilments.get(fulfilment).map_or(Stage::Named, |fulfilment| fulfilment.stage)
}

/// The units of each line; a line that is named twice counts twice.
fn by_line(order: &Order, said: &Fulfilment) -> Result<ByLine, Refusal> {
    let mut units = ByLine::new();
    for line in &said.lines {
        let refused = |reason: Reason| Refusal { about: Some(line.line.clone()), ..reason.into() };
        let found = order.line_named(&line.line);
        let (index, _) = found.ok_or_else(|| refused(Reason::UnknownLine))?;
        let sum = units.entry(index).or_default();
        let more = sum.checked_add(line.quantity);
        *sum = more.ok_or_else(|| refused(Reason::ExceedsQuantity))?;
    }
    Ok(units)
}

/// Counts units as gone, the firmest promises first, and lets their SKUs know.
fn ship(draft: &mut Draft<'_>, said: &Fulfilment, units: &ByLine) -> Result<(), Refusal> {
    within_order(&draft.order, units)?;
    let stage = stage_of(&draft.order, &said.fulfilment);
    let before = draft.order.open_by_leg();
    for (&line, &quantity) in units {
        let from = [Place::OPEN, Place::LOST].concat();
        draft.move_units(line, &from, Place::Shipped, quantity);
    }
    tell_skus(draft, said, units, &before);
    let lines =
        write_down(draft, FulfilmentStep::Shipped, said, units, stage.skipped(Stage::Shipped));
    let complete = draft.order.open() == 0;
    draft.say(Outcome::OrderShipped { fulfilment: said.fulfilment.clone(), lines, complete });
    Ok(())
}

/// Counts units as arrived. Those that nobody said had left must have left.
fn deliver(
    draft: &mut Draft<'_>,
    said: &Fulfilment,
    units: &ByLine,
    stage: Stage,
) -> Result<(), Refusal> {
    let known = draft.order.fulfilments.get(&said.fulfilment);
    let under_way = |line: u32| {
        let name = draft.order.lines.get(line as usize).map(|line| &line.name);
        name.zip(known).map_or(0, |(name, known)| known.under_way(name))
    };
    let missing = |(&line, &quantity): (&u32, &u32)| {
        let missing = quantity.saturating_sub(under_way(line));
        (missing > 0).then_some((line, missing))
    };
    let left_unsaid: ByLine = units.iter().filter_map(missing).collect();
    if !left_unsaid.is_empty() {
        ship(draft, said, &left_unsaid)?;
    }
    for (&line, &quantity) in units {
        draft.move_units(line, &[Place::Shipped], Place::Delivered, quantity);
    }
    let skipped = if stage < Stage::Shipped { vec![FulfilmentStep::Shipped] } else { vec![] };
    write_down(draft, FulfilmentStep::Delivered, said, units, skipped);
    Ok(())
}

fn within_order(order: &Order, units: &ByLine) -> Result<(), Refusal> {
    for (&index, &quantity) in units {
        let Some(line) = order.lines.get(index as usize) else { continue };
        if quantity > line.shippable() {
            return Err(Refusal {
                reason: Reason::ExceedsQuantity,
                available: Some(line.shippable()),
                about: Some(line.name.clone()),
            });
        }
    }
    Ok(())
}

/// One shipment for each hold that units belonged to, whatever became of the hold. Of lines that
/// share a hold one may ship more than it was promised: the others keep theirs.
fn tell_skus(draft: &mut Draft<'_>, said: &Fulfilment, units: &ByLine, open_before: &[u32]) {
    let open_after = draft.order.open_by_leg();
    let mut by_leg: BTreeMap<u32, u32> = BTreeMap::new();
    for (&index, &quantity) in units {
        let Some(line) = draft.order.lines.get(index as usize) else { continue };
        let sum = by_leg.entry(line.leg).or_default();
        *sum = sum.saturating_add(quantity);
    }
    for (index, quantity) in by_leg {
        let Some(leg) = draft.order.legs.get(index as usize) else { continue };
        let open = |by_leg: &[u32]| by_leg.get(index as usize).copied().unwrap_or(0);
        let promised = open(open_before).saturating_sub(open(&open_after));
        let shipment = Shipment {
            number: leg.shipments.saturating_add(1),
            location: said.location.clone(),
            quantity,
            held: quantity.min(promised.saturating_add(leg.surplus(open(open_before)))),
            time: draft.when.time,
        };
        draft.record_leg(index, LegFact::Shipping(shipment));
    }
}

fn write_down(
    draft: &mut Draft<'_>,
    step: FulfilmentStep,
    said: &Fulfilment,
    units: &ByLine,
    skipped: Vec<FulfilmentStep>,
) -> Vec<LineQuantity> {
    let named = |(&index, &quantity): (&u32, &u32)| {
        let line = draft.order.lines.get(index as usize)?.name.clone();
        Some(LineQuantity { line, quantity })
    };
    let lines: Vec<LineQuantity> = units.iter().filter_map(named).collect();
    let fact = FulfilmentFact::Stepped {
        step,
        location: said.location.clone(),
        lines: lines.clone(),
        tracking: said.tracking.clone(),
        skipped,
    };
    draft.record_fulfilment(&said.fulfilment, fact);
    lines
}
