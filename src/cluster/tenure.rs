//! A partition that this pod has: how far it has come with it, and what its lease is to say.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    lease::{Lease, Phase},
    member::Member,
};
use crate::{
    domain::Level,
    ports::{Needed, NoteError, Position},
};

/// How long a note that was refused rests before it is written again.
const REST: Duration = Duration::from_millis(100);

/// What a partition's owner can say of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct News {
    /// How it stands.
    pub phase: Phase,
    /// Why it waits.
    pub why: Option<String>,
    /// As of when this is so: RFC 3339.
    pub at: String,
    /// Its last committed record.
    pub position: Position,
    /// The sequence at which its snapshot stands.
    pub snapshot: u64,
    /// Messages that it has not read and that may lower what may be promised.
    pub unread: u64,
    /// How long the oldest of them has been there, in seconds.
    pub oldest_unread_s: Option<f64>,
    /// The same of those that can only raise what may be promised.
    pub oldest_addition_s: Option<f64>,
    /// The level of safe mode by which it is read.
    pub level: Level,
    /// What it needs of EARMARK_IN.
    pub needed: Option<Needed>,
    /// The oldest format that must be read by whoever takes it over.
    pub format: u8,
}

/// How far a pod has come with a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The lease is there, and the partition is to be started.
    Granted,
    /// It was started.
    Running,
    /// It is stopping, to be handed over to this session.
    Stopping(Option<String>),
    /// It has stopped, and its lease is to be freed.
    Stopped(Option<String>),
    /// The note that frees the lease is under way.
    Freeing(Option<String>),
    /// Somebody else has it. It is stopping, and there is no lease to be freed.
    Lost,
}

/// A partition that this pod has.
#[derive(Clone, Debug)]
pub struct Tenure {
    /// Where its lease stands; nothing while that is not certain.
    pub revision: Option<u64>,
    /// How far it has come.
    pub stage: Stage,
    /// What its owner said last.
    pub news: News,
    /// It stopped in order.
    pub settled: bool,
    epoch: u64,
    written: Instant,
    /// What its lease says; nothing where that is not certain.
    said: Option<Phase>,
    /// Where the lease stood when a note was refused: what is told of it up to there is old.
    refused: Option<u64>,
    /// Nothing is written again before this.
    rests_until: Instant,
}

impl Tenure {
    /// A lease that was got at this revision by a note sent at this time.
    pub fn granted(revision: u64, written: Instant, format: u8) -> Tenure {
        let news = News { phase: Phase::Recovering, format, ..News::default() };
        Tenure {
            revision: Some(revision),
            stage: Stage::Granted,
            news,
            settled: false,
            epoch: revision,
            written,
            said: Some(Phase::Recovering),
            refused: None,
            rests_until: written,
        }
    }

    /// What became of a renewal, or of the note that frees it. Whether it is over.
    pub fn wrote(&mut self, result: &Result<u64, NoteError>, sent: Instant) -> bool {
        match result {
            Ok(revision) => {
                (self.revision, self.written) = (Some(*revision), sent);
                matches!(self.stage, Stage::Freeing(_))
            }
            Err(NoteError::Taken | NoteError::Later(_)) => {
                self.refused = self.revision.or(self.refused);
                (self.revision, self.said) = (None, None);
                self.rests_until = sent + REST;
                if let Stage::Freeing(to) = &self.stage {
                    self.stage = Stage::Stopped(to.clone());
                }
                false
            }
        }
    }

    /// What its owner says now. Before it serves it knows no format but the one that was told when
    /// it was granted.
    pub fn tell(&mut self, news: News) {
        let before = self.news.format;
        self.news = news;
        if self.news.phase != Phase::Serving {
            self.news.format = self.news.format.max(before);
        }
    }

    /// Whether what stands at this revision is not known to be old.
    pub fn may_be(&self, revision: u64) -> bool {
        self.refused.is_none_or(|refused| revision > refused)
    }

    /// Whether it may be written at this time: what was refused a moment ago would be again.
    pub fn may_write(&self, now: Instant) -> bool {
        now >= self.rests_until
    }

    /// Since when nothing has been written of it.
    pub fn written(&self) -> Instant {
        self.written
    }

    /// Whether what its lease says is no longer so.
    pub fn has_news(&self) -> bool {
        self.said != Some(self.phase())
    }

    fn phase(&self) -> Phase {
        match self.stage {
            Stage::Granted | Stage::Running => self.news.phase,
            Stage::Stopping(_) | Stage::Lost => Phase::Leaving,
            Stage::Stopped(_) | Stage::Freeing(_) => Phase::Free,
        }
    }

    /// What its lease is to say now. `wall` is the pod's clock, RFC 3339.
    pub fn say(&mut self, me: &Member, wall: &str) -> Lease {
        let phase = self.phase();
        self.said = Some(phase);
        if let Stage::Stopped(to) = &self.stage {
            self.stage = Stage::Freeing(to.clone());
        }
        let to = match &self.stage {
            Stage::Stopping(to) | Stage::Freeing(to) => to.clone(),
            _ => None,
        };
        let news = &self.news;
        Lease {
            pod: me.pod.clone(),
            session: me.session.clone(),
            epoch: self.epoch,
            phase,
            why: news.why.clone(),
            to,
            incarnation: news.position.incarnation,
            position: news.position.sequence,
            snapshot: news.snapshot,
            at: if news.at.is_empty() { wall.to_owned() } else { news.at.clone() },
            unread: news.unread,
            oldest_unread_s: news.oldest_unread_s,
            oldest_addition_s: news.oldest_addition_s,
            level: news.level,
            keep_in: news.needed.map(|needed| needed.from),
            keep_log: news.needed.map(|needed| needed.log),
            settled: self.settled && phase == Phase::Free,
            format: news.format,
        }
    }
}
