//! Inputs that waited, decided once their entity can be loaded again.
//!
//! Each leaves the queue in the record of its decision, so that none is decided twice; and each is
//! read again from the log, where what stands in its place may no longer be the same.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Exit,
    entry::{Entry, InHand},
    items::Addressed,
    owner::Owner,
    state::Waiting,
};
use crate::{
    actors::{Done, Inputs, Task},
    domain::ids::EntityKey,
    mutants::{self, Mutant},
};

/// How often a snapshot under way is waited for, so that what waits can be loaded.
const REVIVED_EVERY: Duration = Duration::from_secs(1);
/// Waiting inputs that are decided again in one batch.
const REVIVED_AT_ONCE: usize = 256;

impl Owner {
    /// Decides inputs whose entity was cold while Redis was away, now that it may be back.
    pub(super) async fn revive_waiting(&mut self) -> Result<(), Exit> {
        // A Redis that hangs is waited for now and then, and not at each tick: the others go on.
        let lately = self.last_revival.is_some_and(|last| last.elapsed() < REVIVED_EVERY);
        if self.keeper.is_writing() && lately {
            return Ok(());
        }
        self.last_revival = Some(Instant::now());
        let waiting: Vec<(EntityKey, Vec<Waiting>)> = self
            .state
            .waiting
            .iter()
            .filter(|(key, _)| !self.state.quarantined.contains_key(*key) && !self.is_paused(key))
            .map(|(key, queue)| {
                (key.clone(), queue.iter().take(REVIVED_AT_ONCE).cloned().collect())
            })
            .take(self.env.bounds.load_entities_max)
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        let unloaded = self.load(waiting.iter().map(|(key, _)| key)).await?;
        for (key, queue) in waiting {
            if self.sealed.len() >= self.env.bounds.sealed_records_max {
                break;
            }
            if unloaded.contains(&key) {
                continue;
            }
            match self.single_waiting > 0 {
                true => self.revive_alone(key, queue).await?,
                false => self.revive(key, queue).await?,
            }
        }
        Ok(())
    }

    /// Decides waiting inputs one by one: the process has died over and over, and it may have been
    /// one of them.
    async fn revive_alone(&mut self, key: EntityKey, queue: Vec<Waiting>) -> Result<(), Exit> {
        for waiting in queue {
            if self.state.quarantined.contains_key(&key) {
                break;
            }
            self.single_waiting = self.single_waiting.saturating_sub(1);
            let in_hand = InHand { read: waiting.read.clone(), waited_for: Some(key.clone()) };
            let hand = self.take_in_hand(in_hand).await?;
            self.revive(key.clone(), vec![waiting]).await?;
            self.settle().await?;
            drop(hand);
        }
        Ok(())
    }

    /// Decides the oldest inputs that wait for an entity. Each leaves the queue in the record of
    /// its decision.
    async fn revive(&mut self, entity: EntityKey, mut queue: Vec<Waiting>) -> Result<(), Exit> {
        if mutants::is_in(Mutant::WaitingReversed) {
            queue.reverse();
        }
        let mut tasks = Vec::with_capacity(queue.len());
        for (index, waiting) in queue.iter().enumerate() {
            let again = self.read_again(waiting).await.filter(|found| found.entity == entity);
            if let Some(Addressed { trigger, input, .. }) = again {
                let late = self.late.lets(&entity, &trigger, &self.env.policy);
                tasks.push(Task { index, trigger, input, busy: false, late });
            }
        }
        self.open_batch();
        let work = Inputs::from_iter([(entity.clone(), tasks)]);
        self.spend(None, &work);
        let mut done = self.work(work).await?;
        for (index, waiting) in queue.into_iter().enumerate() {
            let read = waiting.read;
            let entries = match done.take(index) {
                Some(Done::Untouched) => break,
                Some(done) => self.entries_of(entity.clone(), Some(read), done),
                None => {
                    let what = format!("message {} waited and is gone", read.sequence);
                    [None, Some(Entry::Lost { source: read.source, what })]
                }
            };
            let out = Entry::WaitedOut { entity: entity.clone(), inputs: 1 };
            self.push_together(entries.into_iter().flatten().chain([out]))?;
        }
        self.finish_chunk(done).await
    }

    /// The input that waits; not what a log which lost its tail has in its place.
    async fn read_again(&self, waiting: &Waiting) -> Option<Addressed> {
        let (source, sequence) = (waiting.read.source, waiting.read.sequence);
        let input = &self.env.ports.input;
        let message = self.env.until_done(|| input.fetch(source, sequence)).await?;
        if message.at != waiting.read.at || message.subject != waiting.read.subject {
            return None;
        }
        let item = self.reception.items(source, message).into_iter().nth(waiting.index as usize);
        item?.content.ok()
    }
}
