//! What orders ask. A command is the same however often it comes: what it wants done is done once
//! and answered each time, and a name that was refused once stays refused.

use super::{
    draft::{Draft, Trace},
    moving::{self, Seen},
    place, reserving, shelf,
    shipping::{self, Leaving},
};
use crate::{
    domain::{
        command::{SkuAnswer, SkuCommand},
        decision::{Decision, Verdict},
        event::HoldKind,
        ids::{EntityKey, HoldName, LocationId, OrderId, Owner},
        refusal::{Reason, Refusal},
        sku::{
            SkuFact,
            book::Known,
            hold::{CAME_BACK, Ending, Hold, HoldState, PromiseNo, Stone, to_u32},
        },
    },
    mutants::{self, Mutant},
};

/// How what a command moves is remembered for counts.
pub(super) fn trace(command: &SkuCommand) -> Trace {
    match command {
        SkuCommand::Ship { .. } | SkuCommand::Move { .. } => Trace::Goods,
        SkuCommand::Reserve { .. }
        | SkuCommand::ReserveElsewhere { .. }
        | SkuCommand::Commit { .. }
        | SkuCommand::Release { .. } => Trace::Promise,
        SkuCommand::After { ask, .. } => trace(ask),
    }
}

/// Decides a command; there is always one answer to the order that asks.
pub(super) fn command(
    mut draft: Draft<'_>,
    command: &SkuCommand,
    from: &EntityKey,
) -> Decision<SkuFact> {
    let order = match from {
        EntityKey::Order(order) => order,
        EntityKey::Sku(_) => return Decision::refused(Reason::NotOwner),
    };
    let answer = match command.hold() {
        HoldName::Order { order: named, .. } if named == order => {
            answer(&mut draft, command, order)
        }
        HoldName::Order { .. } | HoldName::Named(_) => not_its_own(command),
    };
    draft.answer(order, answer);
    let stones = super::old_stones(&draft);
    if !stones.is_empty() {
        draft.propose(SkuFact::Forgotten { ids: Vec::new(), mark: None, stones });
    }
    draft.finish(Verdict::Accepted)
}

fn answer(draft: &mut Draft<'_>, command: &SkuCommand, order: &OrderId) -> SkuAnswer {
    match command {
        SkuCommand::Reserve { hold, quantity, partial, backorder, expires_at } => {
            let ask = reserving::Reserve {
                hold,
                order,
                quantity: *quantity,
                partial: *partial,
                backorder: *backorder,
                elsewhere: false,
                expires_at: *expires_at,
            };
            reserving::reserve(draft, &ask)
        }
        SkuCommand::ReserveElsewhere { hold, quantity, partial, expires_at } => {
            let ask = reserving::Reserve {
                hold,
                order,
                quantity: *quantity,
                partial: *partial,
                backorder: false,
                elsewhere: true,
                expires_at: *expires_at,
            };
            reserving::reserve(draft, &ask)
        }
        SkuCommand::Commit { .. } | SkuCommand::Release { .. } => {
            sized(draft, command, order, None)
        }
        SkuCommand::Ship { hold, location, quantity, held, shipment } => {
            let units = Leaving { units: u64::from(*quantity), held: u64::from(*held) };
            ship(draft, order, hold, location, units, *shipment);
            SkuAnswer::Shipped { hold: hold.clone(), shipment: *shipment }
        }
        SkuCommand::Move { hold, goods, location, quantity, held, backorder, shipment } => {
            let moved = moving::Moved {
                goods: *goods,
                location,
                backorder: *backorder,
                units: Leaving { units: u64::from(*quantity), held: u64::from(*held) },
            };
            moving::moved(draft, order, hold, &moved, *shipment);
            let location = draft.open(hold).map(|hold| hold.location.clone());
            let (hold, quantity) = (hold.clone(), units_in(draft, hold));
            SkuAnswer::Moved { hold, shipment: *shipment, quantity, location }
        }
        SkuCommand::After { movements, ask } => {
            let answer = Box::new(sized(draft, ask, order, Some(*movements)));
            SkuAnswer::After { movements: *movements, answer }
        }
    }
}

/// Makes a hold as large, or as firm, as its order wants it; not by the late repeat of a command
/// that the order asked before goods came back, and that has been answered long since.
fn sized(
    draft: &mut Draft<'_>,
    command: &SkuCommand,
    order: &OrderId,
    heard: Option<u32>,
) -> SkuAnswer {
    match command {
        SkuCommand::Commit { hold, quantity, .. } if is_late(draft, hold, heard) => {
            committed(hold, (*quantity).min(units_in(draft, hold)))
        }
        SkuCommand::Release { hold, keep } if is_late(draft, hold, heard) => {
            SkuAnswer::Released { hold: hold.clone(), keep: (*keep).min(units_in(draft, hold)) }
        }
        SkuCommand::Commit { hold, quantity, backorder } => {
            commit(draft, order, hold, *quantity, *backorder)
        }
        SkuCommand::Release { hold, keep } => release(draft, order, hold, *keep),
        other => answer(draft, other, order),
    }
}

/// Whether more of the hold's goods has moved than its order had heard of when it asked.
fn is_late(draft: &Draft<'_>, name: &HoldName, heard: Option<u32>) -> bool {
    let seen = match draft.find(name) {
        Known::Open(hold) => &hold.shipments,
        Known::Ended(stone) => &stone.shipments,
        Known::Unknown => return false,
    };
    match heard {
        Some(movements) => seen.last().is_some_and(|newest| *newest > movements),
        None => seen.contains(&CAME_BACK),
    }
}

fn units_in(draft: &Draft<'_>, name: &HoldName) -> u32 {
    draft.open(name).map_or(0, Hold::quantity)
}

/// An order may speak of holds that bear its name only.
fn not_its_own(command: &SkuCommand) -> SkuAnswer {
    let (hold, refusal) = (command.hold().clone(), Refusal::from(Reason::NotOwner));
    match command {
        SkuCommand::Reserve { .. } | SkuCommand::ReserveElsewhere { .. } => {
            SkuAnswer::NotReserved { hold, refusal }
        }
        SkuCommand::Commit { .. } => SkuAnswer::NotCommitted { hold, refusal },
        SkuCommand::Release { .. } => SkuAnswer::Released { hold, keep: 0 },
        SkuCommand::Ship { shipment, .. } => SkuAnswer::Shipped { hold, shipment: *shipment },
        SkuCommand::Move { shipment, .. } => {
            SkuAnswer::Moved { hold, shipment: *shipment, quantity: 0, location: None }
        }
        SkuCommand::After { movements, ask } => {
            SkuAnswer::After { movements: *movements, answer: Box::new(not_its_own(ask)) }
        }
    }
}

/// A name that is no hold, and may not become one by the same command again.
pub(super) fn lay_stone(
    draft: &mut Draft<'_>,
    order: &OrderId,
    name: &HoldName,
    ending: Ending,
) -> PromiseNo {
    let stone = Stone {
        promise: draft.next_number(),
        name: name.clone(),
        owner: Owner::Order(order.clone()),
        location: None,
        ending,
        ended_at: draft.now(),
        shipments: Default::default(),
    };
    let promise = stone.promise;
    draft.propose(SkuFact::StoneLaid(Box::new(stone)));
    promise
}

fn commit(
    draft: &mut Draft<'_>,
    order: &OrderId,
    name: &HoldName,
    quantity: u32,
    backorder: bool,
) -> SkuAnswer {
    let refusal = match draft.find(name) {
        Known::Open(hold) => {
            let hold = hold.clone();
            return committed(name, commit_open(draft, &hold, quantity));
        }
        Known::Ended(stone) => match &stone.ending {
            // Its last unit left: there is nothing in it to commit.
            Ending::Shipped => return committed(name, 0),
            Ending::Expired => {
                let stone = stone.clone();
                return commit_expired(draft, &stone, quantity, backorder);
            }
            Ending::Released
            | Ending::Transferred { .. }
            | Ending::Refused { .. }
            | Ending::Burnt => stone.ending.refusal(),
        },
        Known::Unknown => {
            lay_stone(draft, order, name, Ending::Burnt);
            Reason::HoldEnded.into()
        }
    };
    SkuAnswer::NotCommitted { hold: name.clone(), refusal }
}

fn committed(name: &HoldName, quantity: u32) -> SkuAnswer {
    SkuAnswer::Committed { hold: name.clone(), quantity }
}

/// Commits what the order still wants of a hold that stands; its deadline does not matter, since
/// its units were given to nobody else.
fn commit_open(draft: &mut Draft<'_>, hold: &Hold, quantity: u32) -> u32 {
    let total = hold.units.total();
    shelf::reduce_to(draft, hold.promise, u64::from(quantity));
    if !hold.is_committed() && quantity > 0 {
        draft.propose(SkuFact::HoldCommitted { promise: hold.promise });
    }
    to_u32(total).min(quantity)
}

/// A hold that expired may be had again if its units can: all of them, where they were.
fn commit_expired(
    draft: &mut Draft<'_>,
    stone: &Stone,
    quantity: u32,
    backorder: bool,
) -> SkuAnswer {
    let wish = place::Wish {
        quantity: u64::from(quantity),
        partial: false,
        backorder,
        sold: false,
        location: stone.location.as_ref(),
    };
    let grant = match place::choose(draft, &wish, None) {
        Ok(grant) => grant,
        Err(refusal) => {
            let hold = stone.name.clone();
            let promise = draft.next_number();
            let ending = Ending::Refused { refusal: refusal.clone() };
            let stone = Stone { promise, ending, location: None, ..stone.clone() };
            draft.propose(SkuFact::StoneLaid(Box::new(stone)));
            return SkuAnswer::NotCommitted { hold, refusal };
        }
    };
    let hold = Hold {
        promise: draft.next_number(),
        name: stone.name.clone(),
        owner: stone.owner.clone(),
        kind: HoldKind::Order,
        location: grant.location,
        requested: quantity,
        units: grant.units,
        state: HoldState::Committed,
        shipments: stone.shipments.clone(),
    };
    draft.propose(SkuFact::HoldOpened(Box::new(hold)));
    committed(&stone.name, quantity)
}

fn release(draft: &mut Draft<'_>, order: &OrderId, name: &HoldName, keep: u32) -> SkuAnswer {
    let kept = match draft.find(name) {
        Known::Open(_) if mutants::is_in(Mutant::ReleaseLost) => keep,
        Known::Open(hold) => {
            let (promise, quantity) = (hold.promise, hold.quantity());
            shelf::reduce_to(draft, promise, u64::from(keep));
            keep.min(quantity)
        }
        Known::Ended(_) => 0,
        Known::Unknown if mutants::is_in(Mutant::ReleaseNotBurnt) => 0,
        Known::Unknown => {
            lay_stone(draft, order, name, Ending::Burnt);
            0
        }
    };
    SkuAnswer::Released { hold: name.clone(), keep: kept }
}

/// Goods of an order left: believed, once for each shipment, whatever became of the hold.
fn ship(
    draft: &mut Draft<'_>,
    order: &OrderId,
    name: &HoldName,
    location: &LocationId,
    units: Leaving,
    shipment: u32,
) {
    match moving::see(draft, order, name, shipment) {
        None => {}
        Some(Seen::Hold(promise)) => {
            shipping::from_hold(draft, promise, location, units);
        }
        Some(Seen::Stone(stone)) => {
            shipping::after_hold(draft, &stone, location, units.units);
        }
    }
}
