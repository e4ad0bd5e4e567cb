//! The status of an order, derived from where its units stand; it is never stored.
//!
//! Promise: the same units give the same status, by whatever way they came there.

use serde::{Deserialize, Serialize};

use super::{lines::Place, state::Order};
use crate::domain::described::described;

described! {
    /// The status of an order.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum OrderStatus {
        /// Its SKUs are being asked.
        Placed = "placed",
        /// Units are promised until the payment deadline.
        Reserved = "reserved",
        /// None could be promised.
        Rejected = "rejected",
        /// It is paid for and its units are allocated.
        Confirmed = "confirmed",
        /// Units left, others have not.
        PartiallyShipped = "partially_shipped",
        /// All that is wanted left.
        Shipped = "shipped",
        /// All that left arrived.
        Delivered = "delivered",
        /// It was called off before anything left, or a part of it was and the rest was refused.
        Cancelled = "cancelled",
        /// It was not paid in time.
        Expired = "expired",
        /// It was delivered, and the time after it is over.
        Closed = "closed",
    }
}

impl Order {
    /// Its status. Units that are open or gone speak first, then those that are asked for beside
    /// them. Of an order that has none the weightiest loss speaks: not paid, then called off, then
    /// refused.
    pub fn status(&self) -> OrderStatus {
        let none = |place| self.sum(&[place]) == 0;
        if self.closed {
            return OrderStatus::Closed;
        }
        match (self.open() > 0, self.gone() > 0) {
            (true, true) => OrderStatus::PartiallyShipped,
            (true, false) if !none(Place::Awaiting) => OrderStatus::Placed,
            (true, false) if self.confirmed => OrderStatus::Confirmed,
            (true, false) => OrderStatus::Reserved,
            (false, true) if none(Place::Shipped) => OrderStatus::Delivered,
            (false, true) => OrderStatus::Shipped,
            (false, false) if self.hopes() && self.confirmed => OrderStatus::Confirmed,
            (false, false) if self.hopes() => OrderStatus::Placed,
            (false, false) if !none(Place::Expired) => OrderStatus::Expired,
            (false, false) if !none(Place::Cancelled) => OrderStatus::Cancelled,
            (false, false) => OrderStatus::Rejected,
        }
    }
}
