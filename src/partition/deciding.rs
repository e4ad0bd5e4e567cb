//! The middle of the owner's loop: inputs go to their actors, decisions come back in order.
//!
//! All inputs of a read are decided together: entities that are not live are loaded in one round
//! trip, each actor gets its own inputs as one message, and the entries stand in the order in which
//! the log had the inputs. What cannot be decided now (its entity is quarantined or paused, or cold
//! while Redis is away) is journaled as waiting and keeps its place.

use tokio::time::Instant;

use super::{
    Exit,
    entry::{Entry, ReadAt, Trigger},
    format::needed_by,
    items::{Addressed, Item},
    owner::Owner,
    pace::Counts,
    shedding::{self, Stress},
};
use crate::{
    actors::{AnyInput, Change, Done, Inputs, InternalInput, Task, Worked},
    domain::{DueClock, event::Lane, ids::EntityKey, time::Timestamp},
    mutants::{self, Mutant},
    ports::{LogMessage, Source},
};

impl Owner {
    // === what gives inputs ===

    /// Decides what a source handed over, and moves its cursor.
    pub(super) async fn decide_messages(
        &mut self,
        source: Source,
        messages: Vec<LogMessage>,
    ) -> Result<(), Exit> {
        let mut items = Vec::with_capacity(messages.len());
        let mut ends = Vec::with_capacity(messages.len());
        for message in messages {
            let (sequence, at) = (message.sequence, message.at);
            items.extend(self.reception.items(source, message));
            ends.push((items.len(), sequence, at));
        }
        self.decide(items, Some((source, ends))).await
    }

    /// Gives every live entity whose deadline has been reached its due.
    pub(super) async fn give_deadlines(&mut self) -> Result<(), Exit> {
        if mutants::is_in(Mutant::ExpiryIgnored) {
            return Ok(());
        }
        for clock in [DueClock::Settled, DueClock::Demand] {
            let reached = self.clock(clock);
            let due = self.dues.take(clock, reached, self.env.bounds.due_entities_max);
            self.give(due, InternalInput::Deadline { clock, reached }).await?;
        }
        Ok(())
    }

    pub(super) fn is_cold_look_due(&self) -> bool {
        let interval = self.env.bounds.cold_due_interval;
        !self.redis_rests()
            && !mutants::is_in(Mutant::ExpiryIgnored)
            && !mutants::is_in(Mutant::ColdDeadlinesIgnored)
            && self.last_cold_look.is_none_or(|last| last.elapsed() >= interval)
    }

    /// Looks up entities that are not live and whose deadline has been reached.
    pub(super) async fn look_for_cold_deadlines(&mut self) -> Result<(), Exit> {
        if !self.is_cold_look_due() || self.keeper.is_writing() {
            return Ok(());
        }
        self.last_cold_look = Some(Instant::now());
        let mut all_to = Timestamp(i64::MAX);
        for clock in [DueClock::Settled, DueClock::Demand] {
            // Who is set aside stays due, and must not stand before the others.
            let set_aside = self.state.quarantined.len() + self.paused.entities.len();
            let limit = self.env.bounds.due_entities_max + set_aside;
            let reached = self.clock(clock);
            let began = Instant::now();
            let due = match self.keeper.due(clock, reached, limit).await {
                Ok(due) => due?,
                Err(error) => {
                    tracing::debug!(partition = self.env.partition, %error, "cold deadlines wait");
                    self.let_redis_rest(began, began);
                    return Ok(());
                }
            };
            let all = due.len() < limit && !self.dues.is_any_before(clock, reached);
            let cold = due.into_iter().filter(|key| !self.registry.holds(key)).collect();
            self.give(cold, InternalInput::Deadline { clock, reached }).await?;
            all_to = if all { all_to.min(reached) } else { self.deadlines_to };
        }
        self.deadlines_to = self.deadlines_to.max(all_to);
        Ok(())
    }

    /// Gives entities with steps left their next one.
    pub(super) async fn step(&mut self) -> Result<(), Exit> {
        if self.stepping.is_empty() || self.sealed.len() >= self.env.bounds.sealed_records_max {
            return Ok(());
        }
        let max = self.env.bounds.due_entities_max;
        let now: Vec<EntityKey> = self.stepping.iter().take(max).cloned().collect();
        now.iter().for_each(|key| {
            self.stepping.remove(key);
        });
        self.give(now, InternalInput::Step).await
    }

    /// How far a clock has come: everything logged before has been decided.
    fn clock(&self, clock: DueClock) -> Timestamp {
        let at = |source| self.state.cursor(source).at;
        if mutants::is_in(Mutant::DeadlineByPodClock) {
            return self.env.ports.clock.now();
        }
        match clock {
            DueClock::Settled => at(Source::Commands).min(at(Source::Lane(Lane::Settlement))),
            DueClock::Demand => at(Source::Lane(Lane::Demand)),
        }
    }

    async fn give(&mut self, keys: Vec<EntityKey>, of: InternalInput) -> Result<(), Exit> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut work = Inputs::default();
        for (index, key) in keys.into_iter().enumerate() {
            if !self.is_set_aside(&key) {
                let trigger = match of {
                    InternalInput::Step => Trigger::Step { settles: None },
                    InternalInput::Deadline { clock, reached } => {
                        Trigger::Deadline { clock, reached }
                    }
                };
                let input = AnyInput::internal(&key, of);
                work.insert(key, vec![Task { index, trigger, input, busy: false, late: false }]);
            }
        }
        let unloaded = self.load(work.keys()).await?;
        work.retain(|key, _| !unloaded.contains(key));
        if of == InternalInput::Step {
            self.stepping.extend(unloaded);
        }
        self.spend(None, &work);
        let mut done = self.work(work).await?;
        for outcome in std::mem::take(&mut done.by_index).into_iter().flatten() {
            let (entity, done) = outcome;
            self.push_done(entity, None, done)?;
        }
        self.finish_chunk(done).await
    }

    // === deciding ===

    async fn decide(&mut self, items: Vec<Item>, ends: Option<Ends>) -> Result<(), Exit> {
        let now = self.open_batch();
        let mut stress = self.stress(items.len());
        let unloaded = self.load(items.iter().filter_map(Item::entity)).await?;
        let mut work = Inputs::default();
        let mut reads = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let Item { read, index: within, content } = item;
            reads.push(match content {
                Err(rejection) => Planned::Entry(Entry::Rejected { read, rejection }),
                Ok(Addressed { entity, trigger, input }) => {
                    if unloaded.contains(&entity) || self.is_set_aside(&entity) {
                        Planned::Entry(Entry::Waiting { entity, read, index: within })
                    } else {
                        let busy = self.shedding.refuses(&entity, &input, &mut stress, now);
                        // Nearly always one, and a list that grows has room for four.
                        let one = || Vec::with_capacity(1);
                        let tasks = work.entry(entity.clone()).or_insert_with(one);
                        let late = self.late.lets(&entity, &trigger, &self.env.policy);
                        tasks.push(Task { index, trigger, input, busy, late });
                        Planned::Decision { entity, read, within }
                    }
                }
            });
        }
        self.spend(ends.as_ref().map(|(source, _)| *source), &work);
        let mut done = self.work(work).await?;
        let mut ends = ends;
        for (index, planned) in reads.into_iter().enumerate() {
            self.move_cursor(&mut ends, index);
            let outcome = done.take(index);
            self.push_planned(planned, outcome)?;
        }
        self.move_cursor(&mut ends, usize::MAX);
        self.finish_chunk(done).await
    }

    /// How things stand, where so many inputs came at once: where they are as many as are read at a
    /// time, more wait behind them.
    fn stress(&self, inputs: usize) -> Stress {
        let (credit, pace) = (self.env.credit.borrow(), &self.env.pace);
        let scarce = inputs >= credit.messages || pace.is_short();
        let spare = pace.spare();
        Stress { level: credit.level, scarce, sku_share: credit.sku_share, spare }
    }

    pub(super) fn spend(&self, source: Option<Source>, work: &Inputs) {
        let all = work.values().map(Vec::len).sum::<usize>() as u64;
        let refused = work.iter().flat_map(|(key, tasks)| {
            let cost = shedding::cost(key);
            tasks.iter().filter(|task| task.busy).map(move |_| cost)
        });
        let (times, refused) = refused.fold((0, 0), |(times, sum), cost| (times + 1, sum + cost));
        let decided = all - times;
        let waits = matches!(source, Some(Source::Lane(Lane::Fulfilment | Lane::Reporting)));
        let urgent = if waits { 0 } else { decided };
        self.env.pace.spend(Counts { decided, urgent, refused });
    }

    /// Moves the cursor past the messages whose items all stand before `index`.
    fn move_cursor(&mut self, ends: &mut Option<Ends>, index: usize) {
        let Some((source, ends)) = ends else { return };
        let passed = ends.iter().take_while(|(end, ..)| *end <= index).count();
        if let Some((_, sequence, at)) = ends.drain(..passed).next_back() {
            let cursor = &mut self.state.cursors[source.index()];
            cursor.sequence = cursor.sequence.max(sequence);
            cursor.at = cursor.at.max(at);
        }
    }

    fn push_planned(&mut self, planned: Planned, done: Option<Done>) -> Result<(), Exit> {
        let (entity, read, within) = match planned {
            Planned::Entry(entry) => return self.push_waiting_or(entry),
            Planned::Decision { entity, read, within } => (entity, read, within),
        };
        match done {
            Some(Done::Untouched) | None => {
                self.push_waiting_or(Entry::Waiting { entity, read, index: within })
            }
            Some(done) => self.push_done(entity, Some(read), done),
        }
    }

    /// An input beyond the bound that waits for a quarantined entity is a dead letter instead.
    /// Commands do not wait for an entity that decides nothing: they are asked again until they are
    /// answered, and must not hold up the log in which all others speak.
    fn push_waiting_or(&mut self, entry: Entry) -> Result<(), Exit> {
        match entry {
            Entry::Waiting { entity, read, .. }
                if read.source == Source::Commands
                    && (self.state.quarantined.contains_key(&entity)
                        || self.is_paused(&entity)) =>
            {
                tracing::debug!(partition = self.env.partition, %entity, "a command is not heard");
                Ok(())
            }
            Entry::Waiting { entity, read, .. }
                if self.state.waiting_set_aside() >= self.env.bounds.waiting_max
                    && self.state.quarantined.contains_key(&entity) =>
            {
                let rejection =
                    crate::contract::Rejection::quarantined(&entity, "too many inputs wait");
                self.push(Entry::Rejected { read, rejection })
            }
            entry => self.push(entry),
        }
    }

    fn push_done(
        &mut self,
        entity: EntityKey,
        read: Option<ReadAt>,
        done: Done,
    ) -> Result<(), Exit> {
        let entries = self.entries_of(entity, read, done);
        self.push_together(entries.into_iter().flatten())
    }

    /// What is written of what became of an input: how its entity stood, where a dead letter says
    /// so and whoever may take over can read it, and what it came to.
    pub(super) fn entries_of(
        &self,
        entity: EntityKey,
        read: Option<ReadAt>,
        done: Done,
    ) -> [Option<Entry>; 2] {
        let (stood, entry) = match done {
            Done::Decided { decided, stood } => (stood, Entry::Decided(decided)),
            Done::Failed { why, stood } => {
                crate::telemetry::quarantined(&entity, &why);
                (stood, Entry::Quarantined { entity, read, why })
            }
            Done::Nothing | Done::Untouched => return [None, None],
        };
        let writes = self.env.formats.writes();
        let stood = stood.map(Entry::Stood).filter(|stood| writes >= needed_by(stood));
        [stood, Some(entry)]
    }

    fn is_set_aside(&self, entity: &EntityKey) -> bool {
        (self.state.quarantined.contains_key(entity) && !mutants::is_in(Mutant::QuarantineIgnored))
            || self.state.waiting.contains_key(entity)
            || self.is_paused(entity)
    }

    // === actors ===

    pub(super) async fn work(&mut self, work: Inputs) -> Result<Chunk, Exit> {
        let now = self.open_batch();
        let mut chunk = Chunk::of(&work);
        let (policy, tap) = (self.env.policy.clone(), self.env.tap.clone());
        for (entity, worked) in self.registry.work(work, now, &policy, &tap).await {
            let Some(Worked { done, change }) = worked else {
                chunk.broke(entity);
                continue;
            };
            for (index, done) in done {
                chunk.by_index[index] = Some((entity.clone(), done));
            }
            match change {
                Some(change) => self.take_change(entity, change),
                None => chunk.broken.push(entity),
            }
        }
        Ok(chunk)
    }

    pub(super) fn take_change(&mut self, entity: EntityKey, change: Change) {
        self.dues.set(&entity, &change.dues);
        if change.steps_left {
            self.stepping.insert(entity.clone());
        }
        if change.parts {
            self.dirty.insert(entity);
        }
    }

    /// Rebuilds what broke on the way.
    pub(super) async fn finish_chunk(&mut self, chunk: Chunk) -> Result<(), Exit> {
        match chunk.broken.is_empty() {
            true => Ok(()),
            false => self.rebuild(chunk.broken).await,
        }
    }
}

/// What is to be written for an item, once the actors are done.
enum Planned {
    Entry(Entry),
    Decision { entity: EntityKey, read: ReadAt, within: u32 },
}

/// Where the messages of a source end: behind how many items, their sequence, their log time.
type Ends = (Source, Vec<(usize, u64, Timestamp)>);

/// What became of a chunk of inputs.
#[derive(Default)]
pub(super) struct Chunk {
    /// By the inputs' places; nothing at the place of what was given to no actor.
    pub(super) by_index: Vec<Option<(EntityKey, Done)>>,
    broken: Vec<EntityKey>,
}

impl Chunk {
    /// Nothing has been done yet.
    fn of(work: &Inputs) -> Chunk {
        let places = work.values().filter_map(|tasks| tasks.last()).map(|task| task.index + 1);
        let mut by_index = Vec::new();
        by_index.resize_with(places.max().unwrap_or(0), || None);
        for (entity, tasks) in work {
            for task in tasks {
                by_index[task.index] = Some((entity.clone(), Done::Untouched));
            }
        }
        Chunk { by_index, ..Chunk::default() }
    }

    /// What became of the input at this place, if it was given to an actor.
    pub(super) fn take(&mut self, index: usize) -> Option<Done> {
        self.by_index.get_mut(index)?.take().map(|(_, done)| done)
    }

    /// An actor that gave no answer at all: its first input failed.
    fn broke(&mut self, entity: EntityKey) {
        let first = self.by_index.iter_mut().flatten().find(|(of, _)| *of == entity);
        if let Some((_, done)) = first {
            *done = Done::Failed { why: "the actor is gone".to_owned(), stood: None };
        }
        self.broken.push(entity);
    }
}

impl Item {
    fn entity(&self) -> Option<&EntityKey> {
        self.content.as_ref().ok().map(|addressed| &addressed.entity)
    }
}
