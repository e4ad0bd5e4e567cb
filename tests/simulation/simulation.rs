//! One run: pods, a workload and faults for a simulated minute, then rest, then the checks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use earmark::{
    contract::Limits,
    domain::{ids::EntityKey, policy::Policy, time::Span},
    partition::{Bounds, Credit, Env, Exit, Status, entry::Trigger, seed, serve},
    ports::Partition,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    checks,
    ports::{Health, PodView},
    workload::Publishers,
    world::{Tally, World},
};

pub const PARTITIONS: Partition = 3;

/// What a run comes to.
pub struct Report {
    pub tally: Tally,
    pub violations: Vec<String>,
    pub journal: Vec<u8>,
    pub events: u64,
    pub frozen: super::formats::Frozen,
}

/// A pod: all partitions, served by one process.
struct Pod {
    name: String,
    health: watch::Sender<Health>,
    stop: CancellationToken,
    skew: Arc<AtomicI64>,
    partitions: Vec<tokio::task::JoinHandle<()>>,
}

fn policy() -> Policy {
    Policy {
        skew: Span::from_secs(5),
        ids_per_sku_max: 60,
        payment_margin: Span::from_secs(2),
        saga_deadline: Span::from_secs(12),
        resend_first: Span::from_secs(1),
        resend_max: Span::from_secs(4),
        park_for: Span::from_secs(3),
        holds_per_step_max: 3,
        shortfall_named_max: 4,
        close_after: Span::from_secs(10),
        ..Policy::default()
    }
}

fn bounds() -> Bounds {
    Bounds {
        batch_bytes_max: 6_000,
        snapshot_every_records: 20,
        snapshot_interval: Duration::from_millis(700),
        live_entities_max: 12,
        load_entities_max: 8,
        waiting_max: 60,
        ..Bounds::default()
    }
}

impl Pod {
    fn start(world: &World, name: &str, seed: u64) -> Pod {
        let (health, seen) = watch::channel(Health::Running);
        let skew = Arc::new(AtomicI64::new(0));
        let stop = CancellationToken::new();
        let view = PodView { world: world.clone(), health: seen, skew_micros: skew.clone() };
        let partitions = (0..PARTITIONS)
            .map(|partition| {
                let (view, stop, name) = (view.clone(), stop.clone(), name.to_owned());
                actix::spawn(keep_serving(view, partition, name, stop, seed))
            })
            .collect();
        world.count("pods started");
        Pod { name: name.to_owned(), health, stop, skew, partitions }
    }

    fn kill(self) {
        self.health.send_replace(Health::Dead);
        self.partitions.iter().for_each(|partition| partition.abort());
    }

    async fn leave(self) {
        self.stop.cancel();
        for partition in self.partitions {
            let _ = partition.await;
        }
        // What it left behind in the background ends with the process.
        self.health.send_replace(Health::Dead);
    }
}

/// What the supervisor does: starts the partition again, unless it refuses to serve.
async fn keep_serving(
    view: PodView,
    partition: Partition,
    owner: String,
    stop: CancellationToken,
    seed: u64,
) {
    let world = view.world.clone();
    let mut trust_snapshot = true;
    while !stop.is_cancelled() {
        let (_credit, credit) = watch::channel(Credit { messages: 32, ..Credit::default() });
        let (status, _status) = watch::channel(Status::default());
        let env = Env {
            partition,
            partitions: PARTITIONS,
            owner: owner.clone(),
            ports: view.ports(),
            policy: Arc::new(policy()),
            limits: Limits::default(),
            bounds: bounds(),
            tap: Some(tap(seed)),
            credit,
            status,
            stop: stop.clone(),
        };
        let exit = serve(env, trust_snapshot).await;
        trust_snapshot = exit != Exit::SnapshotLost;
        world.count(&match &exit {
            Exit::Refused(why) => {
                let kind = why.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
                format!("exit: refused: {kind}")
            }
            exit => format!("exit: {exit:?}"),
        });
        match exit {
            Exit::Refused(why) => {
                world.lock().violations.push(format!("partition {partition} refused: {why}"));
                return;
            }
            Exit::SteppedDown => tokio::time::sleep(Duration::from_millis(500)).await,
            _ => {}
        }
    }
}

/// Makes the code of a few entities fail on a few inputs, always the same ones.
fn tap(seed: u64) -> earmark::actors::Tap {
    Arc::new(move |key: &EntityKey, trigger: &Trigger| {
        if seed.is_multiple_of(4)
            && let (EntityKey::Sku(sku), Trigger::Event(cause)) = (key, trigger)
            && sku.as_str().ends_with("13/ä")
            && cause.sequence % 97 == 0
        {
            panic!("a bug in the entity's code");
        }
    })
}

/// Runs a seed.
pub async fn run(seed: u64, seconds: u64) -> Report {
    let world = World::new(seed);
    let view = PodView {
        world: world.clone(),
        health: watch::channel(Health::Running).1,
        skew_micros: Arc::new(AtomicI64::new(0)),
    };
    for partition in 0..PARTITIONS {
        let seeded = seed_partition(&view, partition).await;
        assert!(seeded, "partition {partition} has a first record");
    }
    let mut publishers = Publishers::new(world.clone(), PARTITIONS, seed);
    publishers.open_the_shop();
    let mut director = Director {
        world: world.clone(),
        rng: ChaCha8Rng::seed_from_u64(seed ^ 0xfa17),
        seed,
        pods: vec![Pod::start(&world, "pod-0", seed)],
        started: 1,
        backup: None,
    };
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    let directing = actix::spawn(async move {
        while tokio::time::Instant::now() < end {
            tokio::time::sleep(director.pause()).await;
            director.act().await;
        }
        director.heal().await;
        director
    });
    while tokio::time::Instant::now() < end || !directing.is_finished() {
        tokio::time::sleep(Duration::from_micros(publishers.pause_micros())).await;
        publishers.publish_one();
    }
    let mut director = directing.await.expect("the director directs");
    // Everything that waits for time or an answer has had it by then.
    for _ in 0..200 {
        tokio::time::sleep(Duration::from_micros(publishers.pause_micros())).await;
        publishers.publish_one();
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    director.close().await;
    checks::check(&world, PARTITIONS);
    report(&world)
}

async fn seed_partition(view: &PodView, partition: Partition) -> bool {
    let now = view.world.now();
    let batch = view.world.unique();
    seed(view.ports().journal.as_ref(), partition, PARTITIONS, now, batch).await.is_ok()
}

fn report(world: &World) -> Report {
    let frozen = super::formats::Frozen::of(world);
    let outside = world.lock();
    let mut journal = Vec::new();
    for record in outside.journal.messages.values() {
        journal.extend_from_slice(&record.sequence.to_le_bytes());
        journal.extend_from_slice(&record.payload);
    }
    Report {
        tally: outside.tally.clone(),
        violations: outside.violations.clone(),
        journal,
        events: outside.input.last,
        frozen,
    }
}

/// Makes things go wrong.
struct Director {
    world: World,
    rng: ChaCha8Rng,
    seed: u64,
    pods: Vec<Pod>,
    started: usize,
    backup: Option<std::collections::BTreeMap<Partition, super::world::Shelf>>,
}

impl Director {
    fn pause(&mut self) -> Duration {
        Duration::from_millis(self.rng.random_range(300..4_000))
    }

    fn start_pod(&mut self) {
        let name = format!("pod-{}", self.started);
        self.started += 1;
        let pod = Pod::start(&self.world, &name, self.seed);
        pod.skew.store(self.rng.random_range(-1_500_000..1_500_000), Ordering::Relaxed);
        self.pods.push(pod);
    }

    async fn act(&mut self) {
        match self.rng.random_range(0..16) {
            0..3 => self.crash().await,
            3 => self.freeze().await,
            4..6 => self.two_owners().await,
            6 => self.store_away().await,
            7 => self.flush_store(),
            8 => self.roll_back_store(),
            9 => self.lose_out(),
            10 => self.lose_input(),
            11 => self.lose_commands(),
            12 => self.jump_clock(),
            13 => self.leave_and_return().await,
            _ => self.change_trouble(),
        }
    }

    async fn crash(&mut self) {
        self.world.count("fault: a pod is killed");
        if let Some(pod) = self.pods.pop() {
            pod.kill();
        }
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(50..1_500))).await;
        if self.pods.is_empty() {
            if self.rng.random_bool(0.5) {
                self.world.count("fault: an outage longer than the server remembers ids");
                self.world.lock().out.forget_ids();
            }
            self.start_pod();
        }
    }

    async fn freeze(&mut self) {
        self.world.count("fault: a pod is frozen, another takes over");
        if let Some(pod) = self.pods.last() {
            tracing::debug!(pod = pod.name, "frozen");
            pod.health.send_replace(Health::Frozen);
        }
        let frozen = self.pods.len() - 1;
        self.start_pod();
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(500..4_000))).await;
        self.pods[frozen].health.send_replace(Health::Running);
        tokio::time::sleep(Duration::from_millis(500)).await;
        self.pods.remove(frozen).kill();
    }

    async fn two_owners(&mut self) {
        self.world.count("fault: two owners at once");
        self.start_pod();
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(200..2_500))).await;
        self.pods.remove(0).kill();
    }

    async fn leave_and_return(&mut self) {
        self.world.count("planned: a pod leaves and another comes");
        if let Some(pod) = self.pods.pop() {
            pod.leave().await;
        }
        if self.pods.is_empty() {
            self.start_pod();
        }
    }

    async fn store_away(&mut self) {
        self.world.lock().store_away = true;
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(500..4_000))).await;
        self.world.lock().store_away = false;
    }

    fn flush_store(&mut self) {
        self.world.count("fault: the store is emptied");
        self.world.lock().store.clear();
    }

    fn roll_back_store(&mut self) {
        let now = self.world.lock().store.clone();
        if let Some(backup) = self.backup.replace(now) {
            self.world.count("fault: the store goes back in time");
            self.world.lock().store = backup;
        }
    }

    fn lose_out(&mut self) {
        let count = self.rng.random_range(1..12);
        let lost = self.world.lock().out.lose_tail(count);
        if !lost.is_empty() {
            self.world.count("fault: EARMARK_OUT loses its tail");
        }
    }

    fn lose_input(&mut self) {
        let count = self.rng.random_range(1..6);
        let mut outside = self.world.lock();
        let lost = outside.input.lose_tail(count);
        outside.lost_sequences.extend(lost.iter().map(|stored| stored.sequence));
        outside.lost_input.extend(lost);
        outside.count("fault: EARMARK_IN loses its tail");
    }

    fn lose_commands(&mut self) {
        let count = self.rng.random_range(1..6);
        let mut outside = self.world.lock();
        outside.commands.lose_tail(count);
        outside.count("fault: EARMARK_CMD loses its tail");
    }

    fn jump_clock(&mut self) {
        self.world.count("fault: a pod's clock jumps");
        let skew = self.rng.random_range(-1_500_000..1_500_000);
        if let Some(pod) = self.pods.last() {
            pod.skew.store(skew, Ordering::Relaxed);
        }
    }

    fn change_trouble(&mut self) {
        let trouble = [0, 5, 20, 60][self.rng.random_range(0..4)];
        self.world.lock().trouble = trouble;
    }

    async fn heal(&mut self) {
        self.world.lock().trouble = 0;
        self.world.lock().store_away = false;
        while self.pods.len() > 1 {
            self.pods.remove(0).kill();
        }
        if self.pods.is_empty() {
            self.start_pod();
        }
    }

    async fn close(&mut self) {
        for pod in self.pods.drain(..) {
            pod.leave().await;
        }
    }
}
