//! The snapshot port: a delta is one transaction that looks at the position first.

use async_trait::async_trait;
use bytes::Bytes;
use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::{
    Embedded,
    store::Writing,
    tables::{COMMITTED, DUE_OF, DUES, FOLDED, PARTS, SNAPSHOTS, decode, existing},
};
use crate::{
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    ports::{At, Delta, EntityChange, Partition, PortError, Position, Snapshots, StoredEntity},
};

#[async_trait]
impl Snapshots for Embedded {
    async fn state(&self, partition: Partition) -> Result<Option<(Position, Bytes)>, PortError> {
        let state = self.store.read(move |txn| {
            let Some(table) = existing(txn.open_table(SNAPSHOTS))? else { return Ok(None) };
            Ok(table.get(partition)?.map(|found| {
                let (incarnation, sequence, state) = found.value();
                (Position { incarnation, sequence }, Bytes::copy_from_slice(state))
            }))
        });
        state.await.map_err(|fault| fault.doing("read the snapshot's state"))
    }

    async fn load(
        &self,
        partition: Partition,
        at: Position,
        keys: &[EntityKey],
    ) -> Result<At<Vec<Option<StoredEntity>>>, PortError> {
        let keys: Vec<Vec<u8>> = keys.iter().map(name).collect();
        let loaded = self.store.read(move |txn| {
            here(txn, partition, at, || {
                keys.iter().map(|key| entity(txn, partition, key)).collect()
            })
        });
        loaded.await.map_err(|fault| fault.doing("load entities"))
    }

    async fn advance(&self, partition: Partition, delta: &Delta) -> Result<At<()>, PortError> {
        let delta = delta.clone();
        let advanced = self.store.write(false, move |Writing { txn, .. }| {
            let stands = stands(txn, partition)?;
            if stands == Some(delta.to) {
                return Ok(At::Here(()));
            }
            if stands != Some(delta.from) {
                return Ok(At::Elsewhere(stands));
            }
            for change in &delta.changes {
                apply(txn, partition, change)?;
            }
            stand(txn, partition, delta.to, &delta.state)?;
            Ok(At::Here(()))
        });
        advanced.await.map_err(|fault| fault.doing("move the snapshot on"))
    }

    async fn reset(
        &self,
        partition: Partition,
        to: Position,
        state: Bytes,
    ) -> Result<(), PortError> {
        let reset = self.store.write(false, move |Writing { txn, .. }| {
            let next = partition.checked_add(1);
            txn.open_table(FOLDED)?
                .retain_in(of(partition, next, |p| (p, &[][..])), |_, _| false)?;
            txn.open_table(PARTS)?
                .retain_in(of(partition, next, |p| (p, &[][..], "")), |_, _| false)?;
            txn.open_table(DUES)?
                .retain_in(of(partition, next, |p| (p, 0, i64::MIN, &[][..])), |_, _| false)?;
            txn.open_table(DUE_OF)?
                .retain_in(of(partition, next, |p| (p, &[][..], 0)), |_, _| false)?;
            stand(txn, partition, to, &state)
        });
        reset.await.map_err(|fault| fault.doing("start the snapshot anew"))
    }

    async fn due(
        &self,
        partition: Partition,
        at: Position,
        clock: DueClock,
        before: Timestamp,
        limit: usize,
    ) -> Result<At<Vec<EntityKey>>, PortError> {
        let due = self.store.read(move |txn| {
            here(txn, partition, at, || {
                let Some(dues) = existing(txn.open_table(DUES))? else { return Ok(Vec::new()) };
                let from = (partition, number(clock), i64::MIN, &[][..]);
                let mut found = Vec::new();
                for due in
                    dues.range(from..(partition, number(clock), before.0, &[][..]))?.take(limit)
                {
                    found.push(decode("a deadline", due?.0.value().3)?);
                }
                Ok(found)
            })
        });
        due.await.map_err(|fault| fault.doing("read deadlines"))
    }

    async fn note_committed(
        &self,
        partition: Partition,
        position: Position,
    ) -> Result<(), PortError> {
        let noted = self.store.write(false, move |Writing { txn, .. }| {
            let mut table = txn.open_table(COMMITTED)?;
            let known = table.get(partition)?.map(|known| known.value());
            let noted = (position.incarnation, position.sequence);
            if known.is_none_or(|known| known < noted) {
                table.insert(partition, noted)?;
            }
            Ok(())
        });
        noted.await.map_err(|fault| fault.doing("note what is committed"))
    }

    async fn committed(&self, partition: Partition) -> Result<Option<Position>, PortError> {
        let committed = self.store.read(move |txn| {
            let Some(table) = existing(txn.open_table(COMMITTED))? else { return Ok(None) };
            Ok(table.get(partition)?.map(|known| {
                let (incarnation, sequence) = known.value();
                Position { incarnation, sequence }
            }))
        });
        committed.await.map_err(|fault| fault.doing("read what is committed"))
    }
}

/// An entity's key in the tables.
fn name(key: &EntityKey) -> Vec<u8> {
    postcard::to_stdvec(key).unwrap_or_default()
}

fn number(clock: DueClock) -> u8 {
    match clock {
        DueClock::Settled => 0,
        DueClock::Demand => 1,
    }
}

/// The keys that begin with a partition.
fn of<K>(
    partition: Partition,
    next: Option<Partition>,
    key: impl Fn(Partition) -> K,
) -> (std::ops::Bound<K>, std::ops::Bound<K>) {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    (Included(key(partition)), next.map_or(Unbounded, |next| Excluded(key(next))))
}

fn stands(txn: &WriteTransaction, partition: Partition) -> Result<Option<Position>, redb::Error> {
    let table = txn.open_table(SNAPSHOTS)?;
    let found = table.get(partition)?;
    Ok(found.map(|found| Position { incarnation: found.value().0, sequence: found.value().1 }))
}

fn stand(
    txn: &WriteTransaction,
    partition: Partition,
    to: Position,
    state: &[u8],
) -> Result<(), redb::Error> {
    txn.open_table(SNAPSHOTS)?.insert(partition, (to.incarnation, to.sequence, state))?;
    Ok(())
}

/// What is read, if the snapshot stands where it is expected.
fn here<T>(
    txn: &ReadTransaction,
    partition: Partition,
    at: Position,
    read: impl FnOnce() -> Result<T, redb::Error>,
) -> Result<At<T>, redb::Error> {
    let Some(table) = existing(txn.open_table(SNAPSHOTS))? else { return Ok(At::Elsewhere(None)) };
    let found = table.get(partition)?;
    let stands =
        found.map(|found| Position { incarnation: found.value().0, sequence: found.value().1 });
    match stands == Some(at) {
        true => read().map(At::Here),
        false => Ok(At::Elsewhere(stands)),
    }
}

fn entity(
    txn: &ReadTransaction,
    partition: Partition,
    key: &[u8],
) -> Result<Option<StoredEntity>, redb::Error> {
    let Some(folded) = existing(txn.open_table(FOLDED))? else { return Ok(None) };
    let Some(folded_to) = folded.get((partition, key))?.map(|found| found.value()) else {
        return Ok(None);
    };
    let mut parts = Vec::new();
    if let Some(table) = existing(txn.open_table(PARTS))? {
        for found in table.range((partition, key, "")..)? {
            let (at, bytes) = found?;
            let (of, entity, part) = at.value();
            if (of, entity) != (partition, key) {
                break;
            }
            parts.push((part.to_owned(), Bytes::copy_from_slice(bytes.value())));
        }
    }
    Ok(Some(StoredEntity { folded_to, parts }))
}

fn apply(
    txn: &WriteTransaction,
    partition: Partition,
    change: &EntityChange,
) -> Result<(), redb::Error> {
    let key = name(&change.key);
    txn.open_table(FOLDED)?.insert((partition, key.as_slice()), change.folded_to)?;
    let mut parts = txn.open_table(PARTS)?;
    for (part, bytes) in &change.parts {
        let at = (partition, key.as_slice(), part.as_str());
        match bytes {
            Some(bytes) => drop(parts.insert(at, bytes.as_ref())?),
            None => drop(parts.remove(at)?),
        }
    }
    // What has no part is nothing that is known of.
    let first = parts.range((partition, key.as_slice(), "")..)?.next().transpose()?;
    let is_ours = |(of, entity, _): (u16, &[u8], &str)| (of, entity) == (partition, key.as_slice());
    if !first.is_some_and(|(at, _)| is_ours(at.value())) {
        txn.open_table(FOLDED)?.remove((partition, key.as_slice()))?;
    }
    let mut dues = txn.open_table(DUES)?;
    let mut due_of = txn.open_table(DUE_OF)?;
    for (clock, at) in change.dues {
        let clock = number(clock);
        let before = due_of.remove((partition, key.as_slice(), clock))?.map(|at| at.value());
        if let Some(before) = before {
            dues.remove((partition, clock, before, key.as_slice()))?;
        }
        if let Some(at) = at {
            due_of.insert((partition, key.as_slice(), clock), at.0)?;
            dues.insert((partition, clock, at.0, key.as_slice()), ())?;
        }
    }
    Ok(())
}
