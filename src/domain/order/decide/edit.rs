//! `order.edit_requested`: what a line is to have from now on.
//!
//! Promise: less is called off at once; more, and other lines, are asked for beside what is there,
//! each by itself, and what is refused leaves the order as it was.

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::{EditRequested, OrderLine},
    ids::Name,
    order::{passage::EDIT, state::Order, wishes::Wish},
    outcome::{LineQuantity, Outcome},
    refusal::{Reason, Refusal},
};

/// The reason that is named where an edit leaves nothing of an order.
const EDITED: &str = "edited";

/// Edits the lines that are named; others stay.
pub(super) fn decide(draft: &mut Draft<'_>, request: &EditRequested) -> Verdict {
    if let Some(line) = request.lines.iter().find(|line| is_another(&draft.order, line)) {
        let about = Some(line.line.clone());
        return Verdict::Refused(Refusal { about, ..Reason::InvalidField.into() });
    }
    let more = request.lines.iter().filter(|line| line.quantity > draft.order.open_of(&line.line));
    if !draft.has_room(more.count()) {
        return Verdict::Refused(Reason::TooLarge.into());
    }
    let (mut less, mut changed) = (Vec::new(), false);
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
    if less.is_empty() {
        return if changed { Verdict::Accepted } else { Verdict::Recorded };
    }
    say_less(draft, less);
    Verdict::Accepted
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
    let more = OrderLine { quantity: units, ..line.clone() };
    draft.wish(&more, Wish::More { line: name });
}

fn say_less(draft: &mut Draft<'_>, less: Vec<LineQuantity>) {
    if draft.order.is_over() {
        let reason = EDITED.to_owned();
        return draft.say(Outcome::OrderCancelled { lines: less, complete: true, reason });
    }
    let names: Vec<Name> = less.into_iter().map(|of| of.line).collect();
    draft.say_edited(&names);
}

impl Draft<'_> {
    /// Says what lines have now.
    pub fn say_edited(&mut self, names: &[Name]) {
        let now =
            |line: &Name| LineQuantity { line: line.clone(), quantity: self.order.open_of(line) };
        let lines = names.iter().map(now).collect();
        self.say(Outcome::OrderEdited { lines });
    }
}

impl Order {
    /// Units of a line that may still ship.
    pub fn open_of(&self, name: &Name) -> u32 {
        let lines = self.lines.iter().filter(|line| line.name == *name);
        let open: u64 = lines.map(|line| line.open()).sum();
        u32::try_from(open).unwrap_or(u32::MAX)
    }
}
