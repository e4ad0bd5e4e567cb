//! How an order comes by its hold: from stock, or from the cart that its line claims.

use super::{draft::Draft, holds, orders, place, shelf};
use crate::domain::{
    command::SkuAnswer,
    event::HoldKind,
    guard::Then,
    ids::{HoldName, Name, OrderId, Owner},
    refusal::{Reason, Refusal},
    sku::{
        SkuFact,
        book::Known,
        hold::{Ending, Hold, HoldState, PromiseNo},
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
        location: asked_location,
    };
    let grant = match &claimed {
        Some(hold) => choose_with(draft, &wish, hold)?,
        None => place::choose(draft, &wish, None)?,
    };
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

/// Where the claimed units are, if the whole can be had there; else wherever it can.
fn choose_with(
    draft: &Draft<'_>,
    wish: &place::Wish<'_>,
    hold: &Hold,
) -> Result<place::Grant, Refusal> {
    let claimed = place::Claimed { location: hold.location.clone(), units: hold.units };
    let may_stay = wish.location.is_none_or(|location| *location == hold.location);
    let here = place::Wish { partial: false, location: Some(&hold.location), ..*wish };
    match place::choose(draft, &here, Some(&claimed)) {
        Ok(grant) if may_stay => Ok(grant),
        Ok(_) | Err(_) => place::choose(draft, wish, Some(&claimed)),
    }
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
