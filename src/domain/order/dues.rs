//! When an order wants to hear of the time.
//!
//! Promise: a deadline is asked for exactly while passing it would change something, so that the
//! engine never turns in a circle. Passed means later than, not at: what the log took at the very
//! point is in time.

use super::{OrderState, state::Order};
use crate::{
    domain::{Due, DueClock, Entity, time::Timestamp},
    mutants::{self, Mutant},
};

/// The next deadline on each clock.
pub(super) fn of(state: &OrderState) -> Vec<Due> {
    let due = |clock, at: Option<Timestamp>| at.map(|at| Due { clock, at });
    match &state.order {
        // What has waited came before any deadline that is reached now.
        Some(_) if state.has_steps_left() => Vec::new(),
        Some(order) => due(DueClock::Settled, order.next_due()).into_iter().collect(),
        None => {
            let stone = state.stone.as_ref().map(|stone| stone.until);
            let waiting = due(DueClock::Demand, state.parked.next_due());
            due(DueClock::Settled, stone).into_iter().chain(waiting).collect()
        }
    }
}

impl Order {
    fn next_due(&self) -> Option<Timestamp> {
        let sent = self.legs.iter().filter_map(|leg| leg.sent.as_ref());
        let sent = sent.filter(|_| !mutants::is_in(Mutant::AskedOnce));
        let resend = sent.map(|sent| sent.again_at).min();
        let deadlines = [
            self.answers_due(),
            self.wishes.keys().filter_map(|leg| self.wish_due(*leg)).min(),
            self.payment_due(),
            self.closing_due(),
            self.leaving_due(),
            resend,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Until when its SKUs may answer, while some has not.
    pub fn answers_due(&self) -> Option<Timestamp> {
        self.is_awaiting().then_some(self.terms.answers_due_at)
    }

    /// Until when a SKU may answer what is asked for beside what there is: it has as long as for
    /// what the order was placed with.
    pub fn wish_due(&self, leg: u32) -> Option<Timestamp> {
        let leg = self.legs.get(leg as usize).filter(|leg| leg.is_awaited())?;
        let span = self.terms.answers_due_at - self.terms.placed_at;
        leg.sent.as_ref().map(|sent| sent.sent_at + span)
    }

    /// Until when it must be paid, while it is not.
    pub fn payment_due(&self) -> Option<Timestamp> {
        self.is_unpaid().then_some(self.terms.payment_due_at)
    }

    /// When it is to leave the hot state. One that came to rest before anybody asked is asked now.
    fn leaving_due(&self) -> Option<Timestamp> {
        let unasked = self.leaves_at.is_none() && self.is_at_rest();
        if unasked { Some(self.terms.placed_at) } else { self.leaves_at }
    }

    /// When it is to be closed, once it is delivered.
    pub fn closing_due(&self) -> Option<Timestamp> {
        if self.is_delivered() && !self.closed { self.closes_at } else { None }
    }
}
