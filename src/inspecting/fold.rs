//! Folds an entity from its partition's journal, and shows each entry that is about it.

use crate::{
    domain::{ids::EntityKey, time::Timestamp},
    error::{Exit, Failure},
    partition::{entry::Entry, fold::State, record::Record},
    ports::{Journal, JournalEntry, Partition},
};

/// What the journal has of an entity.
pub struct Found {
    /// Its state.
    pub state: State,
    /// Why it decides no more, if it does not.
    pub quarantined: Option<String>,
    /// How many entries are about it.
    pub entries: usize,
}

/// Reads the whole journal of the entity's partition. `see` is shown each entry that is about the
/// entity, with its record's sequence and time.
pub async fn fold(
    journal: &dyn Journal,
    partition: Partition,
    partitions: Partition,
    key: &EntityKey,
    mut see: impl FnMut(u64, Timestamp, &Entry),
) -> Result<Found, Failure> {
    let mut found = Found { state: State::new(key), quarantined: None, entries: 0 };
    let mut after = 0;
    loop {
        let page = journal.read(partition, after).await?;
        let Some(last) = page.last() else { return Ok(found) };
        let first = after == 0;
        after = last.sequence;
        for (index, entry) in page.iter().enumerate() {
            let record = decode(entry)?;
            if first && index == 0 {
                check_beginning(&record, entry.sequence, partitions)?;
            }
            found.record(entry.sequence, &record, key, &mut see)?;
        }
    }
}

fn decode(entry: &JournalEntry) -> Result<Record, Failure> {
    Record::decode(&entry.record).map_err(|error| {
        Failure::new(Exit::Failed, format!("journal record {}: {error}", entry.sequence))
    })
}

/// The state can be told only from a journal that has its beginning.
fn check_beginning(record: &Record, sequence: u64, partitions: Partition) -> Result<(), Failure> {
    if record.header.partitions != partitions {
        let text = format!(
            "the journal is of {} partitions, the settings say {partitions}",
            record.header.partitions
        );
        return Err(Failure::new(Exit::Usage, text).advise("correct streams.partitions"));
    }
    match record.header.previous {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            Exit::Failed,
            format!("the journal begins at record {sequence}: what was before has been trimmed"),
        )),
    }
}

impl Found {
    fn record(
        &mut self,
        sequence: u64,
        record: &Record,
        key: &EntityKey,
        see: &mut impl FnMut(u64, Timestamp, &Entry),
    ) -> Result<(), Failure> {
        let at = record.header.decided_at;
        for entry in &record.entries {
            if let Entry::Reseeded { archive, .. } = entry {
                let text = format!(
                    "record {sequence} began the partition anew from the archive {archive}: the \
                     journal alone does not tell the state"
                );
                return Err(Failure::new(Exit::Failed, text));
            }
            if !is_about(entry, key) {
                continue;
            }
            if let Entry::Decided(decided) = entry {
                self.state.apply(&decided.facts, at).map_err(|breach| {
                    let text = format!("record {sequence} cannot be folded: {breach}");
                    Failure::new(Exit::Failed, text)
                })?;
            }
            if let Entry::Quarantined { why, .. } = entry {
                self.quarantined = Some(why.clone());
            }
            self.entries += 1;
            see(sequence, at, entry);
        }
        Ok(())
    }
}

fn is_about(entry: &Entry, key: &EntityKey) -> bool {
    match entry {
        Entry::Decided(decided) => decided.entity == *key,
        Entry::Quarantined { entity, .. }
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
        | Entry::LossAccepted { .. } => false,
    }
}
