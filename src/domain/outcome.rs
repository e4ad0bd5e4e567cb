//! What an entity tells the world after its decision is committed.

use serde::{Deserialize, Serialize};

use super::{
    event::HoldKind,
    ids::{HoldName, LocationId, Name, Owner, Sku},
    refusal::Refusal,
    time::Timestamp,
};

/// A SKU's quantities at one location, or summed over all of them. In whole units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantities {
    /// On the shelf.
    pub on_hand: u64,
    /// May be promised.
    pub available: u64,
    /// Promised until a deadline.
    pub held: u64,
    /// Promised for good.
    pub allocated: u64,
    /// On the shelf and not for sale: damaged, in quality control, safety stock.
    pub unavailable: u64,
    /// Promised and taken away by a physical fact.
    pub short: u64,
    /// Promised beyond stock on purpose.
    pub backordered: u64,
    /// Taken by physical facts beyond what was on hand.
    pub overdrawn: u64,
}

/// A hold that a shortfall took units from, or that units came for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortHold {
    /// The hold.
    pub hold: HoldName,
    /// Whose it is.
    pub owner: Owner,
    /// Units.
    pub units: u64,
}

/// A line of an order that could not be served, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineRefusal {
    /// The line.
    pub line: Name,
    /// What it asked for.
    pub sku: Sku,
    /// Why not.
    pub refusal: Refusal,
}

/// What was reserved for a line of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineReserved {
    /// The line.
    pub line: Name,
    /// What it asked for.
    pub sku: Sku,
    /// Units promised.
    pub quantity: u32,
    /// Of these, units beyond stock.
    pub backordered: u32,
    /// Where.
    pub location: LocationId,
}

/// Units of a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineQuantity {
    /// The line.
    pub line: Name,
    /// Units.
    pub quantity: u32,
}

/// An outcome event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// `hold.granted`, or `hold.partially_granted` where `quantity` is below `requested`.
    HoldGranted {
        /// The hold.
        hold: HoldName,
        /// Whose it is.
        owner: Owner,
        /// What it is for.
        kind: HoldKind,
        /// Units asked for.
        requested: u32,
        /// Units promised.
        quantity: u32,
        /// Of these, units beyond stock.
        backordered: u32,
        /// Where.
        location: LocationId,
        /// Until when.
        expires_at: Timestamp,
    },
    /// `hold.rejected`.
    HoldRejected {
        /// The hold.
        hold: HoldName,
        /// Who asked.
        owner: Owner,
        /// Units asked for.
        requested: u32,
        /// Why not.
        refusal: Refusal,
    },
    /// `hold.extended`.
    HoldExtended {
        /// The hold.
        hold: HoldName,
        /// Until when.
        expires_at: Timestamp,
    },
    /// `hold.transferred`.
    HoldTransferred {
        /// The hold.
        hold: HoldName,
        /// Whose it was.
        from: Owner,
        /// Whose it is.
        to: Owner,
    },
    /// `hold.committed`.
    HoldCommitted {
        /// The hold.
        hold: HoldName,
        /// Whose it is.
        owner: Owner,
        /// Units allocated.
        quantity: u32,
    },
    /// `hold.released`.
    HoldReleased {
        /// The hold.
        hold: HoldName,
        /// Whose it was.
        owner: Owner,
        /// Units given back.
        quantity: u32,
    },
    /// `hold.expired`.
    HoldExpired {
        /// The hold.
        hold: HoldName,
        /// Whose it was.
        owner: Owner,
        /// Units given back.
        quantity: u32,
    },
    /// `stock.shortfall`: a physical fact broke promises.
    StockShortfall {
        /// Where.
        location: LocationId,
        /// Units in all.
        units: u64,
        /// The newest promises first, up to a configured number.
        holds: Vec<ShortHold>,
        /// Whether further holds are touched that are not named.
        more: bool,
    },
    /// `order.reserved`.
    OrderReserved {
        /// What was promised.
        lines: Vec<LineReserved>,
        /// What was not (policy `partial` only).
        refused: Vec<LineRefusal>,
        /// Until when it must be paid.
        payment_due_at: Timestamp,
    },
    /// `order.rejected`.
    OrderRejected {
        /// Every reason.
        refused: Vec<LineRefusal>,
    },
    /// `order.confirmed`.
    OrderConfirmed,
    /// `order.partially_shipped`, or `order.shipped` when nothing is left to ship.
    OrderShipped {
        /// The fulfilment that left.
        fulfilment: Name,
        /// What left.
        lines: Vec<LineQuantity>,
        /// Whether nothing is left to ship.
        complete: bool,
    },
    /// `order.delivered`.
    OrderDelivered,
    /// `order.cancelled`.
    OrderCancelled {
        /// What was cancelled.
        lines: Vec<LineQuantity>,
        /// Whether nothing else is left of the order.
        complete: bool,
        /// Why.
        reason: String,
    },
    /// `order.cancel_refused`.
    OrderCancelRefused {
        /// Why not.
        refusal: Refusal,
    },
    /// `order.expired`.
    OrderExpired,
    /// `order.closed`.
    OrderClosed,
    /// `refund.due`: money was taken for goods that will not come.
    RefundDue {
        /// The payment.
        payment: Name,
        /// The amount in the currency's minor unit.
        amount_minor: u64,
        /// ISO 4217.
        currency: String,
        /// Why.
        refusal: Refusal,
    },
    /// `event.refused`: an event changed nothing.
    EventRefused {
        /// Why.
        refusal: Refusal,
    },
    /// `shipment.cancelled`: what was said to have left did not.
    ShipmentCancelled {
        /// The fulfilment.
        fulfilment: Name,
        /// What did not leave.
        lines: Vec<LineQuantity>,
        /// Whether nothing else is left of the order.
        complete: bool,
    },
    /// `order.returned`: goods came back.
    OrderReturned {
        /// The return.
        r#return: Name,
        /// What came.
        lines: Vec<LineQuantity>,
        /// Whether everything of the return has come.
        complete: bool,
    },
    /// `order.edited`: lines have other quantities now.
    OrderEdited {
        /// Units of each that may still ship.
        lines: Vec<LineQuantity>,
    },
    /// `order.edit_refused`: what was asked for beside what there is cannot be had.
    OrderEditRefused {
        /// Every reason.
        refused: Vec<LineRefusal>,
    },
    /// `fulfilment.moved`: its units are held where it is now.
    FulfilmentMoved {
        /// The fulfilment.
        fulfilment: Name,
        /// Which units.
        lines: Vec<LineQuantity>,
    },
    /// `fulfilment.not_moved`: where it is now its units cannot be held.
    FulfilmentNotMoved {
        /// The fulfilment.
        fulfilment: Name,
        /// Why not.
        refusal: Refusal,
    },
    /// `stock.backorder_filled`: units came for promises beyond stock.
    BackorderFilled {
        /// Where.
        location: LocationId,
        /// Units in all.
        units: u64,
        /// The oldest promises first, up to a configured number.
        holds: Vec<ShortHold>,
        /// Whether further holds get some that are not named.
        more: bool,
    },
    /// `stock.shortfall_covered`: units came for broken promises.
    ShortfallCovered {
        /// Where.
        location: LocationId,
        /// Units in all.
        units: u64,
        /// The oldest promises first, up to a configured number.
        holds: Vec<ShortHold>,
        /// Whether further holds get some that are not named.
        more: bool,
    },
}

impl Outcome {
    /// Every [`Outcome::kind`].
    pub const KINDS: [&'static str; 29] = [
        "hold.granted",
        "hold.partially_granted",
        "hold.rejected",
        "hold.extended",
        "hold.transferred",
        "hold.committed",
        "hold.released",
        "hold.expired",
        "stock.shortfall",
        "order.reserved",
        "order.rejected",
        "order.confirmed",
        "order.shipped",
        "order.partially_shipped",
        "order.delivered",
        "order.cancelled",
        "order.cancel_refused",
        "order.expired",
        "order.closed",
        "refund.due",
        "event.refused",
        "shipment.cancelled",
        "order.returned",
        "order.edited",
        "order.edit_refused",
        "fulfilment.moved",
        "fulfilment.not_moved",
        "stock.backorder_filled",
        "stock.shortfall_covered",
    ];

    /// The outcome's type without `.v1`; with `_` for `.` the last token of its subject.
    pub fn kind(&self) -> &'static str {
        match self {
            Outcome::HoldGranted { requested, quantity, .. } if quantity < requested => {
                "hold.partially_granted"
            }
            Outcome::HoldGranted { .. } => "hold.granted",
            Outcome::HoldRejected { .. } => "hold.rejected",
            Outcome::HoldExtended { .. } => "hold.extended",
            Outcome::HoldTransferred { .. } => "hold.transferred",
            Outcome::HoldCommitted { .. } => "hold.committed",
            Outcome::HoldReleased { .. } => "hold.released",
            Outcome::HoldExpired { .. } => "hold.expired",
            Outcome::StockShortfall { .. } => "stock.shortfall",
            Outcome::OrderReserved { .. } => "order.reserved",
            Outcome::OrderRejected { .. } => "order.rejected",
            Outcome::OrderConfirmed => "order.confirmed",
            Outcome::OrderShipped { complete: true, .. } => "order.shipped",
            Outcome::OrderShipped { .. } => "order.partially_shipped",
            Outcome::OrderDelivered => "order.delivered",
            Outcome::OrderCancelled { .. } => "order.cancelled",
            Outcome::OrderCancelRefused { .. } => "order.cancel_refused",
            Outcome::OrderExpired => "order.expired",
            Outcome::OrderClosed => "order.closed",
            Outcome::RefundDue { .. } => "refund.due",
            Outcome::EventRefused { .. } => "event.refused",
            Outcome::ShipmentCancelled { .. } => "shipment.cancelled",
            Outcome::OrderReturned { .. } => "order.returned",
            Outcome::OrderEdited { .. } => "order.edited",
            Outcome::OrderEditRefused { .. } => "order.edit_refused",
            Outcome::FulfilmentMoved { .. } => "fulfilment.moved",
            Outcome::FulfilmentNotMoved { .. } => "fulfilment.not_moved",
            Outcome::BackorderFilled { .. } => "stock.backorder_filled",
            Outcome::ShortfallCovered { .. } => "stock.shortfall_covered",
        }
    }
}
