//! What goods of an order did beside leaving: they were not there, did not leave after all, or came
//! back. Believed, once for each number, whatever became of the hold.

use super::{
    draft::Draft,
    goods, orders,
    shelf::{self, Reach},
    shipping::Leaving,
};
use crate::domain::{
    command::Goods,
    event::{Disposition, HoldKind},
    ids::{HoldName, LocationId, OrderId, Owner},
    sku::{
        SkuFact,
        book::Known,
        hold::{Ending, Hold, HoldState, PromiseNo, Stone, Units, to_u32},
        ledger::Ledger,
        stock::StockChange,
    },
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
    match draft.find(name) {
        Known::Open(hold) if hold.shipments.contains(&number) => None,
        Known::Ended(stone) if stone.shipments.contains(&number) => None,
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
    let Moved { goods, location, units: Leaving { units, held } } = *moved;
    match goods {
        Goods::BroughtBack => {
            promise_again(draft, seen, location, held);
            arrive(draft, location, units, Disposition::Restock);
        }
        Goods::Returned(disposition) => arrive(draft, location, units, disposition),
        Goods::Missing if draft.stock(location).counted_at_or_after(draft.when().time) => {}
        // Goods that left are told of in another way; they would be gone from the shelf all the
        // same.
        Goods::Missing | Goods::Left => shelf::take(draft, location, units, Reach::Shelf),
    }
}

fn arrive(draft: &mut Draft<'_>, location: &LocationId, units: u64, disposition: Disposition) {
    // What is written down without effect needs no other answer than what has one.
    let _ = goods::came(draft, location, units, disposition);
}

/// Units are the order's again. They are missing until the goods are counted in: then the oldest
/// promises are served first, as always.
fn promise_again(draft: &mut Draft<'_>, seen: Seen, location: &LocationId, units: u64) {
    if units == 0 {
        return;
    }
    let by = Units { short: units, ..Units::default() };
    let location = match seen {
        Seen::Hold(promise) => {
            let Some(hold) = draft.hold(promise) else { return };
            let location = hold.location.clone();
            draft.propose(SkuFact::HoldGrown { promise, by });
            location
        }
        Seen::Stone(stone) => {
            let location = stone.location.clone().unwrap_or_else(|| location.clone());
            let hold = Hold {
                promise: draft.next_number(),
                name: stone.name,
                owner: stone.owner,
                kind: HoldKind::Order,
                location: location.clone(),
                requested: to_u32(units),
                units: by,
                state: HoldState::Committed,
                shipments: stone.shipments,
            };
            draft.propose(SkuFact::HoldOpened(Box::new(hold)));
            location
        }
    };
    shelf::settle(draft, &location, StockChange::default());
}
