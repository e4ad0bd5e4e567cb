//! Two servers, and the binary beside them.

use std::io::Write;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::NamedTempFile;

use crate::harness::{NatsServer, Pod, READY_BOUND, RedisServer, free_port, wait_for, wait_until};

/// Fewer partitions than the default, so that pods start sooner.
const PARTITIONS: &str = "4";

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
        let pairs = [
            ("EARMARK_NATS_URL", self.nats.url()),
            ("EARMARK_REDIS_URL", self.redis.url()),
            ("EARMARK__STREAMS__PARTITIONS", self.partitions.to_owned()),
            ("EARMARK__STREAMS__IN_BYTES_MAX", (64 << 20).to_string()),
            ("EARMARK__STREAMS__CMD_BYTES_MAX", (64 << 20).to_string()),
            ("EARMARK__STREAMS__JOURNAL_BYTES_MAX", (64 << 20).to_string()),
            ("EARMARK__NATS__CONNECT_WITHIN_MS", "1000".to_owned()),
            ("EARMARK__SUPERVISOR__WATCH_EVERY_MS", "200".to_owned()),
            ("EARMARK__HTTP__LISTEN", format!("127.0.0.1:{}", self.port)),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value)).to_vec()
    }

    /// Runs a command to its end, without blocking the test's own runtime.
    pub async fn earmark(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_earmark"));
        command.args(args).envs(self.environment());
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        Ran(output.expect("the command's thread ends").expect("the command can be started"))
    }

    /// Starts a pod and waits until it is ready.
    pub async fn pod(&self) -> Pod {
        let environment = self.environment();
        let environment: Vec<(&str, &str)> =
            environment.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let pod = Pod::earmark(&["run"], &environment);
        wait_until("the pod is ready", READY_BOUND, async || self.get("/readyz").await.0 == 200)
            .await;
        pod
    }

    /// Asks the pod's HTTP port: the status, 0 if nobody answers, and the body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let ask = async {
            let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await?;
            let request = format!("GET {path} HTTP/1.1\r\nHost: pod\r\nConnection: close\r\n\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, std::io::Error>(answer)
        };
        let Ok(answer) = ask.await else { return (0, String::new()) };
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
        let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        (status.unwrap_or(0), body.unwrap_or_default())
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

/// What a command said and how it ended.
pub struct Ran(Output);

impl Ran {
    pub fn code(&self) -> i32 {
        self.0.status.code().unwrap_or(-1)
    }

    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.0.stdout).into_owned()
    }

    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.0.stderr).into_owned()
    }

    pub fn json(&self) -> Value {
        let parsed = serde_json::from_slice(&self.0.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {}{}", self.out(), self.err()))
    }

    /// The same, if it ended with this code; panics with what it said otherwise.
    pub fn with(self, code: i32) -> Ran {
        assert_eq!(self.code(), code, "{}{}", self.out(), self.err());
        self
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
