//! The supervisor among those of other pods: does what [`Participant`] says, and tells it what came
//! of it.
//!
//! Promises: a partition runs only between [`Act::Start`] and [`Act::Stop`]; a pod that leaves has
//! handed over all its partitions before it ends.

use std::{sync::Arc, time::Duration};

use actix::{
    ActorFutureExt, AsyncContext, Context, Handler, Message, MessageResult, StreamHandler,
    WrapFuture,
};
use futures::{Stream, future::BoxFuture, stream};
use tokio::{sync::watch, time::Instant};

use super::{
    actor::Supervisor,
    report::Reach,
    slot::{Phase, Slot},
};
use crate::{
    cluster::{Act, Member, Participant, Rules, Standing},
    contract::time,
    control::{Late, Order, Promotion, Word},
    partition::format::OLDEST,
    ports::{LeaseWatch, Leases, Needed, Partition, Watched},
};

/// How often it is looked at what is due, when nothing is heard.
const TICK: Duration = Duration::from_millis(100);
/// What is heard within this is answered together.
const GATHER: Duration = Duration::from_millis(2);
/// How long a watch that failed rests.
const WATCH_AGAIN: Duration = Duration::from_millis(250);

/// How a pod lives among others.
#[derive(Clone)]
pub struct Tenancy {
    /// The bucket of members and leases.
    pub leases: Arc<dyn Leases>,
    /// How notes live.
    pub rules: Rules,
    /// The pod, as it announces itself.
    pub me: Member,
    /// For how long the members must have been the same before a newer format is written.
    pub format_after: Duration,
}

/// Hand over what the pod has and take nothing more; or, undone, take part again. The partitions
/// that are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Message)]
#[rtype(result = "Vec<Partition>")]
pub struct Drain {
    /// Take part again.
    pub undo: bool,
}

/// The pod's part, and what is needed to play it.
pub(super) struct Conduct {
    pub(super) participant: Participant,
    leases: Arc<dyn Leases>,
    lasts: Duration,
    format_after: Duration,
    drained: bool,
    /// Somebody will look at it in a moment.
    due: bool,
    /// Counts the times that the watch was found of no more use.
    watch_again: watch::Sender<u64>,
    gone: watch::Sender<bool>,
}

impl Conduct {
    pub fn new(tenancy: &Tenancy, partitions: Partition) -> Conduct {
        let Tenancy { leases, rules, me, format_after } = tenancy.clone();
        Conduct {
            participant: Participant::new(me, partitions, rules, Instant::now()),
            leases,
            lasts: rules.lasts,
            format_after,
            drained: false,
            due: false,
            watch_again: watch::channel(0).0,
            gone: watch::channel(false).0,
        }
    }
}

impl Conduct {
    /// Whether the lease of a partition may have lapsed.
    pub fn is_in_doubt(&self, partition: Partition) -> bool {
        self.participant.is_in_doubt(partition, Instant::now())
    }

    /// In which format to write: an older one at once where a member reads no other; a newer one
    /// that all read once that has been so for a while, or somebody writes it already.
    fn format(&self, writes: u8, now: Instant) -> u8 {
        let view = self.participant.view();
        if !self.participant.has_joined() {
            return writes;
        }
        let all_read = view.read_by_all().unwrap_or(OLDEST);
        let settled = now.duration_since(view.quiet_since()) >= self.format_after;
        let newest = if settled { all_read } else { view.in_use().unwrap_or(OLDEST).max(writes) };
        newest.min(all_read)
    }
}

/// What the watch has to say to the supervisor.
enum Heard {
    /// It begins.
    Began,
    Told(Watched),
}

/// What is heard of the bucket, for ever.
fn hear(leases: Arc<dyn Leases>, again: watch::Receiver<u64>) -> impl Stream<Item = Heard> {
    let begin: (_, _, Option<Box<dyn LeaseWatch>>) = (leases, again, None);
    stream::unfold(begin, async |(leases, mut again, mut watching)| {
        loop {
            let Some(watch) = &mut watching else {
                match leases.watch().await {
                    Ok(watch) => return Some((Heard::Began, (leases, again, Some(watch)))),
                    Err(error) => tracing::warn!(%error, "members and leases are not heard"),
                }
                tokio::time::sleep(WATCH_AGAIN).await;
                continue;
            };
            tokio::select! {
                told = watch.next() => match told {
                    Ok(told) => return Some((Heard::Told(told), (leases, again, watching))),
                    Err(error) => {
                        tracing::warn!(%error, "members and leases are heard anew");
                        tokio::time::sleep(WATCH_AGAIN).await;
                    }
                },
                _ = again.changed() => tracing::warn!("the watch is deaf: it begins anew"),
            }
            watching = None;
        }
    })
}

impl Supervisor {
    /// Begins to take part, where there are others.
    pub(super) fn join(&mut self, ctx: &mut Context<Self>) {
        let Some(conduct) = &self.tenancy else { return };
        // Until it is known what the others read.
        self.plan.formats.write(OLDEST);
        ctx.add_stream(hear(conduct.leases.clone(), conduct.watch_again.subscribe()));
        ctx.run_interval(TICK, Supervisor::conduct);
    }

    /// Stops everything; what is returned ends when the pod is no member any more.
    pub(super) fn leave(&mut self, ctx: &mut Context<Self>) -> BoxFuture<'static, ()> {
        let Some(conduct) = &self.tenancy else {
            self.stop_all();
            return Box::pin(std::future::ready(()));
        };
        let mut gone = conduct.gone.subscribe();
        self.conduct(ctx);
        // The sender lives as long as the supervisor.
        Box::pin(async move { drop(gone.wait_for(|gone| *gone).await) })
    }

    /// Why the pod does not take part yet.
    pub(super) fn not_joined(&self) -> Option<String> {
        let participant = &self.tenancy.as_ref()?.participant;
        if participant.has_joined() {
            return None;
        }
        Some(match participant.namesake() {
            Some(other) => format!(
                "a member has this pod's name ({}, since {}): it waits until that one is gone",
                other.pod, other.since
            ),
            None => "the pod is not among the members yet".to_owned(),
        })
    }

    /// What must be kept of EARMARK_IN, by partition; nothing where that is somebody else's to see
    /// to: who has the first partition sees to it for all.
    pub(super) fn lanes_needed(&self) -> Vec<Option<Needed>> {
        let Some(conduct) = &self.tenancy else {
            return self.slots.iter().map(Slot::needed).collect();
        };
        if !self.slots.first().is_some_and(|slot| slot.ours) {
            return vec![None];
        }
        let view = conduct.participant.view();
        let needed = |slot: &Slot| match slot.ours {
            true => slot.needed(),
            false => view.lease(slot.partition).and_then(|lease| lease.value.needed()),
        };
        self.slots.iter().map(needed).collect()
    }

    /// A partition that is ours no more has stopped; `settled` if all that it decided has left.
    pub(super) fn handed_over(
        &mut self,
        partition: Partition,
        settled: bool,
        ctx: &mut Context<Self>,
    ) {
        let now = self.plan.ports.clock.now();
        let Some(slot) = self.slots.get_mut(usize::from(partition)) else { return };
        let news = slot.news(now, self.credit.borrow().level);
        slot.phase = Phase::Elsewhere;
        if let Some(conduct) = &mut self.tenancy {
            conduct.participant.news(partition, news);
            conduct.participant.stopped(partition, settled);
        }
        self.conduct(ctx);
    }

    fn standing(&self, drained: bool) -> (Standing, Option<String>) {
        let waits = |why: &str| (Standing::Waiting, Some(why.to_owned()));
        match self.clock_right {
            _ if self.leaving => (Standing::Leaving, None),
            _ if drained => waits("it was drained by an operator"),
            None => waits("its clock has not been compared with the server's yet"),
            Some(false) => waits("its clock is off the server's"),
            Some(true) => (Standing::Serving, None),
        }
    }

    /// Does what is to be done.
    pub(super) fn conduct(&mut self, ctx: &mut Context<Self>) {
        let Some(drained) = self.tenancy.as_ref().map(|conduct| conduct.drained) else { return };
        let (standing, why) = self.standing(drained);
        let wall = self.plan.ports.clock.now();
        let news: Vec<_> = self.slots.iter().filter(|slot| slot.ours).collect();
        let level = self.credit.borrow().level;
        let news = news.iter().map(|slot| (slot.partition, slot.news(wall, level)));
        let news: Vec<_> = news.collect();
        let Some(conduct) = &mut self.tenancy else { return };
        conduct.due = false;
        let participant = &mut conduct.participant;
        participant.stand(standing, why);
        participant.reaches_snapshots(!matches!(self.redis, Reach::Unreachable(_)));
        let now = Instant::now();
        news.into_iter().for_each(|(partition, news)| participant.news(partition, news));
        let acts = participant.acts(now, &time::format(wall));
        let formats = &self.plan.formats;
        formats.write(conduct.format(formats.writes(), now));
        conduct.gone.send_replace(conduct.participant.is_gone());
        if conduct.participant.is_deaf(now) {
            conduct.participant.begin();
            conduct.watch_again.send_modify(|times| *times += 1);
        }
        acts.into_iter().for_each(|act| self.act(act, ctx));
        self.start_held(ctx);
    }

    fn act(&mut self, act: Act, ctx: &mut Context<Self>) {
        let Some(conduct) = &self.tenancy else { return };
        let (leases, sent) = (conduct.leases.clone(), Instant::now());
        match act {
            Act::Note { key, value, after } => {
                let lasts = conduct.lasts;
                let writing = async move {
                    let result = leases.note(&key, value, after, lasts).await;
                    (key, result)
                };
                ctx.spawn(writing.into_actor(self).map(move |(key, result), act, ctx| {
                    if let Err(error) = &result {
                        tracing::debug!(key, %error, "a note was not written");
                    }
                    if let Some(conduct) = &mut act.tenancy {
                        conduct.participant.wrote(&key, result, sent);
                    }
                    act.conduct_soon(ctx);
                }));
            }
            Act::TakeAway { key, after } => {
                let writing = async move {
                    let result = leases.take_away(&key, after).await;
                    (key, result)
                };
                ctx.spawn(writing.into_actor(self).map(|(key, result), act, ctx| {
                    if let Some(conduct) = &mut act.tenancy {
                        conduct.participant.took_away(&key, &result);
                    }
                    act.conduct_soon(ctx);
                }));
            }
            Act::Start(partition) => self.start_ours(partition, ctx),
            Act::Stop(partition) => self.stop_ours(partition, ctx),
        }
    }

    fn start_ours(&mut self, partition: Partition, ctx: &mut Context<Self>) {
        tracing::info!(partition, "the partition is ours");
        if let Some(slot) = self.slots.get_mut(usize::from(partition)) {
            slot.take();
        }
        self.start_partition(partition, ctx);
    }

    fn stop_ours(&mut self, partition: Partition, ctx: &mut Context<Self>) {
        tracing::info!(partition, "the partition is ours no more");
        let Some(slot) = self.slots.get_mut(usize::from(partition)) else { return };
        slot.ours = false;
        match slot.is_running() {
            true => slot.stop.cancel(),
            false => self.handed_over(partition, false, ctx),
        }
    }

    /// What comes together is answered together.
    fn conduct_soon(&mut self, ctx: &mut Context<Self>) {
        let Some(conduct) = &mut self.tenancy else { return };
        if !std::mem::replace(&mut conduct.due, true) {
            ctx.run_later(GATHER, Supervisor::conduct);
        }
    }
}

impl StreamHandler<Heard> for Supervisor {
    fn handle(&mut self, heard: Heard, ctx: &mut Self::Context) {
        let Some(conduct) = &mut self.tenancy else { return };
        let (participant, now) = (&mut conduct.participant, Instant::now());
        let of_operators = |key: &str| {
            let is_word = Word::is_at(key) || Late::is_at(key);
            is_word || Order::is_at(key) || Promotion::is_at(key)
        };
        let ordered = match &heard {
            Heard::Told(Watched::Note(note)) => of_operators(&note.key),
            Heard::Told(Watched::CaughtUp) => true,
            Heard::Began => false,
        };
        match heard {
            Heard::Began => participant.begin(),
            Heard::Told(Watched::CaughtUp) => participant.catch_up(now),
            Heard::Told(Watched::Note(note)) => participant.note(&note, now),
        }
        if ordered {
            self.go_to_level();
            self.heed();
            self.arm();
        }
        self.conduct_soon(ctx);
    }

    fn finished(&mut self, _: &mut Self::Context) {
        // It never ends; and if it did, what runs would run on.
    }
}

impl Handler<Drain> for Supervisor {
    type Result = MessageResult<Drain>;

    fn handle(&mut self, drain: Drain, ctx: &mut Self::Context) -> Self::Result {
        let Some(conduct) = &mut self.tenancy else { return MessageResult(Vec::new()) };
        conduct.drained = !drain.undo;
        let ours = self.slots.iter().filter(|slot| slot.ours);
        let ours = ours.map(|slot| slot.partition).collect();
        self.conduct(ctx);
        MessageResult(ours)
    }
}
