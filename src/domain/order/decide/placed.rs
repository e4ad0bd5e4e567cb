//! `order.placed`: every SKU is asked for a hold, in parallel, once for all lines it serves alike.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, When};
use crate::domain::{
    Moment,
    decision::{Cause, Decision, Verdict},
    event::{OrderLine, OrderPlaced, QUANTITY_MAX},
    ids::{LocationId, Name, OrderId, Sku},
    order::{
        facts::OrderFact,
        lines::Line,
        saga::{FIRST_ATTEMPT, Leg},
        terms::Terms,
    },
    refusal::{Reason, Refusal},
};

/// Places an order, or refuses what cannot be asked for.
pub(super) fn decide(
    id: &OrderId,
    placed: &OrderPlaced,
    cause: &Cause,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let (lines, legs) = arrange(&placed.lines);
    if let Some(refusal) = unfit(&lines, &legs) {
        return Decision::refused(refusal);
    }
    let terms = Terms::of(placed, cause.logged_at, moment);
    let mut draft = Draft::placing(id, (terms, lines, legs), When::of(cause), moment);
    draft.ask_all();
    draft.conclude(Verdict::Accepted)
}

/// Lines that ask the same SKU for the same are one leg: two lines that fit alone may not fit
/// together.
fn arrange(placed: &[OrderLine]) -> (Vec<Line>, Vec<Leg>) {
    type Wish<'a> = (&'a Sku, Option<&'a LocationId>, Option<&'a Name>);
    let mut known: BTreeMap<Wish<'_>, u32> = BTreeMap::new();
    let (mut lines, mut legs): (Vec<Line>, Vec<Leg>) = (Vec::new(), Vec::new());
    for line in placed {
        let next = u32::try_from(legs.len()).unwrap_or(u32::MAX);
        let wish = (&line.sku, line.location.as_ref(), line.hold.as_ref());
        let leg = *known.entry(wish).or_insert(next);
        match legs.get_mut(leg as usize) {
            Some(leg) => leg.asked = leg.asked.saturating_add(line.quantity),
            None => legs.push(leg_for(line)),
        }
        lines.push(Line::placed(line, leg));
    }
    (lines, legs)
}

/// A leg that asks for what a line wants.
pub(super) fn leg_for(line: &OrderLine) -> Leg {
    let OrderLine { sku, location, hold, quantity, .. } = line.clone();
    Leg::asking(sku, location, hold, FIRST_ATTEMPT, quantity)
}

/// What the contract refuses is refused here too, and lines that sum to more than one may ask for.
fn unfit(lines: &[Line], legs: &[Leg]) -> Option<Refusal> {
    let invalid = |about: Option<&Name>| Refusal {
        about: about.cloned(),
        ..Refusal::from(Reason::InvalidField)
    };
    if lines.is_empty() {
        return Some(invalid(None));
    }
    let mut names = BTreeSet::new();
    let wrong = lines.iter().find(|line| {
        let too_many = legs.get(line.leg as usize).is_some_and(|leg| leg.asked > QUANTITY_MAX);
        line.ordered == 0 || too_many || !names.insert(&line.name)
    })?;
    Some(invalid(Some(&wrong.name)))
}
