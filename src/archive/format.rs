//! How an archive is written: segments of entities, and a manifest that says what they must be.
//!
//! A segment is a version byte and, compressed in one block of LZ4, entities one after another in
//! postcard. A manifest is a version byte, its fields in postcard, and the BLAKE3 hash of all of
//! that. Promises: what is read is what was written, byte for byte, or an error; a version that
//! this build does not know is refused (E12); nothing is unpacked before its hash was right.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    partition::record::Link,
    ports::{EntityChange, Partition, Position},
};

/// The version that this build writes.
pub const VERSION: u8 = 1;
/// How long a hash is.
const HASH: usize = blake3::OUT_LEN;

/// Why bytes are no part of an archive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadArchive {
    /// A newer build wrote it.
    #[error("an archive of version {0}; this build reads version {VERSION}")]
    UnknownVersion(u8),
    /// A part of it is missing.
    #[error("{0} is missing")]
    Missing(String),
    /// Its bytes are not those that were written.
    #[error("{0} is not what was written: its hash is another one")]
    Corrupt(String),
    /// The bytes do not fit the version that they claim.
    #[error("not an archive: {0}")]
    Malformed(String),
}

impl BadArchive {
    fn malformed(why: impl std::fmt::Display) -> BadArchive {
        BadArchive::Malformed(why.to_string())
    }
}

/// A segment, as its manifest knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// How large it is.
    pub bytes: u64,
    /// The BLAKE3 hash of its bytes.
    pub hash: [u8; HASH],
}

/// What an archive is, and what its segments must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Whose snapshot it is.
    pub partition: Partition,
    /// How many partitions there are.
    pub partitions: Partition,
    /// Where the snapshot stood.
    pub position: Position,
    /// The journal's record there.
    pub link: Link,
    /// When it was archived, by the clock of the pod.
    pub at: Timestamp,
    /// The pod that did it.
    pub owner: String,
    /// Entities in the segments; one that changed meanwhile is there more than once, the last time
    /// as it was at the position.
    pub entities: u64,
    /// Their parts.
    pub parts: u64,
    /// Their deadlines.
    pub dues: u64,
    /// The segments, in order.
    pub segments: Vec<Sealed>,
    /// The BLAKE3 hash of all segments, one behind the other.
    pub whole: [u8; HASH],
    /// The partition's own state at the position.
    pub state: Vec<u8>,
}

impl Manifest {
    /// Its bytes.
    pub fn encode(&self) -> Result<Vec<u8>, BadArchive> {
        let mut bytes = postcard::to_extend(self, vec![VERSION]).map_err(BadArchive::malformed)?;
        let hash = blake3::hash(&bytes);
        bytes.extend_from_slice(hash.as_bytes());
        Ok(bytes)
    }

    /// A manifest from its bytes.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, BadArchive> {
        known(bytes)?;
        let corrupt = || BadArchive::Corrupt("the manifest".to_owned());
        let end = bytes.len().checked_sub(HASH).ok_or_else(corrupt)?;
        let (said, hash) = bytes.split_at(end);
        if blake3::hash(said).as_bytes().as_slice() != hash {
            return Err(corrupt());
        }
        let said = said.split_first().map_or(said, |(_, said)| said);
        let (manifest, rest) = postcard::take_from_bytes(said).map_err(BadArchive::malformed)?;
        match rest.is_empty() {
            true => Ok(manifest),
            false => Err(BadArchive::Malformed(format!("{} bytes too many", rest.len()))),
        }
    }

    /// How large the segments are, together.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }
}

fn known(bytes: &[u8]) -> Result<(), BadArchive> {
    match bytes.first() {
        Some(&VERSION) => Ok(()),
        Some(&version) => Err(BadArchive::UnknownVersion(version)),
        None => Err(BadArchive::malformed("no bytes")),
    }
}

/// An entity in a segment.
#[derive(Serialize, Deserialize)]
struct Entity<'a> {
    key: EntityKey,
    folded_to: u64,
    #[serde(borrow)]
    parts: Vec<(&'a str, &'a [u8])>,
    settled: Option<Timestamp>,
    demand: Option<Timestamp>,
}

/// Appends an entity to the bytes of a segment that is being filled.
pub fn append(unsealed: Vec<u8>, of: &EntityChange) -> Result<Vec<u8>, BadArchive> {
    let due = |clock| of.dues.iter().find(|(of, _)| *of == clock).and_then(|(_, at)| *at);
    let kept = of.parts.iter().filter_map(|(name, part)| Some((name.as_str(), part.as_deref()?)));
    let entity = Entity {
        key: of.key.clone(),
        folded_to: of.folded_to,
        parts: kept.collect(),
        settled: due(DueClock::Settled),
        demand: due(DueClock::Demand),
    };
    postcard::to_extend(&entity, unsealed).map_err(BadArchive::malformed)
}

/// A segment of what was appended.
pub fn seal(unsealed: &[u8]) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    bytes.extend(lz4_flex::block::compress_prepend_size(unsealed));
    bytes
}

/// The entities of a segment, whose hash must have been looked at.
pub fn open(segment: &[u8]) -> Result<Vec<EntityChange>, BadArchive> {
    known(segment)?;
    let packed = segment.split_first().map_or(segment, |(_, packed)| packed);
    let bytes =
        lz4_flex::block::decompress_size_prepended(packed).map_err(BadArchive::malformed)?;
    let mut rest = bytes.as_slice();
    let mut entities = Vec::new();
    while !rest.is_empty() {
        let (entity, after): (Entity, _) =
            postcard::take_from_bytes(rest).map_err(BadArchive::malformed)?;
        entities.push(change(entity));
        rest = after;
    }
    Ok(entities)
}

fn change(of: Entity<'_>) -> EntityChange {
    let part =
        |(name, bytes): (&str, &[u8])| (name.to_owned(), Some(Bytes::copy_from_slice(bytes)));
    EntityChange {
        key: of.key,
        folded_to: of.folded_to,
        parts: of.parts.into_iter().map(part).collect(),
        dues: [(DueClock::Settled, of.settled), (DueClock::Demand, of.demand)],
    }
}
