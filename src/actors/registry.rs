//! The live actors of one partition: found, made, given work, and passivated.

use std::sync::Arc;

use actix::{Actor, Addr};
use futures::future::Either;
use hashlink::LinkedHashMap;

use super::{
    entity::{Change, Changed, EntityActor, Fold, Look, TakeChanged, Task, Work, Worked},
    hosted::{AnyInput, Hosted},
};
use crate::{
    domain::{
        Breach, ids::EntityKey, order::OrderState, policy::Policy, sku::SkuState, time::Timestamp,
    },
    inspecting::View,
    partition::{
        dues::Dues,
        entry::{Facts, Trigger},
        fold,
    },
    ports::{EntityChange, StoredEntity},
};

/// Sees each input at each stage. What tests use to make an entity's code fail.
pub type Tap = Arc<dyn Fn(Stage, &EntityKey, &Trigger) + Send + Sync>;

/// How far an input has come in its actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is about to be decided.
    Deciding,
    /// Its facts are in the entity's memory, and nobody has checked that yet.
    Applied,
}

enum Live {
    Sku(Addr<EntityActor<SkuState>>),
    Order(Addr<EntityActor<OrderState>>),
}

/// Inputs by the entity that they are for, in the order in which entities come first.
pub type Inputs = LinkedHashMap<EntityKey, Vec<Task<AnyInput>>>;

/// The live actors, the one used longest ago first.
#[derive(Default)]
pub struct Registry {
    live: LinkedHashMap<EntityKey, Live>,
}

impl Registry {
    /// How many are live.
    pub fn len(&self) -> usize {
        self.live.len()
    }

    /// Whether none is live.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// Whether this one is live.
    pub fn holds(&self, key: &EntityKey) -> bool {
        self.live.contains_key(key)
    }

    /// Makes an actor from what a snapshot has of it; from nothing if it has nothing.
    pub fn spawn(&mut self, key: &EntityKey, stored: Option<StoredEntity>) -> Result<(), Breach> {
        let live = match key {
            EntityKey::Sku(sku) => Live::Sku(start::<SkuState>(key, sku.clone(), stored)?),
            EntityKey::Order(order) => {
                Live::Order(start::<OrderState>(key, order.clone(), stored)?)
            }
        };
        self.live.insert(key.clone(), live);
        Ok(())
    }

    /// Lets an actor go. Its memory goes with it.
    pub fn drop_entity(&mut self, key: &EntityKey) {
        self.live.remove(key);
    }

    /// Lets the longest unused actors go until `keep` are left, sparing those that `busy` names.
    /// Their deadlines are the snapshot's from then on.
    pub fn passivate(&mut self, keep: usize, busy: impl Fn(&EntityKey) -> bool, dues: &mut Dues) {
        let surplus = self.live.len().saturating_sub(keep);
        if surplus == 0 {
            return;
        }
        let idle: Vec<EntityKey> =
            self.live.keys().filter(|key| !busy(key)).take(surplus).cloned().collect();
        for key in idle {
            self.drop_entity(&key);
            dues.forget(&key);
        }
    }

    /// Gives live actors their work, all at once, and waits for all of it.
    pub async fn work(
        &mut self,
        work: Inputs,
        now: Timestamp,
        policy: &Arc<Policy>,
        tap: &Option<Tap>,
    ) -> Vec<(EntityKey, Option<Worked>)> {
        let sent: Vec<_> = work
            .into_iter()
            .map(|(key, tasks)| {
                let live = self.live.to_back(&key);
                let (policy, tap) = (policy.clone(), tap.clone());
                let pending = live.map(|live| match live {
                    Live::Sku(addr) => {
                        Either::Left(addr.send(work_of::<SkuState>(tasks, now, policy, tap)))
                    }
                    Live::Order(addr) => {
                        Either::Right(addr.send(work_of::<OrderState>(tasks, now, policy, tap)))
                    }
                });
                (key, pending)
            })
            .collect();
        let mut done = Vec::with_capacity(sent.len());
        for (key, pending) in sent {
            let worked = match pending {
                Some(pending) => pending.await.ok().and_then(Result::ok),
                None => None,
            };
            done.push((key, worked));
        }
        done
    }

    /// Takes what has changed of live actors, from all at once.
    pub async fn take_changed(
        &self,
        keys: impl IntoIterator<Item = EntityKey>,
    ) -> Result<Vec<EntityChange>, Breach> {
        let asked = |key: EntityKey| {
            let live = self.live.get(&key);
            let pending = live.map(|live| match live {
                Live::Sku(addr) => Either::Left(addr.send(TakeChanged)),
                Live::Order(addr) => Either::Right(addr.send(TakeChanged)),
            });
            (key, pending)
        };
        let asked: Vec<_> = keys.into_iter().map(asked).collect();
        let mut changes = Vec::with_capacity(asked.len());
        for (key, pending) in asked {
            let changed = match pending {
                Some(pending) => pending.await.ok(),
                None => None,
            };
            let gone = || Breach(format!("{key} is not live"));
            let Changed { parts, dues } = changed.ok_or_else(gone)??;
            changes.push(EntityChange { key, folded_to: 0, parts, dues });
        }
        Ok(changes)
    }

    /// Looks at live actors, all at once: what is shown of each, and its deadlines and steps.
    pub async fn look(
        &self,
        keys: impl IntoIterator<Item = EntityKey>,
    ) -> Vec<(EntityKey, Option<(Option<View>, Change)>)> {
        let asked = |key: EntityKey| {
            let pending = self.live.get(&key).map(|live| match live {
                Live::Sku(addr) => Either::Left(addr.send(Look)),
                Live::Order(addr) => Either::Right(addr.send(Look)),
            });
            (key, pending)
        };
        let asked: Vec<_> = keys.into_iter().map(asked).collect();
        let mut seen = Vec::with_capacity(asked.len());
        for (key, pending) in asked {
            let look = match pending {
                Some(pending) => pending.await.ok().and_then(Result::ok),
                None => None,
            };
            seen.push((key, look));
        }
        seen
    }

    /// Lets a live actor apply journaled facts. Facts of another kind are none of its own.
    pub async fn fold(
        &self,
        key: &EntityKey,
        records: Vec<(u64, Timestamp, Facts)>,
    ) -> Result<Change, Breach> {
        let gone = || Breach(format!("{key} is not live"));
        match self.live.get(key) {
            Some(Live::Sku(addr)) => {
                addr.send(fold_of::<SkuState>(records)).await.map_err(|_| gone())?
            }
            Some(Live::Order(addr)) => {
                addr.send(fold_of::<OrderState>(records)).await.map_err(|_| gone())?
            }
            None => Err(gone()),
        }
    }
}

fn start<E: Hosted>(
    key: &EntityKey,
    own: E::Key,
    stored: Option<StoredEntity>,
) -> Result<Addr<EntityActor<E>>, Breach> {
    let (entity, folded_to) = match stored {
        None => (E::new(own), 0),
        Some(stored) => (fold::entity(key, own, stored.parts)?, stored.folded_to),
    };
    Ok(EntityActor::new(key.clone(), entity, folded_to).start())
}

fn work_of<E: Hosted>(
    tasks: Vec<Task<AnyInput>>,
    now: Timestamp,
    policy: Arc<Policy>,
    tap: Option<Tap>,
) -> Work<E> {
    let tasks = tasks
        .into_iter()
        .filter_map(|Task { index, trigger, input, busy, late }| {
            Some(Task { index, trigger, input: E::own_input(input)?, busy, late })
        })
        .collect();
    Work { tasks, now, policy, tap }
}

fn fold_of<E: Hosted>(records: Vec<(u64, Timestamp, Facts)>) -> Fold<E> {
    let records = records
        .into_iter()
        .filter_map(|(sequence, at, facts)| Some((sequence, at, E::own_facts(facts)?)))
        .collect();
    Fold { records }
}
