//! Folds an entity from its partition's journal, and shows each entry that is about it.
//!
//! Where the journal does not begin with the partition (it was trimmed, or an operator began the
//! partition anew), the entity is taken from the archive that stands there, and folded on from it.

use std::collections::{HashMap, HashSet};

use super::archived::Archives;
use crate::{
    domain::{ids::EntityKey, time::Timestamp},
    error::{Exit, Failure},
    partition::{entry::Entry, fold::State, record::Record},
    ports::{Journal, JournalEntry, Partition, Shelf},
};

/// What the journal has of an entity.
pub struct Found {
    /// Its state.
    pub state: State,
    /// Why it decides no more, if it does not.
    pub quarantined: Option<String>,
    /// How many entries are about it.
    pub entries: usize,
    /// The archive that it was taken from, if its history begins before the journal.
    pub archive: Option<String>,
}

/// Where an entity is read from.
pub struct Kept<'a> {
    /// The journal.
    pub journal: &'a dyn Journal,
    /// Where archives are, if there are any.
    pub shelf: Option<&'a dyn Shelf>,
    /// Which partition is the entity's.
    pub partition: Partition,
    /// How many there are.
    pub partitions: Partition,
}

/// Reads the journal of the entity's partition, all of it or what was decided `until` then. `see`
/// is shown each entry that is about the entity, with its record's sequence and time.
pub async fn fold(
    kept: &Kept<'_>,
    key: &EntityKey,
    until: Option<Timestamp>,
    mut see: impl FnMut(u64, Timestamp, &Entry),
) -> Result<Found, Failure> {
    let mut fold = Fold::new(kept, key);
    let mut after = 0;
    loop {
        let page = kept.journal.read(kept.partition, after).await?;
        let Some(last) = page.last() else { return fold.finish() };
        let first = after == 0;
        after = last.sequence;
        for (index, entry) in page.iter().enumerate() {
            let record = decode(entry)?;
            if first && index == 0 {
                let base = fold.archives.newest_in(kept.journal).await?;
                fold.begin(kept, entry.sequence, &record, base)?;
            }
            if until.is_some_and(|until| record.header.decided_at > until) {
                return fold.finish();
            }
            fold.record(entry.sequence, &record, &mut see).await?;
        }
    }
}

/// Several entities of one partition, in one reading of its journal.
pub async fn fold_all(
    kept: &Kept<'_>,
    keys: &HashSet<EntityKey>,
) -> Result<HashMap<EntityKey, Found>, Failure> {
    let mut folds: HashMap<&EntityKey, Fold<'_>> =
        keys.iter().map(|key| (key, Fold::new(kept, key))).collect();
    let mut base = None;
    let mut after = 0;
    loop {
        let page = kept.journal.read(kept.partition, after).await?;
        let Some(last) = page.last() else { break };
        let first = after == 0;
        after = last.sequence;
        for (index, entry) in page.iter().enumerate() {
            let record = decode(entry)?;
            if first && index == 0 {
                if let Some(fold) = folds.values().next() {
                    base = fold.archives.newest_in(kept.journal).await?;
                }
                for fold in folds.values_mut() {
                    fold.begin(kept, entry.sequence, &record, base.clone())?;
                }
            }
            let is_base = base.as_ref().is_some_and(|(at, _)| *at == entry.sequence);
            let wanted: HashSet<&EntityKey> = match is_base || reseeded_from(&record).is_some() {
                true => keys.iter().collect(),
                false => record.entries.iter().filter_map(entity).collect(),
            };
            for key in wanted {
                if let Some(fold) = folds.get_mut(key) {
                    fold.record(entry.sequence, &record, &mut |_, _, _| {}).await?;
                }
            }
        }
    }
    let finish = |(key, fold): (&EntityKey, Fold<'_>)| Ok((key.clone(), fold.finish()?));
    folds.into_iter().map(finish).collect()
}

/// Whose state an entry changes.
fn entity(entry: &Entry) -> Option<&EntityKey> {
    match entry {
        Entry::Decided(decided) => Some(&decided.entity),
        Entry::Quarantined { entity, .. } | Entry::Reinstated { entity, .. } => Some(entity),
        _ => None,
    }
}

fn decode(entry: &JournalEntry) -> Result<Record, Failure> {
    Record::decode(&entry.record).map_err(|error| {
        Failure::new(Exit::Failed, format!("journal record {}: {error}", entry.sequence))
    })
}

struct Fold<'a> {
    key: &'a EntityKey,
    archives: Archives<'a>,
    /// The newest archive that fits the journal, and the record that it stands at.
    base: Option<(u64, String)>,
    found: Found,
    /// The journal's first record.
    first: Option<u64>,
    /// The state is known: what comes is folded into it.
    begun: bool,
    /// Why an archive that it was to go on from could not be read.
    missing: Option<Failure>,
}

impl<'a> Fold<'a> {
    fn new(kept: &Kept<'a>, key: &'a EntityKey) -> Fold<'a> {
        Fold {
            key,
            archives: Archives { shelf: kept.shelf, partition: kept.partition, key },
            base: None,
            found: Found { state: State::new(key), quarantined: None, entries: 0, archive: None },
            first: None,
            begun: false,
            missing: None,
        }
    }

    fn begin(
        &mut self,
        kept: &Kept<'_>,
        sequence: u64,
        first: &Record,
        base: Option<(u64, String)>,
    ) -> Result<(), Failure> {
        if first.header.partitions != kept.partitions {
            let (of, wanted) = (first.header.partitions, kept.partitions);
            let text = format!("the journal is of {of} partitions, the settings say {wanted}");
            return Err(Failure::new(Exit::Usage, text).advise("correct streams.partitions"));
        }
        self.first = Some(sequence);
        self.begun = first.header.previous.is_none();
        self.base = base;
        Ok(())
    }

    async fn record(
        &mut self,
        sequence: u64,
        record: &Record,
        see: &mut impl FnMut(u64, Timestamp, &Entry),
    ) -> Result<(), Failure> {
        for entry in record.entries.iter().filter(|entry| is_about(entry, self.key)) {
            self.entry(sequence, record.header.decided_at, entry)?;
            see(sequence, record.header.decided_at, entry);
        }
        let base = self.base.as_ref().filter(|(at, _)| *at == sequence && !self.begun);
        let base = base.map(|(_, archive)| archive.as_str());
        let Some(archive) = base.or(reseeded_from(record)) else { return Ok(()) };
        match self.archives.take(archive).await {
            Ok(taken) => {
                (self.found.state, self.found.quarantined) = (taken.state, taken.quarantined);
                self.found.archive = taken.is_there.then(|| archive.to_owned());
                self.begun = true;
            }
            // It has made way for newer ones: one of them is met later.
            Err(why) => (self.begun, self.missing) = (false, Some(why)),
        }
        Ok(())
    }

    fn finish(self) -> Result<Found, Failure> {
        if self.begun || self.first.is_none() {
            return Ok(self.found);
        }
        let sequence = self.first.unwrap_or_default();
        Err(self.missing.unwrap_or_else(|| {
            let text = format!(
                "the journal begins at record {sequence}: what was before has been trimmed, and no \
                 archive fits it"
            );
            let action = format!("`earmark partition show {}` says more", self.archives.partition);
            Failure::new(Exit::Failed, text).advise(action)
        }))
    }

    fn entry(&mut self, sequence: u64, at: Timestamp, entry: &Entry) -> Result<(), Failure> {
        self.found.entries += 1;
        match entry {
            // The archive has it.
            _ if !self.begun => {}
            Entry::Decided(decided) => {
                self.found.state.apply(&decided.facts, at).map_err(|breach| {
                    let text = format!("record {sequence} cannot be folded: {breach}");
                    Failure::new(Exit::Failed, text)
                })?;
            }
            Entry::Quarantined { why, .. } => self.found.quarantined = Some(why.clone()),
            Entry::Reinstated { .. } => self.found.quarantined = None,
            _ => {}
        }
        Ok(())
    }
}

fn reseeded_from(record: &Record) -> Option<&str> {
    record.entries.iter().find_map(|entry| match entry {
        Entry::Reseeded { archive, .. } => Some(archive.as_str()),
        _ => None,
    })
}

fn is_about(entry: &Entry, key: &EntityKey) -> bool {
    match entry {
        Entry::Decided(decided) => decided.entity == *key,
        Entry::Quarantined { entity, .. }
        | Entry::Reinstated { entity, .. }
        | Entry::LateAllowed { entity, .. }
        | Entry::Waiting { entity, .. }
        | Entry::WaitedOut { entity, .. } => entity == key,
        Entry::Rejected { rejection, .. } => {
            let is_sku = matches!(key, EntityKey::Sku(_));
            let kind = rejection.kind.as_deref().unwrap_or_default();
            let of_sku = ["hold.", "stock.", "sku."].iter().any(|of| kind.starts_with(of));
            rejection.subject.as_deref() == Some(key.key()) && of_sku == is_sku
        }
        Entry::Genesis
        | Entry::TakenOver
        | Entry::Resumed
        | Entry::Left
        | Entry::InHand(_)
        | Entry::Lost { .. }
        | Entry::Reseeded { .. }
        | Entry::LossAccepted { .. }
        | Entry::Stood(_) => false,
    }
}
