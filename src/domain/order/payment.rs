//! The payments of an order: amounts by name, as guards and never as states of the order.
//!
//! Promise: amounts only add up (and never overflow), and no amount is said to be due back twice.

use serde::{Deserialize, Serialize};

use crate::domain::event::{self, PaymentStep};

/// What is known of a payment, in minor units of its currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// ISO 4217; the first that was named.
    pub currency: String,
    /// Promised.
    pub authorized: u64,
    /// Taken.
    pub captured: u64,
    /// Promised and taken back.
    pub voided: u64,
    /// Given back.
    pub refunded: u64,
    /// Tried without success.
    pub failed: u64,
    /// Objected to by the payer's bank.
    pub disputed: u64,
    /// Said to be due back and not yet seen to be given back.
    pub refund_due: u64,
    /// It pays for the order: money is promised or taken, and not all of it was taken back.
    pub pays: bool,
}

/// What can happen to a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentFact {
    /// The provider said something.
    Stepped {
        /// What happened.
        step: PaymentStep,
        /// The amount in minor units.
        amount_minor: u64,
        /// ISO 4217.
        currency: String,
    },
    /// Money is due back.
    RefundDue {
        /// The amount in minor units.
        amount_minor: u64,
    },
}

/// What a provider said, as a fact.
pub fn stepped(step: PaymentStep, said: &event::Payment) -> PaymentFact {
    let (amount_minor, currency) = (said.amount_minor, said.currency.clone());
    PaymentFact::Stepped { step, amount_minor, currency }
}

impl Payment {
    /// Money taken that is neither given back nor said to be due back.
    pub fn owed(&self) -> u64 {
        self.captured.saturating_sub(self.refunded).saturating_sub(self.refund_due)
    }

    /// Applies what happened.
    pub fn apply(&mut self, fact: &PaymentFact) {
        match fact {
            PaymentFact::Stepped { step, amount_minor, currency } => {
                if self.currency.is_empty() {
                    self.currency.clone_from(currency);
                }
                self.step(*step, *amount_minor);
            }
            PaymentFact::RefundDue { amount_minor } => {
                self.refund_due = self.refund_due.saturating_add(*amount_minor);
            }
        }
    }

    /// An order of nothing to pay is paid by an authorization of 0: it is the step that pays, and
    /// only taking all of it back that undoes it.
    fn step(&mut self, step: PaymentStep, amount: u64) {
        match step {
            PaymentStep::Authorized => self.authorized = self.authorized.saturating_add(amount),
            PaymentStep::Captured => self.captured = self.captured.saturating_add(amount),
            PaymentStep::Failed => self.failed = self.failed.saturating_add(amount),
            PaymentStep::Voided => self.voided = self.voided.saturating_add(amount),
            PaymentStep::Disputed => self.disputed = self.disputed.saturating_add(amount),
            PaymentStep::Refunded => {
                self.refunded = self.refunded.saturating_add(amount);
                self.refund_due = self.refund_due.saturating_sub(amount);
            }
        }
        self.pays = match step {
            // A provider's words may come in any order: what was taken back before stays so.
            PaymentStep::Authorized | PaymentStep::Captured => {
                self.is_backed() || (self.voided == 0 && self.refunded == 0)
            }
            PaymentStep::Voided | PaymentStep::Refunded => self.pays && self.is_backed(),
            PaymentStep::Failed | PaymentStep::Disputed => self.pays,
        };
    }

    fn is_backed(&self) -> bool {
        self.captured > self.refunded || self.authorized > self.voided.saturating_add(self.refunded)
    }
}
