//! The world outside the pods: logs, a key-value store, time and chance, all in one place and all
//! driven by one seed. What a real server may do wrong, this one does on purpose.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use bytes::Bytes;
use earmark::{
    domain::{DueClock, ids::EntityKey, time::Timestamp},
    ports::{Outgoing, Partition, Position},
};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::{case::Case, oracles::Oracle, shoppers::Used};

/// When the simulated day begins.
pub const DAY_ONE: Timestamp = Timestamp(1_795_000_000_000_000);

/// A message in a simulated stream.
#[derive(Clone, Debug)]
pub struct Stored {
    pub sequence: u64,
    pub at: Timestamp,
    pub subject: String,
    pub id: Option<String>,
    pub payload: Bytes,
}

/// A simulated stream.
#[derive(Debug)]
pub struct Stream {
    pub created: Timestamp,
    pub first: u64,
    pub last: u64,
    pub messages: BTreeMap<u64, Stored>,
    /// What was purged, for the checks.
    pub purged: BTreeMap<u64, Stored>,
    /// What those had purged whose place it took, for the checks.
    pub purged_before: Vec<Stored>,
    /// How many messages it has taken in all.
    pub appended: u64,
    /// How often the stream's server went and came back with less than it had.
    pub outages: u64,
    /// The last sequence of each subject.
    last_of: BTreeMap<String, u64>,
    /// The server's memory of ids, which forgets.
    known: HashMap<String, (u64, Timestamp)>,
}

/// How long the simulated server remembers a message's id.
const DUPLICATE_WINDOW: i64 = 30_000_000;

impl Stream {
    fn new() -> Stream {
        Stream {
            created: DAY_ONE,
            first: 1,
            last: 0,
            messages: BTreeMap::new(),
            purged: BTreeMap::new(),
            purged_before: Vec::new(),
            appended: 0,
            outages: 0,
            last_of: BTreeMap::new(),
            known: HashMap::new(),
        }
    }

    /// Appends; a known id is a duplicate and gets the first one's sequence.
    pub fn append(
        &mut self,
        at: Timestamp,
        subject: &str,
        id: Option<String>,
        payload: Bytes,
    ) -> (u64, bool) {
        if let Some(id) = &id
            && let Some((sequence, seen)) = self.known.get(id)
            && at.0 - seen.0 < DUPLICATE_WINDOW
        {
            return (*sequence, true);
        }
        if let Some(id) = &id {
            self.known.insert(id.clone(), (self.last + 1, at));
        }
        (self.append_again(at, subject, id, payload), false)
    }

    /// Appends, whether its id is known or not.
    pub fn append_again(
        &mut self,
        at: Timestamp,
        subject: &str,
        id: Option<String>,
        payload: Bytes,
    ) -> u64 {
        self.last += 1;
        self.appended += 1;
        let subject = subject.to_owned();
        self.last_of.insert(subject.clone(), self.last);
        self.messages.insert(self.last, Stored { sequence: self.last, at, subject, id, payload });
        self.last
    }

    /// Loses its last `count` messages, as if they had never been acknowledged.
    pub fn lose_tail(&mut self, count: usize) -> Vec<Stored> {
        let mut lost = Vec::new();
        self.outages += 1;
        for _ in 0..count {
            let Some((sequence, message)) = self.messages.pop_last() else { break };
            if let Some(id) = &message.id {
                self.known.remove(id);
            }
            self.last = sequence - 1;
            lost.push(message);
        }
        self.last_of.clear();
        for message in self.messages.values() {
            self.last_of.insert(message.subject.clone(), message.sequence);
        }
        lost
    }

    /// Loses `count` messages, the last of which is `back` messages before the end.
    pub fn lose_block(&mut self, count: usize, back: usize) -> Vec<Stored> {
        let block = self.messages.keys().rev().skip(back).take(count).copied();
        let block: Vec<u64> = block.filter(|sequence| *sequence < self.last).collect();
        let lost = block.iter().filter_map(|sequence| self.messages.remove(sequence)).collect();
        self.first = self.messages.keys().next().copied().unwrap_or(self.last + 1);
        lost
    }

    /// Another stream of the same name takes its place, and has nothing.
    pub fn begin_anew(&mut self, at: Timestamp) -> Vec<Stored> {
        let before = std::mem::replace(self, Stream::new());
        self.created = at;
        self.purged_before = before.purged_before;
        self.purged_before.extend(before.purged.into_values());
        self.appended = before.appended;
        self.outages = before.outages + 1;
        before.messages.into_values().collect()
    }

    /// All that it took and did not lose, and those whose place it took.
    pub fn taken(&self) -> impl Iterator<Item = &Stored> {
        let now = self.purged.values().chain(self.messages.values());
        self.purged_before.iter().chain(now)
    }

    /// Forgets all ids, as after an outage that was longer than the server remembers.
    pub fn forget_ids(&mut self) {
        self.known.clear();
    }

    /// The last sequence of a subject; 0 if it has none.
    pub fn last_of(&self, subject: &str) -> u64 {
        self.last_of.get(subject).copied().unwrap_or(0)
    }

    pub fn purge(&mut self, below: u64) {
        let kept = self.messages.split_off(&below);
        self.purged.append(&mut std::mem::replace(&mut self.messages, kept));
        self.first = self.first.max(below.min(self.last + 1));
    }

    pub fn purge_subject(&mut self, subject: &str, below: u64) {
        let gone = |stored: &Stored| stored.subject == subject && stored.sequence < below;
        let (gone, kept) =
            std::mem::take(&mut self.messages).into_iter().partition(|(_, m)| gone(m));
        self.messages = kept;
        self.purged.extend::<BTreeMap<u64, Stored>>(gone);
        self.first = self.messages.keys().next().copied().unwrap_or(self.last + 1);
    }
}

/// An entity as the simulated store has it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    pub folded_to: u64,
    pub parts: BTreeMap<String, Bytes>,
    pub dues: BTreeMap<DueClock, Timestamp>,
}

/// A partition's snapshot as the simulated store has it.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// Which snapshot it is: another after each that was begun anew.
    pub which: String,
    pub position: Option<Position>,
    pub state: Bytes,
    pub entities: BTreeMap<EntityKey, Kept>,
    pub committed: Option<Position>,
}

/// A snapshot that is being built.
#[derive(Clone, Debug, Default)]
pub struct Staged {
    pub shelf: Shelf,
    /// How often it was filled.
    pub fills: u64,
    /// What it had before it was filled last.
    pub before: BTreeMap<EntityKey, Kept>,
}

/// How often something happened.
pub type Tally = BTreeMap<String, u64>;

/// Everything outside the pods.
pub struct Outside {
    pub rng: ChaCha8Rng,
    pub input: Stream,
    pub commands: Stream,
    /// Commands for which a partition had no room.
    pub unsaid: Vec<Stored>,
    pub journal: Stream,
    pub out: Stream,
    pub availability: Stream,
    pub dead_letters: Stream,
    pub objects: BTreeMap<String, Bytes>,
    pub answers: Vec<(Timestamp, String, Bytes)>,
    pub store: BTreeMap<Partition, Shelf>,
    /// Snapshots that are being built, and nobody sees.
    pub staged: BTreeMap<Partition, Staged>,
    /// How often the store came back with less than it had, or as another one.
    pub life: u64,
    /// How many snapshots were begun.
    pub generations: u64,
    /// Archives, and when each object was put.
    pub archived: BTreeMap<String, (Timestamp, Bytes)>,
    pub store_away: bool,
    /// The chance, in a thousand, that an operation goes wrong.
    pub trouble: u32,
    pub tally: Tally,
    /// What was lost of EARMARK_IN, by sequence and payload.
    pub lost_input: Vec<Stored>,
    /// Orders that asked for holds, and of whose question nobody has heard.
    pub unheard: Vec<EntityKey>,
    /// What EARMARK_CMD takes: room is made by the partitions that read it.
    pub commands_max: usize,
    /// The partitions whose journal lost its tail, and where it has ended since.
    pub cut: BTreeMap<Partition, u64>,
    /// When it did.
    pub cut_at: Timestamp,
    /// Sequences of EARMARK_IN that were lost at least once.
    pub lost_sequences: BTreeSet<u64>,
    pub violations: Vec<String>,
    /// What was asked and answered.
    pub asked: Vec<super::asking::Asked>,
    /// What shoppers did with what they want, and what they were told.
    pub history: Vec<Used>,
    /// How many calls and answers there were.
    pub ticks: u64,
}

/// The world, shared by everyone in it.
#[derive(Clone)]
pub struct World {
    outside: Arc<Mutex<Outside>>,
    began: Instant,
    pub case: Arc<Case>,
}

impl World {
    pub fn new(case: Case) -> World {
        let outside = Outside {
            rng: ChaCha8Rng::seed_from_u64(case.seed),
            input: Stream::new(),
            commands: Stream::new(),
            unsaid: Vec::new(),
            journal: Stream::new(),
            out: Stream::new(),
            availability: Stream::new(),
            dead_letters: Stream::new(),
            objects: BTreeMap::new(),
            answers: Vec::new(),
            store: BTreeMap::new(),
            staged: BTreeMap::new(),
            life: 0,
            generations: 0,
            archived: BTreeMap::new(),
            store_away: false,
            trouble: 0,
            tally: Tally::new(),
            lost_input: Vec::new(),
            unheard: Vec::new(),
            commands_max: usize::MAX,
            cut: BTreeMap::new(),
            cut_at: Timestamp::default(),
            lost_sequences: BTreeSet::new(),
            violations: Vec::new(),
            asked: Vec::new(),
            history: Vec::new(),
            ticks: 0,
        };
        World {
            outside: Arc::new(Mutex::new(outside)),
            began: Instant::now(),
            case: Arc::new(case),
        }
    }

    /// Nobody waits while holding this.
    pub fn lock(&self) -> MutexGuard<'_, Outside> {
        self.outside.lock().expect("nobody panics while holding the world")
    }

    /// The servers' time.
    pub fn now(&self) -> Timestamp {
        Timestamp(DAY_ONE.0 + self.began.elapsed().as_micros() as i64)
    }

    /// Trouble comes with the configured chance.
    pub fn trouble(&self, kind: &str) -> bool {
        let mut outside = self.lock();
        let trouble = outside.trouble;
        let comes = trouble > 0 && outside.rng.random_range(0..1_000) < trouble;
        if comes {
            outside.count(&format!("fault: {kind}"));
        }
        comes
    }

    pub fn between(&self, low: u64, high: u64) -> u64 {
        self.lock().rng.random_range(low..high)
    }

    pub fn unique(&self) -> u128 {
        let mut outside = self.lock();
        (u128::from(outside.rng.next_u64()) << 64) | u128::from(outside.rng.next_u64())
    }

    pub fn count(&self, what: &str) {
        self.lock().count(what);
    }

    pub fn violation(&self, oracle: Oracle, what: impl Into<String>) {
        self.lock().violation(oracle, what);
    }
}

/// The subject of a partition's journal.
pub fn journal_subject(partition: Partition) -> String {
    format!("journal.{partition}")
}

impl Outside {
    /// A promise was broken.
    pub fn violation(&mut self, oracle: Oracle, what: impl Into<String>) {
        self.violations.push(format!("{oracle}: {}", what.into()));
    }

    /// How often a server went and came back that takes effects.
    pub fn outages(&self) -> u64 {
        self.out.outages + self.availability.outages
    }

    /// The name of a snapshot that is begun.
    pub fn another_generation(&mut self) -> String {
        self.generations += 1;
        format!("generation {}", self.generations)
    }

    pub fn is_full_of_commands(&self) -> bool {
        self.commands.messages.len() >= self.commands_max
    }

    /// EARMARK_IN had taken these, and has them no more: who published them does so again.
    pub fn lost(&mut self, lost: Vec<Stored>) {
        self.lost_sequences.extend(lost.iter().map(|stored| stored.sequence));
        self.lost_input.extend(lost);
    }

    /// There is no room for a command; somebody else may yet say it.
    pub fn unsaid(&mut self, at: Timestamp, message: &Outgoing) {
        let Outgoing { subject, id, payload, .. } = message.clone();
        self.unsaid.push(Stored { sequence: 0, at, subject, id, payload });
    }

    /// Whether as many messages wait for a partition as may.
    pub fn says_too_much(&self, subject: &str) -> bool {
        let waiting = self.commands.messages.values().filter(|stored| stored.subject == subject);
        waiting.count() >= self.commands_max / 3
    }

    /// The journal loses its last `count` records, if the store knows of each partition that loses
    /// some that it had more.
    pub fn cut_journal(&mut self, at: Timestamp, count: usize) -> bool {
        let kept = self.journal.messages.len().saturating_sub(count);
        let mut ends = BTreeMap::new();
        for stored in self.journal.messages.values().take(kept) {
            ends.insert(stored.subject.clone(), stored.sequence);
        }
        let mut cut = BTreeMap::new();
        for (partition, shelf) in &self.store {
            let subject = journal_subject(*partition);
            let end = ends.get(&subject).copied().unwrap_or(0);
            let known = shelf.committed.max(shelf.position).map_or(0, |known| known.sequence);
            match (self.journal.last_of(&subject) > end, known > end) {
                (true, true) => cut.insert(*partition, end),
                (true, false) => return false,
                (false, _) => None,
            };
        }
        self.journal.lose_tail(count);
        (self.cut, self.cut_at) = (cut, at);
        true
    }

    pub fn count(&mut self, what: &str) {
        *self.tally.entry(what.to_owned()).or_default() += 1;
    }
}
