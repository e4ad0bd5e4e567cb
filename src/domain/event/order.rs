//! What is said to an order: of its lines, its money, its parcels and its returns.

use serde::{Deserialize, Serialize};

use super::Disposition;
use crate::domain::{
    described::described,
    ids::{LocationId, Name, Sku},
    order::stored::ReadOrderEvent,
    time::Timestamp,
};

/// What an order does with lines that cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderPolicy {
    /// Every unit or none.
    AllOrNothing,
    /// What can be had.
    Partial,
}

/// A line of an order as it was placed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderLine {
    /// The line's name within the order.
    pub line: Name,
    /// What is ordered.
    pub sku: Sku,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// From where, if it matters.
    pub location: Option<LocationId>,
    /// The cart's or draft's hold that the line takes over.
    pub hold: Option<Name>,
}

/// `order.placed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderPlaced {
    /// What is ordered; at least one line, no two of one name.
    pub lines: Vec<OrderLine>,
    /// What to do with lines that cannot be served.
    pub policy: OrderPolicy,
    /// How long payment may take, in seconds from the event's log time.
    pub payment_due_s: u32,
    /// Until when the buyer may cancel; until it ships where absent.
    pub cancel_until: Option<Timestamp>,
    /// Lines may take units beyond stock, up to the SKU's limit.
    pub backorder: bool,
}

/// `order.cancel_requested`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelRequested {
    /// Why.
    pub reason: String,
    /// Which lines; all that have not shipped where absent.
    pub lines: Option<Vec<Name>>,
}

/// `order.edit_requested`: what lines are to have from now on; others stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EditRequested {
    /// At least one, no two of one name; a quantity of 0 takes the line out.
    pub lines: Vec<OrderLine>,
}

/// `payment.*`: what happened to a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The payment.
    pub payment: Name,
    /// The amount in the currency's minor unit.
    pub amount_minor: u64,
    /// ISO 4217, three capital letters.
    pub currency: String,
}

/// Units of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineUnits {
    /// The line.
    pub line: Name,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// What is done with them (`return.received` only).
    pub disposition: Option<Disposition>,
}

/// `fulfilment.*`: what happened in a warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fulfilment {
    /// The fulfilment.
    pub fulfilment: Name,
    /// Where.
    pub location: LocationId,
    /// What of the order.
    pub lines: Vec<LineUnits>,
    /// The carrier's number.
    pub tracking: Option<String>,
    /// Why (`fulfilment.held`, `.short_picked` and `.cancelled`).
    pub reason: Option<String>,
    /// The fulfilment that takes the lines over (`fulfilment.split` only).
    pub into: Option<Name>,
}

/// `shipment.tracked`: what a carrier says. Data that may be overwritten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShipmentTracked {
    /// The fulfilment.
    pub fulfilment: Name,
    /// The carrier.
    pub carrier: String,
    /// The carrier's own status.
    pub status: String,
    /// When the carrier saw it.
    pub at: Timestamp,
}

/// `return.*`: goods on their way back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Return {
    /// The return.
    pub r#return: Name,
    /// What of the order.
    pub lines: Vec<LineUnits>,
    /// Where the goods came (`return.received` only); where they left from, if absent.
    pub location: Option<LocationId>,
}

described! {
    /// What happened to a payment.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum PaymentStep {
        /// The money is promised.
        Authorized = "payment.authorized",
        /// The money is taken.
        Captured = "payment.captured",
        /// It did not work.
        Failed = "payment.failed",
        /// The promise was taken back.
        Voided = "payment.voided",
        /// Money was given back.
        Refunded = "payment.refunded",
        /// The payer's bank objects.
        Disputed = "payment.disputed",
    }
}

described! {
    /// What happened to a fulfilment.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum FulfilmentStep {
        /// Fewer units were there than expected.
        ShortPicked = "fulfilment.short_picked",
        /// Goods left.
        Shipped = "fulfilment.shipped",
        /// It will not happen.
        Cancelled = "fulfilment.cancelled",
        /// Work may begin.
        Opened = "fulfilment.opened",
        /// Work waits.
        Held = "fulfilment.held",
        /// Work goes on.
        Resumed = "fulfilment.resumed",
        /// Goods are off the shelf.
        Picked = "fulfilment.picked",
        /// Goods reached the buyer.
        Delivered = "fulfilment.delivered",
        /// Another location does it.
        Moved = "fulfilment.moved",
        /// It was cut in two.
        Split = "fulfilment.split",
    }
}

described! {
    /// What happened to a return.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ReturnStep {
        /// The buyer asks.
        Requested = "return.requested",
        /// The shop agrees.
        Approved = "return.approved",
        /// The shop does not.
        Declined = "return.declined",
        /// Goods arrived.
        Received = "return.received",
    }
}

/// An input of an order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "ReadOrderEvent")]
pub enum OrderEvent {
    /// See [`OrderPlaced`].
    Placed(OrderPlaced),
    /// See [`CancelRequested`].
    CancelRequested(CancelRequested),
    /// See [`EditRequested`].
    EditRequested(EditRequested),
    /// `payment.*`.
    Payment(PaymentStep, Payment),
    /// `fulfilment.*`.
    Fulfilment(FulfilmentStep, Fulfilment),
    /// See [`ShipmentTracked`].
    ShipmentTracked(ShipmentTracked),
    /// `return.*`.
    Return(ReturnStep, Return),
}
