//! What is said to a SKU: of holds, of stock, and of how it is sold.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Disposition;
use crate::domain::{
    ids::{LocationId, Name},
    time::Timestamp,
};

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
