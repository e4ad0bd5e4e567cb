//! One promise, and the stone that stays after it.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, Serialize};

use super::stock::Wave;
use crate::domain::{
    Breach,
    event::HoldKind,
    ids::{HoldName, LocationId, OrderId, Owner},
    refusal::{Reason, Refusal},
    time::Timestamp,
};

/// The place of a promise in the order in which a SKU's promises were made: the lower, the older.
/// Stones and parked events are numbered from the same sequence.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct PromiseNo(pub u64);

impl fmt::Display for PromiseNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Units of a promise by what stands behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Units {
    /// On the shelf.
    pub covered: u64,
    /// Taken away by a physical fact.
    pub short: u64,
    /// Beyond stock on purpose.
    pub backordered: u64,
}

impl Units {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.covered + self.short + self.backordered
    }
}

/// How firm a promise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldState {
    /// Until a deadline.
    Held {
        /// The deadline.
        expires_at: Timestamp,
    },
    /// For good: an allocation.
    Committed,
}

/// An open promise of units to an owner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Its place among the SKU's promises.
    pub promise: PromiseNo,
    /// Its name.
    pub name: HoldName,
    /// Whose it is.
    pub owner: Owner,
    /// What it is for.
    pub kind: HoldKind,
    /// Where its units are.
    pub location: LocationId,
    /// Units that were asked for.
    pub requested: u32,
    /// The units promised.
    pub units: Units,
    /// How firm it is.
    pub state: HoldState,
    /// The owner's numbers of the shipments seen: a repeat changes nothing.
    pub shipments: BTreeSet<u32>,
}

impl Hold {
    /// The deadline, of a hold that has one.
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self.state {
            HoldState::Held { expires_at } => Some(expires_at),
            HoldState::Committed => None,
        }
    }

    /// Whether it is an allocation.
    pub fn is_committed(&self) -> bool {
        match self.state {
            HoldState::Held { .. } => false,
            HoldState::Committed => true,
        }
    }

    /// Whether its deadline was over when `logged_at` was.
    pub fn is_over_at(&self, logged_at: Timestamp) -> bool {
        self.expires_at().is_some_and(|expires_at| expires_at < logged_at)
    }

    /// Units promised, as the vocabulary counts them.
    pub fn quantity(&self) -> u32 {
        to_u32(self.units.total())
    }

    /// Units promised beyond stock, as the vocabulary counts them.
    pub fn backordered(&self) -> u32 {
        to_u32(self.units.backordered)
    }

    /// Units that were asked for beyond so many.
    pub(super) fn requested_beyond(&self, units: u64) -> u64 {
        u64::from(self.requested).saturating_sub(units)
    }

    /// What it gives up first when `total` of its units go: what is missing, before what is there.
    pub(super) fn giving_up(&self, total: u64) -> Units {
        let short = total.min(self.units.short);
        let backordered = (total - short).min(self.units.backordered);
        let covered = (total - short - backordered).min(self.units.covered);
        Units { covered, short, backordered }
    }

    /// Units that a wave may still change.
    pub(super) fn open_to(&self, wave: Wave) -> u64 {
        match wave {
            Wave::ShortCover => self.units.short,
            Wave::BackorderCover => self.units.backordered,
            Wave::Shortage => self.units.covered,
        }
    }

    /// Takes its share of a wave.
    pub(super) fn take_share(&mut self, wave: Wave, units: u64) -> Result<(), Breach> {
        if self.open_to(wave) < units {
            return Err(Breach(format!("hold {} has no {units} units for {wave:?}", self.name)));
        }
        let Units { covered, short, backordered } = &mut self.units;
        let (from, to) = match wave {
            Wave::ShortCover => (short, covered),
            Wave::BackorderCover => (backordered, covered),
            Wave::Shortage => (covered, short),
        };
        *from -= units;
        *to += units;
        Ok(())
    }

    /// Gives up units.
    pub(super) fn give_up(&mut self, units: Units) -> Result<(), Breach> {
        let less = |have: u64, less: u64| {
            have.checked_sub(less)
                .ok_or_else(|| Breach(format!("hold {} gives up {units:?}", self.name)))
        };
        self.units = Units {
            covered: less(self.units.covered, units.covered)?,
            short: less(self.units.short, units.short)?,
            backordered: less(self.units.backordered, units.backordered)?,
        };
        Ok(())
    }

    /// Takes units on.
    pub(super) fn take_on(&mut self, units: Units) -> Result<(), Breach> {
        let more = |have: u64, more: u64| {
            have.checked_add(more)
                .ok_or_else(|| Breach(format!("hold {} takes on {units:?}", self.name)))
        };
        self.units = Units {
            covered: more(self.units.covered, units.covered)?,
            short: more(self.units.short, units.short)?,
            backordered: more(self.units.backordered, units.backordered)?,
        };
        Ok(())
    }

    /// What stays of it once it has ended.
    pub(super) fn stone(self, promise: PromiseNo, ending: Ending, ended_at: Timestamp) -> Stone {
        Stone {
            promise,
            name: self.name,
            owner: self.owner,
            location: Some(self.location),
            ending,
            ended_at,
            shipments: self.shipments,
        }
    }
}

/// Stands among the numbers of a hold's shipments, which begin at 1, once goods have come back into
/// it: from then on only what its order asked afterwards may make it smaller.
pub const CAME_BACK: u32 = 0;

/// How a promise ended, or why there never was one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its units were given back.
    Released,
    /// Its deadline passed.
    Expired,
    /// Its last unit left.
    Shipped,
    /// An order claimed it, and holds its units under a name of its own.
    Transferred {
        /// The order.
        to: Owner,
    },
    /// It was refused, and stays refused.
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// It was given up before it was known, and may never be opened.
    Burnt,
}

impl Ending {
    /// Why nothing can be done with the hold any more.
    pub fn reason(&self) -> Reason {
        match self {
            Ending::Expired => Reason::HoldExpired,
            Ending::Refused { refusal } => refusal.reason,
            Ending::Released | Ending::Shipped | Ending::Transferred { .. } | Ending::Burnt => {
                Reason::HoldEnded
            }
        }
    }

    /// An order took it over, and it is this one.
    pub(super) fn is_to(&self, order: &OrderId) -> bool {
        matches!(self, Ending::Transferred { to: Owner::Order(of) } if of == order)
    }

    /// The same as a refusal.
    pub fn refusal(&self) -> Refusal {
        match self {
            Ending::Refused { refusal } => refusal.clone(),
            Ending::Released
            | Ending::Expired
            | Ending::Shipped
            | Ending::Transferred { .. }
            | Ending::Burnt => self.reason().into(),
        }
    }
}

/// What is remembered of a promise that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stone {
    /// Its number.
    pub promise: PromiseNo,
    /// The hold's name.
    pub name: HoldName,
    /// Whose it was.
    pub owner: Owner,
    /// Where its units were, if it ever had any.
    pub location: Option<LocationId>,
    /// How it ended.
    pub ending: Ending,
    /// When it ended, in decision time.
    pub ended_at: Timestamp,
    /// The shipments seen, those after the end too.
    pub shipments: BTreeSet<u32>,
}

/// Units as the vocabulary counts them: no event names more than a `u32`.
pub(super) fn to_u32(units: u64) -> u32 {
    u32::try_from(units).unwrap_or(u32::MAX)
}
