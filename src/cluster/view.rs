//! What the bucket says, as far as this pod has heard: members, leases, and which partitions nobody
//! has.
//!
//! A watch may miss the end of a note; whatever has not been written anew for twice its life counts
//! as lapsed here, by the pod's own clock.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    lease::{Lease, Phase},
    member::Member,
};
use crate::{
    control::{Late, Order, Orders, Promotion, What, Word},
    domain::time::Timestamp,
    ports::{Note, Partition},
};

/// Pauses that are heeded at a time; and words of operators of each kind.
pub const HEEDED_MAX: usize = 1_000;
/// Promotions that are heeded at a time. Two desks at once may let in more than are allowed.
pub const PROMOTIONS_HEEDED_MAX: usize = 200;

/// The format of a lease that this build cannot read.
const UNREADABLE: u8 = u8::MAX;

/// A note, and when it was heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard<T> {
    /// What it says.
    pub value: T,
    /// Its revision.
    pub revision: u64,
    at: Instant,
    pass: u64,
}

/// A partition that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Orphan {
    /// Since when, as far as this pod knows.
    pub since: Instant,
    /// Its owner said so itself: what it left need not be waited for.
    pub freed: bool,
}

/// What the bucket says.
#[derive(Clone, Debug)]
pub struct View {
    members: BTreeMap<String, Heard<Member>>,
    leases: BTreeMap<Partition, Heard<Lease>>,
    orphans: BTreeMap<Partition, Orphan>,
    /// Where leases stand that count as lapsed and of which no end was told.
    lapsed: BTreeMap<Partition, u64>,
    /// What operators ordered for all pods, by key. It ends by itself, and is not written anew.
    orders: BTreeMap<String, Heard<Order>>,
    /// By which operators let quarantined entities decide again, by key.
    words: BTreeMap<String, Heard<Word>>,
    /// By which operators let events be decided however late they are, by key.
    late: BTreeMap<String, Heard<Late>>,
    /// Promotions that operators announced, by key.
    promotions: BTreeMap<String, Heard<Promotion>>,
    /// What stands under keys of members and is none that this build can read.
    unreadable: BTreeMap<String, u64>,
    /// The oldest format that whoever takes a partition over must read, as its last lease said.
    formats: BTreeMap<Partition, u8>,
    partitions: Partition,
    lasts: Duration,
    pass: u64,
    caught_up: bool,
    changed: Instant,
}

impl View {
    /// A view that has heard nothing yet.
    pub fn new(partitions: Partition, lasts: Duration, now: Instant) -> View {
        View {
            members: BTreeMap::new(),
            leases: BTreeMap::new(),
            orphans: BTreeMap::new(),
            lapsed: BTreeMap::new(),
            orders: BTreeMap::new(),
            words: BTreeMap::new(),
            late: BTreeMap::new(),
            promotions: BTreeMap::new(),
            unreadable: BTreeMap::new(),
            formats: BTreeMap::new(),
            partitions,
            lasts,
            pass: 0,
            caught_up: false,
            changed: now,
        }
    }

    // === what is heard ===

    /// A watch begins: what it does not tell before it has caught up is gone.
    pub fn begin(&mut self) {
        self.pass += 1;
        self.caught_up = false;
        self.unreadable.clear();
    }

    /// Everything that is there has been told.
    pub fn catch_up(&mut self, now: Instant) {
        self.caught_up = true;
        let pass = self.pass;
        self.drop_where(now, |heard_in, _| heard_in < pass);
        self.lapsed.clear();
        self.orders.retain(|_, heard| heard.pass == pass);
        self.words.retain(|_, heard| heard.pass == pass);
        self.late.retain(|_, heard| heard.pass == pass);
        self.promotions.retain(|_, heard| heard.pass == pass);
        for partition in 0..self.partitions {
            if !self.leases.contains_key(&partition) {
                let orphan = Orphan { since: now, freed: false };
                // Who was cut off with everybody is given time to go on, from now.
                let known = self.orphans.entry(partition).or_insert(orphan);
                known.since = if known.freed { known.since } else { now };
            }
        }
    }

    /// A note was told.
    pub fn note(&mut self, note: &Note, now: Instant) {
        if note.key.starts_with(Member::KEYS) {
            self.note_member(note, now);
        } else if let Some(partition) = Lease::partition(&note.key)
            && partition < self.partitions
        {
            self.note_lease(partition, note, now);
        } else if Order::is_at(&note.key) {
            self.note_order(note, now);
        } else if Word::is_at(&note.key) {
            self.note_word(note, now);
        } else if Late::is_at(&note.key) {
            self.note_late(note, now);
        } else if Promotion::is_at(&note.key) {
            self.note_promotion(note, now);
        }
    }

    fn note_order(&mut self, note: &Note, now: Instant) {
        // What this build cannot read, it cannot obey.
        let order = note.value.as_ref().and_then(|bytes| Order::decode(bytes).ok());
        let is_level = order.as_ref().is_some_and(|order| matches!(order.what, What::Level(_)));
        // One of them may be a level.
        let has_room = is_level || self.orders.len() <= HEEDED_MAX;
        heed(&mut self.orders, note, order, has_room, self.pass, now);
    }

    fn note_word(&mut self, note: &Note, now: Instant) {
        let word = note.value.as_ref().and_then(|bytes| Word::decode(bytes).ok());
        let has_room = self.words.len() < HEEDED_MAX;
        heed(&mut self.words, note, word, has_room, self.pass, now);
    }

    fn note_late(&mut self, note: &Note, now: Instant) {
        let word = note.value.as_ref().and_then(|bytes| Late::decode(bytes).ok());
        let has_room = self.late.len() < HEEDED_MAX;
        heed(&mut self.late, note, word, has_room, self.pass, now);
    }

    fn note_promotion(&mut self, note: &Note, now: Instant) {
        let promotion = note.value.as_ref().and_then(|bytes| Promotion::decode(bytes).ok());
        let has_room = self.promotions.len() < PROMOTIONS_HEEDED_MAX;
        heed(&mut self.promotions, note, promotion, has_room, self.pass, now);
    }

    fn note_member(&mut self, note: &Note, now: Instant) {
        let known = self.members.get(&note.key);
        if known.is_some_and(|known| note.revision < known.revision) {
            return;
        }
        let member = note.value.as_ref().and_then(|bytes| Member::decode(bytes).ok());
        let before = known.map(|known| (known.value.session.clone(), known.value.standing));
        let after = member.as_ref().map(|member| (member.session.clone(), member.standing));
        if before != after {
            self.changed = now;
        }
        match member {
            Some(value) => {
                let heard = Heard { value, revision: note.revision, at: now, pass: self.pass };
                self.members.insert(note.key.clone(), heard);
            }
            None => drop(self.members.remove(&note.key)),
        }
        match note.value.is_some() && !self.members.contains_key(&note.key) {
            true => drop(self.unreadable.insert(note.key.clone(), note.revision)),
            false => drop(self.unreadable.remove(&note.key)),
        }
    }

    fn note_lease(&mut self, partition: Partition, note: &Note, now: Instant) {
        let known = self.leases.get(&partition);
        if known.is_some_and(|known| note.revision < known.revision) {
            return;
        }
        self.lapsed.remove(&partition);
        // What this build cannot read, it cannot take over either while it lasts.
        let unreadable = || Lease { format: UNREADABLE, ..Lease::default() };
        let lease = note.value.as_ref();
        let lease = lease.map(|bytes| Lease::decode(bytes).unwrap_or_else(|_| unreadable()));
        let Some(mut value) = lease else {
            self.orphaned(partition, now, false);
            self.forget(partition);
            self.lapsed.remove(&partition);
            return;
        };
        match value.phase {
            Phase::Free => self.orphaned(partition, now, true),
            _ => drop(self.orphans.remove(&partition)),
        }
        self.formats.insert(partition, value.format);
        // Who has just got it could not say yet where that stands.
        if value.epoch == 0 {
            value.epoch = note.revision;
        }
        let heard = Heard { value, revision: note.revision, at: now, pass: self.pass };
        self.leases.insert(partition, heard);
    }

    /// What was freed stays freed when its note lapses.
    fn orphaned(&mut self, partition: Partition, now: Instant, freed: bool) {
        self.orphans.entry(partition).or_insert(Orphan { since: now, freed });
    }

    /// Time passes: what nobody has written anew for long has lapsed.
    pub fn lapse(&mut self, now: Instant) {
        let life = self.lasts * 2;
        self.drop_where(now, |_, at| now.duration_since(at) > life);
    }

    fn drop_where(&mut self, now: Instant, gone: impl Fn(u64, Instant) -> bool) {
        let members = self.members.len();
        self.members.retain(|_, heard| !gone(heard.pass, heard.at));
        if self.members.len() != members {
            self.changed = now;
        }
        let lapsed: Vec<Partition> = self
            .leases
            .iter()
            .filter(|(_, heard)| gone(heard.pass, heard.at))
            .map(|(partition, _)| *partition)
            .collect();
        for partition in lapsed {
            self.orphaned(partition, now, false);
            self.forget(partition);
        }
    }

    /// It is not known any more where the lapsed lease of a partition stands.
    pub fn forget_lapsed(&mut self, partition: Partition) {
        self.lapsed.remove(&partition);
    }

    fn forget(&mut self, partition: Partition) {
        let Some(heard) = self.leases.remove(&partition) else { return };
        self.lapsed.insert(partition, heard.revision);
        if heard.value.format == UNREADABLE {
            // Its records say themselves who reads them.
            self.formats.remove(&partition);
        }
    }

    // === what is asked ===

    /// Whether everything that is there has been told.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> Partition {
        self.partitions
    }

    /// Since when no member has come, gone or changed its standing.
    pub fn quiet_since(&self) -> Instant {
        self.changed
    }

    /// All members.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|heard| &heard.value)
    }

    /// The members that have not been silent for longer than they are when all is well: one that
    /// died is none of them by the time its leases lapse.
    pub fn heard_lately(&self, now: Instant) -> impl Iterator<Item = &Member> {
        let silent = self.lasts * 3 / 4;
        let lately = move |heard: &&Heard<Member>| now.duration_since(heard.at) < silent;
        self.members.values().filter(lately).map(|heard| &heard.value)
    }

    /// What stands under the key of a pod.
    pub fn member(&self, key: &str) -> Option<&Heard<Member>> {
        self.members.get(key)
    }

    /// Where the note of a pod stands, also one that cannot be read.
    pub fn member_stands_at(&self, key: &str) -> Option<u64> {
        let noted = self.member(key).map(|noted| noted.revision);
        noted.or_else(|| self.unreadable.get(key).copied())
    }

    /// The lease of a partition, a freed one too.
    pub fn lease(&self, partition: Partition) -> Option<&Heard<Lease>> {
        self.leases.get(&partition)
    }

    /// Where the lease of a partition stands, also one that has lapsed, as far as is known.
    pub fn stands_at(&self, partition: Partition) -> Option<u64> {
        let lease = self.lease(partition).map(|heard| heard.revision);
        lease.or_else(|| self.lapsed.get(&partition).copied())
    }

    /// The partitions that somebody has, and their leases.
    pub fn held(&self) -> impl Iterator<Item = (Partition, &Lease)> {
        let held = |heard: &&Heard<Lease>| heard.value.phase != Phase::Free;
        let all = self.leases.iter();
        all.filter(move |(_, heard)| held(heard))
            .map(|(partition, heard)| (*partition, &heard.value))
    }

    /// The partitions that nobody has.
    pub fn orphans(&self) -> impl Iterator<Item = (Partition, Orphan)> {
        self.orphans.iter().map(|(partition, orphan)| (*partition, *orphan))
    }

    /// The oldest format that whoever takes a partition over must read.
    pub fn format(&self, partition: Partition) -> u8 {
        self.formats.get(&partition).copied().unwrap_or(0)
    }

    /// What operators have ordered for all pods.
    pub fn orders(&self, now: Timestamp) -> Orders {
        Orders::counting(self.orders.values().map(|heard| &heard.value), now)
    }

    /// By which operators let quarantined entities decide again, with the revision of each.
    pub fn words(&self) -> impl Iterator<Item = (&Word, u64)> {
        self.words.values().map(|heard| (&heard.value, heard.revision))
    }

    /// By which operators let events be decided however late they are, with the revision of each.
    pub fn late(&self) -> impl Iterator<Item = (&Late, u64)> {
        self.late.values().map(|heard| (&heard.value, heard.revision))
    }

    /// Promotions that operators announced, those that are over too, with the revision of each.
    pub fn promotions(&self) -> impl Iterator<Item = (&Promotion, u64)> {
        self.promotions.values().map(|heard| (&heard.value, heard.revision))
    }

    /// The newest format in which partitions are kept that somebody has.
    pub fn in_use(&self) -> Option<u8> {
        self.held().map(|(_, lease)| lease.format).max()
    }

    /// The newest format that every member reads.
    pub fn read_by_all(&self) -> Option<u8> {
        self.members().map(|member| member.reads).min()
    }
}

/// Takes in what an operator's note says now.
fn heed<T>(
    known: &mut BTreeMap<String, Heard<T>>,
    note: &Note,
    value: Option<T>,
    has_room: bool,
    pass: u64,
    now: Instant,
) {
    let before = known.get(&note.key);
    if before.is_some_and(|before| note.revision < before.revision) {
        return;
    }
    let has_room = before.is_some() || has_room;
    match value {
        Some(value) if has_room => {
            let heard = Heard { value, revision: note.revision, at: now, pass };
            known.insert(note.key.clone(), heard);
        }
        Some(_) => tracing::warn!(key = note.key, "operators order too much at a time"),
        None => drop(known.remove(&note.key)),
    }
}
