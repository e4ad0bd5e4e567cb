//! `order.cancel_requested`: what has not left may be called off, for as long as the terms allow.

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::CancelRequested,
    order::{lines::Place, state::Order},
    outcome::Outcome,
};

/// Calls off the open units of the named lines, or of all. The guard of orders has allowed it.
pub(super) fn decide(draft: &mut Draft<'_>, request: &CancelRequested) -> Verdict {
    let lines = chosen(&draft.order, request);
    let lines = draft.give_up(&lines, Place::Cancelled);
    let (complete, reason) = (draft.order.is_over(), request.reason.clone());
    draft.say(Outcome::OrderCancelled { lines, complete, reason });
    Verdict::Accepted
}

/// The places of the portions of the lines that the request is about.
fn chosen(order: &Order, request: &CancelRequested) -> Vec<u32> {
    match &request.lines {
        None => (0..).zip(&order.lines).map(|(index, _)| index).collect(),
        Some(names) => names.iter().flat_map(|name| order.indexes_of(name)).collect(),
    }
}
