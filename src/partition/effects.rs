//! What a committed record does to the world: a pure function of the record and where it stands.
//!
//! An effect's id is its place, `incarnation-partition-sequence-index`, so it is the same whenever
//! it is sent. Recovery sends the effects of a record again by calling this again.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::{
    Published,
    commands::{Carried, CommandGroup},
    entry::{Decided, Entry, Origin, ReadAt, Shown, Trigger},
    record::{Header, Record, ShownAt},
};
use crate::{
    contract::{
        CauseRef, EntityType, Rejection, StoredSubject,
        answer::{Answer, render_answer, render_rejection_answer},
        outcome::{OutcomeEvent, render_outcome},
        partition_of,
        subject::outcome_subject,
    },
    domain::{
        brief::Brief,
        decision::{Cause, Standing, Verdict},
        ids::{EntityKey, Sku},
        refusal::Reason,
        time::Timestamp,
    },
    ports::{Outgoing, Outlet, Partition, Source},
};

/// The largest command message, in bytes; more commands go into further messages.
const COMMANDS_BYTES_MAX: usize = 256 * 1024;

/// A dead letter, but for its original bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The effect's id.
    pub id: String,
    /// The entity, where one is known.
    pub entity: Option<EntityKey>,
    /// Where its bytes are; unknown for what nobody published.
    pub read: Option<ReadAt>,
    /// What is wrong with it.
    pub rejection: Box<Rejection>,
    /// How its entity stood, where that was looked at.
    pub stood: Option<Brief>,
    /// When it was given up.
    pub at: Timestamp,
}

/// What a shop may show of a SKU, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownSince {
    /// By which decision.
    pub at: ShownAt,
    /// The partition's incarnation.
    pub incarnation: u64,
    /// When it was decided.
    pub as_of: Timestamp,
    /// What it is.
    pub shown: Shown,
}

/// Everything that one record does.
#[derive(Debug, Default)]
pub struct Effects {
    /// Answers to requesters: where to, and what.
    pub answers: Vec<(String, Bytes)>,
    /// Outcomes and commands.
    pub messages: Vec<Outgoing>,
    /// Dead letters, whose original bytes are still to be fetched.
    pub dead_letters: Vec<Letter>,
    /// What shops may show from now on: the newest of each SKU.
    pub shown: BTreeMap<Sku, ShownSince>,
}

impl Effects {
    /// What is told again if a stream lost it: outcomes and availability. Nobody waits any more for
    /// answers and commands that had left, and of dead letters the original bytes may be gone.
    pub fn told_again(mut self) -> Effects {
        self.messages.retain(|message| message.outlet == Outlet::Out);
        Effects { messages: self.messages, shown: self.shown, ..Effects::default() }
    }
}

/// The beginning of the id of every effect of a partition in an incarnation.
pub fn id_prefix(incarnation: u64, partition: Partition) -> String {
    format!("{incarnation}-{partition}-")
}

/// The id of an effect.
pub fn id(incarnation: u64, partition: Partition, record: u64, index: u32) -> String {
    format!("{}{record}-{index}", id_prefix(incarnation, partition))
}

/// The index of an effect in its record, from its id.
pub fn index_of_id(id: &str) -> Option<u32> {
    id.split('-').nth(3)?.parse().ok()
}

/// The journal's sequence in an effect's id.
pub fn sequence_of_id(id: &str) -> Option<u64> {
    id.split('-').nth(2)?.parse().ok()
}

/// The effects of a record that stands at `sequence`, as far as they are published. What is not has
/// its id all the same, so that the others keep theirs.
pub fn effects(record: &Record, sequence: u64, published: &Published) -> Effects {
    let mut builder = Builder {
        header: &record.header,
        sequence,
        ids: format!(
            "{}{sequence}-",
            id_prefix(record.header.incarnation, record.header.partition)
        ),
        published,
        entry: 0,
        stood: None,
        index: 0,
        effects: Effects::default(),
        commands: BTreeMap::new(),
    };
    for (place, entry) in (0..).zip(&record.entries) {
        builder.entry = place;
        builder.entry(entry);
        builder.stood = match entry {
            Entry::Stood(stood) => Some(&**stood),
            _ => None,
        };
    }
    builder.finish()
}

/// Whether a record does anything at all.
pub fn has_effects(record: &Record) -> bool {
    record.entries.iter().any(|entry| match entry {
        Entry::Decided(decided) => {
            !decided.outcomes.is_empty()
                || !decided.commands.is_empty()
                || !decided.given_up.is_empty()
                || decided.shown.is_some()
                || decided.trigger.cause().is_some()
        }
        Entry::Rejected { .. } | Entry::Quarantined { .. } => true,
        Entry::Genesis
        | Entry::TakenOver
        | Entry::Resumed
        | Entry::Left
        | Entry::InHand(_)
        | Entry::Waiting { .. }
        | Entry::WaitedOut { .. }
        | Entry::Lost { .. }
        | Entry::Reseeded { .. }
        | Entry::LossAccepted { .. }
        | Entry::Reinstated { .. }
        | Entry::LateAllowed { .. }
        | Entry::Stood(_) => false,
    })
}

struct Builder<'a> {
    header: &'a Header,
    sequence: u64,
    /// The beginning of the ids of all its effects.
    ids: String,
    published: &'a Published,
    /// The place of the entry whose effects these are.
    entry: u32,
    /// How its entity stood before, where that is said.
    stood: Option<&'a Brief>,
    index: u32,
    effects: Effects,
    commands: BTreeMap<Partition, Vec<(String, Carried)>>,
}

impl Builder<'_> {
    fn next_id(&mut self) -> String {
        let id = format!("{}{}", self.ids, self.index);
        self.index += 1;
        id
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Decided(decided) => self.decided(decided),
            Entry::Rejected { read, rejection } => self.rejected(read, rejection),
            Entry::Quarantined { entity, read, why } => self.quarantined(entity, read, why),
            Entry::Genesis
            | Entry::TakenOver
            | Entry::Resumed
            | Entry::Left
            | Entry::InHand(_)
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

    fn decided(&mut self, decided: &Decided) {
        self.outcomes(decided);
        self.commands_of(decided);
        if let Some(cause) = decided.trigger.cause() {
            self.answer(decided, cause);
            self.refused(decided, cause);
        }
        for given_up in &decided.given_up {
            self.gave_up(decided, given_up.reason, &given_up.cause);
        }
        if let (EntityKey::Sku(sku), Some(shown)) = (&decided.entity, &decided.shown)
            && self.published.availability
            && !decided.facts.is_empty()
        {
            let since = ShownSince {
                at: ShownAt { record: self.sequence, entry: self.entry },
                incarnation: self.header.incarnation,
                as_of: self.header.decided_at,
                shown: shown.clone(),
            };
            self.effects.shown.insert(sku.clone(), since);
        }
    }

    fn outcomes(&mut self, decided: &Decided) {
        for outcome in &decided.outcomes {
            if self.published.left_out.contains(outcome.kind()) {
                self.index += 1;
                continue;
            }
            let id = self.next_id();
            let payload = render_outcome(&OutcomeEvent {
                id: &id,
                key: &decided.entity,
                time: self.header.decided_at,
                cause: cause_ref(&decided.trigger),
                outcome,
                quantities: decided.shown.as_ref().map(|shown| &shown.total),
            });
            self.effects.messages.push(Outgoing {
                outlet: Outlet::Out,
                subject: outcome_subject(&decided.entity, outcome.kind()),
                id: Some(id),
                headers: Vec::new(),
                payload: payload.into(),
                after: None,
            });
        }
    }

    fn commands_of(&mut self, decided: &Decided) {
        if decided.commands.is_empty() {
            return;
        }
        let origin = decided.trigger.origin();
        for command in &decided.commands {
            let id = self.next_id();
            let to = partition_of(&command.to, self.header.partitions);
            let carried = Carried { command: command.clone(), origin: origin.clone() };
            self.commands.entry(to).or_default().push((id, carried));
        }
    }

    fn answer(&mut self, decided: &Decided, cause: &Cause) {
        let Some(to) = &cause.reply_to else { return };
        let id = self.next_id();
        let answer = render_answer(&Answer {
            id: &id,
            subject: decided.entity.key(),
            time: self.header.decided_at,
            cause: cause.into(),
            verdict: &decided.verdict,
            standing: decided.standing,
            retry_after_s: match &decided.verdict {
                Verdict::Refused(refusal) if refusal.reason == Reason::Busy => {
                    Some(self.published.retry_after_s)
                }
                _ => None,
            },
        });
        self.effects.answers.push((to.clone(), answer.into()));
    }

    /// A refusal that needs hands is a dead letter as well.
    fn refused(&mut self, decided: &Decided, cause: &Cause) {
        if let Verdict::Refused(refusal) = &decided.verdict
            && refusal.reason.is_dead_letter()
            && decided.standing == Standing::New
        {
            self.gave_up(decided, refusal.reason, cause);
        }
    }

    fn rejected(&mut self, read: &ReadAt, rejection: &Rejection) {
        if let Some(to) = &rejection.reply_to {
            let id = self.next_id();
            let answer = render_rejection_answer(&id, self.header.decided_at, rejection);
            self.effects.answers.push((to.clone(), answer.into()));
        }
        self.dead_letter(None, Some(read.clone()), Box::new(rejection.clone()));
    }

    fn gave_up(&mut self, decided: &Decided, reason: Reason, cause: &Cause) {
        let entity = &decided.entity;
        let mut rejection = Rejection::of_gate(reason, cause);
        rejection.subject = Some(entity.key().to_owned());
        let subject = StoredSubject {
            partition: self.header.partition,
            lane: cause.lane,
            entity: EntityType::of(entity),
        };
        let read = ReadAt {
            source: Source::Lane(cause.lane),
            sequence: cause.sequence,
            at: cause.logged_at,
            subject: subject.to_string(),
        };
        self.dead_letter(Some(entity), Some(read), rejection);
        if let (Some(shown), Some(letter)) = (&decided.shown, self.effects.dead_letters.last_mut())
        {
            letter.stood = Some(Brief::Sku { revision: shown.revision, total: shown.total });
        }
    }

    fn quarantined(&mut self, entity: &EntityKey, read: &Option<ReadAt>, why: &str) {
        self.dead_letter(Some(entity), read.clone(), Rejection::quarantined(entity, why));
    }

    fn dead_letter(
        &mut self,
        entity: Option<&EntityKey>,
        read: Option<ReadAt>,
        rejection: Box<Rejection>,
    ) {
        let id = self.next_id();
        let at = self.header.decided_at;
        let (entity, stood) = (entity.cloned(), self.stood.copied());
        self.effects.dead_letters.push(Letter { id, entity, read, rejection, stood, at });
    }

    fn finish(mut self) -> Effects {
        for (to, commands) in std::mem::take(&mut self.commands) {
            for (id, group) in groups(commands) {
                self.effects.messages.push(Outgoing {
                    outlet: Outlet::Commands,
                    subject: format!("earmark.cmd.{to}"),
                    id: Some(id),
                    headers: Vec::new(),
                    payload: group.into(),
                    after: None,
                });
            }
        }
        self.effects
    }
}

/// The commands as messages, each below the limit and under the id of its first effect.
fn groups(commands: Vec<(String, Carried)>) -> Vec<(String, Vec<u8>)> {
    let mut groups: Vec<(String, CommandGroup)> = Vec::new();
    let mut bytes = 0;
    for (id, carried) in commands {
        let size = postcard::to_stdvec(&carried).map_or(0, |bytes| bytes.len());
        bytes += size;
        match groups.last_mut() {
            Some((_, group)) if bytes <= COMMANDS_BYTES_MAX => group.commands.push(carried),
            _ => {
                groups.push((id, CommandGroup { commands: vec![carried] }));
                bytes = size;
            }
        }
    }
    groups.into_iter().filter_map(|(id, group)| Some((id, group.encode().ok()?))).collect()
}

/// The event that outcomes name as their cause.
fn cause_ref(trigger: &Trigger) -> Option<CauseRef<'_>> {
    match trigger {
        Trigger::Command { origin, .. } => origin.as_ref().map(of_origin),
        Trigger::Event(_) | Trigger::Step { .. } | Trigger::Deadline { .. } => {
            trigger.cause().map(CauseRef::from)
        }
    }
}

fn of_origin(origin: &Origin) -> CauseRef<'_> {
    CauseRef { source: &origin.source, id: &origin.id, traceparent: origin.traceparent.as_deref() }
}
