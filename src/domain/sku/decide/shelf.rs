//! How units come to a location and go from it: who is served first, and who bears a loss.
//!
//! What comes pays off what was overdrawn, then short promises, then backordered ones, then the
//! safety stock; only the rest may be promised. So where units are available, nobody waits for any.
//! What goes is taken from what may be promised, then from the safety stock, then from the newest
//! promises, then from what is not for sale; the rest is overdrawn.

use super::draft::Draft;
use crate::domain::{
    ids::LocationId,
    outcome::{Outcome, ShortHold},
    sku::{
        SkuFact,
        facts::Share,
        hold::{Ending, PromiseNo, Units},
        ledger::Ledger,
        stock::{Stock, StockChange, Wave, signed},
    },
};

/// From where units may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// From everything on the shelf; what is not there is overdrawn.
    Shelf,
    /// From what is or could be sold, the safety stock included.
    Sellable,
}

/// Units arrive and may be promised as far as nobody has waited for them.
pub(super) fn arrive(draft: &mut Draft<'_>, location: &LocationId, units: u64) {
    let change =
        StockChange { on_hand: signed(units), available: signed(units), ..Default::default() };
    settle(draft, location, change);
}

/// Makes a change after which units may be available, and serves those who wait for them.
pub(super) fn settle(draft: &mut Draft<'_>, location: &LocationId, change: StockChange) {
    settle_keeping(draft, location, change, u64::from(draft.state().head.settings.safety_stock));
}

/// The same, keeping this many units back as safety stock.
pub(super) fn settle_keeping(
    draft: &mut Draft<'_>,
    location: &LocationId,
    change: StockChange,
    safety_stock: u64,
) {
    let mut stock = draft.stock(location);
    // What does not fit is found out when the fact is applied.
    let _ = stock.change(&change);
    let settled = settled(&stock, change, safety_stock);
    tell_covered(draft, location, &settled);
    if settled != StockChange::default() {
        draft.propose(SkuFact::StockChanged { location: location.clone(), change: settled });
    }
    spread(draft, location);
}

/// Extends a change by what becomes of the units that are available after it.
fn settled(after: &Stock, change: StockChange, safety_stock: u64) -> StockChange {
    let mut available = after.available;
    let mut pay = |owed: u64| {
        let paid = available.min(owed);
        available -= paid;
        signed(paid)
    };
    let overdrawn = pay(after.overdrawn);
    let shortage = pay(after.unspread.shortage);
    let short = pay(after.short - after.unspread.shortage.min(after.short));
    let backordered = pay(after.backordered);
    let safety = pay(safety_stock.saturating_sub(after.safety));
    StockChange {
        on_hand: change.on_hand - overdrawn,
        overdrawn: change.overdrawn - overdrawn,
        shortage: change.shortage - shortage,
        short_cover: change.short_cover + short,
        backorder_cover: change.backorder_cover + backordered,
        safety: change.safety + safety,
        available: change.available - overdrawn - shortage - short - backordered - safety,
        ..change
    }
}

/// Units are gone, whatever was promised.
pub(super) fn take(draft: &mut Draft<'_>, location: &LocationId, units: u64, reach: Reach) {
    let change = taken(&draft.stock(location), units, reach);
    break_promises(draft, location, change);
}

/// Makes a change that may take units from promises; says so, once, if it does.
pub(super) fn break_promises(draft: &mut Draft<'_>, location: &LocationId, change: StockChange) {
    if change == StockChange::default() {
        return;
    }
    let broken = u64::try_from(change.shortage).unwrap_or(0);
    if broken > 0 {
        tell_shortfall(draft, location, broken);
    }
    draft.propose(SkuFact::StockChanged { location: location.clone(), change });
    spread(draft, location);
}

/// What a loss takes from where.
fn taken(stock: &Stock, units: u64, reach: Reach) -> StockChange {
    let mut left = units;
    let mut from = |there: u64| {
        let taken = there.min(left);
        left -= taken;
        signed(taken)
    };
    let all = reach == Reach::Shelf;
    let available = from(stock.available);
    let safety = from(stock.safety);
    let shortage = from(stock.covered());
    let quality_control = if all { from(stock.quality_control) } else { 0 };
    let damaged = if all { from(stock.damaged) } else { 0 };
    StockChange {
        on_hand: -(available + safety + shortage + quality_control + damaged),
        available: -available,
        safety: -safety,
        shortage,
        quality_control: -quality_control,
        damaged: -damaged,
        overdrawn: if all { signed(left) } else { 0 },
        ..Default::default()
    }
}

/// What units of one kind become when another kind takes them: the same loss, but nothing left.
pub(super) fn withdrawn(stock: &Stock, units: u64, reach: Reach) -> (StockChange, u64) {
    let change = taken(stock, units, reach);
    let withdrawn = u64::try_from(-change.on_hand).unwrap_or(0);
    (StockChange { on_hand: 0, ..change }, withdrawn)
}

fn tell_shortfall(draft: &mut Draft<'_>, location: &LocationId, units: u64) {
    let (holds, more) = named(draft, location, Wave::Shortage, units);
    draft.tell(Outcome::StockShortfall { location: location.clone(), units, holds, more });
}

/// Says that units came for promises that had waited for them.
fn tell_covered(draft: &mut Draft<'_>, location: &LocationId, change: &StockChange) {
    for (wave, units) in
        [(Wave::ShortCover, change.short_cover), (Wave::BackorderCover, change.backorder_cover)]
    {
        let units = u64::try_from(units).unwrap_or(0);
        if units == 0 {
            continue;
        }
        let (holds, more) = named(draft, location, wave, units);
        let location = location.clone();
        draft.tell(match wave {
            Wave::BackorderCover => Outcome::BackorderFilled { location, units, holds, more },
            Wave::ShortCover | Wave::Shortage => {
                Outcome::ShortfallCovered { location, units, holds, more }
            }
        });
    }
}

/// Which holds a wave of units is about to reach, up to a configured number, and whether there are
/// more. Those that wait for their share of an earlier wave get that first.
fn named(
    draft: &Draft<'_>,
    location: &LocationId,
    wave: Wave,
    units: u64,
) -> (Vec<ShortHold>, bool) {
    let named_max = draft.policy().shortfall_named_max;
    let mut before = draft.stock(location).unspread.of(wave);
    let mut left = units;
    let mut holds = Vec::new();
    for hold in draft.open_to(location, wave, named_max.saturating_add(1)) {
        let open = hold.open_to(wave);
        let skipped = open.min(before);
        before -= skipped;
        let share = (open - skipped).min(left);
        if holds.len() == named_max || left == 0 {
            break;
        }
        left -= share;
        if share > 0 {
            holds.push(ShortHold { hold: hold.name, owner: hold.owner, units: share });
        }
    }
    (holds, left > 0)
}

/// Gives holds their share of what the counters of a location say already, as many as one step may
/// touch; the rest is left for later steps.
pub(super) fn spread(draft: &mut Draft<'_>, location: &LocationId) {
    let mut touched = draft.policy().holds_per_step_max.max(1);
    for wave in Wave::ALL {
        let waiting = draft.stock(location).unspread.of(wave);
        if waiting == 0 {
            continue;
        }
        let shares = shares(draft, location, wave, waiting, touched);
        touched -= shares.len();
        let spread: u64 = shares.iter().map(|share| share.units).sum();
        if !shares.is_empty() {
            draft.propose(SkuFact::Spread { location: location.clone(), wave, shares });
        }
        if spread < waiting {
            return;
        }
    }
}

fn shares(
    draft: &Draft<'_>,
    location: &LocationId,
    wave: Wave,
    mut waiting: u64,
    max: usize,
) -> Vec<Share> {
    let holds = draft.open_to(location, wave, max);
    let shares = holds.into_iter().map(|hold| {
        let units = hold.open_to(wave).min(waiting);
        waiting -= units;
        Share { promise: hold.promise, units }
    });
    shares.take_while(|share| share.units > 0).collect()
}

/// Gives one hold its share at once, out of turn, so that what it gives up or ships is counted
/// under what it is.
pub(super) fn bring_up_to_date(draft: &mut Draft<'_>, promise: PromiseNo) {
    for wave in Wave::ALL {
        let Some(hold) = draft.hold(promise) else { return };
        let (location, open) = (hold.location.clone(), hold.open_to(wave));
        let units = open.min(draft.stock(&location).unspread.of(wave));
        if units > 0 {
            let shares = vec![Share { promise, units }];
            draft.propose(SkuFact::Spread { location, wave, shares });
        }
    }
}

/// A hold keeps this many of its units at most and gives the others up, missing ones first; it ends
/// as released if nothing stays.
pub(super) fn reduce_to(draft: &mut Draft<'_>, promise: PromiseNo, keep: u64) {
    if keep == 0 {
        return end(draft, promise, Ending::Released);
    }
    bring_up_to_date(draft, promise);
    let Some(hold) = draft.hold(promise) else { return };
    let (location, by) =
        (hold.location.clone(), hold.giving_up(hold.units.total().saturating_sub(keep)));
    if by != Units::default() {
        draft.propose(SkuFact::HoldReduced { promise, by });
        settle(draft, &location, StockChange::default());
    }
}

/// A hold ends; others are served from its units.
pub(super) fn end(draft: &mut Draft<'_>, promise: PromiseNo, ending: Ending) {
    bring_up_to_date(draft, promise);
    let Some(hold) = draft.hold(promise) else { return };
    let location = hold.location.clone();
    draft.propose(SkuFact::HoldEnded { promise, ending, stone: promise });
    settle(draft, &location, StockChange::default());
}
