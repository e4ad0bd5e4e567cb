//! Which archives there are, which of them fit a journal, and getting one back into Redis.
//!
//! Promises: an archive becomes the snapshot only when all of it was read and was right, and the
//! store has all of it; until then the snapshot that is there stays as it is. No more than one
//! segment is in memory.

use bytes::Bytes;

use super::{
    ArchivePorts, BadArchive, Failed,
    format::Manifest,
    names::{self, Found},
    writing::Segments,
};
use crate::{
    domain::ids::EntityKey,
    partition::{
        record::{Link, RecordHash},
        state::PartitionState,
    },
    ports::{Built, EntityChange, Journal, Partition, PortError, Position, Shelf},
};

/// The archives of a partition that have a manifest, the newest first.
pub async fn finished(shelf: &dyn Shelf, partition: Partition) -> Result<Vec<Found>, PortError> {
    let mut found = all(shelf, partition).await?;
    found.retain(|archive| archive.finished);
    Ok(found)
}

/// All of a partition, those that were never finished too.
pub(super) async fn all(shelf: &dyn Shelf, partition: Partition) -> Result<Vec<Found>, PortError> {
    Ok(names::archives(shelf.list(&names::of_partition(partition)).await?))
}

/// An archive's manifest.
pub async fn manifest(shelf: &dyn Shelf, archive: &str) -> Result<Manifest, Failed> {
    let name = names::of_manifest(archive);
    let bytes = shelf.get(&name).await?;
    Ok(Manifest::decode(&bytes.ok_or(BadArchive::Missing(name))?)?)
}

/// The partition's own state in an archive.
pub fn state(manifest: &Manifest) -> Result<PartitionState, BadArchive> {
    let state = PartitionState::decode(&manifest.state);
    let state = state.filter(|state| state.last == manifest.link);
    state.ok_or(BadArchive::Malformed("the partition's state cannot be read".to_owned()))
}

/// Whether this very record stands in the journal.
pub async fn is_in_journal(
    journal: &dyn Journal,
    partition: Partition,
    link: Link,
) -> Result<bool, PortError> {
    let page = journal.read(partition, link.sequence.saturating_sub(1)).await?;
    Ok(page.first().is_some_and(|entry| {
        entry.sequence == link.sequence && RecordHash::of(&entry.record) == link.hash
    }))
}

/// Makes certain that all of an archive is there and right.
pub async fn verify(shelf: &dyn Shelf, archive: &str, of: &Manifest) -> Result<(), Failed> {
    let mut segments = Segments::new(shelf, archive, of);
    while segments.next().await?.is_some() {}
    Ok(())
}

/// All parts of an entity in an archive, if there are any.
pub async fn entity(
    shelf: &dyn Shelf,
    (archive, of): (&str, &Manifest),
    key: &EntityKey,
) -> Result<Option<Vec<(String, Bytes)>>, Failed> {
    let mut segments = Segments::new(shelf, archive, of);
    let mut found = None;
    while let Some(entities) = segments.next().await? {
        // One that changed meanwhile comes again, as it was at the position.
        found = entities.into_iter().rfind(|entity| entity.key == *key).or(found);
    }
    let parts =
        |of: EntityChange| of.parts.into_iter().filter_map(|(name, part)| Some((name, part?)));
    Ok(found.map(|of| parts(of).collect()))
}

/// As what an archive becomes the snapshot.
pub struct Becomes {
    /// Where it stands then.
    pub at: Position,
    /// The partition's own state there.
    pub state: Bytes,
    /// What all entities are folded to then, if not what they were.
    pub folded_to: Option<u64>,
}

/// Puts an archive in place of the snapshot.
pub async fn restore(
    doors: &ArchivePorts,
    partition: Partition,
    (archive, of): (&str, &Manifest),
    becomes: Becomes,
    at_once: usize,
) -> Result<(), Failed> {
    let copies = &doors.copies;
    let which = copies.begin(partition).await?;
    let mut segments = Segments::new(&*doors.shelf, archive, of);
    let mut fills = 0;
    while let Some(mut entities) = segments.next().await? {
        if let Some(folded_to) = becomes.folded_to {
            entities.iter_mut().for_each(|entity: &mut EntityChange| entity.folded_to = folded_to);
        }
        for entities in entities.chunks(at_once.max(1)) {
            fills += 1;
            built(copies.fill(partition, &which, fills, entities).await?)?;
        }
    }
    built(copies.finish(partition, &which, fills, becomes.at, becomes.state).await?)
}

fn built(built: Built) -> Result<(), Failed> {
    match built {
        Built::Done => Ok(()),
        Built::Superseded => Err(Failed::Overtaken("another pod restores the same snapshot")),
        Built::Lost => {
            let why = "the store lost some of what it had been filled with";
            Err(PortError::new("build a snapshot", why).into())
        }
    }
}
