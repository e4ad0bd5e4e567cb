//! Deadlines: answers, payment, closing, and the patience with unanswered commands.

use super::{
    draft::{Draft, When},
    forgotten, parking,
};
use crate::domain::{
    DueClock, Entity, Moment,
    decision::{Decision, Verdict},
    order::{OrderState, facts::OrderFact, passage::EXPIRE, status::OrderStatus},
    outcome::Outcome,
    refusal::Reason,
    time::Timestamp,
};

/// Acts on what was due before `reached`.
pub(super) fn decide(
    state: &OrderState,
    clock: DueClock,
    reached: Timestamp,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    match (clock, &state.order) {
        (DueClock::Demand, _) => parking::give_up(state, reached),
        (DueClock::Settled, Some(_)) if state.has_steps_left() => Decision::new(Verdict::Recorded),
        (DueClock::Settled, Some(_)) if forgotten::is_due(state, reached) => {
            forgotten::let_go(state, reached, moment)
        }
        (DueClock::Settled, None) => forgotten::let_go(state, reached, moment),
        (DueClock::Settled, Some(order)) => {
            let when = When { time: reached, logged_at: reached };
            let mut draft = Draft::of(&state.id, order, when, moment);
            draft.pass_deadlines();
            draft.draw_conclusions();
            draft.ask_overdue();
            draft.rest();
            draft.finish(Verdict::Recorded)
        }
    }
}

impl Draft<'_> {
    /// An order that was not paid in time is waited for no longer, so that deadline speaks first.
    fn pass_deadlines(&mut self) {
        let reached = self.when.logged_at;
        let passed = |due: Option<Timestamp>| due.is_some_and(|due| due < reached);
        if passed(self.order.payment_due()) {
            self.expire();
        } else if passed(self.order.answers_due()) {
            self.refuse_unanswered();
        }
        self.refuse_unanswered_wishes(reached);
        if passed(self.order.closing_due()) {
            self.record(OrderFact::Closed);
            self.say(Outcome::OrderClosed);
        }
    }

    /// Gives up what was not paid in time. An order that is failing already is rejected, not
    /// expired; of one that left in part, or was called off in part, so is the remainder.
    pub fn expire(&mut self) {
        if self.order.is_failing() {
            return self.refuse_unanswered();
        }
        let lines = self.give_up_all(&EXPIRE);
        self.say(match self.order.status() {
            OrderStatus::Expired => Outcome::OrderExpired,
            _ => {
                let (reason, complete) = (Reason::PaymentTooLate, self.order.is_over());
                let reason = reason.as_str().to_owned();
                Outcome::OrderCancelled { lines, complete, reason }
            }
        });
    }

    /// Repeats the commands that waited long enough, those that were just overtaken excepted.
    fn ask_overdue(&mut self) {
        let reached = self.when.logged_at;
        let overdue = (0..)
            .zip(&self.order.legs)
            .filter(|(_, leg)| leg.sent.as_ref().is_some_and(|sent| sent.again_at < reached));
        let overdue: Vec<u32> = overdue.map(|(index, _)| index).collect();
        overdue.into_iter().for_each(|leg| self.ask_again(leg));
    }
}
