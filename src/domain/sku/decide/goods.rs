//! Goods that came, went, or changed their kind. A fact that a count has already seen is written
//! down and moves nothing.

use super::{
    Draft,
    shelf::{self, Reach},
};
use crate::domain::{
    decision::Verdict,
    event::{Disposition, StockAdjusted, StockKind, StockMoved, StockReturned},
    ids::LocationId,
    refusal::Refusal,
    sku::{
        counts::About,
        ledger::Ledger,
        stock::{Stock, StockChange, signed},
    },
};

type Judgement = Result<Verdict, Refusal>;

/// Goods arrived.
pub(super) fn received(draft: &mut Draft<'_>, location: &LocationId, quantity: u32) -> Judgement {
    Ok(came(draft, location, u64::from(quantity), Disposition::Restock))
}

/// Goods without an order came back.
pub(super) fn returned(draft: &mut Draft<'_>, event: &StockReturned) -> Judgement {
    Ok(came(draft, &event.location, u64::from(event.quantity), event.disposition))
}

/// Goods are back, and this is done with them.
pub(super) fn came(
    draft: &mut Draft<'_>,
    location: &LocationId,
    units: u64,
    disposition: Disposition,
) -> Verdict {
    match disposition {
        Disposition::Restock if !draft.is_counted(location, About::ForSale) => {
            shelf::arrive(draft, location, units);
        }
        Disposition::Quarantine if !draft.is_counted(location, About::Aside) => {
            quarantined(draft, location, units);
        }
        Disposition::Restock | Disposition::Quarantine | Disposition::Scrap => {
            return Verdict::Recorded;
        }
    }
    Verdict::Accepted
}

/// Goods arrived and are looked at first; what was overdrawn is paid off even so.
fn quarantined(draft: &mut Draft<'_>, location: &LocationId, units: u64) {
    let paid = units.min(draft.stock(location).overdrawn);
    let change = StockChange {
        on_hand: signed(units - paid),
        quality_control: signed(units - paid),
        overdrawn: -signed(paid),
        ..Default::default()
    };
    shelf::settle(draft, location, change);
}

/// Units were found or lost.
pub(super) fn adjusted(draft: &mut Draft<'_>, event: &StockAdjusted) -> Judgement {
    if draft.is_counted(&event.location, About::ForSale) {
        return Ok(Verdict::Recorded);
    }
    let units = event.quantity.unsigned_abs();
    if event.quantity < 0 {
        shelf::take(draft, &event.location, units, Reach::Shelf);
    } else {
        shelf::arrive(draft, &event.location, units);
    }
    Ok(Verdict::Accepted)
}

/// Units changed their kind: as many as there are of what they were. Units for sale may be promised
/// already; they are moved all the same, and the newest promises become short. Only what is kept
/// back on purpose is taken from no promise.
pub(super) fn moved(draft: &mut Draft<'_>, event: &StockMoved) -> Judgement {
    if draft.is_counted(&event.location, about(event)) || event.from == event.to {
        return Ok(Verdict::Recorded);
    }
    let stock = draft.stock(&event.location);
    let (mut change, units) = leaving(&stock, event);
    *counter(&mut change, event.to) += signed(units);
    match (event.from, event.to) {
        (StockKind::Sellable, _) => shelf::break_promises(draft, &event.location, change),
        // What is taken out of the buffer on purpose shall not flow back into it.
        (StockKind::Safety, _) => {
            shelf::settle_keeping(draft, &event.location, change, stock.safety - units);
        }
        (StockKind::Damaged | StockKind::QualityControl, _) => {
            shelf::settle(draft, &event.location, change);
        }
    }
    Ok(if units > 0 { Verdict::Accepted } else { Verdict::Recorded })
}

fn about(event: &StockMoved) -> About {
    match (event.from, event.to) {
        (StockKind::Sellable, _) | (_, StockKind::Sellable) => About::KindForSale,
        (StockKind::Damaged | StockKind::QualityControl | StockKind::Safety, _) => About::KindAside,
    }
}

fn leaving(stock: &Stock, event: &StockMoved) -> (StockChange, u64) {
    let asked = u64::from(event.quantity);
    let there = match event.from {
        StockKind::Sellable if event.to == StockKind::Safety => stock.available,
        StockKind::Sellable => return shelf::withdrawn(stock, asked, Reach::Sellable),
        StockKind::Damaged => stock.damaged,
        StockKind::QualityControl => stock.quality_control,
        StockKind::Safety => stock.safety,
    };
    let units = there.min(asked);
    let mut change = StockChange::default();
    *counter(&mut change, event.from) -= signed(units);
    (change, units)
}

fn counter(change: &mut StockChange, kind: StockKind) -> &mut i64 {
    match kind {
        StockKind::Sellable => &mut change.available,
        StockKind::Damaged => &mut change.damaged,
        StockKind::QualityControl => &mut change.quality_control,
        StockKind::Safety => &mut change.safety,
    }
}
