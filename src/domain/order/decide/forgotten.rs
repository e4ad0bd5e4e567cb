//! Orders that leave the hot state, and come back into it.

use super::draft::{Draft, When};
use crate::domain::{
    Moment,
    decision::{Decision, Verdict},
    order::{OrderState, facts::OrderFact},
    time::{Span, Timestamp},
};

/// An event that changes nothing of an order wakes it for nothing.
pub(super) fn unless_idle(mut decision: Decision<OrderFact>) -> Decision<OrderFact> {
    let idle = |fact: &OrderFact| matches!(fact, OrderFact::Woken | OrderFact::Resting { .. });
    if decision.facts.iter().all(idle) {
        decision.facts.clear();
    }
    decision
}

/// When an order, or its stone, is to be let go.
pub(in crate::domain::order) fn due(state: &OrderState) -> Option<Timestamp> {
    match (&state.order, &state.stone) {
        (Some(order), _) => order.leaves_at,
        (None, stone) => stone.as_ref().map(|stone| stone.until),
    }
}

/// Whether that time has passed.
pub(super) fn is_due(state: &OrderState, reached: Timestamp) -> bool {
    due(state).is_some_and(|due| due < reached)
}

/// Lets go of an order whose time is over, or of its stone.
pub(super) fn let_go(
    state: &OrderState,
    reached: Timestamp,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let mut decision = Decision::new(Verdict::Recorded);
    if is_due(state, reached) {
        decision.facts.push(match state.order {
            Some(_) => OrderFact::Forgotten { until: reached + moment.policy.order_horizon },
            None => OrderFact::StoneGone,
        });
    }
    decision
}

impl Draft<'_> {
    /// An order of which nothing is to be expected leaves the hot state after a while; one of which
    /// something is to be expected again stays.
    pub fn rest(&mut self) {
        let (rests, at_rest) = (self.order.leaves_at.is_some(), self.order.is_at_rest());
        if rests != at_rest {
            let (When { logged_at, .. }, policy) = (self.when, self.moment.policy);
            let closes = if self.order.is_on_its_way() { policy.close_after } else { Span(0) };
            let leaves_at = at_rest.then(|| logged_at + closes + policy.forget_after);
            self.record(OrderFact::Resting { leaves_at });
        }
    }
}
