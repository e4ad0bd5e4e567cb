//! The suite of the ports on a real nats-server and a real Redis.

mod embedded;
#[path = "../harness/mod.rs"]
mod harness;
mod suite;

use std::{any::Any, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    archive::ArchivePorts,
    domain::{
        event::Lane,
        ids::{EntityKey, Sku},
    },
    nats::{
        Connections, NatsInput, NatsJournal, NatsOutbox, NatsPublisher, NatsSettings, NatsShelf,
        ReaderSettings, StreamSettings, names, setup,
    },
    ports::{Inbox, NewEvent, Partition, Publisher},
    redis::{RedisSettings, RedisSnapshots},
};
use futures::StreamExt;
use harness::{NatsCluster, NatsServer, RedisServer};
use suite::{Outside, Requester, World};
use tokio::io::AsyncReadExt;

const PARTITIONS: Partition = 4;

/// Real servers, fresh streams, and the adapters on them.
async fn real_world() -> World {
    let nats = NatsServer::start().await;
    world_on(nats.url(), 1, Box::new(nats)).await
}

/// The same on three servers, each of which holds every stream.
async fn replicated_world() -> World {
    let nats = NatsCluster::start().await;
    let urls: Vec<String> = nats.servers.iter().map(NatsServer::url).collect();
    world_on(urls.join(","), 3, Box::new(nats)).await
}

async fn world_on(url: String, replicas: u8, nats: Box<dyn Any + Send>) -> World {
    let redis = RedisServer::start().await;
    let settings = NatsSettings { url, ..NatsSettings::default() };
    let connections = Connections::open(&settings).await.expect("the server is there");
    let streams = StreamSettings { partitions: PARTITIONS, replicas, ..StreamSettings::default() };
    setup::apply(&connections.control, &streams).await.expect("the streams are set up");
    let reader = ReaderSettings::default();
    let snapshots = RedisSettings { url: redis.url(), ..RedisSettings::default() };
    let snapshots = Arc::new(RedisSnapshots::new(snapshots).expect("the settings are good"));
    let shelf = Arc::new(NatsShelf::new(connections.control.clone(), reader.clone()));
    World {
        input: Arc::new(NatsInput::new(connections.intake, reader.clone())),
        journal: Arc::new(NatsJournal::new(connections.commit, reader.clone(), 4 << 20)),
        outbox: Arc::new(NatsOutbox::new(connections.release, reader)),
        archive: Some(ArchivePorts::new(snapshots.clone(), shelf)),
        snapshots,
        outside: Arc::new(Somebody {
            publisher: NatsPublisher::new(connections.control.clone()),
            context: connections.control,
        }),
        _keep: Box::new((nats, redis)),
    }
}

/// A publisher and requester of its own.
struct Somebody {
    context: async_nats::jetstream::Context,
    publisher: NatsPublisher,
}

/// A key that the server's transform puts into a partition.
fn key_in(partition: Partition) -> String {
    let hash = |key: &str| {
        format!("sku{key}")
            .bytes()
            .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619))
    };
    let keys = (0..).map(|n| format!("K{n}"));
    let mut ours = keys.filter(|key| hash(key) % u32::from(PARTITIONS) == u32::from(partition));
    ours.next().expect("there is one")
}

#[async_trait]
impl Outside for Somebody {
    async fn publish(&self, partition: Partition, lane: Lane, payload: Bytes) -> u64 {
        let key = EntityKey::Sku(Sku::new(&key_in(partition)).expect("it is a key"));
        self.publisher.publish(NewEvent { lane, key, payload }).await.expect("it is taken")
    }

    async fn requester(&self) -> (String, Box<dyn Requester>) {
        let inbox = self.publisher.inbox().await.expect("an inbox opens");
        // A flush says only that it is on its way; an answer says that the server has read it.
        self.context.query_account().await.expect("the server knows it");
        (format!("{}1", inbox.prefix), Box::new(Asking(inbox)))
    }

    async fn object(&self, name: &str) -> Option<Bytes> {
        let store =
            self.context.get_object_store(names::OBJECTS).await.expect("the store is there");
        let mut bytes = Vec::new();
        store.get(name).await.ok()?.read_to_end(&mut bytes).await.expect("it is read");
        Some(bytes.into())
    }
}

/// Waits in an inbox.
struct Asking(Inbox);

#[async_trait]
impl Requester for Asking {
    async fn answer(&mut self) -> Bytes {
        let (to, answer) = self.0.answers.next().await.expect("the inbox is open");
        assert_eq!(to, format!("{}1", self.0.prefix));
        answer
    }
}

suite::conformance!(crate::real_world);
suite::archives!(crate::real_world);

/// Where replicas make a difference: who answers, and when a log's time is certain.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicated() {
    let world = replicated_world().await;
    suite::outbox::sends_in_order(&world).await;
    suite::outbox::a_condition_is_kept(&world).await;
    suite::input::says_drained_when_it_is_certain(&world).await;
    suite::journal::is_read_in_pages_to_its_end(&world).await;
}
