//! Answers on their way to whoever posted the event: awaited by a request, or kept for later.
//!
//! Promises: an answer goes to the request that awaits it; a request that is gone leaves nothing
//! behind. What a request was told to ask for later is kept for so long and so many, and no longer.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use hashlink::LinkedHashMap;
use tokio::{sync::oneshot, time::Instant};

/// What is known of a token that was told to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Late {
    /// The answer.
    Answered(Bytes),
    /// Nothing yet.
    Waiting,
}

/// All that is awaited and kept.
pub struct Answers {
    books: Mutex<Books>,
    kept_max: usize,
    keep: Duration,
}

#[derive(Default)]
struct Books {
    /// Requests that wait, by token.
    awaited: HashMap<String, oneshot::Sender<Bytes>>,
    /// What was told to be asked for later, by token, the oldest first, each with its end.
    kept: LinkedHashMap<String, (Instant, Late)>,
}

impl Books {
    fn forget_old(&mut self, now: Instant) {
        while self.kept.front().is_some_and(|(_, (end, _))| *end <= now) {
            self.kept.pop_front();
        }
    }
}

impl Answers {
    /// Keeps at most so many for later, each for so long.
    pub fn new(kept_max: usize, keep: Duration) -> Arc<Answers> {
        Arc::new(Answers { books: Mutex::default(), kept_max, keep })
    }

    /// Nothing that holds the books can fail half way.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Awaits the answer to this token.
    pub fn expect(self: &Arc<Answers>, token: String) -> Ticket {
        let (tell, answer) = oneshot::channel();
        self.books().awaited.insert(token.clone(), tell);
        Ticket { answers: self.clone(), token, answer }
    }

    /// An answer came.
    pub fn deliver(&self, token: &str, answer: Bytes) {
        let mut books = self.books();
        if let Some(tell) = books.awaited.remove(token) {
            // Whoever waited may just have left.
            let _ = tell.send(answer);
        } else if let Some((_, late)) = books.kept.get_mut(token) {
            *late = Late::Answered(answer);
        }
    }

    /// What is known of a token; nothing if it was never told, or is forgotten.
    pub fn look(&self, token: &str) -> Option<Late> {
        let mut books = self.books();
        books.forget_old(Instant::now());
        books.kept.get(token).map(|(_, late)| late.clone())
    }

    /// How many are awaited, and how many are kept for later.
    pub fn sizes(&self) -> (usize, usize) {
        let mut books = self.books();
        books.forget_old(Instant::now());
        (books.awaited.len(), books.kept.len())
    }
}

/// A request's right to an answer. Dropping it gives it up.
pub struct Ticket {
    answers: Arc<Answers>,
    token: String,
    answer: oneshot::Receiver<Bytes>,
}

impl Ticket {
    /// The answer, once it comes. Dropping the future loses nothing.
    pub async fn answer(&mut self) -> Option<Bytes> {
        (&mut self.answer).await.ok()
    }

    /// Leaves the answer to be asked for later: the token, or the answer if it has come just now.
    pub fn later(mut self) -> Result<String, Bytes> {
        let mut books = self.answers.books();
        if books.awaited.remove(&self.token).is_none()
            && let Ok(answer) = self.answer.try_recv()
        {
            return Err(answer);
        }
        let now = Instant::now();
        books.forget_old(now);
        if books.kept.len() >= self.answers.kept_max {
            books.kept.pop_front();
        }
        books.kept.insert(self.token.clone(), (now + self.answers.keep, Late::Waiting));
        Ok(self.token.clone())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.answers.books().awaited.remove(&self.token);
    }
}
