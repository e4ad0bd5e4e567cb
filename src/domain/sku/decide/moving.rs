//! What goods of an order did beside leaving: they were not there, did not leave after all, or came
//! back. Believed, once for each number, whatever became of the hold.

use std::collections::BTreeSet;

use super::{
    draft::Draft,
    goods, orders,
    shelf::{self, Reach},
    shipping::Leaving,
};
use crate::{
    domain::{
        command::Goods,
        event::{Disposition, HoldKind},
        ids::{HoldName, LocationId, OrderId, Owner},
        outcome::{Outcome, ShortHold},
        sku::{
            SkuFact,
            book::Known,
            hold::{CAME_BACK, Ending, Hold, HoldState, PromiseNo, Stone, Units, to_u32},
            ledger::Ledger,
            stock::{StockChange, signed},
        },
    },
    mutants::{self, Mutant},
};

/// Where the number of a movement is kept now.
pub(super) enum Seen {
    /// At the hold.
    Hold(PromiseNo),
    /// At the stone of a hold that ended, or never was.
    Stone(Stone),
}

/// Sees a movement's number, unless it was seen before.
pub(super) fn see(
    draft: &mut Draft<'_>,
    order: &OrderId,
    name: &HoldName,
    number: u32,
) -> Option<Seen> {
    let known =
        |seen: &BTreeSet<u32>| seen.contains(&number) && !mutants::is_in(Mutant::ShipmentTwice);
    match draft.find(name) {
        Known::Open(hold) if known(&hold.shipments) => None,
        Known::Ended(stone) if known(&stone.shipments) => None,
        Known::Open(Hold { promise, .. }) => {
            let promise = *promise;
            draft.propose(SkuFact::ShipmentSeen { promise, shipment: number });
            Some(Seen::Hold(promise))
        }
        Known::Ended(stone) => {
            // Laid anew, or an old stone would be taken away before the repeat of this comes.
            let mut stone = stone.clone();
            stone.shipments.insert(number);
            draft.propose(SkuFact::StoneLaid(Box::new(stone.clone())));
            Some(Seen::Stone(stone))
        }
        Known::Unknown => {
            let promise = orders::lay_stone(draft, order, name, Ending::Shipped);
            draft.propose(SkuFact::ShipmentSeen { promise, shipment: number });
            let shipments = [number].into();
            let (name, owner) = (name.clone(), Owner::Order(order.clone()));
            let (ending, ended_at) = (Ending::Shipped, draft.now());
            let stone = Stone { promise, name, owner, location: None, ending, ended_at, shipments };
            Some(Seen::Stone(stone))
        }
    }
}

/// What goods did, where, and how many.
pub(super) struct Moved<'a> {
    pub goods: Goods,
    pub location: &'a LocationId,
    pub units: Leaving,
    /// The order takes units beyond stock.
    pub backorder: bool,
}

/// Believes what goods did.
pub(super) fn moved(
    draft: &mut Draft<'_>,
    order: &OrderId,
    name: &HoldName,
    moved: &Moved<'_>,
    number: u32,
) {
    let Some(seen) = see(draft, order, name, number) else { return };
    let Moved { goods, location, units: Leaving { units, .. }, .. } = *moved;
    match goods {
        Goods::BroughtBack => {
            put_back(draft, &seen, moved);
            promise_again(draft, seen, moved);
            // What nobody is promised may fill up the safety stock now.
            shelf::settle(draft, location, StockChange::default());
        }
        Goods::Returned(disposition) => arrive(draft, location, units, disposition),
        Goods::Missing if draft.is_on_counted_shelf(location) => {}
        // Goods that left are told of in another way; they would be gone from the shelf all the
        // same.
        Goods::Missing | Goods::Left => {
            draft.set_aside();
            shelf::take(draft, location, units, Reach::Shelf);
        }
    }
}

/// Goods that did not leave are on the shelf, unless a count has seen them there: those that were
/// promised here, one of all that lies there, whatever was counted later; others, any. The safety
/// stock waits until their promise is made again.
fn put_back(draft: &mut Draft<'_>, seen: &Seen, moved: &Moved<'_>) {
    let location = moved.location;
    let promised = promised_here(draft, seen, moved);
    let others = moved.units.units - promised;
    let stock = draft.stock(location);
    let on_hand_counted = stock.last_count.is_some_and(|as_of| draft.when().time <= as_of);
    let counted = draft.counted_since(location).is_some();
    if promised > 0 {
        draft.set_aside();
    }
    let unseen = |seen: bool, units: u64| if seen { 0 } else { units };
    let back = unseen(on_hand_counted, promised) + unseen(counted, others);
    if back > 0 {
        let change =
            StockChange { on_hand: signed(back), available: signed(back), ..Default::default() };
        shelf::settle_keeping(draft, location, change, stock.safety);
    }
}

/// Units that were promised where they come back. Of what the order has given up meanwhile that is
/// not known for certain: in doubt less is for sale.
fn promised_here(draft: &Draft<'_>, seen: &Seen, moved: &Moved<'_>) -> u64 {
    let (stood_at, ended) = match seen {
        Seen::Hold(promise) => (draft.hold(*promise).map(|hold| &hold.location), None),
        Seen::Stone(stone) => (stone.location.as_ref(), Some(&stone.ending)),
    };
    match ended {
        _ if stood_at != Some(moved.location) => 0,
        None | Some(Ending::Shipped) => moved.units.units,
        Some(_) => moved.units.held,
    }
}

fn arrive(draft: &mut Draft<'_>, location: &LocationId, units: u64, disposition: Disposition) {
    // What is written down without effect needs no other answer than what has one.
    let _ = goods::came(draft, location, units, disposition);
}

/// Units are the order's again, as far as nobody else waits for them: where they were promised if
/// they can be had there, or else where the goods came back. What is not there is beyond stock, if
/// the order takes that and the limit allows it, or short.
fn promise_again(draft: &mut Draft<'_>, seen: Seen, moved: &Moved<'_>) {
    if moved.units.held == 0 {
        return;
    }
    let location = match &seen {
        Seen::Hold(promise) => gather(draft, *promise, moved),
        Seen::Stone(stone) => match &stone.location {
            Some(before) if fits(draft, before, moved.units.held) => before.clone(),
            Some(_) | None => moved.location.clone(),
        },
    };
    let units = again(draft, &location, moved);
    let promise = match seen {
        Seen::Hold(promise) => grow(draft, promise, units),
        Seen::Stone(stone) => open_again(draft, stone, &location, units),
    };
    let Some(hold) = draft.hold(promise).filter(|_| units.short > 0).cloned() else { return };
    let holds = vec![ShortHold { hold: hold.name, owner: hold.owner, units: units.short }];
    draft.tell(Outcome::StockShortfall { location, units: units.short, holds, more: false });
}

/// Where a hold takes units on again: where it stands, unless they are not there, and all of it can
/// be had where its goods came back. A hold stands at one place.
fn gather(draft: &mut Draft<'_>, promise: PromiseNo, moved: &Moved<'_>) -> LocationId {
    shelf::bring_up_to_date(draft, promise);
    let Some(hold) = draft.hold(promise).cloned() else { return moved.location.clone() };
    let total = hold.units.total() + moved.units.held;
    let stays = hold.location == *moved.location || fits(draft, &hold.location, moved.units.held);
    if stays || !fits(draft, moved.location, total) {
        return hold.location;
    }
    let left = hold.location.clone();
    stand_elsewhere(draft, hold, moved.location);
    shelf::settle(draft, &left, StockChange::default());
    moved.location.clone()
}

fn fits(draft: &Draft<'_>, location: &LocationId, units: u64) -> bool {
    draft.stock(location).promisable() >= units
}

/// A hold stands somewhere else, in its place among the promises.
fn stand_elsewhere(draft: &mut Draft<'_>, hold: Hold, location: &LocationId) {
    let (promise, stone) = (hold.promise, draft.next_number());
    draft.propose(SkuFact::HoldEnded { promise, ending: Ending::Released, stone });
    let units = Units { covered: hold.units.total(), ..Units::default() };
    let hold = Hold { location: location.clone(), units, ..hold };
    draft.propose(SkuFact::HoldOpened(Box::new(hold)));
}

/// What stands behind units that are promised again.
fn again(draft: &Draft<'_>, location: &LocationId, moved: &Moved<'_>) -> Units {
    let stock = draft.stock(location);
    let limit = u64::from(draft.state().head.settings.backorder_limit);
    let room = if moved.backorder { stock.backorder_room(limit) } else { 0 };
    let covered = moved.units.held.min(stock.promisable());
    let backordered = (moved.units.held - covered).min(room);
    Units { covered, backordered, short: moved.units.held - covered - backordered }
}

/// A hold takes units on again. What a shipment had been taken from stands for good.
fn grow(draft: &mut Draft<'_>, promise: PromiseNo, by: Units) -> PromiseNo {
    draft.propose(SkuFact::HoldGrown { promise, by });
    draft.propose(SkuFact::ShipmentSeen { promise, shipment: CAME_BACK });
    if draft.hold(promise).is_some_and(|hold| !hold.is_committed()) {
        draft.propose(SkuFact::HoldCommitted { promise });
    }
    promise
}

fn open_again(
    draft: &mut Draft<'_>,
    stone: Stone,
    location: &LocationId,
    units: Units,
) -> PromiseNo {
    let mut shipments = stone.shipments;
    shipments.insert(CAME_BACK);
    let promise = draft.next_number();
    let hold = Hold {
        promise,
        name: stone.name,
        owner: stone.owner,
        kind: HoldKind::Order,
        location: location.clone(),
        requested: to_u32(units.total()),
        units,
        state: HoldState::Committed,
        shipments,
    };
    draft.propose(SkuFact::HoldOpened(Box::new(hold)));
    promise
}
