//! One connection a role, so that bulk reads do not delay commits.
//!
//! Promises: [`Connections::open`] tries until it has all of them or its bound has passed, and says
//! why it failed. Afterwards each connection reconnects by itself, for ever.

use std::{path::PathBuf, time::Duration};

use async_nats::{
    Client, ConnectOptions, ServerAddr,
    jetstream::{self, context::ContextBuilder},
};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};

use super::cut::{self, CUT};
use crate::ports::PortError;

/// A connection that is cut in silence is noticed at the third ping.
const PING_EVERY: Duration = Duration::from_secs(3);
const RETRY_EVERY: Duration = Duration::from_millis(200);
/// A note about a lease that is not answered within this is written anew. Milliseconds.
const LEASE_WITHIN_MS: u64 = 1_500;
/// A refusal within this comes from the server, and not from a time-out.
const AT_ONCE: Duration = Duration::from_secs(1);
/// What JetStream says at once and does not mean: a cluster that has no leader for a moment.
const NOT_NOW: &str = "(code 503,";

/// How to reach NATS.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NatsSettings {
    /// One or more addresses, separated by commas. The first may say who we are, to all of them:
    /// `nats://USER:PASSWORD@HOST`.
    pub url: String,
    /// A credentials file, read once.
    pub credentials: Option<PathBuf>,
    /// What the server's connection list shows, with the role behind it.
    pub name: String,
    /// The first token of inboxes, where the server's permissions ask for one of our own.
    pub inbox_prefix: Option<String>,
    /// How long the first connection is tried, in milliseconds.
    pub connect_within_ms: u64,
    /// How long a request of intake or control may take, in milliseconds.
    pub request_timeout_ms: u64,
    /// How long an acknowledgement (and any request of commit or release) may take, in
    /// milliseconds.
    pub ack_timeout_ms: u64,
    /// How many publishes may wait for their acknowledgement, on each connection. More than all
    /// tasks together send before they wait, or they wait for each other.
    pub max_ack_inflight: usize,
}

impl Default for NatsSettings {
    fn default() -> NatsSettings {
        NatsSettings {
            url: "nats://127.0.0.1:4222".to_owned(),
            credentials: None,
            name: "earmark".to_owned(),
            inbox_prefix: None,
            connect_within_ms: 10_000,
            request_timeout_ms: 5_000,
            ack_timeout_ms: 5_000,
            max_ack_inflight: 1 << 20,
        }
    }
}

/// The connections of a process.
#[derive(Clone)]
pub struct Connections {
    /// Reads EARMARK_IN and EARMARK_CMD.
    pub intake: jetstream::Context,
    /// Appends to the journal and reads it.
    pub commit: jetstream::Context,
    /// Sends effects.
    pub release: jetstream::Context,
    /// Settings, control and queries.
    pub control: jetstream::Context,
    /// Members and leases: what nothing else may delay.
    pub leases: jetstream::Context,
}

impl Connections {
    /// Connects every role.
    pub async fn open(settings: &NatsSettings) -> Result<Connections, PortError> {
        let (intake, commit, release, control, leases) = tokio::try_join!(
            open_role(settings, "intake", settings.request_timeout_ms),
            open_role(settings, "commit", settings.ack_timeout_ms),
            open_role(settings, "release", settings.ack_timeout_ms),
            open_role(settings, "control", settings.request_timeout_ms),
            open_role(settings, "leases", settings.request_timeout_ms.min(LEASE_WITHIN_MS)),
        )?;
        Ok(Connections { intake, commit, release, control, leases })
    }
}

/// Connects one role, whose requests and publishes are answered within `timeout_ms` or not at all.
pub async fn open_role(
    settings: &NatsSettings,
    role: &'static str,
    timeout_ms: u64,
) -> Result<jetstream::Context, PortError> {
    let doing = || format!("connect to NATS at {} for {role}", without_users(&settings.url));
    let urls: Vec<&str> = settings.url.split(',').map(str::trim).collect();
    let bound = Duration::from_millis(settings.connect_within_ms);
    let deadline = tokio::time::Instant::now() + bound;
    loop {
        let options =
            options(settings, role).await.map_err(|error| PortError::new(doing(), error))?;
        let attempt = tokio::time::timeout_at(deadline, options.connect(urls.as_slice()));
        match attempt.await {
            Ok(Ok(client)) => return Ok(context(settings, client, timeout_ms)),
            Ok(Err(error)) if tokio::time::Instant::now() + RETRY_EVERY >= deadline => {
                return Err(PortError::new(doing(), error));
            }
            Ok(Err(_)) => tokio::time::sleep(RETRY_EVERY).await,
            Err(_) => return Err(PortError::new(doing(), format!("no answer in {bound:?}"))),
        }
    }
}

/// Asks what a start depends on, and again until there is an answer, for as long as a first
/// connection is tried: the server may be replaced between the connection and the answer. A server
/// that refuses at once means it, but for [`NOT_NOW`].
pub async fn first_answer<T>(
    settings: &NatsSettings,
    context: &jetstream::Context,
    doing: &str,
    ask: impl AsyncFn() -> Result<T, PortError>,
) -> Result<T, PortError> {
    let client = context.client();
    let bound = Duration::from_millis(settings.connect_within_ms);
    let deadline = tokio::time::Instant::now() + bound;
    loop {
        let (asked_at, asked_over) = (tokio::time::Instant::now(), cut::connects(&client));
        let asked = tokio::time::timeout_at(deadline, cut::answer(&client, ask()));
        let error = match asked.await {
            Ok(Some(Ok(answer))) => return Ok(answer),
            Ok(Some(Err(error))) => {
                let at_once = asked_at.elapsed() < AT_ONCE;
                let is_meant = at_once && !error.why.contains(NOT_NOW);
                if is_meant && cut::connects(&client) == asked_over {
                    return Err(error);
                }
                error
            }
            Ok(None) => PortError::new(doing, CUT),
            Err(_) => return Err(PortError::new(doing, format!("no answer in {bound:?}"))),
        };
        if tokio::time::Instant::now() + RETRY_EVERY >= deadline {
            return Err(error);
        }
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

async fn options(settings: &NatsSettings, role: &'static str) -> std::io::Result<ConnectOptions> {
    let mut options = ConnectOptions::new();
    if let Some(file) = &settings.credentials {
        options = options.credentials_file(file).await?;
    }
    if let Some((user, password)) = user_of(&settings.url) {
        options = options.user_and_password(user, password);
    }
    if let Some(prefix) = &settings.inbox_prefix {
        options = options.custom_inbox_prefix(prefix);
    }
    Ok(options
        .ping_interval(PING_EVERY)
        .name(format!("{}-{role}", settings.name))
        .request_timeout(Some(Duration::from_millis(settings.request_timeout_ms)))
        .reconnect_delay_callback(reconnect_delay)
        .event_callback(move |event| async move {
            tracing::info!(role, %event, "NATS connection");
        }))
}

/// Who the addresses say that we are: the client does not look there.
fn user_of(urls: &str) -> Option<(String, String)> {
    let address: ServerAddr = urls.split(',').next()?.trim().parse().ok()?;
    let decoded = |text| percent_decode_str(text).decode_utf8_lossy().into_owned();
    Some((decoded(address.username()?), decoded(address.password()?)))
}

/// The addresses as others may read them: without passwords.
fn without_users(urls: &str) -> String {
    let without_user = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        _ => url.to_owned(),
    };
    urls.split(',').map(str::trim).map(without_user).collect::<Vec<_>>().join(",")
}

/// At once, then ever slower, up to half a second.
fn reconnect_delay(attempts: usize) -> Duration {
    Duration::from_millis(attempts.saturating_sub(1).saturating_mul(50).min(500) as u64)
}

/// An awaited acknowledgement is bounded by `timeout`; async-nats' `ack_timeout` is for
/// acknowledgements that nobody awaits.
fn context(settings: &NatsSettings, client: Client, timeout_ms: u64) -> jetstream::Context {
    ContextBuilder::new()
        .timeout(Duration::from_millis(timeout_ms))
        .max_ack_inflight(settings.max_ack_inflight)
        .build(client)
}
