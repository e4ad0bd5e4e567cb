//! The table of event types: to add a type is to add a line.

use serde_json::value::RawValue;

use super::{
    rejection::Rejection,
    rule::Rule,
    shape::{Field, Together},
    subject::EntityType,
    v1::{self, Context, Data, Nothing},
};
use crate::domain::{
    described::doc_text,
    event::{
        CancelRequested, EditRequested, Fulfilment, FulfilmentStep, HoldCommitted, HoldExtended,
        HoldReleased, HoldRequested, HoldTransferred, Lane, OrderEvent, OrderPlaced, Payment,
        PaymentStep, Return, ReturnStep, ShipmentTracked, SkuConfigured, SkuDescribed, SkuEvent,
        StockAdjusted, StockCounted, StockMoved, StockReceived, StockReturned, StockShipped,
    },
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
    /// What it says, in a sentence.
    pub about: &'static str,
    /// A good one, as JSON.
    pub example: &'static str,
    /// The fields of its data.
    pub fields: &'static [Field],
    /// What these must be like together.
    pub together: &'static [Together],
    /// The names of the fields that are read.
    pub names: fn() -> &'static [&'static str],
    pub(super) read: Read,
}

macro_rules! event_types {
    ($($(#[$($doc:tt)+])+ $entity:ident $lane:ident $name:literal $version:literal
       $data:ty as $said:pat => $event:expr;)*) => {
        /// Every type that is served.
        pub static EVENT_TYPES: &[EventType] = &[$(EventType {
            entity: EntityType::$entity,
            name: $name,
            version: $version,
            kind: concat!($name, ".v", $version),
            lane: Lane::$lane,
            about: doc_text!($(#[$($doc)+])+).trim_ascii(),
            example: include_str!(
                concat!("../../config/contracts/v", $version, "/", $name, ".good.json")
            ),
            fields: <$data as Data>::FIELDS,
            together: <$data as Data>::TOGETHER,
            names: v1::names::<$data>,
            read: |data, cx| v1::read::<$data>(data, cx).map(|$said| AnyEvent::$entity($event)),
        },)*];
    };
}

event_types! {
    /// Promise units to an owner for a while.
    Sku Demand "hold.requested" 1 HoldRequested as e => SkuEvent::HoldRequested(e);
    /// Keep a hold longer.
    Sku Settlement "hold.extended" 1 HoldExtended as e => SkuEvent::HoldExtended(e);
    /// Give a hold to another owner without letting go.
    Sku Settlement "hold.transferred" 1 HoldTransferred as e => SkuEvent::HoldTransferred(e);
    /// Make a hold an allocation, without a deadline.
    Sku Settlement "hold.committed" 1 HoldCommitted as e => SkuEvent::HoldCommitted(e);
    /// Give the units of a hold back.
    Sku Settlement "hold.released" 1 HoldReleased as e => SkuEvent::HoldReleased(e);
    /// Units were found or lost.
    Sku Settlement "stock.adjusted" 1 StockAdjusted as e => SkuEvent::StockAdjusted(e);
    /// Somebody counted.
    Sku Settlement "stock.counted" 1 StockCounted as e => SkuEvent::StockCounted(e);
    /// Units changed their kind.
    Sku Settlement "stock.moved" 1 StockMoved as e => SkuEvent::StockMoved(e);
    /// Units of a hold that is no order's left.
    Sku Settlement "stock.shipped" 1 StockShipped as e => SkuEvent::StockShipped(e);
    /// Goods arrived.
    Sku Fulfilment "stock.received" 1 StockReceived as e => SkuEvent::StockReceived(e);
    /// Goods without an order came back.
    Sku Fulfilment "stock.returned" 1 StockReturned as e => SkuEvent::StockReturned(e);
    /// How a SKU is sold; a field that is absent keeps its value.
    Sku Settlement "sku.configured" 1 SkuConfigured as e => SkuEvent::SkuConfigured(e);
    /// A SKU is sold no more.
    Sku Settlement "sku.retired" 1 Nothing as Nothing {} => SkuEvent::SkuRetired;
    /// What a SKU is, for reports.
    Sku Reporting "sku.described" 1 SkuDescribed as e => SkuEvent::SkuDescribed(e);

    /// An order, of which each line asks its SKU for units.
    Order Demand "order.placed" 1 OrderPlaced as e => OrderEvent::Placed(e);
    /// Call off what has not left of an order, or of some of its lines.
    Order Settlement "order.cancel_requested" 1 CancelRequested as e => OrderEvent::CancelRequested(e);

    /// Give lines of an order other quantities; lines that are not named stay.
    Order Demand "order.edit_requested" 1 EditRequested as e => OrderEvent::EditRequested(e);

    /// Money is promised.
    Order Settlement "payment.authorized" 1 Payment as e => OrderEvent::Payment(PaymentStep::Authorized, e);
    /// Money is taken.
    Order Settlement "payment.captured" 1 Payment as e => OrderEvent::Payment(PaymentStep::Captured, e);
    /// A payment did not work.
    Order Settlement "payment.failed" 1 Payment as e => OrderEvent::Payment(PaymentStep::Failed, e);
    /// A promise of money was taken back.
    Order Settlement "payment.voided" 1 Payment as e => OrderEvent::Payment(PaymentStep::Voided, e);
    /// Money was given back.
    Order Settlement "payment.refunded" 1 Payment as e => OrderEvent::Payment(PaymentStep::Refunded, e);
    /// The payer's bank objects.
    Order Settlement "payment.disputed" 1 Payment as e => OrderEvent::Payment(PaymentStep::Disputed, e);

    /// Fewer units were there than expected.
    Order Settlement "fulfilment.short_picked" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::ShortPicked, e);
    /// Goods left.
    Order Settlement "fulfilment.shipped" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Shipped, e);
    /// A fulfilment will not happen, or did not.
    Order Settlement "fulfilment.cancelled" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Cancelled, e);
    /// Work may begin.
    Order Fulfilment "fulfilment.opened" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Opened, e);
    /// Work waits.
    Order Fulfilment "fulfilment.held" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Held, e);
    /// Work goes on.
    Order Fulfilment "fulfilment.resumed" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Resumed, e);
    /// Goods are off the shelf.
    Order Fulfilment "fulfilment.picked" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Picked, e);
    /// Goods reached the buyer.
    Order Fulfilment "fulfilment.delivered" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Delivered, e);
    /// Another location does it.
    Order Fulfilment "fulfilment.moved" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Moved, e);
    /// A fulfilment was cut in two.
    Order Fulfilment "fulfilment.split" 1 Fulfilment as e => OrderEvent::Fulfilment(FulfilmentStep::Split, e);

    /// What a carrier says of a parcel; the newest is kept.
    Order Reporting "shipment.tracked" 1 ShipmentTracked as e => OrderEvent::ShipmentTracked(e);
    /// A buyer asks to give goods back.
    Order Fulfilment "return.requested" 1 Return as e => OrderEvent::Return(ReturnStep::Requested, e);
    /// The shop agrees to a return.
    Order Fulfilment "return.approved" 1 Return as e => OrderEvent::Return(ReturnStep::Approved, e);
    /// The shop does not agree to a return.
    Order Fulfilment "return.declined" 1 Return as e => OrderEvent::Return(ReturnStep::Declined, e);
    /// Goods of a return arrived, all of them or a part.
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
