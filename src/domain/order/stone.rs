//! What stays of an order that has left the hot state.
//!
//! Promise: small, and enough for a repeat to be told apart and for money that comes too late to be
//! given back, for as long as an order's events are not too old to be heard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{payment::Payment, state::Order, status::OrderStatus};
use crate::domain::{ids::Name, time::Timestamp};

/// A stone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stone {
    /// How the order ended.
    pub status: OrderStatus,
    /// What is known of its money.
    pub payments: BTreeMap<Name, Payment>,
    /// Until when the stone stays.
    pub until: Timestamp,
}

impl Stone {
    /// The stone of an order.
    pub(super) fn of(order: Order, until: Timestamp) -> Stone {
        Stone { status: order.status(), payments: order.payments, until }
    }

    /// No unit came of the order: what is paid for it is due back.
    pub fn is_over(&self) -> bool {
        match self.status {
            OrderStatus::Rejected | OrderStatus::Cancelled | OrderStatus::Expired => true,
            OrderStatus::Placed
            | OrderStatus::Reserved
            | OrderStatus::Confirmed
            | OrderStatus::PartiallyShipped
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Closed => false,
        }
    }
}

impl Order {
    /// Nothing is to be expected of it any more, by anybody.
    pub fn is_at_rest(&self) -> bool {
        let quiet = self.legs.iter().all(|leg| leg.sent.is_none() && leg.unanswered.is_empty());
        (self.closed || self.is_over()) && quiet && self.wishes.is_empty()
    }
}
