//! One partition, as its supervisor has it.

use std::time::Duration;

use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    depths::Ahead,
    policy::{self, BackOff, Next},
    report::PartitionReport,
};
use crate::{
    cluster::{News, lease},
    contract::time,
    domain::{Level, time::Timestamp},
    partition::{Exit, Start, Status},
    ports::{Needed, Partition},
    telemetry::watch::Stands,
};

/// What is said of a partition that stands still and remembers.
const FROZEN: &str = "it is frozen: JetStream lost acknowledged writes of its journal; what they \
                      decided is still known to this pod and in its last snapshot";

/// How a partition stands with its supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Another pod has it, or nobody.
    Elsewhere,
    /// It may not be started yet, or any more.
    Held(&'static str),
    /// It runs: it recovers, or serves.
    Running,
    /// It stopped, and will be started again.
    BackingOff(String),
    /// It stopped, and an operator has to look at it.
    Refused(String),
    /// It stopped because it was asked to.
    Left,
}

pub struct Slot {
    pub partition: Partition,
    /// Whether it is this pod's.
    pub ours: bool,
    pub phase: Phase,
    /// Asks the running partition to leave.
    pub stop: CancellationToken,
    /// What it says of itself.
    pub status: watch::Receiver<Status>,
    /// How often it was started: what an earlier run says is no news.
    pub run: u64,
    started: Option<Instant>,
    failures: u32,
    /// When it was found last that it cannot be served.
    refused: Option<Instant>,
    start: Start,
    /// What it had not read at this time, once that has been counted.
    pub unread: Option<(Timestamp, Ahead)>,
}

impl Slot {
    pub fn new(partition: Partition, ours: bool) -> Slot {
        let unstarted = Phase::Held("the clock has not been compared with the server's yet");
        Slot {
            partition,
            ours,
            phase: if ours { unstarted } else { Phase::Elsewhere },
            stop: CancellationToken::new(),
            status: watch::channel(Status::default()).1,
            run: 0,
            started: None,
            failures: 0,
            refused: None,
            start: Start::Anew,
            unread: None,
        }
    }

    /// It is this pod's from now on.
    pub fn take(&mut self) {
        self.ours = true;
        self.failures = 0;
        self.unread = None;
        self.start = Start::Anew;
        self.phase = Phase::Held("it is about to be started");
    }

    pub fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    pub fn is_serving(&self) -> bool {
        self.is_running() && self.status.borrow().serving
    }

    /// Whether it is served, for those who look at metrics.
    pub fn stands(&self) -> Stands {
        let refused = matches!(self.phase, Phase::Refused(_));
        match self.is_serving() {
            true => Stands::Serving,
            false if refused || (self.is_running() && self.status.borrow().frozen) => {
                Stands::NeedsOperator
            }
            false => Stands::NotServing,
        }
    }

    /// Goes on to the next run; the way in which it begins.
    pub fn begin(&mut self, status: watch::Receiver<Status>, stop: CancellationToken) -> Start {
        self.phase = Phase::Running;
        self.status = status;
        self.stop = stop;
        self.run += 1;
        self.started = Some(Instant::now());
        std::mem::take(&mut self.start)
    }

    /// Notes that its run ended; how long to wait for the next, if there is to be one. A run that
    /// lasted makes up for the failures before it.
    pub fn end(&mut self, exit: Option<&Exit>, back_off: &BackOff) -> Option<Duration> {
        let lasted = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        if lasted > back_off.max * 2 {
            self.failures = 0;
        }
        let why = exit.map_or("it panicked".to_owned(), |exit| format!("{exit:?}"));
        match policy::next(exit, self.failures, back_off) {
            Next::Stay => {
                self.phase = Phase::Left;
                None
            }
            Next::Refused(why) => {
                let partition = self.partition;
                tracing::error!(partition, why, "the partition is not served");
                self.refused = Some(Instant::now());
                self.phase = Phase::Refused(why);
                None
            }
            Next::Start { after, start } => {
                let partition = self.partition;
                tracing::warn!(partition, why, ?after, "the partition stopped, and starts again");
                self.failures = self.failures.saturating_add(1);
                self.start = start;
                self.phase = Phase::BackingOff(why);
                Some(after)
            }
        }
    }

    /// Whether it may be found by now that it can be served again: an operator may have seen to it.
    pub fn is_worth_another_look(&self, after: Duration) -> bool {
        let long_ago = self.refused.is_some_and(|refused| refused.elapsed() >= after);
        self.ours && matches!(self.phase, Phase::Refused(_)) && long_ago
    }

    /// What must be kept for it of EARMARK_IN; nothing is known before it has recovered.
    pub fn needed(&self) -> Option<Needed> {
        let status = self.status.borrow();
        status.needed.filter(|_| status.serving)
    }

    /// The same of EARMARK_CMD.
    pub fn needed_commands(&self) -> Option<u64> {
        let status = self.status.borrow();
        status.serving.then_some(status.needed_commands)
    }

    fn recovers(&self, status: &Status) -> bool {
        self.is_running() && !(status.serving || status.unanswered || status.frozen)
    }

    /// Why it is not served, where that is this pod's to say.
    fn why(&self, status: &Status) -> Option<String> {
        match &self.phase {
            Phase::Elsewhere => None,
            Phase::Running if status.unanswered => Some("the journal does not answer".to_owned()),
            Phase::Running if status.frozen => Some(FROZEN.to_owned()),
            Phase::Running if status.serving => None,
            Phase::Running => Some("it recovers".to_owned()),
            Phase::Held(why) => Some((*why).to_owned()),
            Phase::BackingOff(why) => Some(format!("it stopped and waits: {why}")),
            Phase::Refused(why) => Some(format!("it refuses to serve: {why}")),
            Phase::Left => Some("it was stopped".to_owned()),
        }
    }

    /// What its lease says of it. `now` is the log's time.
    pub fn news(&self, now: Timestamp, level: Level) -> News {
        let status = self.status.borrow().clone();
        let phase = match &self.phase {
            Phase::Running if status.frozen => lease::Phase::Waiting,
            Phase::Running if status.serving => lease::Phase::Serving,
            Phase::Running => lease::Phase::Recovering,
            _ => lease::Phase::Waiting,
        };
        let waiting = status.waiting as u64;
        let age = |at: Timestamp, of: Timestamp| ((at - of).0 as f64 / 1e6).max(0.0);
        let (unread, oldest_unread_s) = match self.unread {
            // What waits has been read, and not decided. Nobody knows here how old it is.
            Some((_, ahead)) if waiting > 0 => (ahead.lowers.messages + waiting, None),
            Some((at, Ahead { lowers, .. })) => {
                (lowers.messages, lowers.oldest.map(|oldest| age(at, oldest)))
            }
            None => (1, None),
        };
        let raises = self.unread.and_then(|(at, ahead)| Some((at, ahead.raises.oldest?)));
        News {
            phase,
            why: self.why(&status).filter(|_| phase != lease::Phase::Recovering),
            position: status.position,
            snapshot: status.snapshot,
            at: time::format(self.unread.map_or(now, |(at, _)| at)),
            unread,
            oldest_unread_s,
            oldest_addition_s: raises.map(|(at, oldest)| age(at, oldest)),
            level,
            needed: self.needed(),
            format: status.format,
        }
    }

    pub fn report(&self) -> PartitionReport {
        let status = self.status.borrow().clone();
        PartitionReport {
            partition: self.partition,
            ours: self.ours,
            serving: self.is_serving(),
            recovers: self.recovers(&status),
            refuses: matches!(self.phase, Phase::Refused(_)),
            why: self.why(&status),
            position: status.position.sequence,
            quarantined: status.quarantined,
            waiting: status.waiting,
        }
    }
}
