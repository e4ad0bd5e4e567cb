//! The simulated doors of archives, and what every archive must be when a run is at rest: the fold of
//! its partition's journal at its position.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    actors::Hosted,
    archive::{format, names, reading},
    domain::{DueClock, ids::EntityKey, order::OrderState, sku::SkuState, time::Timestamp},
    partition::{entry::Entry, fold::State, record::Record},
    ports::{
        Built, Copied, Copies, EntityChange, Kept, Named, Partition, PortError, Position, Shelf,
    },
};

use super::{
    checks::KeyOf,
    oracles::Oracle,
    ports::PodView,
    world::{self, Outside, World, journal_subject},
};

/// Entities named in one step.
const STEP: usize = 3;

fn change(key: &EntityKey, kept: Option<&world::Kept>) -> EntityChange {
    let due = |clock| (clock, kept.and_then(|kept| kept.dues.get(&clock).copied()));
    let parts = kept.iter().flat_map(|kept| &kept.parts);
    EntityChange {
        key: key.clone(),
        folded_to: kept.map_or(0, |kept| kept.folded_to),
        parts: parts.map(|(name, part)| (name.clone(), Some(part.clone()))).collect(),
        dues: [due(DueClock::Settled), due(DueClock::Demand)],
    }
}

fn kept(change: &EntityChange) -> world::Kept {
    let parts = change.parts.iter().filter_map(|(name, part)| Some((name.clone(), part.clone()?)));
    let dues = change.dues.iter().filter_map(|(clock, at)| Some((*clock, (*at)?)));
    world::Kept { folded_to: change.folded_to, parts: parts.collect(), dues: dues.collect() }
}

#[async_trait]
impl Copies for PodView {
    async fn copy(
        &self,
        partition: Partition,
        keys: &[EntityKey],
    ) -> Result<Option<Copied>, PortError> {
        self.store("copy entities", |outside| {
            let shelf = outside.store.get(&partition)?;
            let entities = keys.iter().map(|key| change(key, shelf.entities.get(key)));
            let (at, which) = (shelf.position?, shelf.which.clone());
            Some(Copied { which, at, entities: entities.collect() })
        })
        .await
    }

    async fn keys(
        &self,
        partition: Partition,
        which: &str,
        from: u64,
    ) -> Result<Option<Named>, PortError> {
        self.store("name entities", |outside| {
            // Like a scan of Redis: whoever comes and goes meanwhile may be named or not, and each
            // life of the store has an order of its own.
            let life = outside.life;
            let shelf = outside.store.get(&partition).filter(|shelf| shelf.which == which)?;
            let of = |key: &EntityKey| {
                let (text, seed) = (key.to_string(), 7 + life);
                let mix = |hash: u64, byte| hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte);
                text.bytes().fold(seed, mix).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1
            };
            let keys = shelf.entities.keys();
            let mut keys: Vec<(u64, EntityKey)> = keys.map(|key| (of(key), key.clone())).collect();
            keys.sort();
            keys.retain(|(hash, _)| *hash > from);
            let more = keys.len() > STEP;
            keys.truncate(STEP);
            let next = keys.last().filter(|_| more).map_or(0, |(hash, _)| *hash);
            let keys = keys.into_iter().map(|(_, key)| key).collect();
            Some(Named { life: life.to_string(), at: shelf.position?, next, keys })
        })
        .await
    }

    async fn begin(&self, partition: Partition) -> Result<String, PortError> {
        self.store("begin to build a snapshot", |outside| {
            let which = outside.another_generation();
            let shelf = world::Shelf { which: which.clone(), ..world::Shelf::default() };
            outside.staged.insert(partition, world::Staged { shelf, ..world::Staged::default() });
            which
        })
        .await
    }

    async fn fill(
        &self,
        partition: Partition,
        which: &str,
        number: u64,
        entities: &[EntityChange],
    ) -> Result<Built, PortError> {
        self.store("fill a snapshot", |outside| {
            let staged = outside.staged.get_mut(&partition);
            let Some(staged) = staged.filter(|staged| staged.shelf.which == which) else {
                return Built::Superseded;
            };
            if ![number, number - 1].contains(&staged.fills) {
                outside.count("recovery: what is built lacks a fill");
                return Built::Lost;
            }
            if staged.fills < number {
                staged.before = staged.shelf.entities.clone();
            }
            staged.fills = number;
            for entity in entities {
                let all = &mut staged.shelf.entities;
                match entity.parts.is_empty() {
                    true => drop(all.remove(&entity.key)),
                    false => drop(all.insert(entity.key.clone(), kept(entity))),
                }
            }
            Built::Done
        })
        .await
    }

    async fn finish(
        &self,
        partition: Partition,
        which: &str,
        fills: u64,
        to: Position,
        state: Bytes,
    ) -> Result<Built, PortError> {
        self.store("put a built snapshot in place", |outside| {
            finish(outside, partition, (which, fills), to, state)
        })
        .await
    }
}

fn finish(
    outside: &mut Outside,
    partition: Partition,
    (which, fills): (&str, u64),
    to: Position,
    state: Bytes,
) -> Built {
    let shelf = outside.store.entry(partition).or_default();
    if shelf.which == which {
        return Built::Done;
    }
    match outside.staged.remove(&partition) {
        Some(staged) if staged.shelf.which == which && staged.fills == fills => {
            let committed = shelf.committed;
            *shelf = world::Shelf { position: Some(to), state, committed, ..staged.shelf };
            outside.count("recovery: from an archive");
            Built::Done
        }
        other => {
            let ours = other.as_ref().is_some_and(|other| other.shelf.which == which);
            outside.staged.extend(other.map(|other| (partition, other)));
            if ours { Built::Lost } else { Built::Superseded }
        }
    }
}

#[async_trait]
impl Shelf for PodView {
    async fn list(&self, begin: &str) -> Result<Vec<Kept>, PortError> {
        self.request().await;
        let kept = {
            let outside = self.world.lock();
            let own = outside.archived.iter().filter(|(name, _)| name.starts_with(begin));
            let kept = own.map(|(name, (at, bytes))| Kept {
                name: name.clone(),
                bytes: bytes.len() as u64,
                at: *at,
            });
            kept.collect()
        };
        self.reply("list archives", kept).await
    }

    async fn put(&self, name: &str, bytes: Bytes) -> Result<(), PortError> {
        self.request().await;
        let now = self.world.now();
        self.world.lock().archived.insert(name.to_owned(), (now, bytes));
        self.reply("put an archive", ()).await
    }

    async fn get(&self, name: &str) -> Result<Option<Bytes>, PortError> {
        self.request().await;
        let found = self.world.lock().archived.get(name).map(|(_, bytes)| bytes.clone());
        self.reply("get an archive", found).await
    }

    async fn delete(&self, name: &str) -> Result<(), PortError> {
        self.request().await;
        self.world.lock().archived.remove(name);
        self.reply("delete an archive", ()).await
    }

    async fn sweep(&self, _: Timestamp) -> Result<(), PortError> {
        // Objects are put in one step here: nothing is ever half there.
        self.request().await;
        self.reply("sweep archives", ()).await
    }
}

// === what archives must be ===

/// Every finished archive has every entity as the journal makes it, and nothing else.
pub fn archives_are_the_fold(world: &World, partitions: Partition) {
    let (objects, journal) = {
        let outside = world.lock();
        (outside.archived.clone(), outside.journal.messages.clone())
    };
    for partition in 0..partitions {
        let begin = names::of_partition(partition);
        let kept = objects.iter().filter(|(name, _)| name.starts_with(&begin));
        let kept = kept.map(|(name, (at, _))| Kept { name: name.clone(), bytes: 0, at: *at });
        let records: Vec<(u64, Record)> = journal
            .values()
            .filter(|stored| stored.subject == journal_subject(partition))
            .map(|stored| (stored.sequence, Record::decode(&stored.payload).expect("a record")))
            .collect();
        for archive in names::archives(kept.collect()).iter().filter(|found| found.finished) {
            world.count("an archive is compared");
            let bytes = |name: &str| objects[name].1.clone();
            let manifest = format::Manifest::decode(&bytes(&names::of_manifest(&archive.name)));
            let manifest = manifest.expect("a manifest of ours");
            if records.last().is_none_or(|(last, _)| *last < manifest.position.sequence) {
                continue;
            }
            let mut found = BTreeMap::new();
            for index in 0..manifest.segments.len() {
                let segment = bytes(&names::of_segment(&archive.name, index));
                for entity in format::open(&segment).expect("a segment of ours") {
                    found.insert(entity.key.clone(), entity);
                }
            }
            found.retain(|_, entity| !entity.parts.is_empty());
            let name = &archive.name;
            if reading::state(&manifest).is_err() {
                world.violation(Oracle::Archive, format!("{name}: its state cannot be read"));
            }
            compare(world, name, &found, fold(&records, manifest.position.sequence));
        }
    }
}

fn fold(records: &[(u64, Record)], to: u64) -> BTreeMap<EntityKey, State> {
    let mut folded = BTreeMap::new();
    for (_, record) in records.iter().filter(|(sequence, _)| *sequence <= to) {
        for entry in &record.entries {
            let Entry::Decided(decided) = entry else { continue };
            if decided.facts.is_empty() {
                continue;
            }
            let key = &decided.entity;
            let state = folded.entry(key.clone()).or_insert_with(|| State::new(key));
            state.apply(&decided.facts, record.header.decided_at).expect("it was decided");
        }
    }
    folded
}

fn compare(
    world: &World,
    name: &str,
    found: &BTreeMap<EntityKey, EntityChange>,
    expected: BTreeMap<EntityKey, State>,
) {
    if found.keys().any(|key| !expected.contains_key(key)) {
        world.violation(
            Oracle::Archive,
            format!("{name} has an entity that the journal does not know"),
        );
    }
    for (key, state) in expected {
        let same = match state {
            State::Sku(sku) => is::<SkuState>(&key, found.get(&key), *sku),
            State::Order(order) => is::<OrderState>(&key, found.get(&key), *order),
        };
        if !same {
            world.violation(
                Oracle::Archive,
                format!("{name}: {key} is not as the journal makes it"),
            );
        }
    }
}

fn is<E>(key: &EntityKey, found: Option<&EntityChange>, mut expected: E) -> bool
where
    E: Hosted + PartialEq,
    E::Key: KeyOf,
{
    // One that has nothing left is in no snapshot.
    let Some(found) = found else {
        return expected.take_changed_parts().iter().all(|(_, p)| p.is_none());
    };
    let parts = found.parts.iter().map(|(name, bytes)| {
        let bytes = bytes.as_ref().expect("archives have what is there");
        (name.clone(), postcard::from_bytes(bytes).expect("a part of ours"))
    });
    expected.take_changed_parts();
    E::from_parts(E::Key::of(key), parts.collect()).is_ok_and(|found| found == expected)
}
