//! The steps of a participant, in the order in which [`Participant::acts`] takes them: it compares
//! what it believes with what the watch tells, gives away, takes, renews its leases, and says that
//! it is here.
//!
//! Promises: each looks at what was heard and at the time that it is given, and at nothing else;
//! what it wants to be done it says in acts.

use std::collections::BTreeMap;

use tokio::time::Instant;

use super::{
    lease::{Lease, Phase},
    member::Standing,
    participant::{Act, Participant},
    placement,
    tenure::{Stage, Tenure},
    view::View,
};
use crate::ports::Partition;

impl Participant {
    /// Whether it does not reach the store of snapshots now, and others do that read what it has.
    pub(super) fn is_alone_cut_off(&self, now: Instant) -> bool {
        let formats = self.tenures.keys().map(|partition| self.view.format(*partition));
        let needed = formats.max().unwrap_or_default();
        !self.me.reaches_snapshots
            && placement::others_reach_snapshots(&self.view, &self.me.session, needed, now)
    }

    /// A pod that alone has lost the store of snapshots steps aside.
    pub(super) fn standing(&self, now: Instant) -> (Standing, Option<String>) {
        match self.stands.0 {
            Standing::Serving if self.is_cut_off_alone(now) => {
                let why = "it does not reach the store of snapshots, and others do";
                (Standing::Waiting, Some(why.to_owned()))
            }
            _ => self.stands.clone(),
        }
    }

    /// Holds what the watch has told of our leases against what we believe.
    pub(super) fn compare(&mut self, acts: &mut Vec<Act>) {
        let mut over = Vec::new();
        for (partition, tenure) in &mut self.tenures {
            let Some(noted) = self.view.lease(*partition) else { continue };
            let old = tenure.revision.is_some_and(|known| noted.revision <= known);
            if old || !tenure.may_be(noted.revision) {
                continue;
            }
            let ours = noted.value.session == self.me.session;
            let ends = matches!(tenure.stage, Stage::Stopped(_) | Stage::Freeing(_));
            match (ours, &tenure.stage) {
                (true, _) if noted.value.phase == Phase::Free && ends => over.push(*partition),
                (true, _) => tenure.revision = Some(noted.revision),
                (false, Stage::Running) => {
                    tenure.stage = Stage::Lost;
                    acts.push(Act::Stop(*partition));
                }
                (false, Stage::Stopping(_)) => tenure.stage = Stage::Lost,
                (false, Stage::Lost) => {}
                (false, Stage::Granted | Stage::Stopped(_) | Stage::Freeing(_)) => {
                    over.push(*partition);
                }
            }
        }
        over.iter().for_each(|partition| drop(self.tenures.remove(partition)));
    }

    /// Hands over what somebody else is to have.
    pub(super) fn give(&mut self, now: Instant, acts: &mut Vec<Act>) {
        let session = self.me.session.as_str();
        let given: BTreeMap<Partition, Option<String>> = match self.me.standing {
            Standing::Serving => {
                let moves = placement::moves(&self.view, &self.pinned, self.rules.delays, now);
                let own = moves.into_iter().filter(|step| step.from == session);
                let unreadable = placement::unreadable(&self.view, session, self.me.reads, now);
                let moves = own.map(|step| (step.partition, Some(step.to)));
                moves.chain(unreadable).collect()
            }
            Standing::Waiting | Standing::Leaving => {
                let next: BTreeMap<_, _> =
                    placement::hands_over(&self.view, session, now).into_iter().collect();
                let next_of = |own: &Partition| next.get(own).cloned().flatten();
                // What waits for an operator may be in memory alone, and is kept.
                let steps_aside = self.stands.0 == Standing::Serving;
                let kept = |tenure: &Tenure| steps_aside && tenure.news.phase == Phase::Waiting;
                let given = self.tenures.iter().filter(|(_, tenure)| !kept(tenure));
                given.map(|(own, _)| (*own, next_of(own))).collect()
            }
        };
        for (partition, to) in given {
            let Some(tenure) = self.tenures.get_mut(&partition) else { continue };
            match tenure.stage {
                Stage::Running => {
                    tenure.stage = Stage::Stopping(to);
                    acts.push(Act::Stop(partition));
                }
                Stage::Granted => tenure.stage = Stage::Stopped(to),
                _ => {}
            }
        }
    }

    /// Takes what is ours to take, and starts what was granted.
    pub(super) fn take(&mut self, now: Instant, wall: &str, acts: &mut Vec<Act>) {
        self.adopt(now);
        let lasts = self.rules.lasts;
        for (partition, tenure) in &mut self.tenures {
            // Who slept since must know first that nobody else has it.
            let lapsed = now.duration_since(tenure.written()) >= lasts;
            if tenure.stage == Stage::Granted && !lapsed {
                tenure.stage = Stage::Running;
                acts.push(Act::Start(*partition));
            }
        }
        let Some(joined) = self.joined.filter(|_| self.me.standing == Standing::Serving) else {
            return;
        };
        let (session, delays) = (&self.me.session, self.rules.delays);
        let takes = placement::takes(&self.view, session, joined, delays, now);
        for partition in takes {
            let key = Lease::key(partition);
            if self.tenures.contains_key(&partition) || self.writing.contains(&key) {
                continue;
            }
            let lease = Lease {
                pod: self.me.pod.clone(),
                session: self.me.session.clone(),
                phase: Phase::Recovering,
                format: self.view.format(partition),
                at: wall.to_owned(),
                ..Lease::default()
            };
            let after = self.view.stands_at(partition);
            self.writing.insert(key.clone());
            acts.push(Act::Note { key, value: lease.encode(), after });
        }
    }

    /// A claim whose answer was lost is ours all the same, once the watch tells so.
    fn adopt(&mut self, now: Instant) {
        let ours = self.view.held().filter(|(_, lease)| lease.session == self.me.session);
        let ours: Vec<Partition> = ours.map(|(partition, _)| partition).collect();
        for partition in ours {
            let Some(noted) = self.view.lease(partition) else { continue };
            let old = self.freed.get(&partition).is_some_and(|freed| noted.revision <= *freed);
            let known = self.tenures.contains_key(&partition);
            if !old && !known && !self.writing.contains(&Lease::key(partition)) {
                let tenure = Tenure::granted(noted.revision, now, noted.value.format);
                self.tenures.insert(partition, tenure);
            }
        }
    }

    /// Writes leases anew that are old, or have something new to say.
    pub(super) fn renew(&mut self, now: Instant, wall: &str, acts: &mut Vec<Act>) {
        for (partition, tenure) in &mut self.tenures {
            let key = Lease::key(*partition);
            let free = !self.writing.contains(&key) && tenure.may_write(now);
            if tenure.stage == Stage::Lost || !free {
                continue;
            }
            let after = match tenure.revision {
                Some(revision) => Some(revision),
                None if nothing_there(&self.view, *partition, tenure) => None,
                // It is not certain what stands there: the watch will tell.
                None => continue,
            };
            let old = now.duration_since(tenure.written()) >= self.rules.renew_every;
            if old || tenure.has_news() || after.is_none() {
                let value = tenure.say(&self.me, wall).encode();
                self.writing.insert(key.clone());
                acts.push(Act::Note { key, value, after });
            }
        }
    }

    /// Says that we are here; or, when all is handed over, that we are not.
    pub(super) fn announce(&mut self, now: Instant, acts: &mut Vec<Act>) {
        let ends = self.me.standing == Standing::Leaving && self.tenures.is_empty();
        if ends && self.announced.is_none() && self.writing.is_empty() && !self.has_joined() {
            self.gone = true;
            return;
        }
        let first = self.announced.is_none() && !self.view.is_caught_up();
        if first || self.namesake().is_some() || self.writing.contains(&self.key) {
            return;
        }
        let noted = self.view.member_stands_at(&self.key);
        let after = noted.max(self.announced.map(|(revision, _)| revision));
        if ends {
            // A claim that is under way may yet succeed.
            match after {
                _ if !self.writing.is_empty() => {}
                None => self.gone = true,
                Some(after) => {
                    self.writing.insert(self.key.clone());
                    acts.push(Act::TakeAway { key: self.key.clone(), after });
                }
            }
            return;
        }
        let old = self
            .announced
            .is_none_or(|(_, written)| now.duration_since(written) >= self.rules.renew_every);
        let says = (self.me.standing, self.me.reaches_snapshots, self.me.level);
        if old || self.said != says {
            self.said = says;
            self.writing.insert(self.key.clone());
            acts.push(Act::Note { key: self.key.clone(), value: self.me.encode(), after });
        }
    }
}

/// Whether nothing stands in the place of a lease, as far as the watch has told; what was refused
/// is no longer there.
fn nothing_there(view: &View, partition: Partition, tenure: &Tenure) -> bool {
    view.lease(partition).is_none_or(|noted| !tenure.may_be(noted.revision))
}
