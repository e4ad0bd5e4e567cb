//! The journal of a partition, folded anew.
//!
//! Of a decided message some twenty bytes are kept, until its lanes have been read. A journal that
//! does not begin with its first record, or was begun anew from an archive, cannot be folded from
//! itself.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use super::{
    Audit,
    findings::Kind,
    refused::{self, Doubt},
};
use crate::{
    domain::{
        decision::{Cause, Standing, Verdict},
        ids::EntityKey,
        outcome::Outcome,
    },
    error::{Exit, Failure},
    partition::{
        effects::effects,
        entry::{Decided, Entry, Facts, Trigger},
        fold::State,
        record::{Link, Record, RecordHash},
    },
    ports::{Journal, JournalEntry, Outlet, Partition, Source},
};

const NOT_FOLDED: (Kind, &str) = (Kind::Other, "a fact cannot be folded");
const QUARANTINED: (Kind, &str) = (Kind::Other, "quarantined");
const AGAIN: (Kind, &str) = (Kind::Twice, "an event took effect again");
const UNCHAINED: (Kind, &str) = (Kind::Other, "a record does not name the one before it");
const LOST: (Kind, &str) = (Kind::Lost, "lost");

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Nothing: it was refused, or is a repeat.
    Nothing,
    /// Something, now or later.
    Unclear,
    /// What it says.
    All,
}

/// A message that was decided: its sequence, and what came of it in the lowest two bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Taken(u64);

impl Taken {
    fn new(sequence: u64, came: Came) -> Taken {
        Taken(sequence << 2 | came as u64)
    }

    pub fn sequence(self) -> u64 {
        self.0 >> 2
    }

    pub fn came(self) -> Came {
        match self.0 & 3 {
            0 => Came::Nothing,
            1 => Came::Unclear,
            _ => Came::All,
        }
    }
}

/// What the journal of a partition comes to.
pub(super) struct Folded {
    pub partition: Partition,
    pub entities: BTreeMap<EntityKey, State>,
    pub taken: Vec<Taken>,
    /// Refusals of holds that may have been wrong, by the event's sequence.
    pub doubts: HashMap<u64, Doubt>,
    /// Events that took effect: hashes of whose they are, their source and their id.
    effective: HashSet<u64>,
    /// The log has forgotten the messages up to this one.
    pub forgotten: u64,
}

impl Folded {
    pub fn new(partition: Partition) -> Folded {
        Folded {
            partition,
            entities: BTreeMap::new(),
            taken: Vec::new(),
            doubts: HashMap::new(),
            effective: HashSet::new(),
            forgotten: 0,
        }
    }

    fn take(&mut self, sequence: u64, came: Came) {
        self.taken.push(Taken::new(sequence, came));
    }
}

impl Audit<'_> {
    /// Folds the journal of a partition.
    pub(super) async fn read_journal(
        &mut self,
        journal: &dyn Journal,
        folded: &mut Folded,
    ) -> Result<(), Failure> {
        let mut before: Option<Link> = None;
        loop {
            let after = before.map_or(0, |link| link.sequence);
            let page = journal.read(folded.partition, after).await?;
            if page.is_empty() {
                return Ok(());
            }
            for stored in &page {
                let record = decode(stored, folded.partition)?;
                self.chained(&record, before, stored.sequence)?;
                self.record(&record, stored.sequence, folded);
                let hash = RecordHash::of(&stored.record);
                before = Some(Link { sequence: stored.sequence, hash });
            }
        }
    }

    fn chained(&mut self, record: &Record, before: Option<Link>, at: u64) -> Result<(), Failure> {
        let partition = record.header.partition;
        let anew = record.entries.iter().any(|entry| matches!(entry, Entry::Reseeded { .. }));
        if anew || (before.is_none() && record.header.previous.is_some()) {
            let text = format!(
                "the journal of partition {partition} cannot be folded from its beginning: what \
                 came before record {at} is in archives alone"
            );
            let action = "audit a run while the journal has all of it (streams.journal_keep_s, \
                          streams.journal_bytes_max); a plan of `earmark load` keeps it by \
                          `copies = true`";
            return Err(Failure::new(Exit::Failed, text).advise(action));
        }
        if record.header.previous != before {
            self.note(UNCHAINED, at, format!("record {at} of partition {partition}"));
        }
        Ok(())
    }

    fn record(&mut self, record: &Record, sequence: u64, folded: &mut Folded) {
        for entry in &record.entries {
            self.entry(entry, (record, sequence), folded);
        }
        let effects = effects(record, sequence, &self.scope.published);
        let of = (record.header.incarnation, record.header.partition);
        let said = self.expected.entry(Outlet::Out).or_default();
        for message in effects.messages.iter().filter(|message| message.outlet == Outlet::Out) {
            message.id.iter().for_each(|id| said.expect(of, id));
        }
        let letters = self.expected.entry(Outlet::DeadLetters).or_default();
        for letter in effects.dead_letters {
            let reason = letter.rejection.reason.as_str().to_owned();
            *self.counts.dead_letters.entry(reason).or_default() += 1;
            letters.expect(of, &letter.id);
        }
    }

    fn entry(&mut self, entry: &Entry, (record, at): (&Record, u64), folded: &mut Folded) {
        let partition = folded.partition;
        match entry {
            Entry::Decided(decided) => self.decided(decided, (record, at), folded),
            Entry::Rejected { read, .. } if read.source != Source::Commands => {
                folded.take(read.sequence, Came::Nothing);
            }
            Entry::Quarantined { entity, why, read } => {
                let text = format!("{entity}: {why}, record {at} of partition {partition}");
                self.note(QUARANTINED, at, text);
                if let Some(read) = read.as_ref().filter(|read| read.source != Source::Commands) {
                    folded.take(read.sequence, Came::Nothing);
                }
            }
            Entry::Lost { source, what } => {
                let source = source.as_str();
                let text = format!("{source}: {what}, record {at} of partition {partition}");
                self.note(LOST, at, text);
            }
            _ => {}
        }
    }

    fn decided(&mut self, decided: &Decided, (record, at): (&Record, u64), folded: &mut Folded) {
        let key = &decided.entity;
        self.heard(decided, (at, folded.partition));
        self.doubt(decided, at, folded);
        let state = folded.entities.entry(key.clone()).or_insert_with(|| State::new(key));
        let applied = state.apply(&decided.facts, record.header.decided_at);
        match (&*state, &decided.facts) {
            (State::Sku(sku), Facts::Sku(facts)) => self.accounts.sku_facts(sku.sku(), facts),
            (State::Order(order), Facts::Order(facts)) => {
                let order = order.order();
                facts.iter().for_each(|fact| self.accounts.order_fact(order, fact));
            }
            _ => {}
        }
        if let Err(breach) = applied {
            let partition = folded.partition;
            let text = format!("{key}: {breach}, record {at} of partition {partition}");
            self.note(NOT_FOLDED, at, text);
        }
        decided.outcomes.iter().for_each(|outcome| self.outcome(outcome));
        let came = came(decided);
        if let Trigger::Event(cause) = &decided.trigger {
            self.counts.duplicates_ignored += u64::from(decided.standing == Standing::Repeated);
            folded.take(cause.sequence, came);
        }
        if let (Some(cause), Came::All) = (decided.trigger.cause(), came) {
            self.effective((key, cause), at, folded);
        }
    }

    /// An event takes effect, at once or when what it was parked for has come.
    fn effective(&mut self, (key, cause): (&EntityKey, &Cause), at: u64, folded: &mut Folded) {
        let whose = BuildHasherDefault::<DefaultHasher>::new().hash_one((key, cause.key));
        if !folded.effective.insert(whose) {
            let (id, source, partition) = (&cause.id, &cause.source, folded.partition);
            let text = format!("{key}: {id} of {source}, record {at} of partition {partition}");
            self.note(AGAIN, at, text);
        }
    }

    fn heard(&mut self, decided: &Decided, at: (u64, Partition)) {
        if let Some(Cause { key, .. }) = decided.trigger.cause()
            && decided.standing == Standing::New
        {
            self.heard.decided(*key, &decided.verdict, at);
        }
    }

    /// Looks at refusals, while the SKU is as it was before.
    fn doubt(&mut self, decided: &Decided, at: u64, folded: &mut Folded) {
        let Some(State::Sku(sku)) = folded.entities.get(&decided.entity) else { return };
        let at = (at, folded.partition);
        match (&decided.trigger, &decided.verdict) {
            (Trigger::Event(cause), Verdict::Refused(refusal))
                if decided.standing == Standing::New =>
            {
                let doubt = refused::doubt(sku, refusal, at);
                folded.doubts.extend(doubt.map(|doubt| (cause.sequence, doubt)));
            }
            (Trigger::Command { .. }, _) => {
                self.refusals.of_sku(sku, decided, at, &mut self.notes);
            }
            _ => {}
        }
    }

    fn outcome(&mut self, outcome: &Outcome) {
        if let Some(kind) = outcome.kind().strip_prefix("hold.") {
            match self.counts.holds.get_mut(kind) {
                Some(count) => *count += 1,
                None => drop(self.counts.holds.insert(kind.to_owned(), 1)),
            }
        }
        self.counts.refunds_due += u64::from(matches!(outcome, Outcome::RefundDue { .. }));
    }
}

fn decode(stored: &JournalEntry, partition: Partition) -> Result<Record, Failure> {
    Record::decode(&stored.record).map_err(|error| {
        let text = format!("record {} of partition {partition}: {error}", stored.sequence);
        Failure::new(Exit::Failed, text)
    })
}

fn came(decided: &Decided) -> Came {
    match (&decided.verdict, decided.standing) {
        (_, Standing::Repeated) | (Verdict::Refused(_), _) => Came::Nothing,
        (Verdict::Recorded | Verdict::Parked, _) => Came::Unclear,
        _ => Came::All,
    }
}
