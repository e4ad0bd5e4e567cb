//! The same orders on a cluster: three nats-servers that hold every stream three times, Redis with a
//! replica, and three pods, each behind a network of its own. While orders come in, one after the
//! other is killed, frozen, cut off, restarted, emptied, rolled back or replaced.

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use async_nats::jetstream;

use crate::{
    checker::Evidence,
    convert::{Conversion, ORDERS, SHIPMENTS, STOCK, twice},
    harness::{Direction, NatsCluster, Pod, Proxy, RedisData, RedisServer},
    script::Script,
    streams,
    watch::{BOUND, Watch},
};

/// Pods at a time.
const PODS: usize = 3;
/// So many faults, where `EARMARK_CYCLES` says nothing else.
const CYCLES: usize = Fault::ALL.len();
/// How long one lasts: longer than a lease.
const LASTS: Duration = Duration::from_millis(4_500);
/// How long a cycle takes in all, for the pace at which orders come.
const CYCLE_S: usize = 5;
/// Different events of each cycle that have to be decided before the next.
const PROGRESS: usize = 50;

const SETTINGS: &[(&str, &str)] = &[
    ("EARMARK__HTTP__LISTEN", "127.0.0.1:0"),
    ("EARMARK__STREAMS__REPLICAS", "3"),
    ("EARMARK__CLUSTER__LEASE_S", "3"),
    ("EARMARK__CLUSTER__RENEW_MS", "900"),
    ("EARMARK__CLUSTER__SETTLE_MS", "1500"),
    ("EARMARK__NATS__REQUEST_TIMEOUT_MS", "2000"),
    ("EARMARK__NATS__ACK_TIMEOUT_MS", "2000"),
    ("EARMARK__REDIS__RESPONSE_TIMEOUT_MS", "1000"),
];

/// What befalls the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    PodKilled,
    PodFrozen,
    PodCutOff,
    PodReplaced,
    LeaderKilled,
    ServerFrozen,
    ServerCutOff,
    ServersRestarted,
    RedisKilled,
    RedisFlushed,
    RedisRolledBack,
    RedisFailedOver,
}

impl Fault {
    const ALL: [Fault; 12] = [
        Fault::PodKilled,
        Fault::PodFrozen,
        Fault::PodCutOff,
        Fault::PodReplaced,
        Fault::LeaderKilled,
        Fault::ServerFrozen,
        Fault::ServerCutOff,
        Fault::ServersRestarted,
        Fault::RedisKilled,
        Fault::RedisFlushed,
        Fault::RedisRolledBack,
        Fault::RedisFailedOver,
    ];
}

/// A pod and its ways to the servers.
struct Member {
    pod: Pod,
    nats: Vec<Proxy>,
}

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
    watch: Watch,
    script: Script,
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
    /// Starts everything.
    pub async fn open(conversion: Conversion) -> Cluster {
        let nats = NatsCluster::start().await;
        let redis = RedisServer::start().await;
        let replica = redis.replica().await;
        let to_redis = Proxy::start(redis.addr()).await;
        let watch = Watch::new(jetstream::new(nats.client().await));
        let script = Script::new(conversion);
        let mut cluster = Cluster {
            nats,
            redis,
            replica,
            to_redis,
            before: None,
            members: BTreeMap::new(),
            watch,
            script,
            drawn: 0,
        };
        let mut setup = cluster.earmark(&["setup"]);
        assert_eq!(setup.wait(BOUND).await, 0, "{}", setup.output());
        for name in 0..PODS {
            cluster.start(name).await;
        }
        cluster
    }

    /// The whole play.
    pub async fn play(&mut self, cycles: Option<usize>) -> Evidence {
        self.script.stock();
        self.publish(&format!("{STOCK}.ndjson"), &["--wait"]).await;
        self.before = Some(self.redis.snapshot_data());
        self.say("the stock is received");
        self.orders(cycles.unwrap_or(CYCLES)).await;
        let before = self.read("EARMARK_OUT").await;
        self.script.shipments(&before);
        self.publish(&format!("{SHIPMENTS}.ndjson"), &["--wait"]).await;
        self.publish(&format!("{SHIPMENTS}-again.ndjson"), &["--wait"]).await;
        self.watch.until_at_rest(self.script.events()).await;
        self.say("the shipments are decided");
        for (_, mut member) in std::mem::take(&mut self.members) {
            assert_eq!(member.pod.terminate(BOUND).await, 0, "{}", member.pod.output());
        }
        Evidence {
            input: self.read("EARMARK_IN").await,
            journal: self.read("EARMARK_JOURNAL").await,
            out: self.read("EARMARK_OUT").await,
        }
    }

    async fn orders(&mut self, cycles: usize) {
        let before = self.script.events();
        self.script.orders();
        let rate = ((self.script.events() - before) / (cycles * CYCLE_S)).max(1).to_string();
        let file = self.script.file(&format!("{ORDERS}.ndjson"));
        let mut publishing = self.earmark(&["publish", &file, "--rate", &rate]);
        let mut kinds = Fault::ALL.to_vec();
        for cycle in 0..cycles {
            if cycle % kinds.len() == 0 {
                let seed = self.script.seed();
                kinds.sort_by_key(|kind| twice::draw(seed, "fault", &format!("{cycle}{kind:?}")));
            }
            let began = Instant::now();
            let fault = kinds[cycle % kinds.len()];
            self.befall(fault).await;
            let decided = self.watch.decided().await + PROGRESS;
            self.watch.until_decided(decided.min(self.script.events())).await;
            self.say(&format!("{fault:?}: {:.1} s", began.elapsed().as_secs_f64()));
        }
        assert_eq!(publishing.wait(BOUND).await, 0, "{}", publishing.output());
        self.publish(&format!("{ORDERS}-again.ndjson"), &["--wait"]).await;
        self.watch.until_at_rest(self.script.events()).await;
        self.say("the orders are decided");
    }

    async fn befall(&mut self, fault: Fault) {
        let (pod, server) = (self.draw(PODS), self.draw(3));
        match fault {
            Fault::PodKilled => {
                self.members.remove(&pod);
                rest().await;
                self.start(pod).await;
            }
            Fault::PodFrozen => {
                self.members[&pod].pod.freeze();
                rest().await;
                self.members[&pod].pod.thaw();
            }
            Fault::PodCutOff => {
                self.members[&pod].nats.iter().for_each(|way| way.cut(Direction::Both));
                rest().await;
                for way in &self.members[&pod].nats {
                    way.heal().await;
                }
            }
            Fault::PodReplaced => {
                let mut old = self.members.remove(&pod).expect("there is such a pod");
                self.start(pod).await;
                assert_eq!(old.pod.terminate(BOUND).await, 0, "{}", old.pod.output());
            }
            Fault::LeaderKilled => {
                let leader = self.leader().await;
                self.nats.servers[leader].kill();
                rest().await;
                self.nats.servers[leader].restart().await;
            }
            Fault::ServerFrozen => {
                self.nats.servers[server].freeze();
                rest().await;
                self.nats.servers[server].thaw();
            }
            Fault::ServerCutOff => {
                self.nats.cut_off(server);
                rest().await;
                self.nats.heal(server).await;
            }
            Fault::ServersRestarted => {
                for server in 0..3 {
                    self.nats.servers[server].kill();
                    self.nats.servers[server].restart().await;
                    self.nats.wait_for_replicas().await;
                }
            }
            Fault::RedisKilled => {
                self.redis.kill();
                rest().await;
                self.redis.restart().await;
            }
            Fault::RedisFlushed => {
                self.redis.wipe();
                self.redis.restart().await;
            }
            Fault::RedisRolledBack => {
                let before = self.before.take().expect("it was copied");
                self.redis.roll_back(&before).await;
                self.before = Some(before);
            }
            Fault::RedisFailedOver => {
                self.redis.kill();
                self.replica.promote().await;
                let next = self.replica.replica().await;
                self.redis = std::mem::replace(&mut self.replica, next);
                self.to_redis.lead_to(self.redis.addr());
            }
        }
    }

    /// The server that leads the journal's stream.
    async fn leader(&self) -> usize {
        let context = jetstream::new(self.nats.client().await);
        let stream = context.get_stream("EARMARK_JOURNAL").await.expect("the journal is there");
        let cluster = stream.cached_info().cluster.as_ref().expect("it is replicated");
        let leader = cluster.leader.as_deref().unwrap_or("n1");
        leader.trim_start_matches('n').parse::<usize>().map_or(0, |number| number - 1)
    }

    fn draw(&mut self, below: usize) -> usize {
        self.drawn += 1;
        let drawn = twice::draw(self.script.seed(), "whom", &self.drawn.to_string());
        (drawn % below as u64) as usize
    }

    async fn start(&mut self, name: usize) {
        let mut nats = Vec::new();
        for server in &self.nats.servers {
            nats.push(Proxy::start(server.addr()).await);
        }
        let urls: Vec<String> = nats.iter().map(|way| way.url("nats")).collect();
        // A pod that comes again is another one, as under Kubernetes.
        self.drawn += 1;
        let pod_name = format!("pod-{name}-{}", self.drawn);
        let (urls, redis) = (urls.join(","), self.to_redis.url("redis"));
        let own = [
            ("EARMARK_NATS_URL", &*urls),
            ("EARMARK_REDIS_URL", &*redis),
            ("EARMARK__ENGINE__POD", &*pod_name),
        ];
        let pod = Pod::start(binary(), &["run"], &[&own, SETTINGS].concat());
        self.members.insert(name, Member { pod, nats });
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

async fn rest() {
    tokio::time::sleep(LASTS).await;
}
