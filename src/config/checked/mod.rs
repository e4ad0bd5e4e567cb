//! The settings as the rest of the code takes them: in range, in agreement with one another, and
//! with their units in their types.

mod letters;
mod ranges;
mod relations;
mod secret;
mod sections;

use std::{net::SocketAddr, time::Duration};

pub use self::{
    letters::DeadLetters,
    secret::{Hidden, Secret},
};
use self::{
    letters::{catalogue, dead_letters},
    ranges::Check,
    relations::relations,
    sections::{
        bounds, cluster, engine, http, keeping, limits, log, nats, orders, outcomes, policy,
        promotions, publish, query, reader, redis, safe_mode, streams, supervisor,
    },
};
use super::{Problems, raw::Raw};
use crate::{
    cluster::Rules,
    contract::Limits,
    control,
    domain::{policy::Policy, time::Span},
    embedded::Keeping,
    nats::{NatsSettings, ReaderSettings, StreamSettings},
    partition::{Bounds, Limit, Published},
    query as asking,
    redis::RedisSettings,
    supervisor::safe_mode::Thresholds,
};

/// Everything.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How to reach NATS.
    pub nats: NatsSettings,
    /// How to reach Redis.
    pub redis: RedisSettings,
    /// What the streams are set up with.
    pub streams: StreamSettings,
    /// How streams are read.
    pub reader: ReaderSettings,
    /// What events may look like.
    pub limits: Limits,
    /// What decisions depend on.
    pub policy: Policy,
    /// What is published of what was decided.
    pub published: Published,
    /// How much a partition may hold.
    pub bounds: Bounds,
    /// The rest of the engine.
    pub engine: Engine,
    /// How pods share the partitions.
    pub cluster: Cluster,
    /// How partitions are watched.
    pub supervisor: Supervisor,
    /// When less than everything is done.
    pub safe_mode: SafeMode,
    /// For how long operators may order something.
    pub control: control::Bounds,
    /// What promotions they may announce.
    pub promotions: control::PromotionBounds,
    /// How long a directory keeps what others read.
    pub keeping: Keeping,
    /// How `earmark publish` publishes.
    pub publish: Publish,
    /// The HTTP port.
    pub http: Http,
    /// How questions are answered.
    pub query: asking::Settings,
    /// How dead letters are looked at and replayed.
    pub dead_letters: DeadLetters,
    /// How the log is written.
    pub log: Log,
}

/// What runs the partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Engine {
    /// The pod's name, where one is given.
    pub pod: Option<String>,
    /// Threads that the partitions are spread over.
    pub arbiters: usize,
    /// Messages that a partition takes at a time from each source.
    pub read_messages: usize,
    /// Live entities of the whole pod, beyond which the longest unused are passivated.
    pub live_entities: usize,
    /// How much of the journal is read at a time, in bytes.
    pub journal_page_bytes: usize,
}

/// How pods share the partitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Whether leases say who serves a partition. If not, this pod serves all.
    pub leased: bool,
    /// How notes live.
    pub rules: Rules,
    /// The newest format of records that is read and written.
    pub format_max: u8,
    /// For how long the members must have been the same before a newer format is written.
    pub format_after: Duration,
}

/// How partitions are watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supervisor {
    /// How long a stopped partition waits the first time.
    pub restart_first: Duration,
    /// The longest that it waits.
    pub restart_max: Duration,
    /// How often clocks, servers and lags are looked at.
    pub watch_every: Duration,
    /// How often streams are purged.
    pub purge_every: Duration,
    /// How far the pod's clock may be off.
    pub clock_off_max: Duration,
    /// How long EARMARK_IN keeps what has been decided.
    pub in_keep: Span,
}

/// When less than everything is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SafeMode {
    /// Whether the pod's own load changes its level.
    pub automatic: bool,
    /// When it rises and falls.
    pub thresholds: Thresholds,
    /// What one SKU may take of what the pod can decide while there is too much, from 0 to 1.
    pub sku_share: f64,
    /// How fast the pod may be.
    pub limit: Limit,
}

/// How `earmark publish` publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Events that wait for their acknowledgement.
    pub in_flight_max: usize,
    /// How long a publish that failed waits the first time.
    pub retry_after: Duration,
    /// How long it is tried while the log takes nothing.
    pub give_up_after: Duration,
    /// What a pod's door is shown.
    pub token: Hidden,
}

/// The HTTP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Where it is served.
    pub listen: SocketAddr,
    /// What requests to /v1 must bring, where one is set.
    pub token: Option<Secret>,
    /// How long an event waits for its decision.
    pub wait: Duration,
    /// The longest that a request may ask for.
    pub wait_max: Duration,
    /// How long publishing is tried.
    pub publish_within: Duration,
    /// How long a publish that failed waits the first time.
    pub retry_after: Duration,
    /// The largest body.
    pub body_bytes_max: usize,
    /// All bodies together.
    pub bodies_bytes_max: usize,
    /// How long a body may take to come.
    pub body_within: Duration,
    /// Events under way.
    pub in_flight_max: usize,
    /// Answers that are kept for later.
    pub answers_max: usize,
    /// How long they are kept.
    pub answers_keep: Duration,
}

/// How the log is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// For whom.
    pub format: LogFormat,
    /// Which lines.
    pub level: String,
}

/// For whom the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: a JSON object a line.
    Json,
}

/// Checks everything, and says everything that is wrong.
pub fn check(raw: &Raw) -> Result<Settings, Problems> {
    let mut check = Check::default();
    let settings = Settings {
        nats: nats(&mut check, raw),
        redis: redis(&mut check, raw),
        streams: streams(&mut check, raw),
        reader: reader(&mut check, raw),
        limits: limits(&mut check, raw),
        policy: policy(&mut check, raw),
        published: Published { catalogue: catalogue(&mut check, raw), ..outcomes(&mut check, raw) },
        bounds: bounds(&mut check, raw),
        engine: engine(&mut check, raw),
        cluster: cluster(&mut check, raw),
        supervisor: supervisor(&mut check, raw),
        safe_mode: safe_mode(&mut check, raw),
        control: orders(&mut check, raw),
        promotions: promotions(&mut check, raw),
        keeping: keeping(raw),
        publish: publish(&mut check, raw),
        http: http(&mut check, raw),
        query: query(&mut check, raw),
        dead_letters: dead_letters(&mut check, raw),
        log: log(&mut check, raw),
    };
    relations(&mut check, raw);
    match check.problems.is_empty() {
        true => Ok(settings),
        false => Err(Problems(check.problems)),
    }
}
