//! `fulfilment.*` and `shipment.tracked`: physical facts are believed, whatever the order stands
//! at.
//!
//! Promise: goods that left are counted once and their SKU hears of it; a warehouse that skipped a
//! step is believed too, and the skipped step is written down. Only more units than were ordered
//! are refused: they cannot be this order's.

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::{Fulfilment, FulfilmentStep, LineUnits, ShipmentTracked},
    guard::Then,
    ids::Name,
    order::{
        fulfilment::{
            FULFILMENT, Fulfilment as KnownFulfilment, FulfilmentCondition, FulfilmentFact, Stage,
            Tracking,
        },
        saga::Goods,
        state::Order,
    },
    outcome::LineQuantity,
    refusal::{Reason, Refusal},
};

/// Units by line, in the order in which the lines were named; one that is named twice counts twice.
#[derive(Debug, Default)]
pub(super) struct ByLine(Vec<(Name, u32)>);

impl ByLine {
    /// What an event says of lines that there are.
    pub fn of(order: &Order, said: &[LineUnits]) -> Result<ByLine, Refusal> {
        let mut units = ByLine::default();
        for LineUnits { line, quantity, .. } in said {
            let refused = |reason: Reason| Refusal { about: Some(line.clone()), ..reason.into() };
            order.line_named(line).ok_or_else(|| refused(Reason::UnknownLine))?;
            let known = units.0.iter_mut().find(|(known, _)| known == line);
            match known {
                None => units.0.push((line.clone(), *quantity)),
                Some((_, sum)) => {
                    let more = sum.checked_add(*quantity);
                    *sum = more.ok_or_else(|| refused(Reason::ExceedsQuantity))?;
                }
            }
        }
        Ok(units)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Name, u32)> {
        self.0.iter().map(|(line, quantity)| (line, *quantity))
    }

    /// Units of a line.
    pub fn of_line(&self, line: &Name) -> u32 {
        self.iter().find(|(known, _)| *known == line).map_or(0, |(_, units)| units)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each line's units less these, where any are left.
    pub fn less(&self, less: impl Fn(&Name, u32) -> u32) -> ByLine {
        let left = self
            .iter()
            .map(|(line, units)| (line.clone(), units.saturating_sub(less(line, units))));
        ByLine(left.filter(|(_, units)| *units > 0).collect())
    }

    /// Each line's units up to a bound, where any are left.
    pub fn at_most(&self, bound: impl Fn(&Name) -> u32) -> ByLine {
        self.less(|line, units| units.saturating_sub(bound(line)))
    }

    /// Refuses more of a line than there are.
    pub fn within(&self, there: impl Fn(&Name) -> u32) -> Result<(), Refusal> {
        let mut units = self.iter().map(|(line, quantity)| (line, quantity, there(line)));
        match units.find(|(_, quantity, there)| quantity > there) {
            None => Ok(()),
            Some((line, _, there)) => Err(Refusal {
                reason: Reason::ExceedsQuantity,
                available: Some(there),
                about: Some(line.clone()),
            }),
        }
    }

    /// The same, as outcomes and facts list them.
    pub fn quantities(&self) -> Vec<LineQuantity> {
        self.iter().map(|(line, quantity)| LineQuantity { line: line.clone(), quantity }).collect()
    }
}

/// Goes a step with a fulfilment, as its guard says.
pub(super) fn decide(draft: &mut Draft<'_>, step: FulfilmentStep, said: &Fulfilment) -> Verdict {
    let units = match ByLine::of(&draft.order, &said.lines) {
        Ok(units) => units,
        Err(refusal) => return Verdict::Refused(refusal),
    };
    let stage = stage_of(&draft.order, &said.fulfilment);
    let rest = unsaid(&draft.order, step, said, &units);
    let holds = |condition| match condition {
        FulfilmentCondition::More => !rest.is_empty(),
        FulfilmentCondition::SomeStay => some_stay(&draft.order, said, &units),
        FulfilmentCondition::SomeArrived => {
            draft.order.fulfilments.get(&said.fulfilment).is_some_and(|of| of.has_arrived())
        }
    };
    let (next, stays) = match FULFILMENT.then(stage, step, holds) {
        Then::Go(next) => (next, false),
        Then::Stay => (stage, true),
        Then::Note | Then::Wait => return Verdict::Recorded,
        Then::Refuse(reason) => return Verdict::Refused(reason.into()),
    };
    if let Err(refusal) = units.within(|line| draft.order.ever_in(&said.fulfilment, line)) {
        return Verdict::Refused(refusal);
    }
    let units = match step {
        FulfilmentStep::Shipped | FulfilmentStep::Delivered => rest,
        FulfilmentStep::Cancelled if stays => {
            return cancel_in_part(draft, said, &units);
        }
        _ => units,
    };
    match go(draft, step, said, &units, stage.skipped(next)) {
        Ok(()) => Verdict::Accepted,
        Err(refusal) => Verdict::Refused(refusal),
    }
}

fn go(
    draft: &mut Draft<'_>,
    step: FulfilmentStep,
    said: &Fulfilment,
    units: &ByLine,
    skipped: Vec<FulfilmentStep>,
) -> Result<(), Refusal> {
    use FulfilmentStep as Step;
    match step {
        Step::Shipped => draft.ship(said, units)?,
        Step::Delivered => deliver(draft, said, units)?,
        Step::Cancelled => draft.bring_back(said),
        Step::ShortPicked => {
            within_order(&draft.order, units)?;
            miss(draft, said, units);
            draft.step(step, said, units, skipped);
        }
        Step::Split => {
            draft.step(step, said, units, skipped);
            open_another(draft, said, units);
        }
        Step::Moved => {
            draft.end_wishes(|wish| wish.is_of(&said.fulfilment));
            draft.step(step, said, units, skipped);
            draft.move_holds(said, units);
        }
        Step::Opened | Step::Held | Step::Resumed | Step::Picked => {
            draft.step(step, said, units, skipped);
        }
    }
    if matches!(step, Step::Shipped | Step::Delivered | Step::Cancelled) {
        // Its goods are where they are said to be now, and not where they were to be.
        draft.end_wishes(|wish| wish.is_of(&said.fulfilment));
    }
    if let (Step::Held, Some(reason)) = (step, &said.reason) {
        draft.hold_for(&said.fulfilment, reason);
    }
    Ok(())
}

/// What an event says beyond what was said before. The quantity of a line is what left with the
/// fulfilment in all. Arrivals come in parts: a quantity that is under way is one; a larger one is
/// all that has arrived.
fn unsaid(order: &Order, step: FulfilmentStep, said: &Fulfilment, units: &ByLine) -> ByLine {
    let known = order.fulfilments.get(&said.fulfilment);
    units.less(|line, units| match (known, step) {
        (None, _) => 0,
        (Some(known), FulfilmentStep::Delivered) if units <= known.under_way(line) => 0,
        (Some(known), FulfilmentStep::Delivered) => known.delivered(line),
        (Some(known), _) => known.shipped(line),
    })
}

/// Whether some of a fulfilment's goods are not among those that are named.
fn some_stay(order: &Order, said: &Fulfilment, units: &ByLine) -> bool {
    let Some(known) = order.fulfilments.get(&said.fulfilment) else { return false };
    let all = |line| to_ship(order, known, line).saturating_add(known.shipped(line));
    known.lines.keys().any(|line| all(line) > units.of_line(line))
}

/// Cancels what is named; where the fulfilment has none of it, there is nothing to cancel.
fn cancel_in_part(draft: &mut Draft<'_>, said: &Fulfilment, units: &ByLine) -> Verdict {
    let known = draft.order.fulfilments.get(&said.fulfilment);
    let has = |line: &Name| known.is_some_and(|of| of.planned(line) > 0 || of.shipped(line) > 0);
    if !units.iter().any(|(line, _)| has(line)) {
        return Verdict::Recorded;
    }
    draft.cancel_in_part(said, units);
    Verdict::Accepted
}

/// Units of a line that a fulfilment is to ship, has not shipped, and may still ship.
pub(super) fn to_ship(order: &Order, known: &KnownFulfilment, line: &Name) -> u32 {
    known.planned(line).saturating_sub(known.shipped(line)).min(order.open_of(line))
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

/// Counts units as arrived. Those that nobody said had left must have left.
fn deliver(draft: &mut Draft<'_>, said: &Fulfilment, units: &ByLine) -> Result<(), Refusal> {
    let stage = stage_of(&draft.order, &said.fulfilment);
    let known = draft.order.fulfilments.get(&said.fulfilment);
    let unsaid = units.less(|line, _| known.map_or(0, |known| known.under_way(line)));
    if !unsaid.is_empty() {
        draft.ship(said, &unsaid)?;
    }
    units.iter().for_each(|(line, quantity)| draft.arrive(&said.fulfilment, line, quantity));
    let left_out = !matches!(stage, Stage::Shipped | Stage::Delivered);
    let skipped = if left_out { vec![FulfilmentStep::Shipped] } else { vec![] };
    draft.step(FulfilmentStep::Delivered, said, units, skipped);
    Ok(())
}

/// Units were not where they were looked for: they are gone from that shelf, and the order still
/// wants as many.
fn miss(draft: &mut Draft<'_>, said: &Fulfilment, units: &ByLine) {
    for (line, quantity) in units.iter() {
        draft.put_back(line, quantity, Goods::Missing, Some(&said.location));
    }
}

/// What was split off is the other fulfilment's, if it has a name already.
fn open_another(draft: &mut Draft<'_>, said: &Fulfilment, units: &ByLine) {
    let Some(into) = said.into.as_ref().filter(|into| **into != said.fulfilment) else { return };
    let stage = stage_of(&draft.order, into);
    if let Then::Go(_) = FULFILMENT.then(stage, FulfilmentStep::Opened, |_| false) {
        let other = Fulfilment { fulfilment: into.clone(), tracking: None, ..said.clone() };
        draft.step(FulfilmentStep::Opened, &other, units, Vec::new());
    }
}

/// No more than were ordered and have not left.
pub(super) fn within_order(order: &Order, units: &ByLine) -> Result<(), Refusal> {
    units.within(|line| order.shippable(line))
}
