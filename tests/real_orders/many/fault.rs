//! What befalls the cluster, in words, and what befalls it when: the same for the same seed.

use std::time::Duration;

use crate::convert::twice;

/// Longer than a lease: what a pod had is another's meanwhile.
const LONG: Duration = Duration::from_millis(4_000);
/// Longer than anybody waits for Redis: there are no leases on it.
const SHORT: Duration = Duration::from_millis(1_500);
/// How often everything befalls the cluster alone before two of it do at once.
const ALONE: usize = 1;

/// Whom it befalls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Realm {
    Servers,
    Pods,
    Redis,
}

/// What befalls the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    PodKilled,
    PodFrozen,
    PodCutOff,
    PodSlow,
    PodReplaced,
    PodOutOfFiles,
    PodOutOfMemory,
    PodClockOff,
    PodClockWrong,
    LeaderKilled,
    ServerFrozen,
    ServerCutOff,
    ServerSlow,
    ServersRestarted,
    ServerDiskFull,
    RedisKilled,
    RedisFrozen,
    RedisCutOff,
    RedisSlow,
    RedisFlushed,
    RedisRolledBack,
    RedisFailedOver,
    RedisOutOfMemory,
    RedisDiskFull,
}

/// All of it, whom it befalls, and what is done.
const TABLE: [(Fault, Realm, &str); 24] = [
    (Fault::PodKilled, Realm::Pods, "a pod is killed, another comes 4 s later"),
    (Fault::PodFrozen, Realm::Pods, "a pod stands still for 4 s (SIGSTOP), and goes on"),
    (Fault::PodCutOff, Realm::Pods, "what a pod and NATS say to each other is lost for 4 s"),
    (Fault::PodSlow, Realm::Pods, "a pod's ways to NATS and Redis take 0.2 s longer, each way"),
    (Fault::PodReplaced, Realm::Pods, "another pod comes, and one is asked to leave"),
    (
        Fault::PodOutOfFiles,
        Realm::Pods,
        "a pod may open no file and no connection, and loses those to NATS and Redis",
    ),
    (
        Fault::PodOutOfMemory,
        Realm::Pods,
        "a pod gets no more memory, until it ends by that; another comes",
    ),
    (
        Fault::PodClockOff,
        Realm::Pods,
        "a pod's clock jumps by 1.5 s, and back: less than is allowed",
    ),
    (
        Fault::PodClockWrong,
        Realm::Pods,
        "a pod's clock jumps by ten minutes, and back: it serves nothing meanwhile",
    ),
    (Fault::LeaderKilled, Realm::Servers, "the nats-server that leads the journal is killed"),
    (Fault::ServerFrozen, Realm::Servers, "a nats-server stands still for 4 s (SIGSTOP)"),
    (
        Fault::ServerCutOff,
        Realm::Servers,
        "a nats-server does not reach the others, but its clients",
    ),
    (Fault::ServerSlow, Realm::Servers, "a nats-server's ways to the others take 0.1 s longer"),
    (Fault::ServersRestarted, Realm::Servers, "all three nats-servers are killed, one by one"),
    (
        Fault::ServerDiskFull,
        Realm::Servers,
        "the disk of a nats-server is full, until it gives JetStream up; it is started again",
    ),
    (Fault::RedisKilled, Realm::Redis, "Redis is killed, and started again 1.5 s later"),
    (Fault::RedisFrozen, Realm::Redis, "Redis stands still for 1.5 s (SIGSTOP)"),
    (Fault::RedisCutOff, Realm::Redis, "what is said to Redis, and by it, is lost for 1.5 s"),
    (Fault::RedisSlow, Realm::Redis, "the way to Redis takes 0.3 s longer, each way"),
    (Fault::RedisFlushed, Realm::Redis, "Redis is killed, and comes back empty"),
    (
        Fault::RedisRolledBack,
        Realm::Redis,
        "Redis is killed, and comes back as it was at the beginning",
    ),
    (Fault::RedisFailedOver, Realm::Redis, "Redis is killed, and its replica takes its place"),
    (Fault::RedisOutOfMemory, Realm::Redis, "Redis has no memory left, and takes no writes"),
    (Fault::RedisDiskFull, Realm::Redis, "the disk of Redis is full, so that it takes no writes"),
];

impl Fault {
    fn row(self) -> &'static (Fault, Realm, &'static str) {
        TABLE.iter().find(|(fault, ..)| *fault == self).expect("every fault is in the table")
    }

    /// Every fault, in the table's order.
    pub fn all() -> impl Iterator<Item = Fault> {
        TABLE.iter().map(|(fault, ..)| *fault)
    }

    /// Whom it befalls.
    pub fn realm(self) -> Realm {
        self.row().1
    }

    /// What is done.
    pub fn what(self) -> &'static str {
        self.row().2
    }

    /// How long it lasts. What is done at once lasts until the cluster is well again.
    pub fn lasts(self) -> Duration {
        match self {
            Fault::PodReplaced
            | Fault::ServersRestarted
            | Fault::RedisFlushed
            | Fault::RedisRolledBack
            | Fault::RedisFailedOver => Duration::ZERO,
            other if other.realm() == Realm::Redis => SHORT,
            _ => LONG,
        }
    }

    /// Whether it is that a disk is full.
    pub fn fills(self) -> bool {
        matches!(self, Fault::ServerDiskFull | Fault::RedisDiskFull)
    }

    /// Whether it takes a disk of its own, and so root, or a clock that can be set.
    fn takes_more(self) -> bool {
        use Fault::{PodClockOff, PodClockWrong, RedisDiskFull, ServerDiskFull};
        matches!(self, PodClockOff | PodClockWrong | ServerDiskFull | RedisDiskFull)
    }
}

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Faults {
    /// What takes nothing but the servers, each alone.
    Plain,
    /// All of it, first alone and then two at a time.
    All,
    /// These alone.
    Only(Vec<Fault>),
}

impl Faults {
    /// What `EARMARK_FAULTS` says: nothing, `all`, or names.
    pub fn named(names: Option<&str>) -> Faults {
        match names {
            None | Some("") => Faults::Plain,
            Some("all") => Faults::All,
            Some(names) => Faults::Only(names.split(',').map(named).collect()),
        }
    }

    /// Whether servers have disks of their own, and pods a clock that can be set.
    pub fn take_more(&self) -> bool {
        match self {
            Faults::Plain => false,
            Faults::All => true,
            Faults::Only(faults) => faults.iter().any(|fault| fault.takes_more()),
        }
    }

    fn kinds(&self) -> Vec<Fault> {
        match self {
            Faults::Plain => Fault::all().filter(|fault| !fault.takes_more()).collect(),
            Faults::All => Fault::all().collect(),
            Faults::Only(faults) => faults.clone(),
        }
    }

    /// What befalls the cluster in each cycle; nothing in the first, where all is played. Without
    /// a number, each once.
    pub fn cycles(&self, seed: u64, cycles: Option<usize>) -> Vec<Vec<Fault>> {
        let kinds = self.kinds();
        let cycles = cycles.unwrap_or(kinds.len());
        let rounds = if *self == Faults::All { ALONE } else { cycles.div_ceil(kinds.len()) };
        let alone = (0..rounds).flat_map(|round| {
            shuffled(kinds.iter().map(|fault| vec![*fault]).collect(), seed, &round.to_string())
        });
        let (calm, pairs) = match self {
            Faults::All => (Some(vec![]), shuffled(pairs(&kinds), seed, "pairs")),
            Faults::Plain | Faults::Only(_) => (None, vec![]),
        };
        calm.into_iter().chain(alone).chain(pairs).take(cycles).collect()
    }
}

fn named(name: &str) -> Fault {
    let found = Fault::all().find(|fault| format!("{fault:?}") == name);
    found.unwrap_or_else(|| panic!("EARMARK_FAULTS: {name} is none of {:?}", Faults::All.kinds()))
}

/// Two at a time, the servers' first. Two servers of three are no cluster, and one Redis is no two:
/// only pods suffer two at once.
fn pairs(kinds: &[Fault]) -> Vec<Vec<Fault>> {
    let both = |one: Fault| kinds.iter().map(move |other| (one, *other));
    let pairs = kinds.iter().flat_map(|one| both(*one)).filter(|(one, other)| {
        one.realm() < other.realm() || one.realm() == Realm::Pods && other.realm() == Realm::Pods
    });
    pairs.map(|(one, other)| vec![one, other]).collect()
}

fn shuffled(mut cycles: Vec<Vec<Fault>>, seed: u64, why: &str) -> Vec<Vec<Fault>> {
    cycles.sort_by_key(|faults| twice::draw(seed, "fault", &format!("{why}{faults:?}")));
    cycles
}
