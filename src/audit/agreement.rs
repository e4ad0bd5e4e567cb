//! Whether SKUs and orders agree about what is promised to whom.
//!
//! Both sides are entered as they are folded; what they agree about is forgotten at once.

use std::collections::HashMap;

use super::findings::{Kind, Notes};
use crate::domain::{
    ids::{OrderId, Owner, Sku},
    order::state::Order,
    sku::SkuState,
};

const NOT_WANTED: (Kind, &str) = (Kind::Stuck, "a SKU and its orders do not agree");
const NOT_HELD: (Kind, &str) = (Kind::Lost, "a SKU and its orders do not agree");

/// Units that SKUs hold for orders, less those that the orders believe to be held.
#[derive(Debug, Default)]
pub(super) struct Agreement(HashMap<(Sku, OrderId), i64>);

impl Agreement {
    /// Enters what a SKU has promised to orders.
    pub fn sku(&mut self, sku: &SkuState) {
        for hold in sku.book().holds() {
            if let Owner::Order(order) = &hold.owner {
                let units = i64::try_from(hold.units.total()).unwrap_or(i64::MAX);
                self.enter((sku.sku().clone(), order.clone()), units);
            }
        }
    }

    /// Enters what an order believes to have been promised.
    pub fn order(&mut self, id: &OrderId, order: &Order) {
        for line in &order.lines {
            let Some(leg) = order.legs.get(line.leg as usize) else { continue };
            let units = i64::from(line.units.reserved) + i64::from(line.units.allocated);
            self.enter((leg.sku.clone(), id.clone()), -units);
        }
    }

    fn enter(&mut self, key: (Sku, OrderId), units: i64) {
        if units == 0 {
            return;
        }
        let sum = self.0.get(&key).map_or(units, |sum| sum.saturating_add(units));
        match sum {
            0 => drop(self.0.remove(&key)),
            _ => drop(self.0.insert(key, sum)),
        }
    }

    pub fn finish(&self, notes: &mut Notes) {
        for ((sku, order), units) in &self.0 {
            let by = units.unsigned_abs();
            let text = match units {
                0.. => format!("sku {sku} holds {by} units that order {order} does not want"),
                _ => format!("order {order} counts on {by} units that sku {sku} does not hold"),
            };
            notes.note(if *units > 0 { NOT_WANTED } else { NOT_HELD }, 0, text);
        }
    }
}
