//! `order.cancel_requested`: what has not left may be called off, for as long as the terms allow.

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::CancelRequested,
    order::{
        lines::{Line, Place},
        state::Order,
    },
    outcome::Outcome,
    refusal::{Reason, Refusal},
    time::Timestamp,
};

/// Calls off the open units of the named lines, or of all.
pub(super) fn decide(draft: &mut Draft<'_>, request: &CancelRequested) -> Verdict {
    let lines = match chosen(&draft.order, request) {
        Ok(lines) => lines,
        Err(refusal) => return refuse(draft, refusal),
    };
    match guard(&draft.order, &lines, draft.when.logged_at) {
        Answer::Refuse(reason) => refuse(draft, reason.into()),
        Answer::Done => Verdict::Recorded,
        Answer::Cancel => {
            let lines = draft.give_up(&lines, Place::Cancelled);
            let (complete, reason) = (draft.order.is_over(), request.reason.clone());
            draft.say(Outcome::OrderCancelled { lines, complete, reason });
            Verdict::Accepted
        }
    }
}

fn refuse(draft: &mut Draft<'_>, refusal: Refusal) -> Verdict {
    draft.say(Outcome::OrderCancelRefused { refusal: refusal.clone() });
    Verdict::Refused(refusal)
}

/// The places of the lines that the request is about.
fn chosen(order: &Order, request: &CancelRequested) -> Result<Vec<u32>, Refusal> {
    let Some(names) = &request.lines else {
        return Ok((0..).zip(&order.lines).map(|(index, _)| index).collect());
    };
    let index = |name| match order.line_named(name) {
        Some((index, _)) => Ok(index),
        None => Err(Refusal { about: Some(name.clone()), ..Reason::UnknownLine.into() }),
    };
    names.iter().map(index).collect()
}

enum Answer {
    Cancel,
    Done,
    Refuse(Reason),
}

/// Whether the lines may be called off. What left, was called off already, or ended in another way
/// is said as it is; only what could still be called off knows a window.
fn guard(order: &Order, lines: &[u32], logged_at: Timestamp) -> Answer {
    let sum = |places: &[Place]| -> u64 {
        let lines = lines.iter().filter_map(|index| order.lines.get(*index as usize));
        lines.map(|line: &Line| line.units.sum(places)).sum()
    };
    let window_closed = order.terms.cancel_until.is_some_and(|until| until < logged_at);
    match (sum(&Place::OPEN) > 0, sum(&Place::GONE) > 0, sum(&[Place::Cancelled]) > 0) {
        (true, _, _) if window_closed => Answer::Refuse(Reason::CancelWindowClosed),
        (true, _, _) => Answer::Cancel,
        (false, true, _) => Answer::Refuse(Reason::AlreadyShipped),
        (false, false, true) => Answer::Done,
        (false, false, false) => Answer::Refuse(Reason::OrderEnded),
    }
}
