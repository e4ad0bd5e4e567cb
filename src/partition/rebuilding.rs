//! Entities whose code failed on an input, made anew without what broke them.
//!
//! Promises: such an entity knows all that was decided of it, committed or not, and nothing else;
//! so it can go on being asked about, or be quarantined, in a state that others can fold. While
//! Redis is away it waits. Others wait for it no longer than for a delta that is being written, and
//! then not again for ten times as long, or five seconds: what a Redis that hangs was asked for
//! stays on its way, and is taken whenever it comes.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{
    Exit,
    owner::{Owner, uncommitted},
    reading::decode_at,
    recovery::{FoldedFacts, gather},
};
use crate::domain::ids::EntityKey;

impl Owner {
    /// Makes entities anew, now or later, from snapshot, journal and what is not committed yet: all
    /// of their decisions but the one that broke them. Until then they are as good as not loaded.
    pub(super) async fn rebuild(
        &mut self,
        entities: impl IntoIterator<Item = EntityKey>,
    ) -> Result<(), Exit> {
        for entity in entities {
            self.registry.drop_entity(&entity);
            self.broken.insert(entity);
        }
        self.rebuild_broken().await
    }

    /// Makes those anew that are to be, if Redis answers.
    pub(super) async fn rebuild_broken(&mut self) -> Result<(), Exit> {
        // No other delta is begun before they are there, but for what was gathered already.
        if self.broken.is_empty() || self.keeper.is_writing() {
            return Ok(());
        }
        let rests = self.redis_rests();
        let on_its_way = self.mending.take().filter(|loading| self.keeper.is_of_now(loading));
        let mut loading = match on_its_way {
            Some(loading) => loading,
            None if rests => return Ok(()),
            None => self.keeper.begin_to_load(self.broken.iter().cloned().collect()),
        };
        let patience = if rests { Duration::ZERO } else { self.patience() };
        let waited = Instant::now();
        let loaded = match timeout(patience, self.keeper.loaded(&mut loading)).await {
            Ok(loaded) => loaded,
            Err(_) => {
                if !rests {
                    self.let_redis_rest(loading.since, waited);
                }
                self.mending = Some(loading);
                return Ok(());
            }
        };
        let stored = match loaded {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(partition = self.env.partition, %error, "broken entities wait");
                self.let_redis_rest(loading.since, waited);
                return Ok(());
            }
        };
        // Those that broke since are asked for next.
        let keys = loading.keys;
        for (entity, stored) in keys.into_iter().zip(stored) {
            self.registry.spawn(&entity, stored).map_err(|_| Exit::SnapshotLost)?;
            let records = self.facts_since_snapshot(&entity)?;
            let change = self.registry.fold(&entity, records).await.map_err(Exit::breach)?;
            self.broken.remove(&entity);
            self.take_change(entity, change);
        }
        Ok(())
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
