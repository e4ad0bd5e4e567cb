//! A server with the streams set up, a publisher, and a reader that is watched.

use std::time::Duration;

use async_nats::jetstream::Context;
use earmark::{
    domain::event::Lane,
    nats::{Connections, NatsInput, NatsSettings, ReaderSettings, StreamSettings, setup},
    ports::{Cursor, Input, Opened, Read, Reader, Source},
};
use futures::future::join_all;

use crate::harness::{NatsConfig, NatsServer};

pub const BOUND: Duration = Duration::from_secs(40);
pub const DEMAND: Source = Source::Lane(Lane::Demand);

/// One partition, so that every key is in it.
pub fn streams() -> StreamSettings {
    StreamSettings { partitions: 1, ..StreamSettings::default() }
}

/// A server that has on disk what it acknowledged, with the streams.
pub async fn server() -> (NatsServer, Connections) {
    let jetstream = "sync_interval: always".to_owned();
    let nats = NatsServer::start_with(NatsConfig { jetstream, ..NatsConfig::default() }).await;
    let connections = connect(&nats.url()).await;
    setup::apply(&connections.control, &streams()).await.expect("the streams are set up");
    (nats, connections)
}

pub async fn connect(url: &str) -> Connections {
    let settings =
        NatsSettings { url: url.to_owned(), ack_timeout_ms: 1_000, ..NatsSettings::default() };
    Connections::open(&settings).await.expect("the server is there")
}

/// Short spans, for short tests.
pub fn hasty() -> ReaderSettings {
    ReaderSettings { batch: 100, heartbeat_ms: 200, stalled_ms: 1_000, ..ReaderSettings::default() }
}

/// Publishes `from..to` as payloads.
pub async fn publish(context: &Context, from: usize, to: usize) {
    let mut sent = Vec::new();
    for n in from..to {
        let ack = context.publish("earmark.in.demand.sku.K", n.to_string().into()).await;
        sent.push(ack.expect("it is sent").into_future());
    }
    for ack in join_all(sent).await {
        ack.expect("it is taken");
    }
}

pub async fn open(input: &NatsInput, after: Cursor) -> Opened {
    input.open(0, DEMAND, after).await.expect("a reader opens")
}

/// Reads until `to` has come, and nothing but `from..to` in this order.
pub async fn expect(reader: &mut Box<dyn Reader>, from: usize, to: usize) {
    let mut next = from;
    while next < to {
        let read = tokio::time::timeout(BOUND, reader.read((to - next).min(64))).await;
        match read.expect("a read ends").expect("a read works") {
            Read::Messages(messages) => {
                for message in messages {
                    let text = String::from_utf8_lossy(&message.payload).into_owned();
                    assert_eq!(text, next.to_string(), "in order, once, from the cursor on");
                    next += 1;
                }
            }
            Read::Drained(_) => {}
        }
    }
}
