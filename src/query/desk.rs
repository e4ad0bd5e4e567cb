//! Where the partitions of this process take questions: a desk for each that serves.
//!
//! Promises: a partition that does not serve has no desk; what is put on a desk is bounded; a desk
//! that is closed lets every question on it go without an answer.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    domain::{ids::EntityKey, time::Timestamp},
    inspecting::View,
    ports::{Partition, Position},
};

/// Questions that wait for one partition, where the settings do not say.
const WAITING_MAX: usize = 1_024;

/// A question, and where its answer goes.
pub struct Question {
    /// Who is asked about.
    pub key: EntityKey,
    /// Hears the answer. Dropped if there will be none.
    pub reply: oneshot::Sender<Result<Told, Unable>>,
}

/// What an owner says, once all that it says is committed.
#[derive(Clone, Debug)]
pub struct Told {
    /// What is to be shown; nothing if nobody has heard of it.
    pub view: Option<Arc<View>>,
    /// The last record of what it says, or a later one.
    pub position: Position,
    /// When the question was taken, by the pod's clock.
    pub at: Timestamp,
    /// The time of the partition's last decision before.
    pub decided_at: Timestamp,
    /// Before this point of the log all has been decided that can lower what may be promised.
    pub decided_to: Timestamp,
    /// The same of what can only raise it.
    pub added_to: Timestamp,
    /// It puts off what is not urgent, and tells new carts to come back.
    pub sheds: bool,
}

/// Why an owner says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unable {
    /// The entity decides no more.
    SetAside,
    /// The entity is not in memory, and the snapshots cannot be read now.
    Cold,
}

type Opened = BTreeMap<Partition, mpsc::Sender<Question>>;

/// The desks of a process.
#[derive(Clone)]
pub struct Desks {
    open: Arc<watch::Sender<Opened>>,
    waiting_max: usize,
}

impl Default for Desks {
    fn default() -> Desks {
        Desks::new(WAITING_MAX)
    }
}

impl Desks {
    /// No desk is open. On each, so many questions may wait.
    pub fn new(waiting_max: usize) -> Desks {
        Desks { open: Arc::new(watch::channel(Opened::new()).0), waiting_max: waiting_max.max(1) }
    }

    /// How many questions may wait on one.
    pub fn waiting_max(&self) -> usize {
        self.waiting_max
    }

    /// Opens a partition's desk. One that is open still is its last owner's, and asked no more.
    pub fn open(&self, partition: Partition) -> Desk {
        let (put, questions) = mpsc::channel(self.waiting_max);
        self.open.send_modify(|open| {
            open.insert(partition, put.clone());
        });
        Desk { partition, put, questions, desks: self.clone() }
    }

    /// Where questions about a partition are put, if it serves.
    pub fn at(&self, partition: Partition) -> Option<mpsc::Sender<Question>> {
        self.open.borrow().get(&partition).cloned()
    }

    /// Which partitions serve, now and as it changes.
    pub fn opened(&self) -> watch::Receiver<Opened> {
        self.open.subscribe()
    }
}

/// An open desk. Dropping it closes it.
pub struct Desk {
    partition: Partition,
    put: mpsc::Sender<Question>,
    /// The questions, in the order in which they were put.
    pub questions: mpsc::Receiver<Question>,
    desks: Desks,
}

impl Desk {
    /// How many questions may wait.
    pub fn waiting_max(&self) -> usize {
        self.desks.waiting_max
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.desks.open.send_if_modified(|open| {
            let ours = open.get(&self.partition).is_some_and(|put| put.same_channel(&self.put));
            ours && open.remove(&self.partition).is_some()
        });
    }
}
