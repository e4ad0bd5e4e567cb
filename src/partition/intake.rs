//! Reads the five sources of a partition, each at its own cursor, and hands over what they say.
//!
//! A lane that has waited for its turn too long comes first, then commands, then settlement; the
//! other lanes take turns. A reader that fails is stood up again at its cursor. A lane whose gate
//! is shut is not read, and loses nothing: the log keeps it. Each source is at most one read ahead.

use std::{
    collections::BTreeMap,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::lateness::{Lateness, Named};
use crate::{
    control::{Paused, Promoted},
    domain::{Level, ids::EntityKey},
    ports::{Cursor, Input, Loss, Partition, Read, Source},
};

/// What the supervisor allows a partition to read and to keep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credit {
    /// Messages in one read.
    pub messages: usize,
    /// Which sources may be read, in the order of [`Source::ALL`].
    pub open: [bool; 5],
    /// Live entities beyond which the longest unused are passivated.
    pub live_entities: usize,
    /// The level of safe mode.
    pub level: Level,
    /// Requests for carts of one SKU that are decided in a second at most, while more is asked for
    /// than can be decided. 0: no bound.
    pub sku_share: u32,
    /// What operators have paused.
    pub paused: Arc<Paused>,
    /// Entities that operators let decide again, if they are quarantined.
    pub reinstated: Arc<BTreeMap<EntityKey, Reinstatement>>,
    /// Events that operators let be decided however late they are.
    pub late: Arc<BTreeMap<Named, Lateness>>,
    /// SKUs that are to be live, since promotions of theirs are armed.
    pub promoted: Arc<Promoted>,
}

/// An operator's word that a quarantined entity may decide again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reinstatement {
    /// Rises with each: one word ends one quarantine.
    pub number: u64,
    /// Who gave it.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Default for Credit {
    fn default() -> Credit {
        Credit {
            messages: 256,
            open: [true; 5],
            live_entities: 100_000,
            level: Level::Normal,
            sku_share: 0,
            paused: Arc::default(),
            reinstated: Arc::default(),
            late: Arc::default(),
            promoted: Arc::default(),
        }
    }
}

/// What a source said.
#[derive(Debug)]
pub enum Heard {
    /// Messages, or that there are no more for now.
    Read(Read),
    /// It is not what its cursor remembered; from now on it is read after this cursor.
    Lost(Loss, Cursor),
}

/// The five sources of a partition.
pub struct Intake {
    heard: [mpsc::Receiver<Heard>; 5],
    turn: usize,
    _readers: Vec<AbortOnDropHandle<()>>,
}

/// The sources that take turns, by their place in [`Source::ALL`].
const TURNS: [usize; 3] = [2, 3, 4];

impl Intake {
    /// Starts reading every source after its cursor.
    pub fn start(
        input: &Arc<dyn Input>,
        partition: Partition,
        cursors: [Cursor; 5],
        credit: watch::Receiver<Credit>,
        retry_after: Duration,
    ) -> Intake {
        let mut readers = Vec::new();
        let heard = Source::ALL.map(|source| {
            let (tell, heard) = mpsc::channel(1);
            let read = Reading {
                input: input.clone(),
                partition,
                source,
                cursor: cursors[source.index()],
                credit: credit.clone(),
                retry_after,
                tell,
            };
            readers.push(AbortOnDropHandle::new(tokio::spawn(read.run())));
            heard
        });
        Intake { heard, turn: 0, _readers: readers }
    }

    /// What the most important source has to say, of those that are `open` (in the order of
    /// [`Source::ALL`]), those that are `overdue` before all others. Dropping the future loses
    /// nothing.
    pub async fn next(&mut self, open: [bool; 5], overdue: [bool; 5]) -> (Source, Heard) {
        std::future::poll_fn(|cx| self.poll_next(open, overdue, cx)).await
    }

    fn poll_next(
        &mut self,
        open: [bool; 5],
        overdue: [bool; 5],
        cx: &mut Context<'_>,
    ) -> Poll<(Source, Heard)> {
        let turn = self.turn;
        let turns = (0..TURNS.len()).map(|ahead| TURNS[(turn + ahead) % TURNS.len()]);
        let first = (0..overdue.len()).filter(|index| overdue[*index]).chain([0, 1]);
        for index in first.chain(turns).filter(|index| open[*index]) {
            if let Poll::Ready(Some(heard)) = self.heard[index].poll_recv(cx) {
                if let Some(at) = TURNS.iter().position(|turn| *turn == index) {
                    self.turn = (at + 1) % TURNS.len();
                }
                return Poll::Ready((Source::ALL[index], heard));
            }
        }
        Poll::Pending
    }
}

/// One source being read.
struct Reading {
    input: Arc<dyn Input>,
    partition: Partition,
    source: Source,
    cursor: Cursor,
    credit: watch::Receiver<Credit>,
    retry_after: Duration,
    tell: mpsc::Sender<Heard>,
}

impl Reading {
    async fn run(mut self) {
        while let Err(error) = self.read_on().await {
            let (partition, source) = (self.partition, self.source.as_str());
            tracing::warn!(partition, source, %error, "reader stands up again at its cursor");
            crate::telemetry::reader_restarted(self.source);
            tokio::time::sleep(self.retry_after).await;
        }
    }

    /// Reads until nobody listens, or nobody gives credit, any more.
    async fn read_on(&mut self) -> Result<(), crate::ports::PortError> {
        let opened = self.input.open(self.partition, self.source, self.cursor).await?;
        self.cursor = opened.cursor;
        if let Some(loss) = opened.loss
            && self.tell.send(Heard::Lost(loss, self.cursor)).await.is_err()
        {
            return Ok(());
        }
        let mut reader = opened.reader;
        loop {
            let Some(max) = self.allowed().await else { return Ok(()) };
            let read = reader.read(max).await?;
            self.advance(&read);
            if self.tell.send(Heard::Read(read)).await.is_err() {
                return Ok(());
            }
        }
    }

    /// Waits until the source may be read; `None` if nobody gives credit any more.
    async fn allowed(&mut self) -> Option<usize> {
        let index = self.source.index();
        let credit = self.credit.wait_for(|credit| credit.open[index]).await.ok()?;
        Some(credit.messages.max(1))
    }

    fn advance(&mut self, read: &Read) {
        match read {
            Read::Messages(messages) => {
                if let Some(last) = messages.last() {
                    self.cursor.sequence = last.sequence;
                    self.cursor.at = self.cursor.at.max(last.at);
                }
            }
            Read::Drained(cursor) => self.cursor = *cursor,
        }
    }
}
