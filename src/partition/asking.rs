//! What an owner answers to whoever asks: from what is committed, and only while it is certain that
//! nobody else has committed anything since.
//!
//! An actor runs ahead of the journal by the batch in flight and the one being filled. So an answer
//! is taken at once, and given when all that was decided before it is committed; if that never is,
//! nobody hears it. That alone would let an owner that was superseded, and does not know it yet,
//! speak of yesterday. So each answer is proven by the journal after its question was taken: by the
//! append of what was decided before it, where that was still to be appended, and else by a look at
//! the journal's end, one for all questions that wait.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use futures::FutureExt as _;
use tokio_util::task::AbortOnDropHandle;

use super::{Exit, owner::Owner};
use crate::{
    domain::{Level, event::Lane, ids::EntityKey},
    mutants::{self, Mutant},
    ports::{PortError, Source},
    query::{Desk, Question, Told, Unable},
};

/// Questions that are taken at a time.
const ROUND: usize = 64;

/// The batches of a run, counted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Batches {
    /// Closed so far: no entry is added to them.
    pub(super) closed: u64,
    /// Committed so far.
    pub(super) committed: u64,
}

/// The questions of a partition.
pub(super) struct Asking {
    desk: Desk,
    heard: Vec<Question>,
    waiting: VecDeque<Waiting>,
    /// The look at the journal's end that is under way.
    looking: Option<Looking>,
    /// Looks that were begun.
    looks: u64,
}

/// An answer that is not proven yet.
struct Waiting {
    question: Question,
    told: Told,
    /// All batches up to this one must be committed.
    batch: u64,
    proof: Proof,
}

/// What tells that nobody else has committed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// The batch: its append begins after the question.
    Append,
    /// A look that begins after the question: this one.
    Look(u64),
    /// The journal ended here, after the question.
    End(u64),
}

/// The journal's last sequence; nothing if it has none.
type End = Result<Option<u64>, PortError>;

struct Looking {
    /// Which one.
    number: u64,
    /// Where the journal must end at the least.
    at_least: u64,
    look: AbortOnDropHandle<End>,
}

impl Asking {
    /// Takes questions at this desk.
    pub(super) fn new(desk: Desk) -> Asking {
        let (heard, waiting) = (Vec::new(), VecDeque::new());
        Asking { desk, heard, waiting, looking: None, looks: 0 }
    }

    /// Something is to be done: a question came, or the journal's end is known. Dropping the future
    /// loses nothing.
    pub(super) async fn next(&mut self) {
        let has_room = self.waiting.len() < self.desk.waiting_max();
        tokio::select! {
            Some(question) = self.desk.questions.recv(), if has_room => self.heard.push(question),
            end = ended(&mut self.looking) => self.note(end),
        }
    }

    fn note(&mut self, (looking, end): (Looking, End)) {
        match end {
            Ok(Some(end)) if end >= looking.at_least => {
                for waiting in &mut self.waiting {
                    if matches!(waiting.proof, Proof::Look(number) if number <= looking.number) {
                        waiting.proof = Proof::End(end);
                    }
                }
            }
            // The owner will find out what it lost when it appends; until then it says nothing.
            Ok(_) => self.waiting.clear(),
            Err(error) => {
                tracing::debug!(%error, "questions wait for the journal's end");
                let next = self.looks + 1;
                for waiting in &mut self.waiting {
                    if matches!(waiting.proof, Proof::Look(_)) {
                        waiting.proof = Proof::Look(next);
                    }
                }
            }
        }
    }

    /// The questions to be answered now. Who has given up is not.
    fn take(&mut self) -> Vec<Question> {
        self.waiting.retain(|waiting| !waiting.question.reply.is_closed());
        let room = self.desk.waiting_max().saturating_sub(self.waiting.len()).min(ROUND);
        while self.heard.len() < room
            && let Ok(question) = self.desk.questions.try_recv()
        {
            self.heard.push(question);
        }
        std::mem::take(&mut self.heard)
    }
}

impl Owner {
    /// Takes the answers to what has been asked, and gives those that are proven.
    pub(super) async fn answer(&mut self, asking: &mut Asking) -> Result<(), Exit> {
        // Behind a backlog nothing else looks.
        if let Some(end) = ended(&mut asking.looking).now_or_never() {
            asking.note(end);
        }
        let questions = asking.take();
        if !questions.is_empty() {
            let told = self.look(&questions).await?;
            self.wait(asking, questions, &told);
        }
        self.look_at_end(asking);
        self.tell_proven(asking);
        Ok(())
    }

    /// What is to be told of each.
    async fn look(
        &mut self,
        questions: &[Question],
    ) -> Result<BTreeMap<EntityKey, Result<Told, Unable>>, Exit> {
        let mut told = BTreeMap::new();
        let mut wanted = Vec::new();
        for Question { key, .. } in questions {
            if self.state.quarantined.contains_key(key) {
                told.insert(key.clone(), Err(Unable::SetAside));
            } else if self.state.waiting.contains_key(key) {
                // What it has been told is not decided yet.
                told.insert(key.clone(), Err(Unable::Cold));
            } else if !wanted.contains(key) {
                wanted.push(key.clone());
            }
        }
        let cold: Vec<EntityKey> =
            wanted.iter().filter(|key| !self.registry.holds(key)).cloned().collect();
        let unloaded = self.load(wanted.iter()).await?;
        wanted.retain(|key| !unloaded.contains(key));
        told.extend(unloaded.into_iter().map(|key| (key, Err(Unable::Cold))));
        for (key, seen) in self.registry.look(wanted).await {
            let Some((view, change)) = seen else {
                told.insert(key, Err(Unable::SetAside));
                continue;
            };
            match (cold.contains(&key), &view) {
                // A key that nobody has heard of takes no room.
                (true, None) => self.registry.drop_entity(&key),
                // Its deadlines were the snapshot's until now.
                (true, Some(_)) => self.take_change(key.clone(), change),
                (false, _) => {}
            }
            told.insert(key, Ok(self.told(view.map(Arc::new))));
        }
        Ok(told)
    }

    fn told(&self, view: Option<Arc<crate::inspecting::View>>) -> Told {
        let read_to = |source| self.state.cursor(source).at;
        let lane = |lane| read_to(Source::Lane(lane));
        let decided_to =
            read_to(Source::Commands).min(lane(Lane::Settlement)).min(lane(Lane::Demand));
        Told {
            view,
            position: self.committed.position(),
            at: self.env.ports.clock.now(),
            decided_at: self.state.decided_at,
            decided_to,
            added_to: lane(Lane::Fulfilment),
            sheds: self.env.credit.borrow().level >= Level::CartsBusy,
        }
    }

    fn wait(
        &self,
        asking: &mut Asking,
        questions: Vec<Question>,
        told: &BTreeMap<EntityKey, Result<Told, Unable>>,
    ) {
        let is_open = !self.open.is_empty();
        let batch = self.batches.closed + u64::from(is_open);
        let proof = match is_open || !self.sealed.is_empty() {
            true => Proof::Append,
            false => Proof::Look(asking.looks + 1),
        };
        for question in questions {
            match told.get(&question.key) {
                Some(Ok(told)) => {
                    let told = told.clone();
                    asking.waiting.push_back(Waiting { question, told, batch, proof });
                }
                Some(Err(unable)) => drop(question.reply.send(Err(*unable))),
                None => {}
            }
        }
    }

    fn look_at_end(&self, asking: &mut Asking) {
        let wants = |waiting: &Waiting| matches!(waiting.proof, Proof::Look(_));
        if asking.looking.is_some() || !asking.waiting.iter().any(wants) {
            return;
        }
        asking.looks += 1;
        let (journal, partition) = (self.env.ports.journal.clone(), self.env.partition);
        let pause = self.env.bounds.retry_after;
        let look = async move {
            let last = journal.last(partition).await;
            if last.is_err() {
                tokio::time::sleep(pause).await;
            }
            last.map(|last| last.map(|last| last.sequence))
        };
        asking.looking = Some(Looking {
            number: asking.looks,
            at_least: self.committed.last.sequence,
            look: AbortOnDropHandle::new(tokio::spawn(look)),
        });
    }

    /// Gives the answers that are committed and proven.
    fn tell_proven(&self, asking: &mut Asking) {
        let (committed, end) = (self.batches.committed, self.committed.last.sequence);
        let position = self.committed.position();
        let is_proven = |waiting: &Waiting| match waiting.proof {
            Proof::Append => true,
            // What stands behind our last record is our own, and soon known to be, or another's.
            Proof::End(there) => there <= end,
            Proof::Look(_) => false,
        };
        let all = std::mem::take(&mut asking.waiting);
        for waiting in all {
            let known = waiting.batch <= committed && is_proven(&waiting);
            if known || mutants::is_in(Mutant::AnsweredAhead) {
                let told = Told { position, ..waiting.told };
                // Whoever asked may have given up.
                let _ = waiting.question.reply.send(Ok(told));
            } else {
                asking.waiting.push_back(waiting);
            }
        }
    }
}

/// The journal's end, once it is known; for ever if nobody looks.
async fn ended(looking: &mut Option<Looking>) -> (Looking, End) {
    let Some(under_way) = looking else { return std::future::pending().await };
    let end = (&mut under_way.look).await;
    let end = end.unwrap_or_else(|error| Err(PortError::new("look at the journal's end", error)));
    match looking.take() {
        Some(done) => (done, end),
        None => std::future::pending().await,
    }
}
