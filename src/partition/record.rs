//! A record of the journal: what one batch decided, and everything needed to go on from there.
//!
//! Layout: a version byte, the record's [`format`](super::format), then a [`Header`], then its
//! entries one after another, all in postcard. An unknown version is refused (E12). The format of a
//! version is never changed again: records of every tagged version are fixtures of the tests.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    entry::Entry,
    format::{NEWEST, OLDEST},
};
use crate::{
    domain::time::Timestamp,
    ports::{Cursor, Partition, Position},
};

/// A record's name in the chain: the first 128 bits of the BLAKE3 hash of its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordHash(pub [u8; 16]);

impl RecordHash {
    /// The hash of a whole record.
    pub fn of(record: &[u8]) -> RecordHash {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(record).as_bytes()[..16]);
        RecordHash(hash)
    }
}

/// A place in the chain of a partition's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The record's sequence in the journal.
    pub sequence: u64,
    /// The record's hash.
    pub hash: RecordHash,
}

/// How far effects have left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    /// Every effect of the records up to this sequence has been acknowledged.
    pub up_to: u64,
    /// A sequence of EARMARK_OUT that was known before any later effect was sent: later effects
    /// that did leave stand after it.
    pub out: u64,
    /// The partition's last outcome among them, and where EARMARK_OUT has it. While that message is
    /// there, EARMARK_OUT has lost none of the partition's outcomes before it.
    pub anchor: Option<Anchor>,
    /// The decision whose availability was shown last. While EARMARK_AVAILABILITY has it, or newer
    /// of its SKU, it has lost nothing that was shown before.
    pub shown: Option<ShownAt>,
}

/// A decision of which a SKU's availability was shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownAt {
    /// The sequence of its record.
    pub record: u64,
    /// Its place among the record's entries.
    pub entry: u32,
}

/// An outcome and where EARMARK_OUT has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// Its sequence in EARMARK_OUT.
    pub out: u64,
    /// The sequence of its record.
    pub record: u64,
    /// Its index in the record.
    pub index: u32,
}

/// What a record says before its entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Whose record it is.
    pub partition: Partition,
    /// How many partitions there are.
    pub partitions: Partition,
    /// Raised by each re-seed and restore.
    pub incarnation: u64,
    /// The batch, so that its own append is recognised.
    pub batch: u128,
    /// The pod that decided.
    pub owner: String,
    /// The record before; `None` for the genesis record.
    pub previous: Option<Link>,
    /// The time of the decisions. Never before that of the record before.
    pub decided_at: Timestamp,
    /// How far each source has been read, in the order of `Source::ALL`.
    pub cursors: [Cursor; 5],
    /// How far effects have left.
    pub released: Released,
    /// How many entries follow.
    pub entries: u32,
}

/// A record, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it says of the batch.
    pub header: Header,
    /// What was decided, in order.
    pub entries: Vec<Entry>,
}

/// Why bytes are not a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecord {
    /// A newer build wrote it.
    #[error("a record of version {0}; this pod reads versions {OLDEST} to {1}")]
    UnknownVersion(u8, u8),
    /// The bytes do not fit the version they claim.
    #[error("not a record: {0}")]
    Malformed(String),
}

impl From<postcard::Error> for BadRecord {
    fn from(error: postcard::Error) -> BadRecord {
        BadRecord::Malformed(error.to_string())
    }
}

impl Record {
    /// A record from its bytes.
    pub fn decode(bytes: &[u8]) -> Result<Record, BadRecord> {
        let (header, mut rest) = decode_header(bytes)?;
        // None is shorter than a byte, whatever a damaged header says.
        let mut entries = Vec::with_capacity(rest.len().min(header.entries as usize));
        for _ in 0..header.entries {
            let (entry, after) = postcard::take_from_bytes(rest)?;
            entries.push(entry);
            rest = after;
        }
        if !rest.is_empty() {
            return Err(BadRecord::Malformed(format!("{} bytes too many", rest.len())));
        }
        Ok(Record { header, entries })
    }

    /// The record's position, given where it stands.
    pub fn position(&self, sequence: u64) -> Position {
        Position { incarnation: self.header.incarnation, sequence }
    }
}

/// A record's header alone, and the bytes of its entries.
pub fn decode_header(bytes: &[u8]) -> Result<(Header, &[u8]), BadRecord> {
    match bytes.split_first() {
        Some((OLDEST..=NEWEST, rest)) => Ok(postcard::take_from_bytes(rest)?),
        Some((&version, _)) => Err(BadRecord::UnknownVersion(version, NEWEST)),
        None => Err(BadRecord::Malformed("no bytes".to_owned())),
    }
}

/// A record's bytes in a format, from its header and its entries' bytes.
pub fn encode(format: u8, header: &Header, entries: &[u8]) -> Result<Vec<u8>, BadRecord> {
    let mut bytes = Vec::with_capacity(entries.len() + 256);
    bytes.push(format);
    let mut bytes = postcard::to_extend(header, bytes)?;
    bytes.extend_from_slice(entries);
    Ok(bytes)
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.sequence)?;
        self.hash.0[..4].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
