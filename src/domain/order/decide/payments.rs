//! `payment.*`: money is a guard. What pays in time commits the holds; what comes too late is due
//! back; all else is written down.

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::{Payment, PaymentStep},
    guard::Then,
    order::payment::{MONEY, MoneyCondition, PaymentFact, stepped},
    refusal::Refusal,
};

/// Writes a payment's step down, if its guard says so. `Accepted` says that the order is another
/// one for it, or that the money is due back; `Recorded` that it is not.
pub(super) fn decide(draft: &mut Draft<'_>, step: PaymentStep, said: &Payment) -> Verdict {
    let fact = stepped(step, said);
    let known = draft.order.payments.get(&said.payment);
    let other = known.is_some_and(|known| known.currency != said.currency);
    if !other {
        draft.expire_if_overdue(step);
    }
    let (pays, owed) = after(draft, &fact, said);
    let then = MONEY.then(draft.order.money(), step, |condition| match condition {
        MoneyCondition::OtherCurrency => other,
        MoneyCondition::Pays => pays,
        MoneyCondition::Owed => owed,
    });
    let verdict = match then {
        Then::Go(_) | Then::Stay => Verdict::Accepted,
        Then::Note | Then::Wait => Verdict::Recorded,
        Then::Refuse(reason) => {
            let about = Some(said.payment.clone());
            return Verdict::Refused(Refusal { about, ..reason.into() });
        }
    };
    draft.record_payment(&said.payment, fact);
    verdict
}

/// Whether money pays for the order with this fact, and whether of this payment some is owed.
fn after(draft: &Draft<'_>, fact: &PaymentFact, said: &Payment) -> (bool, bool) {
    let mut payment = draft.order.payments.get(&said.payment).cloned().unwrap_or_default();
    payment.apply(fact);
    let mut others = draft.order.payments.iter().filter(|(name, _)| **name != said.payment);
    let paid = payment.pays || others.any(|(_, other)| other.pays);
    (paid, payment.owed() > 0)
}

fn pays(step: PaymentStep) -> bool {
    match step {
        PaymentStep::Authorized | PaymentStep::Captured => true,
        PaymentStep::Failed
        | PaymentStep::Voided
        | PaymentStep::Refunded
        | PaymentStep::Disputed => false,
    }
}

impl Draft<'_> {
    /// Money that was logged after the deadline finds the order expired, whether or not the timer
    /// came first.
    fn expire_if_overdue(&mut self, step: PaymentStep) {
        if pays(step) && self.order.payment_due().is_some_and(|due| due < self.when.logged_at) {
            self.expire();
        }
    }
}
