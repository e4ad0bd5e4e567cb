//! What publishers may say, once it has been checked: one struct an event type, one enum an entity.
//!
//! The contract (`crate::contract`) turns bytes into these; the field names are those of the wire.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    described::described,
    ids::{LocationId, Name, Sku},
    order::stored::ReadOrderEvent,
    time::Timestamp,
};

/// The most units one event may move or promise.
pub const QUANTITY_MAX: u32 = 1_000_000_000;
/// The longest that a hold may be asked for, in seconds (400 days).
pub const TTL_MAX_S: u32 = 400 * 24 * 3_600;

/// By which of the four lanes an event travels; earlier lanes matter more to the business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// What finishes or frees a promise, or lowers what may be sold. Never stopped.
    Settlement,
    /// New holds and orders.
    Demand,
    /// What adds stock or tells progress.
    Fulfilment,
    /// All that a customer can wait for.
    Reporting,
}

impl Lane {
    /// All lanes, the most important first.
    pub const ALL: [Lane; 4] = [Lane::Settlement, Lane::Demand, Lane::Fulfilment, Lane::Reporting];

    /// The lane's token in a subject.
    pub fn as_str(self) -> &'static str {
        match self {
            Lane::Settlement => "settlement",
            Lane::Demand => "demand",
            Lane::Fulfilment => "fulfilment",
            Lane::Reporting => "reporting",
        }
    }
}

/// What a hold is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldKind {
    /// A shopper's cart.
    Cart,
    /// An order (of Earmark's, or one kept elsewhere).
    Order,
    /// A draft of an order.
    Draft,
}

/// What kind of unavailable (or sellable) stock units are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StockKind {
    /// May be sold.
    Sellable,
    /// Broken.
    Damaged,
    /// Being looked at.
    QualityControl,
    /// Kept back as a buffer.
    Safety,
}

/// What a count counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CountKind {
    /// All units on the shelf, promised or not.
    OnHand,
    /// The units that may be promised.
    Available,
}

/// What is done with returned goods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// Back on the shelf.
    Restock,
    /// Into quality control.
    Quarantine,
    /// Thrown away.
    Scrap,
}

/// What an order does with lines that cannot be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderPolicy {
    /// Every unit or none.
    AllOrNothing,
    /// What can be had.
    Partial,
}

/// `hold.requested`: promise units to an owner for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldRequested {
    /// The hold's name.
    pub hold: Name,
    /// Whose it is.
    pub owner: Name,
    /// What it is for.
    pub kind: HoldKind,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// Where, if it matters.
    pub location: Option<LocationId>,
    /// For how long, in seconds; the SKU's or the configured default where absent.
    pub ttl_s: Option<u32>,
    /// Fewer units are better than none.
    pub partial: bool,
    /// Units beyond stock may be promised, up to the SKU's limit.
    pub backorder: bool,
}

/// `hold.extended`: keep a hold longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldExtended {
    /// The hold.
    pub hold: Name,
    /// Who must own it.
    pub owner: Name,
    /// For how long from the event's log time, in seconds.
    pub ttl_s: u32,
}

/// `hold.transferred`: give a hold to another owner without letting go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldTransferred {
    /// The hold.
    pub hold: Name,
    /// Who must own it.
    pub owner: Name,
    /// Who owns it afterwards.
    pub to_owner: Name,
}

/// `hold.committed`: a hold becomes an allocation, without a deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldCommitted {
    /// The hold.
    pub hold: Name,
    /// Who must own it.
    pub owner: Name,
}

/// `hold.released`: give the units back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldReleased {
    /// The hold.
    pub hold: Name,
    /// Who must own it.
    pub owner: Name,
    /// Why, in the publisher's words.
    pub reason: Option<String>,
}

/// `stock.adjusted`: units were found or lost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockAdjusted {
    /// Where.
    pub location: LocationId,
    /// Units, signed; not 0, at most [`QUANTITY_MAX`] either way.
    pub quantity: i64,
    /// Why.
    pub reason: String,
}

/// `stock.counted`: somebody counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockCounted {
    /// Where.
    pub location: LocationId,
    /// Units, 0 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// What was counted.
    pub kind: CountKind,
    /// When the shelf looked like this.
    pub as_of: Timestamp,
}

/// `stock.moved`: units changed their kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockMoved {
    /// Where.
    pub location: LocationId,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// What they were.
    pub from: StockKind,
    /// What they are.
    pub to: StockKind,
}

/// `stock.shipped`: units of a hold that is no order's left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockShipped {
    /// The hold.
    pub hold: Name,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// The shipper's reference.
    pub reference: Name,
}

/// `stock.received`: goods arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReceived {
    /// Where.
    pub location: LocationId,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// The supplier's reference.
    pub reference: Name,
}

/// `stock.returned`: goods without an order came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockReturned {
    /// Where.
    pub location: LocationId,
    /// Units, 1 to [`QUANTITY_MAX`].
    pub quantity: u32,
    /// The return's reference.
    pub reference: Name,
    /// What is done with them.
    pub disposition: Disposition,
}

/// `sku.configured`: how a SKU is sold. A field that is absent keeps its value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuConfigured {
    /// Units that may be promised beyond stock, per location.
    pub backorder_limit: Option<u32>,
    /// Units that are never promised, per location.
    pub safety_stock: Option<u32>,
    /// How long a hold lasts that does not say, in seconds.
    pub hold_ttl_s: Option<u32>,
    /// Whether new holds are granted at all.
    pub sellable: Option<bool>,
}

/// `sku.described`: free attributes, for reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkuDescribed {
    /// Name to value.
    pub attributes: BTreeMap<String, String>,
}

/// An input of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkuEvent {
    /// See [`HoldRequested`].
    HoldRequested(HoldRequested),
    /// See [`HoldExtended`].
    HoldExtended(HoldExtended),
    /// See [`HoldTransferred`].
    HoldTransferred(HoldTransferred),
    /// See [`HoldCommitted`].
    HoldCommitted(HoldCommitted),
    /// See [`HoldReleased`].
    HoldReleased(HoldReleased),
    /// See [`StockAdjusted`].
    StockAdjusted(StockAdjusted),
    /// See [`StockCounted`].
    StockCounted(StockCounted),
    /// See [`StockMoved`].
    StockMoved(StockMoved),
    /// See [`StockShipped`].
    StockShipped(StockShipped),
    /// See [`StockReceived`].
    StockReceived(StockReceived),
    /// See [`StockReturned`].
    StockReturned(StockReturned),
    /// See [`SkuConfigured`].
    SkuConfigured(SkuConfigured),
    /// The SKU is sold no more.
    SkuRetired,
    /// See [`SkuDescribed`].
    SkuDescribed(SkuDescribed),
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
