//! Goods that left: believed, also where a step was skipped, a deadline was over, or more left than
//! was promised. What left beyond its hold is taken from the shelf like any other loss.

use super::{
    Draft, find, park,
    shelf::{self, Reach},
};
use crate::domain::{
    decision::{Published, Verdict},
    event::{SkuEvent, StockShipped},
    guard::Then,
    ids::{LocationId, Owner},
    refusal::{Reason, Refusal},
    sku::{
        SkuFact,
        book::Known,
        hold::{Ending, Hold, PromiseNo, Stone},
        ledger::Ledger,
        station::{HOLD, HoldCondition, HoldStation, HoldStep},
        stock::StockChange,
    },
};

/// Units that left.
#[derive(Clone, Copy)]
pub(super) struct Leaving {
    /// All of them.
    pub units: u64,
    /// Those that the hold promised, as far as its owner knows.
    pub held: u64,
}

/// `stock.shipped`, for a hold that is no order's.
pub(super) fn shipped(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    event: &StockShipped,
) -> Result<Verdict, Refusal> {
    let units = u64::from(event.quantity);
    let known = find(draft, &event.hold);
    let station = HoldStation::of(&known, draft.when().logged_at);
    let orders = matches!(known, Known::Open(Hold { owner: Owner::Order(_), .. }));
    let then = HOLD.then(station, HoldStep::Shipped, |condition| match condition {
        HoldCondition::NotOwner => orders,
        HoldCondition::Differs | HoldCondition::SameOrder => false,
    });
    match (then, known) {
        (Then::Refuse(reason), _) => Err(reason.into()),
        (Then::Wait, _) | (_, Known::Unknown) => park(draft, published),
        (_, Known::Open(Hold { promise, location, .. })) => {
            let (promise, location) = (*promise, location.clone());
            Ok(from_hold(draft, promise, &location, Leaving { units, held: units }))
        }
        // Goods of a hold that ended left where they were held.
        (_, Known::Ended(stone)) => {
            let stone = stone.clone();
            let location = stone.location.clone().ok_or(Refusal::from(Reason::HoldEnded))?;
            Ok(after_hold(draft, &stone, &location, units))
        }
    }
}

/// Units of a hold left some location. Those that it was promised there were not for sale.
pub(super) fn from_hold(
    draft: &mut Draft<'_>,
    promise: PromiseNo,
    location: &LocationId,
    Leaving { units, held }: Leaving,
) -> Verdict {
    shelf::bring_up_to_date(draft, promise);
    let Some(hold) = draft.hold(promise).cloned() else { return Verdict::Recorded };
    let promised = held.min(units).min(hold.units.total());
    let here = hold.location == *location;
    let counted = draft.is_on_counted_shelf(location);
    // Units that a count has missed already, or that left elsewhere, are still on this shelf.
    let from_its_own = if here && !counted { promised.min(hold.units.covered) } else { 0 };
    if from_its_own > 0 {
        draft.propose(SkuFact::HoldShipped { promise, units: from_its_own });
    }
    let rest = promised - from_its_own;
    if here && rest > 0 {
        // Whoever waited for goods that left waits no longer: nothing was for sale before or after.
        draft.set_aside();
    }
    if promised == hold.units.total() {
        draft.propose(SkuFact::HoldEnded { promise, ending: Ending::Shipped, stone: promise });
    } else if let Some(hold) = draft.hold(promise).filter(|_| rest > 0) {
        let by = hold.giving_up(rest);
        draft.propose(SkuFact::HoldReduced { promise, by });
    }
    shelf::settle(draft, &hold.location, StockChange::default());
    let rest = units - from_its_own;
    let given_up = if here { hold.requested_beyond(hold.units.total()).min(rest) } else { 0 };
    let others = [
        (given_up > 0).then(|| from_the_promised(draft, location, given_up)),
        (rest > given_up).then(|| from_shelf(draft, location, rest - given_up)),
    ];
    let accepted = from_its_own > 0 || others.contains(&Some(Verdict::Accepted));
    if accepted { Verdict::Accepted } else { Verdict::Recorded }
}

/// Units left a location, as is told after their hold had ended. If they left before it did, they
/// were promised then; a count of what is for sale that was made after it has seen them gone.
pub(super) fn after_hold(
    draft: &mut Draft<'_>,
    stone: &Stone,
    location: &LocationId,
    units: u64,
) -> Verdict {
    let given_up = matches!(stone.ending, Ending::Released | Ending::Expired);
    let here = stone.location.as_ref() == Some(location);
    let counted = draft.stock(location).last_count_of_available;
    let unseen = counted.is_none_or(|as_of| as_of < stone.ended_at);
    if given_up && here && unseen && draft.when().time < stone.ended_at {
        draft.set_aside_at(stone.ended_at);
        return taken(draft, location, units, draft.is_on_counted_shelf(location));
    }
    from_shelf(draft, location, units)
}

/// Units left a location that may have been promised when they did. In doubt less is for sale.
fn from_the_promised(draft: &mut Draft<'_>, location: &LocationId, units: u64) -> Verdict {
    draft.set_aside();
    taken(draft, location, units, draft.is_on_counted_shelf(location))
}

/// Units that nobody was promised, or not these, left a location.
fn from_shelf(draft: &mut Draft<'_>, location: &LocationId, units: u64) -> Verdict {
    taken(draft, location, units, draft.counted_since(location).is_some())
}

fn taken(draft: &mut Draft<'_>, location: &LocationId, units: u64, counted: bool) -> Verdict {
    if counted {
        return Verdict::Recorded;
    }
    shelf::take(draft, location, units, Reach::Shelf);
    Verdict::Accepted
}
