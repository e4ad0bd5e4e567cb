//! Brings a partition back: snapshot, then the journal behind it, then the effects that may not
//! have left. Nothing is decided again.
//!
//! What does not fit (a broken chain, a journal that ends before something known to be committed)
//! is never papered over: the partition refuses to serve and says why. A snapshot that does not fit
//! is only a longer way: the newest archive that fits is put in its place, and where there is none
//! the journal is folded from its beginning.

use std::collections::BTreeMap;

use bytes::Bytes;
use hashlink::LinkedHashSet;

use super::{
    Env, Exit,
    backlog::{self, Backlog},
    dues::Dues,
    entry::{Entry, Facts},
    format::Spoken,
    keeper::{ENTRIES_MAX, Gathered, Tail},
    record::{Link, Record, RecordHash},
    restoring::{self, refuse, reseeded_from},
    state::PartitionState,
    verdict::{self, Begins, Fits, lost_tail},
};
use crate::{
    actors::Registry,
    domain::{ids::EntityKey, time::Timestamp},
    ports::{At, Delta, JournalEntry, Position},
};

/// A partition as it was when its last record was committed.
pub struct Recovered {
    /// Beside its entities.
    pub state: PartitionState,
    /// Its live entities.
    pub registry: Registry,
    /// Their deadlines.
    pub dues: Dues,
    /// Those with steps left.
    pub stepping: Vec<EntityKey>,
    /// Where the snapshot stands, and the records behind it.
    pub snapshot: (Position, Tail),
    /// The entities that changed since.
    pub dirty: LinkedHashSet<EntityKey>,
    /// Effects that may not have left.
    pub backlog: Backlog,
    /// In which formats its records are.
    pub spoken: Spoken,
    /// The last owner said that it left.
    pub left: bool,
}

/// Brings a partition back.
pub async fn recover(env: &Env, trust_snapshot: bool) -> Result<Recovered, Exit> {
    // What is known of the journal's end is read before the end itself: another owner may append.
    let known = Known::read(env).await;
    let last = env.until_done(|| env.ports.journal.last(env.partition)).await;
    let last = last.ok_or(Exit::refuse("the journal has no first record: run `earmark setup`"))?;
    let end = env.decode(&last)?;
    if let Some(why) = verdict::of_others(&end.header, env.partition, env.partitions) {
        return Err(Exit::Refused(why));
    }
    if let Some(why) = lost_tail(known.positions(), end.position(last.sequence)) {
        return Err(refuse(env, &why));
    }
    let mut fold = Fold::begin(env, &end, last.sequence, known, trust_snapshot).await?;
    fold.reach(last.sequence).await?;
    let backlog = backlog::find(env, &fold.state).await?;
    fold.spoken.note(last.sequence, &last.record);
    Ok(fold.finish(backlog, end.entries.last() == Some(&Entry::Left)))
}

/// Moves the snapshot on by records that the journal may have lost.
pub(super) async fn keep(env: &Env, tail: &Tail) -> Result<(), Exit> {
    let found = env.until_done(|| env.ports.snapshots.state(env.partition)).await;
    let (position, bytes) = found.ok_or(Exit::SnapshotLost)?;
    let state = PartitionState::decode(&bytes).ok_or(Exit::SnapshotLost)?;
    let mut fold = Fold::from(env, state, position);
    let entry = |(sequence, record): (u64, &Bytes)| JournalEntry {
        sequence,
        at: Timestamp::default(),
        record: record.clone(),
    };
    fold.page(tail.iter().map(entry).collect()).await?;
    fold.snapshot().await
}

/// What other stores know of a partition's journal.
struct Known {
    committed: Option<Position>,
    snapshot: Option<(Position, Bytes)>,
}

impl Known {
    async fn read(env: &Env) -> Known {
        Known {
            committed: env.until_done(|| env.ports.snapshots.committed(env.partition)).await,
            snapshot: env.until_done(|| env.ports.snapshots.state(env.partition)).await,
        }
    }

    fn positions(&self) -> impl Iterator<Item = Position> + Clone {
        let snapshot = self.snapshot.as_ref().map(|(position, _)| *position);
        self.committed.into_iter().chain(snapshot)
    }
}

struct Fold<'a> {
    env: &'a Env,
    state: PartitionState,
    registry: Registry,
    dues: Dues,
    stepping: Vec<EntityKey>,
    snapshot_at: Position,
    tail: Tail,
    dirty: LinkedHashSet<EntityKey>,
    spoken: Spoken,
}

impl<'a> Fold<'a> {
    async fn begin(
        env: &'a Env,
        end: &Record,
        end_at: u64,
        known: Known,
        trust_snapshot: bool,
    ) -> Result<Fold<'a>, Exit> {
        if trust_snapshot
            && let Some((position, bytes)) = &known.snapshot
            && let Some(state) = PartitionState::decode(bytes)
            && position.incarnation <= end.header.incarnation
            && state.position() == *position
            && env.is_in_journal(state.last).await
        {
            return Ok(Fold::from(env, state, *position));
        }
        let (state, position) = Fold::without_snapshot(env, end, end_at, known).await?;
        Ok(Fold::from(env, state, position))
    }

    /// From the newest archive that fits, or from the journal's beginning.
    async fn without_snapshot(
        env: &Env,
        end: &Record,
        end_at: u64,
        known: Known,
    ) -> Result<(PartitionState, Position), Exit> {
        let end_at = end.position(end_at);
        let archives = restoring::archives(env).await;
        let archived: Vec<Position> = archives.iter().map(|archive| archive.begun).collect();
        if let Some(why) = lost_tail(archived.iter().copied(), end_at) {
            return Err(env.ends_before(end_at, &why).await);
        }
        // A journal that only begins has nothing to recover, and nobody has written a snapshot.
        if !matches!(Begins::with(end_at.sequence, end), Begins::Genesis(_)) {
            if let Some(restored) = restoring::newest(env, archives, end_at).await? {
                return Ok(restored);
            }
            crate::telemetry::recovery_from_genesis(env.partition);
        }
        beginning(env, known.positions().chain(archived), end_at).await
    }

    fn from(env: &'a Env, state: PartitionState, snapshot_at: Position) -> Fold<'a> {
        Fold {
            env,
            state,
            registry: Registry::default(),
            dues: Dues::default(),
            stepping: Vec::new(),
            snapshot_at,
            tail: Tail::default(),
            dirty: LinkedHashSet::new(),
            spoken: Spoken::default(),
        }
    }

    async fn reach(&mut self, end: u64) -> Result<(), Exit> {
        while self.state.last.sequence < end {
            let after = self.state.last.sequence;
            let env = self.env;
            let page = env.until_done(|| env.ports.journal.read(env.partition, after)).await;
            if page.is_empty() {
                return Err(Exit::refuse(format!("the journal ends before its record {end}")));
            }
            self.page(page).await?;
            let tail = &self.tail;
            if tail.len() >= env.bounds.snapshot_every_records || tail.entries() >= ENTRIES_MAX {
                self.snapshot().await?;
            }
        }
        Ok(())
    }

    async fn page(&mut self, page: Vec<JournalEntry>) -> Result<(), Exit> {
        let mut facts: BTreeMap<EntityKey, Vec<FoldedFacts>> = BTreeMap::new();
        for entry in page {
            let record = self.env.decode(&entry)?;
            follow(&mut self.state, &record, &entry)?;
            self.spoken.note(entry.sequence, &entry.record);
            if let Some(archive) = reseeded_from(&record) {
                let anew = restoring::reseeded(self.env, &entry, &record, archive).await?;
                let spoken = std::mem::take(&mut self.spoken);
                *self = Fold { spoken, ..Fold::from(self.env, anew.0, anew.1) };
                facts.clear();
                continue;
            }
            self.tail.push(entry.sequence, entry.record, record.header.entries);
            for entry_of in record.entries {
                self.state.note(&entry_of);
                let Entry::Decided(decided) = entry_of else { continue };
                if !decided.facts.is_empty() {
                    let fact = (entry.sequence, record.header.decided_at, decided.facts);
                    add(facts.entry(decided.entity).or_default(), fact);
                }
            }
        }
        self.load(facts.keys()).await?;
        for (key, records) in facts {
            let change = self.registry.fold(&key, records).await.map_err(Exit::breach)?;
            self.dues.set(&key, &change.dues);
            if change.steps_left {
                self.stepping.push(key.clone());
            }
            if change.parts {
                self.dirty.insert(key);
            }
        }
        Ok(())
    }

    async fn load(&mut self, keys: impl Iterator<Item = &EntityKey>) -> Result<(), Exit> {
        let cold: Vec<EntityKey> = keys.filter(|key| !self.registry.holds(key)).cloned().collect();
        for keys in cold.chunks(self.env.bounds.load_entities_max) {
            let env = self.env;
            let load = || env.ports.snapshots.load(env.partition, self.snapshot_at, keys);
            let stored = match env.until_done(load).await {
                At::Here(stored) => stored,
                At::Elsewhere(found) => return Err(Exit::elsewhere(self.snapshot_at, found)),
            };
            for (key, stored) in keys.iter().zip(stored) {
                self.registry.spawn(key, stored).map_err(|_| Exit::SnapshotLost)?;
            }
        }
        Ok(())
    }

    /// Writes what has changed, so that entities can be passivated on the way.
    async fn snapshot(&mut self) -> Result<(), Exit> {
        let (env, to) = (self.env, self.state.position());
        let dirty = std::mem::take(&mut self.dirty);
        let changes = self.registry.take_changed(dirty).await.map_err(Exit::breach)?;
        let delta = Delta {
            from: self.snapshot_at,
            to,
            state: self.state.encode().into(),
            changes: Gathered::new(changes).folded_to(to.sequence).changes,
        };
        match env.until_done(|| env.ports.snapshots.advance(env.partition, &delta)).await {
            At::Here(()) => self.snapshot_at = to,
            At::Elsewhere(found) => return Err(Exit::elsewhere(self.snapshot_at, found)),
        }
        self.tail.let_go(to.sequence);
        self.registry.passivate(env.live_entities_max(), |_| false, &mut self.dues);
        Ok(())
    }

    fn finish(self, backlog: Backlog, left: bool) -> Recovered {
        Recovered {
            state: self.state,
            registry: self.registry,
            dues: self.dues,
            stepping: self.stepping,
            snapshot: (self.snapshot_at, self.tail),
            dirty: self.dirty,
            backlog,
            spoken: self.spoken,
            left,
        }
    }
}

/// The facts of one record for one entity: the record's sequence, its time, and the facts.
pub(super) type FoldedFacts = (u64, Timestamp, Facts);

/// Gathers an entity's facts from the entries of the record at `sequence`.
pub(super) fn gather(
    records: &mut Vec<FoldedFacts>,
    entity: &EntityKey,
    sequence: u64,
    at: Timestamp,
    entries: &[Entry],
) {
    for entry in entries {
        if let Entry::Decided(decided) = entry
            && decided.entity == *entity
        {
            add(records, (sequence, at, decided.facts.clone()));
        }
    }
}

/// Facts of one record come as one list, so that a record is folded whole or not at all.
fn add(records: &mut Vec<FoldedFacts>, (sequence, at, facts): FoldedFacts) {
    match records.last_mut() {
        Some((last, _, gathered)) if *last == sequence => match (gathered, facts) {
            (Facts::Sku(gathered), Facts::Sku(more)) => gathered.extend(more),
            (Facts::Order(gathered), Facts::Order(more)) => gathered.extend(more),
            (Facts::Sku(_), Facts::Order(_)) | (Facts::Order(_), Facts::Sku(_)) => {}
        },
        _ => records.push((sequence, at, facts)),
    }
}

/// Goes on by a record, if it is the next link of the chain.
fn follow(state: &mut PartitionState, record: &Record, entry: &JournalEntry) -> Result<(), Exit> {
    if record.header.previous != Some(state.last) {
        let claimed = record.header.previous.map_or("none".to_owned(), |link| link.to_string());
        return Err(Exit::refuse(format!(
            "journal record {} follows {claimed}, but the record before it is {}: JetStream \
             lost or changed acknowledged writes",
            entry.sequence, state.last
        )));
    }
    let link = Link { sequence: entry.sequence, hash: RecordHash::of(&entry.record) };
    state.follow(&record.header, link);
    Ok(())
}

/// The snapshot at the journal's first record, and what is known there.
async fn beginning(
    env: &Env,
    known: impl Iterator<Item = Position> + Clone,
    end: Position,
) -> Result<(PartitionState, Position), Exit> {
    let page = env.until_done(|| env.ports.journal.read(env.partition, 0)).await;
    let first = page.first().ok_or(Exit::refuse("the journal has no first record"))?;
    let record = env.decode(first)?;
    if let Some(archive) = reseeded_from(&record) {
        return restoring::reseeded(env, first, &record, archive).await;
    }
    let begins = Begins::with(first.sequence, &record);
    if !begins.is_a_beginning()
        && let Some((entry, record)) = last_reseeded(env).await?
    {
        let archive = reseeded_from(&record).unwrap_or_default();
        return restoring::reseeded(env, &entry, &record, archive).await;
    }
    let base = verdict::base(known, (begins, end), Fits::default());
    base.map_err(|why| refuse(env, &why))?;
    let mut state = PartitionState::default();
    let link = Link { sequence: first.sequence, hash: RecordHash::of(&first.record) };
    state.follow(&record.header, link);
    let genesis = state.position();
    let bytes = state.encode();
    let reset = || env.ports.snapshots.reset(env.partition, genesis, bytes.clone().into());
    env.until_done(reset).await;
    Ok((state, genesis))
}

/// The last record that begins the partition anew: what is before it does not count.
async fn last_reseeded(env: &Env) -> Result<Option<(JournalEntry, Record)>, Exit> {
    let (mut after, mut found) = (0, None);
    loop {
        let page = env.until_done(|| env.ports.journal.read(env.partition, after)).await;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.sequence;
        for entry in page {
            let record = env.decode(&entry)?;
            if reseeded_from(&record).is_some() {
                found = Some((entry, record));
            }
        }
    }
}
