//! The counters of one location and their arithmetic: nothing goes below zero, and every operation
//! keeps the sum of [`conservation`](crate::domain::invariant::conservation).

use serde::{Deserialize, Serialize};

use super::hold::Units;
use crate::domain::{Breach, outcome::Quantities, time::Timestamp};

/// What a SKU has at one location, in whole units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stock {
    /// On the shelf.
    pub on_hand: u64,
    /// May be promised.
    pub available: u64,
    /// Promised until a deadline.
    pub held: u64,
    /// Promised for good.
    pub allocated: u64,
    /// On the shelf and broken.
    pub damaged: u64,
    /// On the shelf and being looked at.
    pub quality_control: u64,
    /// On the shelf and kept back as a buffer.
    pub safety: u64,
    /// Promised and taken away by a physical fact.
    pub short: u64,
    /// Promised beyond stock on purpose.
    pub backordered: u64,
    /// Taken by physical facts beyond what was on hand.
    pub overdrawn: u64,
    /// What the counters already say and the holds do not say yet.
    pub unspread: Unspread,
    /// As of when all that is on the shelf was last counted.
    pub last_count: Option<Timestamp>,
    /// Movements at or before this are forgotten: a count as of an earlier time cannot be netted.
    pub forgotten_until: Option<Timestamp>,
    /// As of when what is for sale was last counted.
    pub last_count_of_available: Option<Timestamp>,
}

/// Units that the counters of a location have moved while its holds still wait for their share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unspread {
    /// Counted in `short`, not yet taken from the newest promises.
    pub shortage: u64,
    /// No longer counted in `short`, not yet given to the oldest short promises.
    pub short_cover: u64,
    /// No longer counted in `backordered`, not yet given to the oldest backordered promises.
    pub backorder_cover: u64,
}

/// What is spread over the holds of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wave {
    /// Units that came for short promises, the oldest first.
    ShortCover,
    /// Units that came for backordered promises, the oldest first.
    BackorderCover,
    /// Units that a physical fact took from promises, the newest first.
    Shortage,
}

impl Wave {
    /// All waves, in the order in which they run: what was given before is given before anything
    /// more is taken, so a shortage always finds enough covered units.
    pub const ALL: [Wave; 3] = [Wave::ShortCover, Wave::BackorderCover, Wave::Shortage];
}

/// By how much the counters of a location change that are not a hold's own. `shortage` raises
/// `short`; the covers lower `short` and `backordered`; all three wait to be spread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockChange {
    /// On the shelf.
    pub on_hand: i64,
    /// May be promised.
    pub available: i64,
    /// Broken.
    pub damaged: i64,
    /// Being looked at.
    pub quality_control: i64,
    /// Kept back.
    pub safety: i64,
    /// Taken beyond what was on hand.
    pub overdrawn: i64,
    /// Taken from promises.
    pub shortage: i64,
    /// Given to short promises.
    pub short_cover: i64,
    /// Given to backordered promises.
    pub backorder_cover: i64,
}

impl StockChange {
    /// By how much it changes what may be promised, or what has to come before anything may.
    pub(super) fn position(&self) -> i64 {
        let served = self.short_cover + self.backorder_cover + self.safety;
        self.available - self.overdrawn - self.shortage + served
    }
}

impl Unspread {
    /// Whether every hold has its share.
    pub fn is_empty(&self) -> bool {
        *self == Unspread::default()
    }

    /// Units of this wave that wait.
    pub fn of(&self, wave: Wave) -> u64 {
        match wave {
            Wave::ShortCover => self.short_cover,
            Wave::BackorderCover => self.backorder_cover,
            Wave::Shortage => self.shortage,
        }
    }

    fn of_mut(&mut self, wave: Wave) -> &mut u64 {
        match wave {
            Wave::ShortCover => &mut self.short_cover,
            Wave::BackorderCover => &mut self.backorder_cover,
            Wave::Shortage => &mut self.shortage,
        }
    }
}

impl Stock {
    /// The quantities as outcomes tell them.
    pub fn quantities(&self) -> Quantities {
        Quantities {
            on_hand: self.on_hand,
            available: self.available,
            held: self.held,
            allocated: self.allocated,
            unavailable: self.damaged + self.quality_control + self.safety,
            short: self.short,
            backordered: self.backordered,
            overdrawn: self.overdrawn,
        }
    }

    /// Whether physical facts broke promises here: nothing may be promised until that is made good.
    pub fn is_in_shortfall(&self) -> bool {
        self.short > 0 || self.overdrawn > 0
    }

    /// Units that may be promised from the shelf.
    pub fn promisable(&self) -> u64 {
        if self.is_in_shortfall() { 0 } else { self.available }
    }

    /// Units that may be promised beyond the shelf; a broken promise uses the limit up as well.
    pub fn backorder_room(&self, limit: u64) -> u64 {
        limit.saturating_sub(self.backordered).saturating_sub(self.short + self.overdrawn)
    }

    /// Promises that are not covered by what is on the shelf, and what the buffer lacks: all that
    /// is served before a unit is for sale.
    pub fn waiting(&self, safety_stock: u64) -> u64 {
        self.short + self.backordered + safety_stock.saturating_sub(self.safety)
    }

    /// Promised units that are on the shelf.
    pub fn covered(&self) -> u64 {
        (self.held + self.allocated).saturating_sub(self.short + self.backordered)
    }

    /// What is physically there, negative where more was taken than was known.
    pub fn net_on_hand(&self) -> i64 {
        signed(self.on_hand) - signed(self.overdrawn)
    }

    /// What may be promised; where nothing may, what has to come first, as a negative number.
    pub fn position(&self, safety_stock: u64) -> i64 {
        match self.available {
            0 => -signed(self.overdrawn.saturating_add(self.waiting(safety_stock))),
            available => signed(available),
        }
    }

    /// Units become a promise.
    pub(super) fn promise(&mut self, committed: bool, units: Units) -> Result<(), Breach> {
        lower(&mut self.available, units.covered, "available")?;
        raise(self.promised(committed), units.total(), "promised")?;
        raise(&mut self.short, units.short, "short")?;
        raise(&mut self.backordered, units.backordered, "backordered")
    }

    /// Units are a promise no more; those on the shelf may be promised again.
    pub(super) fn give_back(&mut self, committed: bool, units: Units) -> Result<(), Breach> {
        raise(&mut self.available, units.covered, "available")?;
        lower(self.promised(committed), units.total(), "promised")?;
        lower(&mut self.short, units.short, "short")?;
        lower(&mut self.backordered, units.backordered, "backordered")
    }

    /// Promised units leave the shelf.
    pub(super) fn ship(&mut self, committed: bool, units: u64) -> Result<(), Breach> {
        lower(&mut self.on_hand, units, "on_hand")?;
        lower(self.promised(committed), units, "promised")
    }

    /// A promise becomes one for good.
    pub(super) fn commit(&mut self, units: u64) -> Result<(), Breach> {
        lower(&mut self.held, units, "held")?;
        raise(&mut self.allocated, units, "allocated")
    }

    /// Holds got their share of a wave.
    pub(super) fn spread(&mut self, wave: Wave, units: u64) -> Result<(), Breach> {
        lower(self.unspread.of_mut(wave), units, "unspread")
    }

    /// The counters change.
    pub(super) fn change(&mut self, change: &StockChange) -> Result<(), Breach> {
        shift(&mut self.on_hand, change.on_hand, "on_hand")?;
        shift(&mut self.available, change.available, "available")?;
        shift(&mut self.damaged, change.damaged, "damaged")?;
        shift(&mut self.quality_control, change.quality_control, "quality_control")?;
        shift(&mut self.safety, change.safety, "safety")?;
        shift(&mut self.overdrawn, change.overdrawn, "overdrawn")?;
        shift(&mut self.short, change.shortage.saturating_sub(change.short_cover), "short")?;
        shift(&mut self.backordered, change.backorder_cover.saturating_neg(), "backordered")?;
        shift(&mut self.unspread.shortage, change.shortage, "unspread shortage")?;
        shift(&mut self.unspread.short_cover, change.short_cover, "unspread short cover")?;
        shift(&mut self.unspread.backorder_cover, change.backorder_cover, "unspread cover")
    }

    fn promised(&mut self, committed: bool) -> &mut u64 {
        if committed { &mut self.allocated } else { &mut self.held }
    }
}

/// Units as a signed number; more than can be signed are as many as can.
pub(super) fn signed(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}

fn shift(counter: &mut u64, by: i64, name: &str) -> Result<(), Breach> {
    *counter = counter
        .checked_add_signed(by)
        .ok_or_else(|| Breach(format!("{name}: {counter} cannot change by {by}")))?;
    Ok(())
}

fn raise(counter: &mut u64, by: u64, name: &str) -> Result<(), Breach> {
    *counter = counter
        .checked_add(by)
        .ok_or_else(|| Breach(format!("{name}: {counter} cannot rise by {by}")))?;
    Ok(())
}

fn lower(counter: &mut u64, by: u64, name: &str) -> Result<(), Breach> {
    *counter = counter
        .checked_sub(by)
        .ok_or_else(|| Breach(format!("{name}: {counter} cannot fall by {by}")))?;
    Ok(())
}
