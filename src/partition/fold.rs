//! An entity as its journaled facts make it, for whoever reads the journal beside its owner.

use super::entry::Facts;
use crate::domain::{
    Breach, Entity, ids::EntityKey, order::OrderState, sku::SkuState, time::Timestamp,
};

/// An entity of either kind.
pub enum State {
    /// A SKU.
    Sku(Box<SkuState>),
    /// An order.
    Order(Box<OrderState>),
}

impl State {
    /// An entity that nothing has happened to.
    pub fn new(key: &EntityKey) -> State {
        match key {
            EntityKey::Sku(sku) => State::Sku(Box::new(SkuState::new(sku.clone()))),
            EntityKey::Order(order) => State::Order(Box::new(OrderState::new(order.clone()))),
        }
    }

    /// Applies the facts of a journaled decision.
    pub fn apply(&mut self, facts: &Facts, at: Timestamp) -> Result<(), Breach> {
        match (self, facts) {
            (State::Sku(sku), Facts::Sku(facts)) => facts.iter().try_for_each(|f| sku.apply(f, at)),
            (State::Order(order), Facts::Order(facts)) => {
                facts.iter().try_for_each(|fact| order.apply(fact, at))
            }
            (State::Sku(_), Facts::Order(_)) | (State::Order(_), Facts::Sku(_)) => {
                Err(Breach("facts of another kind of entity".to_owned()))
            }
        }
    }
}
