//! The servers of one run, each on a free port with a directory of its own, gone when their handles
//! are dropped.
//!
//! A nats-server begins with a copy of a store that was filled before, so that every run reads the
//! same bytes and none of them writes what it reads.

use std::{
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use async_nats::jetstream;
use tempfile::TempDir;

use crate::harness::{Process, RedisConfig, RedisServer, free_port, server_binary};

/// How long a server may take to be ready, or to end when it is asked to.
const BOUND: Duration = Duration::from_secs(30);
const POLL_EVERY: Duration = Duration::from_millis(5);

/// When the server writes what it has acknowledged to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fsync {
    /// As nats-server has it: every two minutes.
    Default,
    /// `sync_interval: always` as shipped for one server: the journal synced, the other streams with
    /// `persist_mode: async`.
    Always,
}

impl Fsync {
    pub const ALL: [Fsync; 2] = [Fsync::Default, Fsync::Always];

    pub fn name(self) -> &'static str {
        match self {
            Fsync::Default => "default",
            Fsync::Always => "always",
        }
    }

    fn line(self) -> &'static str {
        match self {
            Fsync::Default => "",
            Fsync::Always => "sync_interval: always",
        }
    }
}

/// A nats-server. Dropping it kills it and deletes its data.
pub struct Nats {
    port: u16,
    process: Process,
    dir: TempDir,
}

impl Nats {
    /// One that begins with a copy of a store, or with nothing.
    pub async fn start(fsync: Fsync, store: Option<&Store>) -> Result<Nats> {
        let dir = tempfile::Builder::new().prefix("earmark-bench-nats-").tempdir()?;
        let data = dir.path().join("data");
        std::fs::create_dir_all(&data)?;
        if let Some(store) = store {
            copy_dir(&store.data(), &data).context("copy the store")?;
        }
        let port = free_port();
        let file = dir.path().join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\nmax_payload: 1MB\nmax_pending: 64MB\n\
             write_deadline: \"10s\"\njetstream {{\n  store_dir: {data:?}\n  max_file_store: 16GB\n  \
             max_memory_store: 256MB\n  {}\n}}\n",
            fsync.line(),
        );
        std::fs::write(&file, text)?;
        let mut command = Command::new(server_binary("nats-server"));
        command.arg("--config").arg(file);
        let process = Process::spawn("nats-server", command, &dir.path().join("server.log"));
        let mut nats = Nats { port, process, dir };
        nats.ready().await?;
        Ok(nats)
    }

    async fn ready(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < BOUND {
            if self.process.exited().is_some() {
                break;
            }
            if let Ok(client) = async_nats::connect(self.url()).await
                && jetstream::new(client).query_account().await.is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        bail!("nats-server is not ready\n{}", self.process.output_tail())
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// A JetStream context on a connection of its own.
    pub async fn context(&self) -> Result<jetstream::Context> {
        let client = async_nats::connect(self.url()).await?;
        let builder = jetstream::context::ContextBuilder::new();
        Ok(builder.timeout(BOUND).max_ack_inflight(1 << 20).build(client))
    }

    /// Ends it in order; what it has stored.
    pub async fn stop(mut self) -> Result<Store> {
        self.process.terminate();
        let began = Instant::now();
        while self.process.exited().is_none() {
            if began.elapsed() > BOUND {
                bail!("nats-server does not end\n{}", self.process.output_tail());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        Ok(Store(self.dir))
    }
}

/// What a nats-server has stored.
pub struct Store(TempDir);

impl Store {
    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }
}

/// A Redis as `deploy/redis/redis.conf` has it.
pub async fn redis() -> RedisServer {
    let args = ["--appendfsync", "everysec"].map(str::to_owned).to_vec();
    RedisServer::start_with(RedisConfig { args, ..RedisConfig::default() }).await
}

/// A PostgreSQL with its default settings. Dropping it ends it and deletes its data.
pub struct PostgresServer {
    port: u16,
    process: Process,
    // Deleted after the process is gone, since fields drop in order.
    _dir: TempDir,
}

impl PostgresServer {
    /// Makes a cluster and starts it; as the user `postgres` where we are root, which it refuses.
    pub async fn start() -> Result<PostgresServer> {
        let dir = tempfile::Builder::new().prefix("earmark-bench-postgres-").tempdir()?;
        let user = postgres_user(dir.path())?;
        let data = dir.path().join("data");
        let mut init = user.command("initdb")?;
        init.arg("--pgdata").arg(&data);
        init.args(["--username", "postgres", "--auth", "trust", "--encoding", "UTF8"]);
        let made = init.args(["--locale", "C"]).output().context("start initdb")?;
        if !made.status.success() {
            bail!("initdb failed: {}", String::from_utf8_lossy(&made.stderr));
        }
        let port = free_port();
        let mut command = user.command("postgres")?;
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string()).arg("-k").arg(dir.path());
        command.args(["-c", "listen_addresses=127.0.0.1"]);
        let process = Process::spawn("postgres", command, &dir.path().join("server.log"));
        let mut server = PostgresServer { port, process, _dir: dir };
        server.ready().await?;
        Ok(server)
    }

    /// How to connect.
    pub fn config(&self) -> String {
        format!("host=127.0.0.1 port={} user=postgres dbname=postgres", self.port)
    }

    async fn ready(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < BOUND && self.process.exited().is_none() {
            if tokio_postgres::connect(&self.config(), tokio_postgres::NoTls).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(POLL_EVERY).await;
        }
        bail!("PostgreSQL is not ready\n{}", self.process.output_tail())
    }
}

impl Drop for PostgresServer {
    /// Its other processes end with it only when it is asked to.
    fn drop(&mut self) {
        self.process.interrupt();
        let began = Instant::now();
        while self.process.exited().is_none() && began.elapsed() < BOUND {
            std::thread::sleep(POLL_EVERY);
        }
    }
}

/// As whom PostgreSQL is started.
struct PostgresUser(Option<(u32, u32)>);

impl PostgresUser {
    fn command(&self, name: &str) -> Result<Command> {
        let mut command = Command::new(postgres_binary(name)?);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group).current_dir("/");
        }
        Ok(command)
    }
}

/// Ourselves; or `postgres` where we are root, who then owns the directory.
fn postgres_user(dir: &Path) -> Result<PostgresUser> {
    let id = |args: &[&str]| -> Result<u32> {
        let output = Command::new("id").args(args).output().context("start id")?;
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        text.parse().with_context(|| format!("id {}: no number: run `make bench`", args.join(" ")))
    };
    if id(&["-u"])? != 0 {
        return Ok(PostgresUser(None));
    }
    let (user, group) = (id(&["-u", "postgres"])?, id(&["-g", "postgres"])?);
    std::os::unix::fs::chown(dir, Some(user), Some(group))?;
    Ok(PostgresUser(Some((user, group))))
}

/// From the search path, or where Debian has it.
fn postgres_binary(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let searched = std::env::split_paths(&path).map(|dir| dir.join(name));
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = debian.map(|version| version.path().join("bin").join(name));
    let found = searched.chain(debian).find(|path| path.is_file());
    found.with_context(|| format!("{name} of PostgreSQL is missing: run `make bench`"))
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_dir(&entry.path(), &target)?,
            false => std::fs::copy(entry.path(), target).map(|_| ())?,
        }
    }
    Ok(())
}
