//! Where units for a promise come from: one location, the best there is.
//!
//! Best is the most available among those that can serve the whole; if none can, the one that can
//! with units beyond stock; if none can and fewer are better than none, the one that has most.
//! Between equals the first by name. A location in shortfall has nothing, and hides nothing
//! elsewhere.

use super::draft::Draft;
use crate::domain::{
    ids::LocationId,
    refusal::{Reason, Refusal},
    sku::{
        hold::{Units, to_u32},
        ledger::Ledger,
    },
};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub quantity: u64,
    pub partial: bool,
    pub backorder: bool,
    pub location: Option<&'a LocationId>,
}

/// Units of a hold that is claimed: they count as there, at their location.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    pub location: LocationId,
    pub units: Units,
}

/// What can be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub location: LocationId,
    pub units: Units,
}

/// What one location offers.
struct Offer {
    location: LocationId,
    stock: u64,
    beyond: u64,
}

impl Offer {
    fn total(&self) -> u64 {
        self.stock + self.beyond
    }
}

/// Finds units, those of a claimed hold first.
pub(super) fn choose(
    draft: &Draft<'_>,
    wish: &Wish<'_>,
    claimed: Option<&Claimed>,
) -> Result<Grant, Refusal> {
    if claimed.is_none() && !draft.state().head.settings.on_sale() {
        return Err(Reason::NotSellable.into());
    }
    let places = match wish.location {
        Some(location) => vec![location.clone()],
        None => draft.locations().into_iter().collect(),
    };
    let offers: Vec<_> =
        places.into_iter().map(|location| offer(draft, location, wish, claimed)).collect();
    let best = best(&offers, |offer| offer.stock)
        .filter(|offer| offer.stock >= wish.quantity)
        .or_else(|| best(&offers, Offer::total));
    let most = best.map_or(0, Offer::total);
    match best {
        Some(offer) if most >= wish.quantity || (wish.partial && most > 0) => {
            Ok(grant(offer, wish))
        }
        Some(_) | None => Err(insufficient(most)),
    }
}

fn offer(
    draft: &Draft<'_>,
    location: LocationId,
    wish: &Wish<'_>,
    claimed: Option<&Claimed>,
) -> Offer {
    let settings = &draft.state().head.settings;
    let stock = draft.stock(&location);
    let own = claimed.filter(|claimed| claimed.location == location);
    let own = own.map_or(Units::default(), |claimed| claimed.units);
    let limit = if settings.on_sale() { u64::from(settings.backorder_limit) } else { 0 };
    let beyond = own.backordered + stock.backorder_room(limit);
    Offer {
        stock: own.covered + if settings.on_sale() { stock.promisable() } else { 0 },
        beyond: if wish.backorder { beyond } else { 0 },
        location,
    }
}

/// The first of those that have most.
fn best(offers: &[Offer], of: impl Fn(&Offer) -> u64) -> Option<&Offer> {
    offers.iter().rev().max_by_key(|offer| of(offer))
}

fn grant(offer: &Offer, wish: &Wish<'_>) -> Grant {
    let quantity = wish.quantity.min(offer.total());
    let covered = quantity.min(offer.stock);
    let units = Units { covered, short: 0, backordered: quantity - covered };
    Grant { location: offer.location.clone(), units }
}

fn insufficient(available: u64) -> Refusal {
    Refusal { reason: Reason::InsufficientStock, available: Some(to_u32(available)), about: None }
}
