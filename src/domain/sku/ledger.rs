//! How facts move units between holds and counters: written once, for the SKU itself and for the
//! draft in which a decision tries its facts before it proposes them.

use super::{
    facts::{Share, SkuFact},
    hold::{Ending, Hold, HoldState, PromiseNo, Stone, Units},
    stock::{Stock, Wave},
};
use crate::domain::{Breach, ids::LocationId};

/// Where holds and counters are kept.
pub(super) trait Ledger {
    /// The counters of a location; all zero where nothing has happened yet.
    fn stock(&self, location: &LocationId) -> Stock;
    /// Writes the counters of a location.
    fn put_stock(&mut self, location: &LocationId, stock: Stock);
    /// An open hold.
    fn hold(&self, promise: PromiseNo) -> Option<&Hold>;
    /// Writes an open hold.
    fn put_hold(&mut self, hold: Hold);
    /// Ends a hold.
    fn end_hold(&mut self, hold: Hold, ending: &Ending, stone: PromiseNo);
    /// Writes a stone.
    fn put_stone(&mut self, stone: Stone);
    /// Sees a shipment of a hold or stone.
    fn see_shipment(&mut self, promise: PromiseNo, shipment: u32) -> Result<(), Breach>;
}

/// Applies a fact as far as it is about holds and counters.
pub(super) fn enter(ledger: &mut impl Ledger, fact: &SkuFact) -> Result<(), Breach> {
    match fact {
        SkuFact::HoldOpened(hold) => open(ledger, hold),
        SkuFact::HoldExtended { promise, expires_at } => change(ledger, *promise, |hold, _| {
            hold.state = HoldState::Held { expires_at: *expires_at };
            Ok(())
        }),
        SkuFact::HoldTransferred { promise, to } => change(ledger, *promise, |hold, _| {
            hold.owner = to.clone();
            Ok(())
        }),
        SkuFact::HoldCommitted { promise } => change(ledger, *promise, |hold, stock| {
            hold.state = HoldState::Committed;
            stock.commit(hold.units.total())
        }),
        SkuFact::HoldReduced { promise, by } => change(ledger, *promise, |hold, stock| {
            hold.give_up(*by)?;
            stock.give_back(hold.is_committed(), *by)
        }),
        SkuFact::HoldGrown { promise, by } => change(ledger, *promise, |hold, stock| {
            hold.take_on(*by)?;
            stock.promise(hold.is_committed(), *by)
        }),
        SkuFact::HoldShipped { promise, units } => change(ledger, *promise, |hold, stock| {
            hold.give_up(Units { covered: *units, ..Default::default() })?;
            stock.ship(hold.is_committed(), *units)
        }),
        SkuFact::ShipmentSeen { promise, shipment } => ledger.see_shipment(*promise, *shipment),
        SkuFact::HoldEnded { promise, ending, stone } => end(ledger, *promise, ending, *stone),
        SkuFact::StoneLaid(stone) => {
            ledger.put_stone(stone.as_ref().clone());
            Ok(())
        }
        SkuFact::StockChanged { location, change } => {
            let mut stock = ledger.stock(location);
            stock.change(change)?;
            ledger.put_stock(location, stock);
            Ok(())
        }
        SkuFact::Spread { location, wave, shares } => spread(ledger, location, *wave, shares),
        SkuFact::CountedV010 { location, as_of } => {
            let stock = ledger.stock(location).counted_v010(*as_of);
            ledger.put_stock(location, stock);
            Ok(())
        }
        SkuFact::Counted { location, kind, as_of } => {
            let stock = ledger.stock(location).counted(*kind, *as_of);
            ledger.put_stock(location, stock);
            Ok(())
        }
        SkuFact::Moved { .. }
        | SkuFact::Configured(_)
        | SkuFact::Described { .. }
        | SkuFact::Parked(_)
        | SkuFact::ParkedInVain { .. }
        | SkuFact::Unparked { .. }
        | SkuFact::Remembered(_)
        | SkuFact::Forgotten { .. } => Ok(()),
    }
}

fn open(ledger: &mut impl Ledger, hold: &Hold) -> Result<(), Breach> {
    if ledger.hold(hold.promise).is_some() {
        return Err(Breach(format!("there is a hold {} already", hold.promise)));
    }
    let mut stock = ledger.stock(&hold.location);
    stock.promise(hold.is_committed(), hold.units)?;
    ledger.put_stock(&hold.location, stock);
    ledger.put_hold(hold.clone());
    Ok(())
}

fn end(
    ledger: &mut impl Ledger,
    promise: PromiseNo,
    ending: &Ending,
    stone: PromiseNo,
) -> Result<(), Breach> {
    let hold = find(ledger, promise)?;
    let mut stock = ledger.stock(&hold.location);
    stock.give_back(hold.is_committed(), hold.units)?;
    ledger.put_stock(&hold.location, stock);
    ledger.end_hold(hold, ending, stone);
    Ok(())
}

fn spread(
    ledger: &mut impl Ledger,
    location: &LocationId,
    wave: Wave,
    shares: &[Share],
) -> Result<(), Breach> {
    let mut stock = ledger.stock(location);
    for share in shares {
        let mut hold = find(ledger, share.promise)?;
        hold.take_share(wave, share.units)?;
        stock.spread(wave, share.units)?;
        ledger.put_hold(hold);
    }
    ledger.put_stock(location, stock);
    Ok(())
}

/// Changes a hold and the counters of its location together.
fn change(
    ledger: &mut impl Ledger,
    promise: PromiseNo,
    with: impl FnOnce(&mut Hold, &mut Stock) -> Result<(), Breach>,
) -> Result<(), Breach> {
    let mut hold = find(ledger, promise)?;
    let before = ledger.stock(&hold.location);
    let mut stock = before;
    with(&mut hold, &mut stock)?;
    if stock != before {
        ledger.put_stock(&hold.location, stock);
    }
    ledger.put_hold(hold);
    Ok(())
}

fn find(ledger: &impl Ledger, promise: PromiseNo) -> Result<Hold, Breach> {
    ledger.hold(promise).cloned().ok_or_else(|| Breach(format!("there is no hold {promise}")))
}
