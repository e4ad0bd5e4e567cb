//! A pod among the others, as a machine without IO and without a clock: it is told what was heard,
//! what became of what it wrote and which partitions stopped, and says what is to be done next,
//! step by step ([`super::steps`]).
//!
//! It promises that a partition is started only behind a lease of its own, and that a lease is
//! freed only once its partition has stopped. A lease that could not be renewed is no reason to
//! stop while nobody else has it: the journal sees to it that only one can commit.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    lease::Lease,
    member::{Member, Standing},
    placement::Delays,
    tenure::{News, Stage, Tenure},
    view::View,
};
use crate::{
    domain::Level,
    ports::{Note, NoteError, Partition},
};

/// How notes live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// How long a note lasts.
    pub lasts: Duration,
    /// How often it is written anew.
    pub renew_every: Duration,
    /// How long is waited for what.
    pub delays: Delays,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// A note is to be written, if its key is at the revision `after` (nothing: if it is not
    /// there). What became of it is said by [`Participant::wrote`].
    Note {
        /// The key.
        key: String,
        /// What it is to say.
        value: Bytes,
        /// Where it must stand.
        after: Option<u64>,
    },
    /// Our own note is to be taken away, if it is at the revision `after`:
    /// [`Participant::took_away`].
    TakeAway {
        /// The key.
        key: String,
        /// Where it must stand.
        after: u64,
    },
    /// A partition is to be served.
    Start(Partition),
    /// A partition is to be stopped: [`Participant::stopped`].
    Stop(Partition),
}

/// A pod among the others.
pub struct Participant {
    pub(super) me: Member,
    /// How the pod stands, as far as it depends on the pod alone.
    pub(super) stands: (Standing, Option<String>),
    /// Since when it does not reach the store of snapshots, and others do.
    pub(super) cut_off_alone: Option<Instant>,
    pub(super) key: String,
    pub(super) rules: Rules,
    pub(super) view: View,
    pub(super) tenures: BTreeMap<Partition, Tenure>,
    /// The revisions at which we freed leases: what the watch still tells from before is no news.
    pub(super) freed: BTreeMap<Partition, u64>,
    /// Where our own note stands, and when it was sent.
    pub(super) announced: Option<(u64, Instant)>,
    /// What it says: how the pod stands, whether it reaches the store of snapshots, and its level.
    pub(super) said: (Standing, bool, Level),
    /// Keys of which a write is under way.
    pub(super) writing: BTreeSet<String>,
    /// The first thing of our own that was written and that the watch has not told yet.
    pub(super) unheard: Option<(u64, Instant)>,
    /// What does not move for balance.
    pub(super) pinned: BTreeSet<Partition>,
    /// Since when the watch has told that the pod is a member.
    pub(super) joined: Option<Instant>,
    pub(super) gone: bool,
}

impl Participant {
    /// A pod that has neither heard nor written anything.
    pub fn new(me: Member, partitions: Partition, rules: Rules, now: Instant) -> Participant {
        Participant {
            key: Member::key(&me.pod),
            said: (me.standing, me.reaches_snapshots, me.level),
            stands: (me.standing, me.why.clone()),
            cut_off_alone: None,
            me,
            rules,
            view: View::new(partitions, rules.lasts, now),
            tenures: BTreeMap::new(),
            freed: BTreeMap::new(),
            announced: None,
            writing: BTreeSet::new(),
            unheard: None,
            pinned: BTreeSet::new(),
            joined: None,
            gone: false,
        }
    }

    // === what it is told ===

    /// A watch begins.
    pub fn begin(&mut self) {
        self.view.begin();
        self.unheard = None;
    }

    /// The watch has told everything that is there.
    pub fn catch_up(&mut self, now: Instant) {
        self.view.catch_up(now);
    }

    /// The watch told a note.
    pub fn note(&mut self, note: &Note, now: Instant) {
        self.view.note(note, now);
        if self.unheard.is_some_and(|(revision, _)| note.revision >= revision) {
            self.unheard = None;
        }
    }

    /// What became of a note that was sent at this time.
    pub fn wrote(&mut self, key: &str, result: Result<u64, NoteError>, sent: Instant) {
        self.writing.remove(key);
        if let Ok(revision) = result {
            self.unheard.get_or_insert((revision, sent));
        }
        let Some(partition) = Lease::partition(key) else {
            // Where it did not succeed, the watch says what stands there.
            self.announced = result.ok().map(|revision| (revision, sent));
            return;
        };
        match (self.tenures.get_mut(&partition), result) {
            (Some(tenure), result) => {
                if tenure.wrote(&result, sent) {
                    self.tenures.remove(&partition);
                    self.freed.extend(result.ok().map(|revision| (partition, revision)));
                }
            }
            (None, Ok(revision)) => {
                let tenure = Tenure::granted(revision, sent, self.view.format(partition));
                self.tenures.insert(partition, tenure);
            }
            // What stood there may be gone without a word; or the watch will tell what does.
            (None, Err(NoteError::Taken)) => self.view.forget_lapsed(partition),
            (None, Err(NoteError::Later(_))) => {}
        }
    }

    /// Whether our own note was taken away.
    pub fn took_away(&mut self, key: &str, result: &Result<(), NoteError>) {
        self.writing.remove(key);
        self.announced = None;
        self.gone |= result.is_ok();
    }

    /// A partition has stopped; `settled` if all that it had decided has left.
    pub fn stopped(&mut self, partition: Partition, settled: bool) {
        let Some(tenure) = self.tenures.get_mut(&partition) else { return };
        tenure.settled = settled;
        match &tenure.stage {
            Stage::Stopping(to) => tenure.stage = Stage::Stopped(to.clone()),
            Stage::Lost => drop(self.tenures.remove(&partition)),
            // By itself: it will be started again, or an operator has to look at it.
            Stage::Granted | Stage::Running | Stage::Stopped(_) | Stage::Freeing(_) => {}
        }
    }

    /// How a partition stands.
    pub fn news(&mut self, partition: Partition, news: News) {
        if let Some(tenure) = self.tenures.get_mut(&partition) {
            tenure.tell(news);
        }
    }

    /// The pod takes partitions; or takes none for this reason and hands over what it has; or
    /// leaves.
    pub fn stand(&mut self, standing: Standing, why: Option<String>) {
        if self.stands.0 != Standing::Leaving {
            self.stands = (standing, why);
        }
    }

    /// Whether the pod reaches the store of snapshots.
    pub fn reaches_snapshots(&mut self, reaches: bool) {
        self.me.reaches_snapshots = reaches;
    }

    /// The level of safe mode that the pod's own load calls for.
    pub fn level(&mut self, level: Level) {
        self.me.level = level;
    }

    /// These partitions, and no others, do not move for balance from now on.
    pub fn pin(&mut self, pinned: BTreeSet<Partition>) {
        self.pinned = pinned;
    }

    // === what it says ===

    /// What is to be done now. `wall` is the pod's clock, RFC 3339, for whoever reads the notes.
    pub fn acts(&mut self, now: Instant, wall: &str) -> Vec<Act> {
        if self.gone {
            return Vec::new();
        }
        self.view.lapse(now);
        self.cut_off_alone = self.is_alone_cut_off(now).then(|| self.cut_off_alone.unwrap_or(now));
        (self.me.standing, self.me.why) = self.standing(now);
        self.joined = self.has_joined().then(|| self.joined.unwrap_or(now));
        let mut acts = Vec::new();
        if self.view.is_caught_up() {
            self.compare(&mut acts);
        }
        // Who must serve nothing waits for no watch.
        if self.view.is_caught_up() || self.me.standing != Standing::Serving {
            self.give(now, &mut acts);
        }
        if self.view.is_caught_up() {
            self.take(now, wall, &mut acts);
        }
        self.renew(now, wall, &mut acts);
        self.announce(now, &mut acts);
        acts
    }

    /// What is heard.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The pod, as it stands.
    pub fn me(&self) -> &Member {
        &self.me
    }

    /// The partitions that it has.
    pub fn tenures(&self) -> impl Iterator<Item = (Partition, &Tenure)> {
        self.tenures.iter().map(|(partition, tenure)| (*partition, tenure))
    }

    /// Whether the pod is among the members, as far as the watch has told.
    pub fn has_joined(&self) -> bool {
        let noted = self.view.member(&self.key);
        let ours = noted.is_some_and(|noted| noted.value.session == self.me.session);
        self.view.is_caught_up() && ours
    }

    /// Another run under the same name, which has to go first.
    pub fn namesake(&self) -> Option<&Member> {
        let noted = self.view.member(&self.key).map(|noted| &noted.value);
        noted.filter(|member| member.session != self.me.session)
    }

    /// Whether the watch has not told for too long what was written: it is of no more use.
    pub fn is_deaf(&self, now: Instant) -> bool {
        let patience = self.rules.renew_every * 2;
        self.unheard.is_some_and(|(_, since)| now.duration_since(since) > patience)
    }

    /// Whether the lease of a partition may have lapsed, by the pod's own clock.
    pub fn is_in_doubt(&self, partition: Partition, now: Instant) -> bool {
        let lasts = self.rules.lasts;
        let tenure = self.tenures.get(&partition);
        tenure.is_none_or(|tenure| now.duration_since(tenure.written()) >= lasts)
    }

    /// Whether the pod has lost the store of snapshots, and others have not. Where all have, as in
    /// a failover, they go on with what they have in memory; so it waits until it must be alone.
    pub fn is_cut_off_alone(&self, now: Instant) -> bool {
        let patience = self.rules.lasts * 2;
        self.cut_off_alone.is_some_and(|since| now.duration_since(since) >= patience)
    }

    /// Whether the pod has left.
    pub fn is_gone(&self) -> bool {
        self.gone
    }
}
