//! What a SKU writes down. A fact says what became of the numbers, not how they were chosen, so
//! that it means the same to every later version; each keeps the sum of conservation by itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    hold::{Ending, Hold, PromiseNo, Stone, Units},
    memory::Remembered,
    movements::Movement,
    parking::ParkedEvent,
    settings::Settings,
    stock::{StockChange, Wave},
};
use crate::domain::{
    event::{CountKind, Lane},
    ids::{EventKey, HoldName, LocationId, Owner},
    time::Timestamp,
};

/// What one hold gets of a wave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The hold.
    pub promise: PromiseNo,
    /// Units.
    pub units: u64,
}

/// A change of a SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkuFact {
    /// Units were promised. A stone of the same name makes way.
    HoldOpened(Box<Hold>),
    /// A hold lasts longer.
    HoldExtended {
        /// The hold.
        promise: PromiseNo,
        /// Until when.
        expires_at: Timestamp,
    },
    /// A hold has another owner.
    HoldTransferred {
        /// The hold.
        promise: PromiseNo,
        /// Whose it is.
        to: Owner,
    },
    /// A hold became an allocation.
    HoldCommitted {
        /// The hold.
        promise: PromiseNo,
    },
    /// A hold gave up some of its units; those on the shelf are available.
    HoldReduced {
        /// The hold.
        promise: PromiseNo,
        /// The units.
        by: Units,
    },
    /// Promised units left the shelf.
    HoldShipped {
        /// The hold.
        promise: PromiseNo,
        /// Units; all were covered.
        units: u64,
    },
    /// A shipment of a hold, or of a hold that ended, was seen.
    ShipmentSeen {
        /// The hold or stone.
        promise: PromiseNo,
        /// The owner's number of the shipment.
        shipment: u32,
    },
    /// A hold ended; what it had on the shelf is available, a stone stays.
    HoldEnded {
        /// The hold.
        promise: PromiseNo,
        /// How.
        ending: Ending,
        /// The number of the stone: the hold's, unless another hold takes that over.
        stone: PromiseNo,
    },
    /// A name that never was a hold may not become one. A stone of the same name makes way.
    StoneLaid(Box<Stone>),
    /// The counters of a location changed.
    StockChanged {
        /// Where.
        location: LocationId,
        /// By how much.
        change: StockChange,
    },
    /// Holds got their share of what the counters say already.
    Spread {
        /// Where.
        location: LocationId,
        /// Of what.
        wave: Wave,
        /// Who got how much.
        shares: Vec<Share>,
    },
    /// A location was counted, as v0.1.0 wrote it: both kinds of count were one.
    CountedV010 {
        /// Where.
        location: LocationId,
        /// When the shelf looked like this.
        as_of: Timestamp,
    },
    /// What a decision moved, for counts of an earlier time.
    Moved {
        /// Where.
        location: LocationId,
        /// When.
        time: Timestamp,
        /// What.
        movement: Movement,
        /// Movements at or before this may be forgotten.
        outdated: Timestamp,
    },
    /// The SKU is sold differently.
    Configured(Settings),
    /// Attributes were set.
    Described {
        /// Name to value; others stay.
        attributes: BTreeMap<String, String>,
    },
    /// An event waits for its hold.
    Parked(Box<ParkedEvent>),
    /// The hold that parked events wait for was refused.
    ParkedInVain {
        /// The hold.
        hold: HoldName,
    },
    /// A parked event waits no longer.
    Unparked {
        /// Its place.
        place: PromiseNo,
    },
    /// An event was decided.
    Remembered(Box<Remembered>),
    /// Ids and stones were let go.
    Forgotten {
        /// The ids.
        ids: Vec<EventKey>,
        /// Their lane, and the latest `time` of those that went before their time.
        mark: Option<(Lane, Timestamp)>,
        /// The stones.
        stones: Vec<PromiseNo>,
    },
    /// A hold promises units again that had been said to leave.
    HoldGrown {
        /// The hold.
        promise: PromiseNo,
        /// The units.
        by: Units,
    },
    /// A location was counted.
    Counted {
        /// Where.
        location: LocationId,
        /// What was counted.
        kind: CountKind,
        /// When the shelf looked like this.
        as_of: Timestamp,
    },
}
