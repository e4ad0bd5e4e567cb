//! What is said of SKUs: carts, goods that come and go, counts, and how things are sold.

use earmark::domain::{
    event::*,
    ids::{LocationId, Name},
    time::Span,
};

use crate::{
    engine::{Done, World},
    words::Said,
};

/// What may be said of a SKU.
#[derive(Clone, Copy, Debug)]
enum Step {
    Hold,
    Extend,
    Transfer,
    Commit,
    Release,
    Ship,
    Receive,
    Return,
    Adjust,
    Count,
    Move,
    Configure,
    Retire,
    Describe,
}

const LIKELY: &[(u32, Step)] = &[
    (30, Step::Hold),
    (6, Step::Extend),
    (5, Step::Transfer),
    (6, Step::Commit),
    (6, Step::Release),
    (9, Step::Ship),
    (16, Step::Receive),
    (4, Step::Return),
    (7, Step::Adjust),
    (8, Step::Count),
    (9, Step::Move),
    (5, Step::Configure),
    (1, Step::Retire),
    (1, Step::Describe),
];

impl World {
    /// Goods are there before anybody comes.
    pub fn stock_up(&mut self) -> Done {
        for at in 0..self.skus.len() {
            let settings = self.settings(true);
            self.say(Said::Sku(at, SkuEvent::SkuConfigured(settings)), Span::ZERO)?;
            for place in 0..self.names.locations.len() {
                if self.luck.percent(60) {
                    let location = self.names.locations[place].clone();
                    let event = self.received(location, 8);
                    self.say(Said::Sku(at, event), Span::ZERO)?;
                }
            }
        }
        Ok(())
    }

    /// Somebody says something of a SKU.
    pub fn say_of_a_sku(&mut self) -> Done {
        let at = self.luck.below(self.skus.len());
        let step = self.luck.weighted(LIKELY);
        let event = self.sku_event(at, step);
        let ago = self.ago(25 * 3_600);
        let expires_at = self.patience();
        self.say_until(Said::Sku(at, event), ago, expires_at)
    }

    fn sku_event(&mut self, at: usize, step: Step) -> SkuEvent {
        let location = self.place();
        let (cart, owner) = self.cart(at);
        match step {
            Step::Hold => self.hold(cart, owner),
            Step::Extend => {
                let ttl_s = self.luck.units(60, 1_800);
                SkuEvent::HoldExtended(HoldExtended { hold: cart, owner, ttl_s })
            }
            Step::Transfer => {
                let to_owner = self.luck.one(&self.names.clone().owners);
                SkuEvent::HoldTransferred(HoldTransferred { hold: cart, owner, to_owner })
            }
            Step::Commit => SkuEvent::HoldCommitted(HoldCommitted { hold: cart, owner }),
            Step::Release => {
                SkuEvent::HoldReleased(HoldReleased { hold: cart, owner, reason: None })
            }
            Step::Ship => {
                let (quantity, reference) = (self.luck.units(1, 4), self.names.nobody.clone());
                SkuEvent::StockShipped(StockShipped { hold: cart, quantity, reference })
            }
            Step::Receive => self.received(location, 5),
            Step::Return => self.returned(location),
            Step::Adjust => {
                let units = i64::from(self.luck.units(1, 3));
                let quantity = if self.luck.percent(60) { -units } else { units };
                let reason = "found or lost".to_owned();
                SkuEvent::StockAdjusted(StockAdjusted { location, quantity, reason })
            }
            Step::Count => self.count(at, location),
            Step::Move => self.moved(location),
            Step::Configure => SkuEvent::SkuConfigured(self.settings(false)),
            Step::Retire => SkuEvent::SkuRetired,
            Step::Describe => {
                let attributes = [("colour".to_owned(), "red".to_owned())].into();
                SkuEvent::SkuDescribed(SkuDescribed { attributes })
            }
        }
    }

    fn place(&mut self) -> LocationId {
        self.luck.one(&self.names.clone().locations)
    }

    /// A cart, mostly one that stands, and who mostly owns it.
    fn cart(&mut self, at: usize) -> (Name, Name) {
        let names = self.names.clone();
        let standing: Vec<Name> = self.books[at].carts().cloned().collect();
        let cart = match standing.is_empty() || self.luck.percent(45) {
            true => self.luck.one(&names.carts),
            false => self.luck.one(&standing),
        };
        let number = names.carts.iter().position(|of| *of == cart).unwrap_or(0);
        let owner = match self.luck.percent(80) {
            true => names.owners[number % names.owners.len()].clone(),
            false => self.luck.one(&names.owners),
        };
        (cart, owner)
    }

    fn hold(&mut self, hold: Name, owner: Name) -> SkuEvent {
        let kinds = [HoldKind::Cart, HoldKind::Cart, HoldKind::Order, HoldKind::Draft];
        let kind = self.luck.one(&kinds);
        let quantity = self.luck.units(1, 5);
        let location = self.luck.percent(40).then(|| self.place());
        let ttl_s = self.luck.percent(60).then(|| self.luck.units(30, 1_800));
        let (partial, backorder) = (self.luck.percent(40), self.luck.percent(30));
        SkuEvent::HoldRequested(HoldRequested {
            hold,
            owner,
            kind,
            quantity,
            location,
            ttl_s,
            partial,
            backorder,
        })
    }

    fn received(&mut self, location: LocationId, most: u32) -> SkuEvent {
        let (quantity, reference) = (self.luck.units(1, most), self.names.nobody.clone());
        SkuEvent::StockReceived(StockReceived { location, quantity, reference })
    }

    fn returned(&mut self, location: LocationId) -> SkuEvent {
        let kinds = [Disposition::Restock, Disposition::Quarantine, Disposition::Scrap];
        let disposition = self.luck.one(&kinds);
        let (quantity, reference) = (self.luck.units(1, 3), self.names.nobody.clone());
        SkuEvent::StockReturned(StockReturned { location, quantity, reference, disposition })
    }

    /// Somebody counts what there is, and is wrong now and then, or late.
    fn count(&mut self, at: usize, location: LocationId) -> SkuEvent {
        let kind = self.luck.one(&[CountKind::OnHand, CountKind::OnHand, CountKind::Available]);
        let there = self.skus[at].stock(&location);
        let there = match kind {
            CountKind::OnHand => there.on_hand,
            CountKind::Available => there.available,
        };
        let wrong = u64::from(self.luck.units(0, 2));
        let counted =
            if self.luck.percent(50) { there + wrong } else { there.saturating_sub(wrong) };
        let late = i64::from(if self.luck.percent(70) { 0 } else { self.luck.units(1, 1_200) });
        let as_of = self.now - Span::from_secs(late);
        let quantity = counted as u32;
        SkuEvent::StockCounted(StockCounted { location, quantity, kind, as_of })
    }

    fn moved(&mut self, location: LocationId) -> SkuEvent {
        let kinds =
            [StockKind::Sellable, StockKind::Damaged, StockKind::QualityControl, StockKind::Safety];
        let (from, to) = (self.luck.one(&kinds), self.luck.one(&kinds));
        SkuEvent::StockMoved(StockMoved { location, quantity: self.luck.units(1, 3), from, to })
    }

    fn settings(&mut self, first: bool) -> SkuConfigured {
        SkuConfigured {
            backorder_limit: self.luck.percent(60).then(|| self.luck.units(0, 4)),
            safety_stock: self.luck.percent(30).then(|| self.luck.units(0, 2)),
            hold_ttl_s: self.luck.percent(20).then(|| self.luck.units(60, 1_200)),
            sellable: if first { None } else { Some(self.luck.percent(85)) },
        }
    }
}
