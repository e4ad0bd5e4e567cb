//! The payments of an order: amounts by name, as guards and never as states of the order.
//!
//! Promise: amounts only add up (and never overflow), and no amount is said to be due back twice.
//! What the money as a whole means to the order is one table, [`MONEY`].

use serde::{Deserialize, Serialize};

use super::state::Order;
use crate::domain::{
    described::described,
    event::{self, PaymentStep},
    guard::{Guard, Then, guard},
    refusal::Reason,
};

described! {
    /// What an order's money stands at.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum MoneyStage {
        /// Units are promised until the payment deadline, and nothing pays for them.
        Unpaid = "unpaid",
        /// Money is promised or taken; the promises are being made firm.
        Paid = "paid",
        /// It is confirmed, or nothing of it is left to promise: money changes no promise any more.
        Served = "served",
        /// No unit will come, and none went.
        Over = "over",
    }
}

described! {
    /// What a row of [`MONEY`] depends on beside the stage.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum MoneyCondition {
        /// It names another currency than the payment began with.
        OtherCurrency = "other_currency",
        /// With it, money is promised or taken for the order.
        Pays = "pays",
        /// With it, money is taken that is not given back and not said to be due back.
        Owed = "owed",
    }
}

/// The guard of an order's money. A deadline that was over when the event was logged has passed
/// before it, whether or not the timer came first.
pub const MONEY: Guard<MoneyStage, PaymentStep, MoneyCondition> = {
    use MoneyCondition::{OtherCurrency, Owed, Pays};
    use MoneyStage::{Over, Paid, Served, Unpaid};
    use PaymentStep as Step;
    use Then::{Go, Note, Refuse, Stay};
    guard! {
        [Unpaid, Paid, Served, Over] + [
            Step::Authorized, Step::Captured, Step::Failed, Step::Voided, Step::Refunded,
            Step::Disputed
        ] if OtherCurrency => Refuse(Reason::InvalidField), "amounts of two currencies have no sum";
        [Unpaid] + [Step::Authorized, Step::Captured] if Pays
            => Go(Paid), "its holds become allocations once every SKU has answered";
        [Unpaid] + [Step::Authorized, Step::Captured]
            => Note, "it had been taken back before it was told";
        [Paid] + [Step::Authorized, Step::Captured] => Note, "the amounts add up";
        [Paid] + [Step::Voided, Step::Refunded] if Pays => Note, "other money pays for it still";
        [Paid] + [Step::Voided, Step::Refunded]
            => Go(Unpaid), "it may be paid again until its deadline";
        [Unpaid, Served] + [Step::Voided, Step::Refunded] => Note, "the amount is written down";
        [Served] + [Step::Authorized, Step::Captured]
            => Note, "the amount is written down; what is owed of it is the shop's to say";
        [Over] + [Step::Captured] if Owed => Stay, "what is taken and not given back is due back";
        [Over] + [Step::Authorized, Step::Captured, Step::Voided, Step::Refunded]
            => Note, "the amount is written down";
        [Unpaid, Paid, Served, Over] + [Step::Failed]
            => Note, "another try may pay, until the deadline";
        [Unpaid, Paid, Served, Over] + [Step::Disputed]
            => Note, "the amount is written down; goods and promises are not touched";
    }
};

impl Order {
    /// What its money stands at.
    pub fn money(&self) -> MoneyStage {
        let served = self.confirmed || (self.open() == 0 && !self.hopes());
        match (self.is_over(), served, self.is_paid()) {
            (true, ..) => MoneyStage::Over,
            (false, true, _) => MoneyStage::Served,
            (false, false, true) => MoneyStage::Paid,
            (false, false, false) => MoneyStage::Unpaid,
        }
    }
}

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
