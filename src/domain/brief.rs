//! How an entity stands, in brief: what a dead letter says of it beside what went wrong.

use serde::{Deserialize, Serialize};

use super::{
    Entity,
    order::{OrderState, lines::Units, payment::MoneyStage, state::Order, status::OrderStatus},
    outcome::Quantities,
    sku::SkuState,
};

/// An entity in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Brief {
    /// A SKU.
    Sku {
        /// How often it has changed.
        revision: u64,
        /// Summed over its locations.
        total: Quantities,
    },
    /// An order.
    Order {
        /// How often it has changed.
        revision: u64,
        /// What there is to say of it, if it was placed.
        placed: Option<OrderBrief>,
    },
}

/// A placed order in brief.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderBrief {
    /// Derived from its lines.
    pub status: OrderStatus,
    /// What its money stands at.
    pub payment: MoneyStage,
    /// Where its units stand, summed over its lines.
    pub units: Units,
}

impl From<&SkuState> for Brief {
    fn from(state: &SkuState) -> Brief {
        Brief::Sku { revision: state.revision(), total: state.quantities(None) }
    }
}

impl From<&OrderState> for Brief {
    fn from(state: &OrderState) -> Brief {
        let at_rest = || state.stone().map(|stone| &*stone.order);
        let placed = state.order().or_else(at_rest).map(OrderBrief::from);
        Brief::Order { revision: state.revision(), placed }
    }
}

impl From<&Order> for OrderBrief {
    fn from(order: &Order) -> OrderBrief {
        let units = order.lines.iter().map(|line| line.units).sum();
        OrderBrief { status: order.status(), payment: order.money(), units }
    }
}
