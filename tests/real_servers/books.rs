//! What the journal and EARMARK_OUT say of a run, whatever happened to it.

use std::collections::{BTreeMap, BTreeSet};

use earmark::{
    domain::decision::Standing,
    partition::{
        entry::{Entry, Trigger},
        record::Record,
    },
};

use crate::world::World;

/// A record and where it stands.
pub struct Stored {
    pub sequence: u64,
    pub bytes: usize,
    pub record: Record,
}

/// How often an event was decided, and how often it was answered as the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    pub decided: usize,
    pub repeated: usize,
}

/// The journals of all partitions.
pub struct Books(pub Vec<Stored>);

impl Books {
    pub async fn read(world: &World) -> Books {
        let messages = world.messages("EARMARK_JOURNAL").await;
        let stored = messages.into_iter().map(|message| Stored {
            sequence: message.sequence,
            bytes: message.payload.len(),
            record: Record::decode(&message.payload).expect("records can be read"),
        });
        Books(stored.collect())
    }

    /// The records of a partition.
    pub fn of(&self, partition: u16) -> impl Iterator<Item = &Stored> {
        self.0.iter().filter(move |stored| stored.record.header.partition == partition)
    }

    /// How often each event was decided, by its id.
    pub fn times(&self) -> BTreeMap<String, Times> {
        let mut times: BTreeMap<String, Times> = BTreeMap::new();
        for entry in self.entries() {
            let Entry::Decided(decided) = entry else { continue };
            let Trigger::Event(cause) = &decided.trigger else { continue };
            let of = times.entry(cause.id.clone()).or_default();
            match decided.standing {
                Standing::New => of.decided += 1,
                Standing::Repeated => of.repeated += 1,
            }
        }
        times
    }

    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.0.iter().flat_map(|stored| &stored.record.entries)
    }

    /// Every record follows the one before: no two owners have both committed.
    pub fn check_chain(&self) {
        let mut last: BTreeMap<u16, u64> = BTreeMap::new();
        for Stored { sequence, record, .. } in &self.0 {
            let before = last.insert(record.header.partition, *sequence);
            let claimed = record.header.previous.map(|link| link.sequence);
            assert_eq!(claimed, before, "record {sequence}");
        }
    }

    /// No source was ever said to have lost anything.
    pub fn check_no_loss(&self) {
        let lost = self.entries().find(|entry| matches!(entry, Entry::Lost { .. }));
        assert!(lost.is_none(), "{lost:?}");
    }
}

/// The ids of EARMARK_OUT, each of which stands there once.
pub async fn outcomes_once(world: &World) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for message in world.messages("EARMARK_OUT").await {
        let id = message.headers.get("Nats-Msg-Id").expect("outcomes have an id").to_string();
        assert!(ids.insert(id.clone()), "{id} stands there twice");
    }
    ids
}
