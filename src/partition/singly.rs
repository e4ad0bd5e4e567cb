//! Finds out which message the process dies of.
//!
//! Where take-overs found a source at the same cursor again, its messages are decided one by one,
//! and the journal says of each beforehand that it is in hand. What was in hand at a death is a
//! suspect, and is decided next time while nothing else of the process is in hand; if the process
//! dies again, it was that. So whatever kills is found, and what is innocent is only slow.

use std::sync::Arc;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use super::{
    Exit,
    entry::{Entry, InHand, ReadAt},
    owner::Owner,
};
use crate::{
    contract::{Rejection, Rule},
    domain::refusal::Reason,
    mutants::{self, Mutant},
    ports::{LogMessage, Source},
};

/// Messages in a run, after which a suspect of another partition may have its turn.
const RUN: usize = 32;

/// What the partitions of a process have in hand: suspects alone, others side by side.
#[derive(Clone, Debug, Default)]
pub struct Hands(Arc<RwLock<()>>);

/// Something is in hand as long as this lives.
pub(super) enum Hand {
    Beside { _others: OwnedRwLockReadGuard<()> },
    Alone { _none: OwnedRwLockWriteGuard<()> },
}

impl Hands {
    async fn take(&self, alone: bool) -> Hand {
        let hands = self.0.clone();
        match alone {
            true => Hand::Alone { _none: hands.write_owned().await },
            false => Hand::Beside { _others: hands.read_owned().await },
        }
    }
}

impl Owner {
    /// Takes out what the process died of, if that is known.
    pub(super) async fn take_out_killer(&mut self) -> Result<(), Exit> {
        let killer = self.state.killer().filter(|_| !mutants::is_in(Mutant::KillerKept));
        let Some(in_hand) = killer.cloned() else { return Ok(()) };
        let found = "a message that the process died of";
        let mut rejection = Rejection::new(Rule::Killer, found, "a message that can be decided");
        rejection.reason = Reason::Killer;
        if let Some(entity) = in_hand.waited_for {
            let oldest = self.state.waiting.get(&entity).and_then(|queue| queue.front());
            let Some(read) = oldest.map(|waiting| waiting.read.clone()) else { return Ok(()) };
            let out = Entry::WaitedOut { entity, inputs: 1 };
            return self.push_together([Entry::Rejected { read, rejection }, out]);
        }
        let read = in_hand.read;
        let (source, sequence, at) = (read.source, read.sequence, read.at);
        let input = self.env.ports.input.clone();
        let message = self.env.until_done(|| input.fetch(source, sequence)).await;
        // What a log that lost its tail has in its place is innocent.
        if message.is_none_or(|message| message.at != at) {
            return Ok(());
        }
        self.push(Entry::Rejected { read, rejection })?;
        let cursor = &mut self.state.cursors[source.index()];
        cursor.sequence = cursor.sequence.max(sequence);
        cursor.at = cursor.at.max(at);
        Ok(())
    }

    /// Decides messages each in a record of its own, which also says of the next that it is in
    /// hand.
    pub(super) async fn decide_singly(
        &mut self,
        source: Source,
        messages: &[LogMessage],
    ) -> Result<(), Exit> {
        let in_hand = |of| InHand { read: ReadAt::of(source, of), waited_for: None };
        let mut rest = messages;
        while let Some(first) = rest.first() {
            let innocent = |message| !self.state.is_suspected(&in_hand(message));
            let run = rest.iter().take(RUN).take_while(|message| innocent(message)).count().max(1);
            let (run, later) = rest.split_at(run);
            let hand = self.take_in_hand(in_hand(first)).await?;
            for (index, message) in run.iter().enumerate() {
                let left = &mut self.single[source.index()];
                *left = left.saturating_sub(1);
                self.decide_messages(source, vec![message.clone()]).await?;
                if let Some(next) = run.get(index + 1) {
                    self.open_batch();
                    self.push(Entry::InHand(in_hand(next)))?;
                }
                self.settle().await?;
            }
            drop(hand);
            rest = later;
        }
        Ok(())
    }

    /// Says in the journal what is decided next, so that whoever comes after a death knows what was
    /// in hand.
    pub(super) async fn take_in_hand(&mut self, in_hand: InHand) -> Result<Hand, Exit> {
        let hand = self.env.hands.take(self.state.is_suspected(&in_hand)).await;
        self.open_batch();
        self.push(Entry::InHand(in_hand))?;
        self.settle().await?;
        Ok(hand)
    }
}
