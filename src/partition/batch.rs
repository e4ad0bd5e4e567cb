//! The batch being filled: entries and their bytes, and what they changed.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{entry::Entry, record::BadRecord, state::PartitionState};
use crate::{
    actors::Change,
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    ports::EntityChange,
};

/// The parts of entities that changed, each with its newest bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(BTreeMap<EntityKey, Changed>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Changed {
    folded_to: u64,
    parts: BTreeMap<String, Option<Bytes>>,
    dues: [(DueClock, Option<Timestamp>); 2],
}

impl Changes {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether anything of this entity changed.
    pub fn touch(&self, key: &EntityKey) -> bool {
        self.0.contains_key(key)
    }

    /// How large the changed parts are.
    pub fn bytes(&self) -> usize {
        let parts = self.0.values().flat_map(|changed| &changed.parts);
        parts.map(|(name, part)| name.len() + part.as_ref().map_or(0, Bytes::len)).sum()
    }

    /// Adds what an actor says has changed.
    pub fn add(&mut self, key: &EntityKey, change: Change) {
        let parts = change.parts.into_iter().map(|(name, part)| (name, part.map(Bytes::from)));
        self.merge(
            key.clone(),
            Changed { folded_to: 0, parts: parts.collect(), dues: change.dues },
        );
    }

    /// Adds later changes; they replace earlier ones of the same parts.
    pub fn absorb(&mut self, later: Changes) {
        later.0.into_iter().for_each(|(key, changed)| self.merge(key, changed));
    }

    /// Says that the entities stand at the record of this sequence.
    pub fn folded_to(mut self, sequence: u64) -> Changes {
        self.0.values_mut().for_each(|changed| changed.folded_to = sequence);
        self
    }

    /// The changes as a snapshot takes them.
    pub fn to_vec(&self) -> Vec<EntityChange> {
        let change = |(key, changed): (&EntityKey, &Changed)| EntityChange {
            key: key.clone(),
            folded_to: changed.folded_to,
            parts: changed.parts.iter().map(|(name, part)| (name.clone(), part.clone())).collect(),
            dues: changed.dues,
        };
        self.0.iter().map(change).collect()
    }

    fn merge(&mut self, key: EntityKey, later: Changed) {
        match self.0.get_mut(&key) {
            None => {
                self.0.insert(key, later);
            }
            Some(changed) => {
                changed.parts.extend(later.parts);
                changed.dues = later.dues;
                changed.folded_to = changed.folded_to.max(later.folded_to);
            }
        }
    }
}

/// Entries that will be one record.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The entries, in order.
    pub entries: Vec<Entry>,
    /// The same, encoded one after another.
    pub bytes: Vec<u8>,
    /// What changed; complete only where `whole`.
    pub changes: Changes,
    /// Every entity that these entries changed is in `changes` as it stands after the last entry.
    pub whole: bool,
    /// The partition's state after the last entry, but for its place in the chain.
    pub state: PartitionState,
    /// The time of the decisions.
    pub decided_at: Timestamp,
}

impl Batch {
    /// Whether there is nothing to commit.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: Entry, bytes: &[u8]) {
        self.entries.push(entry);
        self.bytes.extend_from_slice(bytes);
    }
}

/// An entry's bytes.
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, BadRecord> {
    Ok(postcard::to_stdvec(entry)?)
}
