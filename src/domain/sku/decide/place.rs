//! Where units for a promise come from: one location, the best there is.
//!
//! Best is the first, in the order of the policy, among those that can serve the whole; if none
//! can, the first that can with units beyond stock; if none can and fewer are better than none, the
//! one that has most. The order of the policy is: most available first, or as configured; between
//! equals by name. A location in shortfall has nothing, and hides nothing elsewhere.

use super::draft::Draft;
use crate::{
    domain::{
        ids::LocationId,
        policy::ServeFrom,
        refusal::{Reason, Refusal},
        sku::{
            hold::{Units, to_u32},
            ledger::Ledger,
        },
    },
    mutants::{self, Mutant},
};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wish<'a> {
    pub quantity: u64,
    pub partial: bool,
    pub backorder: bool,
    /// The units are sold already, and are to be somewhere else.
    pub sold: bool,
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
    if claimed.is_none() && !may_serve(draft, wish) {
        return Err(Reason::NotSellable.into());
    }
    let must_name = draft.policy().serve_from == ServeFrom::RequestedOnly;
    let names_none = wish.location.is_none() && claimed.is_none();
    if names_none && (must_name || waits_nowhere(draft, wish)) {
        return Err(Reason::LocationRequired.into());
    }
    let places = match (wish.location, claimed) {
        (Some(location), _) => vec![location.clone()],
        (None, Some(claimed)) if must_name => vec![claimed.location.clone()],
        (None, _) => draft.locations().into_iter().collect(),
    };
    let offers: Vec<_> =
        places.into_iter().map(|location| offer(draft, location, wish, claimed)).collect();
    let most = most(&offers);
    let whole = |of: fn(&Offer) -> u64| {
        let mut enough = offers.iter().filter(|offer| of(offer) >= wish.quantity);
        match draft.policy().serve_from {
            ServeFrom::FixedOrder => enough.min_by_key(|offer| rank(draft, &offer.location)),
            ServeFrom::MostStock => first_of_most(enough, of),
            ServeFrom::RequestedOnly => enough.next(),
        }
    };
    let fewer = || most.filter(|offer| wish.partial && offer.total() > 0);
    let best = whole(|offer| offer.stock).or_else(|| whole(Offer::total)).or_else(fewer);
    match best {
        Some(offer) => Ok(grant(offer, wish)),
        None => Err(insufficient(most.map_or(0, Offer::total))),
    }
}

fn may_serve(draft: &Draft<'_>, wish: &Wish<'_>) -> bool {
    wish.sold || draft.state().head.settings.on_sale()
}

/// Units beyond stock wait at a location: where the SKU has none yet, nobody knows at which.
fn waits_nowhere(draft: &Draft<'_>, wish: &Wish<'_>) -> bool {
    let limit = draft.state().head.settings.backorder_limit;
    wish.backorder && limit > 0 && draft.locations().is_empty()
}

/// The place of a location in the configured order.
fn rank(draft: &Draft<'_>, location: &LocationId) -> usize {
    let order = &draft.policy().location_order;
    order.iter().position(|of| of == location).unwrap_or(usize::MAX)
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
    let slip = u64::from(mutants::is_in(Mutant::OneTooMany));
    let beyond = own.backordered + stock.backorder_room(limit) + slip;
    Offer {
        stock: own.covered + if may_serve(draft, wish) { stock.promisable() } else { 0 },
        beyond: if wish.backorder { beyond } else { 0 },
        location,
    }
}

fn most(offers: &[Offer]) -> Option<&Offer> {
    first_of_most(offers.iter(), Offer::total)
}

/// The first of those that have most.
fn first_of_most<'a>(
    offers: impl Iterator<Item = &'a Offer>,
    of: impl Fn(&Offer) -> u64,
) -> Option<&'a Offer> {
    offers.reduce(|best, offer| if of(offer) > of(best) { offer } else { best })
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
