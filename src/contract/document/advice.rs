//! The refusal codes: what each means, and what to do about it.
//!
//! Promise: no code is without both. What a rule of the contract refuses for is advised by the
//! rule; of what an entity refuses for, the compiler sees that something is said.

use serde::Serialize;

use crate::{contract::Rule, domain::refusal::Reason};

/// A refusal code in words.
#[derive(Clone, Debug, Serialize)]
pub struct Code {
    /// The code.
    pub code: &'static str,
    /// What it means, in a sentence.
    pub meaning: &'static str,
    /// Whether the original bytes are kept as a dead letter.
    pub dead_letter: bool,
    /// Whether it is remembered under the event's id: published again, it is refused again.
    pub remembered: bool,
    /// What to do about it; by rule, where it is a rule's code.
    pub actions: Vec<Action>,
}

/// What to do about a refusal.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Action {
    /// The rule that was broken.
    pub rule: Option<&'static str>,
    /// What it demands.
    pub demands: Option<&'static str>,
    /// What to do.
    pub action: &'static str,
}

/// Every code there is.
pub fn codes() -> Vec<Code> {
    Reason::ALL.iter().map(|reason| code(*reason)).collect()
}

fn code(reason: Reason) -> Code {
    let own = advice(reason).map(|action| Action { rule: None, demands: None, action });
    let rules = Rule::ALL.iter().filter(|rule| rule.reason() == reason).map(|rule| Action {
        rule: Some(rule.as_str()),
        demands: Some(rule.meaning()),
        action: rule.action(),
    });
    Code {
        code: reason.as_str(),
        meaning: reason.meaning(),
        dead_letter: reason.is_dead_letter(),
        remembered: reason.is_remembered(),
        actions: own.into_iter().chain(rules).collect(),
    }
}

/// What to do about an entity's refusal; nothing where a rule of the contract says it.
fn advice(reason: Reason) -> Option<&'static str> {
    Some(match reason {
        Reason::InsufficientStock => {
            "offer fewer units (`available` says how many), another location, or wait for stock"
        }
        Reason::NotSellable => "take it out of the shop, or configure it as sellable",
        Reason::HoldExists => "name the hold otherwise; a repeat has the same `source` and `id`",
        Reason::HoldExpired => "ask for a new hold, under another name",
        Reason::HoldEnded => "ask for a new hold, under another name, if it is wanted still",
        Reason::HoldCommitted => "leave it: an allocation has no deadline",
        Reason::NotOwner => "say it as the owner that the hold has; an order speaks for its own",
        Reason::ExceedsQuantity => "say no more units than there are; look at `inspect`",
        Reason::OrderExists => "name the order otherwise; a repeat has the same `source` and `id`",
        Reason::OrderEnded => "place a new order",
        Reason::UnknownLine => "name a line that the order has",
        Reason::CancelWindowClosed => "let it ship, and ask for a return",
        Reason::AlreadyShipped => {
            "ask for a return; name another fulfilment for units that have not left; cancel the \
             fulfilment for those that did not leave after all"
        }
        Reason::AlreadyDelivered => "ask for a return",
        Reason::FulfilmentCancelled => "open another fulfilment for its units",
        Reason::ReturnApproved => "leave it: the goods may be on their way",
        Reason::ReturnDeclined => "ask for a return under another name",
        Reason::LocationRequired => "name a location",
        Reason::PaymentTooLate => "give the money back, as `refund.due` says",
        Reason::Unanswered => "place the order anew once the SKU's partition serves again",
        Reason::MalformedJson
        | Reason::MissingField
        | Reason::InvalidField
        | Reason::UnknownType
        | Reason::UnsupportedVersion
        | Reason::WrongLane
        | Reason::Misrouted
        | Reason::InvalidReplyto
        | Reason::TooLarge
        | Reason::TimeInFuture
        | Reason::Stale
        | Reason::TooLate
        | Reason::Busy
        | Reason::IdConflict
        | Reason::Orphan
        | Reason::Quarantined
        | Reason::Killer
        | Reason::NotSupported => return None,
    })
}
