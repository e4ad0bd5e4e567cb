//! A count says how a location looked at a point of the past; what has moved since is netted.
//!
//! Who counts units for sale says that nobody waits for any: what is found serves them as well.

use std::cmp::Ordering;

use super::{
    Draft,
    shelf::{self, Reach},
};
use crate::domain::{
    decision::Verdict,
    event::{CountKind, StockCounted},
    ids::LocationId,
    refusal::Refusal,
    sku::{
        SkuFact,
        ledger::Ledger,
        stock::{Stock, StockChange, signed},
    },
};

/// Somebody counted. A count of before the last one, or of a time from which movements are no
/// longer remembered, is written down and changes nothing.
pub(super) fn counted(draft: &mut Draft<'_>, event: &StockCounted) -> Result<Verdict, Refusal> {
    let StockCounted { location, quantity, kind, as_of } = event;
    let stock = draft.stock(location);
    let older_than = |mark: Option<_>| mark.is_some_and(|mark| *as_of < mark);
    if older_than(stock.latest_count()) || older_than(stock.forgotten_until) {
        return Ok(Verdict::Recorded);
    }
    let since = draft.state().movements.since(location, *as_of);
    let (moved, now, reach) = match kind {
        CountKind::OnHand => (since.on_hand, stock.on_hand, Reach::Shelf),
        CountKind::Available => (since.available, stock.available, Reach::Promisable),
    };
    let (kind, as_of) = (*kind, *as_of);
    draft.propose(SkuFact::Counted { location: location.clone(), kind, as_of });
    clear_overdrawn(draft, location, &stock);
    let target = i64::from(*quantity).saturating_add(moved);
    let found = target.saturating_sub(signed(now));
    match (found.cmp(&0), kind) {
        (Ordering::Less, _) => shelf::take(draft, location, found.unsigned_abs(), reach),
        (Ordering::Equal, _) => {}
        (Ordering::Greater, CountKind::OnHand) => {
            shelf::arrive(draft, location, found.unsigned_abs());
        }
        (Ordering::Greater, CountKind::Available) => {
            let waiting = stock.waiting(u64::from(draft.state().head.settings.safety_stock));
            shelf::arrive(draft, location, found.unsigned_abs().saturating_add(waiting));
        }
    }
    Ok(Verdict::Accepted)
}

/// What was taken beyond what was known is known now.
fn clear_overdrawn(draft: &mut Draft<'_>, location: &LocationId, stock: &Stock) {
    if stock.overdrawn > 0 {
        let change = StockChange { overdrawn: -signed(stock.overdrawn), ..Default::default() };
        draft.propose(SkuFact::StockChanged { location: location.clone(), change });
    }
}
