//! How an order comes by its hold: from stock, or from the cart that its line claims. Several holds
//! of one owner are one cart: what the claimed one lacks, the others give before it is refused.

use super::{draft::Draft, holds, orders, place, shelf};
use crate::domain::{
    command::SkuAnswer,
    event::HoldKind,
    guard::Then,
    ids::{HoldName, Name, OrderId, Owner},
    outcome::Outcome,
    refusal::{Reason, Refusal},
    sku::{
        SkuFact,
        book::Known,
        facts::Share,
        hold::{Ending, Hold, HoldState, PromiseNo, Units, to_u32},
        ledger::Ledger,
        station::{HOLD, HoldCondition, HoldStation, HoldStep},
        stock::StockChange,
    },
    time::Timestamp,
};

/// An order asks for units.
pub(super) struct Reserve<'a> {
    pub hold: &'a HoldName,
    pub order: &'a OrderId,
    pub quantity: u32,
    pub partial: bool,
    pub backorder: bool,
    /// The order has the units already, and wants them somewhere else.
    pub elsewhere: bool,
    pub expires_at: Timestamp,
}

/// Reserves units for an order; a hold that stands answers again.
pub(super) fn reserve(draft: &mut Draft<'_>, ask: &Reserve<'_>) -> SkuAnswer {
    match draft.find(ask.hold) {
        Known::Open(hold) => reserved(hold),
        Known::Ended(stone) => {
            SkuAnswer::NotReserved { hold: ask.hold.clone(), refusal: stone.ending.refusal() }
        }
        Known::Unknown => match grant(draft, ask) {
            Ok(hold) => reserved(&hold),
            Err(refusal) => {
                let ending = Ending::Refused { refusal: refusal.clone() };
                orders::lay_stone(draft, ask.order, ask.hold, ending);
                SkuAnswer::NotReserved { hold: ask.hold.clone(), refusal }
            }
        },
    }
}

fn reserved(hold: &Hold) -> SkuAnswer {
    SkuAnswer::Reserved {
        hold: hold.name.clone(),
        quantity: hold.quantity(),
        backordered: hold.backordered(),
        location: hold.location.clone(),
    }
}

fn grant(draft: &mut Draft<'_>, ask: &Reserve<'_>) -> Result<Hold, Refusal> {
    if ask.expires_at < draft.when().logged_at {
        return Err(Reason::HoldExpired.into());
    }
    let (asked_location, claim) = match ask.hold {
        HoldName::Order { location, claim, .. } => (location.as_ref(), claim.as_ref()),
        HoldName::Named(_) => (None, None),
    };
    let claimed = match claim {
        Some(claim) => claimable(draft, claim, ask.order)?,
        None => None,
    };
    let wish = place::Wish {
        quantity: u64::from(ask.quantity),
        partial: ask.partial,
        backorder: ask.backorder,
        sold: ask.elsewhere,
        location: asked_location,
    };
    let (grant, given) = match &claimed {
        Some(hold) => choose_with(draft, &wish, hold)?,
        None => (place::choose(draft, &wish, None)?, Vec::new()),
    };
    given.into_iter().for_each(|share| give(draft, share));
    Ok(open(draft, ask, claimed.as_ref(), grant))
}

/// The claimed hold, if it stands and no order has claimed it. One that ended, or never was, is no
/// loss: the units are asked for anew.
fn claimable(
    draft: &mut Draft<'_>,
    claim: &Name,
    order: &OrderId,
) -> Result<Option<Hold>, Refusal> {
    let known = super::find(draft, claim);
    let station = HoldStation::of(&known, draft.when().logged_at);
    let promise = match &known {
        Known::Open(hold) => Some(hold.promise),
        Known::Ended(_) | Known::Unknown => None,
    };
    let same = matches!(&known, Known::Ended(stone) if stone.ending.is_to(order));
    let met = |condition| condition == HoldCondition::SameOrder && same;
    let promise = match (HOLD.then(station, HoldStep::ClaimedByOrder, met), promise) {
        (Then::Refuse(reason), _) => return Err(reason.into()),
        (Then::Go(HoldStation::Claimed), Some(promise)) => promise,
        (Then::Go(_), Some(promise)) => {
            holds::expire(draft, promise);
            return Ok(None);
        }
        _ => return Ok(None),
    };
    shelf::bring_up_to_date(draft, promise);
    Ok(draft.hold(promise).cloned())
}

/// Where the claimed units are, if the whole can be had there; else wherever it can; else there,
/// with what the owner's other holds give, if that is more than there is without them.
fn choose_with(
    draft: &mut Draft<'_>,
    wish: &place::Wish<'_>,
    hold: &Hold,
) -> Result<(place::Grant, Vec<Share>), Refusal> {
    let claimed = place::Claimed { location: hold.location.clone(), units: hold.units };
    let may_stay = wish.location.is_none_or(|location| *location == hold.location);
    let here = place::Wish { partial: false, location: Some(&hold.location), ..*wish };
    let there = place::choose(draft, &here, Some(&claimed)).map_err(|refusal| refusal.available);
    let lacking = match there {
        Ok(grant) if may_stay => return Ok((grant, Vec::new())),
        Ok(_) => 0,
        Err(available) => wish.quantity.saturating_sub(u64::from(available.unwrap_or(0))),
    };
    let whole = place::Wish { partial: false, ..*wish };
    if let Ok(grant) = place::choose(draft, &whole, Some(&claimed)) {
        return Ok((grant, Vec::new()));
    }
    let given = if may_stay { given_by_others(draft, hold, lacking) } else { Vec::new() };
    let units = given.iter().map(|share| share.units).sum::<u64>();
    let covered = claimed.units.covered + units;
    let with_given = place::Claimed {
        units: Units { covered, ..claimed.units },
        location: hold.location.clone(),
    };
    let stays = place::Wish { location: Some(&hold.location), ..*wish };
    let together = place::choose(draft, &stays, Some(&with_given)).ok().filter(|_| units > 0);
    let alone = place::choose(draft, wish, Some(&claimed));
    let most = alone.as_ref().map_or(0, |grant| grant.units.total());
    match together.filter(|grant| grant.units.total() > most) {
        Some(grant) => Ok((grant, given)),
        None => Ok((alone?, Vec::new())),
    }
}

/// What other holds of its owner, at its location, have of the units that a claimed hold lacks, the
/// oldest first.
fn given_by_others(draft: &mut Draft<'_>, claimed: &Hold, mut lacking: u64) -> Vec<Share> {
    let logged_at = draft.when().logged_at;
    let others = draft.state().book.holds().filter(|hold| {
        hold.owner == claimed.owner
            && hold.kind == claimed.kind
            && hold.location == claimed.location
            && hold.promise != claimed.promise
            && !hold.is_committed()
            && !hold.is_over_at(logged_at)
    });
    let mut given = Vec::new();
    let most = draft.policy().holds_per_step_max;
    for promise in others.map(|hold| hold.promise).take(most).collect::<Vec<_>>() {
        if lacking == 0 {
            break;
        }
        shelf::bring_up_to_date(draft, promise);
        let covered = draft.hold(promise).map_or(0, |hold| hold.units.covered);
        let units = covered.min(lacking);
        lacking -= units;
        if units > 0 {
            given.push(Share { promise, units });
        }
    }
    given
}

/// A hold gives units to an order of its owner, and says so; with the last of them it ends.
fn give(draft: &mut Draft<'_>, Share { promise, units }: Share) {
    let Some(hold) = draft.hold(promise).cloned() else { return };
    let by = Units { covered: units, ..Units::default() };
    draft.propose(match hold.units == by {
        true => SkuFact::HoldEnded { promise, ending: Ending::Released, stone: promise },
        false => SkuFact::HoldReduced { promise, by },
    });
    let (hold, owner, quantity) = (hold.name, hold.owner, to_u32(units));
    draft.tell(Outcome::HoldReleased { hold, owner, quantity });
}

/// Opens the order's hold. A claimed hold ends in the same decision and leaves it its place among
/// the promises, so that its units are never free in between.
fn open(
    draft: &mut Draft<'_>,
    ask: &Reserve<'_>,
    claimed: Option<&Hold>,
    grant: place::Grant,
) -> Hold {
    let promise = match claimed {
        Some(claimed) => hand_over(draft, claimed, ask.order),
        None => draft.next_number(),
    };
    let hold = Hold {
        promise,
        name: ask.hold.clone(),
        owner: Owner::Order(ask.order.clone()),
        kind: HoldKind::Order,
        location: grant.location,
        requested: ask.quantity,
        units: grant.units,
        state: HoldState::Held { expires_at: ask.expires_at },
        shipments: Default::default(),
    };
    draft.propose(SkuFact::HoldOpened(Box::new(hold.clone())));
    if let Some(claimed) = claimed {
        shelf::settle(draft, &claimed.location, StockChange::default());
    }
    hold
}

fn hand_over(draft: &mut Draft<'_>, claimed: &Hold, order: &OrderId) -> PromiseNo {
    let ending = Ending::Transferred { to: Owner::Order(order.clone()) };
    let stone = draft.next_number();
    draft.propose(SkuFact::HoldEnded { promise: claimed.promise, ending, stone });
    claimed.promise
}
