//! Lets effects leave, after their record is committed and in the order of the records.
//!
//! Answers leave at once. Messages of the records that have gathered are sent together, and nothing
//! later is sent before all of them are acknowledged. What is not acknowledged is sent again under
//! its id, for as long as it takes: an effect is never given up.
//!
//! EARMARK_OUT may lose what it acknowledged, and other partitions' outcomes may stand in the gap.
//! So the last outcome of each round is looked up again after the next round was acknowledged, and
//! from time to time; and all of a round in which something had to be sent again.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    Env, Exit, Published,
    backlog::Backlog,
    effects::{Effects, effects, id, id_prefix, index_of_id, sequence_of_id},
    reading::decode,
    record::{Anchor, Record, Released},
    showing::Showing,
};
use crate::{
    mutants::{self, Mutant},
    ports::{Input, Journal, JournalEntry, Outbox, Outgoing, Outlet, Partition, SendError, Sent},
};

/// Records whose effects leave together at most.
const RECORDS_AT_ONCE: usize = 16;

/// A committed record and where it stands.
pub type Committed = (u64, Arc<Record>);

/// How a round of messages went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Round {
    /// Each was acknowledged at the first try.
    Smooth,
    /// Some had to be sent again: a server may have gone and come back in between.
    Troubled,
}

/// Lets effects leave.
pub struct Releaser {
    /// Whose effects.
    pub partition: Partition,
    /// Where the records of the backlog are.
    pub journal: Arc<dyn Journal>,
    /// Where they go.
    pub outbox: Arc<dyn Outbox>,
    /// Where original bytes are fetched from.
    pub input: Arc<dyn Input>,
    /// What is published of what was decided.
    pub published: Published,
    /// How long to wait before something is sent again; doubles up to sixteen times that.
    pub retry_after: Duration,
    /// Ids that are in EARMARK_OUT already.
    pub skip: HashSet<String>,
    /// The partition's incarnation.
    pub incarnation: u64,
    /// How far effects have left, as far as that is certain.
    pub released: Released,
    /// Of the records up to this one everything had left, before EARMARK_OUT lost some of it.
    pub had_left: u64,
    /// The last record of the backlog.
    pub backlog_end: u64,
    /// The last outcome that was acknowledged.
    pub newest: Option<Anchor>,
    /// How often what left last is looked up.
    pub look_every: Duration,
    /// What is known of EARMARK_AVAILABILITY.
    pub showing: Showing,
}

impl Releaser {
    /// Releases a backlog, and then what it will be given.
    pub fn new(env: &Env, incarnation: u64, backlog: Backlog) -> Releaser {
        let newest = backlog.there.last().and_then(|(out, id)| anchor(*out, id));
        let there = backlog.there.into_iter().map(|(_, id)| id).chain(backlog.there_before);
        Releaser {
            partition: env.partition,
            journal: env.ports.journal.clone(),
            outbox: env.ports.outbox.clone(),
            input: env.ports.input.clone(),
            published: env.published.clone(),
            retry_after: env.bounds.retry_after,
            skip: there.filter(|_| !mutants::is_in(Mutant::OutNotSearched)).collect(),
            incarnation,
            newest: newest.or(backlog.released.anchor),
            released: backlog.released,
            had_left: backlog.had_left,
            backlog_end: backlog.end,
            look_every: env.bounds.look_every,
            showing: Showing::default(),
        }
    }

    /// Releases the backlog, and then what it is given until there will be no more.
    pub async fn run(
        mut self,
        mut committed: mpsc::UnboundedReceiver<Committed>,
        progress: watch::Sender<Released>,
    ) -> Result<(), Exit> {
        self.catch_up(&progress).await?;
        let mut records = Vec::with_capacity(RECORDS_AT_ONCE);
        let mut next_look = Instant::now() + self.look_every;
        loop {
            let gathered = committed.recv_many(&mut records, RECORDS_AT_ONCE);
            match tokio::time::timeout_at(next_look, gathered).await {
                Ok(0) => return Ok(()),
                Ok(_) => {
                    self.release(&records).await?;
                    self.mark(&records);
                    records.clear();
                    progress.send_replace(self.released);
                }
                Err(_) => {}
            }
            if Instant::now() >= next_look {
                self.look_up(self.newest).await?;
                self.look_up_shown().await?;
                next_look = Instant::now() + self.look_every;
            }
        }
    }

    async fn catch_up(&mut self, progress: &watch::Sender<Released>) -> Result<(), Exit> {
        while self.released.up_to < self.backlog_end {
            let page = match self.journal.read(self.partition, self.released.up_to).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "the backlog waits");
                    tokio::time::sleep(self.retry_after).await;
                    continue;
                }
            };
            let behind = |entry: &&JournalEntry| entry.sequence <= self.backlog_end;
            let mut records = Vec::with_capacity(page.len());
            for entry in page.iter().filter(behind) {
                records.push((entry.sequence, Arc::new(decode(entry)?)));
            }
            if records.is_empty() {
                return Err(Exit::refuse("the journal ends before the effects that it owes"));
            }
            for records in records.chunks(RECORDS_AT_ONCE) {
                self.release(records).await?;
                self.mark(records);
                progress.send_replace(self.released);
            }
        }
        Ok(())
    }

    /// Every effect of these records, and of all before them, has left.
    fn mark(&mut self, records: &[Committed]) {
        let Some((up_to, record)) = records.last() else { return };
        self.released.up_to = *up_to;
        self.released.anchor = self.newest;
        self.released.shown = self.showing.newest().or(self.released.shown);
        if *up_to >= self.backlog_end {
            self.skip.clear();
        }
        // Somebody else may let later records leave before this owner does: the owner before, who
        // still runs, or one who takes over and does not prevail. But nobody can before they are
        // committed; so what was known of EARMARK_OUT when this owner wrote a record stands before
        // all outcomes of those behind it.
        let known = record.header.released.anchor.filter(|_| *up_to > self.backlog_end);
        self.released.out = self.released.out.max(known.map_or(0, |anchor| anchor.out));
    }

    /// Makes certain that EARMARK_OUT still has an outcome, and so all of the partition's before
    /// it.
    async fn look_up(&self, anchor: Option<Anchor>) -> Result<(), Exit> {
        let Some(Anchor { out, record, index }) = anchor else { return Ok(()) };
        let id = id(self.incarnation, self.partition, record, index);
        loop {
            match self.outbox.out_holds(out, &id).await {
                Ok(_) if mutants::is_in(Mutant::OutLossUnnoticed) => return Ok(()),
                Ok(true) => return Ok(()),
                Ok(false) => return Err(Exit::OutLostItsTail),
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "a look at OUT waits");
                    tokio::time::sleep(self.retry_after).await;
                }
            }
        }
    }

    /// Makes certain that EARMARK_OUT has every outcome of a round that did not go smoothly.
    async fn look_up_all(&self, before: Option<Anchor>, outcomes: &[String]) -> Result<(), Exit> {
        let after = before.map_or(0, |anchor| anchor.out);
        let prefix = id_prefix(self.incarnation, self.partition);
        let there: HashSet<String> = loop {
            match self.outbox.ids(Outlet::Out, after, &prefix).await {
                Ok(there) => break there.into_iter().map(|(_, id)| id).collect(),
                Err(error) => {
                    tracing::warn!(partition = self.partition, %error, "a look at OUT waits");
                    tokio::time::sleep(self.retry_after).await;
                }
            }
        };
        match outcomes.iter().all(|id| there.contains(id) || self.skip.contains(id)) {
            true => Ok(()),
            false => Err(Exit::OutLostItsTail),
        }
    }

    async fn release(&mut self, records: &[Committed]) -> Result<(), Exit> {
        let mut messages = Vec::new();
        let mut dead_letters = Vec::new();
        let mut shown = BTreeMap::new();
        for (sequence, record) in records {
            let Effects { answers, messages: more, dead_letters: dead, shown: newer } =
                match *sequence <= self.had_left {
                    true => effects(record, *sequence, &self.published).told_again(),
                    false => effects(record, *sequence, &self.published),
                };
            self.answer(answers).await;
            messages.extend(more.into_iter().filter(|message| !self.is_there(message)));
            dead_letters.extend(dead);
            shown.extend(newer);
        }
        for letter in dead_letters {
            messages.push(self.dead_letter(letter).await);
        }
        if mutants::is_in(Mutant::EffectsReversed) {
            messages.reverse();
        }
        let before = self.newest;
        let outcomes = messages.iter().filter(|message| message.outlet == Outlet::Out);
        let outcomes: Vec<String> = outcomes.filter_map(|message| message.id.clone()).collect();
        if self.send(messages).await? == Round::Troubled {
            self.look_up_all(before, &outcomes).await?;
        }
        if self.newest != self.released.anchor {
            self.look_up(before).await?;
        }
        self.show(shown).await
    }

    fn is_there(&self, message: &Outgoing) -> bool {
        message.id.as_ref().is_some_and(|id| self.skip.contains(id))
    }

    async fn answer(&self, answers: Vec<(String, Bytes)>) {
        for (to, answer) in answers {
            if let Err(error) = self.outbox.answer(&to, answer).await {
                tracing::warn!(partition = self.partition, %error, "an answer was not sent");
            }
        }
    }

    async fn send(&mut self, mut messages: Vec<Outgoing>) -> Result<Round, Exit> {
        let mut pause = self.retry_after;
        let mut round = Round::Smooth;
        let known = self.newest.map_or(0, |anchor| anchor.out);
        while !messages.is_empty() {
            let results = self.outbox.send(messages.clone()).await;
            let mut again = Vec::new();
            for (message, result) in messages.into_iter().zip(results) {
                match result {
                    Ok(sent) => self.sent(&message, sent, known)?,
                    Err(SendError::TooLarge(why)) => self.set_aside(message, &why).await,
                    // Whoever misses it asks again; a partition that does not read stops no other.
                    Err(SendError::SubjectFull(why)) if message.outlet == Outlet::Commands => {
                        crate::telemetry::commands_unsaid(&message.subject, &why);
                    }
                    Err(SendError::Later(_))
                        if message.outlet == Outlet::DeadLetters
                            && mutants::is_in(Mutant::LetterLost) => {}
                    Err(SendError::SubjectFull(why) | SendError::Later(why)) => {
                        crate::telemetry::send_retried(message.outlet, &why);
                        again.push(message);
                    }
                    Err(SendError::Refused) => again.push(message),
                }
            }
            messages = again;
            if !messages.is_empty() {
                round = Round::Troubled;
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(self.retry_after * 16);
            }
        }
        Ok(round)
    }

    fn sent(&mut self, message: &Outgoing, sent: Sent, known: u64) -> Result<(), Exit> {
        if message.outlet != Outlet::Out {
            return Ok(());
        }
        if sent.sequence <= known && !sent.duplicate {
            return Err(Exit::OutLostItsTail);
        }
        // An outcome of an incarnation before this one is no place to look up later.
        let own = |id: &&str| id.starts_with(&id_prefix(self.incarnation, self.partition));
        let anchor = message.id.as_deref().filter(own).and_then(|id| anchor(sent.sequence, id));
        if self.newest.is_none_or(|newest| newest.out < sent.sequence) {
            self.newest = anchor.or(self.newest);
        }
        Ok(())
    }

    /// A message that no stream takes is kept whole in the object store, and said loudly.
    async fn set_aside(&self, message: Outgoing, why: &str) {
        let name = message.id.clone().unwrap_or_else(|| message.subject.clone());
        tracing::error!(partition = self.partition, subject = message.subject, why, "set aside");
        self.put_object(&name, message.payload).await;
    }

    pub(super) async fn put_object(&self, name: &str, bytes: Bytes) {
        while let Err(error) = self.outbox.put_object(name, bytes.clone()).await {
            tracing::warn!(partition = self.partition, %error, "an object waits");
            tokio::time::sleep(self.retry_after).await;
        }
    }
}

/// An outcome of this id, at this place of EARMARK_OUT.
pub fn anchor(out: u64, id: &str) -> Option<Anchor> {
    Some(Anchor { out, record: sequence_of_id(id)?, index: index_of_id(id)? })
}
