//! Archives over a Redis that is restarted, fails over or loses its newest writes in the middle:
//! nothing that is incomplete counts. And a shelf that is full.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::Context;
use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    archive::{
        ArchivePorts, Archiving, Failed, archive,
        format::{Manifest, open},
        names,
        reading::{self, Becomes},
    },
    clock::SystemClock,
    domain::{
        DueClock,
        ids::{EntityKey, Sku},
    },
    nats::{
        Connections, NatsDepths, NatsInput, NatsJournal, NatsOutbox, NatsShelf, StreamSettings,
        setup,
    },
    partition::{Ports, record::Link, state::PartitionState},
    ports::{
        At, Built, Copied, Copies, Delta, EntityChange, Named, Partition, PortError, Position,
        Shelf, Snapshots,
    },
    redis::{RedisSettings, RedisSnapshots},
    supervisor::Depths,
};
use tokio::sync::Mutex;

use super::common::{connect, hasty, streams};
use crate::harness::{NatsServer, Proxy, RedisData, RedisServer, wait_until};

/// So many that going through them takes many steps.
const ENTITIES: usize = 12_000;
const BOUND: Duration = Duration::from_secs(20);

fn at(sequence: u64) -> Position {
    Position { incarnation: 1, sequence }
}

fn state(sequence: u64) -> PartitionState {
    let last = Link { sequence, ..Link::default() };
    PartitionState { partitions: 1, incarnation: 1, last, ..PartitionState::default() }
}

fn key(n: usize) -> EntityKey {
    EntityKey::Sku(Sku::new(&format!("S{n}")).expect("a name"))
}

fn entity(n: usize) -> EntityChange {
    EntityChange {
        key: key(n),
        folded_to: 2,
        parts: vec![("head".to_owned(), Some(Bytes::from(n.to_string())))],
        dues: [(DueClock::Settled, None), (DueClock::Demand, None)],
    }
}

/// What befalls Redis before the second step of going through its keys, or before a fill.
#[derive(Clone, Copy, PartialEq)]
enum Blow {
    Restart,
    FailOver,
    /// What was filled second is gone when the fourth comes.
    LoseWrites,
    Nothing,
}

/// The real port, and a Redis that something befalls in between.
struct Struck {
    port: Arc<RedisSnapshots>,
    proxy: Proxy,
    servers: Mutex<(RedisServer, RedisServer)>,
    kept: Mutex<Option<RedisData>>,
    steps: AtomicU64,
    blow: Blow,
}

impl Struck {
    async fn new(blow: Blow) -> Arc<Struck> {
        let redis = RedisServer::start().await;
        let replica = redis.replica().await;
        let proxy = Proxy::start(redis.addr()).await;
        let settings = RedisSettings { url: proxy.url("redis"), ..RedisSettings::default() };
        let port = Arc::new(RedisSnapshots::new(settings).expect("the settings are good"));
        port.reset(0, at(1), state(1).encode().into()).await.expect("reset");
        let changes = (0..ENTITIES).map(entity).collect();
        let delta = Delta { from: at(1), to: at(2), state: state(2).encode().into(), changes };
        assert_eq!(port.advance(0, &delta).await.expect("answered"), At::Here(()));
        let (servers, kept) = (Mutex::new((redis, replica)), Mutex::default());
        Arc::new(Struck { port, proxy, servers, kept, steps: AtomicU64::default(), blow })
    }

    /// All others that use the connection have found it again.
    async fn is_back(&self) {
        wait_until("Redis is back", BOUND, async || self.port.state(0).await.is_ok()).await;
    }

    async fn before_keys(&self) {
        if ![Blow::Restart, Blow::FailOver].contains(&self.blow) {
            return;
        }
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        let mut servers = self.servers.lock().await;
        match self.blow {
            Blow::Restart if step == 1 => servers.0.restart().await,
            Blow::FailOver if step == 1 => {
                let caught_up = async || {
                    let mut connection = servers.1.connection().await;
                    let size = redis::cmd("DBSIZE").query_async::<usize>(&mut connection).await;
                    size.is_ok_and(|size| size >= ENTITIES)
                };
                wait_until("the replica has all of it", BOUND, caught_up).await;
                servers.1.promote().await;
                self.proxy.lead_to(servers.1.addr());
            }
            _ => return,
        }
        self.is_back().await;
    }

    async fn before_fill(&self, number: u64) {
        if self.blow != Blow::LoseWrites {
            return;
        }
        let mut kept = self.kept.lock().await;
        if number == 2 && self.steps.fetch_add(1, Ordering::Relaxed) == 0 {
            *kept = Some(self.servers.lock().await.0.snapshot_data());
        }
        if number == 4
            && let Some(kept) = kept.take()
        {
            self.servers.lock().await.0.roll_back(&kept).await;
            self.is_back().await;
        }
    }
}

/// Waits on this very thread: what is done to a server is not to be sent to another one.
fn here(done: impl Future<Output = ()>) {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(done));
}

#[async_trait]
impl Copies for Struck {
    async fn copy(&self, of: Partition, keys: &[EntityKey]) -> Result<Option<Copied>, PortError> {
        self.port.copy(of, keys).await
    }

    async fn keys(
        &self,
        of: Partition,
        which: &str,
        from: u64,
    ) -> Result<Option<Named>, PortError> {
        here(self.before_keys());
        self.port.keys(of, which, from).await
    }

    async fn begin(&self, of: Partition) -> Result<String, PortError> {
        self.port.begin(of).await
    }

    async fn fill(
        &self,
        of: Partition,
        which: &str,
        number: u64,
        entities: &[EntityChange],
    ) -> Result<Built, PortError> {
        here(self.before_fill(number));
        self.port.fill(of, which, number, entities).await
    }

    async fn finish(
        &self,
        of: Partition,
        which: &str,
        fills: u64,
        to: Position,
        state: Bytes,
    ) -> Result<Built, PortError> {
        self.port.finish(of, which, fills, to, state).await
    }
}

fn ports(connections: Connections, struck: &Struck) -> Ports {
    Ports {
        input: Arc::new(NatsInput::new(connections.intake, hasty())),
        journal: Arc::new(NatsJournal::new(connections.commit, hasty(), 1 << 20)),
        outbox: Arc::new(NatsOutbox::new(connections.release, hasty())),
        snapshots: struck.port.clone(),
        archive: None,
        clock: Arc::new(SystemClock),
    }
}

struct World {
    _nats: NatsServer,
    control: Context,
    ports: Ports,
    doors: ArchivePorts,
    shelf: Arc<NatsShelf>,
}

async fn world(struck: &Arc<Struck>, streams: StreamSettings) -> World {
    let nats = NatsServer::start().await;
    let connections = connect(&nats.url()).await;
    setup::apply(&connections.control, &streams).await.expect("the streams are set up");
    let shelf = Arc::new(NatsShelf::new(connections.control.clone(), hasty()));
    let doors = ArchivePorts::new(struck.clone(), shelf.clone());
    let control = connections.control.clone();
    World { _nats: nats, control, ports: ports(connections, struck), doors, shelf }
}

impl World {
    async fn archive(&self) -> Result<(String, Manifest), Failed> {
        let archiving = Archiving { segment_bytes: 20_000, ..Archiving::default() };
        archive(&self.ports, &self.doors, (0, "me"), &archiving).await
    }

    async fn objects(&self) -> Vec<String> {
        let kept = self.shelf.list(&names::of_partition(0)).await.expect("they are listed");
        kept.into_iter().map(|kept| kept.name).collect()
    }

    /// Every entity of an archive.
    async fn archived(&self, name: &str, of: &Manifest) -> BTreeMap<EntityKey, EntityChange> {
        let mut found = BTreeMap::new();
        for index in 0..of.segments.len() {
            let segment = self.shelf.get(&names::of_segment(name, index)).await.expect("read");
            for entity in open(&segment.expect("it is there")).expect("a segment") {
                found.insert(entity.key.clone(), entity);
            }
        }
        found
    }
}

async fn what_is_begun_on_one_redis_is_not_ended_on_another(blow: Blow) {
    let struck = Struck::new(blow).await;
    let world = world(&struck, streams()).await;
    let failed = world.archive().await;
    assert!(matches!(failed, Err(Failed::Overtaken(_))), "{failed:?}");
    assert_eq!(world.objects().await, Vec::<String>::new(), "nothing is left of it");
    let (name, manifest) = world.archive().await.expect("it is begun anew");
    let expected: BTreeMap<_, _> = (0..ENTITIES).map(|n| (key(n), entity(n))).collect();
    assert!(world.archived(&name, &manifest).await == expected, "all of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_of_one_life_of_redis() {
    what_is_begun_on_one_redis_is_not_ended_on_another(Blow::Restart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_archive_is_of_one_server() {
    what_is_begun_on_one_redis_is_not_ended_on_another(Blow::FailOver).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_snapshot_that_lost_what_it_was_filled_with_is_not_put_in_place() {
    let struck = Struck::new(Blow::LoseWrites).await;
    let world = world(&struck, streams()).await;
    let (name, manifest) = world.archive().await.expect("it is archived");
    struck.port.reset(0, at(1), state(1).encode().into()).await.expect("reset");
    let restore = async || {
        let state = manifest.state.clone().into();
        let becomes = Becomes { at: at(2), state, folded_to: None };
        reading::restore(&world.doors, 0, (&name, &manifest), becomes, 500).await
    };
    let failed = restore().await;
    let lost = matches!(&failed, Err(Failed::Port(error)) if error.why.contains("lost some"));
    assert!(lost, "{failed:?}");
    let stands = struck.port.state(0).await.expect("it is read").expect("there is one");
    assert_eq!(stands.0, at(1), "what was there is there");
    restore().await.expect("the second time it is built");
    let keys: Vec<EntityKey> = (0..ENTITIES).map(key).collect();
    let copied = struck.port.copy(0, &keys).await.expect("answered").expect("there is one");
    assert_eq!(copied.at, at(2));
    assert!(copied.entities == (0..ENTITIES).map(entity).collect::<Vec<_>>(), "all of them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_shelf_takes_no_archive_and_keeps_nothing_of_it() {
    let struck = Struck::new(Blow::Nothing).await;
    let world = world(&struck, StreamSettings { snapshots_max_bytes: 60_000, ..streams() }).await;
    for _ in 0..3 {
        let full = world.archive().await;
        let said = matches!(&full, Err(Failed::Port(error)) if error.doing.contains("archive"));
        assert!(said, "{full:?}");
        assert_eq!(world.objects().await, Vec::<String>::new(), "nothing is left of it");
    }
    let depths = NatsDepths::new(world.control.clone());
    let shown = async || {
        let usage = depths.usage().await.expect("it is measured").into_iter();
        usage.map(|of| (of.stream, of.bytes_max)).collect::<BTreeMap<_, _>>()
    };
    let mut streams = shown().await;
    assert_eq!(streams.remove("EARMARK_SNAPSHOTS"), Some(Some(60_000)));
    // Where an older version was set up, the others are shown.
    world.control.delete_stream("OBJ_EARMARK_SNAPSHOTS").await.expect("it is deleted");
    assert_eq!(shown().await, streams);
}
