//! `payment.*`: money is a guard. What pays in time commits the holds; what comes too late is due
//! back; all else is written down.

use super::draft::Draft;
use crate::domain::{
    decision::Verdict,
    event::{Payment, PaymentStep},
    order::payment::stepped,
    refusal::{Reason, Refusal},
};

/// Writes a payment's step down. `Accepted` says that the order is another one for it, or that the
/// money is due back; `Recorded` that it is not.
pub(super) fn decide(draft: &mut Draft<'_>, step: PaymentStep, said: &Payment) -> Verdict {
    if let Some(refusal) = other_currency(draft, said) {
        return Verdict::Refused(refusal);
    }
    if pays(step) {
        draft.expire_if_overdue();
    }
    let guards = |draft: &Draft<'_>| !draft.order.confirmed && draft.order.open() > 0;
    let was_paid = draft.order.is_paid();
    draft.record_payment(&said.payment, stepped(step, said));
    let turned = guards(draft) && was_paid != draft.order.is_paid();
    if turned || is_due_back(draft, step, said) { Verdict::Accepted } else { Verdict::Recorded }
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

/// Amounts of two currencies have no sum: a payment keeps the currency that it began with.
fn other_currency(draft: &Draft<'_>, said: &Payment) -> Option<Refusal> {
    let known = draft.order.payments.get(&said.payment)?;
    (known.currency != said.currency)
        .then(|| Refusal { about: Some(said.payment.clone()), ..Reason::InvalidField.into() })
}

fn is_due_back(draft: &Draft<'_>, step: PaymentStep, said: &Payment) -> bool {
    let owed = draft.order.payments.get(&said.payment).is_some_and(|payment| payment.owed() > 0);
    step == PaymentStep::Captured && draft.order.is_over() && owed
}

impl Draft<'_> {
    /// Money that was logged after the deadline finds the order expired, whether or not the timer
    /// came first.
    fn expire_if_overdue(&mut self) {
        if self.order.payment_due().is_some_and(|due| due < self.when.logged_at) {
            self.expire();
        }
    }
}
