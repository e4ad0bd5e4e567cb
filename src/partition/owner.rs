//! The owner of a partition: one loop that reads, decides, commits, releases and keeps.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::FutureExt as _;
use hashlink::LinkedHashSet;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Env, Exit, Start,
    arming::Arming,
    asking::{Asking, Batches},
    batch::Batch,
    committing::{InFlight, appended},
    dues::Dues,
    entry::Entry,
    format::Spoken,
    gates::Gates,
    held::CreditInUse,
    intake::{Heard, Intake},
    items::Reception,
    keeper::{Keeper, Loading},
    lateness::Heeded,
    loading::Rest,
    noting::Noting,
    record::Released,
    recovery::{Recovered, recover},
    release::{Committed, Releaser},
    shedding::Shedding,
    state::PartitionState,
};
use crate::{
    actors::Registry,
    archive,
    control::Paused,
    domain::{event::Lane, ids::EntityKey, time::Timestamp},
    ports::{Needed, Read, Source},
};

/// How often it is looked at whether a lane has to be held back, when none is.
const GATE_EVERY: Duration = Duration::from_secs(1);

/// Serves a partition until it has to stop.
pub async fn serve(env: Env, start: Start) -> Exit {
    match Owner::take_over(env, start).await {
        Ok(mut owner) => match owner.run_and_archive().await {
            Ok(()) => owner.leave().await,
            Err(Exit::Frozen) => owner.freeze().await,
            Err(exit) => exit,
        },
        Err(exit) => exit,
    }
}

pub(super) struct Owner {
    pub(super) env: Env,
    pub(super) reception: Reception,
    pub(super) registry: Registry,
    pub(super) dues: Dues,
    pub(super) stepping: BTreeSet<EntityKey>,
    /// The partition's state after everything decided so far.
    pub(super) state: PartitionState,
    /// The same after everything committed so far.
    pub(super) committed: PartitionState,
    pub(super) open: Batch,
    pub(super) sealed: VecDeque<Batch>,
    pub(super) in_flight: Option<InFlight>,
    pub(super) batches: Batches,
    pub(super) keeper: Keeper,
    /// Live entities that have changed since what changed was last taken.
    pub(super) dirty: LinkedHashSet<EntityKey>,
    /// Entities whose actor is gone, and that are not made anew yet.
    pub(super) broken: BTreeSet<EntityKey>,
    /// What the snapshot has of them, on its way.
    pub(super) mending: Option<Loading>,
    /// SKUs of promotions.
    pub(super) arming: Arming,
    pub(super) to_release: mpsc::UnboundedSender<Committed>,
    releasing: AbortOnDropHandle<Result<(), Exit>>,
    pub(super) released: watch::Receiver<Released>,
    /// The committed records whose effects have not left, and what of EARMARK_IN must be kept once
    /// they have: their dead letters may have to quote what comes before.
    pub(super) unreleased: VecDeque<(u64, Option<Needed>)>,
    /// What of EARMARK_IN and EARMARK_CMD must be kept now. Commands are kept for nobody who has
    /// decided them: effects may wait for the room that they take.
    pub(super) needed: Option<Needed>,
    pub(super) needed_commands: u64,
    /// In which formats its records are.
    pub(super) spoken: Spoken,
    /// The last committed record that has effects.
    pub(super) last_effects: u64,
    pub(super) last_commit: Instant,
    /// When the last append began.
    pub(super) last_append: Instant,
    pub(super) noting: Noting,
    pub(super) next_snapshot: Instant,
    pub(super) last_cold_look: Option<Instant>,
    /// All deadlines before this have been given.
    pub(super) deadlines_to: Timestamp,
    pub(super) last_revival: Option<Instant>,
    /// Nothing is loaded meanwhile, since Redis did not answer.
    pub(super) rest: Option<Rest>,
    pub(super) gates: Gates,
    pub(super) credit_in_use: CreditInUse,
    /// The last word by which an operator let an entity decide again, of each.
    pub(super) heeded: BTreeMap<EntityKey, u64>,
    /// Events that may be late, by words that the journal has.
    pub(super) late: Heeded,
    pub(super) shedding: Shedding,
    /// What operators have paused, as far as it has been taken notice of.
    pub(super) paused: Arc<Paused>,
    /// For each source, messages that are still read one by one.
    pub(super) single: [usize; 5],
    /// Waiting inputs that are still decided one by one.
    pub(super) single_waiting: usize,
}

impl Owner {
    async fn take_over(env: Env, start: Start) -> Result<Owner, Exit> {
        let started = Instant::now();
        let stop = env.stop.clone();
        let recovered = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(Exit::LeftInHaste),
            recovered = recover(&env, start != Start::WithoutSnapshot) => recovered?,
        };
        // Who has said that it left has not died.
        let start = if recovered.left { Start::Again } else { start };
        let mut owner = Owner::begin(env, recovered, start == Start::Anew);
        owner.claim(start).await?;
        crate::telemetry::recovered(owner.env.partition, started.elapsed());
        Ok(owner)
    }

    /// `died`: whoever had the partition before did not leave it.
    fn begin(env: Env, recovered: Recovered, died: bool) -> Owner {
        let bounds = env.bounds.clone();
        let keeper = Keeper::new(
            env.ports.snapshots.clone(),
            env.partition,
            recovered.snapshot,
            bounds.retry_after,
        );
        let (to_release, committed) = mpsc::unbounded_channel();
        let (progress, released) = watch::channel(recovered.backlog.released);
        let last_effects = recovered.backlog.last_effects;
        let unreleased = VecDeque::from([(recovered.backlog.end, None)]);
        let (_, needed_commands) = recovered.state.needed();
        let releaser = Releaser::new(&env, recovered.state.incarnation, recovered.backlog);
        let releasing = tokio::spawn(releaser.run(committed, progress));
        // Not all partitions at once.
        let turn = bounds.snapshot_interval * (u32::from(env.partition) + 1);
        let next_snapshot = Instant::now() + turn / u32::from(env.partitions);
        let singly = |stood: u32| match died && stood + 1 >= bounds.attempts_before_single {
            true => bounds.single_messages,
            false => 0,
        };
        let (paused, noting) = (env.credit.borrow().paused.clone(), Noting::start(&env));
        Owner {
            reception: Reception {
                partition: env.partition,
                partitions: env.partitions,
                limits: env.limits.clone(),
            },
            single: Source::ALL.map(|source| singly(recovered.state.stood(source))),
            single_waiting: singly(recovered.state.waiting_stood()),
            gates: Gates::new(env.pace.clone()),
            credit_in_use: CreditInUse::default(),
            paused,
            env,
            registry: recovered.registry,
            dues: recovered.dues,
            stepping: recovered.stepping.into_iter().collect(),
            committed: recovered.state.clone(),
            open: Batch::default(),
            state: recovered.state,
            sealed: VecDeque::new(),
            in_flight: None,
            batches: Batches::default(),
            keeper,
            dirty: recovered.dirty,
            broken: BTreeSet::new(),
            mending: None,
            arming: Arming::default(),
            to_release,
            releasing: AbortOnDropHandle::new(releasing),
            released,
            unreleased,
            needed: None,
            needed_commands,
            spoken: recovered.spoken,
            last_effects,
            last_commit: Instant::now(),
            last_append: Instant::now(),
            noting,
            next_snapshot,
            last_cold_look: None,
            deadlines_to: Timestamp::default(),
            last_revival: None,
            rest: None,
            shedding: Shedding::default(),
            heeded: BTreeMap::new(),
            late: Heeded::default(),
        }
    }

    /// Says in the journal whose the partition is now, before anything else is read; and takes the
    /// message out that the process died of.
    async fn claim(&mut self, start: Start) -> Result<(), Exit> {
        self.open_batch();
        if start != Start::Anew {
            self.push(Entry::Resumed)?;
            return self.settle().await;
        }
        self.take_out_killer().await?;
        self.push(Entry::TakenOver)?;
        self.settle().await
    }

    // === the loop ===

    /// Runs, and archives beside it for as long.
    async fn run_and_archive(&mut self) -> Result<(), Exit> {
        let Env { ports, partition, owner, bounds, .. } = self.env.clone();
        let archiving = archive::keep(ports, partition, owner, bounds.archiving);
        let _archiving = AbortOnDropHandle::new(tokio::spawn(archiving));
        self.run().await
    }

    async fn run(&mut self) -> Result<(), Exit> {
        let mut intake = Intake::start(
            &self.env.ports.input,
            self.env.partition,
            self.state.cursors,
            self.env.credit.clone(),
            self.env.bounds.retry_after,
        );
        let mut tick = tokio::time::interval(self.env.bounds.tick);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (stop, mut credit) = (self.env.stop.clone(), self.env.credit.clone());
        let mut asking = Asking::new(self.env.desks.open(self.env.partition));
        loop {
            self.note_released();
            let (may_read, open) = (self.may_read(), self.open_sources());
            let gate = self.next_gate();
            let wake = self.appends_at().map_or(gate, |at| at.min(gate));
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                done = appended(&mut self.in_flight) => self.on_appended(done)?,
                lost = &mut self.releasing => return Err(released_no_more(lost)),
                written = self.keeper.written() => written?,
                // Before the reading: of what is paused by now nothing more is heard.
                Ok(()) = credit.changed() => {}
                // Before the reading, which has always something to say behind a backlog.
                _ = tick.tick() => {
                    self.on_tick().await?;
                    // A tick that took its time must not be followed by the next at once.
                    tick.reset();
                }
                (source, heard) = intake.next(open, self.gates.overdue()), if may_read => {
                    self.hear(source, heard).await?;
                    self.hear_on(&mut intake).await?;
                }
                () = asking.next() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
            self.step().await?;
            self.answer(&mut asking).await?;
            if self.appends_at().is_none_or(|at| at <= Instant::now()) {
                self.append_next()?;
            }
            self.snapshot_if_due().await?;
            self.tell();
        }
    }

    /// At a bound the reader stops; the log is the buffer.
    fn may_read(&self) -> bool {
        let bounds = &self.env.bounds;
        self.sealed.len() < bounds.sealed_records_max
            && self.open.bytes.len() < bounds.batch_bytes_max
            && self.keeper.tail().len() < bounds.unsnapshotted_records_max
            && self.keeper.tail().bytes() < bounds.unsnapshotted_bytes_max
    }

    /// Commands are read on while effects wait to leave: they may wait for the room that commands
    /// take until they are read. Demand begins new sagas, and waits while many are open. The pod's
    /// pace and safe mode hold lanes back, too.
    fn open_sources(&mut self) -> [bool; 5] {
        self.heed_pauses();
        let bounds = &self.env.bounds;
        let paused = self.paused.lanes(self.env.partition);
        self.gates.set(self.env.credit.borrow().level, paused);
        let now = Instant::now();
        let waiting = self.state.waiting_len() - self.state.waiting_set_aside();
        let lanes =
            self.unreleased.len() < bounds.unreleased_records_max && waiting < bounds.waiting_max;
        let awaited = usize::try_from(self.state.books.awaited).unwrap_or(0);
        Source::ALL.map(|source| match source {
            Source::Commands => true,
            Source::Lane(Lane::Demand) if awaited >= bounds.awaited_holds_max => false,
            Source::Lane(lane) => lanes && self.gates.opens(lane) <= now && !paused[lane as usize],
        })
    }

    /// When the next lane opens that is held back.
    fn next_gate(&self) -> Instant {
        let now = Instant::now();
        let opens = Lane::ALL.map(|lane| self.gates.opens(lane)).into_iter();
        opens.filter(|at| *at > now).min().unwrap_or(now + GATE_EVERY)
    }

    pub(super) fn is_released(&self) -> bool {
        self.released.borrow().up_to >= self.last_effects
    }

    fn note_released(&mut self) {
        let up_to = self.released.borrow_and_update().up_to;
        while let Some((_, needed)) = self.unreleased.front().filter(|(at, _)| *at <= up_to) {
            self.needed = *needed;
            self.unreleased.pop_front();
        }
    }

    /// What has come meanwhile goes into the same record, while none is being appended: fewer and
    /// larger records, and so fewer messages of commands, when there is much to do.
    async fn hear_on(&mut self, intake: &mut Intake) -> Result<(), Exit> {
        let half = self.env.bounds.batch_bytes_max / 2;
        while self.in_flight.is_none() && self.open.bytes.len() < half && self.may_read() {
            // The readers are on this thread too.
            tokio::task::yield_now().await;
            let (open, overdue) = (self.open_sources(), self.gates.overdue());
            let Some((source, heard)) = intake.next(open, overdue).now_or_never() else { break };
            self.hear(source, heard).await?;
        }
        Ok(())
    }

    async fn hear(&mut self, source: Source, heard: Heard) -> Result<(), Exit> {
        self.pass_gate(source, &heard);
        self.note_credit(source, &heard);
        match heard {
            Heard::Read(Read::Drained(cursor)) => {
                let ours = &mut self.state.cursors[source.index()];
                ours.sequence = ours.sequence.max(cursor.sequence);
                ours.at = ours.at.max(cursor.at);
                ours.created = cursor.created;
                // Whatever the process died of, it does not lie ahead in this source.
                self.single[source.index()] = 0;
                self.give_deadlines().await
            }
            Heard::Read(Read::Messages(messages)) if self.single[source.index()] > 0 => {
                self.decide_singly(source, &messages).await
            }
            Heard::Read(Read::Messages(messages)) => {
                self.decide_messages(source, messages).await?;
                self.give_deadlines().await
            }
            Heard::Lost(loss, cursor) => {
                tracing::error!(
                    partition = self.env.partition,
                    source = source.as_str(),
                    ?loss,
                    "a log is not what its cursor remembers"
                );
                crate::telemetry::source_lost(source);
                self.open_batch();
                self.push(Entry::Lost { source, what: format!("{loss:?}") })?;
                // Not before: the record before it may be sealed by it, and must not begin anew.
                self.state.cursors[source.index()] = cursor;
                Ok(())
            }
        }
    }

    fn pass_gate(&mut self, source: Source, heard: &Heard) {
        match (source, heard) {
            (Source::Lane(lane), Heard::Read(Read::Messages(read))) => {
                let all = read.len() >= self.env.credit.borrow().messages;
                let now = self.env.ports.clock.now();
                let at = read.last().map_or(now, |last| last.at);
                self.gates.read(lane, read.len(), all, at, now);
            }
            (Source::Lane(lane), Heard::Read(Read::Drained(_))) => self.gates.drained(lane),
            (Source::Commands, _) | (_, Heard::Lost(..)) => {}
        }
    }

    fn note_credit(&mut self, source: Source, heard: &Heard) {
        if self.is_committed() {
            // What was read and left nothing to be committed.
            self.credit_in_use.commit(self.credit_in_use.taken());
        }
        if let Heard::Read(Read::Messages(messages)) = heard {
            self.credit_in_use.take(source, messages);
        }
    }

    /// Whether all that was decided is committed.
    pub(super) fn is_committed(&self) -> bool {
        self.in_flight.is_none() && self.sealed.is_empty() && self.open.is_empty()
    }
}

/// The closed batches that are not committed, the oldest first.
pub(super) fn uncommitted<'a>(
    in_flight: &'a Option<InFlight>,
    sealed: &'a VecDeque<Batch>,
) -> impl Iterator<Item = &'a Batch> {
    in_flight.iter().map(|flying| &flying.batch).chain(sealed)
}

fn released_no_more(ended: Result<Result<(), Exit>, tokio::task::JoinError>) -> Exit {
    match ended {
        Ok(Err(exit)) => exit,
        Ok(Ok(())) => Exit::refuse("the releaser ended"),
        Err(error) => Exit::refuse(format!("the releaser failed: {error}")),
    }
}
