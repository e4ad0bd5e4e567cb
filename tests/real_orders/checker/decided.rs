//! Whether each published event was decided, once, and each repeat of it was told to be one.

use std::collections::{BTreeMap, BTreeSet};

use earmark::{
    domain::decision::{Cause, Standing, Verdict},
    partition::entry::{Decided, Entry, Trigger},
};

use super::{
    Of, Report,
    chain::At,
    input::{Id, Input},
};

/// What the journal says of events.
#[derive(Debug, Default)]
pub struct Decisions {
    decided: BTreeMap<Id, u64>,
    repeats: u64,
    waiting: BTreeSet<Id>,
}

impl Decisions {
    /// Takes note of an entry.
    pub fn note(&mut self, at: &At, entry: &Entry, report: &mut Report) {
        match entry {
            Entry::Decided(decided) => self.decided(at, decided, report),
            Entry::Rejected { read, rejection } => {
                report.complain(format!(
                    "{at}: refused {} at {}: {rejection:?}",
                    read.subject, read.sequence
                ));
            }
            Entry::Quarantined { entity, why, .. } => {
                report.complain(format!("{at}: {entity} is quarantined: {why}"));
            }
            Entry::Lost { source, what } => {
                report.complain(format!("{at}: lost of {}: {what}", source.as_str()));
            }
            Entry::TakenOver => report.count("take-overs", 1),
            Entry::Waiting { .. } => report.count("inputs that waited for a cold entity", 1),
            Entry::Reseeded { .. } | Entry::LossAccepted { .. } => {
                report.complain(format!("{at}: nobody was to begin anew"));
            }
            Entry::Genesis
            | Entry::Resumed
            | Entry::Left
            | Entry::InHand(_)
            | Entry::WaitedOut { .. }
            | Entry::Reinstated { .. }
            | Entry::LateAllowed { .. }
            | Entry::Stood(_) => {}
        }
    }

    /// How many different events have been decided.
    pub fn events(&self) -> usize {
        self.decided.len()
    }

    /// Whether no event waits for its order.
    pub fn none_waits(&self) -> bool {
        self.waiting.is_empty()
    }

    fn decided(&mut self, at: &At, decided: &Decided, report: &mut Report) {
        for given_up in &decided.given_up {
            report.complain(format!("{at}: gave up on {}: {}", given_up.cause.id, given_up.reason));
        }
        match &decided.trigger {
            Trigger::Event(cause) => self.event(at, cause, decided, report),
            Trigger::Step { settles: Some(cause) } => {
                if !self.waiting.remove(&id(cause)) {
                    report.complain(format!("{at}: settles {}, which did not wait", cause.id));
                }
                judge(at, cause, &decided.verdict, report);
            }
            Trigger::Step { settles: None }
            | Trigger::Deadline { .. }
            | Trigger::Command { .. } => {}
        }
    }

    fn event(&mut self, at: &At, cause: &Cause, decided: &Decided, report: &mut Report) {
        if decided.standing == Standing::Repeated {
            self.repeats += 1;
            if !self.decided.contains_key(&id(cause)) {
                report.complain(format!("{at}: calls {} a repeat of nothing", cause.id));
            }
            return;
        }
        *self.decided.entry(id(cause)).or_default() += 1;
        if decided.verdict == Verdict::Parked {
            report.count("events that came before their order", 1);
            self.waiting.insert(id(cause));
        }
        judge(at, cause, &decided.verdict, report);
    }

    /// Compares with what was published.
    pub fn conclude(&self, input: &Input, report: &mut Report) {
        for (id, times) in &self.decided {
            if *times != 1 {
                let complaint = format!("{}: decided {times} times", id.1);
                report.repeated(Of::Event(id.clone()), complaint);
            }
            if !input.events.contains_key(id) {
                report.complain(format!("{}: decided and not in EARMARK_IN", id.1));
            }
        }
        for id in input.events.keys().filter(|id| !self.decided.contains_key(*id)) {
            let complaint = format!("{}: published and never decided", id.1);
            report.lost(Of::Event(id.clone()), complaint);
        }
        for id in &self.waiting {
            report.lost(Of::Event(id.clone()), format!("{}: still waits for its order", id.1));
        }
        if self.repeats != input.repeats() {
            let (counted, published) = (self.repeats, input.repeats());
            report.complain(format!(
                "the journal counts {counted} duplicates, EARMARK_IN has {published}"
            ));
        }
        report.count("duplicates", self.repeats);
    }
}

fn id(cause: &Cause) -> Id {
    (cause.source.clone(), cause.id.clone())
}

/// None of these events says anything that may be refused.
fn judge(at: &At, cause: &Cause, verdict: &Verdict, report: &mut Report) {
    if let Verdict::Refused(refusal) = verdict {
        report.complain(format!("{at}: refused {}: {}", cause.id, refusal.reason));
    }
}
