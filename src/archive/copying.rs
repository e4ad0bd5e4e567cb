//! Copies a snapshot as it stood at one position, while its owner moves it on.
//!
//! Why the copy is right: each entity is read with the snapshot's position, in one atomic step, so
//! what is read is the entity as of that position. All keys are gone through once, from `base` on,
//! within one life of the store, each step at `base` or later: who was there at `base` and is there
//! still has been named, and everything in the copy is as of some position at or after `base`. An
//! entity that has not changed in `base..target` is the same as of any of them. The others are
//! named by the journal's records in `base..target`, since nothing else changes an entity; they are
//! read again, and what is read later counts. One that is gone by then is said to be gone, one that
//! is new is named by its first record. If all that was read again was read exactly at `target`,
//! and nothing before behind it, the copy is the snapshot at `target`. If the snapshot went on
//! meanwhile, the same is done from `target` on: there is less to read each time, and a snapshot
//! stands still between two of its deltas.
//!
//! It is given up when the snapshot becomes another one or goes back, or too often goes on, and
//! when the store is another process meanwhile: a place among the keys means nothing there.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{ArchivePorts, Archiving, Failed, writing::Writer};
use crate::{
    domain::ids::EntityKey,
    partition::{Ports, entry::Entry, record::Record},
    ports::{EntityChange, Partition, PortError, Position},
};

/// How many entities are read in the first step, before it is known how large they are.
const AT_ONCE_FIRST: usize = 8;
/// How often what has changed meanwhile is read again before the copy is given up.
const ROUNDS: usize = 100;

/// A copy under way.
pub(super) struct Copying<'a> {
    ports: &'a Ports,
    doors: &'a ArchivePorts,
    partition: Partition,
    archiving: &'a Archiving,
    /// How many entities are read in the next step.
    at_once: usize,
    writer: &'a mut Writer,
    /// Which snapshot is copied.
    which: String,
    /// Where it stood when something was read last.
    read_at: Position,
}

/// Copies a partition's snapshot into a writer; the position of the copy, and the partition's own
/// state there.
pub(super) async fn copy(
    ports: &Ports,
    doors: &ArchivePorts,
    partition: Partition,
    archiving: &Archiving,
    writer: &mut Writer,
) -> Result<(Position, Bytes), Failed> {
    let begun = doors.copies.copy(partition, &[]).await?;
    let begun = begun.ok_or(Failed::Overtaken("there is no snapshot"))?;
    let mut copying = Copying {
        ports,
        doors,
        partition,
        archiving,
        at_once: AT_ONCE_FIRST.min(archiving.entities_at_once.max(1)),
        writer,
        which: begun.which,
        read_at: begun.at,
    };
    copying.all().await?;
    copying.catch_up(begun.at).await
}

impl Copying<'_> {
    async fn all(&mut self) -> Result<(), Failed> {
        let (mut from, mut life) = (0, None);
        loop {
            let started = Instant::now();
            let named = self.doors.copies.keys(self.partition, &self.which, from).await?;
            let named = named.ok_or(Failed::Overtaken("the snapshot was replaced"))?;
            if *life.get_or_insert_with(|| named.life.clone()) != named.life {
                return Err(Failed::Overtaken("Redis was restarted, or is another one now"));
            }
            if named.at < self.read_at {
                return Err(Failed::Overtaken("the snapshot went back"));
            }
            self.read_at = named.at;
            self.read(named.keys).await?;
            if named.next == 0 {
                return Ok(());
            }
            from = named.next;
            // Half of the time is left to whoever waits for Redis.
            tokio::time::sleep(started.elapsed().min(Duration::from_millis(100))).await;
        }
    }

    async fn catch_up(&mut self, mut base: Position) -> Result<(Position, Bytes), Failed> {
        for _ in 0..ROUNDS {
            let stands = self.ports.snapshots.state(self.partition).await?;
            let Some((target, state)) = stands else {
                return Err(Failed::Overtaken("the snapshot is gone"));
            };
            if target.incarnation != base.incarnation || target < self.read_at {
                return Err(Failed::Overtaken("the snapshot went back"));
            }
            let mut after = base.sequence;
            while after < target.sequence {
                let (keys, last) = self.changed(after, target.sequence).await?;
                self.read(keys).await?;
                after = last;
            }
            self.read(Vec::new()).await?;
            if self.read_at == target {
                return Ok((target, state));
            }
            base = target;
        }
        Err(Failed::Overtaken("the snapshot never stood still for long enough"))
    }

    /// The entities that changed in some of the records after a sequence, and how far these go.
    async fn changed(&self, after: u64, to: u64) -> Result<(Vec<EntityKey>, u64), Failed> {
        let page = self.ports.journal.read(self.partition, after).await?;
        let mut keys = BTreeSet::new();
        let mut last = to;
        for entry in page {
            if entry.sequence > to {
                break;
            }
            last = entry.sequence;
            let doing = format!("read the journal's record {}", entry.sequence);
            let record =
                Record::decode(&entry.record).map_err(|error| PortError::new(doing, error))?;
            for entry in record.entries {
                if let Entry::Decided(decided) = entry
                    && !decided.facts.is_empty()
                {
                    keys.insert(decided.entity);
                }
            }
        }
        Ok((keys.into_iter().collect(), last))
    }

    /// Reads entities as they are, and makes certain that it is still the same snapshot.
    async fn read(&mut self, keys: Vec<EntityKey>) -> Result<(), Failed> {
        let mut rest = keys.as_slice();
        loop {
            let (now, later) = rest.split_at(self.at_once.min(rest.len()));
            let copied = self.doors.copies.copy(self.partition, now).await?;
            let copied = copied.ok_or(Failed::Overtaken("the snapshot is gone"))?;
            if copied.which != self.which || copied.at < self.read_at {
                return Err(Failed::Overtaken("the snapshot was replaced, or went back"));
            }
            self.read_at = copied.at;
            self.writer.add(&copied.entities).await?;
            self.adapt(bytes_of(&copied.entities));
            if later.is_empty() {
                return Ok(());
            }
            rest = later;
        }
    }

    /// Entities differ in size by five orders of magnitude: fewer are read at once where they are
    /// large.
    fn adapt(&mut self, bytes: usize) {
        self.at_once = match bytes > self.archiving.segment_bytes {
            true => (self.at_once / 2).max(1),
            false => (self.at_once * 2).min(self.archiving.entities_at_once.max(1)),
        };
    }
}

fn bytes_of(entities: &[EntityChange]) -> usize {
    let parts = entities.iter().flat_map(|entity| &entity.parts);
    parts.map(|(name, part)| name.len() + part.as_ref().map_or(0, Bytes::len)).sum()
}
