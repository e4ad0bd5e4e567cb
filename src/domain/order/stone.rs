//! What stays of an order that has left the hot state.
//!
//! Promise: one part where there were many, and all that the order knew: a repeat is told apart,
//! and money and goods that come too late find the order as it was, for as long as an order's
//! events are not too old to be heard.

use serde::{Deserialize, Serialize};

use super::state::Order;
use crate::domain::time::Timestamp;

/// A stone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stone {
    /// The order as it was.
    pub order: Box<Order>,
    /// Until when the stone stays.
    pub until: Timestamp,
}

impl Order {
    /// Nothing is to be expected of it any more, by anybody but a carrier.
    pub fn is_at_rest(&self) -> bool {
        let quiet = self.legs.iter().all(|leg| leg.sent.is_none() && leg.unanswered.is_empty());
        (self.closed || self.is_over() || self.is_on_its_way()) && quiet && self.wishes.is_empty()
    }

    /// All that is wanted left, and not all of it was said to have arrived: few shops say so.
    pub fn is_on_its_way(&self) -> bool {
        self.open() == 0 && self.gone() > 0 && !self.is_delivered()
    }
}
