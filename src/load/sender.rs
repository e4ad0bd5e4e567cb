//! Sends what people mean to send, each until the log has it, many at a time and in no order
//! between them but that in which they were given.
//!
//! A log that is full or away is asked again: what is sent is never dropped, and whoever sends
//! waits when so much is on its way that no more may be.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::Context;
use bytes::Bytes;
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{sync::mpsc, task::JoinHandle};

/// Events that are on their way to the log, or wait to be.
const ON_THEIR_WAY_MAX: usize = 4_096;
/// How long it is waited until the log is asked again.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// An event's subject and bytes.
pub type Letter = (String, Bytes);

/// Sends in the background, until it is dropped.
pub struct Sender {
    queue: mpsc::Sender<Letter>,
    counts: Arc<Counts>,
    sending: JoinHandle<()>,
}

#[derive(Default)]
struct Counts {
    given: AtomicU64,
    logged: AtomicU64,
}

impl Sender {
    /// Sends over this connection.
    pub fn start(context: Context) -> Sender {
        let (queue, queued) = mpsc::channel(ON_THEIR_WAY_MAX);
        let counts = Arc::<Counts>::default();
        let sending = tokio::spawn(send_all(context, queued, counts.clone()));
        Sender { queue, counts, sending }
    }

    /// Gives it an event to send.
    pub async fn send(&self, letter: Letter) {
        self.counts.given.fetch_add(1, Ordering::Relaxed);
        // It ends only when it is dropped.
        let _ = self.queue.send(letter).await;
    }

    /// Events that the log has.
    pub fn logged(&self) -> u64 {
        self.counts.logged.load(Ordering::Relaxed)
    }

    /// Events that are not known to be in the log yet.
    pub fn on_their_way(&self) -> u64 {
        self.counts.given.load(Ordering::Relaxed) - self.logged()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.sending.abort();
    }
}

async fn send_all(context: Context, mut queued: mpsc::Receiver<Letter>, counts: Arc<Counts>) {
    let mut sent = FuturesUnordered::new();
    loop {
        tokio::select! {
            biased;
            Some(()) = sent.next() => drop(counts.logged.fetch_add(1, Ordering::Relaxed)),
            letter = queued.recv(), if sent.len() < ON_THEIR_WAY_MAX => match letter {
                // The client lets no more go while too many wait for the log's word: to wait for
                // it here, where nobody listens for that word, would be to wait for ever.
                Some(letter) => sent.push(logged(context.clone(), letter)),
                None => return,
            },
        }
    }
}

async fn logged(context: Context, (subject, payload): Letter) {
    loop {
        if let Ok(acknowledged) = context.publish(subject.clone(), payload.clone()).await
            && acknowledged.await.is_ok()
        {
            return;
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
}
