//! Where a scenario is played: the real engine in this process, on a store in memory or on servers,
//! and on a clock that is set.

use std::{path::Path, sync::Arc, time::Duration};

use actix::{Actor, Addr};

use super::said::{Logs, Said};
use crate::{
    app::{self, Adapters},
    config::Settings,
    contract::partition_of,
    domain::{ids::EntityKey, time::Timestamp},
    embedded::{Embedded, EmbeddedPublisher, Options},
    error::{Exit, Failure},
    hosted::{SetClock, Shift, Shifted, settled},
    inspecting::{Found, Kept, fold},
    nats::{Connections, NatsDepths, NatsPublisher, connect::open_role, reset, setup},
    partition::{self, Ports, Published},
    ports::{Input, Partition, Publisher},
    redis::RedisSnapshots,
    supervisor::{Ask, AskPartitions, Depths, Leave, Supervisor},
};

/// Few partitions settle sooner; with one alone nothing would go from one to another.
const PARTITIONS: Partition = 2;
/// How often it is looked in the store whether there is anything new.
const EVERY: Duration = Duration::from_millis(1);
/// The same on a server, which is asked over the network.
const EVERY_ON_SERVERS: Duration = Duration::from_millis(20);
/// Nothing takes longer than this to be decided to the end.
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// The streams of a scenario are small: a server sets their size aside.
const STREAM_BYTES: i64 = 64 << 20;

/// Where everything is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// In memory.
    Memory,
    /// On nats-server and Redis.
    Servers {
        /// Whatever Earmark has there may be deleted.
        reset: bool,
    },
}

/// An engine that waits for what comes next.
pub(super) struct Stage {
    clock: SetClock,
    /// On servers: the server's own time, and which time of the clock's that is.
    times: Option<(Arc<dyn Input>, Arc<Shift>)>,
    ports: Ports,
    depths: Arc<dyn Depths>,
    supervisor: Addr<Supervisor>,
    pub publisher: Arc<dyn Publisher>,
    pub said: Said,
}

impl Stage {
    /// Starts an engine of its own at this time.
    pub async fn open(settings: &Settings, home: Home, at: Timestamp) -> Result<Stage, Failure> {
        let clock = SetClock::default();
        clock.set(at);
        let settings = hurried(settings.clone(), home);
        match home {
            Home::Memory => Stage::in_memory(&settings, clock).await,
            Home::Servers { reset } => Stage::on_servers(&settings, clock, at, reset).await,
        }
    }

    async fn in_memory(settings: &Settings, clock: SetClock) -> Result<Stage, Failure> {
        let shown = Arc::new(clock.clone());
        let options = Options { clock: shown, drained_every: EVERY, ..Options::default() };
        let store = Embedded::in_memory(options)?;
        app::set_up(&store, Path::new("memory"), PARTITIONS).await?;
        let publisher = Arc::new(EmbeddedPublisher::new(store.clone(), PARTITIONS));
        let adapters = app::embedded(&store);
        Ok(Stage::start(settings, clock, None, adapters, publisher, Logs::Store(store)))
    }

    async fn on_servers(
        settings: &Settings,
        clock: SetClock,
        at: Timestamp,
        reset: bool,
    ) -> Result<Stage, Failure> {
        let nats = &settings.nats;
        let control = open_role(nats, "scenario", nats.request_timeout_ms).await?;
        empty(settings, &control, reset).await?;
        setup::apply(&control, &settings.streams).await?;
        let connections = Connections::open(nats).await?;
        let mut ports = app::ports(settings, &connections)?;
        let shift = Arc::new(Shift::default());
        let server = ports.input.clone();
        shift.set(server.server_time().await?, at);
        ports.input = Arc::new(Shifted::new(server.clone(), shift.clone()));
        ports.clock = Arc::new(clock.clone());
        let seeded = partition::seed_all(&*ports.journal, PARTITIONS, &clock).await;
        seeded.map_err(|exit| Failure::new(Exit::Failed, format!("{exit:?}")))?;
        let depths = Arc::new(NatsDepths::new(control.clone()));
        let publisher = Arc::new(NatsPublisher::new(control.clone()));
        let adapters =
            Adapters { ports, depths, stores: ["NATS", "Redis"], leases: None, control: None };
        let times = Some((server, shift));
        Ok(Stage::start(settings, clock, times, adapters, publisher, Logs::Streams(control)))
    }

    fn start(
        settings: &Settings,
        clock: SetClock,
        times: Option<(Arc<dyn Input>, Arc<Shift>)>,
        adapters: Adapters,
        publisher: Arc<dyn Publisher>,
        logs: Logs,
    ) -> Stage {
        let (ports, depths) = (adapters.ports.clone(), adapters.depths.clone());
        let supervisor = Supervisor::new(app::plan(settings, adapters)).start();
        Stage { clock, times, ports, depths, supervisor, publisher, said: Said::new(logs) }
    }

    /// Sets the clock, and waits until what was due by then has been done.
    pub async fn pass(&self, at: Timestamp) -> Result<(), Failure> {
        self.clock.set(at);
        if let Some((server, shift)) = &self.times {
            shift.set(server.server_time().await?, at);
        }
        self.settle(at).await
    }

    /// Waits until everything that was published has been decided to the end.
    pub async fn settle(&self, at: Timestamp) -> Result<(), Failure> {
        let settled = settled(&*self.depths, &self.supervisor, at);
        match tokio::time::timeout(SETTLED_WITHIN, settled).await {
            Ok(Ok(statuses)) => match statuses.iter().map(|of| of.quarantined).sum::<usize>() {
                0 => Ok(()),
                many => {
                    let text = format!("{many} of the SKUs and orders decide no more");
                    let action = "this is a fault of Earmark's: the log says what happened";
                    Err(Failure::new(Exit::Failed, text).advise(action))
                }
            },
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(self.unsettled().await),
        }
    }

    async fn unsettled(&self) -> Failure {
        let mut why = match self.supervisor.send(Ask).await {
            Ok(report) => report.why,
            Err(error) => vec![error.to_string()],
        };
        let statuses = self.supervisor.send(AskPartitions).await.unwrap_or_default();
        for (partition, of) in statuses.iter().enumerate().filter(|(_, of)| !of.settled) {
            why.push(format!("partition {partition} has not let everything leave: {of:?}"));
        }
        let text = format!("not everything was decided in {SETTLED_WITHIN:?}: {}", why.join("; "));
        Failure::new(Exit::Failed, text)
    }

    /// What the journal has of an entity.
    pub async fn look(&self, key: &EntityKey) -> Result<Found, Failure> {
        let partition = partition_of(key, PARTITIONS);
        let journal = &*self.ports.journal;
        let kept = Kept { journal, shelf: None, partition, partitions: PARTITIONS };
        fold(&kept, key, None, |_, _, _| {}).await
    }

    /// Ends the engine.
    pub async fn close(self) {
        // One that is gone already has left.
        let _ = self.supervisor.send(Leave).await;
    }
}

/// The same decisions, sooner; the clock is set, and therefore right.
fn hurried(mut settings: Settings, home: Home) -> Settings {
    let every = match home {
        Home::Memory => EVERY,
        Home::Servers { .. } => EVERY_ON_SERVERS,
    };
    settings.streams.partitions = PARTITIONS;
    settings.streams.in_max_bytes = STREAM_BYTES;
    settings.streams.cmd_max_bytes = STREAM_BYTES;
    settings.streams.journal_max_bytes = STREAM_BYTES;
    settings.streams.snapshots_max_bytes = STREAM_BYTES;
    settings.reader.drain_check_ms = EVERY_ON_SERVERS.as_millis() as u64;
    settings.bounds.tick = every;
    settings.bounds.cold_due_interval = every;
    settings.engine.pod = Some("scenario".to_owned());
    settings.engine.arbiters = 1;
    settings.supervisor.clock_off_max = Duration::MAX;
    settings.published = Published::default();
    settings
}

/// Makes certain that nothing is on the servers: by deleting it, or by refusing them.
async fn empty(
    settings: &Settings,
    nats: &async_nats::jetstream::Context,
    may_delete: bool,
) -> Result<(), Failure> {
    let redis = RedisSnapshots::new(settings.redis.clone())?;
    let (streams, keys) = (reset::found(nats).await?, redis.keys_found().await?);
    if may_delete {
        reset::delete(nats, &streams).await?;
        redis.delete_all().await?;
        return Ok(());
    }
    let mut found: Vec<String> =
        streams.iter().map(|(name, messages)| format!("{name} ({messages} messages)")).collect();
    if keys > 0 {
        found.push(format!("{keys} keys in Redis"));
    }
    if found.is_empty() {
        return Ok(());
    }
    let text = format!("the servers are not empty: {}", found.join(", "));
    let action = "name servers on which Earmark has nothing (EARMARK_NATS_URL, \
                  EARMARK_REDIS_URL), or say --reset, which deletes all that Earmark has there";
    Err(Failure::new(Exit::Failed, text).advise(action))
}
