//! Goods that came, went, or changed their kind. A fact of before the last count leaves the figure
//! that was counted as it is: what was counted for sale, or lies on the shelf, was right.

use super::{
    Draft,
    shelf::{self, Reach},
};
use crate::domain::{
    decision::Verdict,
    event::{CountKind, Disposition, StockAdjusted, StockKind, StockMoved, StockReturned},
    ids::LocationId,
    refusal::Refusal,
    sku::{
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
    match (disposition, draft.counted_since(location)) {
        (Disposition::Restock, None) => shelf::arrive(draft, location, units),
        (Disposition::Quarantine, None | Some(CountKind::Available)) => {
            come_aside(draft, location, units, StockKind::QualityControl);
        }
        // They lay there among the rest when the shelf was counted.
        (Disposition::Quarantine, Some(CountKind::OnHand)) => {
            let (mut change, units) =
                shelf::withdrawn(&draft.stock(location), units, Reach::Sellable);
            *counter(&mut change, StockKind::QualityControl) += signed(units);
            shelf::break_promises(draft, location, change);
        }
        (Disposition::Restock, Some(_)) | (Disposition::Scrap, _) => return Verdict::Recorded,
    }
    Verdict::Accepted
}

/// Units are on the shelf that are not for sale; what was overdrawn is paid off even so.
fn come_aside(draft: &mut Draft<'_>, location: &LocationId, units: u64, kind: StockKind) {
    let paid = units.min(draft.stock(location).overdrawn);
    let mut change = StockChange {
        on_hand: signed(units - paid),
        overdrawn: -signed(paid),
        ..Default::default()
    };
    *counter(&mut change, kind) += signed(units - paid);
    shelf::settle(draft, location, change);
}

/// Units were found or lost.
pub(super) fn adjusted(draft: &mut Draft<'_>, event: &StockAdjusted) -> Judgement {
    if draft.counted_since(&event.location).is_some() {
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
    if event.from == event.to {
        return Ok(Verdict::Recorded);
    }
    let for_sale = event.from == StockKind::Sellable || event.to == StockKind::Sellable;
    let counted = draft.counted_since(&event.location) == Some(CountKind::Available);
    if for_sale && counted {
        return Ok(moved_unnoticed(draft, event));
    }
    let stock = draft.stock(&event.location);
    let (mut change, units) = leaving(&stock, event);
    *counter(&mut change, event.to) += signed(units);
    // What is taken out of the buffer on purpose shall not flow back into it; nor is it filled from
    // what was counted for sale after it had broken.
    let keeps = event.from == StockKind::Safety && (event.to == StockKind::Sellable || counted);
    match event.from {
        StockKind::Sellable => shelf::break_promises(draft, &event.location, change),
        StockKind::Safety if keeps => {
            shelf::settle_keeping(draft, &event.location, change, stock.safety - units);
        }
        StockKind::Safety | StockKind::Damaged | StockKind::QualityControl => {
            shelf::settle(draft, &event.location, change);
        }
    }
    Ok(if units > 0 { Verdict::Accepted } else { Verdict::Recorded })
}

/// Units changed their kind before what is for sale was counted: that figure is right, and the
/// count took for lost what was set aside, and for found what came back.
fn moved_unnoticed(draft: &mut Draft<'_>, event: &StockMoved) -> Verdict {
    if event.from == StockKind::Sellable {
        come_aside(draft, &event.location, u64::from(event.quantity), event.to);
        return Verdict::Accepted;
    }
    let (mut change, units) = leaving(&draft.stock(&event.location), event);
    change.on_hand -= signed(units);
    shelf::break_promises(draft, &event.location, change);
    if units > 0 { Verdict::Accepted } else { Verdict::Recorded }
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
