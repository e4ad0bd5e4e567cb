//! Gets a copy onto the shelf, segment by segment, and reads it back before it counts.
//!
//! Promises: no more than one segment is in memory; an archive has a manifest only once all of its
//! segments were read back as they were written; whoever fails on the way deletes them, and whoever
//! dies leaves objects that nobody takes for an archive, and a later one tidies them up. The newest
//! two that are finished are kept.

use bytes::Bytes;

use super::{
    ArchivePorts, Archiving, BadArchive, Failed,
    copying::copy,
    format::{Manifest, Sealed, append, open, seal},
    names::{self, Found},
};
use crate::{
    domain::time::{Span, Timestamp},
    partition::{Ports, state::PartitionState},
    ports::{EntityChange, Partition, Shelf},
};

/// How many finished archives of a partition are kept.
pub const KEPT: usize = 2;
/// Objects that belong to nothing finished are left alone for so long: they may be under way.
const UNDER_WAY: Span = Span::from_secs(3_600);

/// An archive under way.
pub(super) struct Writer {
    shelf: std::sync::Arc<dyn Shelf>,
    name: String,
    segment_bytes: usize,
    unsealed: Vec<u8>,
    segments: Vec<Sealed>,
    whole: blake3::Hasher,
    entities: u64,
    parts: u64,
    dues: u64,
}

impl Writer {
    fn new(doors: &ArchivePorts, name: String, segment_bytes: usize) -> Writer {
        Writer {
            shelf: doors.shelf.clone(),
            name,
            segment_bytes,
            unsealed: Vec::new(),
            segments: Vec::new(),
            whole: blake3::Hasher::new(),
            entities: 0,
            parts: 0,
            dues: 0,
        }
    }

    pub async fn add(&mut self, entities: &[EntityChange]) -> Result<(), Failed> {
        for entity in entities {
            self.unsealed = append(std::mem::take(&mut self.unsealed), entity)?;
            (self.entities, self.parts, self.dues) = count(self, entity);
            if self.unsealed.len() >= self.segment_bytes {
                self.seal().await?;
            }
        }
        Ok(())
    }

    async fn seal(&mut self) -> Result<(), Failed> {
        let segment = seal(&self.unsealed);
        self.unsealed.clear();
        self.whole.update(&segment);
        let hash = blake3::hash(&segment);
        self.segments.push(Sealed { bytes: segment.len() as u64, hash: *hash.as_bytes() });
        let name = names::of_segment(&self.name, self.segments.len() - 1);
        self.shelf.put(&name, segment.into()).await?;
        Ok(())
    }

    /// Deletes what was put: nobody may need the room more than whoever tries next.
    async fn give_up(&self) {
        for index in 0..self.segments.len() {
            let name = names::of_segment(&self.name, index);
            if let Err(error) = self.shelf.delete(&name).await {
                tracing::warn!(%error, "a half archive is left to be tidied up later");
                return;
            }
        }
    }
}

/// What has been counted, with one more.
fn count(so_far: &Writer, entity: &EntityChange) -> (u64, u64, u64) {
    let dues = entity.dues.iter().filter(|(_, at)| at.is_some()).count();
    let parts = entity.parts.len();
    (so_far.entities + 1, so_far.parts + parts as u64, so_far.dues + dues as u64)
}

/// Archives a partition's snapshot; what was archived, and under which name.
pub async fn archive(
    ports: &Ports,
    doors: &ArchivePorts,
    (partition, owner): (Partition, &str),
    archiving: &Archiving,
) -> Result<(String, Manifest), Failed> {
    let begun = doors.copies.copy(partition, &[]).await?;
    let begun = begun.ok_or(Failed::Overtaken("there is no snapshot"))?;
    // The place where it begins, for now: nobody reads the name of what has no manifest.
    let name = names::of_archive(partition, begun.at, ports.clock.unique());
    let mut writer = Writer::new(doors, name, archiving.segment_bytes);
    let manifest = match written(ports, doors, (partition, owner), archiving, &mut writer).await {
        Ok(manifest) => manifest,
        Err(error) => {
            writer.give_up().await;
            return Err(error);
        }
    };
    // From here on nothing is deleted: a manifest without an answer may yet arrive, and what has
    // one is taken for an archive.
    put_manifest(&*doors.shelf, &writer.name, &manifest).await?;
    Ok((writer.name, manifest))
}

/// Copies the snapshot and reads back what was copied; what the manifest is to say.
async fn written(
    ports: &Ports,
    doors: &ArchivePorts,
    (partition, owner): (Partition, &str),
    archiving: &Archiving,
    writer: &mut Writer,
) -> Result<Manifest, Failed> {
    let (position, bytes) = copy(ports, doors, partition, archiving, writer).await?;
    if !writer.unsealed.is_empty() {
        writer.seal().await?;
    }
    let malformed = || BadArchive::Malformed("the partition's state cannot be read".to_owned());
    let state = PartitionState::decode(&bytes).ok_or_else(malformed)?;
    if state.position() != position {
        return Err(Failed::Overtaken("the snapshot is not at the position that it says"));
    }
    let manifest = Manifest {
        partition,
        partitions: state.partitions,
        position,
        link: state.last,
        at: ports.clock.now(),
        owner: owner.to_owned(),
        entities: writer.entities,
        parts: writer.parts,
        dues: writer.dues,
        segments: writer.segments.clone(),
        whole: *writer.whole.finalize().as_bytes(),
        state: bytes.to_vec(),
    };
    read_back(&*doors.shelf, &writer.name, &manifest).await?;
    Ok(manifest)
}

/// Makes certain that what is on the shelf is what was put there.
async fn read_back(shelf: &dyn Shelf, archive: &str, of: &Manifest) -> Result<(), Failed> {
    let mut entities = 0;
    let mut segments = Segments::new(shelf, archive, of);
    while let Some(segment) = segments.next().await? {
        entities += segment.len() as u64;
    }
    match entities == of.entities {
        true => Ok(()),
        false => Err(BadArchive::Corrupt(archive.to_owned()).into()),
    }
}

async fn put_manifest(shelf: &dyn Shelf, archive: &str, manifest: &Manifest) -> Result<(), Failed> {
    let name = names::of_manifest(archive);
    shelf.put(&name, Bytes::from(manifest.encode()?)).await?;
    let there = shelf.get(&name).await?;
    let there = there.ok_or_else(|| BadArchive::Missing(name.clone()))?;
    match Manifest::decode(&there)? == *manifest {
        true => Ok(()),
        false => Err(BadArchive::Corrupt(name).into()),
    }
}

/// The entities of an archive, a segment at a time, each looked at before it is unpacked.
pub(super) struct Segments<'a> {
    shelf: &'a dyn Shelf,
    archive: &'a str,
    of: &'a Manifest,
    next: usize,
    whole: blake3::Hasher,
}

impl<'a> Segments<'a> {
    pub fn new(shelf: &'a dyn Shelf, archive: &'a str, of: &'a Manifest) -> Segments<'a> {
        Segments { shelf, archive, of, next: 0, whole: blake3::Hasher::new() }
    }

    /// The next segment's; `None` once all were there and the whole of them was right.
    pub async fn next(&mut self) -> Result<Option<Vec<EntityChange>>, Failed> {
        let Some(sealed) = self.of.segments.get(self.next) else {
            return match self.whole.finalize().as_bytes() == &self.of.whole {
                true => Ok(None),
                false => Err(BadArchive::Corrupt(self.archive.to_owned()).into()),
            };
        };
        let name = names::of_segment(self.archive, self.next);
        self.next += 1;
        let bytes = self.shelf.get(&name).await?;
        let bytes = bytes.ok_or_else(|| BadArchive::Missing(name.clone()))?;
        if *blake3::hash(&bytes).as_bytes() != sealed.hash {
            return Err(BadArchive::Corrupt(name).into());
        }
        self.whole.update(&bytes);
        Ok(Some(open(&bytes)?))
    }
}

/// Deletes all but the newest archives, and what others left half done long ago.
pub(super) async fn tidy(
    shelf: &dyn Shelf,
    archives: &[Found],
    now: Timestamp,
) -> Result<(), Failed> {
    for archive in names::outdated(archives, KEPT) {
        delete(shelf, archive).await?;
    }
    let long_ago = now - UNDER_WAY;
    for archive in archives.iter().filter(|archive| !archive.finished && archive.at < long_ago) {
        delete(shelf, archive).await?;
    }
    shelf.sweep(long_ago).await?;
    Ok(())
}

/// The manifest first: without it the rest is no archive any more.
async fn delete(shelf: &dyn Shelf, archive: &Found) -> Result<(), Failed> {
    for object in &archive.objects {
        shelf.delete(object).await?;
    }
    Ok(())
}
