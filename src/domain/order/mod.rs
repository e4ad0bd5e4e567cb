//! An order: its lines, the saga that reserves them, payments and fulfilments.
//!
//! Promises: no unit of an order is nowhere or twice ([`lines`]); a hold that the order no longer
//! wants is given back, whenever the grant comes ([`saga`]); nothing is committed that is not paid;
//! money for goods that will not come is said to be due back, once ([`payment`]); goods that left
//! or came back are believed, whatever the order stood at ([`fulfilment`], [`returns`]); nothing is
//! let go before what is to take its place is there ([`wishes`]); a repeat is answered as the first
//! time ([`memory`]), also when the order has left the hot state ([`stone`]).
//!
//! Read [`state`] for what an order is, [`facts`] for what can change it, [`station`] for what may
//! be said to it, and `decide` for what follows.

pub mod facts;
pub mod fulfilment;
pub mod hearing;
pub mod lines;
pub mod memory;
pub mod parked;
pub mod parts;
pub mod passage;
pub mod payment;
pub mod returns;
pub mod saga;
pub mod state;
pub mod station;
pub mod status;
pub mod stone;
pub mod stored;
pub mod terms;
pub mod wishes;

mod apply;
mod audit;
mod decide;
mod dues;

use std::collections::BTreeSet;

use serde::{Serialize, Serializer, ser::SerializeStruct};

use self::{memory::Memory, parked::Parking, state::Order, status::OrderStatus, stone::Stone};
use super::{
    Breach, Due, Entity, Moment, PartKey,
    command::SkuAnswer,
    decision::{Decision, Input},
    event::OrderEvent,
    ids::OrderId,
    time::Timestamp,
};

pub use self::{facts::OrderFact, parts::OrderPart};

/// All that is known under an order's id.
#[derive(Clone, Debug)]
pub struct OrderState {
    id: OrderId,
    revision: u64,
    order: Option<Order>,
    stone: Option<Stone>,
    memory: Memory,
    parked: Parking,
    changed: BTreeSet<parts::Which>,
}

impl OrderState {
    /// Its id.
    pub fn id(&self) -> &OrderId {
        &self.id
    }

    /// The order, once it is placed.
    pub fn order(&self) -> Option<&Order> {
        self.order.as_ref()
    }

    /// What stays of it, once it has left the hot state.
    pub fn stone(&self) -> Option<&Stone> {
        self.stone.as_ref()
    }

    /// Its status, once it is placed.
    pub fn status(&self) -> Option<OrderStatus> {
        let left = || self.stone.as_ref().map(|stone| &*stone.order);
        self.order.as_ref().or_else(left).map(Order::status)
    }

    /// The events that it has decided.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The events that wait for it.
    pub fn parked(&self) -> &Parking {
        &self.parked
    }
}

/// Two orders are equal that know the same; what of it has been written to a snapshot is no matter.
impl PartialEq for OrderState {
    fn eq(&self, other: &OrderState) -> bool {
        self.id == other.id
            && self.revision == other.revision
            && self.order == other.order
            && self.stone == other.stone
            && self.memory == other.memory
            && self.parked == other.parked
    }
}

impl Eq for OrderState {}

/// As `inspect` shows it: the status first, which is derived.
impl Serialize for OrderState {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("OrderState", 7)?;
        fields.serialize_field("id", &self.id)?;
        fields.serialize_field("status", &self.status())?;
        fields.serialize_field("revision", &self.revision)?;
        fields.serialize_field("order", &self.order)?;
        fields.serialize_field("stone", &self.stone)?;
        fields.serialize_field("memory", &self.memory)?;
        fields.serialize_field("parked", &self.parked)?;
        fields.end()
    }
}

impl Entity for OrderState {
    type Key = OrderId;
    type Event = OrderEvent;
    type Command = SkuAnswer;
    type Fact = OrderFact;
    type Part = OrderPart;

    fn new(id: OrderId) -> OrderState {
        OrderState {
            id,
            revision: 0,
            order: None,
            stone: None,
            memory: Memory::default(),
            parked: Parking::default(),
            changed: BTreeSet::new(),
        }
    }

    fn decide(
        &self,
        input: &Input<OrderEvent, SkuAnswer>,
        moment: &Moment<'_>,
    ) -> Decision<OrderFact> {
        decide::decide(self, input, moment)
    }

    fn apply(&mut self, fact: &OrderFact, _at: Timestamp) -> Result<(), Breach> {
        self.apply_fact(fact)
    }

    /// Events that waited for the order are decided one by one once it is placed.
    fn has_steps_left(&self) -> bool {
        self.order.is_some() && !self.parked.is_empty()
    }

    fn dues(&self) -> Vec<Due> {
        dues::of(self)
    }

    fn check(&self) -> Result<(), Breach> {
        self.order.as_ref().map_or(Ok(()), Order::check)
    }

    fn audit(&self) -> Result<(), Breach> {
        self.order.as_ref().map_or(Ok(()), Order::audit)
    }

    fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    fn take_changed_parts(&mut self) -> Vec<(PartKey, Option<OrderPart>)> {
        self.changed_parts()
    }

    fn from_parts(id: OrderId, parts: Vec<(PartKey, OrderPart)>) -> Result<OrderState, Breach> {
        OrderState::assemble(id, parts)
    }

    fn revision(&self) -> u64 {
        self.revision
    }
}
