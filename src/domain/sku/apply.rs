//! What a fact does to a SKU. Applying asks nothing and decides nothing; a fact that does not fit
//! is a breach and never a panic.

use super::{
    SkuState,
    facts::SkuFact,
    hold::{Ending, Hold, PromiseNo, Stone},
    ledger::{self, Ledger},
    memory::Remembered,
    movements::Movement,
    parts::PartName,
    stock::Stock,
};
use crate::{
    domain::{
        Breach,
        event::Lane,
        ids::{EventKey, HoldName, LocationId},
        time::Timestamp,
    },
    mutants::{self, Mutant},
};

/// A SKU while a fact of a known time is applied to it.
struct Applying<'a> {
    state: &'a mut SkuState,
    at: Timestamp,
}

impl SkuState {
    pub(super) fn apply_fact(&mut self, fact: &SkuFact, at: Timestamp) -> Result<(), Breach> {
        ledger::enter(&mut Applying { state: self, at }, fact)?;
        match fact {
            SkuFact::Moved { location, time, movement, outdated } => {
                self.moved(location, *time, *movement, *outdated);
            }
            SkuFact::Configured(settings) => self.head.settings = *settings,
            SkuFact::Described { attributes } => {
                self.attributes.extend(attributes.clone());
                self.touch(PartName::Attributes);
            }
            SkuFact::Parked(parked) => {
                self.numbered(parked.place);
                if !mutants::is_in(Mutant::ParkedNotKept) {
                    self.touch(PartName::Parked(parked.place));
                }
                self.parking.add(parked.as_ref().clone());
            }
            SkuFact::ParkedInVain { hold } => self.despair_of(hold),
            SkuFact::Unparked { place } => self.unpark(*place)?,
            SkuFact::Remembered(remembered) => {
                self.touch(PartName::Id(remembered.key));
                self.remember(remembered.as_ref().clone());
            }
            SkuFact::Forgotten { ids, mark, stones } => self.forget(ids, *mark, stones),
            SkuFact::HoldOpened(_)
            | SkuFact::HoldExtended { .. }
            | SkuFact::HoldTransferred { .. }
            | SkuFact::HoldCommitted { .. }
            | SkuFact::HoldReduced { .. }
            | SkuFact::HoldGrown { .. }
            | SkuFact::HoldShipped { .. }
            | SkuFact::ShipmentSeen { .. }
            | SkuFact::HoldEnded { .. }
            | SkuFact::StoneLaid(_)
            | SkuFact::StockChanged { .. }
            | SkuFact::Spread { .. }
            | SkuFact::CountedV010 { .. }
            | SkuFact::Counted { .. } => {}
        }
        self.head.revision += 1;
        self.touch(PartName::Head);
        Ok(())
    }

    pub(super) fn touch(&mut self, part: PartName) {
        self.changed.insert(part);
    }

    /// Writes the counters of a location and keeps the list of those with steps left.
    pub(super) fn set_stock(&mut self, location: &LocationId, stock: Stock) {
        if stock.unspread.is_empty() {
            self.unspread.remove(location);
        } else {
            self.unspread.insert(location.clone());
        }
        match self.locations.get_mut(location) {
            Some(known) => **known = stock,
            None => drop(self.locations.insert(location.clone(), Box::new(stock))),
        }
    }

    pub(super) fn remember(&mut self, remembered: Remembered) {
        let kept = remembered.promise.is_some_and(|promise| self.book.has(promise));
        self.memory.remember(remembered, kept);
    }

    fn numbered(&mut self, promise: PromiseNo) {
        self.head.next = self.head.next.max(PromiseNo(promise.0.saturating_add(1)));
    }

    fn stone_made_way(&mut self, stone: PromiseNo) {
        self.memory.loosen(stone);
        self.touch(PartName::Stone(stone));
    }

    fn moved(
        &mut self,
        location: &LocationId,
        time: Timestamp,
        movement: Movement,
        outdated: Timestamp,
    ) {
        self.movements.add(location, time, movement);
        self.touch(PartName::Movement(time, location.clone()));
        for dropped in self.movements.drop_outdated(location, outdated) {
            self.touch(PartName::Movement(dropped, location.clone()));
            let mut stock = self.stock(location);
            stock.forgotten_until = stock.forgotten_until.max(Some(dropped));
            self.touch(PartName::Location(location.clone()));
            self.set_stock(location, stock);
        }
    }

    fn despair_of(&mut self, hold: &HoldName) {
        for place in self.parking.despair_of(hold) {
            self.touch(PartName::Parked(place));
        }
    }

    fn unpark(&mut self, place: PromiseNo) -> Result<(), Breach> {
        self.touch(PartName::Parked(place));
        match self.parking.remove(place) {
            Some(_) => Ok(()),
            None => Err(Breach(format!("no event is parked at {place}"))),
        }
    }

    fn forget(&mut self, ids: &[EventKey], mark: Option<(Lane, Timestamp)>, stones: &[PromiseNo]) {
        for key in ids {
            self.memory.forget(*key);
            self.touch(PartName::Id(*key));
        }
        for stone in stones {
            self.book.take_stone(*stone);
            self.stone_made_way(*stone);
        }
        if let Some((lane, mark)) = mark {
            let known = &mut self.head.forgotten[lane as usize];
            *known = (*known).max(Some(mark));
        }
    }
}

impl Ledger for Applying<'_> {
    fn stock(&self, location: &LocationId) -> Stock {
        self.state.stock(location)
    }

    fn put_stock(&mut self, location: &LocationId, stock: Stock) {
        self.state.touch(PartName::Location(location.clone()));
        self.state.set_stock(location, stock);
    }

    fn hold(&self, promise: PromiseNo) -> Option<&Hold> {
        self.state.book.hold(promise)
    }

    fn put_hold(&mut self, hold: Hold) {
        self.state.numbered(hold.promise);
        self.state.touch(PartName::Hold(hold.promise));
        if let Some(stone) = self.state.book.put_hold(hold) {
            self.state.stone_made_way(stone);
        }
    }

    fn end_hold(&mut self, hold: Hold, ending: &Ending, stone: PromiseNo) {
        self.state.touch(PartName::Hold(hold.promise));
        // The hold was found a moment ago, so there is nothing to learn from taking it out.
        let _ = self.state.book.take_hold(hold.promise);
        self.put_stone(hold.stone(stone, ending.clone(), self.at));
    }

    fn put_stone(&mut self, stone: Stone) {
        self.state.numbered(stone.promise);
        self.state.touch(PartName::Stone(stone.promise));
        let stone = Stone { ended_at: self.at, ..stone };
        if let Some(replaced) = self.state.book.put_stone(stone) {
            self.state.stone_made_way(replaced);
        }
    }

    fn see_shipment(&mut self, promise: PromiseNo, shipment: u32) -> Result<(), Breach> {
        if let Some(mut hold) = self.hold(promise).cloned() {
            hold.shipments.insert(shipment);
            self.put_hold(hold);
        } else if let Some(mut stone) = self.state.book.stone(promise).cloned() {
            stone.shipments.insert(shipment);
            self.state.touch(PartName::Stone(promise));
            self.state.book.put_stone(stone);
        } else {
            return Err(Breach(format!("a shipment of the unknown promise {promise}")));
        }
        Ok(())
    }
}
