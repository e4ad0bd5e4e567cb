//! The ports on the simulated world. Each belongs to one pod: a dead pod's calls never return, what
//! it had put on the wire still arrives, and a frozen pod's calls wait until it thaws.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    archive::ArchivePorts,
    contract::availability::revision_shown,
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    partition::{Ports, effects::sequence_of_id},
    ports::{
        AppendError, At, Clock, Cursor, Delta, Extent, Input, Journal, JournalEntry, LogMessage,
        Loss, Needed, Opened, Outbox, Outgoing, Outlet, Partition, PortError, Position, Read,
        Reader, Room, SendError, Sent, Snapshots, Source, StoredEntity,
    },
};
use tokio::sync::{Semaphore, watch};

use super::{
    oracles::Oracle,
    turns::Turns,
    world::{Kept, Outside, Stored, World, journal_subject},
};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(400);

/// The largest message that a stream takes.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// How a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Running,
    Frozen,
    Dead,
}

/// A pod's view of the world.
#[derive(Clone)]
pub struct PodView {
    pub world: World,
    pub health: watch::Receiver<Health>,
    pub skew_micros: Arc<AtomicI64>,
    /// How many times slower its connections are than they should be.
    pub slowness: Arc<AtomicU64>,
    /// What it has loaded: what it loads again was passivated in between.
    pub loaded: Arc<Mutex<BTreeSet<(Partition, EntityKey)>>>,
    /// Whether it archives.
    pub archives: bool,
    /// Its partitions archive one after another.
    pub turn: Arc<Semaphore>,
    /// In which order it lets effects leave.
    pub turns: Arc<Mutex<Turns>>,
}

impl PodView {
    /// The view of somebody who is not a pod.
    pub fn somebody(world: &World) -> PodView {
        PodView {
            world: world.clone(),
            health: watch::channel(Health::Running).1,
            skew_micros: Arc::default(),
            slowness: Arc::new(AtomicU64::new(1)),
            loaded: Arc::default(),
            archives: true,
            turn: Arc::new(Semaphore::new(1)),
            turns: Arc::default(),
        }
    }

    /// The partition begins anew in this pod.
    pub fn begins_anew(&self, partition: Partition) {
        self.turns.lock().expect("nobody panics here").forget(partition);
        self.loaded.lock().expect("nobody panics here").retain(|(of, _)| *of != partition);
    }

    fn note_loaded(&self, partition: Partition, keys: &[EntityKey]) {
        let mut loaded = self.loaded.lock().expect("nobody panics here");
        for key in keys {
            if !loaded.insert((partition, key.clone())) {
                self.world.count("recovery: a passivated entity is loaded again");
            }
        }
    }

    pub fn ports(&self) -> Ports {
        Ports {
            input: Arc::new(self.clone()),
            journal: Arc::new(self.clone()),
            outbox: Arc::new(self.clone()),
            snapshots: Arc::new(self.clone()),
            archive: self.archives.then(|| ArchivePorts {
                turn: self.turn.clone(),
                ..ArchivePorts::new(Arc::new(self.clone()), Arc::new(self.clone()))
            }),
            clock: Arc::new(self.clone()),
        }
    }

    /// Goes on when the pod runs; never, once it is dead.
    async fn alive(&self) {
        // Not by waiting for a change: a watch wakes its waiters in an order of its own.
        loop {
            let health = *self.health.borrow();
            match health {
                Health::Running => return,
                Health::Frozen => tokio::time::sleep(Duration::from_millis(2)).await,
                Health::Dead => std::future::pending().await,
            }
        }
    }

    /// A message takes its time on the wire.
    async fn wire(&self) {
        let micros = self.world.between(50, 3_000) * self.slowness.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    /// A request and its way to the server.
    pub async fn request(&self) {
        self.alive().await;
        self.wire().await;
    }

    /// The answer's way back, or a fault instead of it.
    pub async fn reply<T>(&self, doing: &str, value: T) -> Result<T, PortError> {
        if self.world.trouble("an answer is lost") {
            tokio::time::sleep(PATIENCE).await;
            self.alive().await;
            return Err(PortError::new(doing, "no answer"));
        }
        self.wire().await;
        self.alive().await;
        Ok(value)
    }

    pub async fn store<T>(
        &self,
        doing: &str,
        change: impl FnOnce(&mut Outside) -> T,
    ) -> Result<T, PortError> {
        self.request().await;
        if self.world.lock().store_away {
            self.world.count("fault: the store is away");
            tokio::time::sleep(PATIENCE).await;
            self.alive().await;
            return Err(PortError::new(doing, "connection refused"));
        }
        let value = change(&mut self.world.lock());
        self.reply(doing, value).await
    }
}

impl Clock for PodView {
    fn now(&self) -> Timestamp {
        Timestamp(self.world.now().0 + self.skew_micros.load(Ordering::Relaxed))
    }

    fn unique(&self) -> u128 {
        self.world.unique()
    }
}

// === input ===

fn stream_of(outside: &Outside, source: Source) -> &super::world::Stream {
    match source {
        Source::Commands => &outside.commands,
        Source::Lane(_) => &outside.input,
    }
}

/// Where a stream ended that lost its tail and was filled again: what stands at the cursor is newer.
fn refilled(stream: &super::world::Stream, cursor: Cursor) -> Option<u64> {
    let newer = |stored: &&Stored| stored.at > cursor.at;
    if cursor.at == Timestamp::default() {
        return None;
    }
    stream.messages.get(&cursor.sequence).filter(newer)?;
    stream.messages.values().find(newer).map(|stored| stored.sequence - 1)
}

/// Where a reader stands that was asked to stand after a cursor, and what was lost before that.
fn stand(stream: &super::world::Stream, source: Source, after: Cursor) -> (Cursor, Option<Loss>) {
    let created = stream.created;
    if after.created == Timestamp::default() {
        return (Cursor { created, ..after }, None);
    }
    if after.created != created {
        let loss = Loss::OtherStream { remembered: after.created, found: created };
        return (Cursor { created, ..Cursor::default() }, Some(loss));
    }
    let (cursor, first) = (after.sequence, stream.first);
    let end = match stream.last < cursor {
        true => Some(stream.last),
        false => refilled(stream, after),
    };
    let (sequence, loss) = match end {
        Some(end) => (end, Some(Loss::EndBeforeCursor { cursor, end })),
        None if first > cursor + 1 && source != Source::Commands => {
            (first - 1, Some(Loss::FirstAfterCursor { cursor, first }))
        }
        None => (cursor, None),
    };
    (Cursor { sequence, ..after }, loss)
}

/// The beginning of the subjects of a source.
fn subjects(partition: Partition, source: Source) -> String {
    match source {
        Source::Commands => format!("earmark.cmd.{partition}"),
        Source::Lane(lane) => format!("earmark.p.{partition}.{}.", lane.as_str()),
    }
}

fn matches(subject: &str, wanted: &str) -> bool {
    match wanted.ends_with('.') {
        true => subject.starts_with(wanted),
        false => subject == wanted,
    }
}

fn message(stored: &Stored) -> LogMessage {
    LogMessage {
        sequence: stored.sequence,
        at: stored.at,
        subject: stored.subject.clone(),
        payload: stored.payload.clone(),
    }
}

/// How long a reader waits for what it does not find, each time anew, in milliseconds.
const LOOKS: [u64; 6] = [5, 5, 10, 20, 30, 30];

struct SimReader {
    pod: PodView,
    source: Source,
    subjects: String,
    cursor: Cursor,
    /// Up to here nothing more was found, unless the server went and came back since.
    looked: (u64, u64),
}

#[async_trait]
impl Reader for SimReader {
    async fn read(&mut self, max: usize) -> Result<Read, PortError> {
        self.pod.alive().await;
        if self.pod.world.trouble("a reader fails") {
            return Err(PortError::new("read", "consumer deleted"));
        }
        if self.pod.world.trouble("a reader stalls") {
            tokio::time::sleep(Duration::from_millis(800)).await;
        }
        for pause in LOOKS {
            self.pod.wire().await;
            self.pod.alive().await;
            if let Some(messages) = self.look(max)? {
                return Ok(Read::Messages(messages));
            }
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        let world = self.pod.world.clone();
        let outside = world.lock();
        let stream = stream_of(&outside, self.source);
        let (end, at) = (stream.last, world.now());
        drop(outside);
        if let Some(messages) = self.look(max)? {
            return Ok(Read::Messages(messages));
        }
        self.cursor.sequence = self.cursor.sequence.max(end);
        self.cursor.at = at;
        Ok(Read::Drained(self.cursor))
    }
}

impl SimReader {
    fn look(&mut self, max: usize) -> Result<Option<Vec<LogMessage>>, PortError> {
        let outside = self.pod.world.lock();
        let stream = stream_of(&outside, self.source);
        if stream.created != self.cursor.created {
            return Err(PortError::new("read", "it is another stream"));
        }
        if stream.last < self.cursor.sequence || refilled(stream, self.cursor).is_some() {
            return Err(PortError::new("read", "the stream ends before the cursor"));
        }
        let (outages, looked) = self.looked;
        let looked = if outages == stream.outages { looked } else { 0 };
        self.looked = (stream.outages, stream.last);
        let found: Vec<LogMessage> = stream
            .messages
            .range(self.cursor.sequence.max(looked) + 1..)
            .filter(|(_, stored)| matches(&stored.subject, &self.subjects))
            .take(max)
            .map(|(_, stored)| message(stored))
            .collect();
        let Some(last) = found.last() else { return Ok(None) };
        self.cursor.sequence = last.sequence;
        self.cursor.at = last.at;
        self.looked = (stream.outages, last.sequence);
        Ok(Some(found))
    }
}

#[async_trait]
impl Input for PodView {
    async fn open(
        &self,
        partition: Partition,
        source: Source,
        after: Cursor,
    ) -> Result<Opened, PortError> {
        self.request().await;
        let (cursor, loss) = stand(stream_of(&self.world.lock(), source), source, after);
        let subjects = subjects(partition, source);
        let reader =
            Box::new(SimReader { pod: self.clone(), source, subjects, cursor, looked: (0, 0) });
        self.reply("open a reader", Opened { reader, cursor, loss }).await
    }

    async fn fetch(&self, source: Source, sequence: u64) -> Result<Option<LogMessage>, PortError> {
        self.request().await;
        let found = stream_of(&self.world.lock(), source).messages.get(&sequence).map(message);
        self.reply("fetch a message", found).await
    }

    async fn purge_lanes(&self, needed: Needed) -> Result<(), PortError> {
        self.request().await;
        let (extent, before) = {
            let outside = self.world.lock();
            let input = &outside.input;
            let (created, first, last) = (input.created, input.first, input.last);
            (Extent { created, first, last }, input.messages.len())
        };
        if let Err(refused) = extent.may_forget_all_but(needed) {
            self.world.count("purged: refused");
            return Err(refused);
        }
        self.world.lock().input.purge(needed.from);
        if self.world.lock().input.messages.len() < before {
            self.world.count("purged: events");
        }
        self.reply("purge", ()).await
    }

    async fn purge_commands(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        self.request().await;
        self.world.lock().commands.purge_subject(&subjects(partition, Source::Commands), below);
        self.reply("purge", ()).await
    }

    async fn server_time(&self) -> Result<Timestamp, PortError> {
        Ok(self.world.now())
    }
}

// === journal ===

impl PodView {
    fn append_now(&self, partition: Partition, after: u64, record: Bytes) -> Option<u64> {
        let now = self.world.now();
        let mut outside = self.world.lock();
        let subject = journal_subject(partition);
        if outside.journal.last_of(&subject) != after {
            outside.count("journal: an append was refused");
            return None;
        }
        if outside.cut.contains_key(&partition) {
            let what = format!("partition {partition} goes on behind its loss");
            outside.violation(Oracle::Loss, what);
        }
        Some(outside.journal.append(now, &subject, None, record).0)
    }
}

#[async_trait]
impl Journal for PodView {
    async fn append(
        &self,
        partition: Partition,
        after: u64,
        record: Bytes,
    ) -> Result<u64, AppendError> {
        self.alive().await;
        if record.len() > MESSAGE_BYTES_MAX {
            return Err(AppendError::TooLarge(format!("{} bytes", record.len())));
        }
        let lost = || AppendError::Unknown("no answer".to_owned());
        if self.world.trouble("an append is lost") {
            tokio::time::sleep(PATIENCE).await;
            self.alive().await;
            return Err(lost());
        }
        if self.world.trouble("an append arrives late") {
            let pod = self.clone();
            let outages = self.world.lock().journal.outages;
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE * 3).await;
                // A server that goes takes its connections along.
                if pod.world.lock().journal.outages == outages {
                    pod.append_now(partition, after, record);
                }
            });
            tokio::time::sleep(PATIENCE).await;
            self.alive().await;
            return Err(lost());
        }
        if self.world.trouble("the journal is full") {
            return Err(AppendError::Full("maximum bytes exceeded".to_owned()));
        }
        // What is on the wire arrives, whatever becomes of the pod.
        self.wire().await;
        let result = self.append_now(partition, after, record.clone());
        if self.world.trouble("an append arrives twice") {
            self.append_now(partition, after, record);
        }
        if self.world.trouble("an append's answer is lost") {
            tokio::time::sleep(PATIENCE).await;
            self.alive().await;
            return Err(lost());
        }
        self.wire().await;
        self.alive().await;
        result.ok_or(AppendError::Refused)
    }

    async fn last(&self, partition: Partition) -> Result<Option<JournalEntry>, PortError> {
        self.request().await;
        let entry = {
            let outside = self.world.lock();
            let last = outside.journal.last_of(&journal_subject(partition));
            outside.journal.messages.get(&last).map(entry)
        };
        self.reply("read the last record", entry).await
    }

    async fn read(&self, partition: Partition, after: u64) -> Result<Vec<JournalEntry>, PortError> {
        self.request().await;
        let subject = journal_subject(partition);
        let page = {
            let outside = self.world.lock();
            let records = outside.journal.messages.range(after + 1..);
            let own = records.filter(|(_, stored)| stored.subject == subject);
            own.take(64).map(|(_, stored)| entry(stored)).collect()
        };
        self.reply("read the journal", page).await
    }

    async fn purge(&self, partition: Partition, below: u64) -> Result<(), PortError> {
        self.request().await;
        {
            let mut outside = self.world.lock();
            let subject = journal_subject(partition);
            let last = outside.journal.last_of(&subject);
            outside.journal.purge_subject(&subject, below.min(last));
        }
        self.reply("purge the journal", ()).await
    }

    async fn room(&self) -> Result<Room, PortError> {
        let bytes = {
            let outside = self.world.lock();
            outside.journal.messages.values().map(|of| of.payload.len() as u64).sum()
        };
        self.reply("measure the journal", Room { bytes, bytes_max: None }).await
    }
}

fn entry(stored: &Stored) -> JournalEntry {
    JournalEntry { sequence: stored.sequence, at: stored.at, record: stored.payload.clone() }
}

// === outbox ===

impl PodView {
    fn send_now(&self, message: &Outgoing) -> Result<Sent, SendError> {
        if message.payload.len() > MESSAGE_BYTES_MAX {
            return Err(SendError::TooLarge(format!("{} bytes", message.payload.len())));
        }
        let now = self.world.now();
        let mut outside = self.world.lock();
        if let Some(id) = &message.id
            && !is_committed(&outside, id)
            && outside.cut.is_empty()
        {
            outside.violation(Oracle::Early, format!("{id} left before its record was committed"));
        }
        if message.outlet == Outlet::Commands && outside.is_full_of_commands() {
            outside.count("fault: EARMARK_CMD is full");
            return Err(SendError::Later("maximum messages exceeded".to_owned()));
        }
        if message.outlet == Outlet::Commands && outside.says_too_much(&message.subject) {
            outside.count("fault: a partition has too many commands to read");
            outside.unsaid(now, message);
            return Err(SendError::SubjectFull("maximum messages per subject".to_owned()));
        }
        if message.outlet == Outlet::Availability && is_shown_already(&outside, message) {
            let what = format!("{} goes back: {:?}", message.subject, message.payload);
            outside.violation(Oracle::Shown, what);
        }
        let stream = match message.outlet {
            Outlet::Out => &mut outside.out,
            Outlet::Commands => &mut outside.commands,
            Outlet::Availability => &mut outside.availability,
            Outlet::DeadLetters => &mut outside.dead_letters,
        };
        if let Some(after) = message.after
            && stream.last_of(&message.subject) != after
        {
            return Err(SendError::Refused);
        }
        let (id, payload) = (message.id.clone(), message.payload.clone());
        let (sequence, duplicate) = match message.outlet {
            Outlet::Commands => (stream.append_again(now, &message.subject, id, payload), false),
            _ => stream.append(now, &message.subject, id, payload),
        };
        Ok(Sent { sequence, duplicate })
    }

    /// Somebody who was frozen over it sends it, too, whenever that is; nobody hears what became of
    /// it.
    fn send_later(&self, message: Outgoing) {
        let pod = self.clone();
        let after = Duration::from_millis(self.world.between(500, 8_000));
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _ = pod.send_now(&message);
        });
    }
}

/// Whether what stands there of a SKU is newer, and would be replaced.
fn is_shown_already(outside: &Outside, message: &Outgoing) -> bool {
    let last = outside.availability.last_of(&message.subject);
    let there = outside.availability.messages.get(&last).map(|stored| &stored.payload);
    let there = there.and_then(|payload| revision_shown(payload));
    message.after.is_none_or(|after| after == last) && there > revision_shown(&message.payload)
}

/// Whether the record of an effect stands in the journal, where its partition wrote it.
pub fn is_committed(outside: &Outside, id: &str) -> bool {
    let partition = id.split('-').nth(1).unwrap_or_default();
    sequence_of_id(id)
        .and_then(|sequence| outside.journal.messages.get(&sequence))
        .is_some_and(|record| record.subject == format!("journal.{partition}"))
}

#[async_trait]
impl Outbox for PodView {
    async fn send(&self, messages: Vec<Outgoing>) -> Vec<Result<Sent, SendError>> {
        self.alive().await;
        let outages = self.world.lock().outages();
        if let Some(what) = self.turns.lock().expect("nobody panics here").sends(&messages) {
            self.world.violation(Oracle::Turn, what);
        }
        self.wire().await;
        let mut results = Vec::with_capacity(messages.len());
        let mut waited = false;
        for message in &messages {
            let lost = || Err(SendError::Later("no answer".to_owned()));
            if self.world.trouble("an effect is lost") {
                results.push(lost());
                waited = true;
                continue;
            }
            if message.outlet == Outlet::Commands && self.world.trouble("a command comes again") {
                self.send_later(message.clone());
            }
            let sent = self.send_now(message);
            if self.world.trouble("an effect's answer is lost") {
                results.push(lost());
                waited = true;
            } else {
                results.push(sent);
            }
        }
        if waited {
            tokio::time::sleep(PATIENCE).await;
        }
        self.wire().await;
        self.alive().await;
        // A server that goes takes its connections along.
        if self.world.lock().outages() != outages {
            return messages.iter().map(|_| Err(SendError::Later("reset".to_owned()))).collect();
        }
        let mut turns = self.turns.lock().expect("nobody panics here");
        let settled = |result: &Result<Sent, SendError>| match result {
            Ok(_) | Err(SendError::TooLarge(_) | SendError::SubjectFull(_)) => true,
            Err(SendError::Refused | SendError::Later(_)) => false,
        };
        let done = messages.iter().zip(&results).filter(|(_, result)| settled(result));
        done.for_each(|(message, _)| turns.done(message));
        results
    }

    async fn answer(&self, to: &str, payload: Bytes) -> Result<(), PortError> {
        self.alive().await;
        let now = self.world.now();
        self.world.lock().answers.push((now, to.to_owned(), payload));
        Ok(())
    }

    async fn out_holds(&self, sequence: u64, id: &str) -> Result<bool, PortError> {
        self.request().await;
        let holds = {
            let outside = self.world.lock();
            let found = outside.out.messages.get(&sequence);
            found.is_some_and(|stored| stored.id.as_deref() == Some(id))
        };
        self.reply("look up an outcome", holds).await
    }

    async fn ids(
        &self,
        outlet: Outlet,
        after: u64,
        prefix: &str,
    ) -> Result<Vec<(u64, String)>, PortError> {
        self.request().await;
        let ids = {
            let outside = self.world.lock();
            let stream = match outlet {
                Outlet::Commands => &outside.commands,
                _ => &outside.out,
            };
            let later = stream.messages.range(after + 1..);
            later
                .filter_map(|(sequence, stored)| Some((*sequence, stored.id.clone()?)))
                .filter(|(_, id)| id.starts_with(prefix))
                .collect()
        };
        self.reply("read the ids in EARMARK_OUT", ids).await
    }

    async fn last_availability(&self, subject: &str) -> Result<Option<(u64, Bytes)>, PortError> {
        self.request().await;
        let last = {
            let outside = self.world.lock();
            let last = outside.availability.last_of(subject);
            outside.availability.messages.get(&last).map(|stored| (last, stored.payload.clone()))
        };
        self.reply("read an availability", last).await
    }

    async fn put_object(&self, name: &str, bytes: Bytes) -> Result<(), PortError> {
        self.request().await;
        self.world.lock().objects.insert(name.to_owned(), bytes);
        self.reply("put an object", ()).await
    }
}

// === snapshots ===

fn here<T>(
    outside: &Outside,
    partition: Partition,
    at: Position,
    value: impl FnOnce(&super::world::Shelf) -> T,
) -> At<T> {
    match outside.store.get(&partition) {
        Some(shelf) if shelf.position == Some(at) => At::Here(value(shelf)),
        shelf => At::Elsewhere(shelf.and_then(|shelf| shelf.position)),
    }
}

fn accept(outside: &mut Outside, partition: Partition, delta: &Delta) -> At<()> {
    let shelf = outside.store.entry(partition).or_default();
    if shelf.position == Some(delta.to) {
        return At::Here(());
    }
    if shelf.position != Some(delta.from) {
        return At::Elsewhere(shelf.position);
    }
    shelf.position = Some(delta.to);
    shelf.state = delta.state.clone();
    for change in &delta.changes {
        let kept = shelf.entities.entry(change.key.clone()).or_default();
        kept.folded_to = change.folded_to;
        for (name, part) in &change.parts {
            match part {
                Some(part) => kept.parts.insert(name.clone(), part.clone()),
                None => kept.parts.remove(name),
            };
        }
        for (clock, at) in change.dues {
            match at {
                Some(at) => kept.dues.insert(clock, at),
                None => kept.dues.remove(&clock),
            };
        }
        if kept.parts.is_empty() {
            shelf.entities.remove(&change.key);
        }
    }
    At::Here(())
}

fn stored(kept: &Kept) -> StoredEntity {
    StoredEntity {
        folded_to: kept.folded_to,
        parts: kept.parts.iter().map(|(name, part)| (name.clone(), part.clone())).collect(),
    }
}

#[async_trait]
impl Snapshots for PodView {
    async fn state(&self, partition: Partition) -> Result<Option<(Position, Bytes)>, PortError> {
        self.store("read a snapshot", |outside| {
            let shelf = outside.store.get(&partition)?;
            Some((shelf.position?, shelf.state.clone()))
        })
        .await
    }

    async fn load(
        &self,
        partition: Partition,
        at: Position,
        keys: &[EntityKey],
    ) -> Result<At<Vec<Option<StoredEntity>>>, PortError> {
        let loaded = self
            .store("load entities", |outside| {
                here(outside, partition, at, |shelf| {
                    keys.iter().map(|key| shelf.entities.get(key).map(stored)).collect()
                })
            })
            .await?;
        if matches!(loaded, At::Here(_)) {
            self.note_loaded(partition, keys);
        }
        Ok(loaded)
    }

    async fn advance(&self, partition: Partition, delta: &Delta) -> Result<At<()>, PortError> {
        self.store("advance a snapshot", |outside| accept(outside, partition, delta)).await
    }

    async fn reset(
        &self,
        partition: Partition,
        to: Position,
        state: Bytes,
    ) -> Result<(), PortError> {
        self.store("reset a snapshot", |outside| {
            outside.count("recovery: from the first record");
            let which = outside.another_generation();
            let shelf = outside.store.entry(partition).or_default();
            shelf.which = which;
            shelf.position = Some(to);
            shelf.state = state;
            shelf.entities.clear();
        })
        .await
    }

    async fn due(
        &self,
        partition: Partition,
        at: Position,
        clock: DueClock,
        before: Timestamp,
        limit: usize,
    ) -> Result<At<Vec<EntityKey>>, PortError> {
        let due: At<Vec<EntityKey>> = self
            .store("look for deadlines", |outside| {
                here(outside, partition, at, |shelf| {
                    let mut due: Vec<(Timestamp, &EntityKey)> = shelf
                        .entities
                        .iter()
                        .filter_map(|(key, kept)| Some((*kept.dues.get(&clock)?, key)))
                        .filter(|(due, _)| *due < before)
                        .collect();
                    due.sort();
                    due.into_iter().take(limit).map(|(_, key)| key.clone()).collect()
                })
            })
            .await?;
        if matches!(&due, At::Here(due) if !due.is_empty()) {
            self.world.count("recovery: deadlines are found in the store");
        }
        Ok(due)
    }

    async fn note_committed(
        &self,
        partition: Partition,
        position: Position,
    ) -> Result<(), PortError> {
        self.store("note a position", |outside| {
            let shelf = outside.store.entry(partition).or_default();
            shelf.committed = shelf.committed.max(Some(position));
        })
        .await
    }

    async fn committed(&self, partition: Partition) -> Result<Option<Position>, PortError> {
        self.store("read the committed mark", |outside| {
            outside.store.get(&partition).and_then(|shelf| shelf.committed)
        })
        .await
    }
}
