//! A SKU: its stock at each location and the holds on it.
//!
//! Promises are guarded, physical facts are believed: a hold may be refused, but goods that were
//! counted, received or shipped are what they are, and what they break becomes `short`.
//!
//! Read in this order: [`stock`] (the counters of a location), [`hold`] (a promise), [`facts`]
//! (what changes), `ledger` and `apply` (how), `decide` (why), [`memory`], [`movements`] and
//! [`parking`] (what is remembered of events), [`parts`] (how a snapshot keeps it). [`counts`] says
//! what a count has seen, [`stored`] how earlier versions wrote.

mod apply;
mod audit;
pub mod book;
pub mod counts;
mod decide;
pub mod facts;
pub mod hold;
mod ledger;
pub mod memory;
pub mod movements;
pub mod parking;
pub mod parts;
pub mod settings;
pub mod station;
pub mod stock;
pub mod stored;

use std::collections::{BTreeMap, BTreeSet};

use litemap::LiteMap;
use serde::{Deserialize, Serialize};

use self::{
    book::{HoldBook, Known},
    hold::PromiseNo,
    memory::Memory,
    movements::Movements,
    parking::{ParkedEvent, Parking},
    parts::PartName,
    settings::Settings,
    stock::Stock,
};
use super::{
    command::SkuCommand,
    decision::{Decision, Input},
    entity::{Breach, Due, DueClock, Entity, Moment, PartKey},
    event::SkuEvent,
    ids::{HoldName, LocationId, Sku},
    outcome::Quantities,
    time::Timestamp,
};

pub use self::{facts::SkuFact, parts::SkuPart};

/// The small rest of a SKU that belongs to no location, hold or id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Facts applied so far.
    pub revision: u64,
    /// The number of the next promise.
    pub next: PromiseNo,
    /// How it is sold.
    pub settings: Settings,
    /// For each lane, the latest `time` of the ids that were forgotten before their time: an event
    /// that is not well after it cannot be told from a repeat.
    pub forgotten: [Option<Timestamp>; 4],
}

/// What a shop may show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Availability {
    /// Units that may be promised, in all.
    pub available: u64,
    /// The same by location.
    pub by_location: BTreeMap<LocationId, u64>,
    /// Further units that may be promised beyond stock.
    pub beyond_stock: u64,
    /// Whether new holds are granted at all.
    pub on_sale: bool,
}

/// A SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkuState {
    sku: Sku,
    head: Head,
    attributes: BTreeMap<String, String>,
    /// A sorted list: most SKUs have one or two, and a tree has room for eleven.
    locations: LiteMap<LocationId, Box<Stock>>,
    book: HoldBook,
    parking: Parking,
    memory: Memory,
    movements: Movements,
    /// Locations where holds wait for their share.
    #[serde(skip)]
    unspread: BTreeSet<LocationId>,
    #[serde(skip)]
    changed: BTreeSet<PartName>,
}

impl SkuState {
    fn empty(sku: Sku) -> SkuState {
        SkuState {
            sku,
            head: Head::default(),
            attributes: BTreeMap::new(),
            locations: LiteMap::new(),
            book: HoldBook::default(),
            parking: Parking::default(),
            memory: Memory::default(),
            movements: Movements::default(),
            unspread: BTreeSet::new(),
            changed: BTreeSet::new(),
        }
    }

    /// Its key.
    pub fn sku(&self) -> &Sku {
        &self.sku
    }

    /// Numbers and marks.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// How it is sold.
    pub fn settings(&self) -> &Settings {
        &self.head.settings
    }

    /// What `sku.described` said.
    pub fn attributes(&self) -> &BTreeMap<String, String> {
        &self.attributes
    }

    /// Its locations and their counters.
    pub fn locations(&self) -> &LiteMap<LocationId, Box<Stock>> {
        &self.locations
    }

    /// The counters of a location; all zero where nothing has happened yet.
    pub fn stock(&self, location: &LocationId) -> Stock {
        self.locations.get(location).map(|stock| **stock).unwrap_or_default()
    }

    /// Its holds and stones.
    pub fn book(&self) -> &HoldBook {
        &self.book
    }

    /// What is known under a hold's name.
    pub fn find(&self, name: &HoldName) -> Known<'_> {
        self.book.find(name)
    }

    /// The events that it remembers.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// The events that wait.
    pub fn parking(&self) -> &Parking {
        &self.parking
    }

    /// Its quantities at one location, or summed over all.
    pub fn quantities(&self, location: Option<&LocationId>) -> Quantities {
        match location {
            Some(location) => self.stock(location).quantities(),
            None => {
                let all = self.locations.values().map(|stock| stock.quantities());
                all.fold(Quantities::default(), sum)
            }
        }
    }

    /// What a shop may show. A location in shortfall has nothing to promise and hides nothing
    /// elsewhere.
    pub fn availability(&self) -> Availability {
        let on_sale = self.settings().on_sale();
        let limit = u64::from(self.settings().backorder_limit);
        let promisable = |stock: &Stock| if on_sale { stock.promisable() } else { 0 };
        let room = |stock: &Stock| if on_sale { stock.backorder_room(limit) } else { 0 };
        let by_location = self.locations.iter();
        Availability {
            available: self.locations.values().map(|stock| promisable(stock)).sum(),
            by_location: by_location.map(|(l, stock)| (l.clone(), promisable(stock))).collect(),
            beyond_stock: self.locations.values().map(|stock| room(stock)).sum(),
            on_sale,
        }
    }

    /// The next parked event that waits no longer for its hold.
    fn unparkable(&self) -> Option<&ParkedEvent> {
        let known = |hold| !matches!(self.find(hold), Known::Unknown);
        self.parking.iter().find(|parked| parked.in_vain || known(&parked.hold))
    }
}

impl Entity for SkuState {
    type Key = Sku;
    type Event = SkuEvent;
    type Command = SkuCommand;
    type Fact = SkuFact;
    type Part = SkuPart;

    fn new(key: Sku) -> SkuState {
        SkuState::empty(key)
    }

    fn decide(
        &self,
        input: &Input<SkuEvent, SkuCommand>,
        moment: &Moment<'_>,
    ) -> Decision<SkuFact> {
        decide::decide(self, input, moment)
    }

    fn apply(&mut self, fact: &SkuFact, at: Timestamp) -> Result<(), Breach> {
        self.apply_fact(fact, at)
    }

    fn has_steps_left(&self) -> bool {
        !self.unspread.is_empty() || self.unparkable().is_some()
    }

    fn dues(&self) -> Vec<Due> {
        // What has waited came before any deadline that is reached now.
        if self.unparkable().is_some() {
            return Vec::new();
        }
        let settled = self.book.due().map(|at| Due { clock: DueClock::Settled, at });
        let demand = self.parking.due().map(|at| Due { clock: DueClock::Demand, at });
        settled.into_iter().chain(demand).collect()
    }

    fn check(&self) -> Result<(), Breach> {
        audit::check(self)
    }

    fn audit(&self) -> Result<(), Breach> {
        audit::audit(self)
    }

    fn has_changed(&self) -> bool {
        !self.changed.is_empty()
    }

    fn take_changed_parts(&mut self) -> Vec<(PartKey, Option<SkuPart>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().map(|name| (name.key(), self.part(name))).collect()
    }

    fn from_parts(key: Sku, parts: Vec<(PartKey, SkuPart)>) -> Result<SkuState, Breach> {
        SkuState::assembled(key, parts)
    }

    fn revision(&self) -> u64 {
        self.head.revision
    }
}

fn sum(a: Quantities, b: Quantities) -> Quantities {
    Quantities {
        on_hand: a.on_hand + b.on_hand,
        available: a.available + b.available,
        held: a.held + b.held,
        allocated: a.allocated + b.allocated,
        unavailable: a.unavailable + b.unavailable,
        short: a.short + b.short,
        backordered: a.backordered + b.backordered,
        overdrawn: a.overdrawn + b.overdrawn,
    }
}
