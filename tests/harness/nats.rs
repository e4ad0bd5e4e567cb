//! A real nats-server with JetStream, or three of them as a cluster, that can be killed, frozen,
//! restarted on the same port and data, and wiped.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use async_nats::jetstream::{self, context::GetStreamErrorKind};
use tempfile::TempDir;

use super::redis::copy_dir;

use super::disk::Disk;
use super::ports::free_port;
use super::process::{Process, server_binary};
use super::proxy::{Direction, Proxy};
use super::wait::{READY_BOUND, wait_for, wait_until};

const START_TRIES: usize = 5;
const REQUEST_BOUND: Duration = Duration::from_secs(1);

/// Lines added to the server's configuration file.
#[derive(Clone, Default)]
pub struct NatsConfig {
    /// At the top level, such as `max_payload: 2MB`.
    pub top: String,
    /// Inside `jetstream { }`, such as `sync_interval: always`.
    pub jetstream: String,
    /// A disk for its data alone, of so many bytes. Takes root.
    pub disk: Option<u64>,
}

/// A nats-server of its own. Dropping it kills it and deletes its data.
pub struct NatsServer {
    name: String,
    port: u16,
    config: NatsConfig,
    /// A member of a cluster answers for JetStream only when there is a leader: see `NatsCluster`.
    in_cluster: bool,
    process: Process,
    disk: Option<Disk>,
    // Holds the log too; deleted after the process is gone, since fields drop in order.
    dir: TempDir,
}

impl NatsServer {
    /// One server with JetStream on file storage.
    pub async fn start() -> Self {
        Self::start_with(NatsConfig::default()).await
    }

    /// One server with more configuration.
    pub async fn start_with(config: NatsConfig) -> Self {
        for _ in 0..START_TRIES {
            let mut server = Self::spawn("n1", free_port(), config.clone(), false);
            if server.ready().await {
                return server;
            }
            // Another process took the port between the look and the start.
            assert!(server.lost_its_port(), "{}", server.process.output_tail());
        }
        panic!("nats-server found no free port in {START_TRIES} tries");
    }

    /// A member of a cluster, which need not be complete, with ways to those who listen at `routes`.
    pub async fn start_member(name: &str, routes: &[u16], listen: u16) -> Self {
        let urls: Vec<String> = routes.iter().map(|at| format!("nats://127.0.0.1:{at}")).collect();
        let urls = urls.join(", ");
        let listen = format!("name: earmark, listen: \"127.0.0.1:{listen}\"");
        let top = format!("cluster {{ {listen}, routes: [{urls}] }}");
        let config = NatsConfig { top, ..NatsConfig::default() };
        let mut server = Self::spawn(name, free_port(), config, true);
        assert!(server.ready().await, "{}", server.process.output_tail());
        server
    }

    fn spawn(name: &str, port: u16, config: NatsConfig, in_cluster: bool) -> Self {
        let dir = tempfile::Builder::new().prefix("earmark-nats-").tempdir();
        let dir = dir.expect("a temporary directory can be made");
        let disk = config.disk.map(|bytes| Disk::mount(&dir.path().join("disk"), bytes));
        let process = launch(name, port, &config, &dir);
        Self { name: name.to_owned(), port, config, in_cluster, process, disk, dir }
    }

    /// The disk that it has for itself.
    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().expect("this server was given a disk")
    }

    /// `nats://127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("nats://{}", self.addr())
    }

    /// Where it listens.
    pub fn addr(&self) -> std::net::SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// A new connection.
    pub async fn client(&self) -> async_nats::Client {
        async_nats::connect(self.url()).await.expect("a ready server accepts connections")
    }

    /// A JetStream context on a new connection.
    pub async fn jetstream(&self) -> jetstream::Context {
        jetstream::new(self.client().await)
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

    /// A copy of its data, taken while it cannot write.
    pub fn snapshot_data(&self) -> TempDir {
        let copy = tempfile::tempdir().expect("a temporary directory can be made");
        self.freeze();
        copy_dir(&self.data(), copy.path());
        self.thaw();
        copy
    }

    /// Kills it, puts the copy in place of its data, and starts it again.
    pub async fn roll_back(&mut self, data: &TempDir) {
        self.wipe();
        copy_dir(data.path(), &self.data());
        self.restart().await;
    }

    /// Kills it if it runs, and starts it on the same port and data; returns when it is ready.
    pub async fn restart(&mut self) {
        self.kill();
        self.process = launch(&self.name, self.port, &self.config, &self.dir);
        assert!(self.ready().await, "{}", self.process.output_tail());
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        self.process.output()
    }

    fn data(&self) -> PathBuf {
        data(&self.config, &self.dir)
    }

    /// Whether JetStream answers within the bound; false as soon as the process has ended.
    async fn ready(&mut self) -> bool {
        let url = self.url();
        wait_for("nats-server is ready", READY_BOUND, async || {
            if self.process.exited().is_some() {
                return Some(false);
            }
            let client = impatient(&url).await?;
            let ready = self.in_cluster || jetstream::new(client).query_account().await.is_ok();
            ready.then_some(true)
        })
        .await
    }

    fn lost_its_port(&self) -> bool {
        self.log().contains("address already in use")
    }
}

/// Three nats-servers as one JetStream cluster, for streams with three replicas.
pub struct NatsCluster {
    /// The members. Each can be killed, frozen and restarted.
    pub servers: Vec<NatsServer>,
    /// The ways from one to another.
    routes: Vec<Route>,
}

/// The way by which a member reaches another.
struct Route {
    from: usize,
    to: usize,
    way: Proxy,
}

impl NatsCluster {
    /// Three servers that know each other; returns when a stream with three replicas can be made.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// The same; the first member has a disk for itself, of so many bytes.
    pub async fn start_with(disk: Option<u64>) -> Self {
        let ports: Vec<u16> = (0..3).map(|_| free_port()).collect();
        let mut routes = Vec::new();
        for (from, to) in (0..3).flat_map(|from| (0..3).map(move |to| (from, to))) {
            if from != to {
                let way = Proxy::start(([127, 0, 0, 1], ports[to]).into()).await;
                routes.push(Route { from, to, way });
            }
        }
        let mut servers = Vec::new();
        for (index, port) in ports.iter().enumerate() {
            let own = routes.iter().filter(|route| route.from == index);
            let urls: Vec<String> = own.map(|route| route.way.url("nats")).collect();
            // Nobody listens at what it advertises: no other way leads to it than its routes.
            let top = format!(
                "cluster {{ name: earmark, listen: \"127.0.0.1:{port}\", no_advertise: true, \
                 advertise: \"127.0.0.1:1\", routes: [{}] }}",
                urls.join(", ")
            );
            let disk = disk.filter(|_| index == 0);
            let config = NatsConfig { top, disk, ..NatsConfig::default() };
            servers.push(NatsServer::spawn(&format!("n{}", index + 1), free_port(), config, true));
        }
        for server in &mut servers {
            assert!(server.ready().await, "{}", server.process.output_tail());
        }
        let cluster = Self { servers, routes };
        cluster.wait_for_replicas().await;
        cluster
    }

    /// The addresses of all members, separated by commas. Clients are told of no others, so that
    /// each of them can be cut off.
    pub fn url(&self) -> String {
        let urls: Vec<String> = self.servers.iter().map(NatsServer::url).collect();
        urls.join(",")
    }

    /// A client that knows all the members.
    pub async fn client(&self) -> async_nats::Client {
        let urls: Vec<String> = self.servers.iter().map(NatsServer::url).collect();
        async_nats::connect(urls).await.expect("a ready server accepts connections")
    }

    /// What a member says to the others, and they to it, is lost from now on. Clients reach it.
    pub fn cut_off(&self, server: usize) {
        self.ways_of(server).for_each(|way| way.cut(Direction::Both));
    }

    /// What a member says to the others, and they to it, comes this much later from now on.
    pub fn slow(&self, server: usize, delay: Duration) {
        self.ways_of(server).for_each(|way| way.delay(delay));
    }

    /// It reaches the others again, and they it, and at once.
    pub async fn heal(&self, server: usize) {
        for way in self.ways_of(server) {
            way.heal().await;
        }
    }

    fn ways_of(&self, server: usize) -> impl Iterator<Item = &Proxy> {
        let own = self.routes.iter().filter(move |of| of.from == server || of.to == server);
        own.map(|route| &route.way)
    }

    /// Returns when a stream with three replicas can be made, as after a restart of members.
    pub async fn wait_for_replicas(&self) {
        let client = impatient(&self.servers[0].url()).await.expect("the member is ready");
        let context = jetstream::new(client);
        wait_until("the cluster makes a stream with three replicas", 3 * READY_BOUND, async || {
            let config = jetstream::stream::Config {
                name: "HARNESS_PROBE".to_owned(),
                num_replicas: 3,
                ..Default::default()
            };
            context.create_stream(config).await.is_ok()
        })
        .await;
        wait_until("the probe is gone", 3 * READY_BOUND, async || {
            let _ = context.delete_stream("HARNESS_PROBE").await;
            let found = context.get_stream("HARNESS_PROBE").await;
            found.is_err_and(|error| matches!(error.kind(), GetStreamErrorKind::JetStream(_)))
        })
        .await;
    }
}

/// A connection whose requests are given up soon, to be asked again.
async fn impatient(url: &str) -> Option<async_nats::Client> {
    let options = async_nats::ConnectOptions::new().request_timeout(Some(REQUEST_BOUND));
    options.connect(url).await.ok()
}

fn launch(name: &str, port: u16, config: &NatsConfig, dir: &TempDir) -> Process {
    let file: PathBuf = dir.path().join("nats.conf");
    let text = format!(
        "server_name: {name}\nlisten: \"127.0.0.1:{port}\"\n\
         jetstream {{\n  store_dir: {:?}\n  max_file_store: 8GB\n  max_memory_store: 1GB\n  {}\n}}\n\
         {}\n",
        data(config, dir),
        config.jetstream,
        config.top
    );
    std::fs::write(&file, text).expect("the configuration can be written");
    let mut command = Command::new(server_binary("nats-server"));
    command.arg("--config").arg(file);
    Process::spawn("nats-server", command, &dir.path().join("server.log"))
}

/// Where a server keeps what it keeps.
fn data(config: &NatsConfig, dir: &TempDir) -> PathBuf {
    match config.disk {
        Some(_) => dir.path().join("disk/data"),
        None => dir.path().join("data"),
    }
}
