//! What a committed record means to the business: a pure tally of its entries, then counted.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use super::{catalogue as c, exporter};
use crate::{
    domain::{
        command::{CommandBody, SkuAnswer},
        decision::{Standing, Verdict},
        event::Lane,
        sku::{SkuFact, hold::Ending},
        time::Timestamp,
    },
    partition::{
        entry::{Decided, Entry, Facts, Trigger},
        record::Record,
    },
    ports::Source,
};

/// What stands for no reason.
const NONE: &str = "none";

/// What one record holds, counted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally<'a> {
    /// First decisions by entity, event, outcome and reason.
    pub decisions: BTreeMap<[&'a str; 4], u64>,
    /// Repeats by entity and event.
    pub duplicates: BTreeMap<[&'a str; 2], u64>,
    /// Outcome events by kind.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Rejected messages by source and reason.
    pub rejections: BTreeMap<[&'static str; 2], u64>,
    /// What became of holds.
    pub holds: BTreeMap<&'static str, u64>,
    /// When the log took the events that were decided, by lane.
    pub published: BTreeMap<Lane, Vec<Timestamp>>,
}

/// Counts what a record holds.
pub fn tally(record: &Record) -> Tally<'_> {
    let mut tally = Tally::default();
    for entry in &record.entries {
        match entry {
            Entry::Decided(decided) => tally.decided(decided),
            Entry::Rejected { read, rejection } => {
                let labels = [source(read.source), rejection.reason.as_str()];
                *tally.rejections.entry(labels).or_default() += 1;
            }
            Entry::Genesis
            | Entry::TakenOver
            | Entry::Resumed
            | Entry::Left
            | Entry::InHand(_)
            | Entry::Quarantined { .. }
            | Entry::Waiting { .. }
            | Entry::WaitedOut { .. }
            | Entry::Lost { .. }
            | Entry::Reseeded { .. }
            | Entry::LossAccepted { .. }
            | Entry::Reinstated { .. }
            | Entry::LateAllowed { .. }
            | Entry::Stood(_) => {}
        }
    }
    tally
}

impl<'a> Tally<'a> {
    fn decided(&mut self, decided: &'a Decided) {
        let (entity, event) = (decided.entity.entity(), event(&decided.trigger));
        if let Trigger::Event(cause) = &decided.trigger {
            self.published.entry(cause.lane).or_default().push(cause.logged_at);
        }
        if decided.standing == Standing::Repeated {
            *self.duplicates.entry([entity, event]).or_default() += 1;
            return;
        }
        let reason = decided.verdict.refused().map_or(NONE, |reason| reason.as_str());
        let labels = [entity, event, outcome(&decided.verdict), reason];
        *self.decisions.entry(labels).or_default() += 1;
        for outcome in &decided.outcomes {
            *self.outcomes.entry(outcome.kind()).or_default() += 1;
        }
        self.count_holds(decided, event);
    }

    fn count_holds(&mut self, decided: &Decided, event: &str) {
        let asked = event.starts_with("hold.requested.") && decided.verdict.refused().is_some();
        let refused = decided.commands.iter().filter(|command| {
            matches!(command.body, CommandBody::Answer(SkuAnswer::NotReserved { .. }))
        });
        let refused = refused.count() as u64 + u64::from(asked);
        if refused > 0 {
            *self.holds.entry("refused").or_default() += refused;
        }
        let Facts::Sku(facts) = &decided.facts else { return };
        for change in facts.iter().filter_map(hold_change) {
            *self.holds.entry(change).or_default() += 1;
        }
    }
}

/// What a fact does to a hold.
fn hold_change(fact: &SkuFact) -> Option<&'static str> {
    match fact {
        SkuFact::HoldOpened(_) => Some("opened"),
        SkuFact::HoldExtended { .. } => Some("extended"),
        SkuFact::HoldTransferred { .. } => Some("transferred"),
        SkuFact::HoldCommitted { .. } => Some("committed"),
        SkuFact::HoldEnded { ending, .. } => Some(ended(ending)),
        _ => None,
    }
}

fn ended(ending: &Ending) -> &'static str {
    match ending {
        Ending::Released => "released",
        Ending::Expired => "expired",
        Ending::Shipped => "shipped",
        Ending::Transferred { .. } => "claimed",
        Ending::Burnt => "burnt",
        Ending::Refused { .. } => "refused",
    }
}

/// The event's type, one of the contract's; or what else made an entity decide.
fn event(trigger: &Trigger) -> &str {
    match trigger {
        Trigger::Event(cause) => &cause.kind,
        Trigger::Step { settles: Some(cause) } => &cause.kind,
        Trigger::Command { .. } => "command",
        Trigger::Deadline { .. } => "deadline",
        Trigger::Step { settles: None } => "step",
    }
}

/// A verdict's name.
pub fn outcome(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::Recorded => "recorded",
        Verdict::Parked => "parked",
        Verdict::HoldGranted { requested, quantity, .. } if quantity < requested => {
            "hold_partially_granted"
        }
        Verdict::HoldGranted { .. } => "hold_granted",
        Verdict::HoldExtended { .. } => "hold_extended",
        Verdict::Refused(_) => "refused",
    }
}

fn source(source: Source) -> &'static str {
    source.as_str()
}

/// Whether an entity's code failed because the rule of conservation was about to be broken, and
/// not because it panicked.
pub fn is_breach(why: &str) -> bool {
    !why.starts_with(crate::actors::PANICKED)
}

/// A record was committed.
pub fn committed(record: &Record) {
    if !exporter::is_installed() {
        return;
    }
    let tally = tally(record);
    tally.decisions.iter().for_each(|(labels, by)| c::DECISIONS.count(labels, *by));
    tally.duplicates.iter().for_each(|(labels, by)| c::DUPLICATES.count(labels, *by));
    tally.outcomes.iter().for_each(|(kind, by)| c::OUTCOMES.count(&[kind], *by));
    tally.rejections.iter().for_each(|(labels, by)| c::REJECTIONS.count(labels, *by));
    tally.holds.iter().for_each(|(change, by)| c::HOLDS.count(&[change], *by));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    for (lane, times) in tally.published {
        let waited = times.into_iter().map(|at| (now - at.0 as f64 / 1e6).max(0.0));
        c::DECISION_LATENCY.observe_all(&[lane.as_str()], waited);
    }
}
