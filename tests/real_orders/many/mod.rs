//! The same orders on a cluster: three nats-servers that hold every stream three times, Redis with
//! a replica, and three pods, each behind a network of its own. While orders come in, one after the
//! other is killed, frozen, cut off, slowed down, restarted, emptied, rolled back, replaced, left
//! without files, memory or a disk, or has a wrong clock.
//!
//! [`fault`] says what befalls the cluster and when, [`befalling`] does it, [`table`] says what
//! came of each. [`member`] is a pod, [`clients`] are those who ask what came of their events.

mod befalling;
mod clients;
mod fault;
mod member;
mod table;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use async_nats::jetstream;
use earmark::{clock::SystemClock, ports::Clock as _};

use self::{
    clients::{ANSWERS_TO, Clients},
    fault::Fault,
    member::{Clock, Member},
};
pub use self::{
    fault::Faults,
    table::{Cycle, table},
};
use crate::{
    checker::{self, Evidence, Policy},
    convert::{Conversion, ORDERS, SHIPMENTS, STOCK, twice},
    harness::{NatsCluster, Pod, Proxy, RedisConfig, RedisData, RedisServer},
    script::{Part, Script},
    streams,
    watch::{BOUND, Watch},
};

/// Pods at a time.
const PODS: usize = 3;
/// For how long orders come in a cycle beyond what befalls the cluster.
const ENDING_S: f64 = 2.0;
/// How often it is looked whether all is done.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// The disk of a server that has one for itself, in bytes.
const DISK: u64 = 512 << 20;

const SETTINGS: &[(&str, &str)] = &[
    ("EARMARK__STREAMS__REPLICAS", "3"),
    ("EARMARK__CLUSTER__LEASE_S", "3"),
    ("EARMARK__CLUSTER__RENEW_MS", "900"),
    ("EARMARK__CLUSTER__SETTLE_MS", "1500"),
    ("EARMARK__NATS__REQUEST_TIMEOUT_MS", "2000"),
    ("EARMARK__NATS__ACK_TIMEOUT_MS", "2000"),
    ("EARMARK__REDIS__RESPONSE_TIMEOUT_MS", "1000"),
    // Nobody is told to come back later, since clients here do not. Those of load tests do.
    ("EARMARK__SAFE_MODE__ORDERS_BUSY_MS", "3600000"),
];

/// The cluster, and those on it.
pub struct Cluster {
    nats: NatsCluster,
    /// The Redis that is written to.
    redis: RedisServer,
    replica: RedisServer,
    to_redis: Proxy,
    /// Redis as it was at the beginning.
    before: Option<RedisData>,
    members: BTreeMap<usize, Member>,
    /// Pods whose place another has taken, and that have not been asked to leave yet.
    leaving: Vec<Member>,
    clients: Clients,
    watch: Watch,
    script: Script,
    faults: Faults,
    drawn: u64,
}

/// Whoever looks for the reason of a failure wants to know what the pods did meanwhile.
impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, member) in &self.members {
                println!("=== pod {name}\n{}", member.pod.output());
            }
        }
    }
}

impl Cluster {
    /// Starts everything that these faults take.
    pub async fn open(conversion: Conversion, faults: Faults) -> Cluster {
        let disk = faults.take_more().then_some(DISK);
        let nats = NatsCluster::start_with(disk).await;
        let redis = RedisConfig { disk, ..RedisConfig::default() };
        let redis = RedisServer::start_with(redis).await;
        let replica = redis.replica().await;
        let to_redis = Proxy::start(redis.addr()).await;
        let watch = Watch::new(jetstream::new(nats.client().await));
        let clients = Clients::listen(&nats.servers).await;
        let script = Script::new(conversion);
        let mut cluster = Cluster {
            nats,
            redis,
            replica,
            to_redis,
            before: None,
            members: BTreeMap::new(),
            leaving: Vec::new(),
            clients,
            watch,
            script,
            faults,
            drawn: 0,
        };
        let mut setup = cluster.earmark(&["setup"]);
        assert_eq!(setup.wait(BOUND).await, 0, "{}", setup.output());
        for name in 0..PODS {
            cluster.start(name).await;
        }
        cluster
    }

    /// The whole play: so many cycles, or each fault once.
    pub async fn play(&mut self, cycles: Option<usize>) -> (Evidence, Vec<Cycle>) {
        self.script.stock();
        self.publish(&format!("{STOCK}.ndjson"), &["--wait"]).await;
        self.before = Some(self.redis.snapshot_data());
        self.say("the stock is received");
        let cycles = self.orders(cycles).await;
        let before = self.read("EARMARK_OUT").await;
        self.script.shipments(&before);
        self.publish(&format!("{SHIPMENTS}.ndjson"), &["--wait"]).await;
        self.publish(&format!("{SHIPMENTS}-again.ndjson"), &["--wait"]).await;
        self.come_to_rest().await;
        self.say("the shipments are decided");
        for (_, mut member) in std::mem::take(&mut self.members) {
            assert_eq!(member.leave().await, 0, "{}", member.pod.output());
        }
        (self.evidence().await, cycles)
    }

    /// Returns when all that was published is decided and done. If it never is, the checker knows
    /// what is missing.
    async fn come_to_rest(&mut self) {
        let (events, began) = (self.script.events(), Instant::now());
        while !self.watch.is_at_rest(events).await {
            if began.elapsed() > BOUND {
                let report = checker::check(&self.evidence().await, Policy::Partial);
                panic!("of {events} events: {}\n{report}", self.watch.state().await);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn evidence(&mut self) -> Evidence {
        Evidence {
            input: self.read("EARMARK_IN").await,
            journal: self.read("EARMARK_JOURNAL").await,
            out: self.read("EARMARK_OUT").await,
            told: self.clients.heard(),
        }
    }

    async fn orders(&mut self, cycles: Option<usize>) -> Vec<Cycle> {
        self.script.ask(ANSWERS_TO);
        self.script.orders();
        let faults = self.faults.cycles(self.script.seed(), cycles);
        let takes: Vec<f64> = faults.iter().map(|faults| takes_s(faults)).collect();
        let parts = self.script.parts(ORDERS, &takes);
        let mut played = Vec::new();
        for ((faults, takes), part) in faults.into_iter().zip(takes).zip(parts) {
            let cycle = self.cycle(faults, takes, &part).await;
            self.say(&cycle.to_string());
            played.push(cycle);
        }
        self.publish(&format!("{ORDERS}-again.ndjson"), &["--wait"]).await;
        self.come_to_rest().await;
        self.say("the orders are decided");
        played
    }

    /// What is published in a cycle is decided in it: how long that took is of these faults alone.
    async fn cycle(&mut self, faults: Vec<Fault>, takes_s: f64, part: &Part) -> Cycle {
        let rate = ((part.lines as f64 / takes_s) as usize).max(1).to_string();
        let from = SystemClock.now();
        let mut publishing = self.earmark(&["publish", &part.file, "--rate", &rate]);
        self.befall(&faults).await;
        assert_eq!(publishing.wait(BOUND).await, 0, "{}", publishing.output());
        self.watch.until_decided(part.events).await;
        Cycle { faults, from, until: SystemClock.now() }
    }

    fn draw(&mut self, below: usize) -> usize {
        self.drawn += 1;
        let drawn = twice::draw(self.script.seed(), "whom", &self.drawn.to_string());
        (drawn % below as u64) as usize
    }

    async fn start(&mut self, name: usize) {
        // A pod that comes again is another one, as under Kubernetes.
        self.drawn += 1;
        let pod_name = format!("pod-{name}-{}", self.drawn);
        let clock = self.faults.take_more().then(Clock::right);
        let pod = Member::start(&pod_name, &self.nats.servers, &self.to_redis, clock).await;
        self.members.insert(name, pod);
    }

    async fn publish(&mut self, file: &str, args: &[&str]) {
        let file = self.script.file(file);
        let mut publishing = self.earmark(&[&["publish", &*file], args].concat());
        assert_eq!(publishing.wait(BOUND).await, 0, "{file}: {}", publishing.output());
    }

    fn earmark(&self, args: &[&str]) -> Pod {
        let (nats, redis) = (self.nats.url(), self.to_redis.url("redis"));
        let own = [("EARMARK_NATS_URL", &*nats), ("EARMARK_REDIS_URL", &*redis)];
        Pod::start(binary(), args, &[&own, SETTINGS].concat())
    }

    async fn read(&self, stream: &str) -> Vec<streams::Stored> {
        let context = jetstream::new(self.nats.client().await);
        streams::read_after(&context, stream, 0).await.expect("the stream can be read")
    }

    fn say(&self, what: &str) {
        self.script.say(what);
    }
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_earmark"))
}

/// For how long orders come in a cycle with these faults.
fn takes_s(faults: &[Fault]) -> f64 {
    let each = faults.iter().map(|fault| fault.lasts().as_secs_f64());
    each.fold(0.0, f64::max) + ENDING_S
}
