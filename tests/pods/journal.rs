//! What the journals say, read from the stream alone.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::jetstream::Context;
use earmark::{
    domain::decision::{Standing, Verdict},
    partition::{
        entry::{Entry, Trigger},
        record::{Link, Record, RecordHash},
    },
};

use crate::{
    load::{Asked, Wants},
    streams,
};

/// A record, where it stands, and in which format.
pub struct Kept {
    pub sequence: u64,
    pub format: u8,
    pub record: Record,
}

/// The records of each partition, in order.
pub struct Journals(pub BTreeMap<u16, Vec<Kept>>);

impl Journals {
    pub async fn read(context: &Context) -> Journals {
        let stored = streams::read_after(context, "EARMARK_JOURNAL", 0).await;
        let mut journals: BTreeMap<u16, Vec<Kept>> = BTreeMap::new();
        let mut links: BTreeMap<u16, Link> = BTreeMap::new();
        for stored in stored.expect("the journal can be read") {
            let record = Record::decode(&stored.payload).expect("the journal has records");
            let (partition, sequence) = (record.header.partition, stored.sequence);
            let before = links.get(&partition).copied();
            assert_eq!(record.header.previous, before, "the chain of {partition} at {sequence}");
            links.insert(partition, Link { sequence, hash: RecordHash::of(&stored.payload) });
            let format = stored.payload[0];
            journals.entry(partition).or_default().push(Kept { sequence, format, record });
        }
        Journals(journals)
    }

    /// Nothing was lost, decided twice or sold twice, and nobody committed but who had taken over
    /// last.
    pub fn check(&self, wants: Wants, asked: &BTreeMap<String, Asked>) {
        let mut decided: BTreeMap<&str, bool> = BTreeMap::new();
        for (partition, journal) in &self.0 {
            let mut owner = None;
            for kept in journal {
                let takes = |entry: &Entry| matches!(entry, Entry::TakenOver | Entry::Resumed);
                let header = &kept.record.header;
                if kept.record.entries.iter().any(takes) {
                    owner = Some(&header.owner);
                } else if let Some(owner) = owner {
                    let at = format!("partition {partition}, record {}", kept.sequence);
                    assert_eq!(*owner, header.owner, "{at}: who committed had not taken over");
                }
                for entry in &kept.record.entries {
                    note(entry, &mut decided);
                }
            }
        }
        for (id, asked) in asked {
            let granted = decided.get(id.as_str());
            let answered = asked.answer.map(|(_, granted)| granted);
            assert_eq!(granted.copied(), answered, "{id}: decided, and answered");
        }
        let mut sold: BTreeMap<&str, u64> = BTreeMap::new();
        let mut wanted: BTreeMap<&str, u64> = BTreeMap::new();
        for (id, asked) in asked {
            *wanted.entry(&asked.sku).or_default() += 1;
            *sold.entry(&asked.sku).or_default() += u64::from(decided[id.as_str()]);
        }
        for (sku, wanted) in wanted {
            // What was asked before the stock had come was refused.
            assert!(sold[sku] <= wants.units.min(wanted), "{sku}: {} sold", sold[sku]);
        }
    }

    /// Which partitions changed hands after each one's first owner, and to whom.
    pub fn owners(&self, partition: u16) -> Vec<&str> {
        let mut owners: Vec<&str> = Vec::new();
        for kept in &self.0[&partition] {
            let takes = |entry: &Entry| matches!(entry, Entry::TakenOver | Entry::Resumed);
            let owner = kept.record.header.owner.as_str();
            if kept.record.entries.iter().any(takes) && owners.last() != Some(&owner) {
                owners.push(owner);
            }
        }
        owners
    }

    /// All pods that have committed something.
    pub fn committers(&self) -> BTreeSet<&str> {
        let all = self.0.values().flatten();
        all.map(|kept| kept.record.header.owner.as_str()).collect()
    }
}

/// Notes a decision that was taken for the first time.
fn note<'a>(entry: &'a Entry, decided: &mut BTreeMap<&'a str, bool>) {
    let Entry::Decided(of) = entry else { return };
    let Trigger::Event(cause) = &of.trigger else { return };
    if of.standing == Standing::New && cause.id.starts_with("hold-") {
        let granted = !matches!(of.verdict, Verdict::Refused(_));
        let before = decided.insert(&cause.id, granted);
        assert_eq!(before, None, "{} is decided twice", cause.id);
    }
}
