//! Two servers, and pods by their names.
#![allow(dead_code, reason = "the bench of failovers takes what the tests do not")]

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use earmark::{
    cluster::{Phase, View, look},
    nats::NatsLeases,
};
use serde_json::Value;

use crate::{
    harness::{NatsServer, Pod, Ran, RedisConfig, RedisServer, wait_for, wait_until},
    journal::Journals,
    load::Load,
};

/// How many partitions there are.
pub const PARTITIONS: u16 = 16;
/// How long anything may take.
pub const BOUND: Duration = Duration::from_secs(60);
/// How often it is looked at who has what.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long a lease lasts here, in seconds.
pub const LEASE_S: u64 = 2;

/// Settings of a process.
pub type Pairs = &'static [(&'static str, &'static str)];

/// Shorter than by default, so that tests need not wait; but for the turn of the next in rank, which
/// must not come only because a server was slow for a moment.
const SHORT: Pairs = &[
    ("EARMARK__CLUSTER__LEASE_S", "2"),
    ("EARMARK__CLUSTER__RENEW_MS", "500"),
    ("EARMARK__CLUSTER__SETTLE_MS", "1000"),
    ("EARMARK__CLUSTER__LAPSED_MS", "200"),
    ("EARMARK__CLUSTER__TURN_MS", "3000"),
    ("EARMARK__CLUSTER__FORMAT_AFTER_S", "1"),
    ("EARMARK__SUPERVISOR__WATCH_EVERY_MS", "500"),
    ("EARMARK__SUPERVISOR__RESTART_FIRST_MS", "100"),
    ("EARMARK__SUPERVISOR__RESTART_MAX_MS", "1000"),
];

/// Servers of its own for a test, set up, and the pods beside them.
pub struct World {
    pub nats: NatsServer,
    pub redis: RedisServer,
    settings: Pairs,
    pods: BTreeMap<String, Pod>,
}

/// Whoever looks for the reason of a failure wants to know what the pods did meanwhile.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for (name, pod) in &self.pods {
                println!("=== {name}\n{}", pod.output());
            }
        }
    }
}

impl World {
    pub async fn start() -> World {
        World::start_on(RedisConfig::default()).await
    }

    /// The same on a Redis that keeps its data like this.
    pub async fn start_on(redis: RedisConfig) -> World {
        World::start_with(SHORT, redis).await
    }

    /// The same with these settings.
    pub async fn start_with(settings: Pairs, redis: RedisConfig) -> World {
        let (nats, redis) = tokio::join!(NatsServer::start(), RedisServer::start_with(redis));
        let world = World { nats, redis, settings, pods: BTreeMap::new() };
        world.earmark(&["setup"]).await.with(0);
        world
    }

    /// The same with pods of these names, which share everything.
    pub async fn with(names: &[&str]) -> World {
        let mut world = World::start().await;
        names.iter().for_each(|name| world.run(name, &[]));
        world.shared_by(names).await;
        world
    }

    /// What a process of this world finds in its environment.
    pub fn environment(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let (nats, redis) = (self.nats.url(), self.redis.url());
        let own = [
            ("EARMARK_NATS_URL", &*nats),
            ("EARMARK_REDIS_URL", &*redis),
            ("EARMARK__HTTP__LISTEN", "127.0.0.1:0"),
        ];
        let all = own.iter().chain(self.settings).chain(more);
        all.map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    /// Runs a command to its end.
    pub async fn earmark(&self, args: &[&str]) -> Ran {
        Ran::earmark(args, self.environment(&[])).await
    }

    // === pods ===

    /// Starts a pod, and waits for nothing.
    pub fn run(&mut self, name: &str, more: &[(&str, &str)]) {
        let environment = self.environment(&[&[("EARMARK__ENGINE__POD", name)], more].concat());
        let pairs: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        self.pods.insert(name.to_owned(), Pod::earmark(&["run"], &pairs));
    }

    pub fn pod(&mut self, name: &str) -> &mut Pod {
        self.pods.get_mut(name).expect("there is such a pod")
    }

    /// SIGTERM; it has to leave in order.
    pub async fn leave(&mut self, name: &str) {
        let code = self.pod(name).terminate(Duration::from_secs(20)).await;
        let pod = self.pods.remove(name).expect("there is such a pod");
        assert_eq!(code, 0, "{}", pod.output());
    }

    /// SIGKILL.
    pub fn kill(&mut self, name: &str) {
        self.pod(name).kill();
        self.pods.remove(name);
    }

    // === the cluster ===

    pub async fn view(&self) -> View {
        let leases = NatsLeases::new(self.nats.jetstream().await);
        look(&leases, PARTITIONS).await.expect("the bucket can be read")
    }

    /// Who serves each partition that is served.
    pub async fn owners(&self) -> BTreeMap<u16, String> {
        let view = self.view().await;
        let serving = view.held().filter(|(_, lease)| lease.phase == Phase::Serving);
        serving.map(|(partition, lease)| (partition, lease.pod.clone())).collect()
    }

    /// Who serves each partition, where all are served: a look that meets notes which are just being
    /// written anew may miss some.
    pub async fn all_owners(&self) -> BTreeMap<u16, String> {
        wait_for("all partitions are served", BOUND, async || {
            let owners = self.owners().await;
            (owners.len() == usize::from(PARTITIONS)).then_some(owners)
        })
        .await
    }

    /// What a pod serves, where all are served.
    pub async fn of(&self, name: &str) -> Vec<u16> {
        let owners = self.all_owners().await.into_iter();
        owners.filter(|(_, owner)| owner == name).map(|(partition, _)| partition).collect()
    }

    /// Waits until these pods and no others serve everything, as evenly as can be.
    pub async fn shared_by(&self, names: &[&str]) {
        let what = format!("{names:?} share everything");
        wait_until(&what, BOUND, async || {
            let owners = self.owners().await;
            let load = |name: &&str| owners.values().filter(|owner| owner == name).count();
            let loads: Vec<usize> = names.iter().map(load).collect();
            let (least, most) = (loads.iter().min().copied(), loads.iter().max().copied());
            let even = least.zip(most).is_some_and(|(least, most)| most - least <= 1);
            let shared = even && loads.iter().sum::<usize>() == usize::from(PARTITIONS);
            if !shared {
                // Each look leaves a consumer for some seconds, and a stream has room for 1,000.
                tokio::time::sleep(LOOK_EVERY).await;
            }
            shared
        })
        .await;
    }

    /// Waits until a pod is among the members.
    pub async fn joined(&self, name: &str) {
        wait_until(&format!("{name} is a member"), BOUND, async || {
            self.view().await.members().any(|member| member.pod == name)
        })
        .await;
    }

    /// What `earmark status` says.
    pub async fn status(&self) -> Value {
        self.earmark(&["status", "--json"]).await.with(0).json()
    }

    // === the end ===

    /// Waits until all that was asked is answered; then nothing was lost, decided twice or sold
    /// twice.
    pub async fn all_is_well(&self, load: Load) -> Journals {
        let (wants, asked) = load.stop().await;
        let journals = Journals::read(&self.nats.jetstream().await).await;
        journals.check(wants, &asked);
        journals
    }
}

/// Waits until so much time has passed: what happens in it is not waited for, but its absence.
pub async fn let_pass(time: Duration) {
    let until = Instant::now() + time;
    tokio::time::sleep_until(until.into()).await;
}
