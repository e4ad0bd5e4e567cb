//! One run of one contestant in one setting: servers of its own, the clock from the opened gate to
//! the last outcome delivered, and the check of what was delivered.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use async_nats::jetstream::Context;
use earmark::nats::names;

use crate::{
    check,
    earmark_pod::{Pod, Told},
    floor,
    harness::RedisServer,
    listener::Listener,
    log::{LOOK_EVERY, last_sequence, messages},
    rivals::{
        Rival,
        postgres::Postgres,
        redis_lua::{Calls, RedisLua},
    },
    servers::{self, Fsync, Nats, PostgresServer, Store},
    workload::{Kind, Workload},
};

/// How long anything may take.
const BOUND: Duration = Duration::from_secs(120);
/// Nothing has changed for so long: nothing will.
const STILL: Duration = Duration::from_millis(100);

/// How outcomes are delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// Answered on a core NATS subject.
    Answered,
    /// Published to a stream, and acknowledged.
    Published,
}

impl Delivery {
    pub fn name(self) -> &'static str {
        match self {
            Delivery::Answered => "answered",
            Delivery::Published => "published",
        }
    }
}

/// What is decided, how outcomes are delivered, and when the log is synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Setting {
    pub kind: Kind,
    pub delivery: Delivery,
    pub fsync: Fsync,
}

impl Setting {
    /// All of them. What becomes of an order is not known when it is answered, so that orders are
    /// published only.
    pub fn all() -> Vec<Setting> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            for delivery in [Delivery::Answered, Delivery::Published] {
                if (kind, delivery) == (Kind::Orders, Delivery::Answered) {
                    continue;
                }
                all.extend(Fsync::ALL.map(|fsync| Setting { kind, delivery, fsync }));
            }
        }
        all
    }

    pub fn slug(self) -> String {
        format!("{}/{}/{}", self.kind.slug(), self.delivery.name(), self.fsync.name())
    }
}

/// Who reads and decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Contestant {
    Floor,
    Chain,
    Earmark,
    Shipped,
    RedisEach,
    RedisTogether,
    Postgres,
}

impl Contestant {
    /// Who runs in a setting: the floor first, which the others are compared with.
    pub fn of(setting: Setting) -> Vec<Contestant> {
        let published = setting.delivery == Delivery::Published;
        let mut of = vec![Contestant::Floor];
        of.extend(published.then_some(Contestant::Chain));
        of.push(Contestant::Earmark);
        of.extend(published.then_some(Contestant::Shipped));
        of.extend([Contestant::RedisEach, Contestant::RedisTogether, Contestant::Postgres]);
        of
    }

    pub fn name(self) -> &'static str {
        match self {
            Contestant::Floor => "floor: read",
            Contestant::Chain => "floor: read, parse, publish",
            Contestant::Earmark => "Earmark",
            Contestant::Shipped => "Earmark, availability too",
            Contestant::RedisEach => "Redis, a script an event",
            Contestant::RedisTogether => "Redis, 256 events a script",
            Contestant::Postgres => "PostgreSQL, 256 a transaction",
        }
    }

    pub fn slug(self) -> &'static str {
        match self {
            Contestant::Floor => "floor",
            Contestant::Chain => "chain",
            Contestant::Earmark => "earmark",
            Contestant::Shipped => "shipped",
            Contestant::RedisEach => "redis-each",
            Contestant::RedisTogether => "redis-256",
            Contestant::Postgres => "postgres-256",
        }
    }
}

/// Servers that serve every run.
pub struct Lasting {
    pub postgres: Option<PostgresServer>,
}

/// A contestant that decides. The servers that are its own end after it.
pub enum Decider {
    Earmark { pod: Pod, _redis: RedisServer },
    Rival { rival: Rival, _redis: Option<RedisServer> },
}

impl Decider {
    /// Starts one that has the workload's stock and reads no demand yet.
    pub async fn start(
        contestant: Contestant,
        setting: Setting,
        workload: &Workload,
        nats: &Nats,
        lasting: &Lasting,
        listener: &Listener,
    ) -> Result<Decider> {
        let answered = setting.delivery == Delivery::Answered;
        if matches!(contestant, Contestant::Earmark | Contestant::Shipped) {
            let availability = contestant == Contestant::Shipped;
            let redis = servers::redis().await;
            let told = Told { answered, availability };
            let pod = Pod::start(nats, &redis, setting.fsync, told).await?;
            listener.wait(workload.stocked(), BOUND).await.context("take in the stock")?;
            still(&nats.context().await?).await?;
            return Ok(Decider::Earmark { pod, _redis: redis });
        }
        if contestant == Contestant::Postgres {
            let server = lasting.postgres.as_ref().context("PostgreSQL was not started")?;
            let store = Arc::new(Postgres::new(server, setting.fsync, workload).await?);
            let rival = Rival::start(nats, store, answered).await?;
            return Ok(Decider::Rival { rival, _redis: None });
        }
        let calls = match contestant {
            Contestant::RedisEach => Calls::Each,
            _ => Calls::Together,
        };
        let redis = servers::redis().await;
        let store = Arc::new(RedisLua::new(&redis, calls, workload).await?);
        let rival = Rival::start(nats, store, answered).await?;
        Ok(Decider::Rival { rival, _redis: Some(redis) })
    }

    /// How many answers have come before any demand was read.
    pub fn answered_before(&self, workload: &Workload) -> usize {
        match self {
            Decider::Earmark { .. } => workload.stocked(),
            Decider::Rival { .. } => 0,
        }
    }

    /// Demand is read from now on.
    pub fn open(&self) -> Instant {
        let now = Instant::now();
        match self {
            Decider::Earmark { pod, .. } => pod.open(),
            Decider::Rival { rival, .. } => rival.open(),
        }
        now
    }

    /// Returns only when it cannot go on.
    pub async fn failed(&mut self) -> anyhow::Error {
        match self {
            Decider::Earmark { .. } => std::future::pending().await,
            Decider::Rival { rival, .. } => rival.failed().await,
        }
    }

    pub async fn stop(self) -> Result<()> {
        match self {
            Decider::Earmark { pod, .. } => pod.leave().await,
            Decider::Rival { rival, .. } => {
                rival.stop().await;
                Ok(())
            }
        }
    }
}

/// Runs one; how long it took.
pub async fn run(
    contestant: Contestant,
    setting: Setting,
    workload: &Workload,
    store: &Store,
    lasting: &Lasting,
) -> Result<Duration> {
    let nats = Nats::start(setting.fsync, Some(store)).await?;
    match contestant {
        Contestant::Floor => return floor::read(&nats, workload.published.len()).await,
        Contestant::Chain => return floor::chain(&nats, workload.published.len()).await,
        _ => {}
    }
    let listener = Listener::start(nats.port())?;
    let mut decider =
        Decider::start(contestant, setting, workload, &nats, lasting, &listener).await?;
    let before = decider.answered_before(workload);
    let context = nats.context().await?;
    let began = decider.open();
    let all = async {
        match setting.delivery {
            Delivery::Answered => {
                listener.wait(before + workload.published.len(), BOUND).await.map(|()| None)
            }
            Delivery::Published => all_published(&context, workload, began).await.map(Some),
        }
    };
    let published = tokio::select! {
        all = all => all?,
        why = decider.failed() => return Err(why),
    };
    decider.stop().await?;
    let heard = listener.finish()?;
    match setting.delivery {
        Delivery::Answered => check::answers(workload, &heard)?,
        Delivery::Published => check::outcomes(workload, &context).await?,
    }
    let last = heard.answers.last().map(|answer| answer.at);
    let ended = published.or(last).context("nothing was delivered")?;
    Ok(ended - began)
}

/// Waits until nothing more is shown in EARMARK_AVAILABILITY.
async fn still(context: &Context) -> Result<()> {
    let (mut last, mut since) = (0, Instant::now());
    while since.elapsed() < STILL {
        tokio::time::sleep(LOOK_EVERY).await;
        let seen = last_sequence(context, names::AVAILABILITY).await?;
        if std::mem::replace(&mut last, seen) != seen {
            since = Instant::now();
        }
    }
    Ok(())
}

/// Waits until every request has its outcome in EARMARK_OUT and nothing more is shown; when that
/// was.
async fn all_published(context: &Context, workload: &Workload, began: Instant) -> Result<Instant> {
    let wanted = workload.requests.len() as u64;
    let (mut last, mut since) = ((0, 0), began);
    loop {
        let out = messages(context, names::OUT).await?;
        let shown = last_sequence(context, names::AVAILABILITY).await?;
        if std::mem::replace(&mut last, (out, shown)) != (out, shown) {
            since = Instant::now();
        }
        if out >= wanted && since.elapsed() > STILL {
            return Ok(since);
        }
        if began.elapsed() > BOUND {
            bail!("{out} of {wanted} outcomes were published within {BOUND:?}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
