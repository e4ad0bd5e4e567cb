//! The only place where everything is wired together: settings, connections, adapters, partitions,
//! HTTP.
//!
//! It starts against the flow, so that nothing is read before there is somewhere for it to go, and
//! stops with the flow: partitions stop reading, commit, let their effects leave and write their
//! snapshots; then the port is closed.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use actix::{Actor, Addr};
use async_nats::jetstream;
use futures::StreamExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    archive::ArchivePorts,
    clock::SystemClock,
    cluster::{Member, Standing},
    config::{
        Settings,
        checked::{Cluster, Secret},
    },
    contract,
    control::{self, Refused, answer::Code},
    domain::Level,
    embedded::{Embedded, EmbeddedPublisher, Options, reach},
    error::{Exit, Failure, keep_partitions},
    http::{Door, Http, Logs},
    nats::{
        self, Connections, NatsDepths, NatsInput, NatsJournal, NatsLeases, NatsOthers, NatsOutbox,
        NatsPublisher, NatsShelf, QueryService,
        control::{DrainAnswer, audit_drain, hear},
        orders::Desk,
        setup,
    },
    partition::{self, Formats, Ports},
    ports::{Clock, Leases, Partition, Publisher},
    query::{Alone, Clerk, Desks, Reach},
    redis::RedisSnapshots,
    signals::Signals,
    supervisor::{Depths, Drain, Leave, Plan, Supervisor, Tenancy},
    telemetry::{exporter, logging},
};

/// How long leaving may take in all; a partition may take `engine.leave_within_ms` of it.
const LEAVE_WITHIN: Duration = Duration::from_millis(9_500);
/// How long requests in progress may take when the port is closed.
const CLOSE_WITHIN: Duration = Duration::from_millis(200);

/// How often old outcomes and dead letters of a directory are looked for.
const TRIM_EVERY: Duration = Duration::from_secs(60);

/// Where everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// On nats-server and Redis.
    Servers,
    /// In a directory, for this process alone.
    Directory(PathBuf),
}

impl Home {
    /// Says where the pod can be reached, to whoever knows the directory.
    fn announce(&self, at: SocketAddr) -> Result<(), Failure> {
        match self {
            Home::Servers => Ok(()),
            Home::Directory(dir) => reach::announce(dir, at).map_err(|error| {
                Failure::new(Exit::Failed, format!("the address of {}: {error}", dir.display()))
            }),
        }
    }

    fn withdraw(&self) {
        if let Home::Directory(dir) = self {
            reach::withdraw(dir);
        }
    }
}

/// Runs a pod until it is asked to stop.
pub fn run(settings: Settings, home: Home) -> Result<ExitCode, Failure> {
    logging::start(&settings.log);
    exporter::install().map_err(|error| Failure::new(Exit::Failed, error))?;
    system().block_on(pod(settings, home))
}

/// Threads for IO, and the actors' own.
pub fn system() -> actix::SystemRunner {
    actix::System::with_tokio_rt(|| {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .thread_name("earmark-io")
            .build()
            .unwrap_or_else(|error| {
                eprintln!("earmark: no threads: {error}");
                std::process::exit(Exit::Failed as i32)
            })
    })
}

async fn pod(settings: Settings, home: Home) -> Result<ExitCode, Failure> {
    let mut signals = Signals::listen()?;
    let http = Http::bind(settings.http.listen).await.map_err(|error| {
        Failure::new(Exit::Failed, format!("listen on {}: {error}", settings.http.listen))
            .advise("set http.listen to a free address (EARMARK__HTTP__LISTEN)")
    })?;
    let address = http.address().map_err(|error| Failure::new(Exit::Failed, error))?;
    tracing::info!(%address, "HTTP");
    let (supervisor, whom) = watch::channel(None);
    let (door, way) = watch::channel(None);
    let closing = CancellationToken::new();
    let serving = tokio::spawn(http.serve(whom, way, closing.clone()));
    tokio::spawn(exporter::keep_up());

    let started = tokio::select! {
        started = start(&settings, &home) => started?,
        () = signals.next() => return Ok(Exit::Done.into()),
    };
    let (started, opened, asked) = started;
    supervisor.send_replace(Some(started.clone()));
    door.send_replace(Some(opened));
    home.announce(address)?;
    signals.next().await;
    tracing::info!("leaving: partitions commit and write their snapshots");
    home.withdraw();
    supervisor.send_replace(None);
    door.send_replace(None);
    if let Some(asked) = asked {
        asked.stop().await;
    }
    let left = tokio::select! {
        left = tokio::time::timeout(LEAVE_WITHIN, started.send(Leave)) => left.is_ok(),
        () = signals.next() => {
            tracing::warn!("a second signal: leaving at once");
            return Ok(Exit::Failed.into());
        }
    };
    if !left {
        tracing::warn!("not everything was settled in time; the next owner will");
    }
    closing.cancel();
    let _ = tokio::time::timeout(CLOSE_WITHIN, serving).await;
    tracing::info!("left");
    Ok(Exit::Done.into())
}

/// The adapters that a pod is made of.
pub struct Adapters {
    /// The doors of its partitions.
    pub ports: Ports,
    /// Tells how much is still to be done.
    pub depths: Arc<dyn Depths>,
    /// What the log and the snapshots are kept by.
    pub stores: [&'static str; 2],
    /// The bucket of members and leases, where there may be other pods.
    pub leases: Option<Arc<dyn Leases>>,
    /// Where operators are heard, if they are.
    pub control: Option<Connections>,
}

/// What runs: the partitions, the door, and the service for questions where there is one.
type Started = (Addr<Supervisor>, Arc<Door>, Option<QueryService>);

/// Connects, wires the adapters, starts the supervisor, and opens the door for events and
/// questions.
async fn start(settings: &Settings, home: &Home) -> Result<Started, Failure> {
    let (adapters, door) = match home {
        Home::Servers => (servers(settings).await?, door(settings).await?),
        Home::Directory(dir) => directory(settings, dir).await?,
    };
    let control = adapters.control.clone();
    let plan = plan(settings, adapters);
    let (partitions, arbiters) = (plan.partitions, plan.arbiters);
    tracing::info!(pod = plan.owner, partitions, arbiters, ?home, "connected");
    let (clerk, asked) = match home {
        Home::Servers => {
            let (clerk, service) = asked_over_nats(settings, plan.desks.clone()).await?;
            (clerk, Some(service))
        }
        Home::Directory(_) => {
            let Ports { outbox, clock, .. } = plan.ports.clone();
            let reach = Reach { others: Arc::new(Alone), outbox, clock };
            (clerk(settings, plan.desks.clone(), reach), None)
        }
    };
    door.take_questions(clerk);
    let pod = plan.owner.clone();
    let supervisor = Supervisor::new(plan).start();
    if let Some(control) = control {
        let (partitions, bounds) = (settings.streams.partitions, settings.control);
        let desk = Desk::new(&control, &pod, partitions, bounds, settings.promotions);
        tokio::spawn(desk.serve());
        tokio::spawn(obey(control.control, pod, supervisor.clone()));
    }
    Ok((supervisor, door, asked))
}

/// Does what operators ask of this pod, for as long as the process runs.
async fn obey(context: jetstream::Context, pod: String, supervisor: Addr<Supervisor>) {
    let mut asked = match hear(context.client(), &pod).await {
        Ok(asked) => std::pin::pin!(asked),
        Err(error) => return tracing::error!(%error, "operators are not heard"),
    };
    while let Some(asked) = asked.next().await {
        let answer = match &asked.request {
            Ok(request) => drain(&context, &pod, request, &supervisor).await,
            Err(refused) => Err(refused.clone()),
        };
        asked.answer(&answer.unwrap_or_else(DrainAnswer::Refused)).await;
    }
}

/// Hands over, or takes part again, once the audit has it.
async fn drain(
    context: &jetstream::Context,
    pod: &str,
    request: &control::Drain,
    supervisor: &Addr<Supervisor>,
) -> Result<DrainAnswer, Refused> {
    let audited = audit_drain(context, pod, request, "begins").await;
    let audit = audited.map_err(|error| Refused::unavailable(&error))?;
    let Ok(partitions) = supervisor.send(Drain { undo: request.undo }).await else {
        return Err(Refused::other(Code::Leaving, "the pod leaves".to_owned(), "ask another"));
    };
    if let Err(error) = audit_drain(context, pod, request, "done").await {
        tracing::warn!(%error, "the audit does not say that it was done");
    }
    Ok(DrainAnswer::Done { pod: pod.to_owned(), partitions, audit })
}

fn clerk(settings: &Settings, desks: Desks, reach: Reach) -> Arc<Clerk> {
    Clerk::new(desks, settings.streams.partitions, reach, settings.query.clone())
}

/// Who answers questions, over a connection of its own, and the service that asks it.
async fn asked_over_nats(
    settings: &Settings,
    desks: Desks,
) -> Result<(Arc<Clerk>, QueryService), Failure> {
    let nats = &settings.nats;
    let context = nats::connect::open_role(nats, "query", nats.request_timeout_ms).await?;
    let reach = Reach {
        others: Arc::new(NatsOthers::new(context.clone())),
        outbox: Arc::new(NatsOutbox::new(context.clone(), settings.reader.clone())),
        clock: Arc::new(SystemClock),
    };
    let clerk = clerk(settings, desks, reach);
    let service = QueryService::start(context.client(), clerk.clone()).await?;
    Ok((clerk, service))
}

/// What a supervisor is told.
pub fn plan(settings: &Settings, adapters: Adapters) -> Plan {
    let owner = settings.engine.pod.clone().unwrap_or_else(pod_name);
    let Cluster { rules, format_max, format_after, .. } = settings.cluster;
    let formats = Formats::up_to(format_max);
    Plan {
        partitions: settings.streams.partitions,
        arbiters: settings.engine.arbiters,
        read_messages: settings.engine.read_messages,
        live_entities: settings.engine.live_entities,
        ports: adapters.ports,
        depths: adapters.depths,
        stores: adapters.stores,
        policy: Arc::new(settings.policy.clone()),
        limits: settings.limits.clone(),
        published: settings.published.clone(),
        bounds: settings.bounds.clone(),
        desks: Desks::new(settings.query.waiting_max),
        settings: settings.supervisor.clone(),
        safe_mode: settings.safe_mode,
        promotions: settings.promotions,
        tenancy: adapters.leases.map(|leases| Tenancy {
            leases,
            rules,
            me: member(&owner, &formats),
            format_after,
        }),
        tap: None,
        formats,
        owner,
    }
}

async fn servers(settings: &Settings) -> Result<Adapters, Failure> {
    let connections = Connections::open(&settings.nats).await?;
    let partitions = settings.streams.partitions;
    let control = &connections.control;
    let doing = "read what was fixed at set-up";
    let ask = async || setup::fixed(control).await;
    match nats::connect::first_answer(&settings.nats, control, doing, ask).await? {
        Some(fixed) if fixed.partitions == partitions => {}
        Some(fixed) => {
            return Err(setup::SetupError::PartitionsDiffer {
                found_in: crate::nats::names::CLUSTER,
                stored: fixed.partitions,
                wanted: partitions,
            }
            .into());
        }
        None => {
            return Err(Failure::new(Exit::Failed, "NATS has not been set up for Earmark")
                .advise("run `earmark setup` once"));
        }
    }
    Ok(Adapters {
        ports: ports(settings, &connections)?,
        depths: Arc::new(NatsDepths::new(connections.control.clone())),
        stores: ["NATS", "Redis"],
        control: settings.cluster.leased.then(|| connections.clone()),
        leases: settings.cluster.leased.then_some(Arc::new(NatsLeases::new(connections.leases))),
    })
}

/// The door for events, over a connection of its own.
async fn door(settings: &Settings) -> Result<Arc<Door>, Failure> {
    let context = nats::connect::open_role(&settings.nats, "door", settings.nats.ack_timeout_ms);
    let context = context.await?;
    let mut limits = settings.limits.clone();
    let ask = async || nats::largest(&context).await;
    let doing = "read how large an event may be";
    let largest = nats::connect::first_answer(&settings.nats, &context, doing, ask).await?;
    limits.event_bytes_max = limits.event_bytes_max.min(largest);
    Ok(Door::new(Arc::new(NatsPublisher::new(context)), limits, settings.http.clone(), None))
}

/// Opens a directory's store, sets it up if it is new, and lets what is old go for as long as the
/// process runs.
async fn directory(settings: &Settings, dir: &Path) -> Result<(Adapters, Arc<Door>), Failure> {
    let commands_max = settings.streams.cmd_max_waiting.cast_unsigned();
    let store = open(dir, Options { commands_max, ..Options::default() })?;
    let mut http = settings.http.clone();
    if http.token.is_none() {
        let token = reach::token(dir).map_err(|error| {
            Failure::new(Exit::Failed, format!("the token of {}: {error}", dir.display()))
        })?;
        http.token = Some(Secret::new(&token));
    }
    set_up(&store, dir, settings.streams.partitions).await?;
    let (trimmed, keeping) = (store.clone(), settings.keeping);
    tokio::spawn(async move {
        let mut due = tokio::time::interval(TRIM_EVERY);
        loop {
            due.tick().await;
            let now = trimmed.ports().clock.now();
            if let Err(error) = trimmed.trim(keeping, now).await {
                tracing::warn!(%error, "old outcomes and dead letters stay");
            }
        }
    });
    let publisher: Arc<dyn Publisher> =
        Arc::new(EmbeddedPublisher::new(store.clone(), settings.streams.partitions));
    let logs = Some(Arc::new(store.clone()) as Arc<dyn Logs>);
    Ok((embedded(&store), Door::new(publisher, settings.limits.clone(), http, logs)))
}

/// Opens the store of a directory.
pub fn open(dir: &Path, options: Options) -> Result<Embedded, Failure> {
    Embedded::open_with(dir, options).map_err(|error| Failure::new(Exit::Failed, error))
}

/// The adapters on a directory's store.
pub fn embedded(store: &Embedded) -> Adapters {
    let depths = Arc::new(store.clone());
    Adapters {
        ports: store.ports(),
        depths,
        stores: ["the store", "the store"],
        leases: None,
        control: None,
    }
}

/// Fixes the number of partitions of a store that is new, and gives each its first record.
pub async fn set_up(store: &Embedded, dir: &Path, wanted: Partition) -> Result<(), Failure> {
    let failed = |error| Failure::new(Exit::Failed, error);
    let fixed = store.fix_partitions(wanted).await.map_err(failed)?;
    if fixed != wanted {
        let dir = dir.display();
        let text = format!("{dir} has {fixed} partitions, and {wanted} are configured");
        return Err(Failure::new(Exit::Failed, text).advise(keep_partitions(fixed)));
    }
    let Ports { journal, clock, .. } = store.ports();
    let seeded = partition::seed_all(&*journal, wanted, &*clock).await;
    seeded.map(drop).map_err(|exit| Failure::new(Exit::Failed, format!("{exit:?}")))
}

/// The doors to the outside, sinks first.
pub fn ports(settings: &Settings, connections: &Connections) -> Result<Ports, Failure> {
    let reader = settings.reader.clone();
    let snapshots = Arc::new(RedisSnapshots::new(settings.redis.clone())?);
    let shelf = Arc::new(NatsShelf::new(connections.control.clone(), reader.clone()));
    Ok(Ports {
        archive: Some(ArchivePorts::new(snapshots.clone(), shelf)),
        snapshots,
        outbox: Arc::new(NatsOutbox::new(connections.release.clone(), reader.clone())),
        journal: Arc::new(NatsJournal::new(
            connections.commit.clone(),
            reader.clone(),
            settings.engine.journal_page_bytes,
        )),
        input: Arc::new(NatsInput::new(connections.intake.clone(), reader)),
        clock: Arc::new(SystemClock),
    })
}

/// The pod, as it announces itself.
fn member(pod: &str, formats: &Formats) -> Member {
    Member {
        pod: pod.to_owned(),
        session: format!("{:016x}", rand::random::<u64>()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        reads: formats.reads(),
        reaches_snapshots: true,
        level: Level::Normal,
        standing: Standing::Waiting,
        why: Some("it has just come".to_owned()),
        since: contract::time::format(SystemClock.now()),
    }
}

/// The host's name and the process' id: what tells two pods apart.
fn pod_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        "" => "pod",
        host => host,
    };
    format!("{host}-{}", std::process::id())
}
