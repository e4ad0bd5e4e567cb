//! Events that come before the order they name: they wait, and are decided once it is there.

use super::{judge, untimely};
use crate::domain::{
    Moment,
    decision::{Cause, Decision, GivenUp, Published, Verdict},
    event::OrderEvent,
    order::{OrderState, facts::OrderFact, parked::Waiting},
    refusal::Reason,
    time::Timestamp,
};

/// What is said to an event that waits already.
pub(super) fn repeat(state: &OrderState, cause: &Cause) -> Option<Decision<OrderFact>> {
    let waiting = state.parked.find(cause)?;
    Some(if waiting.published.cause.fingerprint == cause.fingerprint {
        Decision::repeated(Verdict::Parked)
    } else {
        Decision::refused(Reason::IdConflict)
    })
}

/// Lets an event wait, if there is room.
pub(super) fn park(
    state: &OrderState,
    published: &Published<OrderEvent>,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    if state.parked.len() >= moment.policy.parked_max {
        return Decision::refused(Reason::Orphan);
    }
    let until = published.cause.logged_at + moment.policy.park_for;
    let waiting = Box::new(Waiting { published: published.clone(), until });
    let mut decision = Decision::new(Verdict::Parked);
    decision.facts.push(OrderFact::Parked { number: state.parked.next_number(), waiting });
    decision
}

/// Decides on the event that has waited longest, if the order is there.
pub(super) fn step(state: &OrderState, moment: &Moment<'_>) -> Decision<OrderFact> {
    let (Some((number, waiting)), Some(_)) = (state.parked.first(), &state.order) else {
        return Decision::new(Verdict::Recorded);
    };
    let cause = &waiting.published.cause;
    let mut decision = match untimely(cause, moment) {
        Some(reason) => Decision::refused(reason),
        None => judge(state, &waiting.published, moment),
    };
    decision.facts.push(OrderFact::Unparked { number });
    decision.answers = Some(cause.clone());
    decision
}

/// Gives up on events whose order did not come in time. Once it is there they are decided instead.
pub(super) fn give_up(state: &OrderState, reached: Timestamp) -> Decision<OrderFact> {
    let mut decision = Decision::new(Verdict::Recorded);
    if state.order.is_some() {
        return decision;
    }
    for (number, waiting) in state.parked.overdue(reached) {
        let cause = waiting.published.cause.clone();
        decision.given_up.push(GivenUp { cause, reason: Reason::Orphan });
        decision.facts.push(OrderFact::Unparked { number });
    }
    decision
}
