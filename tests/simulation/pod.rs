//! A simulated pod: all partitions in one process that can die, freeze, be slow and keep the wrong
//! time; restarted partition by partition as the supervisor does it, purging as the janitor does.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use earmark::{
    actors::{Stage, Tap},
    archive::Archiving,
    contract::Limits,
    domain::{
        ids::EntityKey,
        policy::Policy,
        time::{Span, Timestamp},
    },
    partition::{
        Bounds, Credit, Env, Exit, Formats, Hands, Published, Start, Status, entry::Trigger, serve,
    },
    ports::{Input, Partition},
    query::Desks,
    supervisor::{
        janitor::{self, Permitted, Purged},
        policy::{needed_by_all, needed_by_each},
    },
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{
    asking,
    case::Part,
    operator,
    oracles::Oracle,
    ports::{Health, PodView},
    simulation::PARTITIONS,
    world::World,
};

/// How old an event must be before it is purged, in microseconds.
const IN_KEEP: i64 = 1_000_000;

/// Holds that orders wait for, beyond which a partition reads no demand.
const AWAITED_MAX: usize = 30;

/// A pod.
pub struct Pod {
    name: String,
    view: PodView,
    health: watch::Sender<Health>,
    stop: CancellationToken,
    partitions: Vec<JoinHandle<()>>,
    janitor: JoinHandle<()>,
    asker: JoinHandle<()>,
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
        append_interval: Duration::from_millis(10),
        snapshot_every_records: 20,
        snapshot_interval: Duration::from_millis(700),
        load_entities_max: 8,
        waiting_max: 10,
        awaited_holds_max: AWAITED_MAX,
        single_messages: 16,
        archiving: Archiving {
            interval: Duration::from_secs(6),
            look_every: Duration::from_millis(900),
            entities_at_once: 2,
            segment_bytes: 4_096,
            // The checks read the journal from its beginning.
            ..Archiving::default()
        },
        ..Bounds::default()
    }
}

impl Pod {
    pub fn start(world: &World, name: &str) -> Pod {
        let (health, seen) = watch::channel(Health::Running);
        let view = PodView {
            world: world.clone(),
            health: seen,
            skew_micros: Arc::new(AtomicI64::new(0)),
            slowness: Arc::new(AtomicU64::new(1)),
            loaded: Arc::default(),
            // The others come back from the first record.
            archives: world.case.seed % 2 == 1,
            turn: Arc::new(Semaphore::new(1)),
            turns: Arc::default(),
        };
        let stop = CancellationToken::new();
        let tap = tap(world.clone(), health.clone());
        let hands = Hands::default();
        let desks = Desks::new(4);
        let (partitions, statuses) = (0..PARTITIONS)
            .map(|partition| {
                let (told, status) = watch::channel(Status::default());
                let slot = Slot {
                    partition,
                    view: view.clone(),
                    owner: name.to_owned(),
                    hands: hands.clone(),
                    desks: desks.clone(),
                    tap: tap.clone(),
                    told,
                    stop: stop.clone(),
                };
                (actix::spawn(slot.keep_serving()), status)
            })
            .unzip();
        let janitor = actix::spawn(keep_clean(view.clone(), statuses));
        let asker = actix::spawn(asking::ask(world.clone(), desks, name.to_owned()));
        world.count("pods started");
        Pod { name: name.to_owned(), view, health, stop, partitions, janitor, asker }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process is gone, whoever killed it.
    pub fn is_dead(&self) -> bool {
        *self.health.borrow() == Health::Dead
    }

    /// The dead stay dead.
    pub fn set_health(&self, health: Health) {
        if !self.is_dead() {
            self.health.send_replace(health);
        }
    }

    pub fn set_skew(&self, micros: i64) {
        self.view.skew_micros.store(micros, Ordering::Relaxed);
    }

    pub fn set_slowness(&self, factor: u64) {
        self.view.slowness.store(factor, Ordering::Relaxed);
    }

    pub fn kill(self) {
        self.set_health(Health::Dead);
        self.partitions.iter().for_each(|partition| partition.abort());
        self.janitor.abort();
        self.asker.abort();
    }

    /// Leaves in peace, unless it dies over it.
    pub async fn leave(mut self) {
        self.stop.cancel();
        let mut health = self.health.subscribe();
        let left = futures::future::join_all(self.partitions.iter_mut());
        tokio::select! {
            biased;
            _ = left => {}
            _ = health.wait_for(|health| *health == Health::Dead) => {}
        }
        // What it left behind in the background ends with the process.
        self.kill();
    }
}

/// One partition in a pod.
struct Slot {
    partition: Partition,
    view: PodView,
    owner: String,
    hands: Hands,
    desks: Desks,
    tap: Tap,
    told: watch::Sender<Status>,
    stop: CancellationToken,
}

impl Slot {
    /// What the supervisor does: starts the partition again, unless it refuses to serve.
    async fn keep_serving(self) {
        let world = self.view.world.clone();
        let mut start = Start::Anew;
        while !self.stop.is_cancelled() {
            let (allow, credit) =
                watch::channel(Credit { messages: 32, live_entities: 12, ..Credit::default() });
            self.view.begins_anew(self.partition);
            let told = self.told.subscribe();
            let operating = operator::operate(world.clone(), self.partition, allow, told);
            let operating = AbortOnDropHandle::new(actix::spawn(operating));
            let exit = serve(self.env(credit), start).await;
            drop(operating);
            self.told.send_modify(|status| status.serving = false);
            start = match exit {
                Exit::SnapshotLost => Start::WithoutSnapshot,
                Exit::OutLostItsTail | Exit::SnapshotMoved => Start::Again,
                _ => Start::Anew,
            };
            match exit {
                Exit::Refused(why) => {
                    self.refused(&why);
                    // An operator who looks, and tries again.
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
                Exit::SteppedDown => {
                    world.count("exit: SteppedDown");
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                exit => world.count(&format!("exit: {exit:?}")),
            }
        }
    }

    fn env(&self, credit: watch::Receiver<Credit>) -> Env {
        Env {
            partition: self.partition,
            partitions: PARTITIONS,
            owner: self.owner.clone(),
            ports: self.view.ports(),
            policy: Arc::new(policy()),
            limits: Limits::default(),
            published: Published::default(),
            bounds: bounds(),
            formats: Formats::default(),
            hands: self.hands.clone(),
            tap: Some(self.tap.clone()),
            desks: self.desks.clone(),
            credit,
            pace: Arc::default(),
            status: self.told.clone(),
            stop: self.stop.clone(),
        }
    }

    /// Only a journal that lost acknowledged records may be refused, and then the words say so.
    fn refused(&self, why: &str) {
        let mut outside = self.view.world.lock();
        let said = why.contains("lost acknowledged writes");
        if said && outside.cut.contains_key(&self.partition) {
            return outside.count("exit: refused: the journal lost its tail");
        }
        outside.violation(Oracle::Refused, format!("partition {}: {why}", self.partition));
    }
}

/// Purges what all partitions of the pod have decided.
async fn keep_clean(view: PodView, statuses: Vec<watch::Receiver<Status>>) {
    let mut purged = Purged::default();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let awaited = |status: &watch::Receiver<Status>| status.borrow().books.awaited;
        if statuses.iter().any(|status| awaited(status) >= AWAITED_MAX as i64) {
            view.world.count("bound: demand waits for answers");
        }
        let of = |status: &watch::Receiver<Status>| {
            let status = status.borrow();
            (
                status.needed.filter(|_| status.serving),
                status.serving.then_some(status.needed_commands),
            )
        };
        let (lanes, commands): (Vec<_>, Vec<_>) = statuses.iter().map(of).unzip();
        let permitted = Permitted {
            lanes: needed_by_all(lanes),
            lanes_until: Timestamp(view.world.now().0 - IN_KEEP),
            commands: needed_by_each((0..PARTITIONS).zip(commands)),
        };
        let input: Arc<dyn Input> = Arc::new(view.clone());
        purged = janitor::purge(input, purged, permitted).await;
    }
}

/// Makes the code of a few entities fail on a few inputs, always the same ones: some while they
/// decide, some when half of what they decided is in memory; and some take the process with them.
fn tap(world: World, health: watch::Sender<Health>) -> Tap {
    Arc::new(move |stage: Stage, key: &EntityKey, trigger: &Trigger| {
        let Trigger::Event(cause) = trigger else { return };
        if !world.case.has(Part::Failures) {
            return;
        }
        let fails = match (world.case.seed % 4, stage, key) {
            (0, Stage::Deciding, EntityKey::Sku(sku)) => {
                sku.as_str().ends_with("13/ä") && cause.sequence % 31 == 0
            }
            (2, Stage::Applied, EntityKey::Sku(sku)) => {
                sku.as_str().ends_with("12/ä") && cause.sequence % 83 == 0
            }
            (2, Stage::Applied, EntityKey::Order(_)) => cause.sequence % 151 == 0,
            (1, Stage::Deciding, _) if cause.sequence % 450 == 449 => {
                world.count("fault: an input kills the process");
                health.send_replace(Health::Dead);
                return;
            }
            _ => false,
        };
        match stage {
            Stage::Deciding => assert!(!fails, "a bug in the entity's code"),
            Stage::Applied => {
                assert!(!fails, "a bug in the entity's code, with half of it applied")
            }
        }
    })
}
