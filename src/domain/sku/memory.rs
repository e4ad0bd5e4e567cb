//! Which events a SKU has decided, and what it answered: a repeat gets the first answer again.
//!
//! An id that belongs to a hold stays as long as the hold or its stone; any other stays until its
//! lane's log time has left it behind, or until there are too many. [`Memory::outdated`] says which
//! go, a fact lets them go.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use hashbrown::{HashTable, hash_table::Entry};
use serde::{Deserialize, Serialize, Serializer};

use super::hold::PromiseNo;
use crate::domain::{
    decision::{Cause, Verdict},
    event::Lane,
    ids::{EventKey, Fingerprint},
    policy::Policy,
    time::Timestamp,
};

/// Ids that one hold keeps; a busier hold's further ids are remembered like those of no hold.
pub const IDS_PER_HOLD_MAX: usize = 64;
/// Ids that one decision lets go at most: more than it adds, so that the memory shrinks.
const FORGOTTEN_AT_ONCE: usize = 8;

/// An event that was decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its id.
    pub key: EventKey,
    /// What it said, hashed.
    pub fingerprint: Fingerprint,
    /// The lane it came by.
    pub lane: Lane,
    /// When the log took it.
    pub logged_at: Timestamp,
    /// When it happened.
    pub time: Timestamp,
    /// What was answered.
    pub verdict: Verdict,
    /// The hold or stone that keeps it.
    pub promise: Option<PromiseNo>,
}

/// Ids to let go, and what that costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Outdated {
    /// The ids.
    pub ids: Vec<EventKey>,
    /// Their lane, and the latest `time` of those that go before their time.
    pub mark: Option<(Lane, Timestamp)>,
}

/// The ids a SKU remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Memory {
    ids: ById,
    /// Ids that no hold keeps, by lane and log time.
    #[serde(skip)]
    loose: [ByAge; Lane::ALL.len()],
    #[serde(skip)]
    kept: BTreeSet<(PromiseNo, EventKey)>,
}

/// Remembered events by their ids, which are hashes already.
#[derive(Clone, Debug, Default)]
struct ById(HashTable<Box<Remembered>>);

impl ById {
    fn hash(key: EventKey) -> u64 {
        key.0 as u64
    }

    fn get(&self, key: EventKey) -> Option<&Remembered> {
        self.0.find(ById::hash(key), |known| known.key == key).map(|known| &**known)
    }

    fn insert(&mut self, remembered: Box<Remembered>) {
        let key = remembered.key;
        let place =
            self.0.entry(ById::hash(key), |known| known.key == key, |known| ById::hash(known.key));
        match place {
            Entry::Occupied(mut known) => *known.get_mut() = remembered,
            Entry::Vacant(room) => drop(room.insert(remembered)),
        }
    }

    fn remove(&mut self, key: EventKey) -> Option<Box<Remembered>> {
        let found = self.0.find_entry(ById::hash(key), |known| known.key == key).ok()?;
        let remembered = found.remove().0;
        if is_too_large(self.0.capacity(), self.0.len()) {
            self.0.shrink_to(self.0.len() * 2, |known| ById::hash(known.key));
        }
        Some(remembered)
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &ById) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().all(|known| other.get(known.key) == Some(known))
    }
}

impl Eq for ById {}

impl Serialize for ById {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let sorted: BTreeMap<_, _> = self.0.iter().map(|known| (known.key, known)).collect();
        sorted.serialize(to)
    }
}

/// Ids in the order of their log times. Nearly all come at the end and go at the beginning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ByAge(VecDeque<(Timestamp, EventKey)>);

impl ByAge {
    fn insert(&mut self, at: Timestamp, key: EventKey) {
        match self.0.back() {
            Some(last) if *last >= (at, key) => {
                if let Err(place) = self.0.binary_search(&(at, key)) {
                    self.0.insert(place, (at, key));
                }
            }
            Some(_) | None => self.0.push_back((at, key)),
        }
    }

    fn remove(&mut self, at: Timestamp, key: EventKey) {
        if let Ok(place) = self.0.binary_search(&(at, key)) {
            self.0.remove(place);
        }
        if is_too_large(self.0.capacity(), self.0.len()) {
            self.0.shrink_to(self.0.len() * 2);
        }
    }
}

/// After a peak, what it took is given back.
fn is_too_large(capacity: usize, in_use: usize) -> bool {
    capacity > 64 && capacity / 4 > in_use
}

impl Memory {
    /// The event with this id, if it was decided and is remembered.
    pub fn recall(&self, key: EventKey) -> Option<&Remembered> {
        self.ids.get(key)
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Remembered> {
        self.ids.0.iter().map(|known| &**known)
    }

    /// How many ids are remembered.
    pub fn len(&self) -> usize {
        self.ids.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.ids.0.is_empty()
    }

    /// Whether a hold can keep one id more.
    pub(super) fn has_room_at(&self, promise: PromiseNo) -> bool {
        self.kept_by(promise).count() < IDS_PER_HOLD_MAX
    }

    fn kept_by(&self, promise: PromiseNo) -> impl Iterator<Item = EventKey> {
        let (first, last) = (EventKey(0), EventKey(u128::MAX));
        self.kept.range((promise, first)..=(promise, last)).map(|(_, key)| *key)
    }

    /// The ids that go with the decision of an event: those that its lane has left behind, and its
    /// oldest beyond the bound. A repeat comes by the lane of the first, so that a lane that runs
    /// over costs the others nothing.
    pub(super) fn outdated(&self, cause: &Cause, policy: &Policy) -> Outdated {
        let before = cause.logged_at - policy.horizon - policy.skew;
        let lane = &self.loose[cause.lane as usize].0;
        let oldest = || lane.iter();
        let left_behind = oldest().take_while(|(logged_at, _)| *logged_at < before);
        let gone = left_behind.take(FORGOTTEN_AT_ONCE).count();
        let too_many = (lane.len() - gone + 1).saturating_sub(policy.ids_per_sku_max);
        let given_up = too_many.min(FORGOTTEN_AT_ONCE);
        let time_of = |(_, key): &(Timestamp, EventKey)| self.recall(*key).map(|known| known.time);
        let mark = oldest().skip(gone).take(given_up).filter_map(time_of).max();
        Outdated {
            ids: oldest().take(gone + given_up).map(|(_, key)| *key).collect(),
            mark: mark.map(|mark| (cause.lane, mark)),
        }
    }

    /// Remembers; `kept` says whether the hold or stone that it names is there to keep it.
    pub(super) fn remember(&mut self, remembered: Remembered, kept: bool) {
        let Remembered { key, lane, logged_at, promise, .. } = remembered;
        match promise {
            Some(promise) if kept => {
                self.kept.insert((promise, key));
            }
            Some(_) | None => self.loose[lane as usize].insert(logged_at, key),
        }
        self.ids.insert(Box::new(remembered));
    }

    /// Lets an id go.
    pub(super) fn forget(&mut self, key: EventKey) -> Option<Remembered> {
        let remembered = self.ids.remove(key)?;
        self.loose[remembered.lane as usize].remove(remembered.logged_at, key);
        Some(*remembered)
    }

    /// What a hold kept is kept no longer than any other id.
    pub(super) fn loosen(&mut self, promise: PromiseNo) {
        let keys: Vec<EventKey> = self.kept_by(promise).collect();
        for key in keys {
            self.kept.remove(&(promise, key));
            if let Some(remembered) = self.ids.get(key) {
                self.loose[remembered.lane as usize].insert(remembered.logged_at, key);
            }
        }
    }
}
