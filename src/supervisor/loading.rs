//! Looks at the load of the pod's partitions again and again, and gives credit by the level that it
//! calls for, or that an operator ordered.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use actix::Context;
use tokio::time::Instant;

use super::{actor::Supervisor, safe_mode::Load, slot::Slot};
use crate::{
    domain::{Level, event::Lane, time::Span},
    partition::{Lateness, Reinstatement, gates::put_off_from, pace::Counts},
    ports::Source,
    telemetry,
};

/// How often.
pub const EVERY: Duration = Duration::from_millis(250);

impl Supervisor {
    pub(super) fn look_at_load(&mut self, _: &mut Context<Self>) {
        let off = self.clock_off.unwrap_or_default();
        let serving = self.slots.iter().filter(|slot| slot.is_serving());
        let late = serving.map(|slot| late(slot, off)).fold([Duration::ZERO; 4], latest);
        let load = Load { late, counts: self.pace.counts() };
        if self.plan.safe_mode.automatic {
            self.safe_mode.observe(&load, Instant::now());
        }
        let own = self.safe_mode.level();
        // As a trace, it can be played again: tests/units/safe_mode does.
        let late_us = load.late.map(|late| late.as_micros());
        let Counts { decided, urgent, refused } = load.counts;
        tracing::trace!(?late_us, decided, urgent, refused, level = own.number(), "load");
        if let Some(conduct) = &mut self.tenancy {
            conduct.participant.level(own);
        }
        self.go_to_level();
        self.arm();
        let level = self.credit.borrow().level;
        self.pace.look(level == Level::Normal && self.safe_mode.spares_time(&load));
        telemetry::watch::load(&load, &self.pace);
    }

    /// Goes to the level that an operator ordered, while that counts, else to the pod's own; and
    /// pauses what operators have paused.
    pub(super) fn go_to_level(&mut self) {
        let (own, now) = (self.safe_mode.level(), self.plan.ports.clock.now());
        let conduct = self.tenancy.as_ref();
        let orders = conduct.map(|conduct| conduct.participant.view().orders(now));
        let orders = orders.unwrap_or_default();
        let (level, paused) = (orders.level(own), orders.paused());
        let share =
            self.safe_mode.capacity().map_or(0.0, |most| most * self.plan.safe_mode.sku_share);
        let before = self.credit.borrow().level;
        self.credit.send_modify(|credit| {
            credit.level = level;
            credit.sku_share = share as u32;
            let reporting = Source::Lane(Lane::Reporting).index();
            credit.open[reporting] = put_off_from(Lane::Reporting).is_none_or(|from| level < from);
            if *credit.paused != paused {
                tracing::warn!(pauses = ?orders.pauses, "what is paused");
                credit.paused = Arc::new(paused);
            }
        });
        if before != level {
            let (before, level, own) = (before.number(), level.number(), own.number());
            let late = self.safe_mode.late();
            tracing::warn!(before, level, own, ordered = ?orders.ordered, ?late, "safe mode");
        }
        telemetry::watch::level(level);
        telemetry::watch::paused(orders.pauses.len());
    }
}

impl Supervisor {
    /// Passes on what operators say of quarantined entities and of late events.
    pub(super) fn heed(&mut self) {
        let Some(conduct) = &self.tenancy else { return };
        let said = conduct.participant.view().words().filter_map(|(word, number)| {
            let (by, why) = (word.by.clone(), word.reason.clone());
            Some((word.entity()?, Reinstatement { number, by, why }))
        });
        let said: BTreeMap<_, _> = said.collect();
        let late = conduct.participant.view().late().filter_map(|(word, number)| {
            let (by, why) = (word.by.clone(), word.reason.clone());
            let (source, id) = (word.source.clone(), word.id.clone());
            let lateness = Lateness { number, source, id, at: word.said_at()?, by, why };
            Some(((word.entity()?, word.event()), lateness))
        });
        let late: BTreeMap<_, _> = late.collect();
        self.credit.send_modify(|credit| {
            credit.reinstated = Arc::new(said);
            credit.late = Arc::new(late);
        });
    }
}

/// How late each lane of a partition is, where the pod's clock is so far ahead of the log's.
fn late(slot: &Slot, off: Span) -> [Duration; 4] {
    let late = slot.status.borrow().late;
    late.map(|late| Duration::from_micros(u64::try_from(late.0 - off.0).unwrap_or(0)))
}

fn latest(one: [Duration; 4], other: [Duration; 4]) -> [Duration; 4] {
    std::array::from_fn(|lane| one[lane].max(other[lane]))
}
