//! What the objects of an archive are called, such as
//! `p00003/0000000001-00000000000000004711-<run>/manifest` and `…/000000`, `…/000001` and so on.
//!
//! Promise: the names alone say of which partition an archive is, where the snapshot stood when it
//! was begun, and whether it was finished: its manifest is put last, once all else was read back.
//! Where it stands, there or later, only its manifest says.

use std::collections::BTreeMap;

use crate::{
    domain::time::Timestamp,
    ports::{Kept, Partition, Position},
};

const MANIFEST: &str = "manifest";

/// What the names of all objects of a partition begin with.
pub fn of_partition(partition: Partition) -> String {
    format!("p{partition:05}/")
}

/// The name of an archive that is begun there; `run` is nobody else's.
pub fn of_archive(partition: Partition, begun: Position, run: u128) -> String {
    let Position { incarnation, sequence } = begun;
    format!("{}{incarnation:010}-{sequence:020}-{run:032x}", of_partition(partition))
}

/// The name of a segment.
pub fn of_segment(archive: &str, index: usize) -> String {
    format!("{archive}/{index:06}")
}

/// The name of a manifest.
pub fn of_manifest(archive: &str) -> String {
    format!("{archive}/{MANIFEST}")
}

/// An archive, as the names of its objects tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// Where the snapshot stood when it was begun: it stands there or later.
    pub begun: Position,
    /// Whether it has a manifest.
    pub finished: bool,
    /// All that it has, in bytes.
    pub bytes: u64,
    /// When something was put last.
    pub at: Timestamp,
    /// Its objects, the manifest first.
    pub objects: Vec<String>,
}

/// The archives that these objects belong to, the newest first. What has another name is nobody's.
pub fn archives(objects: Vec<Kept>) -> Vec<Found> {
    let mut found: BTreeMap<(Position, String), Found> = BTreeMap::new();
    for object in objects {
        let Some((name, part)) = object.name.rsplit_once('/') else { continue };
        let Some(position) = position(name) else { continue };
        let archive = found.entry((position, name.to_owned())).or_insert_with(|| Found {
            name: name.to_owned(),
            begun: position,
            finished: false,
            bytes: 0,
            at: object.at,
            objects: Vec::new(),
        });
        archive.bytes += object.bytes;
        archive.at = archive.at.max(object.at);
        match part == MANIFEST {
            true => {
                archive.finished = true;
                archive.objects.insert(0, object.name);
            }
            false => archive.objects.push(object.name),
        }
    }
    found.into_values().rev().collect()
}

/// The finished archives that nobody needs any more, of all, the newest first: those behind so many
/// of the newest incarnation. Before it has as many, an older one may be the only one that fits.
pub fn outdated(archives: &[Found], kept: usize) -> Vec<&Found> {
    let finished: Vec<&Found> = archives.iter().filter(|archive| archive.finished).collect();
    let newest = finished.first().map(|newest| newest.begun.incarnation);
    let own = finished.iter().filter(|of| Some(of.begun.incarnation) == newest).count();
    match own >= kept {
        true => finished.into_iter().skip(kept).collect(),
        false => Vec::new(),
    }
}

fn position(archive: &str) -> Option<Position> {
    let mut numbers = archive.rsplit_once('/')?.1.split('-');
    let incarnation = numbers.next()?.parse().ok()?;
    let sequence = numbers.next()?.parse().ok()?;
    Some(Position { incarnation, sequence })
}
