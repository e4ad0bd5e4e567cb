//! The journal: each partition's records in order, each naming its predecessor.

use std::{collections::BTreeMap, fmt};

use earmark::partition::{entry::Entry, record::Record};

use super::Report;
use crate::streams::Stored;

/// A record and where it stands.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Its sequence in the journal.
    pub sequence: u64,
    /// The record.
    pub record: Record,
}

/// All records, by partition.
#[derive(Debug, Default)]
pub struct Chains {
    partitions: BTreeMap<u16, Vec<Placed>>,
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The partition.
    pub partition: u16,
    /// The record's sequence.
    pub sequence: u64,
    /// The entry's place in the record.
    pub index: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {}, record {}, entry {}", self.partition, self.sequence, self.index)
    }
}

/// What a record must name as its predecessor.
type Last = (u64, [u8; 16]);

impl Chains {
    /// Takes the records apart and follows the chains.
    pub fn read(journal: &[Stored], report: &mut Report) -> Chains {
        let mut chains = Chains::default();
        let mut lasts: BTreeMap<u16, Last> = BTreeMap::new();
        for stored in journal {
            let record = match Record::decode(&stored.payload) {
                Ok(record) => record,
                Err(why) => {
                    report.complain(format!("record {}: {why}", stored.sequence));
                    continue;
                }
            };
            let partition = record.header.partition;
            follow(stored, &record, lasts.get(&partition), report);
            lasts.insert(partition, (stored.sequence, name_of(&stored.payload)));
            let placed = Placed { sequence: stored.sequence, record };
            chains.partitions.entry(partition).or_default().push(placed);
        }
        report.count("records", journal.len() as u64);
        chains
    }

    /// All records.
    pub fn records(&self) -> impl Iterator<Item = &Placed> {
        self.partitions.values().flatten()
    }

    /// All entries, partition after partition.
    pub fn entries(&self) -> impl Iterator<Item = (At, &Entry)> {
        self.records().flat_map(|Placed { sequence, record }| {
            let partition = record.header.partition;
            let at = move |index| At { partition, sequence: *sequence, index };
            record.entries.iter().enumerate().map(move |(index, entry)| (at(index), entry))
        })
    }
}

/// The first 128 bits of the hash of a record's bytes.
fn name_of(bytes: &[u8]) -> [u8; 16] {
    let mut name = [0; 16];
    name.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    name
}

fn follow(stored: &Stored, record: &Record, last: Option<&Last>, report: &mut Report) {
    let header = &record.header;
    let at = format!("partition {}, record {}", header.partition, stored.sequence);
    if stored.subject != format!("earmark.journal.{}", header.partition) {
        report.complain(format!("{at}: stands under {}", stored.subject));
    }
    let named = header.previous.map(|link| (link.sequence, link.hash.0));
    if named.as_ref() != last {
        report.complain(format!("{at}: the chain is broken, its predecessor is another"));
    }
    let is_first = record.entries.first() == Some(&Entry::Genesis);
    if is_first != last.is_none() {
        report.complain(format!("{at}: the chain does not begin where it should"));
    }
}
