//! Earmark as shipped, hosted here: the real adapters, partitions and supervisor over the real
//! servers, with the demand lane held back until the clock starts.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{Actor, Addr};
use anyhow::{Result, anyhow, bail};
use earmark::{
    app,
    config::{self, Settings, checked::SafeMode},
    nats::{Connections, NatsDepths},
    partition::Formats,
    query::Desks,
    supervisor::{Ask, Leave, Plan, Supervisor},
    telemetry::exporter,
};
use tokio::sync::watch;

use crate::{
    gate::Gated,
    harness::RedisServer,
    log::{LOOK_EVERY, PARTITIONS},
    servers::{Fsync, Nats},
};

const BOUND: Duration = Duration::from_secs(120);

/// A pod that serves all partitions and reads no demand yet.
pub struct Pod {
    supervisor: Addr<Supervisor>,
    gate: watch::Sender<bool>,
}

/// What Earmark is told to do.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    /// Answered on core NATS, or published.
    pub answered: bool,
    /// Whether availability is shown as well.
    pub availability: bool,
}

fn settings(nats: &Nats, redis: &RedisServer, fsync: Fsync, told: Told) -> Result<Settings> {
    let mut environment = HashMap::from([
        ("EARMARK_NATS_URL", nats.url()),
        ("EARMARK_REDIS_URL", redis.url()),
        ("EARMARK__STREAMS__PARTITIONS", PARTITIONS.to_string()),
        ("EARMARK__STREAMS__ASYNC_PERSISTENCE", (fsync == Fsync::Always).to_string()),
        ("EARMARK__OUTCOMES__AVAILABILITY", told.availability.to_string()),
    ]);
    if told.answered {
        let left_out = "hold.granted,hold.rejected".to_owned();
        environment.insert("EARMARK__OUTCOMES__LEFT_OUT", left_out);
    }
    let environment = environment.into_iter().map(|(key, value)| (key.to_owned(), value));
    config::load_from(None, environment.collect()).map_err(|why| anyhow!("{why}"))
}

impl Pod {
    pub async fn start(nats: &Nats, redis: &RedisServer, fsync: Fsync, told: Told) -> Result<Pod> {
        if !exporter::is_installed() {
            exporter::install()?;
            tokio::spawn(exporter::keep_up());
        }
        let settings = settings(nats, redis, fsync, told)?;
        let connections = Connections::open(&settings.nats).await?;
        let (gate, open) = watch::channel(false);
        let mut ports = app::ports(&settings, &connections).map_err(|why| anyhow!("{why}"))?;
        ports.input = Arc::new(Gated { input: ports.input, open });
        let supervisor = Supervisor::new(Plan {
            partitions: PARTITIONS,
            owner: "bench".to_owned(),
            arbiters: settings.engine.arbiters,
            read_messages: settings.engine.read_messages,
            live_entities: settings.engine.live_entities,
            ports,
            depths: Arc::new(NatsDepths::new(connections.control.clone())),
            stores: ["NATS", "Redis"],
            policy: Arc::new(settings.policy),
            limits: settings.limits,
            published: settings.published,
            bounds: settings.bounds,
            desks: Desks::default(),
            settings: settings.supervisor,
            // What waits before the race begins is no reason to put anything off.
            safe_mode: SafeMode { automatic: false, ..settings.safe_mode },
            promotions: settings.promotions,
            formats: Formats::default(),
            tenancy: None,
            tap: None,
        });
        let pod = Pod { supervisor: supervisor.start(), gate };
        pod.serving().await?;
        Ok(pod)
    }

    async fn serving(&self) -> Result<()> {
        let began = Instant::now();
        loop {
            let report = self.supervisor.send(Ask).await?;
            if report.partitions.iter().all(|partition| partition.serving) {
                return Ok(());
            }
            let refuses = |why: &String| why.contains("refuses");
            let refused = report.partitions.iter().any(|p| p.why.as_ref().is_some_and(refuses));
            if refused || began.elapsed() > BOUND {
                bail!("Earmark does not serve: {:?}", report.partitions);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Demand is read from now on.
    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    pub async fn leave(self) -> Result<()> {
        Ok(self.supervisor.send(Leave).await?)
    }
}
