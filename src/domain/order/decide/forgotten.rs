//! Orders that leave the hot state, and what is said to the stone that stays.

use super::draft::{Draft, When};
use crate::domain::{
    Moment,
    decision::{Decision, Verdict},
    event::{Payment, PaymentStep},
    order::{
        OrderState,
        facts::OrderFact,
        payment::{self, PaymentFact},
        stone::Stone,
    },
    outcome::Outcome,
    refusal::{Reason, Refusal},
    time::Timestamp,
};

/// Writes an amount down at a stone. What is paid for an order of which nothing came is due back.
pub(super) fn pay(stone: &Stone, step: PaymentStep, said: &Payment) -> Decision<OrderFact> {
    let mut known = stone.payments.get(&said.payment).cloned().unwrap_or_default();
    if !known.currency.is_empty() && known.currency != said.currency {
        let about = Some(said.payment.clone());
        return Decision::refused(Refusal { about, ..Reason::InvalidField.into() });
    }
    let stepped = payment::stepped(step, said);
    known.apply(&stepped);
    let payment = said.payment.clone();
    let mut decision = Decision::new(Verdict::Recorded);
    decision.facts.push(OrderFact::Payment { payment: payment.clone(), fact: stepped });
    let amount_minor = known.owed();
    if step == PaymentStep::Captured && stone.is_over() && amount_minor > 0 {
        let fact = PaymentFact::RefundDue { amount_minor };
        decision.facts.push(OrderFact::Payment { payment: payment.clone(), fact });
        let (currency, refusal) = (known.currency, Reason::OrderEnded.into());
        decision.outcomes.push(Outcome::RefundDue { payment, amount_minor, currency, refusal });
        decision.verdict = Verdict::Accepted;
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
            let When { logged_at, .. } = self.when;
            let leaves_at = at_rest.then(|| logged_at + self.moment.policy.forget_after);
            self.record(OrderFact::Resting { leaves_at });
        }
    }
}
