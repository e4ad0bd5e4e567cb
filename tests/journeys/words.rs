//! Short ways to say what publishers say, and by which lane each travels.

use earmark::domain::{
    event::*,
    ids::{LocationId, Name, OrderId, Sku},
};

/// The names of a shop, made once: a copy of one costs nothing.
pub struct Names {
    pub skus: Vec<Sku>,
    pub orders: Vec<OrderId>,
    pub locations: Vec<LocationId>,
    pub lines: Vec<Name>,
    pub carts: Vec<Name>,
    pub owners: Vec<Name>,
    pub payments: Vec<Name>,
    pub fulfilments: Vec<Name>,
    pub returns: Vec<Name>,
    pub nobody: Name,
}

pub fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

fn names(prefix: &str, count: usize) -> Vec<Name> {
    (0..count).map(|n| name(&format!("{prefix}{n}"))).collect()
}

impl Names {
    pub fn new() -> Names {
        let sku = |n: usize| Sku::new(&format!("sku{n}")).expect("a key");
        let order = |n: usize| OrderId::new(&format!("o{n}")).expect("a key");
        let location = |text: &str| LocationId::new(text).expect("a place");
        Names {
            skus: (0..crate::SKUS).map(sku).collect(),
            orders: (0..crate::ORDERS_A_SHOP).map(order).collect(),
            locations: ["east", "north", "west"].map(location).to_vec(),
            lines: names("l", 6),
            carts: names("c", 8),
            owners: names("w", 3),
            payments: names("p", 2),
            fulfilments: names("f", 4),
            returns: names("r", 3),
            nobody: name("nobody"),
        }
    }
}

/// What is said, to whomever.
#[derive(Clone, Debug)]
pub enum Said {
    Sku(usize, SkuEvent),
    Order(usize, OrderEvent),
}

impl Said {
    /// Its type, without the version, and its lane.
    pub fn kind(&self) -> (&'static str, Lane) {
        match self {
            Said::Sku(_, event) => sku_kind(event),
            Said::Order(_, event) => order_kind(event),
        }
    }
}

fn sku_kind(event: &SkuEvent) -> (&'static str, Lane) {
    match event {
        SkuEvent::HoldRequested(_) => ("hold.requested", Lane::Demand),
        SkuEvent::HoldExtended(_) => ("hold.extended", Lane::Settlement),
        SkuEvent::HoldTransferred(_) => ("hold.transferred", Lane::Settlement),
        SkuEvent::HoldCommitted(_) => ("hold.committed", Lane::Settlement),
        SkuEvent::HoldReleased(_) => ("hold.released", Lane::Settlement),
        SkuEvent::StockAdjusted(_) => ("stock.adjusted", Lane::Settlement),
        SkuEvent::StockCounted(_) => ("stock.counted", Lane::Settlement),
        SkuEvent::StockMoved(_) => ("stock.moved", Lane::Settlement),
        SkuEvent::StockShipped(_) => ("stock.shipped", Lane::Settlement),
        SkuEvent::StockReceived(_) => ("stock.received", Lane::Fulfilment),
        SkuEvent::StockReturned(_) => ("stock.returned", Lane::Fulfilment),
        SkuEvent::SkuConfigured(_) => ("sku.configured", Lane::Settlement),
        SkuEvent::SkuRetired => ("sku.retired", Lane::Settlement),
        SkuEvent::SkuDescribed(_) => ("sku.described", Lane::Reporting),
    }
}

fn order_kind(event: &OrderEvent) -> (&'static str, Lane) {
    use FulfilmentStep as F;
    use PaymentStep as P;
    use ReturnStep as R;
    match event {
        OrderEvent::Placed(_) => ("order.placed", Lane::Demand),
        OrderEvent::CancelRequested(_) => ("order.cancel_requested", Lane::Settlement),
        OrderEvent::EditRequested(_) => ("order.edit_requested", Lane::Demand),
        OrderEvent::Payment(P::Authorized, _) => ("payment.authorized", Lane::Settlement),
        OrderEvent::Payment(P::Captured, _) => ("payment.captured", Lane::Settlement),
        OrderEvent::Payment(P::Failed, _) => ("payment.failed", Lane::Settlement),
        OrderEvent::Payment(P::Voided, _) => ("payment.voided", Lane::Settlement),
        OrderEvent::Payment(P::Refunded, _) => ("payment.refunded", Lane::Settlement),
        OrderEvent::Payment(P::Disputed, _) => ("payment.disputed", Lane::Settlement),
        OrderEvent::Fulfilment(F::ShortPicked, _) => ("fulfilment.short_picked", Lane::Settlement),
        OrderEvent::Fulfilment(F::Shipped, _) => ("fulfilment.shipped", Lane::Settlement),
        OrderEvent::Fulfilment(F::Cancelled, _) => ("fulfilment.cancelled", Lane::Settlement),
        OrderEvent::Fulfilment(F::Opened, _) => ("fulfilment.opened", Lane::Fulfilment),
        OrderEvent::Fulfilment(F::Held, _) => ("fulfilment.held", Lane::Fulfilment),
        OrderEvent::Fulfilment(F::Resumed, _) => ("fulfilment.resumed", Lane::Fulfilment),
        OrderEvent::Fulfilment(F::Picked, _) => ("fulfilment.picked", Lane::Fulfilment),
        OrderEvent::Fulfilment(F::Delivered, _) => ("fulfilment.delivered", Lane::Fulfilment),
        OrderEvent::Fulfilment(F::Moved, _) => ("fulfilment.moved", Lane::Fulfilment),
        OrderEvent::Fulfilment(F::Split, _) => ("fulfilment.split", Lane::Fulfilment),
        OrderEvent::ShipmentTracked(_) => ("shipment.tracked", Lane::Reporting),
        OrderEvent::Return(R::Requested, _) => ("return.requested", Lane::Fulfilment),
        OrderEvent::Return(R::Approved, _) => ("return.approved", Lane::Fulfilment),
        OrderEvent::Return(R::Declined, _) => ("return.declined", Lane::Fulfilment),
        OrderEvent::Return(R::Received, _) => ("return.received", Lane::Fulfilment),
    }
}
