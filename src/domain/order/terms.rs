//! What was agreed when the order was placed, and by when.
//!
//! Promise: every deadline is a point in time that was fixed by a decision. A change of policy
//! moves no deadline of an order that stands.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Moment,
    event::{OrderPlaced, OrderPolicy},
    time::{Span, Timestamp},
};

/// The terms of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// What to do with lines that cannot be served.
    pub policy: OrderPolicy,
    /// Lines may take units beyond stock.
    pub backorder: bool,
    /// When the log took `order.placed`.
    pub placed_at: Timestamp,
    /// Until when its SKUs may answer.
    pub answers_due_at: Timestamp,
    /// Until when it must be paid; money logged at this very point is in time.
    pub payment_due_at: Timestamp,
    /// Until when its holds last unless they are committed.
    pub holds_until: Timestamp,
    /// Until when the buyer may cancel; until it ships where absent.
    pub cancel_until: Option<Timestamp>,
}

impl Terms {
    /// The terms of an order that the log took at `logged_at`.
    ///
    /// Payment is due by log time, as the shop told its buyer. The SKUs' time to answer begins with
    /// the decision: an order that waited in a lane that was behind must still be able to get its
    /// answers.
    pub fn of(placed: &OrderPlaced, logged_at: Timestamp, moment: &Moment<'_>) -> Terms {
        let payment_due_at = logged_at + Span::from_secs(i64::from(placed.payment_due_s));
        Terms {
            policy: placed.policy,
            backorder: placed.backorder,
            placed_at: logged_at,
            answers_due_at: logged_at.max(moment.now) + moment.policy.saga_deadline,
            payment_due_at,
            holds_until: payment_due_at + moment.policy.payment_margin,
            cancel_until: placed.cancel_until,
        }
    }
}
