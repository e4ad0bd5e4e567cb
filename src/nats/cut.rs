//! Ends the wait for an answer that cannot come: what was asked over a connection that is gone.
//!
//! Promises: a wait ends within moments of the connection being there again, not at its time-out.
//! Nothing is known then of what was asked; whoever asked finds out.

use std::{sync::atomic::Ordering, time::Duration};

use async_nats::Client;

/// How often the connection is looked at while an answer does not come.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What was asked while there was no connection leaves with the next one, and may be answered yet.
const GRACE: Duration = Duration::from_millis(200);

/// What a wait ends with whose connection is gone.
pub(crate) const CUT: &str = "the connection was lost before the answer";

/// How often a client has connected.
pub(crate) fn connects(client: &Client) -> u64 {
    client.statistics().connects.load(Ordering::Relaxed)
}

/// The answer, or `None` if it was asked for over a connection that has been replaced.
pub(crate) async fn answer<T>(client: &Client, asked: impl Future<Output = T>) -> Option<T> {
    let asked_over = connects(client);
    tokio::select! {
        biased;
        answer = asked => Some(answer),
        () = replaced(client, asked_over) => None,
    }
}

async fn replaced(client: &Client, asked_over: u64) {
    while connects(client) == asked_over {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    tokio::time::sleep(GRACE).await;
}
