//! The table of event types: to add a type is to add a line.

use serde_json::value::RawValue;

use super::{
    rejection::Rejection,
    rule::Rule,
    subject::EntityType,
    v1::{self, Context, Nothing},
};
use crate::domain::event::{
    CancelRequested, EditRequested, Fulfilment, FulfilmentStep, HoldCommitted, HoldExtended,
    HoldReleased, HoldRequested, HoldTransferred, Lane, OrderEvent, OrderPlaced, Payment,
    PaymentStep, Return, ReturnStep, ShipmentTracked, SkuConfigured, SkuDescribed, SkuEvent,
    StockAdjusted, StockCounted, StockMoved, StockReceived, StockReturned, StockShipped,
};

/// A checked event of either kind of entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnyEvent {
    /// For the actor of a SKU.
    Sku(SkuEvent),
    /// For the actor of an order.
    Order(OrderEvent),
}

/// How a type's data is read and checked.
type Read = fn(&RawValue, &mut Context) -> Result<AnyEvent, Box<Rejection>>;

/// A type of event.
#[derive(Debug)]
pub struct EventType {
    /// Whose input it is.
    pub entity: EntityType,
    /// Its name without the version, `hold.requested`.
    pub name: &'static str,
    /// Its version.
    pub version: u32,
    /// Its name as published, `hold.requested.v1`.
    pub kind: &'static str,
    /// By which lane it travels.
    pub lane: Lane,
    pub(super) read: Read,
}

macro_rules! event_types {
    ($($entity:ident $lane:ident $name:literal $version:literal
       $data:ty as $said:pat => $event:expr;)*) => {
        /// Every type that is served.
        pub static EVENT_TYPES: &[EventType] = &[$(EventType {
            entity: EntityType::$entity,
            name: $name,
            version: $version,
            kind: concat!($name, ".v", $version),
            lane: Lane::$lane,
            read: |data, cx| v1::read::<$data>(data, cx).map(|$said| AnyEvent::$entity($event)),
        },)*];
    };
}

event_types! {
    Sku Demand "hold.requested" 1 HoldRequested as e => SkuEvent::HoldRequested(e);
    Sku Settlement "hold.extended" 1 HoldExtended as e => SkuEvent::HoldExtended(e);
    Sku Settlement "hold.transferred" 1 HoldTransferred as e => SkuEvent::HoldTransferred(e);
    Sku Settlement "hold.committed" 1 HoldCommitted as e => SkuEvent::HoldCommitted(e);
    Sku Settlement "hold.released" 1 HoldReleased as e => SkuEvent::HoldReleased(e);
    Sku Settlement "stock.adjusted" 1 StockAdjusted as e => SkuEvent::StockAdjusted(e);
    Sku Settlement "stock.counted" 1 StockCounted as e => SkuEvent::StockCounted(e);
    Sku Settlement "stock.moved" 1 StockMoved as e => SkuEvent::StockMoved(e);
    Sku Settlement "stock.shipped" 1 StockShipped as e => SkuEvent::StockShipped(e);
    Sku Fulfilment "stock.received" 1 StockReceived as e => SkuEvent::StockReceived(e);
    Sku Fulfilment "stock.returned" 1 StockReturned as e => SkuEvent::StockReturned(e);
    Sku Settlement "sku.configured" 1 SkuConfigured as e => SkuEvent::SkuConfigured(e);
    Sku Settlement "sku.retired" 1 Nothing as Nothing {} => SkuEvent::SkuRetired;
    Sku Reporting "sku.described" 1 SkuDescribed as e => SkuEvent::SkuDescribed(e);

    Order Demand "order.placed" 1 OrderPlaced as e => OrderEvent::Placed(e);
    Order Settlement "order.cancel_requested" 1 CancelRequested as e => OrderEvent::CancelRequested(e);

    Order Demand "order.edit_requested" 1 EditRequested as e => OrderEvent::EditRequested(e);

    Order Settlement "payment.authorized" 1 Payment as e => OrderEvent::Payment(PaymentStep::Authorized, e);
    Order Settlement "payment.captured" 1 Payment as e => OrderEvent::Payment(PaymentStep::Captured, e);
    Order Settlement "payment.failed" 1 Payment as e => OrderEvent::Payment(PaymentStep::Failed, e);
    Order Settlement "payment.voided" 1 Payment as e => OrderEvent::Payment(PaymentStep::Voided, e);
    Order Settlement "payment.refunded" 1 Payment as e => OrderEvent::Payment(PaymentStep::Refunded, e);
    Order Settlement "payment.disputed" 1 Payment as e => OrderEvent::Payment(PaymentStep::Disputed, e);

    Order Settlement "fulfilment.short_picked" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::ShortPicked, e);
    Order Settlement "fulfilment.shipped" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Shipped, e);
    Order Settlement "fulfilment.cancelled" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Cancelled, e);
    Order Fulfilment "fulfilment.opened" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Opened, e);
    Order Fulfilment "fulfilment.held" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Held, e);
    Order Fulfilment "fulfilment.resumed" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Resumed, e);
    Order Fulfilment "fulfilment.picked" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Picked, e);
    Order Fulfilment "fulfilment.delivered" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Delivered, e);
    Order Fulfilment "fulfilment.moved" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Moved, e);
    Order Fulfilment "fulfilment.split" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Split, e);

    Order Reporting "shipment.tracked" 1 ShipmentTracked as e => OrderEvent::ShipmentTracked(e);
    Order Fulfilment "return.requested" 1 Return as e => OrderEvent::Return(ReturnStep::Requested, e);
    Order Fulfilment "return.approved" 1 Return as e => OrderEvent::Return(ReturnStep::Approved, e);
    Order Fulfilment "return.declined" 1 Return as e => OrderEvent::Return(ReturnStep::Declined, e);
    Order Fulfilment "return.received" 1 Return as e => OrderEvent::Return(ReturnStep::Received, e);
}

/// The type of this name, or why there is none.
pub fn event_type(kind: &str) -> Result<&'static EventType, Box<Rejection>> {
    EVENT_TYPES.iter().find(|known| known.kind == kind).ok_or_else(|| unserved(kind))
}

fn unserved(kind: &str) -> Box<Rejection> {
    let name = without_version(kind);
    let served: Vec<&str> =
        EVENT_TYPES.iter().filter(|known| known.name == name).map(|known| known.kind).collect();
    if !served.is_empty() {
        return Rejection::new(Rule::TypeVersion, kind, served.join(" or ")).at("type");
    }
    let rejection = Rejection::new(Rule::TypeKnown, kind, "a type of this contract").at("type");
    match nearest(name) {
        Some(near) => rejection.advise(format!("did you mean {}?", near.kind)),
        None => rejection,
    }
}

/// `hold.requested` of `hold.requested.v2`, and of `hold.requested`.
fn without_version(kind: &str) -> &str {
    match kind.rsplit_once(".v") {
        Some((name, version)) if version.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => kind,
    }
}

/// The type whose name is spelled most alike, if a third of it at most would have to change.
fn nearest(name: &str) -> Option<&'static EventType> {
    if name.len() > 64 {
        return None;
    }
    let distance = |known: &EventType| edit_distance(name, known.name);
    let near = EVENT_TYPES.iter().min_by_key(|known| distance(known))?;
    (distance(near) * 3 <= near.name.len()).then_some(near)
}

/// Letters to insert, delete or replace to make one text of the other.
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}
