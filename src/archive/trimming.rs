//! What a partition's journal may forget.
//!
//! Promises: what is forgotten is older than it is to be kept, or the oldest of its partition in a
//! journal that is nearly full; all of it is in both of the newest two archives of the journal's
//! incarnation, whose own records stay; its effects have left; and none of it is a record in which
//! something was set aside that still is: an entity that decides no more, an input that waits. What
//! cannot be known is not forgotten.

use std::collections::HashSet;

use super::{ArchivePorts, Failed, names::Found, reading, writing::KEPT};
use crate::{
    domain::{ids::EntityKey, time::Timestamp},
    partition::{
        Ports,
        entry::Entry,
        record::Record,
        state::{PartitionState, Waiting},
    },
    ports::{JournalEntry, Partition, PortError},
};

/// Lets the journal forget what it may; the first sequence that it may still have.
pub(super) async fn trim(
    ports: &Ports,
    doors: &ArchivePorts,
    partition: Partition,
    archives: &[Found],
    old: Timestamp,
) -> Result<Option<u64>, Failed> {
    let Some((_, bytes)) = ports.snapshots.state(partition).await? else { return Ok(None) };
    let Some(state) = PartitionState::decode(&bytes) else { return Ok(None) };
    let Some(archived) = archived(ports, doors, partition, archives, &state).await? else {
        return Ok(None);
    };
    let keep =
        Keep { from: archived.min(state.released.up_to), old, set_aside: &SetAside::of(&state) };
    let mut below = None;
    let mut after = 0;
    loop {
        let page = ports.journal.read(partition, after).await?;
        // Asked again each time: other partitions make room, too.
        let lacks = ports.journal.room().await?.lacks();
        let may_go = may_go(&page, &keep, lacks)?;
        let Some(last) = page.get(..may_go).and_then(<[JournalEntry]>::last) else { break };
        after = last.sequence;
        ports.journal.purge(partition, last.sequence + 1).await?;
        below = Some(last.sequence + 1);
        if may_go < page.len() {
            break;
        }
    }
    Ok(below)
}

/// Where the older of the newest two archives stands, if both are of this journal.
async fn archived(
    ports: &Ports,
    doors: &ArchivePorts,
    partition: Partition,
    archives: &[Found],
    state: &PartitionState,
) -> Result<Option<u64>, Failed> {
    let ours = |archive: &&Found| archive.begun.incarnation == state.incarnation;
    let newest: Vec<&Found> = archives.iter().filter(ours).take(KEPT).collect();
    if newest.len() < KEPT {
        return Ok(None);
    }
    let mut oldest = u64::MAX;
    for archive in newest {
        let manifest = reading::manifest(&*doors.shelf, &archive.name).await?;
        if !reading::is_in_journal(&*ports.journal, partition, manifest.link).await? {
            return Ok(None);
        }
        oldest = oldest.min(manifest.position.sequence);
    }
    Ok(Some(oldest))
}

/// What must be kept.
struct Keep<'a> {
    /// Everything from this sequence on.
    from: u64,
    /// Everything that was logged since, unless there is too little room.
    old: Timestamp,
    set_aside: &'a SetAside<'a>,
}

/// How many records of a page, from its beginning, may be forgotten, where so many bytes of room
/// are lacking.
fn may_go(page: &[JournalEntry], keep: &Keep<'_>, lacks: u64) -> Result<usize, Failed> {
    let mut freed = 0;
    for (index, entry) in page.iter().enumerate() {
        let may_go = entry.at <= keep.old || freed < lacks;
        if entry.sequence >= keep.from || !may_go {
            return Ok(index);
        }
        freed += entry.record.len() as u64;
        let doing = format!("read the journal's record {}", entry.sequence);
        let record = Record::decode(&entry.record).map_err(|error| PortError::new(doing, error))?;
        if record.entries.iter().any(|entry| keep.set_aside.is_in(entry)) {
            return Ok(index);
        }
    }
    Ok(page.len())
}

/// Entities that decide no more, and inputs that wait.
struct SetAside<'a> {
    state: &'a PartitionState,
    waiting: HashSet<(&'a EntityKey, u64)>,
}

impl<'a> SetAside<'a> {
    fn of(state: &'a PartitionState) -> SetAside<'a> {
        let place = |waiting: &Waiting| waiting.read.sequence;
        let waiting = state
            .waiting
            .iter()
            .flat_map(|(entity, queue)| queue.iter().map(move |waiting| (entity, place(waiting))));
        SetAside { state, waiting: waiting.collect() }
    }

    fn is_in(&self, entry: &Entry) -> bool {
        match entry {
            Entry::Quarantined { entity, .. } => self.state.quarantined.contains_key(entity),
            Entry::Waiting { entity, read, .. } => self.waiting.contains(&(entity, read.sequence)),
            _ => false,
        }
    }
}
