//! Whether what was refused for want of units could have been had.
//!
//! Promise: it is said only where it is certain. What the SKU had is taken from the fold right
//! before the decision; what was asked for, from the event or from the order. Of a refusal where
//! there was nothing at all, only what an order asked for is kept.

use std::collections::HashMap;

use super::findings::{Kind, Notes};
use crate::{
    domain::{
        command::{CommandBody, SkuAnswer},
        event::{HoldRequested, OrderPolicy},
        ids::{HoldName, LocationId, OrderId, Sku},
        order::{
            saga::{FIRST_ATTEMPT, Hold, Leg},
            state::Order,
        },
        refusal::{Reason, Refusal},
        sku::{SkuFact, SkuState, hold::Ending},
    },
    partition::entry::{Decided, Facts},
    ports::Partition,
};

const UNDERSOLD: (Kind, &str) = (Kind::Undersold, "refused what was there");

/// What one location could have promised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Room {
    /// Where.
    pub location: LocationId,
    /// Units on the shelf that nobody was promised.
    pub stock: u64,
    /// Units beyond stock, up to the SKU's limit.
    pub beyond: u64,
}

/// What a SKU could have promised: the locations that had anything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer(pub Vec<Room>);

impl Offer {
    /// What a SKU can promise; nothing, of one that is not for sale.
    pub fn of(sku: &SkuState) -> Offer {
        let settings = sku.settings();
        if !settings.on_sale() {
            return Offer::default();
        }
        let limit = u64::from(settings.backorder_limit);
        let rooms = sku.locations().iter().map(|(location, stock)| Room {
            location: location.clone(),
            stock: stock.promisable(),
            beyond: stock.backorder_room(limit),
        });
        Offer(rooms.filter(|room| room.stock > 0 || room.beyond > 0).collect())
    }
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Units.
    pub quantity: u64,
    /// Where, if it mattered.
    pub location: Option<LocationId>,
    /// Fewer units would have been better than none.
    pub partial: bool,
    /// Units beyond stock would have done.
    pub backorder: bool,
    /// The units of another hold were claimed with it, which may tie it to where that stood.
    pub claims: bool,
}

impl From<&HoldRequested> for Wish {
    fn from(event: &HoldRequested) -> Wish {
        Wish {
            quantity: u64::from(event.quantity),
            location: event.location.clone(),
            partial: event.partial,
            backorder: event.backorder,
            claims: false,
        }
    }
}

impl Wish {
    /// What a leg of an order asks for. A later attempt may be for units from the shelf alone.
    fn of(order: &Order, leg: &Leg) -> Wish {
        Wish {
            quantity: u64::from(leg.asked),
            location: leg.location.clone(),
            partial: order.terms.policy == OrderPolicy::Partial,
            backorder: order.terms.backorder && leg.attempt == FIRST_ATTEMPT,
            claims: leg.claim.is_some(),
        }
    }
}

/// Where the wish could have been granted for certain, and how many units were there.
pub fn could_be_had<'a>(offer: &'a Offer, wish: &Wish) -> Option<(&'a LocationId, u64)> {
    if wish.claims && wish.location.is_none() {
        return None;
    }
    let units = |room: &Room| room.stock + if wish.backorder { room.beyond } else { 0 };
    let enough = if wish.partial { wish.quantity.min(1) } else { wish.quantity };
    let rooms = offer.0.iter();
    let rooms = rooms.filter(|room| wish.location.as_ref().is_none_or(|at| *at == room.location));
    let best = rooms.max_by_key(|room| units(room))?;
    (units(best) >= enough.max(1)).then(|| (&best.location, units(best)))
}

/// A refusal that may have been wrong.
#[derive(Clone, Debug)]
pub(super) struct Doubt {
    /// The record that has it.
    record: u64,
    partition: Partition,
    offer: Offer,
}

/// One side of an order's refusal, waiting for the other.
#[derive(Debug)]
enum Half {
    Refused(Doubt),
    Asked(Wish),
}

/// Refusals to orders: what the SKU had stands in its journal, what was asked for in the order's.
#[derive(Debug, Default)]
pub(super) struct Refusals(HashMap<u128, Half>);

fn is_for_want(refusal: &Refusal) -> bool {
    matches!(refusal.reason, Reason::InsufficientStock | Reason::NotSellable)
}

/// The doubt about a decision on an event, before it is applied.
pub(super) fn doubt(
    sku: &SkuState,
    refusal: &Refusal,
    (record, partition): (u64, Partition),
) -> Option<Doubt> {
    let offer = is_for_want(refusal).then(|| Offer::of(sku))?;
    (!offer.0.is_empty()).then_some(Doubt { record, partition, offer })
}

impl Doubt {
    /// Says so if the wish could have been granted.
    pub fn judge(&self, (sku, hold): (&Sku, &str), wish: &Wish, notes: &mut Notes) {
        let Some((location, units)) = could_be_had(&self.offer, wish) else { return };
        let Doubt { record, partition, .. } = self;
        let text = format!(
            "sku {sku}, hold {hold}: {} asked for where {location} had {units}, record {record} of \
             partition {partition}",
            wish.quantity
        );
        notes.note(UNDERSOLD, *record, text);
    }
}

impl Refusals {
    /// Takes note of what a SKU refuses to orders for the first time, before it is applied.
    pub fn of_sku(
        &mut self,
        sku: &SkuState,
        decided: &Decided,
        at: (u64, Partition),
        notes: &mut Notes,
    ) {
        for command in &decided.commands {
            if let CommandBody::Answer(SkuAnswer::NotReserved { hold, refusal }) = &command.body
                && is_new(hold, &decided.facts)
                && let Some(doubt) = doubt(sku, refusal, at)
            {
                self.meet((sku.sku(), hold), Half::Refused(doubt), notes);
            }
        }
    }

    /// Takes note of what an order asked for in vain.
    pub fn of_order(&mut self, id: &OrderId, order: &Order, notes: &mut Notes) {
        for leg in &order.legs {
            if matches!(&leg.hold, Hold::Refused(refusal) if is_for_want(refusal)) {
                let wish = Half::Asked(Wish::of(order, leg));
                self.meet((&leg.sku, &leg.hold_name(id)), wish, notes);
            }
        }
    }

    fn meet(&mut self, (sku, hold): (&Sku, &HoldName), half: Half, notes: &mut Notes) {
        let hold = hold.to_string();
        let mut key = [0; 16];
        key.copy_from_slice(&blake3::hash(format!("{sku}\0{hold}").as_bytes()).as_bytes()[..16]);
        let key = u128::from_be_bytes(key);
        match (self.0.remove(&key), half) {
            (Some(Half::Refused(doubt)), Half::Asked(wish))
            | (Some(Half::Asked(wish)), Half::Refused(doubt)) => {
                doubt.judge((sku, &hold), &wish, notes);
            }
            (_, half) => drop(self.0.insert(key, half)),
        }
    }
}

/// Whether a hold is refused by these facts, and was not before.
fn is_new(hold: &HoldName, facts: &Facts) -> bool {
    let Facts::Sku(facts) = facts else { return false };
    facts.iter().any(|fact| match fact {
        SkuFact::StoneLaid(stone) => {
            stone.name == *hold && matches!(stone.ending, Ending::Refused { .. })
        }
        _ => false,
    })
}
