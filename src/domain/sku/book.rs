//! The holds of a SKU and the stones of those that ended, with the indexes that keep the work for
//! one hold independent of how many there are.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use serde::Serialize;

use super::{
    hold::{Hold, PromiseNo, Stone},
    stock::Wave,
};
use crate::domain::{
    Breach,
    ids::{HoldName, LocationId},
    time::Timestamp,
};

/// What a SKU knows under a hold's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// A hold that stands.
    Open(&'a Hold),
    /// A hold that ended, or was never to be.
    Ended(&'a Stone),
    /// Nothing.
    Unknown,
}

/// The holds and stones of a SKU. They are boxed, since a tree has room for eleven where one is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct HoldBook {
    holds: BTreeMap<PromiseNo, Box<Hold>>,
    stones: BTreeMap<PromiseNo, Box<Stone>>,
    /// By a hash of their names: the names themselves stand in what they name.
    #[serde(skip)]
    names: BTreeSet<(u64, PromiseNo)>,
    #[serde(skip)]
    deadlines: BTreeSet<(Timestamp, PromiseNo)>,
    #[serde(skip)]
    stones_by_age: BTreeSet<(Timestamp, PromiseNo)>,
    #[serde(skip)]
    open_to: BTreeMap<(LocationId, Wave), BTreeSet<PromiseNo>>,
}

impl<'a> Known<'a> {
    fn name(&self) -> Option<&'a HoldName> {
        match self {
            Known::Open(hold) => Some(&hold.name),
            Known::Ended(stone) => Some(&stone.name),
            Known::Unknown => None,
        }
    }

    fn promise(&self) -> Option<PromiseNo> {
        match self {
            Known::Open(hold) => Some(hold.promise),
            Known::Ended(stone) => Some(stone.promise),
            Known::Unknown => None,
        }
    }
}

impl HoldBook {
    /// What is known under a name.
    pub fn find(&self, name: &HoldName) -> Known<'_> {
        let hash = hash(name);
        let alike = self.names.range((hash, PromiseNo(0))..=(hash, PromiseNo(u64::MAX)));
        let mut known = alike.map(|(_, promise)| self.known(*promise));
        known.find(|known| known.name() == Some(name)).unwrap_or(Known::Unknown)
    }

    fn known(&self, promise: PromiseNo) -> Known<'_> {
        match (self.holds.get(&promise), self.stones.get(&promise)) {
            (Some(hold), _) => Known::Open(hold),
            (None, Some(stone)) => Known::Ended(stone),
            (None, None) => Known::Unknown,
        }
    }

    /// How many holds are open.
    pub fn open(&self) -> usize {
        self.holds.len()
    }

    /// The open holds, the oldest promise first.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values().map(|hold| &**hold)
    }

    /// The stones of holds that ended.
    pub fn stones(&self) -> impl Iterator<Item = &Stone> {
        self.stones.values().map(|stone| &**stone)
    }

    /// An open hold.
    pub fn hold(&self, promise: PromiseNo) -> Option<&Hold> {
        self.holds.get(&promise).map(|hold| &**hold)
    }

    /// A stone.
    pub fn stone(&self, promise: PromiseNo) -> Option<&Stone> {
        self.stones.get(&promise).map(|stone| &**stone)
    }

    /// Whether a hold or a stone has this number.
    pub(super) fn has(&self, promise: PromiseNo) -> bool {
        self.holds.contains_key(&promise) || self.stones.contains_key(&promise)
    }

    /// The earliest deadline.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.deadlines.first().map(|(expires_at, _)| *expires_at)
    }

    /// Holds whose deadline is before `reached`, the earliest first.
    pub(super) fn over_before(&self, reached: Timestamp) -> impl Iterator<Item = &Hold> {
        let over = self.deadlines.iter().take_while(move |(expires_at, _)| *expires_at < reached);
        over.filter_map(|(_, promise)| self.hold(*promise))
    }

    /// Stones of holds that ended before `before`, the oldest first.
    pub(super) fn ended_before(&self, before: Timestamp) -> impl Iterator<Item = PromiseNo> {
        let old = self.stones_by_age.iter().take_while(move |(ended_at, _)| *ended_at < before);
        old.map(|(_, promise)| *promise)
    }

    /// Holds at a location that a wave can change, in the wave's order: what comes goes to the
    /// oldest promise first, what goes is taken from the newest.
    pub(super) fn open_to(
        &self,
        location: &LocationId,
        wave: Wave,
    ) -> Box<dyn Iterator<Item = &Hold> + '_> {
        let index = self.open_to.get(&(location.clone(), wave)).into_iter().flatten();
        let holds = index.filter_map(|promise| self.hold(*promise));
        match wave {
            Wave::ShortCover | Wave::BackorderCover => Box::new(holds),
            Wave::Shortage => Box::new(holds.rev()),
        }
    }

    /// Writes a hold, new or changed, over what was known under its number and name. Returns the
    /// number of the stone that made way, if one did.
    pub(super) fn put_hold(&mut self, hold: Hold) -> Option<PromiseNo> {
        if let Some(before) = self.holds.remove(&hold.promise) {
            self.unlist(&before);
            self.unname(&before.name, hold.promise);
        }
        let stone = self.make_way(&hold.name, hold.promise);
        self.list(&hold);
        self.holds.insert(hold.promise, Box::new(hold));
        stone
    }

    /// Gives a name to a promise; returns the number of the stone that had it, and is gone.
    fn make_way(&mut self, name: &HoldName, promise: PromiseNo) -> Option<PromiseNo> {
        let before = self.find(name).promise();
        if let Some(before) = before {
            self.take_stone(before);
            self.unname(name, before);
        }
        self.names.insert((hash(name), promise));
        before
    }

    /// Takes a hold out.
    pub(super) fn take_hold(&mut self, promise: PromiseNo) -> Result<Hold, Breach> {
        let hold = self.holds.remove(&promise);
        let hold = hold.ok_or_else(|| Breach(format!("there is no hold {promise}")))?;
        self.unlist(&hold);
        self.unname(&hold.name, promise);
        Ok(*hold)
    }

    /// Writes a stone over what was known under its number and name. Returns the number of another
    /// stone that made way, if one did.
    pub(super) fn put_stone(&mut self, stone: Stone) -> Option<PromiseNo> {
        self.take_stone(stone.promise);
        let replaced = self.make_way(&stone.name, stone.promise);
        self.stones_by_age.insert((stone.ended_at, stone.promise));
        self.stones.insert(stone.promise, Box::new(stone));
        replaced
    }

    /// Takes a stone out.
    pub(super) fn take_stone(&mut self, promise: PromiseNo) -> Option<Stone> {
        let stone = self.stones.remove(&promise)?;
        self.stones_by_age.remove(&(stone.ended_at, promise));
        self.unname(&stone.name, promise);
        Some(*stone)
    }

    fn unname(&mut self, name: &HoldName, promise: PromiseNo) {
        self.names.remove(&(hash(name), promise));
    }

    fn list(&mut self, hold: &Hold) {
        if let Some(expires_at) = hold.expires_at() {
            self.deadlines.insert((expires_at, hold.promise));
        }
        for wave in Wave::ALL.into_iter().filter(|wave| hold.open_to(*wave) > 0) {
            let index = self.open_to.entry((hold.location.clone(), wave)).or_default();
            index.insert(hold.promise);
        }
    }

    fn unlist(&mut self, hold: &Hold) {
        if let Some(expires_at) = hold.expires_at() {
            self.deadlines.remove(&(expires_at, hold.promise));
        }
        for wave in Wave::ALL {
            let key = (hold.location.clone(), wave);
            let Some(index) = self.open_to.get_mut(&key) else { continue };
            index.remove(&hold.promise);
            if index.is_empty() {
                self.open_to.remove(&key);
            }
        }
    }

    /// The same book, with its indexes made anew from the holds and stones alone.
    pub(super) fn rebuilt(&self) -> HoldBook {
        let mut book = HoldBook::default();
        for hold in self.holds.values() {
            book.put_hold((**hold).clone());
        }
        for stone in self.stones.values() {
            book.put_stone((**stone).clone());
        }
        book
    }
}

/// Of no meaning outside this process.
fn hash(name: &HoldName) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}
