//! The supervisor itself: an actor, so that what it is told comes one after another.

use std::sync::Arc;

use actix::{
    Actor, ActorContext, ActorFutureExt, Arbiter, AsyncContext, Context, Handler, Message,
    ResponseActFuture, WrapFuture,
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    depths::Depths,
    janitor::Purged,
    loading,
    policy::{self, BackOff},
    promotions::ArmedPromotions,
    report::{Reach, Report},
    safe_mode::SafeMode,
    slot::{Phase, Slot},
    tenancy::{Conduct, Tenancy},
    threads::Threads,
};
use crate::{
    actors::Tap,
    config::checked,
    contract::Limits,
    control::PromotionBounds,
    domain::{policy::Policy, time::Span},
    partition::{Bounds, Credit, Env, Exit, Formats, Hands, Pace, Ports, Published, Status, serve},
    ports::Partition,
    query::Desks,
    telemetry,
};

/// Into how many reads at the least what a bounded pod decides in a second is divided.
const READS_PER_S: usize = 100;

/// Another may have a partition by now whose lease was not written anew in time.
const IN_DOUBT: &str = "its lease may have lapsed";

/// Everything that a supervisor is told when it is started.
#[derive(Clone)]
pub struct Plan {
    /// How many partitions there are. This pod serves all of them.
    pub partitions: Partition,
    /// The pod's name.
    pub owner: String,
    /// Threads that the partitions are spread over.
    pub arbiters: usize,
    /// Messages that a partition takes at a time from each source.
    pub read_messages: usize,
    /// Live entities of all partitions that run here, which share them evenly.
    pub live_entities: usize,
    /// The doors to the outside.
    pub ports: Ports,
    /// Tells how much is still to be done.
    pub depths: Arc<dyn Depths>,
    /// What the log and the snapshots are kept by, in words.
    pub stores: [&'static str; 2],
    /// What decisions depend on.
    pub policy: Arc<Policy>,
    /// What events may look like.
    pub limits: Limits,
    /// What is published of what was decided.
    pub published: Published,
    /// How much a partition may hold.
    pub bounds: Bounds,
    /// Where its partitions take questions.
    pub desks: Desks,
    /// How partitions are watched.
    pub settings: checked::Supervisor,
    /// When less than everything is done.
    pub safe_mode: checked::SafeMode,
    /// When promotions are armed.
    pub promotions: PromotionBounds,
    /// Which formats it reads and writes.
    pub formats: Formats,
    /// How the pod lives among others. Nothing: every partition is its own.
    pub tenancy: Option<Tenancy>,
    /// Sees each input at each stage: what tests use to make an entity's code fail.
    pub tap: Option<Tap>,
}

/// Starts, watches and stops the partitions.
pub struct Supervisor {
    pub(super) plan: Plan,
    pub(super) arbiters: Vec<Arbiter>,
    pub(super) threads: Threads,
    hands: Hands,
    pub(super) slots: Vec<Slot>,
    pub(super) credit: watch::Sender<Credit>,
    pub(super) nats: Reach,
    pub(super) redis: Reach,
    pub(super) clock_off: Option<Span>,
    pub(super) clock_right: Option<bool>,
    pub(super) purged: Purged,
    pub(super) lanes_purged: Option<Instant>,
    pub(super) input_lacks_room: bool,
    pub(super) leaving: bool,
    pub(super) running: watch::Sender<usize>,
    pub(super) busy: Busy,
    pub(super) tenancy: Option<Conduct>,
    pub(super) pace: Arc<Pace>,
    pub(super) safe_mode: SafeMode,
    pub(super) armed: ArmedPromotions,
}

/// What is being done, so that it is not done twice at a time.
#[derive(Default)]
pub(super) struct Busy {
    pub(super) looking: bool,
    pub(super) measuring: bool,
    pub(super) purging: bool,
}

/// How does the pod stand?
#[derive(Message)]
#[rtype(result = "Report")]
pub struct Ask;

/// What do the partitions say of themselves?
#[derive(Message)]
#[rtype(result = "Vec<Status>")]
pub struct AskPartitions;

/// Stop every partition. The answer comes when the last one has stopped; then the supervisor ends.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Leave;

/// A partition stopped. No exit is a panic.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended {
    partition: Partition,
    run: u64,
    exit: Option<Exit>,
}

impl Supervisor {
    /// A supervisor that has started nothing yet.
    pub fn new(plan: Plan) -> Supervisor {
        let live_entities = plan.live_entities;
        // A pod that is held back takes little at a time: who comes first is decided read by read.
        let per_s = plan.safe_mode.limit.decisions_per_s as usize;
        let messages = match per_s {
            0 => plan.read_messages,
            per_s => plan.read_messages.min((per_s / READS_PER_S).max(1)),
        };
        let credit = Credit { messages, live_entities, ..Credit::default() };
        let alone = plan.tenancy.is_none();
        Supervisor {
            slots: (0..plan.partitions).map(|partition| Slot::new(partition, alone)).collect(),
            tenancy: plan.tenancy.as_ref().map(|tenancy| Conduct::new(tenancy, plan.partitions)),
            pace: Arc::new(Pace::new(plan.safe_mode.limit)),
            safe_mode: SafeMode::new(plan.safe_mode.thresholds),
            plan,
            arbiters: Vec::new(),
            threads: Threads::default(),
            hands: Hands::default(),
            credit: watch::channel(credit).0,
            nats: Reach::default(),
            redis: Reach::default(),
            clock_off: None,
            clock_right: None,
            purged: Purged::default(),
            lanes_purged: None,
            input_lacks_room: false,
            leaving: false,
            running: watch::channel(0).0,
            busy: Busy::default(),
            armed: ArmedPromotions::new(),
        }
    }

    fn back_off(&self) -> BackOff {
        BackOff { first: self.plan.settings.restart_first, max: self.plan.settings.restart_max }
    }

    // === starting and stopping ===

    pub(super) fn start_partition(&mut self, partition: Partition, ctx: &mut Context<Self>) {
        let Some(slot) = self.slots.get_mut(usize::from(partition)) else { return };
        if !slot.ours || slot.is_running() {
            return;
        }
        if self.leaving || self.clock_right != Some(true) {
            slot.phase = Phase::Held("the pod's clock is not right, or the pod is leaving");
            return;
        }
        if self.tenancy.as_ref().is_some_and(|conduct| conduct.is_in_doubt(partition)) {
            slot.phase = Phase::Held(IN_DOUBT);
            return;
        }
        let (status, told) = watch::channel(Status::default());
        let stop = CancellationToken::new();
        let start = slot.begin(told, stop.clone());
        let run = slot.run;
        let env = Env {
            partition,
            partitions: self.plan.partitions,
            owner: self.plan.owner.clone(),
            ports: self.plan.ports.clone(),
            policy: self.plan.policy.clone(),
            limits: self.plan.limits.clone(),
            published: self.plan.published.clone(),
            bounds: self.plan.bounds.clone(),
            formats: self.plan.formats.clone(),
            hands: self.hands.clone(),
            tap: self.plan.tap.clone(),
            desks: self.plan.desks.clone(),
            credit: self.credit.subscribe(),
            pace: self.pace.clone(),
            status,
            stop,
        };
        let supervisor = ctx.address();
        let on = policy::arbiter_of(partition, self.arbiters.len());
        let Some(arbiter) = self.arbiters.get(on) else { return };
        self.count_running(|running| running + 1);
        arbiter.spawn_fn(move || {
            let serving = actix::spawn(serve(env, start));
            actix::spawn(async move {
                let exit = serving.await.ok();
                // A supervisor that is gone needs no news.
                let _ = supervisor.send(Ended { partition, run, exit }).await;
            });
        });
    }

    /// Starts a partition that has waited since this run, unless it has run or moved meanwhile.
    fn start_after(&mut self, partition: Partition, run: u64, ctx: &mut Context<Self>) {
        let slot = self.slots.get(usize::from(partition));
        let waits = |slot: &Slot| slot.run == run && matches!(slot.phase, Phase::BackingOff(_));
        if slot.is_some_and(waits) {
            self.start_partition(partition, ctx);
        }
    }

    fn ended(&mut self, ended: Ended, ctx: &mut Context<Self>) {
        let back_off = self.back_off();
        let (leaving, clock_right) = (self.leaving, self.clock_right == Some(true));
        let partition = ended.partition;
        let is_it = |slot: &Slot| slot.run == ended.run;
        if !self.slots.get(usize::from(partition)).is_some_and(is_it) {
            return;
        }
        self.count_running(|running| running.saturating_sub(1));
        telemetry::watch::stopped(ended.exit.as_ref());
        let Some(slot) = self.slots.get_mut(usize::from(partition)) else { return };
        if !slot.ours {
            let settled = ended.exit == Some(Exit::Left);
            self.handed_over(partition, settled, ctx);
            return;
        }
        let after = slot.end(ended.exit.as_ref(), &back_off);
        let run = slot.run;
        match after {
            Some(after) if !leaving => {
                ctx.run_later(after, move |act, ctx| act.start_after(partition, run, ctx));
            }
            // Stopped for the clock's sake, which was set right meanwhile.
            None if slot.phase == Phase::Left && !leaving && clock_right => {
                self.start_partition(partition, ctx);
            }
            None if slot.phase == Phase::Left && !leaving => {
                slot.phase = Phase::Held("the pod's clock is not right");
            }
            Some(_) | None => {}
        }
    }

    /// Those that run share what the pod may hold.
    fn count_running(&self, count: impl FnOnce(usize) -> usize) {
        self.running.send_modify(|running| *running = count(*running));
        let share = self.plan.live_entities / (*self.running.borrow()).max(1);
        self.credit.send_modify(|credit| credit.live_entities = share);
    }

    pub(super) fn stop_all(&self) {
        self.slots.iter().filter(|slot| slot.is_running()).for_each(|slot| slot.stop.cancel());
    }

    fn report(&self) -> Report {
        let clock = match self.clock_right {
            Some(false) => Some(format!(
                "the pod's clock is {} ms off the server's, {} ms are allowed: set it right",
                self.clock_off.unwrap_or_default().as_millis(),
                self.plan.settings.clock_off_max.as_millis()
            )),
            Some(true) | None => None,
        };
        let partitions = self.slots.iter().map(Slot::report).collect();
        let off = self.clock_off.map(|off| off.0 as f64 / 1e6);
        let [log, snapshots] = self.plan.stores;
        let stores = [(log, &self.nats), (snapshots, &self.redis)];
        let pod = [clock, self.not_joined()];
        Report::new(partitions, stores, pod, off, self.may_lack_snapshots())
    }

    /// Whether the pod may stay in service where it does not reach the snapshots: not where they
    /// are kept with the log, nor where it steps aside for those that reach them.
    fn may_lack_snapshots(&self) -> bool {
        let [log, snapshots] = self.plan.stores;
        let steps_aside = |of: &Conduct| of.participant.is_cut_off_alone(Instant::now());
        log != snapshots && !self.tenancy.as_ref().is_some_and(steps_aside)
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let threads = self.plan.arbiters.clamp(1, usize::from(self.plan.partitions).max(1));
        self.arbiters = (0..threads).map(|_| Arbiter::new()).collect();
        self.threads = Threads::of(&self.arbiters);
        self.join(ctx);
        self.look(ctx);
        ctx.run_interval(self.plan.settings.watch_every, Supervisor::look);
        ctx.run_interval(self.plan.settings.purge_every, Supervisor::purge);
        ctx.run_interval(loading::EVERY, Supervisor::look_at_load);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        self.arbiters.iter().for_each(|arbiter| {
            arbiter.stop();
        });
    }
}

impl Handler<Ask> for Supervisor {
    type Result = actix::MessageResult<Ask>;

    fn handle(&mut self, _: Ask, _: &mut Self::Context) -> Self::Result {
        actix::MessageResult(self.report())
    }
}

impl Handler<AskPartitions> for Supervisor {
    type Result = actix::MessageResult<AskPartitions>;

    fn handle(&mut self, _: AskPartitions, _: &mut Self::Context) -> Self::Result {
        let statuses = self.slots.iter().map(|slot| slot.status.borrow().clone());
        actix::MessageResult(statuses.collect())
    }
}

impl Handler<Ended> for Supervisor {
    type Result = ();

    fn handle(&mut self, ended: Ended, ctx: &mut Self::Context) {
        self.ended(ended, ctx);
    }
}

impl Handler<Leave> for Supervisor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: Leave, ctx: &mut Self::Context) -> Self::Result {
        self.leaving = true;
        let gone = self.leave(ctx);
        let mut running = self.running.subscribe();
        let stopped = async move {
            // The sender lives as long as the supervisor; without it nothing runs.
            let _ = running.wait_for(|running| *running == 0).await;
            gone.await;
        };
        // Its threads and ports go with it: a process may host one supervisor after another.
        Box::pin(stopped.into_actor(self).map(|(), _, ctx| ctx.stop()))
    }
}
