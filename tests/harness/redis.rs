//! A real Redis that can be killed, frozen, restarted on the same port and data, wiped, and rolled
//! back to an earlier copy of its data.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::disk::Disk;
use super::ports::free_port;
use super::process::{Process, server_binary};
use super::wait::{READY_BOUND, wait_for};

const START_TRIES: usize = 5;

/// How the server keeps its data.
#[derive(Clone)]
pub struct RedisConfig {
    /// Whether every write is in a file before it is answered, and survives `kill`. Without it the
    /// server comes back empty.
    pub append_only: bool,
    /// Further arguments, such as `["--maxmemory", "1mb"]`.
    pub args: Vec<String>,
    /// A disk for its data alone, of so many bytes. Takes root.
    pub disk: Option<u64>,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self { append_only: true, args: Vec::new(), disk: None }
    }
}

/// A copy of a server's data, for `RedisServer::roll_back`.
pub struct RedisData(TempDir);

/// A Redis of its own. Dropping it kills it and deletes its data.
pub struct RedisServer {
    port: u16,
    config: RedisConfig,
    process: Process,
    disk: Option<Disk>,
    // Holds the log too; deleted after the process is gone, since fields drop in order.
    dir: TempDir,
}

impl RedisServer {
    /// A server that keeps its data over `kill` and `restart`.
    pub async fn start() -> Self {
        Self::start_with(RedisConfig::default()).await
    }

    /// A server configured otherwise.
    pub async fn start_with(config: RedisConfig) -> Self {
        for _ in 0..START_TRIES {
            let dir = tempfile::Builder::new().prefix("earmark-redis-").tempdir();
            let dir = dir.expect("a temporary directory can be made");
            let disk = config.disk.map(|bytes| Disk::mount(&dir.path().join("disk"), bytes));
            let port = free_port();
            let process = launch(port, &config, &dir);
            let mut server = Self { port, config: config.clone(), process, disk, dir };
            if server.ready().await {
                return server;
            }
            // Another process took the port between the look and the start.
            let lost_its_port = server.process.output().contains("Address already in use");
            assert!(lost_its_port, "{}", server.process.output_tail());
        }
        panic!("redis-server found no free port in {START_TRIES} tries");
    }

    /// A server that repeats what this one is told.
    pub async fn replica(&self) -> Self {
        let of = ["--replicaof".to_owned(), "127.0.0.1".to_owned(), self.port.to_string()];
        Self::start_with(RedisConfig { args: of.to_vec(), ..self.config.clone() }).await
    }

    /// Makes a replica a server of its own.
    pub async fn promote(&mut self) {
        self.config.args.clear();
        let mut connection = self.connection().await;
        let mut promote = redis::cmd("REPLICAOF");
        promote.arg("NO").arg("ONE");
        promote.query_async::<()>(&mut connection).await.expect("it can be promoted");
    }

    /// The disk that it has for itself.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("this server was given a disk")
    }

    /// Sets a setting while it runs.
    pub async fn configure(&self, name: &str, value: &str) {
        let mut set = redis::cmd("CONFIG");
        set.arg("SET").arg(name).arg(value);
        let done = set.query_async::<()>(&mut self.connection().await).await;
        done.expect("the setting can be set");
    }

    /// `redis://127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("redis://{}", self.addr())
    }

    /// Where it listens.
    pub fn addr(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// A new connection, which does not reconnect.
    pub async fn connection(&self) -> redis::aio::MultiplexedConnection {
        let client = redis::Client::open(self.url()).expect("the address is valid");
        // Half a second, the client's own, is little where everybody works at once.
        let config = redis::AsyncConnectionConfig::new().set_response_timeout(Some(READY_BOUND));
        let connection = client.get_multiplexed_async_connection_with_config(&config).await;
        connection.expect("a ready server accepts connections")
    }

    /// SIGKILL; returns when the process is gone.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// SIGSTOP: connections stay open and nothing is answered.
    pub fn freeze(&self) {
        self.process.freeze();
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.process.thaw();
    }

    /// Kills it and deletes its data. `restart` brings it back empty.
    pub fn wipe(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.data()).expect("the data can be deleted");
    }

    /// Kills it if it runs, and starts it on the same port and data; returns when it is ready.
    pub async fn restart(&mut self) {
        self.kill();
        self.process = launch(self.port, &self.config, &self.dir);
        assert!(self.ready().await, "{}", self.process.output_tail());
    }

    /// A copy of all that has been answered as written until now.
    pub fn snapshot_data(&self) -> RedisData {
        assert!(self.config.append_only, "this server keeps no data to copy");
        let copy = tempfile::tempdir().expect("a temporary directory can be made");
        self.freeze();
        copy_dir(&self.data(), copy.path());
        self.thaw();
        RedisData(copy)
    }

    /// Kills it, puts the copy in place of its data, and starts it again.
    pub async fn roll_back(&mut self, data: &RedisData) {
        self.wipe();
        copy_dir(data.0.path(), &self.data());
        self.restart().await;
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn data(&self) -> PathBuf {
        data(&self.config, &self.dir)
    }

    /// Whether it answers within the bound; false as soon as the process has ended.
    async fn ready(&mut self) -> bool {
        let client = redis::Client::open(self.url()).expect("the address is valid");
        wait_for("redis-server is ready", READY_BOUND, async || {
            if self.process.exited().is_some() {
                return Some(false);
            }
            let mut connection = client.get_multiplexed_async_connection().await.ok()?;
            let pong = redis::cmd("PING").query_async::<String>(&mut connection).await;
            pong.is_ok().then_some(true)
        })
        .await
    }
}

/// The append-only file is never rewritten, so that a copy of the directory is always whole.
fn launch(port: u16, config: &RedisConfig, dir: &TempDir) -> Process {
    let data = data(config, dir);
    std::fs::create_dir_all(&data).expect("the data directory can be made");
    let mut command = Command::new(server_binary("redis-server"));
    command.args(["--bind", "127.0.0.1", "--port"]).arg(port.to_string());
    command.arg("--dir").arg(data).args(["--save", "", "--appendfsync", "always"]);
    command.args(["--appendonly", if config.append_only { "yes" } else { "no" }]);
    command.args(["--auto-aof-rewrite-percentage", "0"]).args(&config.args);
    Process::spawn("redis-server", command, &dir.path().join("server.log"))
}

/// Where a server keeps what it keeps.
fn data(config: &RedisConfig, dir: &TempDir) -> PathBuf {
    match config.disk {
        Some(_) => dir.path().join("disk/data"),
        None => dir.path().join("data"),
    }
}

pub(super) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the copy's directory can be made");
    for entry in std::fs::read_dir(from).expect("the data can be listed").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).expect("a data file can be copied");
        }
    }
}
