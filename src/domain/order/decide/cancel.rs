//! `order.cancel_requested`: what has not left may be called off, for as long as the terms allow.

use super::draft::Draft;
use crate::domain::{
    decision::Verdict, event::CancelRequested, order::passage::CANCEL, outcome::Outcome,
};

/// Calls off the open units of the named lines, or of all. The guard of orders has allowed it.
pub(super) fn decide(draft: &mut Draft<'_>, request: &CancelRequested) -> Verdict {
    let lines = match &request.lines {
        None => draft.give_up_all(&CANCEL),
        Some(names) => names.iter().flat_map(|name| draft.give_up(name, &CANCEL)).collect(),
    };
    let (complete, reason) = (draft.order.is_over(), request.reason.clone());
    draft.say(Outcome::OrderCancelled { lines, complete, reason });
    Verdict::Accepted
}
