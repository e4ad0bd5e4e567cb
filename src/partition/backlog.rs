//! What may not have left when a partition is brought back.
//!
//! The streams are asked what they have, and the journal how far there is anything to send. Only
//! places are remembered, however much it is: the releaser reads the records itself.

use super::{
    Env, Exit,
    effects::{has_effects, id, id_prefix, sequence_of_id},
    entry::Entry,
    record::{Anchor, Header, Released, ShownAt},
    state::PartitionState,
};
use crate::{
    contract::{availability::revision_shown, subject::availability_subject},
    domain::ids::EntityKey,
    ports::{JournalEntry, Outlet},
};

/// Marks that are remembered at a time: of more, every second is.
const MARKS_MAX: usize = 65_536;

/// Effects that may not have left.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    /// Up to here everything left, and no stream has lost anything of it.
    pub released: Released,
    /// Up to here everything had left, before a stream lost some of it. Only outcomes and
    /// availability of that are told again: a command may be older than what remembers its answer.
    pub had_left: u64,
    /// The last record that may have something to send.
    pub end: u64,
    /// The last one that certainly has.
    pub last_effects: u64,
    /// The partition's outcomes in EARMARK_OUT after the mark, and where they stand.
    pub there: Vec<(u64, String)>,
    /// The ids of those that had left before the partition's last incarnation began.
    pub there_before: Vec<String>,
}

/// Finds what may not have left of a partition that is folded to its journal's end.
pub async fn find(env: &Env, state: &PartitionState) -> Result<Backlog, Exit> {
    // Not the end that was read first: another owner may have appended since.
    let end = state.last.sequence;
    let mut released = state.released;
    if !env.has_all(state.incarnation, &released).await? {
        crate::telemetry::out_lost_its_tail(env.partition);
        released = env.newest_true_mark().await?;
    }
    let prefix = id_prefix(state.incarnation, env.partition);
    let outbox = &env.ports.outbox;
    let there = env.until_done(|| outbox.ids(Outlet::Out, released.out, &prefix)).await;
    let mut there_before = Vec::new();
    if state.incarnation > 1 {
        let prefix = id_prefix(state.incarnation - 1, env.partition);
        let ids = env.until_done(|| outbox.ids(Outlet::Out, released.out, &prefix)).await;
        there_before.extend(ids.into_iter().map(|(_, id)| id));
    }
    let said = env.until_done(|| outbox.ids(Outlet::Commands, 0, &prefix)).await;
    let beyond = there.iter().chain(&said).filter_map(|(_, id)| sequence_of_id(id)).max();
    if let Some(beyond) = beyond.filter(|beyond| *beyond > end) {
        return Err(env.effect_beyond(beyond).await);
    }
    let last_effects = env.last_effects(released.up_to, end).await?;
    Ok(Backlog { had_left: state.released.up_to, released, end, last_effects, there, there_before })
}

impl Env {
    /// The last record in `after..=end` that does anything; 0 if there is none.
    async fn last_effects(&self, mut after: u64, end: u64) -> Result<u64, Exit> {
        let mut last_effects = 0;
        while after < end {
            let page = self.until_done(|| self.ports.journal.read(self.partition, after)).await;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            for entry in page.iter().filter(|entry| entry.sequence <= end) {
                if has_effects(&self.decode(entry)?) {
                    last_effects = entry.sequence;
                }
            }
        }
        Ok(last_effects)
    }

    /// An effect of a record behind the end that was read: another owner's, or of a lost record.
    async fn effect_beyond(&self, beyond: u64) -> Exit {
        let last = self.until_done(|| self.ports.journal.last(self.partition)).await;
        match last.map_or(0, |last| last.sequence) {
            end if end >= beyond => Exit::SteppedDown,
            end => Exit::refuse(format!(
                "an effect of record {beyond} has left, but the journal ends at {end}: JetStream \
                 lost acknowledged writes"
            )),
        }
    }

    /// Whether the streams still have what had left when a mark was made.
    async fn has_all(&self, incarnation: u64, mark: &Released) -> Result<bool, Exit> {
        Ok(self.holds(incarnation, mark.anchor).await
            && self.shows(incarnation, mark.shown).await?)
    }

    /// Whether EARMARK_AVAILABILITY still has what a decision showed, or newer.
    async fn shows(&self, incarnation: u64, shown: Option<ShownAt>) -> Result<bool, Exit> {
        let Some(ShownAt { record, entry }) = shown else { return Ok(true) };
        let read = || self.ports.journal.read(self.partition, record.saturating_sub(1));
        let page = self.until_done(read).await;
        // What only newer pods read, only they can look after.
        let readable = |found: &&JournalEntry| found.sequence == record && self.reads(found);
        let Some(found) = page.first().filter(readable) else { return Ok(true) };
        let entries = self.decode(found)?.entries;
        let Some(Entry::Decided(decided)) = entries.get(entry as usize) else { return Ok(true) };
        let (EntityKey::Sku(sku), Some(shown)) = (&decided.entity, &decided.shown) else {
            return Ok(true);
        };
        let subject = availability_subject(sku);
        let there = self.until_done(|| self.ports.outbox.last_availability(&subject)).await;
        let there = there.and_then(|(_, bytes)| revision_shown(&bytes));
        Ok(there.is_some_and(|there| there >= (incarnation, shown.revision)))
    }

    /// Whether EARMARK_OUT still has an outcome where it was acknowledged.
    async fn holds(&self, incarnation: u64, anchor: Option<Anchor>) -> bool {
        let Some(Anchor { out, record, index }) = anchor else { return true };
        let id = id(incarnation, self.partition, record, index);
        self.until_done(|| self.ports.outbox.out_holds(out, &id)).await
    }

    /// A journaled mark up to which nothing has been lost, as new as can be found by halving: what
    /// is lost is an end, so marks are true up to it and false behind it.
    async fn newest_true_mark(&self) -> Result<Released, Exit> {
        let marks = self.marks().await?;
        let (mut found, mut low, mut high) = (Released::default(), 0, marks.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let (incarnation, mark) = &marks[middle];
            match self.has_all(*incarnation, mark).await? {
                true => (found, low) = (*mark, middle + 1),
                false => high = middle,
            }
        }
        Ok(found)
    }

    /// The journaled marks that may be true, each beyond the one before, with their incarnations. A
    /// mark that a later one falls behind was found false then: what stands in the places that it
    /// names came later, even where it is the same again.
    async fn marks(&self) -> Result<Vec<(u64, Released)>, Exit> {
        let mut marks: Vec<(u64, Released)> = Vec::new();
        let mut after = 0;
        loop {
            let page = self.until_done(|| self.ports.journal.read(self.partition, after)).await;
            let Some(last) = page.last() else { return Ok(marks) };
            after = last.sequence;
            for entry in &page {
                let Header { incarnation, released: mark, .. } = self.decode(entry)?.header;
                let behind = |before: &Released| before.up_to > mark.up_to || before.out > mark.out;
                while marks.pop_if(|(_, before)| behind(before) || *before == mark).is_some() {}
                marks.push((incarnation, mark));
            }
            if marks.len() > MARKS_MAX {
                let mut kept = false;
                marks.retain(|_| {
                    kept = !kept;
                    kept
                });
            }
        }
    }
}
