//! The end of the owner's loop: decisions gather in a batch, and one record at a time is committed.

use std::sync::Arc;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Exit,
    batch::Batch,
    commit::{Append, NotCommitted},
    effects::has_effects,
    entry::Entry,
    owner::Owner,
    record::{Header, Link, Record, RecordHash, encode},
};
use crate::{
    domain::{event::Lane, time::Timestamp},
    mutants::{self, Mutant},
    ports::Source,
};

/// A record on its way into the journal.
pub(super) struct InFlight {
    pub(super) batch: Batch,
    pub(super) started: Instant,
    header: Header,
    record: Bytes,
    append: AbortOnDropHandle<Result<u64, NotCommitted>>,
}

impl Owner {
    // === filling batches ===

    /// Fixes the time of the decisions of the open batch, if it is empty.
    pub(super) fn open_batch(&mut self) -> Timestamp {
        if self.open.is_empty() {
            let now = self.env.ports.clock.now();
            let later = now.max(self.state.decided_at);
            self.state.decided_at = if mutants::is_in(Mutant::TimeGoesBack) { now } else { later };
        }
        self.state.decided_at
    }

    /// Adds an entry to the open batch; seals the batch before, if the entry does not fit.
    pub(super) fn push(&mut self, entry: Entry) -> Result<(), Exit> {
        self.push_together([entry])
    }

    /// Adds entries that must stand in the same record.
    pub(super) fn push_together(
        &mut self,
        entries: impl IntoIterator<Item = Entry>,
    ) -> Result<(), Exit> {
        let (mut first, bytes) = (self.open.entries.len(), self.open.bytes.len());
        for entry in entries {
            if mutants::is_in(Mutant::RetryMerged)
                && let Some(flying) = &mut self.in_flight
                && flying.started.elapsed() > self.env.bounds.retry_after
            {
                self.state.note(&entry);
                flying.batch.entries.push(entry);
                continue;
            }
            let pushed = self.open.push(entry);
            pushed.map_err(|why| Exit::refuse(format!("an entry cannot be encoded: {why}")))?;
        }
        if first > 0 && self.open.bytes.len() > self.env.bounds.batch_bytes_max {
            let too_many = self.open.split_off(first, bytes);
            self.seal();
            (self.open.entries, self.open.bytes) = too_many;
            first = 0;
        }
        self.open.decided_at = self.state.decided_at;
        self.open.entries[first..].iter().for_each(|entry| self.state.note(entry));
        Ok(())
    }

    /// The open batch takes no more entries.
    pub(super) fn seal(&mut self) {
        let batch = self.take_open();
        self.sealed.push_back(batch);
    }

    fn take_open(&mut self) -> Batch {
        let mut batch = std::mem::take(&mut self.open);
        self.batches.closed += 1;
        batch.decided_at = self.state.decided_at;
        batch.state = self.state.clone();
        batch.taken = self.credit_in_use.taken();
        batch
    }

    // === committing ===

    /// When the open batch is to be appended, where it waits for that alone. Two records begin no
    /// less than an interval apart: what is decided meanwhile shares the cost of one.
    pub(super) fn appends_at(&self) -> Option<Instant> {
        let waits = self.in_flight.is_none() && self.sealed.is_empty() && !self.open.is_empty();
        waits.then(|| self.last_append + self.env.bounds.append_interval)
    }

    /// Begins to append what is there, if none is under way.
    pub(super) fn append_next(&mut self) -> Result<(), Exit> {
        if self.in_flight.is_some() {
            return Ok(());
        }
        let batch = match self.sealed.pop_front() {
            Some(batch) => batch,
            None if !self.open.is_empty() => self.take_open(),
            None => return Ok(()),
        };
        let header = self.header(&batch);
        let format = self.env.formats.writes().max(batch.format());
        let record = encode(format, &header, &batch.bytes)
            .map_err(|error| Exit::refuse(format!("a record cannot be encoded: {error}")))?;
        let record = Bytes::from(record);
        if mutants::is_in(Mutant::EffectBeforeCommit) {
            let early = Record { header: header.clone(), entries: batch.entries.clone() };
            let _ = self.to_release.send((self.committed.last.sequence + 1, Arc::new(early)));
        }
        let append = Append {
            journal: self.env.ports.journal.clone(),
            partition: self.env.partition,
            after: self.committed.last.sequence,
            batch: header.batch,
            record: record.clone(),
            retry_after: self.env.bounds.retry_after,
        };
        let append = AbortOnDropHandle::new(tokio::spawn(append.run()));
        self.last_append = Instant::now();
        self.in_flight =
            Some(InFlight { batch, header, record, started: self.last_append, append });
        Ok(())
    }

    fn header(&self, batch: &Batch) -> Header {
        let (mut cursors, mut released) = (batch.state.cursors, *self.released.borrow());
        if mutants::is_in(Mutant::CursorNotSaved) {
            let fulfilment = Source::Lane(Lane::Fulfilment).index();
            cursors[fulfilment] = self.committed.cursors[fulfilment];
        }
        if mutants::is_in(Mutant::MarkAhead) {
            released.up_to = self.committed.last.sequence;
        }
        Header {
            partition: self.env.partition,
            partitions: self.env.partitions,
            incarnation: self.committed.incarnation,
            batch: self.env.ports.clock.unique(),
            owner: self.env.owner.clone(),
            previous: Some(self.committed.last),
            decided_at: batch.decided_at,
            cursors,
            released,
            entries: batch.entries.len() as u32,
        }
    }

    pub(super) fn on_appended(
        &mut self,
        (flying, result): (InFlight, Result<u64, NotCommitted>),
    ) -> Result<(), Exit> {
        let sequence = match result {
            Ok(sequence) => sequence,
            Err(NotCommitted::Superseded) => return Err(Exit::SteppedDown),
            Err(NotCommitted::TooLarge(why)) => {
                return Err(Exit::refuse(format!("a record is too large for the journal: {why}")));
            }
            Err(NotCommitted::JournalLostItsTail) => return Err(Exit::Frozen),
        };
        let link = Link { sequence, hash: RecordHash::of(&flying.record) };
        self.batches.committed += 1;
        self.credit_in_use.commit(flying.batch.taken);
        self.committed = flying.batch.state;
        self.committed.follow(&flying.header, link);
        self.state.last = link;
        self.state.released = flying.header.released;
        self.spoken.note(sequence, &flying.record);
        self.keeper.committed(sequence, flying.record.clone(), flying.header.entries);
        if let Some(gathered) = flying.batch.gathered {
            self.keeper.write(gathered, &self.committed);
        }
        let record = Record { header: flying.header, entries: flying.batch.entries };
        crate::telemetry::committed(&record, flying.record.len(), flying.started.elapsed());
        if has_effects(&record) {
            self.last_effects = sequence;
        }
        let (needed, needed_commands) = self.committed.needed();
        self.unreleased.push_back((sequence, needed));
        self.needed_commands = needed_commands;
        // A releaser that is gone is noticed by the loop.
        let _ = self.to_release.send((sequence, Arc::new(record)));
        self.last_commit = Instant::now();
        self.noting.note(self.committed.position());
        Ok(())
    }

    /// Waits until everything decided so far is committed.
    pub(super) async fn settle(&mut self) -> Result<(), Exit> {
        loop {
            self.append_next()?;
            if self.in_flight.is_none() {
                return Ok(());
            }
            let done = appended(&mut self.in_flight).await;
            self.on_appended(done)?;
        }
    }
}

/// Waits for the record in flight; for ever if there is none. Dropping the future loses nothing.
pub(super) async fn appended(
    in_flight: &mut Option<InFlight>,
) -> (InFlight, Result<u64, NotCommitted>) {
    let Some(flying) = in_flight else { return std::future::pending().await };
    let result = (&mut flying.append).await;
    match (in_flight.take(), result) {
        (Some(flying), Ok(result)) => (flying, result),
        // The task was cancelled or panicked: nothing is known, and nobody will find out here.
        (Some(flying), Err(_)) => (flying, Err(NotCommitted::Superseded)),
        (None, _) => std::future::pending().await,
    }
}
