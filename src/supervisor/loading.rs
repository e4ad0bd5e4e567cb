//! Looks at the load of the pod's partitions again and again, and gives credit by the level that it
//! calls for.

use std::time::Duration;

use actix::Context;
use tokio::time::Instant;

use super::{actor::Supervisor, safe_mode::Load, slot::Slot};
use crate::{
    domain::{Level, event::Lane, time::Span},
    partition::gates::put_off_from,
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
        let own = match self.plan.safe_mode.automatic {
            true => self.safe_mode.observe(&load, Instant::now()),
            false => Level::Normal,
        };
        if let Some(conduct) = &mut self.tenancy {
            conduct.participant.level(own);
        }
        self.go_to_level(own, &load);
        telemetry::watch::load(&load, self.pace.in_use());
    }

    fn go_to_level(&mut self, level: Level, load: &Load) {
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
            tracing::warn!(before, level, late = ?load.late, "safe mode");
        }
        telemetry::watch::level(level);
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
