//! Looks at the load of the pod's partitions again and again, and gives credit by the level that it
//! calls for.

use std::time::Duration;

use actix::Context;
use tokio::time::Instant;

use super::{actor::Supervisor, safe_mode::Load, slot::Slot};
use crate::{
    domain::{Level, event::Lane, time::Timestamp},
    partition::gates::put_off_from,
    ports::Source,
    telemetry,
};

/// How often.
pub const EVERY: Duration = Duration::from_millis(250);

impl Supervisor {
    pub(super) fn look_at_load(&mut self, _: &mut Context<Self>) {
        let now = self.plan.ports.clock.now() - self.clock_off.unwrap_or_default();
        let serving = self.slots.iter().filter(|slot| slot.is_serving());
        let late = serving.map(|slot| late(slot, now)).fold([Duration::ZERO; 4], latest);
        let load = Load { late, counts: self.pace.counts() };
        let own = match self.plan.safe_mode.automatic {
            true => self.safe_mode.observe(&load, Instant::now()),
            false => Level::Normal,
        };
        if let Some(conduct) = &mut self.tenancy {
            conduct.participant.level(own);
        }
        self.go_to_level(own);
        telemetry::watch::load(&load, self.pace.in_use());
    }

    fn go_to_level(&mut self, level: Level) {
        let share =
            self.safe_mode.capacity().map_or(0.0, |most| most * self.plan.safe_mode.sku_share);
        let before = self.credit.borrow().level;
        self.credit.send_modify(|credit| {
            credit.level = level;
            credit.sku_share = share as u32;
            let reporting = Source::Lane(Lane::Reporting).index();
            credit.open[reporting] = put_off_from(Lane::Reporting).is_none_or(|from| level < from);
        });
        if before != level {
            let (before, level) = (before.number(), level.number());
            tracing::warn!(before, level, "safe mode");
        }
        telemetry::watch::level(level);
    }
}

/// How late each lane of a partition is: nothing where it was read to its end.
fn late(slot: &Slot, now: Timestamp) -> [Duration; 4] {
    let status = slot.status.borrow();
    Lane::ALL.map(|lane| match status.more[lane as usize] {
        true => {
            let late = now - status.read[Source::Lane(lane).index()].at;
            Duration::from_micros(u64::try_from(late.0).unwrap_or(0))
        }
        false => Duration::ZERO,
    })
}

fn latest(one: [Duration; 4], other: [Duration; 4]) -> [Duration; 4] {
    std::array::from_fn(|lane| one[lane].max(other[lane]))
}
