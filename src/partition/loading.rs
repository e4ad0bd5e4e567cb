//! Entities become live: what Redis has of them is loaded before they decide.
//!
//! Promise: nobody who is live waits for a Redis that is silent for longer than a load takes to be
//! given up; after one that failed, Redis rests for a while, and for as long again at least as it
//! was waited for. What could not be loaded is returned, and waits.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{Instant, timeout};

use super::{Exit, owner::Owner};
use crate::domain::ids::EntityKey;

/// A delta that takes longer is not being written.
const SILENT_AFTER: Duration = Duration::from_secs(1);
/// How much longer than a load that failed took nothing is loaded after it, unless Redis is heard
/// of, and how long at most.
const COLD_RESTS: u32 = 10;
const COLD_RESTS_MAX: Duration = Duration::from_secs(5);

/// How long nothing is loaded.
pub(super) struct Rest {
    since: Instant,
    /// As long at least, also if Redis answers: it may answer others, and be too slow for loads.
    least: Duration,
    most: Duration,
}

impl Owner {
    /// Makes entities live. Those that could not be loaded, because Redis is away, are returned.
    pub(super) async fn load(
        &mut self,
        keys: impl Iterator<Item = &EntityKey>,
    ) -> Result<BTreeSet<EntityKey>, Exit> {
        self.rebuild_broken().await?;
        let cold = |key: &&EntityKey| !self.registry.holds(key) && !self.is_set_aside_for_good(key);
        let cold: BTreeSet<EntityKey> = keys.filter(cold).cloned().collect();
        if cold.is_empty() || self.redis_rests() {
            return Ok(cold);
        }
        // A snapshot does not have all of what is broken.
        let (mut broken, mut cold): (BTreeSet<_>, BTreeSet<_>) =
            cold.into_iter().partition(|key| self.broken.contains(key));
        self.load_cold(&mut cold).await?;
        broken.append(&mut cold);
        Ok(broken)
    }

    pub(super) fn redis_rests(&self) -> bool {
        self.rest.as_ref().is_some_and(|rest| {
            let answers = self.noting.was_answered_since(rest.since);
            rest.since.elapsed() < if answers { rest.least } else { rest.most }
        })
    }

    /// Whoever is live must not wait again and again for a Redis that is silent: it was since
    /// `asked`, and was waited for since `waited`.
    pub(super) fn let_redis_rest(&mut self, asked: Instant, waited: Instant) {
        let most = (asked.elapsed() * COLD_RESTS).min(COLD_RESTS_MAX);
        let least = waited.elapsed().min(most);
        self.rest = Some(Rest { since: Instant::now(), least, most });
    }

    /// Takes those out that are live now.
    async fn load_cold(&mut self, cold: &mut BTreeSet<EntityKey>) -> Result<(), Exit> {
        if cold.is_empty() {
            return Ok(());
        }
        if self.keeper.is_writing() && !self.finish_writing().await? {
            return Ok(());
        }
        let keys: Vec<EntityKey> = cold.iter().cloned().collect();
        for keys in keys.chunks(self.env.bounds.load_entities_max) {
            let began = Instant::now();
            let stored = match self.keeper.load(keys).await {
                Ok(stored) => stored?,
                Err(error) => {
                    tracing::warn!(partition = self.env.partition, %error, "cold entities wait");
                    self.let_redis_rest(began, began);
                    return Ok(());
                }
            };
            crate::telemetry::loaded(keys.len());
            for (key, stored) in keys.iter().zip(stored) {
                self.registry.spawn(key, stored).map_err(|_| Exit::SnapshotLost)?;
                cold.remove(key);
            }
        }
        Ok(())
    }

    fn is_set_aside_for_good(&self, key: &EntityKey) -> bool {
        self.state.quarantined.contains_key(key)
    }

    /// How long whoever is live waits for what others need of Redis.
    pub(super) fn patience(&self) -> Duration {
        self.env.bounds.retry_after * 2
    }

    /// Waits for the delta under way, but not for a Redis that is away.
    async fn finish_writing(&mut self) -> Result<bool, Exit> {
        let waited = Instant::now();
        match timeout(self.patience(), self.keeper.written()).await {
            Ok(written) => written.map(|()| true).map_err(Exit::from),
            Err(_) => {
                let silent = |since: &Instant| since.elapsed() > SILENT_AFTER;
                if let Some(since) = self.keeper.writing_since().filter(silent) {
                    self.let_redis_rest(since, waited);
                }
                Ok(false)
            }
        }
    }
}
