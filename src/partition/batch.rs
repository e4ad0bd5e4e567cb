//! The batch being filled: entries and their bytes, and what they changed.

use bytes::Bytes;
use hashlink::LinkedHashMap;

use super::{entry::Entry, record::BadRecord, state::PartitionState};
use crate::{
    actors::Change,
    domain::{DueClock, PartKey, ids::EntityKey, time::Timestamp},
    encode::encode_onto,
    ports::EntityChange,
};

/// The parts of entities that changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(LinkedHashMap<EntityKey, Changed>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Changed {
    folded_to: u64,
    /// In the order in which they changed: of a part that is there twice, the later bytes count.
    parts: Vec<(PartKey, Option<Bytes>)>,
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

    /// How large the changed parts are, at most.
    pub fn bytes(&self) -> usize {
        let parts = self.0.values().flat_map(|changed| &changed.parts);
        parts.map(|(name, part)| name.len() + part.as_ref().map_or(0, Bytes::len)).sum()
    }

    /// Adds what an actor says has changed.
    pub fn add(&mut self, key: EntityKey, change: Change) {
        let Change { parts, dues, .. } = change;
        self.merge(key, Changed { folded_to: 0, parts, dues });
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

    /// The entities that changed.
    pub fn keys(&self) -> impl Iterator<Item = &EntityKey> {
        self.0.keys()
    }

    /// The changes as a snapshot takes them.
    pub fn into_vec(self) -> Vec<EntityChange> {
        let change = |(key, changed): (EntityKey, Changed)| EntityChange {
            key,
            folded_to: changed.folded_to,
            parts: newest(changed.parts),
            dues: changed.dues,
        };
        self.0.into_iter().map(change).collect()
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

/// Each part once, with its newest bytes.
fn newest(parts: Vec<(PartKey, Option<Bytes>)>) -> Vec<(PartKey, Option<Bytes>)> {
    let newest: LinkedHashMap<PartKey, Option<Bytes>> = parts.into_iter().collect();
    newest.into_iter().collect()
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
    pub fn push(&mut self, entry: Entry) -> Result<(), BadRecord> {
        encode_onto(&mut self.bytes, &entry)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Takes out the entries from this one on, whose bytes begin at `bytes`.
    pub fn split_off(&mut self, entry: usize, bytes: usize) -> (Vec<Entry>, Vec<u8>) {
        (self.entries.split_off(entry), self.bytes.split_off(bytes))
    }
}

/// An entry's bytes.
pub fn encode_entry(entry: &Entry) -> Result<Vec<u8>, BadRecord> {
    Ok(postcard::to_stdvec(entry)?)
}
