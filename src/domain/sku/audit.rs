//! Whether a SKU's numbers are true: cheaply for what changed, and from the ground up.

use std::collections::BTreeMap;

use super::{
    SkuState,
    hold::{PromiseNo, Units},
    memory::Memory,
    parts::PartName,
    stock::{Stock, Wave},
};
use crate::domain::{Breach, ids::LocationId, invariant};

/// The holds of one location, summed.
#[derive(Default)]
struct Sums {
    held: u64,
    allocated: u64,
    units: Units,
}

/// Conservation at the locations that changed since parts were last taken.
pub(super) fn check(state: &SkuState) -> Result<(), Breach> {
    // Names are in the order of their kinds: what is behind the locations need not be looked at.
    let changed = state.changed.range(..PartName::Hold(PromiseNo(0)));
    let mut changed = changed.filter_map(|part| match part {
        PartName::Location(location) => Some(location),
        PartName::Head
        | PartName::Attributes
        | PartName::Hold(_)
        | PartName::Stone(_)
        | PartName::Id(_)
        | PartName::Movement(..)
        | PartName::Parked(_) => None,
    });
    changed.try_for_each(|location| conserved(state, location, &state.stock(location)))
}

/// Everything, recomputed from the holds, the stones and the remembered ids.
pub(super) fn audit(state: &SkuState) -> Result<(), Breach> {
    let sums = sums(state);
    for location in state.locations.keys().chain(sums.keys()) {
        let stock = state.stock(location);
        conserved(state, location, &stock)?;
        let nothing = Sums::default();
        backed(&stock, sums.get(location).unwrap_or(&nothing))
            .map_err(|breach| at(state, location, breach))?;
    }
    if state.book != state.book.rebuilt() {
        return Err(Breach(format!("{}: an index of the holds is not true", state.sku)));
    }
    if state.memory != remembered_anew(state) {
        return Err(Breach(format!("{}: an index of the ids is not true", state.sku)));
    }
    let waiting = |location: &&LocationId| !state.stock(location).unspread.is_empty();
    if !state.locations.keys().filter(waiting).eq(&state.unspread) {
        return Err(Breach(format!("{}: the list of steps left is not true", state.sku)));
    }
    Ok(())
}

fn conserved(state: &SkuState, location: &LocationId, stock: &Stock) -> Result<(), Breach> {
    invariant::conservation(&stock.quantities()).map_err(|breach| at(state, location, breach))
}

fn at(state: &SkuState, location: &LocationId, breach: Breach) -> Breach {
    Breach(format!("{} at {location}: {breach}", state.sku))
}

fn sums(state: &SkuState) -> BTreeMap<LocationId, Sums> {
    let mut sums: BTreeMap<LocationId, Sums> = BTreeMap::new();
    for hold in state.book.holds() {
        let sum = sums.entry(hold.location.clone()).or_default();
        *(if hold.is_committed() { &mut sum.allocated } else { &mut sum.held }) +=
            hold.units.total();
        sum.units.covered += hold.units.covered;
        sum.units.short += hold.units.short;
        sum.units.backordered += hold.units.backordered;
    }
    sums
}

/// Each counter is what the holds say, once each has its share of what is not spread yet.
fn backed(stock: &Stock, sums: &Sums) -> Result<(), Breach> {
    let of = |wave| stock.unspread.of(wave);
    invariant::agree("held", stock.held, sums.held)?;
    invariant::agree("allocated", stock.allocated, sums.allocated)?;
    let short = stock.short + of(Wave::ShortCover);
    invariant::agree("short", short, sums.units.short + of(Wave::Shortage))?;
    let backordered = stock.backordered + of(Wave::BackorderCover);
    invariant::agree("backordered", backordered, sums.units.backordered)?;
    let coverable = sums.units.covered + of(Wave::ShortCover) + of(Wave::BackorderCover);
    if of(Wave::Shortage) > coverable {
        return Err(Breach("a shortage that no promise can bear".into()));
    }
    Ok(())
}

fn remembered_anew(state: &SkuState) -> Memory {
    let mut memory = Memory::default();
    for remembered in state.memory.iter() {
        let kept = remembered.promise.is_some_and(|promise| state.book.has(promise));
        memory.remember(remembered.clone(), kept);
    }
    memory
}
