//! Two servers, and the binary beside them.

use std::io::Write;

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{
    NatsServer, Pod, READY_BOUND, Ran, RedisServer, environment, free_port, get, wait_for,
    wait_until,
};

/// Fewer partitions than the default, so that pods start sooner.
const PARTITIONS: &str = "4";
/// Small streams, and short spans.
const SETTINGS: &[(&str, &str)] = &[
    ("EARMARK__STREAMS__IN_BYTES_MAX", "67108864"),
    ("EARMARK__STREAMS__CMD_BYTES_MAX", "67108864"),
    ("EARMARK__STREAMS__JOURNAL_BYTES_MAX", "67108864"),
    ("EARMARK__NATS__CONNECT_WITHIN_MS", "1000"),
    ("EARMARK__SUPERVISOR__WATCH_EVERY_MS", "200"),
];

/// Servers of its own for a test.
pub struct World {
    pub nats: NatsServer,
    pub redis: RedisServer,
    pub port: u16,
    /// What processes are configured with.
    pub partitions: &'static str,
}

impl World {
    pub async fn start() -> World {
        let nats = NatsServer::start().await;
        let redis = RedisServer::start().await;
        World { nats, redis, port: free_port(), partitions: PARTITIONS }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let own = [("EARMARK__STREAMS__PARTITIONS", self.partitions)];
        environment(&self.nats, &self.redis, self.port, &[SETTINGS, &own].concat())
    }

    /// Runs a command to its end.
    pub async fn earmark(&self, args: &[&str]) -> Ran {
        Ran::earmark(args, self.environment()).await
    }

    /// Starts a pod and waits until it is ready.
    pub async fn pod(&self) -> Pod {
        let pod = self.spawn();
        wait_until("the pod is ready", READY_BOUND, async || self.get("/readyz").await.0 == 200)
            .await;
        pod
    }

    /// Starts a pod and waits for nothing.
    pub fn spawn(&self) -> Pod {
        let environment = self.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        Pod::earmark(&["run"], &environment)
    }

    /// Waits until the pod answers with this status and words to whether it is ready.
    pub async fn says(&self, wanted: u16, words: &str) {
        wait_until(&format!("{wanted}: {words}"), READY_BOUND, async || {
            let (status, body) = self.get("/readyz").await;
            status == wanted && body.contains(words)
        })
        .await;
    }

    /// Asks the pod's HTTP port: the status, 0 if nobody answers, and the body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        get(self.port, path).await
    }

    /// A metric's value, once the pod has it.
    pub async fn metric(&self, line: &str) -> f64 {
        wait_for(line, READY_BOUND, async || {
            let (_, body) = self.get("/metrics").await;
            let found = body.lines().find_map(|of| of.strip_prefix(line));
            found.and_then(|value| value.trim().parse().ok())
        })
        .await
    }
}

/// An event as a line.
pub fn event(id: &str, kind: &str, subject: &str, data: &Value) -> String {
    let now = time::OffsetDateTime::now_utc();
    let now = now.format(&time::format_description::well_known::Rfc3339);
    json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": kind, "subject": subject,
        "time": now.expect("now can be written"), "data": data,
    })
    .to_string()
}

/// A file of lines.
pub fn file(lines: &[String]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(lines.join("\n").as_bytes()).expect("the lines can be written");
    file
}

/// Stock, holds on it, and an order.
pub fn small_shop() -> Vec<String> {
    let received = json!({"location": "MAIN", "quantity": 10, "reference": "po-1"});
    let hold = |name: &str, quantity: u32| json!({"hold": name, "owner": "cart-1", "kind": "cart", "quantity": quantity});
    let order = json!({
        "lines": [{"line": "1", "sku": "SKU.1", "quantity": 4}],
        "policy": "all_or_nothing", "payment_due_s": 3600,
    });
    vec![
        event("r1", "stock.received.v1", "SKU.1", &received),
        event("h1", "hold.requested.v1", "SKU.1", &hold("h1", 3)),
        event("o1", "order.placed.v1", "order/1", &order),
    ]
}
