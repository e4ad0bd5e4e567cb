//! A command of `earmark`, run to its end beside two servers, and what a pod says on its port.

use std::process::{Command, Output};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{NatsServer, RedisServer};

/// The settings of a process beside these servers: where they are, where it serves HTTP, and more.
pub fn environment(
    nats: &NatsServer,
    redis: &RedisServer,
    port: u16,
    more: &[(&str, &str)],
) -> Vec<(String, String)> {
    let own = [
        ("EARMARK_NATS_URL".to_owned(), nats.url()),
        ("EARMARK_REDIS_URL".to_owned(), redis.url()),
        ("EARMARK__HTTP__LISTEN".to_owned(), format!("127.0.0.1:{port}")),
        // Its next run need not wait for the leases of the one that was killed.
        ("EARMARK__CLUSTER__OWNERSHIP".to_owned(), "all".to_owned()),
    ];
    let more = more.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    own.into_iter().chain(more).collect()
}

/// What a command said and how it ended.
pub struct Ran(Output);

impl Ran {
    /// Runs the `earmark` of this build, without blocking the test's own runtime.
    pub async fn earmark(args: &[&str], environment: Vec<(String, String)>) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_earmark"));
        command.args(args).envs(environment);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        Ran(output.expect("the command's thread ends").expect("the command can be started"))
    }

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

/// Asks a pod's HTTP port: the status, 0 if nobody answers, and the body.
pub async fn get(port: u16, path: &str) -> (u16, String) {
    let ask = async {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
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
