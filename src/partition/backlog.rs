//! What may not have left when a partition is brought back.
//!
//! EARMARK_OUT is asked what it has, and the journal how far there is anything to send. Only places
//! are remembered, however much it is: the releaser reads the records itself.

use super::{
    Env, Exit,
    effects::{has_effects, id, id_prefix, sequence_of_id},
    record::{Anchor, Released},
    recovery::decode,
    state::PartitionState,
};
use crate::ports::Outlet;

/// Effects that may not have left.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    /// Up to here everything left, and EARMARK_OUT has lost nothing of it.
    pub released: Released,
    /// Up to here everything had left, before EARMARK_OUT lost some of it. Commands among that are
    /// not sent again: they may be older than what remembers their answer.
    pub had_left: u64,
    /// The last record that may have something to send.
    pub end: u64,
    /// The last one that certainly has.
    pub last_effects: u64,
    /// The partition's outcomes in EARMARK_OUT after the mark, and where they stand.
    pub there: Vec<(u64, String)>,
}

/// Finds what may not have left of a partition that is folded to its journal's end.
pub async fn find(env: &Env, state: &PartitionState) -> Result<Backlog, Exit> {
    // Not the end that was read first: another owner may have appended since.
    let end = state.last.sequence;
    let mut released = state.released;
    if !env.holds(state.incarnation, released.anchor).await {
        crate::telemetry::out_lost_its_tail(env.partition);
        released = env.newest_true_mark(state.incarnation).await?;
    }
    let prefix = id_prefix(state.incarnation, env.partition);
    let outbox = &env.ports.outbox;
    let there = env.until_done(|| outbox.ids(Outlet::Out, released.out, &prefix)).await;
    let said = env.until_done(|| outbox.ids(Outlet::Commands, 0, &prefix)).await;
    let beyond = there.iter().chain(&said).filter_map(|(_, id)| sequence_of_id(id)).max();
    if let Some(beyond) = beyond.filter(|beyond| *beyond > end) {
        return Err(env.effect_beyond(beyond).await);
    }
    let last_effects = env.last_effects(released.up_to, end).await?;
    Ok(Backlog { had_left: state.released.up_to, released, end, last_effects, there })
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
                if has_effects(&decode(entry)?) {
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

    /// Whether EARMARK_OUT still has an outcome where it was acknowledged.
    async fn holds(&self, incarnation: u64, anchor: Option<Anchor>) -> bool {
        let Some(Anchor { out, record, index }) = anchor else { return true };
        let id = id(incarnation, self.partition, record, index);
        self.until_done(|| self.ports.outbox.out_holds(out, &id)).await
    }

    /// The newest journaled mark up to which EARMARK_OUT has lost nothing: all before it are true,
    /// and none after it.
    async fn newest_true_mark(&self, incarnation: u64) -> Result<Released, Exit> {
        let mut newest = Released::default();
        let mut after = 0;
        loop {
            let page = self.until_done(|| self.ports.journal.read(self.partition, after)).await;
            let Some(last) = page.last() else { return Ok(newest) };
            after = last.sequence;
            let mark = decode(last)?.header.released;
            if self.holds(incarnation, mark.anchor).await {
                newest = mark;
                continue;
            }
            for entry in &page {
                let mark = decode(entry)?.header.released;
                if mark != newest && !self.holds(incarnation, mark.anchor).await {
                    return Ok(newest);
                }
                newest = mark;
            }
        }
    }
}
