//! What tagged versions wrote is readable for ever: a journal and its snapshots, as a short run left
//! them. `tests/fixtures/<version>/journal.bin` is made once, with the version, by
//! `EARMARK_FREEZE=<version> cargo test --test simulation formats`, and never edited again.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use earmark::{
    domain::ids::EntityKey,
    partition::{Published, effects::effects, record::Record},
    ports::{Outgoing, Partition, Position},
};
use serde::{Deserialize, Serialize};

use super::{case::Case, checks, world::World};

/// An entity: its key, its position, its parts.
type FrozenEntity = (EntityKey, u64, Vec<(String, Vec<u8>)>);

/// A journal and the snapshots that belong to it.
#[derive(Default, Serialize, Deserialize)]
pub struct Frozen {
    /// Sequence, partition, bytes.
    records: Vec<(u64, Partition, Vec<u8>)>,
    shelves: Vec<Shelf>,
}

#[derive(Serialize, Deserialize)]
struct Shelf {
    partition: Partition,
    position: Option<Position>,
    state: Vec<u8>,
    /// Key, position, parts.
    entities: Vec<FrozenEntity>,
}

impl Frozen {
    /// What a world holds.
    pub fn of(world: &World) -> Frozen {
        let outside = world.lock();
        let partition = |subject: &str| subject.rsplit('.').next().and_then(|n| n.parse().ok());
        let records = outside.journal.messages.values().map(|stored| {
            let partition = partition(&stored.subject).expect("a record of a partition");
            (stored.sequence, partition, stored.payload.to_vec())
        });
        let shelves = outside.store.iter().map(|(partition, shelf)| Shelf {
            partition: *partition,
            position: shelf.position,
            state: shelf.state.to_vec(),
            entities: shelf
                .entities
                .iter()
                .map(|(key, kept)| {
                    let part = |(name, part): (&String, &Bytes)| (name.clone(), part.to_vec());
                    (key.clone(), kept.folded_to, kept.parts.iter().map(part).collect())
                })
                .collect(),
        });
        Frozen { records: records.collect(), shelves: shelves.collect() }
    }

    fn thaw(self) -> World {
        let world = World::new(Case::of(0));
        let mut outside = world.lock();
        for (sequence, partition, record) in self.records {
            outside.journal.last = sequence - 1;
            let (at, subject) = (super::world::DAY_ONE, format!("journal.{partition}"));
            outside.journal.append(at, &subject, None, record.into());
        }
        for shelf in self.shelves {
            let kept = outside.store.entry(shelf.partition).or_default();
            kept.position = shelf.position;
            kept.state = shelf.state.into();
            for (key, folded_to, parts) in shelf.entities {
                let entity = kept.entities.entry(key).or_default();
                entity.folded_to = folded_to;
                entity.parts = parts.into_iter().map(|(name, part)| (name, part.into())).collect();
            }
        }
        drop(outside);
        world
    }
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

#[test]
fn formats_of_tagged_versions_are_read() {
    if let Ok(version) = std::env::var("EARMARK_FREEZE") {
        let dir = fixtures().join(version);
        let file = dir.join("journal.bin");
        assert!(!file.exists(), "{} is never edited again", file.display());
        fs::create_dir_all(&dir).expect("the folder can be made");
        let frozen = super::play(Case { seconds: 3, ..Case::of(11) }).frozen;
        let bytes = postcard::to_stdvec(&frozen).expect("it can be encoded");
        fs::write(file, bytes).expect("it can be written");
    }
    let mut read = 0;
    for entry in fs::read_dir(fixtures()).expect("there are fixtures").flatten() {
        let Ok(bytes) = fs::read(entry.path().join("journal.bin")) else { continue };
        let frozen: Frozen = postcard::from_bytes(&bytes).expect("a frozen journal");
        let world = frozen.thaw();
        checks::check_fold(&world);
        let violations = world.lock().violations.clone();
        assert!(violations.is_empty(), "{}: {violations:?}", entry.path().display());
        read += 1;
    }
    assert!(read > 0, "no version has been frozen");
}

#[test]
fn what_is_left_out_changes_no_other_effect() {
    let left_out = ["hold.granted", "order.reserved"];
    let left_out_of_it = left_out.map(str::to_owned).into();
    let less = Published { left_out: left_out_of_it, availability: false, ..Published::default() };
    let (mut left, mut kept, mut shown) = (0, 0, 0);
    let path = fixtures().join("v0.1.0/journal.bin");
    let bytes = fs::read(path).expect("the version has been frozen");
    let frozen: Frozen = postcard::from_bytes(&bytes).expect("a frozen journal");
    for (sequence, _, record) in &frozen.records {
        let record = Record::decode(record).expect("a record");
        let all = effects(&record, *sequence, &Published::default());
        let some = effects(&record, *sequence, &less);
        let is_left = |message: &&Outgoing| {
            message.subject.ends_with(".hold_granted")
                || message.subject.ends_with(".order_reserved")
        };
        left += all.messages.iter().filter(is_left).count();
        kept += some.messages.len();
        shown += all.shown.len();
        assert!(all.messages.iter().filter(|message| !is_left(message)).eq(&some.messages));
        assert_eq!((all.answers, all.dead_letters), (some.answers, some.dead_letters));
        assert!(some.shown.is_empty());
    }
    assert!(left > 0 && kept > 0 && shown > 0, "{left} left out, {kept} kept, {shown} shown");
}
