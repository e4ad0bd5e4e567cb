//! SKUs of promotions, loaded before shoppers come and kept for as long as they do.
//!
//! Promises: nothing waits for it. What is on its way from Redis is looked at from tick to tick, so
//! many entities at a time; while Redis is away, or a snapshot is being written, it is tried again.
//! As many as the partition may have live are kept, and no more.

use std::{sync::Arc, time::Duration};

use futures::FutureExt as _;
use hashlink::LinkedHashSet;
use tokio::time::Instant;

use super::{Exit, keeper::Loading, owner::Owner};
use crate::{control::Promoted, domain::ids::EntityKey, ports::StoredEntity};

/// How often it is looked at whether all are still there, and how long Redis rests that failed.
const EVERY: Duration = Duration::from_secs(1);

/// How many SKUs of promotions there are, of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Armed {
    /// Those that are to be in memory.
    pub wanted: usize,
    /// Those of them that are.
    pub live: usize,
}

/// What a partition has loaded ahead, and has still to load.
#[derive(Default)]
pub(super) struct Arming {
    promoted: Arc<Promoted>,
    /// As many as may be kept, and which those are.
    most: usize,
    kept: LinkedHashSet<EntityKey>,
    armed: Armed,
    under_way: Option<Loading>,
    /// When to look next; nothing: now.
    next: Option<Instant>,
}

impl Arming {
    /// Whether this one is not passivated.
    pub(super) fn keeps(&self, key: &EntityKey) -> bool {
        self.kept.contains(key)
    }

    pub(super) fn armed(&self) -> Armed {
        self.armed
    }
}

impl Owner {
    /// Loads what promotions want and is not live.
    pub(super) async fn arm(&mut self) -> Result<(), Exit> {
        self.heed_promotions();
        if let Some(mut loading) = self.arming.under_way.take() {
            match self.keeper.loaded(&mut loading).now_or_never() {
                None => self.arming.under_way = Some(loading),
                // What was written since may not be in it.
                Some(_) if !self.keeper.is_of_now(&loading) => {}
                Some(Ok(stored)) => self.arm_with(loading.keys, stored?).await?,
                Some(Err(error)) => {
                    tracing::debug!(partition = self.env.partition, %error, "promotions wait");
                    self.arming.next = Some(Instant::now() + EVERY);
                }
            }
        }
        self.look_for_unarmed();
        Ok(())
    }

    /// Takes notice of which SKUs are promoted by now, and of how many may be kept.
    fn heed_promotions(&mut self) {
        let promoted = self.env.credit.borrow().promoted.clone();
        let most = self.env.live_entities_max();
        if Arc::ptr_eq(&promoted, &self.arming.promoted) && most == self.arming.most {
            return;
        }
        let partition = self.env.partition;
        let kept: LinkedHashSet<EntityKey> =
            promoted.of_partition(partition).take(most).cloned().collect();
        let wanted = promoted.of_partition(partition).count();
        let new = wanted != self.arming.armed.wanted || most < self.arming.most;
        if wanted > most && new {
            tracing::warn!(
                partition,
                wanted,
                most,
                "promotions have more SKUs than may be live here: raise engine.live_entities_max"
            );
        }
        let armed = Armed { wanted, live: 0 };
        let under_way = self.arming.under_way.take();
        self.arming = Arming { promoted, most, kept, armed, under_way, next: None };
    }

    /// Asks for the next ones, if some are not live.
    fn look_for_unarmed(&mut self) {
        let now = Instant::now();
        if self.arming.under_way.is_some() || self.arming.next.is_some_and(|next| now < next) {
            return;
        }
        let live = self.arming.kept.iter().filter(|key| self.registry.holds(key)).count();
        self.arming.armed.live = live;
        let most = self.env.bounds.load_entities_max;
        let missing: Vec<EntityKey> =
            self.arming.kept.iter().filter(|key| self.may_arm(key)).take(most).cloned().collect();
        if missing.is_empty() {
            self.arming.next = Some(now + EVERY);
        } else if !self.keeper.is_writing() && !self.redis_rests() {
            self.arming.under_way = Some(self.keeper.begin_to_load(missing));
        }
    }

    /// Whether an entity can be made from its snapshot: what is broken is made anew otherwise.
    fn may_arm(&self, key: &EntityKey) -> bool {
        !self.registry.holds(key)
            && !self.broken.contains(key)
            && !self.state.quarantined.contains_key(key)
    }

    async fn arm_with(
        &mut self,
        keys: Vec<EntityKey>,
        stored: Vec<Option<StoredEntity>>,
    ) -> Result<(), Exit> {
        let mut loaded = Vec::with_capacity(keys.len());
        for (key, stored) in keys.into_iter().zip(stored) {
            // Who was wanted meanwhile is there already; and the promotion may be over.
            if self.may_arm(&key) && self.arming.keeps(&key) {
                self.registry.spawn(&key, stored).map_err(|_| Exit::SnapshotLost)?;
                loaded.push(key);
            }
        }
        crate::telemetry::loaded(loaded.len());
        for key in loaded {
            // Its deadlines were the snapshot's until now.
            let change = self.registry.fold(&key, Vec::new()).await.map_err(Exit::breach)?;
            self.take_change(key, change);
        }
        Ok(())
    }
}
