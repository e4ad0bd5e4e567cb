//! What an owner does beside deciding: deadlines and idle entities at each tick, snapshots when
//! they are due, a mark when nothing else is written, and its status for whoever asks.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Exit, Status,
    held::Held,
    keeper::{ENTRIES_MAX, Gathered},
    owner::{Owner, uncommitted},
};
use crate::{
    domain::ids::EntityKey,
    mutants::{self, Mutant},
};

/// Sequences of a log that an idle partition has passed and does not say so yet.
const UNMARKED_MAX: u64 = 1_000;
/// An append that takes longer is no append that takes its time.
const UNANSWERED_AFTER: Duration = Duration::from_secs(3);

impl Owner {
    /// What is due from time to time.
    pub(super) async fn on_tick(&mut self) -> Result<(), Exit> {
        self.rebuild_broken().await?;
        self.give_deadlines().await?;
        self.look_for_cold_deadlines().await?;
        self.reinstate().await?;
        self.heed_lateness()?;
        self.revive_waiting().await?;
        self.write_closing_mark()?;
        self.go_back_to_older_format();
        self.arm().await?;
        let (keep, keeper) = (self.env.live_entities_max(), &self.keeper);
        let (stepping, dirty, arming) = (&self.stepping, &self.dirty, &self.arming);
        let gathered = uncommitted(&self.in_flight, &self.sealed).find_map(|b| b.gathered.as_ref());
        let gathered = gathered.filter(|_| !mutants::is_in(Mutant::PassivatedEarly));
        let busy = |key: &EntityKey| {
            // What an actor knows and no snapshot does must not be let go.
            keeper.owes(key)
                || stepping.contains(key)
                || dirty.contains(key)
                || arming.keeps(key)
                || gathered.is_some_and(|gathered| gathered.has(key))
        };
        self.registry.passivate(keep, busy, &mut self.dues);
        Ok(())
    }

    /// An idle partition says in the journal what has been released and read since.
    fn write_closing_mark(&mut self) -> Result<(), Exit> {
        let idle = self.in_flight.is_none() && self.sealed.is_empty() && self.open.is_empty();
        let unmarked = self.committed.released.up_to < self.last_effects && self.is_released();
        let moved = self.has_read_on(UNMARKED_MAX);
        if idle
            && (unmarked || moved)
            && self.last_commit.elapsed() >= self.env.bounds.idle_mark_after
        {
            self.open_batch();
            self.seal();
        }
        Ok(())
    }

    /// The format that must be read by whoever goes on: the records behind the snapshot, and those
    /// whose effects may not have left.
    pub(super) fn needed_format(&self) -> u8 {
        let snapshot = self.keeper.stands_at().sequence;
        self.spoken.needed(snapshot.min(self.committed.released.up_to))
    }

    /// A member has come that does not read what we wrote: from a record and a snapshot in its own
    /// format on, it can.
    fn go_back_to_older_format(&mut self) {
        let writes = self.env.formats.writes();
        let idle = self.in_flight.is_none() && self.sealed.is_empty() && self.open.is_empty();
        if self.needed_format() <= writes || !idle {
            return;
        }
        if self.spoken.newest_at_end() > writes {
            self.open_batch();
            self.seal();
        }
        self.next_snapshot = Instant::now();
    }

    /// Whether a source has been read on by more than this without a record that says so.
    pub(super) fn has_read_on(&self, by: u64) -> bool {
        let mut cursors = self.state.cursors.iter().zip(&self.committed.cursors);
        cursors.any(|(read, said)| read.sequence > said.sequence + by)
    }

    pub(super) async fn snapshot_if_due(&mut self) -> Result<(), Exit> {
        let bounds = &self.env.bounds;
        let tail = self.keeper.tail();
        let due = tail.len() >= bounds.snapshot_every_records
            || tail.bytes() >= bounds.unsnapshotted_bytes_max / 2
            || tail.entries() >= ENTRIES_MAX
            // What has changed is kept live until it is written.
            || self.dirty.len() >= (self.env.live_entities_max() / 2).max(1)
            || (!tail.is_empty() && Instant::now() >= self.next_snapshot);
        // Deadlines are looked up between two deltas: they must not follow each other for ever.
        let free = !self.keeper.is_writing() && !self.is_cold_look_due() && self.broken.is_empty();
        if due
            && free
            && uncommitted(&self.in_flight, &self.sealed).all(|batch| batch.gathered.is_none())
        {
            self.next_snapshot = Instant::now() + self.env.bounds.snapshot_interval;
            self.gather().await?;
        }
        Ok(())
    }

    /// Takes from the entities what has changed, for the snapshot: it is written when the last of
    /// what is decided by now is committed.
    pub(super) async fn gather(&mut self) -> Result<(), Exit> {
        let dirty = std::mem::take(&mut self.dirty);
        let changes = self.registry.take_changed(dirty).await.map_err(Exit::breach)?;
        let gathered = Gathered::new(changes);
        if !self.open.is_empty() {
            self.seal();
        }
        let flying = self.in_flight.as_mut().map(|flying| &mut flying.batch);
        match self.sealed.back_mut().or(flying) {
            Some(last) if !mutants::is_in(Mutant::SnapshotAhead) => last.gathered = Some(gathered),
            _ => self.keeper.write(gathered, &self.committed),
        }
        Ok(())
    }

    pub(super) fn tell(&self) {
        let waits = self.in_flight.as_ref().map(|flying| flying.started.elapsed());
        let status = Status {
            serving: true,
            unanswered: waits.is_some_and(|waits| waits > UNANSWERED_AFTER),
            position: self.committed.position(),
            decided_at: self.committed.decided_at,
            cursors: self.committed.cursors,
            read: self.state.cursors,
            late: self.gates.late(self.env.ports.clock.now()),
            settled: self.is_settled(),
            deadlines_to: self.deadlines_to,
            released: self.released.borrow().up_to,
            snapshot: self.keeper.stands_at().sequence,
            live: self.registry.len(),
            armed: self.arming.armed(),
            frozen: false,
            quarantined: self.committed.quarantined.len(),
            waiting: self.committed.waiting_len(),
            hot: self.shedding.hot(),
            books: self.committed.books,
            needed: self.needed,
            needed_commands: self.needed_commands,
            format: self.needed_format(),
            held: self.held(),
        };
        self.env.status.send_if_modified(|told| {
            let news = *told != status;
            *told = status;
            news
        });
    }

    fn held(&self) -> Held {
        let closed = uncommitted(&self.in_flight, &self.sealed).map(|batch| batch.entries.len());
        let tail = self.keeper.tail();
        let set_aside = self.state.waiting_set_aside();
        Held {
            sealed_records: self.sealed.len(),
            batch_bytes: self.open.bytes.len(),
            uncommitted_entries: self.open.entries.len() + closed.sum::<usize>(),
            unreleased_records: self.unreleased.len(),
            unsnapshotted_records: tail.len(),
            unsnapshotted_bytes: tail.bytes(),
            waiting: set_aside.max(self.state.waiting_len() - set_aside),
            awaited_holds: usize::try_from(self.state.books.awaited).unwrap_or(0),
            live_entities: self.registry.len(),
            live_entities_max: self.env.live_entities_max(),
            credit: match self.is_committed() {
                true => Default::default(),
                false => self.credit_in_use.amounts(),
            },
        }
    }

    fn is_settled(&self) -> bool {
        self.is_committed()
            && self.stepping.is_empty()
            && self.released.borrow().up_to >= self.committed.position().sequence
    }
}
