//! Two servers, pods beside them, and everything that can be published, asked and looked at.

use std::time::Duration;

use async_nats::jetstream::{Context, context::PublishError, message::StreamMessage};
use earmark::contract::{EVENT_TYPES, EventType, partition_of, subject::input_subject};
use earmark::domain::ids::{EntityKey, Sku};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::harness::{
    NatsConfig, NatsServer, Pod, READY_BOUND, Ran, RedisConfig, RedisServer, environment,
    free_port, get, metric, wait_for, wait_until,
};

/// Not a power of two: of a hash modulo one, the server would see nothing of how a digit is spelled.
pub const PARTITIONS: u16 = 5;
/// How long anything may take that is not a fault.
pub const BOUND: Duration = Duration::from_secs(30);

/// [`PARTITIONS`], and short spans.
const SETTINGS: &[(&str, &str)] = &[
    ("EARMARK__STREAMS__PARTITIONS", "5"),
    ("EARMARK__STREAMS__IN_BYTES_MAX", "134217728"),
    ("EARMARK__STREAMS__CMD_BYTES_MAX", "67108864"),
    ("EARMARK__STREAMS__JOURNAL_BYTES_MAX", "268435456"),
    ("EARMARK__NATS__CONNECT_WITHIN_MS", "1000"),
    ("EARMARK__NATS__REQUEST_TIMEOUT_MS", "1000"),
    ("EARMARK__NATS__ACK_TIMEOUT_MS", "1000"),
    ("EARMARK__READER__HEARTBEAT_MS", "200"),
    ("EARMARK__READER__STALLED_MS", "1000"),
    ("EARMARK__REDIS__RESPONSE_TIMEOUT_MS", "1000"),
    ("EARMARK__SUPERVISOR__WATCH_EVERY_MS", "200"),
    ("EARMARK__SUPERVISOR__RESTART_FIRST_MS", "100"),
    ("EARMARK__SUPERVISOR__RESTART_MAX_MS", "1000"),
    ("EARMARK__SUPERVISOR__PURGE_EVERY_MS", "100"),
    // Archives read all of a snapshot, and some tests count what is read.
    ("EARMARK__ARCHIVE__LOOK_EVERY_MS", "3600000"),
];

/// Servers of its own for a test, set up, with a connection that no fault touches.
pub struct World {
    pub nats: NatsServer,
    pub redis: RedisServer,
    pub context: Context,
    /// Where the first pod serves HTTP.
    pub port: u16,
}

impl World {
    pub async fn start() -> World {
        World::start_with(RedisConfig::default()).await
    }

    pub async fn start_with(redis: RedisConfig) -> World {
        World::start_on(NatsConfig::default(), redis).await
    }

    pub async fn start_on(nats: NatsConfig, redis: RedisConfig) -> World {
        let nats = NatsServer::start_with(nats).await;
        let context = nats.jetstream().await;
        let redis = RedisServer::start_with(redis).await;
        let world = World { nats, redis, context, port: free_port() };
        world.earmark(&["setup"]).await.with(0);
        world
    }

    pub fn environment(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        environment(&self.nats, &self.redis, self.port, &[SETTINGS, more].concat())
    }

    /// Runs a command to its end.
    pub async fn earmark(&self, args: &[&str]) -> Ran {
        self.earmark_with(args, &[]).await
    }

    /// The same with other settings.
    pub async fn earmark_with(&self, args: &[&str], more: &[(&str, &str)]) -> Ran {
        Ran::earmark(args, self.environment(more)).await
    }

    /// Starts a pod and waits until it is ready.
    pub async fn pod(&self) -> Pod {
        self.pod_with(&[]).await
    }

    /// The same with other settings.
    pub async fn pod_with(&self, more: &[(&str, &str)]) -> Pod {
        let pod = self.spawn(more);
        self.ready(self.port).await;
        pod
    }

    /// Starts a pod and waits for nothing.
    pub fn spawn(&self, more: &[(&str, &str)]) -> Pod {
        let environment = self.environment(more);
        let pairs: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Pod::earmark(&["run"], &pairs)
    }

    pub async fn ready(&self, port: u16) {
        wait_until("the pod is ready", BOUND, async || get(port, "/readyz").await.0 == 200).await;
    }

    /// Waits until the pod says that it is not ready, for a reason with these words.
    pub async fn not_ready(&self, words: &str) -> String {
        self.says(503, words).await
    }

    /// Waits until the pod answers with this status and words to whether it is ready.
    pub async fn says(&self, wanted: u16, words: &str) -> String {
        wait_for(words, BOUND, async || {
            let (status, body) = get(self.port, "/readyz").await;
            (status == wanted && body.contains(words)).then_some(body)
        })
        .await
    }

    /// The sum of a metric's samples that begin so; 0 if there are none.
    pub async fn metric(&self, begin: &str) -> f64 {
        metric(self.port, begin).await
    }

    // === publishing ===

    /// Publishes bytes; the sequence in the stream.
    pub async fn publish(&self, subject: &str, bytes: Vec<u8>) -> Result<u64, PublishError> {
        let ack = self.context.publish(subject.to_owned(), bytes.into()).await?;
        Ok(ack.await?.sequence)
    }

    /// Publishes an event where it belongs; the sequence in the stream.
    pub async fn send(&self, event: &Value) -> u64 {
        let sent = self.publish(&subject_of(event), event.to_string().into_bytes()).await;
        sent.expect("the event is taken")
    }

    /// Publishes many events, without waiting in between.
    pub async fn send_all(&self, events: &[Value]) {
        for chunk in events.chunks(4_096) {
            let mut acks = Vec::with_capacity(chunk.len());
            for event in chunk {
                let payload = event.to_string().into();
                acks.push(self.context.publish(subject_of(event), payload).await);
            }
            for ack in acks {
                ack.expect("it is sent").await.expect("it is taken");
            }
        }
    }

    /// Publishes an event and waits for the data of its answer.
    pub async fn ask(&self, event: &Value) -> Value {
        self.ask_whole(event).await["data"].clone()
    }

    /// The same, with the answer's envelope.
    pub async fn ask_whole(&self, event: &Value) -> Value {
        let client = self.context.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(inbox.clone()).await.expect("one can subscribe");
        client.flush().await.expect("the subscription is known");
        let mut event = event.clone();
        event["replyto"] = json!(inbox);
        self.send(&event).await;
        let answer = tokio::time::timeout(BOUND, answers.next()).await;
        let answer = answer.unwrap_or_else(|_| panic!("no answer to {event}"));
        serde_json::from_slice(&answer.expect("there is one").payload).expect("answers are JSON")
    }

    // === looking ===

    /// Every message of a stream.
    pub async fn messages(&self, stream: &str) -> Vec<StreamMessage> {
        let mut stream = self.context.get_stream(stream).await.expect("the stream is there");
        let state = stream.info().await.expect("it says how it stands").state.clone();
        let mut messages = Vec::new();
        for sequence in state.first_sequence.max(1)..=state.last_sequence {
            messages.extend(stream.get_raw_message(sequence).await.ok());
        }
        messages
    }

    /// What `inspect` says of a SKU.
    pub async fn sku(&self, key: &str) -> Value {
        self.earmark(&["inspect", "sku", key, "--json", "--limit", "5"]).await.with(0).json()
    }

    /// The status of an order, as `inspect` says it.
    pub async fn order_status(&self, key: &str) -> Value {
        let line = ["inspect", "order", key, "--json"];
        self.earmark(&line).await.with(0).json()["state"]["status"].clone()
    }

    /// Units of a SKU in all its locations: on hand, available, held.
    pub async fn total(&self, key: &str) -> [u64; 3] {
        let total = self.sku(key).await["state"]["total"].clone();
        ["on_hand", "available", "held"].map(|units| total[units].as_u64().expect("a number"))
    }
}

// === events ===

/// An event of now.
pub fn event(id: &str, kind: &str, subject: &str, data: Value) -> Value {
    let now = time::OffsetDateTime::now_utc();
    let now = now.format(&time::format_description::well_known::Rfc3339);
    json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": kind, "subject": subject,
        "time": now.expect("now can be written"), "data": data,
    })
}

/// Units come in.
pub fn received(id: &str, sku: &str, quantity: u64) -> Value {
    let data = json!({"location": "MAIN", "quantity": quantity, "reference": id});
    event(id, "stock.received.v1", sku, data)
}

/// A cart wants units, for an hour, under the event's id.
pub fn hold(id: &str, sku: &str, quantity: u64) -> Value {
    let data = json!({
        "hold": id, "owner": "cart-1", "kind": "cart", "quantity": quantity, "ttl_s": 3_600,
    });
    event(id, "hold.requested.v1", sku, data)
}

/// Somebody orders one SKU.
pub fn order(id: &str, key: &str, sku: &str, quantity: u64) -> Value {
    let data = json!({
        "lines": [{"line": "1", "sku": sku, "quantity": quantity}],
        "policy": "all_or_nothing", "payment_due_s": 3_600,
    });
    event(id, "order.placed.v1", key, data)
}

pub fn type_of(event: &Value) -> &'static EventType {
    let kind = event["type"].as_str().expect("an event has a type");
    EVENT_TYPES.iter().find(|known| known.kind == kind).expect("the type exists")
}

/// Where an event is to be published.
pub fn subject_of(event: &Value) -> String {
    let kind = type_of(event);
    let key = event["subject"].as_str().expect("an event has a subject");
    input_subject(kind.lane, &kind.entity.key(key).expect("it is a key"))
}

pub fn partition(sku: &str) -> u16 {
    partition_of(&EntityKey::Sku(Sku::new(sku).expect("it is a key")), PARTITIONS)
}

/// A SKU of this partition whose key begins so.
pub fn sku_in(wanted: u16, begin: &str) -> String {
    let mut keys = (0..).map(|n| format!("{begin}{n}"));
    keys.find(|key| partition(key) == wanted).expect("every partition has keys")
}

/// Waits that a pod leaves in order.
pub async fn leave(mut pod: Pod) {
    assert_eq!(pod.terminate(READY_BOUND).await, 0, "{}", pod.output());
}
