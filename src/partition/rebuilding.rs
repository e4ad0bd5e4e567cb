//! An entity whose code failed on an input, made anew without what broke it.
//!
//! Promise: it knows all that was decided of it, committed or not, and nothing else; so it can go
//! on being asked about, or be quarantined, in a state that others can fold.

use super::{
    Exit,
    owner::{Owner, uncommitted},
    recovery::{FoldedFacts, decode_at, gather},
};
use crate::{domain::ids::EntityKey, ports::StoredEntity};

impl Owner {
    /// Makes an entity anew from snapshot, journal and what is not committed yet: all of its
    /// decisions but the one that broke it.
    pub(super) async fn rebuild(&mut self, entity: &EntityKey) -> Result<(), Exit> {
        self.registry.drop_entity(entity);
        let stop = self.env.stop.clone();
        let stored = tokio::select! {
            biased;
            stored = self.as_snapshotted(entity) => stored?,
            // Redis may be away for long; whoever has the partition next makes it anew.
            () = stop.cancelled() => return Err(Exit::LeftInHaste),
        };
        self.registry.spawn(entity, stored).map_err(|_| Exit::SnapshotLost)?;
        let records = self.facts_since_snapshot(entity)?;
        let change = self.registry.fold(entity, records).await.map_err(Exit::breach)?;
        self.take_change(entity.clone(), change);
        Ok(())
    }

    /// The entity as the snapshot has it, once that can be read.
    async fn as_snapshotted(&mut self, entity: &EntityKey) -> Result<Option<StoredEntity>, Exit> {
        while self.keeper.is_writing() {
            self.keeper.written().await?;
        }
        let keys = [entity.clone()];
        loop {
            match self.keeper.load(&keys).await {
                Ok(stored) => return Ok(stored?.pop().flatten()),
                Err(_) => tokio::time::sleep(self.env.bounds.retry_after).await,
            }
        }
    }

    fn facts_since_snapshot(&self, entity: &EntityKey) -> Result<Vec<FoldedFacts>, Exit> {
        let mut records = Vec::new();
        for (sequence, bytes) in self.keeper.tail().iter() {
            let record = decode_at(sequence, bytes)?;
            let at = record.header.decided_at;
            gather(&mut records, entity, sequence, at, &record.entries);
        }
        let end = self.committed.last.sequence;
        let batches = uncommitted(&self.in_flight, &self.sealed).chain([&self.open]);
        for (ahead, batch) in batches.enumerate() {
            let sequence = end + 1 + ahead as u64;
            let at = match batch.is_empty() {
                true => self.state.decided_at,
                false => batch.decided_at,
            };
            gather(&mut records, entity, sequence, at, &batch.entries);
        }
        Ok(records)
    }
}
