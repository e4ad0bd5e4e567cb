//! What is shown of a SKU or an order to whoever asks: the figures, and none of the books behind
//! them.

use serde::Serialize;

use crate::{
    contract::time,
    domain::{
        Entity,
        described::Described,
        ids::{LocationId, Name, Sku},
        order::{
            OrderState,
            fulfilment::{Fulfilment, Stage},
            lines::Units,
            payment::Payment,
            returns::{Return, ReturnStage, Returned},
            state::Order,
            status::OrderStatus,
        },
        outcome::Quantities,
        refusal::Reason,
        sku::SkuState,
    },
};

/// Locations of a SKU, and fulfilments and returns of an order, that are shown at most.
const SHOWN_MAX: usize = 1_000;

/// What is shown of an entity.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum View {
    /// Of a SKU.
    Sku(SkuView),
    /// Of an order.
    Order(OrderView),
}

/// What is shown of a SKU.
#[derive(Clone, Debug, Serialize)]
pub struct SkuView {
    /// How often it has changed.
    pub revision: u64,
    /// Whether new holds are granted at all.
    pub on_sale: bool,
    /// Units that may be promised from the shelf. A location in shortfall has none.
    #[serde(skip)]
    pub promisable: u64,
    /// Further units that may be promised beyond stock.
    pub beyond_stock: u64,
    /// Summed over its locations.
    pub total: Quantities,
    /// By location, the first of them by name.
    pub locations: Vec<LocationView>,
    /// How many locations there are.
    pub locations_in_all: usize,
    /// How many holds stand.
    pub holds_open: usize,
}

/// What a SKU has at a location.
#[derive(Clone, Debug, Serialize)]
pub struct LocationView {
    /// Where.
    pub location: LocationId,
    /// How much.
    #[serde(flatten)]
    pub quantities: Quantities,
}

/// What is shown of an order.
#[derive(Clone, Debug, Serialize)]
pub struct OrderView {
    /// How often it has changed.
    pub revision: u64,
    /// Derived from its lines.
    pub status: OrderStatus,
    /// What its money stands at.
    pub payment: &'static str,
    /// When the log took it.
    pub placed_at: String,
    /// Until when it must be paid.
    pub payment_due_at: String,
    /// Its lines, as it was placed with them and was edited; one that was moved in part stands here
    /// in portions.
    pub lines: Vec<LineView>,
    /// By name.
    pub payments: Vec<PaymentView>,
    /// By name.
    pub fulfilments: Vec<FulfilmentView>,
    /// By name.
    pub returns: Vec<ReturnView>,
}

/// A line of an order.
#[derive(Clone, Debug, Serialize)]
pub struct LineView {
    /// The line.
    pub line: Name,
    /// What is ordered.
    pub sku: Sku,
    /// Units ordered.
    pub ordered: u32,
    /// Where they stand.
    pub units: Units,
    /// Why units of it were refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
}

/// A payment of an order, in minor units of its currency.
#[derive(Clone, Debug, Serialize)]
pub struct PaymentView {
    /// The payment.
    pub payment: Name,
    /// What is known of it.
    #[serde(flatten)]
    pub amounts: Payment,
}

/// A fulfilment of an order.
#[derive(Clone, Debug, Serialize)]
pub struct FulfilmentView {
    /// The fulfilment.
    pub fulfilment: Name,
    /// How far it has come.
    pub stage: Stage,
    /// Where it happens.
    pub location: Option<LocationId>,
    /// The carrier's number.
    pub tracking: Option<String>,
    /// Its goods.
    pub lines: Vec<ParcelView>,
}

/// Units of a line in a fulfilment.
#[derive(Clone, Debug, Serialize)]
pub struct ParcelView {
    /// The line.
    pub line: Name,
    /// Units that it is said to be about.
    pub planned: u32,
    /// Units that left.
    pub shipped: u32,
    /// Of these, units that arrived.
    pub delivered: u32,
}

/// A return of an order.
#[derive(Clone, Debug, Serialize)]
pub struct ReturnView {
    /// The return.
    pub r#return: Name,
    /// How far it has come.
    pub stage: ReturnStage,
    /// Its goods.
    pub lines: Vec<ReturnedView>,
}

/// Units of a line in a return.
#[derive(Clone, Debug, Serialize)]
pub struct ReturnedView {
    /// The line.
    pub line: Name,
    /// How many.
    #[serde(flatten)]
    pub units: Returned,
}

/// A SKU as it is shown; nothing if nothing has happened to it.
pub fn sku(state: &SkuState) -> Option<SkuView> {
    let revision = state.head().revision;
    if revision == 0 {
        return None;
    }
    let availability = state.availability();
    let locations = state.locations().iter().take(SHOWN_MAX);
    let locations = locations.map(|(name, stock)| LocationView {
        location: name.clone(),
        quantities: stock.quantities(),
    });
    Some(SkuView {
        revision,
        on_sale: availability.on_sale,
        promisable: availability.available,
        beyond_stock: availability.beyond_stock,
        total: state.quantities(None),
        locations: locations.collect(),
        locations_in_all: state.locations().len(),
        holds_open: state.book().open(),
    })
}

/// An order as it is shown, also one that is at rest; nothing if it was not placed.
pub fn order(state: &OrderState) -> Option<OrderView> {
    let at_rest = || state.stone().map(|stone| &*stone.order);
    let order = state.order().or_else(at_rest)?;
    Some(OrderView {
        revision: state.revision(),
        status: order.status(),
        payment: order.money().name(),
        placed_at: time::format(order.terms.placed_at),
        payment_due_at: time::format(order.terms.payment_due_at),
        lines: lines(order),
        payments: order
            .payments
            .iter()
            .map(|(name, amounts)| PaymentView { payment: name.clone(), amounts: amounts.clone() })
            .collect(),
        fulfilments: order.fulfilments.iter().take(SHOWN_MAX).map(fulfilment).collect(),
        returns: order.returns.iter().take(SHOWN_MAX).map(returned).collect(),
    })
}

fn lines(order: &Order) -> Vec<LineView> {
    let lines = order.lines.iter().map(|line| LineView {
        line: line.name.clone(),
        sku: line.sku.clone(),
        ordered: line.ordered,
        units: line.units,
        reason: line.refusal.as_ref().map(|refusal| refusal.reason),
    });
    lines.collect()
}

fn fulfilment((name, of): (&Name, &Fulfilment)) -> FulfilmentView {
    let lines = of.lines.iter().map(|(line, parcel)| ParcelView {
        line: line.clone(),
        planned: parcel.planned,
        shipped: parcel.shipped,
        delivered: parcel.delivered,
    });
    FulfilmentView {
        fulfilment: name.clone(),
        stage: of.stage,
        location: of.location.clone(),
        tracking: of.tracking.clone(),
        lines: lines.collect(),
    }
}

fn returned((name, of): (&Name, &Return)) -> ReturnView {
    let lines =
        of.lines.iter().map(|(line, units)| ReturnedView { line: line.clone(), units: *units });
    ReturnView { r#return: name.clone(), stage: of.stage, lines: lines.collect() }
}
