//! Remembers in Redis, too, how far the journal is committed: a journal that ends before that has
//! lost what it had acknowledged.
//!
//! Promises: nobody waits for it; one position is on its way at a time, and the newest goes next;
//! one that was not taken is sent again, until there is a newer one. So it is also the first to
//! know that Redis answers again.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::Env;
use crate::ports::{Partition, Position, Snapshots};

/// After how many times the first pause it is sent again at the latest.
const PAUSES_MAX: u32 = 16;

/// What remembers positions.
pub(super) struct Noting {
    committed: watch::Sender<Position>,
    answered: watch::Receiver<Instant>,
}

impl Noting {
    /// One that has nothing to remember yet.
    pub(super) fn start(env: &Env) -> Noting {
        let (committed, positions) = watch::channel(Position::default());
        let (answers, answered) = watch::channel(Instant::now());
        let (snapshots, partition) = (env.ports.snapshots.clone(), env.partition);
        let noting = note(snapshots, partition, env.bounds.retry_after, positions, answers);
        drop(tokio::spawn(noting));
        Noting { committed, answered }
    }

    /// So much is committed.
    pub(super) fn note(&self, position: Position) {
        self.committed.send_replace(position);
    }

    /// Whether Redis has taken a position since.
    pub(super) fn was_answered_since(&self, since: Instant) -> bool {
        *self.answered.borrow() > since
    }
}

/// Ends when nobody says positions any more, and the last of them was sent.
async fn note(
    snapshots: Arc<dyn Snapshots>,
    partition: Partition,
    retry_after: Duration,
    mut positions: watch::Receiver<Position>,
    answers: watch::Sender<Instant>,
) {
    let mut pause = retry_after;
    while positions.changed().await.is_ok() {
        let position = *positions.borrow_and_update();
        let Err(error) = snapshots.note_committed(partition, position).await else {
            pause = retry_after;
            answers.send_replace(Instant::now());
            continue;
        };
        tracing::debug!(partition, %error, "the committed mark was not written");
        if positions.has_changed().is_err() {
            return;
        }
        positions.mark_changed();
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(retry_after * PAUSES_MAX);
    }
}
