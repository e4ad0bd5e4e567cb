//! Brings a partition's snapshot back from an archive.
//!
//! Promises: an archive fits only if the very record that it stands at is in the journal: then it
//! is a fold of that journal, whatever its incarnation is called. One that stands behind the
//! journal's end proves a loss, and the partition is refused. One that is damaged, or from a newer
//! version, is said and left, and the one before it is tried. Nothing is put in place before all of
//! it was read.

use super::{
    Env, Exit,
    entry::Entry,
    record::{Link, Record, RecordHash},
    state::PartitionState,
    verdict::lost_tail,
};
use crate::{
    archive::{
        ArchivePorts, Failed,
        format::Manifest,
        names::Found,
        reading::{self, Becomes},
    },
    ports::{JournalEntry, Position},
    telemetry,
};

/// What an operator can look at, whatever is wrong.
fn advice(env: &Env) -> String {
    let partition = env.partition;
    format!("`earmark partition show {partition}` says what each store has, and what can be done")
}

/// The partition is not served, for this reason, until an operator has looked at it.
pub(super) fn refuse(env: &Env, why: &str) -> Exit {
    Exit::refuse(format!("{why}; {}", advice(env)))
}

/// The archive that a record begins its partition anew from.
pub(super) fn reseeded_from(record: &Record) -> Option<&str> {
    match record.entries.as_slice() {
        [Entry::Reseeded { archive, .. }] => Some(archive),
        _ => None,
    }
}

/// The archives of the partition, the newest first.
pub(super) async fn archives(env: &Env) -> Vec<Found> {
    match &env.ports.archive {
        Some(doors) => env.until_done(|| reading::finished(&*doors.shelf, env.partition)).await,
        None => Vec::new(),
    }
}

/// Puts the newest of these in place that fits a journal with this end.
pub(super) async fn newest(
    env: &Env,
    archives: Vec<Found>,
    end: Position,
) -> Result<Option<(PartitionState, Position)>, Exit> {
    let Some(doors) = &env.ports.archive else { return Ok(None) };
    let mut readable = Vec::new();
    for archive in archives {
        if let Some((manifest, state)) = read(env, doors, &archive.name).await {
            readable.push((archive, manifest, state));
        }
    }
    // Their names say only where they were begun.
    let known = readable.iter().map(|(_, manifest, _)| manifest.position);
    if let Some(why) = lost_tail(known, end) {
        return Err(env.ends_before(end, &why).await);
    }
    for (archive, manifest, state) in readable {
        if let Some(restored) = fitting(env, doors, (&archive, manifest, state), end).await? {
            return Ok(Some(restored));
        }
    }
    Ok(None)
}

async fn fitting(
    env: &Env,
    doors: &ArchivePorts,
    (archive, manifest, state): (&Found, Manifest, PartitionState),
    end: Position,
) -> Result<Option<(PartitionState, Position)>, Exit> {
    let fits =
        manifest.position.incarnation <= end.incarnation && env.is_in_journal(manifest.link).await;
    if !fits {
        return Ok(None);
    }
    let position = manifest.position;
    let becomes =
        || Becomes { at: position, state: manifest.state.clone().into(), folded_to: None };
    match put_in_place(env, doors, (&archive.name, &manifest), becomes).await? {
        true => Ok(Some((state, position))),
        false => Ok(None),
    }
}

/// Puts the archive in place that the record at an entry begins anew from.
pub(super) async fn reseeded(
    env: &Env,
    entry: &JournalEntry,
    record: &Record,
    archive: &str,
) -> Result<(PartitionState, Position), Exit> {
    let cannot = || {
        let why = format!(
            "journal record {} begins the partition anew from the archive {archive}, which is \
             missing or damaged",
            entry.sequence
        );
        refuse(env, &why)
    };
    let doors = env.ports.archive.as_ref().ok_or_else(cannot)?;
    let (manifest, mut state) = read(env, doors, archive).await.ok_or_else(cannot)?;
    let link = Link { sequence: entry.sequence, hash: RecordHash::of(&entry.record) };
    state.follow(&record.header, link);
    let position = state.position();
    // Positions begin anew: what an entity is folded to must not be behind what follows.
    let becomes = || Becomes {
        at: position,
        state: state.encode().into(),
        folded_to: Some(position.sequence),
    };
    match put_in_place(env, doors, (archive, &manifest), becomes).await? {
        true => Ok((state, position)),
        false => Err(cannot()),
    }
}

/// An archive's manifest and the partition's state in it, if they can be read.
async fn read(
    env: &Env,
    doors: &ArchivePorts,
    archive: &str,
) -> Option<(Manifest, PartitionState)> {
    let refuse = |why: &dyn std::fmt::Display| {
        telemetry::archive_refused(env.partition, archive, why);
    };
    let manifest = loop {
        match reading::manifest(&*doors.shelf, archive).await {
            Ok(manifest) => break manifest,
            Err(Failed::Bad(why)) => {
                refuse(&why);
                return None;
            }
            Err(error) => env.wait_after(&error).await,
        }
    };
    if (manifest.partition, manifest.partitions) != (env.partition, env.partitions) {
        refuse(&"it is of another partition");
        return None;
    }
    match reading::state(&manifest) {
        Ok(state) => Some((manifest, state)),
        Err(why) => {
            refuse(&why);
            None
        }
    }
}

/// Whether the archive was whole, and is the snapshot now.
async fn put_in_place(
    env: &Env,
    doors: &ArchivePorts,
    (archive, manifest): (&str, &Manifest),
    becomes: impl Fn() -> Becomes,
) -> Result<bool, Exit> {
    let at_once = env.bounds.archiving.entities_at_once;
    loop {
        let of = (archive, manifest);
        match reading::restore(doors, env.partition, of, becomes(), at_once).await {
            Ok(()) => {
                telemetry::recovery_from_archive(env.partition, archive);
                return Ok(true);
            }
            Err(Failed::Bad(why)) => {
                telemetry::archive_refused(env.partition, archive, &why);
                return Ok(false);
            }
            // Who began later goes on; two that begin again and again would both never end.
            Err(Failed::Overtaken(_)) => return Err(Exit::SteppedDown),
            Err(error @ Failed::Port(_)) => env.wait_after(&error).await,
        }
    }
}

impl Env {
    async fn wait_after(&self, error: &Failed) {
        tracing::warn!(partition = self.partition, %error, "recovery waits");
        tokio::time::sleep(self.bounds.retry_after).await;
    }
}
