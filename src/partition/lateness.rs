//! Events that operators let be decided however late they came.
//!
//! Promises: the journal has an operator's word before it counts. It lets one event of one entity
//! pass that is older than the horizon, and nothing else: not one whose SKU has forgotten ids
//! before their time. It counts for what the log took while the id of its first decision is
//! certain to be remembered, so that it never lets an event take effect twice. Whether the event
//! took effect before, and is forgotten since, nobody here knows: whoever says the word has read
//! the journal.

use std::collections::BTreeMap;

use super::{
    Exit,
    entry::{Entry, Trigger},
    format::needed_by,
    owner::Owner,
};
use crate::{
    contract::partition_of,
    control::late::COUNTS_S,
    domain::{
        ids::{EntityKey, EventKey},
        policy::Policy,
        time::{Span, Timestamp},
    },
};

/// An event of an entity.
pub type Named = (EntityKey, EventKey);

/// An operator's word that one event may be decided however late it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// Rises with each word.
    pub number: u64,
    /// The event's `source`.
    pub source: String,
    /// Its `id`.
    pub id: String,
    /// When it was said, by the server's clock.
    pub at: Timestamp,
    /// Who gave it.
    pub by: String,
    /// Why.
    pub why: String,
}

/// The words that the journal has.
#[derive(Debug, Default)]
pub struct Heeded(BTreeMap<Named, (u64, Timestamp)>);

impl Heeded {
    /// Whether an event may be decided however late it is.
    pub fn lets(&self, entity: &EntityKey, trigger: &Trigger, policy: &Policy) -> bool {
        let Trigger::Event(cause) = trigger else { return false };
        if self.0.is_empty() {
            return false;
        }
        let Some((_, at)) = self.0.get(&(entity.clone(), cause.key)) else { return false };
        // An id is remembered for the horizon and the skew, from when the log took its event.
        let counts = Span::from_secs(COUNTS_S.into()).min(policy.horizon);
        let (from, until) = (*at - policy.skew, *at + counts);
        (from..until).contains(&cause.logged_at)
    }
}

impl Owner {
    /// Journals what operators have said of late events since this was called last.
    pub(super) fn heed_lateness(&mut self) -> Result<(), Exit> {
        let said = self.env.credit.borrow().late.clone();
        self.late.0.retain(|named, _| said.contains_key(named));
        for (named, word) in said.iter() {
            let (entity, _) = named;
            let heeded = self.late.0.get(named).is_some_and(|(last, _)| *last >= word.number);
            if heeded || partition_of(entity, self.env.partitions) != self.env.partition {
                continue;
            }
            let entry = Entry::LateAllowed {
                entity: entity.clone(),
                source: word.source.clone(),
                id: word.id.clone(),
                by: word.by.clone(),
                why: word.why.clone(),
            };
            // Whoever may take over must be able to read it.
            if self.env.formats.writes() < needed_by(&entry) {
                return Ok(());
            }
            tracing::warn!(partition = self.env.partition, %entity, id = word.id, by = word.by,
                "an event may be late");
            self.open_batch();
            self.push(entry)?;
            self.late.0.insert(named.clone(), (word.number, word.at));
        }
        Ok(())
    }
}
