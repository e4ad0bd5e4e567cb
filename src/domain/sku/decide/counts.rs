//! A count says how a location looked at a point of the past; what has moved since is netted.
//!
//! Who counts units for sale says that nobody waits for any: what is found serves them as well.

use std::cmp::Ordering;

use super::{
    Draft,
    shelf::{self, Reach},
};
use crate::{
    domain::{
        decision::Verdict,
        event::{CountKind, StockCounted},
        ids::LocationId,
        refusal::Refusal,
        sku::{SkuFact, ledger::Ledger, movements::Movement},
    },
    mutants::{self, Mutant},
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
    let since = match mutants::is_in(Mutant::CountNetsNothing) {
        true => Movement::default(),
        false => draft.state().movements.since(location, *as_of),
    };
    let safety_stock = u64::from(draft.state().head.settings.safety_stock);
    let then = Then {
        on_hand: stock.net_on_hand().saturating_sub(since.on_hand),
        position: stock.position(safety_stock).saturating_sub(since.available),
        taken_out: match stock.available {
            0 => 0,
            _ => safety_stock.saturating_sub(stock.safety),
        },
    };
    draft.propose(SkuFact::Counted { location: location.clone(), kind: *kind, as_of: *as_of });
    match kind {
        CountKind::OnHand => lies_there(draft, location, then, i64::from(*quantity)),
        CountKind::Available => is_for_sale(draft, location, then, i64::from(*quantity)),
    }
    Ok(Verdict::Accepted)
}

/// What is known of the time of a count.
#[derive(Clone, Copy)]
struct Then {
    on_hand: i64,
    position: i64,
    /// Units taken out of the safety stock on purpose: what comes now fills it up again.
    taken_out: u64,
}

fn lies_there(draft: &mut Draft<'_>, location: &LocationId, then: Then, counted: i64) {
    let found = counted.saturating_sub(then.on_hand);
    match found.cmp(&0) {
        Ordering::Less => shelf::take(draft, location, found.unsigned_abs(), Reach::Shelf),
        Ordering::Equal => {}
        Ordering::Greater => shelf::arrive(draft, location, found.unsigned_abs()),
    }
}

/// Units are for sale where all that comes first has been served. Fewer than were known are a loss;
/// what was taken then beyond what was known is known now.
fn is_for_sale(draft: &mut Draft<'_>, location: &LocationId, then: Then, counted: i64) {
    let known = then.position.max(0);
    if counted > known {
        let found = counted.saturating_sub(then.position).unsigned_abs();
        return shelf::arrive(draft, location, found.saturating_add(then.taken_out));
    }
    if then.on_hand < 0 {
        shelf::arrive(draft, location, then.on_hand.unsigned_abs());
    }
    shelf::take(draft, location, known.abs_diff(counted), Reach::Shelf);
}
