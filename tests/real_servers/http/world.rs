//! Two servers, a pod with a token, and an HTTP client.

use std::time::Duration;

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

pub use crate::world::{event, hold, received};

use crate::harness::{NatsServer, Pod, Ran, RedisServer, environment, free_port, wait_until};

/// How long anything may take that is not a fault.
pub const BOUND: Duration = Duration::from_secs(30);
/// The pod's token.
pub const TOKEN: &str = "the-token-of-this-test";
/// The content types that the door takes.
pub const EVENT: &str = "application/cloudevents+json";
pub const BATCH: &str = "application/cloudevents-batch+json";

/// Few partitions, and short spans.
const SETTINGS: &[(&str, &str)] = &[
    ("EARMARK__STREAMS__PARTITIONS", "4"),
    ("EARMARK__STREAMS__IN_BYTES_MAX", "134217728"),
    ("EARMARK__STREAMS__CMD_BYTES_MAX", "67108864"),
    ("EARMARK__STREAMS__JOURNAL_BYTES_MAX", "134217728"),
    ("EARMARK__NATS__REQUEST_TIMEOUT_MS", "1000"),
    ("EARMARK__NATS__ACK_TIMEOUT_MS", "500"),
    ("EARMARK__READER__HEARTBEAT_MS", "200"),
    ("EARMARK__READER__STALLED_MS", "1000"),
    ("EARMARK__SUPERVISOR__WATCH_EVERY_MS", "200"),
    ("EARMARK__SUPERVISOR__RESTART_FIRST_MS", "100"),
    ("EARMARK__SUPERVISOR__RESTART_MAX_MS", "1000"),
    ("EARMARK__HTTP__TOKEN", TOKEN),
    ("EARMARK__HTTP__WAIT_MS", "30000"),
    ("EARMARK__HTTP__PUBLISH_WITHIN_MS", "1000"),
];

/// Servers of its own for a test, set up, and a client.
pub struct World {
    pub nats: NatsServer,
    pub redis: RedisServer,
    pub port: u16,
    client: Client,
}

impl World {
    pub async fn start() -> World {
        World::start_with(&[]).await
    }

    /// The same, set up otherwise.
    pub async fn start_with(more: &[(&str, &str)]) -> World {
        let nats = NatsServer::start().await;
        let redis = RedisServer::start().await;
        let world = World { nats, redis, port: free_port(), client: Client::new() };
        world.earmark_with(&["setup"], more).await;
        world
    }

    fn environment(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        environment(&self.nats, &self.redis, self.port, &[SETTINGS, more].concat())
    }

    /// Runs a command to its end; what it said.
    pub async fn earmark(&self, args: &[&str]) -> Value {
        self.earmark_with(args, &[]).await
    }

    async fn earmark_with(&self, args: &[&str], more: &[(&str, &str)]) -> Value {
        Ran::earmark(&[args, &["--json"]].concat(), self.environment(more)).await.with(0).json()
    }

    /// Starts a pod and waits for nothing.
    pub fn spawn(&self, more: &[(&str, &str)]) -> Pod {
        let environment = self.environment(more);
        let pairs: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        Pod::earmark(&["run"], &pairs)
    }

    /// Starts a pod and waits until it is ready and takes requests.
    pub async fn pod(&self, more: &[(&str, &str)]) -> Pod {
        let pod = self.spawn(more);
        self.ready().await;
        pod
    }

    pub async fn ready(&self) {
        wait_until("the pod is ready", BOUND, async || {
            let door = self.ask(Method::GET, "/v1/answers/none", Some(TOKEN)).await;
            let ready = self.ask(Method::GET, "/readyz", None).await;
            ready.status == 200 && door.status != 503
        })
        .await;
    }

    /// Any request without a body.
    pub async fn ask(&self, method: Method, path: &str, token: Option<&str>) -> Said {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut request = self.client.request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        match request.send().await {
            Ok(response) => Said::of(response).await,
            Err(_) => Said { status: 0, headers: Vec::new(), body: Value::Null },
        }
    }

    /// Asks where a response said that an answer will be.
    pub async fn answer(&self, location: &str) -> Said {
        self.ask(Method::GET, location, Some(TOKEN)).await
    }

    /// Any body to the door.
    pub async fn send(&self, headers: &[(&str, &str)], body: impl Into<reqwest::Body>) -> Said {
        let url = format!("http://127.0.0.1:{}/v1/events", self.port);
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Said::of(request.send().await.expect("the pod answers")).await
    }

    /// One event to the door.
    pub async fn post(&self, event: &Value) -> Said {
        self.post_with(event, &[]).await
    }

    /// The same with further headers.
    pub async fn post_with(&self, event: &Value, headers: &[(&str, &str)]) -> Said {
        let token = format!("Bearer {TOKEN}");
        let own = [("authorization", token.as_str()), ("content-type", EVENT)];
        self.send(&[&own[..], headers].concat(), event.to_string()).await
    }

    /// A batch to the door.
    pub async fn post_all(&self, events: &[Value], headers: &[(&str, &str)]) -> Said {
        let token = format!("Bearer {TOKEN}");
        let own = [("authorization", token.as_str()), ("content-type", BATCH)];
        self.send(&[&own[..], headers].concat(), Value::from(events).to_string()).await
    }

    /// The sum of a metric's samples that begin so; 0 if there are none.
    pub async fn metric(&self, begin: &str) -> f64 {
        self.samples(begin).await.into_iter().map(|(_, sample)| sample).sum()
    }

    /// A metric's samples that begin so, with their names and labels.
    pub async fn samples(&self, begin: &str) -> Vec<(String, f64)> {
        let url = format!("http://127.0.0.1:{}/metrics", self.port);
        let text = match self.client.get(url).send().await {
            Ok(response) => response.text().await.unwrap_or_default(),
            Err(_) => String::new(),
        };
        let samples = text.lines().filter(|line| line.starts_with(begin));
        let sample = |line: &str| {
            let (named, sample) = line.rsplit_once(' ')?;
            Some((named.to_owned(), sample.parse().ok()?))
        };
        samples.filter_map(sample).collect()
    }

    /// Waits until so many events are under way.
    pub async fn in_flight(&self, events: f64) {
        wait_until("events are under way", BOUND, async || {
            self.metric("earmark_http_in_flight ").await == events
        })
        .await;
    }

    /// Units of a SKU in all its locations: on hand, held.
    pub async fn total(&self, key: &str) -> [u64; 2] {
        let total = self.earmark(&["inspect", "sku", key]).await["state"]["total"].clone();
        ["on_hand", "held"].map(|units| total[units].as_u64().expect("a number"))
    }
}

/// What the pod said.
#[derive(Debug)]
pub struct Said {
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Its body, as JSON; `null` if it is none.
    pub body: Value,
}

impl Said {
    async fn of(response: Response) -> Said {
        let status = response.status().as_u16();
        let text = |value: &reqwest::header::HeaderValue| {
            String::from_utf8_lossy(value.as_bytes()).into_owned()
        };
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
        let body = response.bytes().await.unwrap_or_default();
        Said { status, headers, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The same, if it has this status; panics with what was said otherwise.
    #[track_caller]
    pub fn with(self, status: u16) -> Said {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// A problem of this status and code, as problem details.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Said {
        let said = self.with(status);
        assert_eq!(said.header("content-type"), Some("application/problem+json"), "{said:?}");
        assert_eq!(said.body["code"], json!(code), "{said:?}");
        assert_eq!(said.body["status"], json!(status), "{said:?}");
        for text in ["type", "title", "detail", "action"] {
            assert!(said.body[text].as_str().is_some_and(|text| !text.is_empty()), "{said:?}");
        }
        said
    }

    /// The data of the answer.
    #[track_caller]
    pub fn decided(self) -> Value {
        let said = self.with(200);
        assert_eq!(said.header("content-type"), Some(EVENT), "{said:?}");
        assert_eq!(said.body["type"], json!("answer.v1"), "{said:?}");
        said.body["data"].clone()
    }
}

// === events ===
