//! What the supervisor does again and again: looks at servers and clocks, measures lags, purges.

use std::time::Duration;

use actix::{ActorFutureExt, AsyncContext, Context, WrapFuture};
use tokio::time::Instant;

use super::{
    actor::Supervisor,
    janitor::{self, Permitted},
    policy,
    slot::{Phase, Slot},
    watcher::{self, Seen},
};
use crate::{domain::time::Timestamp, nats::names, ports::Partition, telemetry};

/// How often EARMARK_IN is looked through for what is old enough, at the most.
const LANES_EVERY: Duration = Duration::from_secs(60);
/// The shortest time that a server is given to answer.
const LOOK_WITHIN: Duration = Duration::from_secs(1);

impl Supervisor {
    pub(super) fn look(&mut self, ctx: &mut Context<Self>) {
        let bounds = &self.plan.bounds;
        for slot in &self.slots {
            // Before its status is borrowed: two borrows at once may wait for each other for ever.
            let stands = slot.stands();
            telemetry::watch::partition(slot.partition, &slot.status.borrow(), stands, bounds);
        }
        for (thread, busy) in self.threads.busy().into_iter().enumerate() {
            busy.into_iter().for_each(|busy| telemetry::watch::thread(thread, busy));
        }
        self.measure(ctx);
        self.look_at_refused(ctx);
        if std::mem::replace(&mut self.busy.looking, true) {
            return;
        }
        let within = self.plan.settings.watch_every.max(LOOK_WITHIN);
        let look = watcher::look(self.plan.ports.clone(), within);
        ctx.spawn(look.into_actor(self).map(|seen, act, ctx| {
            act.busy.looking = false;
            act.saw(seen, ctx);
        }));
    }

    fn saw(&mut self, seen: Seen, ctx: &mut Context<Self>) {
        if self.nats != seen.nats || self.redis != seen.redis {
            tracing::info!(nats = ?seen.nats, redis = ?seen.redis, "the servers");
        }
        (self.nats, self.redis) = (seen.nats, seen.redis);
        let Some(off) = seen.clock_off else { return };
        self.clock_off = Some(off);
        let right = policy::clock_is_right(off, self.plan.settings.clock_off_max);
        if self.clock_right.replace(right) == Some(right) {
            return;
        }
        let off_ms = off.as_millis();
        if !right {
            tracing::error!(off_ms, "the pod's clock is off the server's: it serves nothing");
            match self.tenancy.is_some() {
                true => self.conduct(ctx),
                false => self.stop_all(),
            }
            return;
        }
        tracing::info!(off_ms, "the pod's clock is right");
        self.start_held(ctx);
    }

    fn look_at_refused(&mut self, ctx: &mut Context<Self>) {
        let after = self.plan.settings.restart_max;
        let refused = self.slots.iter().filter(|slot| slot.is_worth_another_look(after));
        let refused: Vec<Partition> = refused.map(|slot| slot.partition).collect();
        refused.into_iter().for_each(|partition| self.start_partition(partition, ctx));
    }

    /// Starts what was only waiting for the clock, or for its lease.
    pub(super) fn start_held(&mut self, ctx: &mut Context<Self>) {
        let held = |slot: &&Slot| slot.ours && matches!(slot.phase, Phase::Held(_));
        let held: Vec<Partition> = self.slots.iter().filter(held).map(|s| s.partition).collect();
        held.into_iter().for_each(|partition| self.start_partition(partition, ctx));
    }

    fn measure(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.busy.measuring, true) {
            return;
        }
        let serving = self.slots.iter().filter(|slot| slot.is_serving());
        let cursors = serving.map(|slot| (slot.partition, slot.status.borrow().cursors)).collect();
        let now = self.plan.ports.clock.now();
        let commands_max = self.plan.bounds.waiting_commands_max;
        let measure = watcher::measure(self.plan.depths.clone(), cursors, commands_max, now);
        ctx.spawn(measure.into_actor(self).map(move |measured, act, _| {
            act.busy.measuring = false;
            if let Some(streams) = measured.streams {
                act.input_lacks_room = policy::lacks_room(&streams, names::IN);
            }
            for (partition, unread) in measured.unread {
                if let Some(slot) = act.slots.get_mut(usize::from(partition)) {
                    slot.unread = Some((now, unread));
                }
            }
        }));
    }

    pub(super) fn purge(&mut self, ctx: &mut Context<Self>) {
        if std::mem::replace(&mut self.busy.purging, true) {
            return;
        }
        let lanes = policy::needed_by_all(self.lanes_needed());
        let commands = self.slots.iter().map(|slot| (slot.partition, slot.needed_commands()));
        let full = self.input_lacks_room;
        let due = full || self.lanes_purged.is_none_or(|at| at.elapsed() >= LANES_EVERY);
        let permitted = Permitted {
            lanes: lanes.filter(|_| due),
            lanes_until: match full {
                true => Timestamp(i64::MAX),
                false => self.plan.ports.clock.now() - self.plan.settings.in_keep,
            },
            commands: policy::needed_by_each(commands),
        };
        if permitted.lanes.is_some() {
            self.lanes_purged = Some(Instant::now());
        }
        let purge = janitor::purge(self.plan.ports.input.clone(), self.purged.clone(), permitted);
        ctx.spawn(purge.into_actor(self).map(|purged, act, _| {
            act.purged = purged;
            act.busy.purging = false;
        }));
    }
}
