//! What must stand in the logs of effects, and what does: each effect once, and nothing else.
//!
//! Sixteen bytes are kept of each; while a log is compared, its ids stand in memory too.

use std::collections::BTreeMap;

use super::{Audit, findings::Kind, findings::Notes};
use crate::{
    error::Failure,
    partition::effects::{index_of_id, sequence_of_id},
    ports::{Outbox, Outlet, Partition},
};

const UNKNOWN: (Kind, &str) = (Kind::Twice, "an effect that the journal does not know");
const MISSING: (Kind, &str) = (Kind::Lost, "an effect is not there");
const TWICE: (Kind, &str) = (Kind::Twice, "an effect is there more than once");

/// Whose effects these are: the incarnation and the partition.
type Of = (u64, Partition);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Effect {
    record: u64,
    index: u32,
    times: u32,
}

/// Effects that must be there, in the order in which they are journaled.
#[derive(Debug, Default)]
pub(super) struct Expected(BTreeMap<Of, Vec<Effect>>);

impl Expected {
    pub fn expect(&mut self, of: Of, id: &str) {
        if let (Some(record), Some(index)) = (sequence_of_id(id), index_of_id(id)) {
            self.0.entry(of).or_default().push(Effect { record, index, times: 0 });
        }
    }

    /// One that is there; whether it is expected.
    fn find(&mut self, id: &str) -> bool {
        let Some(effect) = self.get(id) else { return false };
        effect.times = effect.times.saturating_add(1);
        true
    }

    fn get(&mut self, id: &str) -> Option<&mut Effect> {
        let mut parts = id.split('-');
        let of = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let place = (parts.next()?.parse::<u64>().ok()?, parts.next()?.parse::<u32>().ok()?);
        let effects = self.0.get_mut(&of).filter(|_| parts.next().is_none())?;
        let at = effects.binary_search_by_key(&place, |known| (known.record, known.index));
        effects.get_mut(at.ok()?)
    }

    fn finish(&self, log: &str, notes: &mut Notes) {
        for ((incarnation, partition), effects) in &self.0 {
            for Effect { record, index, times } in effects.iter().filter(|known| known.times != 1) {
                let id = format!("{incarnation}-{partition}-{record}-{index}");
                let by = format!("record {record} of partition {partition}");
                match times {
                    0 => notes.note(MISSING, *record, format!("{id}, {by}, in {log}")),
                    _ => notes.note(TWICE, *record, format!("{id}, {by}, {times} times in {log}")),
                }
            }
        }
    }
}

impl Audit<'_> {
    /// Compares a log of effects with the journal.
    pub(super) async fn compare_effects(
        &mut self,
        outbox: &dyn Outbox,
        outlet: Outlet,
    ) -> Result<(), Failure> {
        let log = match outlet {
            Outlet::DeadLetters => "EARMARK_DLQ",
            Outlet::Out | Outlet::Commands | Outlet::Availability => "EARMARK_OUT",
        };
        let mut expected = self.expected.remove(&outlet).unwrap_or_default();
        for (at, id) in outbox.ids(outlet, 0, "").await? {
            if !expected.find(&id) {
                self.notes.note(UNKNOWN, at, format!("{id}, message {at} of {log}"));
            }
        }
        expected.finish(log, &mut self.notes);
        Ok(())
    }
}
