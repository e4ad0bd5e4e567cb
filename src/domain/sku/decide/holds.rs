//! Holds that publishers ask for, by name and owner. What an order owns they cannot touch.

use super::{Draft, find, park, place, shelf};
use crate::domain::{
    command::SkuAnswer,
    decision::{Published, Verdict},
    event::{HoldCommitted, HoldExtended, HoldReleased, HoldRequested, HoldTransferred, SkuEvent},
    ids::{HoldName, Name, Owner},
    outcome::Outcome,
    refusal::{Reason, Refusal},
    sku::{
        SkuFact,
        book::Known,
        hold::{Ending, Hold, HoldState, PromiseNo, to_u32},
        ledger::Ledger,
    },
    time::{Span, Timestamp},
};

type Judgement = Result<Verdict, Refusal>;

/// Promise units to an owner for a while.
pub(super) fn requested(draft: &mut Draft<'_>, event: &HoldRequested) -> Judgement {
    match find(draft, &event.hold) {
        Known::Open(hold) => {
            let hold = hold.clone();
            asked_again(draft, event, &hold)
        }
        Known::Ended(stone) => Err(stone.ending.refusal()),
        Known::Unknown => grant(draft, event),
    }
}

fn grant(draft: &mut Draft<'_>, event: &HoldRequested) -> Judgement {
    let wish = place::Wish {
        quantity: u64::from(event.quantity),
        partial: event.partial,
        backorder: event.backorder,
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

/// The same hold asked for under another event's id stands as it is; another of its name cannot be.
fn asked_again(draft: &mut Draft<'_>, event: &HoldRequested, hold: &Hold) -> Judgement {
    let elsewhere = event.location.as_ref().is_some_and(|location| *location != hold.location);
    let same = hold.owner == Owner::Named(event.owner.clone())
        && hold.kind == event.kind
        && hold.requested == event.quantity
        && !elsewhere;
    if !same {
        return Err(Reason::HoldExists.into());
    }
    not_over(draft, hold)?;
    match hold.state {
        HoldState::Held { expires_at } => Ok(granted(hold, expires_at)),
        HoldState::Committed => Err(Reason::HoldCommitted.into()),
    }
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

/// What an event finds that needs an open hold of its owner.
enum Found {
    Hold(Box<Hold>),
    Parked,
}

/// The open hold that an event is about, if the owner that it expects owns it and its deadline was
/// not over when the event was logged. What is not known yet is waited for.
fn owned(
    draft: &mut Draft<'_>,
    published: &Published<SkuEvent>,
    name: &Name,
    may_own: impl Fn(&Owner) -> bool,
) -> Result<Found, Refusal> {
    let hold = match find(draft, name) {
        Known::Open(hold) => hold.clone(),
        Known::Ended(stone) => return Err(stone.ending.refusal()),
        Known::Unknown => return park(draft, published).map(|_| Found::Parked),
    };
    if !may_own(&hold.owner) {
        return Err(Reason::NotOwner.into());
    }
    not_over(draft, &hold)?;
    Ok(Found::Hold(Box::new(hold)))
}

/// Expires a hold whose deadline was over when the event was logged, and refuses the event.
fn not_over(draft: &mut Draft<'_>, hold: &Hold) -> Result<(), Refusal> {
    if !hold.is_over_at(draft.when().logged_at) {
        return Ok(());
    }
    expire(draft, hold.promise);
    Err(Reason::HoldExpired.into())
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
    let hold = match owned(draft, published, &event.hold, is(&event.owner))? {
        Found::Hold(hold) => hold,
        Found::Parked => return Ok(Verdict::Parked),
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
    let hold = match owned(draft, published, &event.hold, may_own)? {
        Found::Hold(hold) => hold,
        Found::Parked => return Ok(Verdict::Parked),
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
    let hold = match owned(draft, published, &event.hold, is(&event.owner))? {
        Found::Hold(hold) => hold,
        Found::Parked => return Ok(Verdict::Parked),
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
    let hold = match owned(draft, published, &event.hold, is(&event.owner))? {
        Found::Hold(hold) => hold,
        Found::Parked => return Ok(Verdict::Parked),
    };
    let quantity = hold.quantity();
    shelf::end(draft, hold.promise, Ending::Released);
    draft.tell(Outcome::HoldReleased { hold: hold.name, owner: hold.owner, quantity });
    Ok(Verdict::Accepted)
}
