//! An entity as its journaled facts make it, for whoever reads the journal beside its owner.

use bytes::Bytes;

use super::entry::Facts;
use crate::{
    domain::{Breach, Entity, ids::EntityKey, order::OrderState, sku::SkuState, time::Timestamp},
    mutants::{self, Mutant},
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

    /// An entity from all parts that a snapshot has of it.
    pub fn from_parts(key: &EntityKey, parts: Vec<(String, Bytes)>) -> Result<State, Breach> {
        Ok(match key {
            EntityKey::Sku(sku) => State::Sku(Box::new(entity(key, sku.clone(), parts)?)),
            EntityKey::Order(order) => State::Order(Box::new(entity(key, order.clone(), parts)?)),
        })
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

/// An entity from the bytes of its parts.
pub fn entity<E: Entity>(
    key: &EntityKey,
    own: E::Key,
    parts: Vec<(String, Bytes)>,
) -> Result<E, Breach> {
    let mut decoded = Vec::with_capacity(parts.len());
    let forgets = |name: &str| mutants::is_in(Mutant::IdsNotLoaded) && name.starts_with("i:");
    for (name, bytes) in parts.into_iter().filter(|(name, _)| !forgets(name)) {
        let part = postcard::from_bytes(&bytes)
            .map_err(|error| Breach(format!("{key}: part {name}: {error}")))?;
        decoded.push((name, part));
    }
    E::from_parts(own, decoded)
}
