//! Passes on which promotions are armed: to the partitions, which load the SKUs, and to the
//! placement, which leaves their partitions where they are.

use std::sync::Arc;

use super::actor::Supervisor;
use crate::{control::Promoted, telemetry};

/// The promotions that are armed: the name of each, and the revision of its note.
pub(super) type ArmedPromotions = Vec<(String, u64)>;

impl Supervisor {
    /// Looks at which promotions are armed by now.
    pub(super) fn arm(&mut self) {
        let Some(conduct) = &mut self.tenancy else { return };
        let (now, lead) = (self.plan.ports.clock.now(), self.plan.promotions.lead);
        let all = conduct.participant.view().promotions();
        let armed = all.filter(|(promotion, _)| promotion.is_armed(now, lead));
        let armed: Vec<_> = armed.collect();
        let known = armed.iter().map(|(promotion, revision)| (promotion.name.clone(), *revision));
        let known: ArmedPromotions = known.collect();
        if known == self.armed {
            return;
        }
        let promoted = armed.iter().map(|(promotion, _)| *promotion);
        let promoted = Promoted::of(promoted, self.plan.partitions);
        let pinned = promoted.partitions();
        tracing::warn!(promotions = ?known, ?pinned, "which promotions are armed");
        telemetry::watch::pinned(pinned.len());
        conduct.participant.pin(pinned);
        self.armed = known;
        self.credit.send_modify(|credit| credit.promoted = Arc::new(promoted));
    }
}
