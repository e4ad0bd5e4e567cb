//! The units of each SKU: what came and what left, as publishers and orders said, against what the
//! fold has.
//!
//! Promise: a SKU whose shelf was counted, or of which the log has forgotten something, is not held
//! to the sum: nobody said how many units came or went then. What was promised beyond stock on
//! purpose, or broken by a physical fact, is not oversold; nor is what a warehouse said to have
//! left that nobody was promised.

use std::collections::BTreeMap;

use super::{
    counts::Units,
    findings::{Kind, Notes},
};
use crate::domain::{
    command::Goods,
    event::{Disposition, SkuEvent},
    ids::Sku,
    order::{OrderFact, saga::LegFact, state::Order},
    outcome::Quantities,
    sku::SkuFact,
};

const OVERSOLD: (Kind, &str) = (Kind::Oversold, "oversold");
const FOUND_OR_LOST: (Kind, &str) = (Kind::Lost, "a unit is lost or found");

/// The units of one SKU.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Arrived, and came otherwise.
    received: u64,
    came: u64,
    /// Left in parcels, and left otherwise.
    shipped: u64,
    gone: u64,
    /// Units out of the holds of orders among those that left in parcels.
    kept: u64,
    /// It was promised beyond stock at some time.
    beyond_stock: bool,
    /// What came and left is not known to be all.
    unclear: bool,
    /// What the fold has.
    stands: Option<Quantities>,
}

/// The units of all SKUs.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<Sku, Account>);

impl Accounts {
    fn of(&mut self, sku: &Sku) -> &mut Account {
        self.0.entry(sku.clone()).or_default()
    }

    /// An event that something came of.
    pub fn event(&mut self, sku: &Sku, event: &SkuEvent, unclear: bool) {
        let quantity = match event {
            SkuEvent::StockReceived(stock) => {
                self.of(sku).received += u64::from(stock.quantity);
                return self.of(sku).unclear |= unclear;
            }
            SkuEvent::StockReturned(stock) if stock.disposition == Disposition::Scrap => return,
            SkuEvent::StockReturned(stock) => i64::from(stock.quantity),
            SkuEvent::StockAdjusted(stock) => stock.quantity,
            SkuEvent::StockShipped(stock) => -i64::from(stock.quantity),
            _ => return,
        };
        let account = self.of(sku);
        account.unclear |= unclear;
        match quantity {
            0.. => account.came += quantity.unsigned_abs(),
            _ => account.gone += quantity.unsigned_abs(),
        }
    }

    /// What an order says that its goods did.
    pub fn order_fact(&mut self, order: Option<&Order>, fact: &OrderFact) {
        let OrderFact::Leg { leg, fact } = fact else { return };
        let (goods, shipment) = match fact {
            LegFact::Shipping(shipment) => (Goods::Left, shipment),
            LegFact::Moving(movement) => (movement.goods, &movement.shipment),
            _ => return,
        };
        let Some(leg) = order.and_then(|order| order.legs.get(*leg as usize)) else { return };
        let account = self.of(&leg.sku);
        let units = u64::from(shipment.quantity);
        match goods {
            Goods::Left => {
                account.shipped += units;
                account.kept += u64::from(shipment.held);
            }
            Goods::Missing => account.gone += units,
            Goods::BroughtBack => account.came += units,
            Goods::Returned(Disposition::Scrap) => {}
            Goods::Returned(Disposition::Restock | Disposition::Quarantine) => {
                account.came += units;
            }
        }
    }

    /// A SKU's own facts: a count says how many there are, whatever came before.
    pub fn sku_facts(&mut self, sku: &Sku, facts: &[SkuFact]) {
        for fact in facts {
            match fact {
                SkuFact::Counted { .. } | SkuFact::CountedV010 { .. } => {
                    self.of(sku).unclear = true;
                }
                SkuFact::Configured(settings) if settings.backorder_limit > 0 => {
                    self.of(sku).beyond_stock = true;
                }
                _ => {}
            }
        }
    }

    /// What the fold has of a SKU in the end, and whether its log has forgotten something.
    pub fn stands(&mut self, sku: &Sku, total: Quantities, forgotten: bool) {
        let account = self.of(sku);
        account.stands = Some(total);
        account.unclear |= forgotten;
    }

    /// Holds each SKU to its sum; the units of all of them.
    pub fn balance(&self, notes: &mut Notes) -> Units {
        let mut units = Units::default();
        for (sku, account) in &self.0 {
            let Some(total) = account.stands else { continue };
            let oversold = if account.unclear { 0 } else { account.oversold(&total) };
            units.received += account.received;
            units.shipped += account.shipped;
            units.on_hand += total.on_hand;
            units.promised += total.held + total.allocated;
            units.oversold += oversold;
            if oversold > 0 {
                notes.note(OVERSOLD, 0, account.tell_oversold(sku, &total, oversold));
            }
            let (came, left) = (account.received + account.came, account.shipped + account.gone);
            if !account.unclear && total.on_hand + left != came + total.overdrawn {
                let there = total.on_hand;
                let text = format!("sku {sku}: {came} came, {left} left, {there} are there");
                notes.note(FOUND_OR_LOST, 0, text);
            }
        }
        units
    }
}

impl Account {
    /// What is promised and left beyond what came; or what was promised, and is or has left, beyond
    /// all that ever came, whatever was lost meanwhile.
    fn oversold(&self, total: &Quantities) -> u64 {
        let (left, came) = (self.shipped + self.gone, self.received + self.came);
        let now = (left + covered(total)).saturating_sub(came + total.overdrawn);
        let ever = (self.kept + covered(total)).saturating_sub(came);
        if self.beyond_stock { now } else { now.max(ever) }
    }

    fn tell_oversold(&self, sku: &Sku, total: &Quantities, by: u64) -> String {
        let (came, left) = (self.received + self.came, self.shipped + self.gone);
        let promised = covered(total);
        format!("sku {sku}, by {by} units: {came} came, {left} left, {promised} are promised")
    }
}

/// Promised units that are said to be on the shelf.
fn covered(total: &Quantities) -> u64 {
    (total.held + total.allocated).saturating_sub(total.short + total.backordered)
}
