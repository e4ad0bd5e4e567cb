//! What stays of an order that has left the hot state.
//!
//! Promise: small, and enough for a repeat to be told apart, for money that comes too late to be
//! given back, and for goods that leave or come back late to be told to their SKU, for as long as
//! an order's events are not too old to be heard.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{payment::Payment, saga::Leg, state::Order, status::OrderStatus};
use crate::domain::{
    Breach,
    command::Goods,
    ids::{HoldName, LocationId, Name, OrderId, Sku},
    time::Timestamp,
};

/// A stone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stone {
    /// How the order ended.
    pub status: OrderStatus,
    /// What is known of its money.
    pub payments: BTreeMap<Name, Payment>,
    /// What is known of its goods, by line.
    pub lines: BTreeMap<Name, Ware>,
    /// Until when the stone stays.
    pub until: Timestamp,
}

/// The goods of a line, and how their SKU is told of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ware {
    /// Which goods.
    pub sku: Sku,
    /// Units that have not left.
    pub inside: u32,
    /// Units that left and have not come back.
    pub outside: u32,
    /// From where they left.
    pub location: Option<LocationId>,
    /// The hold that they belonged to.
    pub hold: HoldName,
    /// Movements of that hold's goods so far, those of all lines that shared it.
    pub movements: u32,
}

impl Stone {
    /// The stone of an order.
    pub(super) fn of(id: &OrderId, order: Order, until: Timestamp) -> Stone {
        let lines = order.lines.iter().filter_map(|line| {
            let leg = order.legs.get(line.leg as usize)?;
            Some((line.name.clone(), order.ware(id, &line.name, leg)))
        });
        // A line in portions has the hold of its first.
        let lines = lines.rev().collect();
        Stone { status: order.status(), payments: order.payments, lines, until }
    }

    /// No unit came of the order: what is paid for it is due back.
    pub fn is_over(&self) -> bool {
        match self.status {
            OrderStatus::Rejected | OrderStatus::Cancelled | OrderStatus::Expired => true,
            OrderStatus::Placed
            | OrderStatus::Reserved
            | OrderStatus::Confirmed
            | OrderStatus::PartiallyShipped
            | OrderStatus::Shipped
            | OrderStatus::Delivered
            | OrderStatus::Closed => false,
        }
    }

    /// Goods of a line moved after all.
    pub(super) fn moved(
        &mut self,
        line: &Name,
        goods: Goods,
        location: &LocationId,
        units: u32,
    ) -> Result<(), Breach> {
        let wrong = || Breach(format!("line {line}: {units} units did not move"));
        let ware = self.lines.get_mut(line).ok_or_else(wrong)?;
        let (from, to) = match goods {
            Goods::Left => (&mut ware.inside, Some(&mut ware.outside)),
            Goods::Returned(_) => (&mut ware.outside, None),
            Goods::Missing | Goods::BroughtBack => return Err(wrong()),
        };
        *from = from.checked_sub(units).ok_or_else(wrong)?;
        if let Some(to) = to {
            *to = to.checked_add(units).ok_or_else(wrong)?;
        }
        ware.location.get_or_insert_with(|| location.clone());
        let hold = ware.hold.clone();
        let sharing = self.lines.values_mut().filter(|ware| ware.hold == hold);
        sharing.for_each(|ware| ware.movements = ware.movements.saturating_add(1));
        Ok(())
    }
}

impl Order {
    /// Nothing is to be expected of it any more, by anybody but a carrier.
    pub fn is_at_rest(&self) -> bool {
        let quiet = self.legs.iter().all(|leg| leg.sent.is_none() && leg.unanswered.is_empty());
        (self.closed || self.is_over() || self.is_on_its_way()) && quiet && self.wishes.is_empty()
    }

    /// All that is wanted left, and not all of it was said to have arrived: few shops say so.
    pub fn is_on_its_way(&self) -> bool {
        self.open() == 0 && self.gone() > 0 && !self.is_delivered()
    }

    fn ware(&self, id: &OrderId, line: &Name, leg: &Leg) -> Ware {
        Ware {
            sku: leg.sku.clone(),
            inside: self.shippable(line),
            outside: self.outside(line),
            location: self.left_from(line),
            hold: leg.hold_name(id),
            movements: leg.movements,
        }
    }
}
