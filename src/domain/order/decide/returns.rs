//! `return.*`: what is asked and answered is written down; what came back is told to its SKU.

use super::{draft::Draft, fulfilments::ByLine};
use crate::domain::{
    decision::Verdict,
    event::{Disposition, FulfilmentStep, LineUnits, Return, ReturnStep},
    guard::Then,
    ids::{LocationId, Name},
    order::{
        self,
        fulfilment::FulfilmentFact,
        returns::{RETURN, ReturnCondition, ReturnFact, ReturnStage},
        saga::Goods,
        state::Order,
    },
    outcome::{LineQuantity, Outcome},
    refusal::{Reason, Refusal},
};

/// Goes a step with a return.
pub(super) fn decide(draft: &mut Draft<'_>, step: ReturnStep, said: &Return) -> Verdict {
    let units = match ByLine::of(&draft.order, &said.lines) {
        Ok(units) => units,
        Err(refusal) => return Verdict::Refused(refusal),
    };
    let stage = draft.order.returns.get(&said.r#return).map_or_else(Default::default, |r| r.stage);
    let too_many = too_many(&draft.order, step, said, &units);
    let holds = |ReturnCondition::TooMany| too_many.is_some();
    match RETURN.then(stage, step, holds) {
        Then::Go(stage) => go(draft, step, stage, said, &units),
        Then::Stay => go(draft, step, stage, said, &units),
        Then::Note | Then::Wait => Verdict::Recorded,
        Then::Refuse(reason) => {
            let about = too_many.filter(|_| reason == Reason::ExceedsQuantity);
            Verdict::Refused(about.unwrap_or_else(|| reason.into()))
        }
    }
}

/// The line of which there are not enough units, if there is one.
fn too_many(order: &Order, step: ReturnStep, said: &Return, units: &ByLine) -> Option<Refusal> {
    let of_its_own =
        |line: &Name| order.returns.get(&said.r#return).map_or(0, |of| of.speaks_for(line));
    let there = |line: &Name| match step {
        ReturnStep::Received => order.outside(line),
        ReturnStep::Requested | ReturnStep::Approved | ReturnStep::Declined => {
            order.returnable(line).saturating_add(of_its_own(line))
        }
    };
    units.within(there).err()
}

fn go(
    draft: &mut Draft<'_>,
    step: ReturnStep,
    stage: ReturnStage,
    said: &Return,
    units: &ByLine,
) -> Verdict {
    let lines = match draft.order.returns.get(&said.r#return) {
        Some(asked) if step == ReturnStep::Approved => agreed(asked, units),
        Some(asked) if !asked.lines.is_empty() => Vec::new(),
        Some(_) | None => units.quantities(),
    };
    draft.record_return(&said.r#return, ReturnFact::Stepped { stage, lines });
    if step == ReturnStep::Received {
        receive(draft, said, units);
    }
    Verdict::Accepted
}

/// What the shop agrees to of what was asked for: a line that it does not name is not agreed to.
fn agreed(asked: &order::returns::Return, units: &ByLine) -> Vec<LineQuantity> {
    let named = |line: &Name| units.iter().any(|(named, _)| named == line);
    let declined = asked.lines.keys().filter(|line| !named(line));
    let declined = declined.map(|line| LineQuantity { line: line.clone(), quantity: 0 });
    units.quantities().into_iter().chain(declined).collect()
}

/// Counts units as come back, and lets their SKUs know where they are now.
fn receive(draft: &mut Draft<'_>, said: &Return, units: &ByLine) {
    units.iter().for_each(|(line, quantity)| arrived_before(draft, line, quantity));
    for LineUnits { line, quantity, disposition } in &said.lines {
        // What nobody has looked at is looked at.
        let disposition = disposition.unwrap_or(Disposition::Quarantine);
        let (line, quantity) = (line.clone(), *quantity);
        draft.put_back(&line, quantity, Goods::Returned(disposition), said.location.as_ref());
        draft.record_return(&said.r#return, ReturnFact::Came { line, quantity, disposition });
    }
    let complete = draft.order.returns.get(&said.r#return).is_some_and(|of| of.is_complete());
    let (r#return, lines) = (said.r#return.clone(), units.quantities());
    draft.say(Outcome::OrderReturned { r#return, lines, complete });
}

/// What comes back to the shop is on its way to the buyer no longer: units that nobody said had
/// arrived count as arrived, whichever parcels they were in.
fn arrived_before(draft: &mut Draft<'_>, line: &Name, came: u32) {
    let arrived = |order: &Order| -> u32 {
        let parcels = order.fulfilments.values().filter_map(|of| of.lines.get(line));
        parcels.map(|parcel| parcel.delivered).fold(0, u32::saturating_add)
    };
    let back = draft.order.came_back(line).saturating_add(came);
    let mut missing = back.saturating_sub(arrived(&draft.order));
    let parcels = draft.order.fulfilments.iter();
    let under_way: Vec<(Name, Option<LocationId>, u32)> = parcels
        .map(|(name, of)| (name.clone(), of.location.clone(), of.under_way(line)))
        .filter(|(.., under_way)| *under_way > 0)
        .collect();
    for (fulfilment, location, under_way) in under_way {
        let quantity = under_way.min(missing);
        missing -= quantity;
        let Some(location) = location.filter(|_| quantity > 0) else { continue };
        draft.arrive(&fulfilment, line, quantity);
        let lines = vec![LineQuantity { line: line.clone(), quantity }];
        let step = FulfilmentStep::Delivered;
        let fact =
            FulfilmentFact::Stepped { step, location, lines, tracking: None, skipped: vec![step] };
        draft.record_fulfilment(&fulfilment, fact);
    }
}
