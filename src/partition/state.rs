//! What a partition knows beside its entities: a fold over its records, and part of its snapshot.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{
    books::Books,
    entry::{Decided, Entry, InHand, ReadAt, Trigger},
    record::{Header, Link, Released},
};
use crate::{
    domain::{
        decision::{Standing, Verdict},
        event::Lane,
        ids::EntityKey,
        time::Timestamp,
    },
    ports::{Cursor, Needed, Partition, Position, Source},
};

/// The version of the encoded form that this build writes.
const VERSION: u8 = 1;

/// How exactly it is known where parked events stand: what it costs to know must not grow with
/// their number.
const STRETCH: u64 = 1_024;

/// An input that waits for its entity: where to read it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// Where the message was read.
    pub read: ReadAt,
    /// Which of the message's inputs it is.
    pub index: u32,
}

/// How often a partition was taken over without getting further with something. What kills the
/// process stands still while all else goes on, so each thing has a count of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts<T> {
    /// Where it stood.
    pub at: T,
    /// How many take-overs in a row found it there.
    pub count: u32,
}

impl<T: PartialEq> Attempts<T> {
    fn again(&mut self, at: T) {
        let before = if self.at == at { self.count } else { 0 };
        *self = Attempts { at, count: before + 1 };
    }
}

/// More take-overs than any setting asks for.
const ENOUGH: u32 = u32::MAX - 1;

/// A partition beside its entities.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    /// How many partitions there are.
    pub partitions: Partition,
    /// Raised by each re-seed and restore.
    pub incarnation: u64,
    /// The last record.
    pub last: Link,
    /// The time of its decisions.
    pub decided_at: Timestamp,
    /// How far each source has been read.
    pub cursors: [Cursor; 5],
    /// How far effects have left.
    pub released: Released,
    /// The entities that decide no more, and why.
    pub quarantined: BTreeMap<EntityKey, String>,
    /// The inputs that wait for their entity, oldest first.
    pub waiting: BTreeMap<EntityKey, VecDeque<Waiting>>,
    /// Where in EARMARK_IN events stand that entities have parked: how many in each stretch of
    /// [`STRETCH`] sequences.
    pub parked: BTreeMap<u64, u32>,
    /// What all its SKUs come to.
    pub books: Books,
    /// How many waiting inputs have been decided, since the first record.
    pub waited_out: u64,
    /// The take-overs that found each source at the same cursor.
    pub attempts: [Attempts<Cursor>; 5],
    /// The take-overs that found the same inputs waiting, by `waited_out`.
    pub waiting_attempts: Attempts<u64>,
    /// What was about to be decided, alone, when the last record was written.
    pub in_hand: Option<InHand>,
    /// For each source, what was in hand at the last death at which something of it was. No
    /// snapshot has it: who forgets it waits for one death more.
    #[serde(skip)]
    pub suspects: [Option<InHand>; 5],
}

impl PartitionState {
    /// The position of the last record.
    pub fn position(&self) -> Position {
        Position { incarnation: self.incarnation, sequence: self.last.sequence }
    }

    /// How far a source has been read.
    pub fn cursor(&self, source: Source) -> Cursor {
        self.cursors[source.index()]
    }

    /// How many inputs wait, in all.
    pub fn waiting_len(&self) -> usize {
        self.waiting.values().map(VecDeque::len).sum()
    }

    /// How many of them wait for an entity that decides no more.
    pub fn waiting_set_aside(&self) -> usize {
        let queues = self.quarantined.keys().filter_map(|entity| self.waiting.get(entity));
        queues.map(VecDeque::len).sum()
    }

    /// Goes on by the header of the record that stands at `link`.
    pub fn follow(&mut self, header: &Header, link: Link) {
        self.partitions = header.partitions;
        self.incarnation = header.incarnation;
        self.last = link;
        self.decided_at = header.decided_at;
        self.cursors = header.cursors;
        self.released = header.released;
    }

    /// Goes on by one entry.
    pub fn note(&mut self, entry: &Entry) {
        let in_hand = self.in_hand.take();
        match entry {
            Entry::Genesis
            | Entry::Resumed
            | Entry::Left
            | Entry::Lost { .. }
            | Entry::Rejected { .. }
            | Entry::Reseeded { .. }
            | Entry::LossAccepted { .. }
            | Entry::LateAllowed { .. }
            | Entry::Stood(_) => {}
            Entry::TakenOver => self.taken_over(in_hand),
            Entry::InHand(in_hand) => self.in_hand = Some(in_hand.clone()),
            Entry::Decided(decided) => {
                decided.books.iter().for_each(|change| self.books.enter(change));
                self.note_parking(decided);
            }
            Entry::Quarantined { entity, why, .. } => {
                self.quarantined.insert(entity.clone(), why.clone());
            }
            Entry::Reinstated { entity, .. } => drop(self.quarantined.remove(entity)),
            Entry::Waiting { entity, read, index } => {
                let waiting = Waiting { read: read.clone(), index: *index };
                self.waiting.entry(entity.clone()).or_default().push_back(waiting);
            }
            Entry::WaitedOut { entity, inputs } => self.waited_out(entity, *inputs),
        }
    }

    fn note_parking(&mut self, decided: &Decided) {
        if let (Trigger::Event(cause), Verdict::Parked, Standing::New) =
            (&decided.trigger, &decided.verdict, decided.standing)
        {
            *self.parked.entry(cause.sequence / STRETCH).or_default() += 1;
        }
        let settled = match &decided.trigger {
            Trigger::Step { settles } => settles.as_ref(),
            Trigger::Event(_) | Trigger::Command { .. } | Trigger::Deadline { .. } => None,
        };
        let given_up = decided.given_up.iter().map(|given_up| &given_up.cause);
        for cause in settled.into_iter().chain(given_up) {
            self.unpark(cause.sequence / STRETCH);
        }
    }

    fn unpark(&mut self, stretch: u64) {
        if let Some(parked) = self.parked.get_mut(&stretch) {
            *parked = parked.saturating_sub(1);
            if *parked == 0 {
                self.parked.remove(&stretch);
            }
        }
    }

    /// What is still needed of EARMARK_IN, and from which sequence on EARMARK_CMD is: what is
    /// unread, what waits, and what is parked. Of EARMARK_IN nothing is known before all lanes have
    /// read the same log.
    pub fn needed(&self) -> (Option<Needed>, u64) {
        let [from, commands] = self.lowest();
        let lanes = Lane::ALL.map(|lane| self.cursor(Source::Lane(lane)).created);
        let mut logs = lanes.into_iter().filter(|log| *log != Timestamp::default());
        let log = logs.next().filter(|log| logs.all(|other| other == *log));
        (log.map(|log| Needed { log, from }), commands)
    }

    fn lowest(&self) -> [u64; 2] {
        let mut keep = [u64::MAX; 2];
        for source in Source::ALL {
            let stream = usize::from(source == Source::Commands);
            keep[stream] = keep[stream].min(self.cursor(source).sequence + 1);
        }
        for (entity, queue) in &self.waiting {
            let quarantined = self.quarantined.contains_key(entity);
            for waiting in queue {
                match waiting.read.source {
                    // Asked again until it is answered: it must not hold up what all others say.
                    Source::Commands if quarantined => {}
                    Source::Commands => keep[1] = keep[1].min(waiting.read.sequence),
                    Source::Lane(_) => keep[0] = keep[0].min(waiting.read.sequence),
                }
            }
        }
        if let Some((stretch, _)) = self.parked.first_key_value() {
            keep[0] = keep[0].min(stretch * STRETCH);
        }
        keep
    }

    /// How many take-overs in a row found a source where it stands now. Where something of it was
    /// in hand at a death there were enough: it is nearly found.
    pub fn stood(&self, source: Source) -> u32 {
        let attempts = &self.attempts[source.index()];
        match attempts.at == self.cursor(source) {
            _ if self.had_in_hand(|of| of.read.source == source && of.waited_for.is_none()) => {
                ENOUGH
            }
            true => attempts.count,
            false => 0,
        }
    }

    /// How many take-overs in a row found the same inputs waiting as wait now.
    pub fn waiting_stood(&self) -> u32 {
        match self.waiting_attempts.at == self.waited_out {
            _ if self.had_in_hand(|of| of.waited_for.is_some()) => ENOUGH,
            true => self.waiting_attempts.count,
            false => 0,
        }
    }

    fn had_in_hand(&self, such: impl Fn(&InHand) -> bool) -> bool {
        self.in_hand.iter().chain(self.suspects.iter().flatten()).any(such)
    }

    /// What the process dies of: it was in hand at the last death, and at one before. Once is no
    /// proof: whoever is killed from outside may have anything in hand.
    pub fn killer(&self) -> Option<&InHand> {
        self.in_hand.as_ref().filter(|in_hand| self.is_suspected(in_hand))
    }

    /// Whether this was in hand at a death.
    pub fn is_suspected(&self, in_hand: &InHand) -> bool {
        self.suspects[in_hand.read.source.index()].as_ref() == Some(in_hand)
    }

    fn taken_over(&mut self, in_hand: Option<InHand>) {
        if let Some(in_hand) = in_hand {
            let source = in_hand.read.source.index();
            self.suspects[source] = Some(in_hand);
        }
        for (attempts, cursor) in self.attempts.iter_mut().zip(self.cursors) {
            attempts.again(cursor);
        }
        match self.waiting.is_empty() {
            true => self.waiting_attempts = Attempts::default(),
            false => self.waiting_attempts.again(self.waited_out),
        }
    }

    fn waited_out(&mut self, entity: &EntityKey, inputs: u32) {
        self.waited_out += u64::from(inputs);
        if let Some(queue) = self.waiting.get_mut(entity) {
            queue.drain(..queue.len().min(inputs as usize));
            if queue.is_empty() {
                self.waiting.remove(entity);
            }
        }
    }

    /// The bytes that a snapshot keeps.
    pub fn encode(&self) -> Vec<u8> {
        // Postcard fails only on a full buffer or an unsized sequence, and this has neither.
        postcard::to_extend(self, vec![VERSION]).unwrap_or_default()
    }

    /// The state from a snapshot's bytes; `None` if this build cannot read them, which is as good
    /// as no snapshot.
    pub fn decode(bytes: &[u8]) -> Option<PartitionState> {
        match bytes.split_first()? {
            (&VERSION, rest) => postcard::from_bytes(rest).ok(),
            _ => None,
        }
    }
}
