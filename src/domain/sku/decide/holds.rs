//! Holds that publishers ask for, by name and owner. What an order owns they cannot touch.

use super::{Draft, find, park, place, shelf};
use crate::domain::{
    command::SkuAnswer,
    decision::{Published, Verdict},
    event::{HoldCommitted, HoldExtended, HoldReleased, HoldRequested, HoldTransferred, SkuEvent},
    guard::Then,
    ids::{HoldName, Name, Owner},
    outcome::Outcome,
    refusal::{Reason, Refusal},
    sku::{
        SkuFact,
        book::Known,
        hold::{Ending, Hold, HoldState, PromiseNo, to_u32},
        ledger::Ledger,
        station::{HOLD, HoldCondition, HoldStation, HoldStep},
    },
    time::{Span, Timestamp},
};

type Judgement = Result<Verdict, Refusal>;

/// What the guard lets through: an open hold, or a name that is free.
enum Found {
    Hold(Box<Hold>),
    Free,
    Parked,
}

/// Asks the guard. A hold whose deadline was over when the event was logged expires by the way.
fn ask(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    (step, name): (HoldStep, &Name),
    holds: impl Fn(HoldCondition, &Hold) -> bool,
) -> Result<Found, Refusal> {
    let known = find(draft, name);
    let station = HoldStation::of(&known, draft.when().logged_at);
    let hold = match known {
        Known::Open(hold) => Some(Box::new(hold.clone())),
        Known::Ended(_) | Known::Unknown => None,
    };
    let met = |condition| hold.as_ref().is_some_and(|hold| holds(condition, hold));
    match (HOLD.then(station, step, met), hold) {
        (Then::Go(_) | Then::Stay | Then::Note, Some(hold)) => Ok(Found::Hold(hold)),
        (Then::Go(_) | Then::Stay | Then::Note, None) => Ok(Found::Free),
        (Then::Wait, _) => park(draft, published).map(|_| Found::Parked),
        (Then::Refuse(reason), hold) => {
            let over = hold.filter(|_| reason == Reason::HoldExpired);
            over.into_iter().for_each(|hold| expire(draft, hold.promise));
            Err(reason.into())
        }
    }
}

/// The same, for an event that needs an open hold of one of these owners.
fn owned(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    (step, name): (HoldStep, &Name),
    may_own: impl Fn(&Owner) -> bool,
) -> Result<Option<Box<Hold>>, Refusal> {
    let met = |condition, hold: &Hold| match condition {
        HoldCondition::NotOwner => !may_own(&hold.owner),
        HoldCondition::Differs | HoldCondition::SameOrder => false,
    };
    match ask(draft, published, (step, name), met)? {
        Found::Hold(hold) => Ok(Some(hold)),
        Found::Parked => Ok(None),
        Found::Free => Err(Reason::HoldEnded.into()),
    }
}

/// Promise units to an owner for a while. The same hold asked for under another event's id stands
/// as it is.
pub(super) fn requested(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    event: &HoldRequested,
) -> Judgement {
    let met = |condition, hold: &Hold| match condition {
        HoldCondition::Differs => differs(event, hold),
        HoldCondition::NotOwner | HoldCondition::SameOrder => false,
    };
    match ask(draft, published, (HoldStep::Requested, &event.hold), met)? {
        Found::Free => grant(draft, event),
        Found::Parked => Ok(Verdict::Parked),
        Found::Hold(hold) => match hold.state {
            HoldState::Held { expires_at } => Ok(granted(&hold, expires_at)),
            HoldState::Committed => Err(Reason::HoldCommitted.into()),
        },
    }
}

fn differs(event: &HoldRequested, hold: &Hold) -> bool {
    hold.owner != Owner::Named(event.owner.clone())
        || hold.kind != event.kind
        || hold.requested != event.quantity
        || event.location.as_ref().is_some_and(|location| *location != hold.location)
}

fn grant(draft: &mut Draft<'_>, event: &HoldRequested) -> Judgement {
    let wish = place::Wish {
        quantity: u64::from(event.quantity),
        partial: event.partial,
        backorder: event.backorder,
        sold: false,
        location: event.location.as_ref(),
    };
    let place::Grant { location, units } = place::choose(draft, &wish, None)?;
    let expires_at = deadline(draft, event.ttl_s);
    let hold = Hold {
        promise: draft.next_number(),
        name: HoldName::Named(event.hold.clone()),
        owner: Owner::Named(event.owner.clone()),
        kind: event.kind,
        location,
        requested: event.quantity,
        units,
        state: HoldState::Held { expires_at },
        shipments: Default::default(),
    };
    let verdict = granted(&hold, expires_at);
    draft.tell(Outcome::HoldGranted {
        hold: hold.name.clone(),
        owner: hold.owner.clone(),
        kind: hold.kind,
        requested: hold.requested,
        quantity: hold.quantity(),
        backordered: hold.backordered(),
        location: hold.location.clone(),
        expires_at,
    });
    draft.propose(SkuFact::HoldOpened(Box::new(hold)));
    Ok(verdict)
}

fn granted(hold: &Hold, expires_at: Timestamp) -> Verdict {
    Verdict::HoldGranted {
        requested: hold.requested,
        quantity: hold.quantity(),
        backordered: hold.backordered(),
        location: hold.location.clone(),
        expires_at,
    }
}

/// Until when a hold lasts that is asked for now.
fn deadline(draft: &Draft<'_>, asked_s: Option<u32>) -> Timestamp {
    let seconds = asked_s.or(draft.state().head.settings.hold_ttl_s);
    let ttl = seconds.map_or(draft.policy().hold_ttl, |s| Span::from_secs(i64::from(s)));
    draft.when().logged_at + ttl.min(draft.policy().hold_ttl_max)
}

/// Ends a hold by its deadline.
pub(super) fn expire(draft: &mut Draft<'_>, promise: PromiseNo) {
    let Some(Hold { name: hold, owner, units, .. }) = draft.hold(promise).cloned() else { return };
    shelf::end(draft, promise, Ending::Expired);
    match owner {
        Owner::Named(_) => {
            let quantity = to_u32(units.total());
            draft.tell(Outcome::HoldExpired { hold, owner, quantity });
        }
        Owner::Order(order) => draft.answer(&order, SkuAnswer::Expired { hold }),
    }
}

fn is(owner: &Name) -> impl Fn(&Owner) -> bool {
    move |of| *of == Owner::Named(owner.clone())
}

/// Keep a hold longer; never shorter.
pub(super) fn extended(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    event: &HoldExtended,
) -> Judgement {
    let about = (HoldStep::Extended, &event.hold);
    let Some(hold) = owned(draft, published, about, is(&event.owner))? else {
        return Ok(Verdict::Parked);
    };
    let expires_at = match hold.state {
        HoldState::Held { expires_at } => expires_at.max(deadline(draft, Some(event.ttl_s))),
        HoldState::Committed => return Err(Reason::HoldCommitted.into()),
    };
    if hold.expires_at() != Some(expires_at) {
        draft.propose(SkuFact::HoldExtended { promise: hold.promise, expires_at });
    }
    draft.tell(Outcome::HoldExtended { hold: hold.name, expires_at });
    Ok(Verdict::HoldExtended { expires_at })
}

/// Give a hold to another owner; to the one that has it, again, changes nothing.
pub(super) fn transferred(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    event: &HoldTransferred,
) -> Judgement {
    let to = Owner::Named(event.to_owner.clone());
    let from = is(&event.owner);
    let may_own = |owner: &Owner| from(owner) || *owner == to;
    let about = (HoldStep::Transferred, &event.hold);
    let Some(hold) = owned(draft, published, about, may_own)? else {
        return Ok(Verdict::Parked);
    };
    if hold.owner != to {
        draft.propose(SkuFact::HoldTransferred { promise: hold.promise, to: to.clone() });
        draft.tell(Outcome::HoldTransferred { hold: hold.name, from: hold.owner, to });
    }
    Ok(Verdict::Accepted)
}

/// Make a hold an allocation; one that is already stays one.
pub(super) fn committed(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    event: &HoldCommitted,
) -> Judgement {
    let about = (HoldStep::Committed, &event.hold);
    let Some(hold) = owned(draft, published, about, is(&event.owner))? else {
        return Ok(Verdict::Parked);
    };
    if !hold.is_committed() {
        let quantity = hold.quantity();
        draft.propose(SkuFact::HoldCommitted { promise: hold.promise });
        draft.tell(Outcome::HoldCommitted { hold: hold.name, owner: hold.owner, quantity });
    }
    Ok(Verdict::Accepted)
}

/// Give a hold's units back.
pub(super) fn released(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    event: &HoldReleased,
) -> Judgement {
    let about = (HoldStep::Released, &event.hold);
    let Some(hold) = owned(draft, published, about, is(&event.owner))? else {
        return Ok(Verdict::Parked);
    };
    let quantity = hold.quantity();
    shelf::end(draft, hold.promise, Ending::Released);
    draft.tell(Outcome::HoldReleased { hold: hold.name, owner: hold.owner, quantity });
    Ok(Verdict::Accepted)
}
