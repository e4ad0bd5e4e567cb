//! `order.edit_requested`: what a line is to have from now on.
//!
//! Promise: units that one line gives up and another of the same SKU wants change hands. Beside
//! that, less is called off at once; more, and other lines, are asked for beside what is there,
//! each by itself, and what is refused leaves the order as it was.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::{EditRequested, OrderLine},
    ids::{LocationId, Name, Sku},
    order::{facts::OrderFact, lines::Place, passage::EDIT, state::Order, wishes::Wish},
    outcome::{LineQuantity, LineRefusal, Outcome},
    refusal::{Reason, Refusal},
};

/// The reason that is named where an edit leaves nothing of an order.
pub(super) const EDITED: &str = "edited";

/// Edits the lines that are named; others stay.
pub(super) fn decide(draft: &mut Draft<'_>, request: &EditRequested) -> Verdict {
    if let Some(line) = request.lines.iter().find(|line| is_another(&draft.order, line)) {
        let about = Some(line.line.clone());
        return Verdict::Refused(Refusal { about, ..Reason::InvalidField.into() });
    }
    let plan = plan(&draft.order, request);
    if !draft.has_room(that_ask(&draft.order, request, &plan)) {
        return Verdict::Refused(Reason::TooLarge.into());
    }
    let handed_over = hand_over(draft, &plan);
    let (mut less, mut changed) = (Vec::new(), !handed_over.is_empty());
    for line in &request.lines {
        changed |= draft.order.is_wished_for(&line.line);
        draft.end_wishes(|wish| *wish == Wish::More { line: line.line.clone() });
        let open = draft.order.open_of(&line.line);
        let surplus = open.saturating_sub(line.quantity);
        if surplus > 0 {
            draft.pass_line(&line.line, &EDIT, surplus);
            less.push(LineQuantity { line: line.line.clone(), quantity: surplus });
        }
        if line.quantity > open {
            ask_for_more(draft, line, line.quantity - open);
            changed = true;
        }
    }
    if less.is_empty() && handed_over.is_empty() {
        return if changed { Verdict::Accepted } else { Verdict::Recorded };
    }
    say_less(draft, handed_over, less);
    Verdict::Accepted
}

/// Units that a line is to hand to another.
struct HandOver<'a> {
    from: &'a OrderLine,
    to: &'a OrderLine,
    units: u32,
}

/// What lines that are to have fewer can hand to lines of the same SKU that are to have more.
fn plan<'a>(order: &Order, request: &'a EditRequested) -> Vec<HandOver<'a>> {
    let mut spare: BTreeMap<&Sku, Vec<(&OrderLine, u32)>> = BTreeMap::new();
    for line in &request.lines {
        let units = order.open_of(&line.line).saturating_sub(line.quantity);
        spare.entry(&line.sku).or_default().extend((units > 0).then_some((line, units)));
    }
    let mut plan = Vec::new();
    for to in &request.lines {
        let mut missing = to.quantity.saturating_sub(order.open_of(&to.line));
        for (from, spare) in spare.get_mut(&to.sku).into_iter().flatten() {
            let units = missing.min(*spare);
            (missing, *spare) = (missing - units, *spare - units);
            plan.extend((units > 0).then_some(HandOver { from, to, units }));
        }
    }
    plan
}

/// Lines that ask for units beside those that change hands.
fn that_ask(order: &Order, request: &EditRequested, plan: &[HandOver<'_>]) -> usize {
    let gets = |line: &OrderLine| {
        let of = plan.iter().filter(|hand| hand.to.line == line.line);
        of.map(|hand| hand.units).fold(order.open_of(&line.line), u32::saturating_add)
    };
    request.lines.iter().filter(|line| line.quantity > gets(line)).count()
}

/// Hands units over: nobody else can take them meanwhile. Says which lines these were.
fn hand_over(draft: &mut Draft<'_>, plan: &[HandOver<'_>]) -> BTreeSet<Name> {
    let mut names = BTreeSet::new();
    for HandOver { from, to, units } in plan {
        if hand(draft, from, to, *units) > 0 {
            names.extend([from.line.clone(), to.line.clone()]);
        }
    }
    names
}

/// Hands up to `units` from one line to another, the firmest promises first; says how many.
fn hand(draft: &mut Draft<'_>, from: &OrderLine, to: &OrderLine, units: u32) -> u32 {
    let mut left = units;
    let location = wanted_at(&draft.order, to);
    for place in Place::OPEN {
        for line in draft.order.indexes_of(&from.line) {
            if !draft.order.serves(line, location.as_ref()) || !draft.has_place(line, &to.line) {
                continue;
            }
            let here = draft.order.lines.get(line as usize).map_or(0, |line| line.units.at(place));
            let units = here.min(left);
            if units > 0 {
                left -= units;
                draft.record(OrderFact::HandedOver { line, to: to.line.clone(), place, units });
            }
        }
    }
    units - left
}

/// Whether an edit takes units away.
pub(in crate::domain::order) fn takes_away(order: &Order, request: &EditRequested) -> bool {
    request.lines.iter().any(|line| line.quantity < order.open_of(&line.line))
}

/// A line keeps its SKU: another one is another line.
fn is_another(order: &Order, line: &OrderLine) -> bool {
    order.line_named(&line.line).is_some_and(|(_, known)| known.sku != line.sku)
}

fn ask_for_more(draft: &mut Draft<'_>, line: &OrderLine, units: u32) {
    let name = line.line.clone();
    if !draft.has_room(1) {
        let (sku, refusal) = (line.sku.clone(), Reason::TooLarge.into());
        let refused = vec![LineRefusal { line: name, sku, refusal }];
        return draft.say(Outcome::OrderEditRefused { refused });
    }
    let location = wanted_at(&draft.order, line);
    let more = OrderLine { quantity: units, location, ..line.clone() };
    draft.wish(&more, Wish::More { line: name });
}

/// From where further units of a line are to come: as the edit says, or as the order did.
fn wanted_at(order: &Order, line: &OrderLine) -> Option<LocationId> {
    let known = order.line_named(&line.line).and_then(|(_, known)| known.location.clone());
    line.location.clone().or(known)
}

fn say_less(draft: &mut Draft<'_>, handed_over: BTreeSet<Name>, less: Vec<LineQuantity>) {
    if draft.order.is_over() {
        let reason = EDITED.to_owned();
        return draft.say(Outcome::OrderCancelled { lines: less, complete: true, reason });
    }
    let others = less.into_iter().map(|of| of.line).filter(|line| !handed_over.contains(line));
    let names: Vec<Name> = handed_over.iter().cloned().chain(others).collect();
    draft.say_edited(&names);
}

impl Draft<'_> {
    /// Whether units of a portion can be handed to a line: lines of an order are as many as its
    /// holds may be, at most.
    fn has_place(&self, portion: u32, to: &Name) -> bool {
        let room = self.order.lines.len() < self.moment.policy.legs_per_order_max;
        room || self.order.portion_beside(portion, to).is_some()
    }

    /// Says what lines have now.
    pub fn say_edited(&mut self, names: &[Name]) {
        let now =
            |line: &Name| LineQuantity { line: line.clone(), quantity: self.order.open_of(line) };
        let lines = names.iter().map(now).collect();
        self.say(Outcome::OrderEdited { lines });
    }
}

impl Order {
    /// Whether units of a portion of a line are, or are asked for, where they are wanted.
    fn serves(&self, portion: u32, location: Option<&LocationId>) -> bool {
        let line = self.lines.get(portion as usize);
        let leg = line.and_then(|line| self.legs.get(line.leg as usize));
        let here = leg.and_then(|leg| leg.grant().map(|of| &of.location).or(leg.location.as_ref()));
        location.is_none() || location == here
    }

    /// Units of a line that may still ship.
    pub fn open_of(&self, name: &Name) -> u32 {
        let lines = self.lines.iter().filter(|line| line.name == *name);
        let open: u64 = lines.map(|line| line.open()).sum();
        u32::try_from(open).unwrap_or(u32::MAX)
    }
}
