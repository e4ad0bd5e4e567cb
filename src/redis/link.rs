//! The connection to Redis, made anew when it fails or falls silent.
//!
//! Promises: every call ends within the connect timeout and the response timeout together. A
//! connection that did not answer in time is not used again: redis' own `ConnectionManager` would
//! keep it, and behind a silent network that means for a quarter of an hour. Nothing is retried
//! except that a script which Redis does not have is sent in full.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, Client, Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError,
    ScriptInvocation, ServerErrorKind, aio::MultiplexedConnection,
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::ports::PortError;

/// How to reach Redis.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisSettings {
    /// Its address.
    pub url: String,
    /// What all keys begin with: letters, digits, `-` and `_`.
    pub prefix: String,
    /// How long making a connection may take, in milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an answer may take, in milliseconds.
    pub response_timeout_ms: u64,
    /// How many keys one step of deleting old generations looks at.
    pub sweep_step: usize,
    /// How long deleting rests between two steps, in milliseconds.
    pub sweep_rest_ms: u64,
}

impl Default for RedisSettings {
    fn default() -> RedisSettings {
        RedisSettings {
            url: "redis://127.0.0.1:6379".to_owned(),
            prefix: "earmark".to_owned(),
            connect_timeout_ms: 1_000,
            response_timeout_ms: 2_000,
            sweep_step: 1_000,
            sweep_rest_ms: 5,
        }
    }
}

/// The connection, or the place for one.
pub struct Link {
    client: Client,
    config: AsyncConnectionConfig,
    bound: Duration,
    current: Mutex<Current>,
}

#[derive(Default)]
struct Current {
    connection: Option<MultiplexedConnection>,
    /// Which connection it is.
    number: u64,
}

impl Link {
    /// A link that connects when it is first used.
    pub fn new(settings: &RedisSettings) -> Result<Link, PortError> {
        let client = Client::open(settings.url.as_str());
        let client = client.map_err(|error| PortError::new("read the address of Redis", error))?;
        let connect = Duration::from_millis(settings.connect_timeout_ms);
        let response = Duration::from_millis(settings.response_timeout_ms);
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect))
            .set_response_timeout(Some(response));
        Ok(Link { client, config, bound: connect + response, current: Mutex::default() })
    }

    /// Runs a script.
    pub async fn script<T: FromRedisValue>(
        &self,
        doing: &str,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, PortError> {
        self.run(doing, async |mut connection| script.invoke_async(&mut connection).await).await
    }

    /// Runs a command.
    pub async fn command<T: FromRedisValue>(&self, doing: &str, cmd: &Cmd) -> Result<T, PortError> {
        self.run(doing, async |mut connection| cmd.query_async(&mut connection).await).await
    }

    /// Runs commands in one transaction.
    pub async fn together<T: FromRedisValue>(
        &self,
        doing: &str,
        commands: &Pipeline,
    ) -> Result<T, PortError> {
        self.run(doing, async |mut connection| commands.query_async(&mut connection).await).await
    }

    async fn run<T>(
        &self,
        doing: &str,
        run: impl AsyncFnOnce(MultiplexedConnection) -> Result<T, RedisError>,
    ) -> Result<T, PortError> {
        let used = async {
            let (connection, number) = self.connection().await.map_err(|error| (error, 0))?;
            run(connection).await.map_err(|error| (error, number))
        };
        let (error, number) = match tokio::time::timeout(self.bound, used).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(failure)) => failure,
            Err(_) => return Err(PortError::new(doing, "no answer in time")),
        };
        if error.is_timeout() || error.is_io_error() || error.is_connection_dropped() {
            self.give_up(number).await;
        } else if error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly) {
            // A replica since a fail-over: the address may lead elsewhere now.
            self.give_up(number).await;
        }
        Err(PortError::new(doing, error))
    }

    async fn connection(&self) -> Result<(MultiplexedConnection, u64), RedisError> {
        let mut current = self.current.lock().await;
        if let Some(connection) = &current.connection {
            return Ok((connection.clone(), current.number));
        }
        let connection = self.client.get_multiplexed_async_connection_with_config(&self.config);
        let connection = connection.await?;
        current.number += 1;
        current.connection = Some(connection.clone());
        Ok((connection, current.number))
    }

    async fn give_up(&self, number: u64) {
        let mut current = self.current.lock().await;
        if current.number == number {
            current.connection = None;
        }
    }
}
