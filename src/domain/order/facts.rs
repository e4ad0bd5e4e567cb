//! What an order writes down: the whole of what can change it.
//!
//! Promise: a fact says what changed, and folding asks nobody whether it may. One rule is still
//! asked: which stage a fulfilment's step leads to stands in its guard and not in the fact. Most
//! touch one part of the snapshot beside the head.

use serde::{Deserialize, Serialize};

use super::{
    fulfilment::FulfilmentFact,
    lines::{Line, LineFact, Place},
    parked::Waiting,
    payment::PaymentFact,
    returns::ReturnFact,
    saga::{Leg, LegFact},
    terms::Terms,
    wishes::Wish,
};
use crate::domain::{
    decision::Verdict,
    ids::{EventKey, Fingerprint, Name},
    time::Timestamp,
};

/// A fact of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderFact {
    /// It was placed.
    Placed {
        /// What was agreed.
        terms: Terms,
        /// What is ordered.
        lines: Vec<Line>,
        /// What is asked for, and of whom.
        legs: Vec<Leg>,
    },
    /// Something happened to a line.
    Line {
        /// Its place among the lines, from 0.
        line: u32,
        /// What happened.
        fact: LineFact,
    },
    /// Something happened to a leg of the saga.
    Leg {
        /// Its place among the legs, from 0.
        leg: u32,
        /// What happened.
        fact: LegFact,
    },
    /// Something happened to a payment.
    Payment {
        /// The payment.
        payment: Name,
        /// What happened.
        fact: PaymentFact,
    },
    /// Something happened to a fulfilment.
    Fulfilment {
        /// The fulfilment.
        fulfilment: Name,
        /// What happened.
        fact: FulfilmentFact,
    },
    /// It is paid for, and every commit is acknowledged.
    Confirmed,
    /// All of it that is not lost arrived.
    Delivered {
        /// When it will be closed.
        closes_at: Timestamp,
    },
    /// It is over.
    Closed,
    /// An event was decided.
    Remembered {
        /// Which.
        key: EventKey,
        /// What it said.
        fingerprint: Fingerprint,
        /// What was said to it.
        verdict: Verdict,
    },
    /// An event came before the order.
    Parked {
        /// The number of its coming.
        number: u64,
        /// The event.
        waiting: Box<Waiting>,
    },
    /// An event waits no more: it was decided, or given up.
    Unparked {
        /// The number of its coming.
        number: u64,
    },
    /// Units are asked for beside what there is.
    Wished {
        /// The leg that asks.
        leg: Leg,
        /// What for.
        wish: Wish,
    },
    /// A wish came to its end.
    WishEnded {
        /// The place of its leg among the legs.
        leg: u32,
        /// Units that are the order's now.
        units: u32,
    },
    /// Nothing is to be expected of it any more; or something is, again.
    Resting {
        /// When it leaves the hot state.
        leaves_at: Option<Timestamp>,
    },
    /// It leaves the hot state.
    Forgotten {
        /// Until when a stone stays.
        until: Timestamp,
    },
    /// Its stone goes.
    StoneGone,
    /// Something happened to a return.
    Return {
        /// The return.
        r#return: Name,
        /// What happened.
        fact: ReturnFact,
    },
    /// It is in the hot state again, as it was when it left.
    Woken,
    /// Units of a portion of a line are another line's from now on.
    HandedOver {
        /// The portion's place among the lines, from 0.
        line: u32,
        /// The other line.
        to: Name,
        /// Where they stand.
        place: Place,
        /// How many.
        units: u32,
    },
    /// Fewer units are wanted than were refused, and as many are there: the lines of a leg ask for
    /// those.
    AskedAnew {
        /// The place of the leg among the legs, from 0.
        leg: u32,
        /// Units that they want.
        quantity: u32,
    },
}
