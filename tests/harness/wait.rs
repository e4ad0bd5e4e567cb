//! Waiting for a state instead of sleeping: polls a condition and panics, by name, at a bound.

use std::time::{Duration, Instant};

/// How long a server may take to become ready.
pub const READY_BOUND: Duration = Duration::from_secs(10);

const POLL_EVERY: Duration = Duration::from_millis(5);

/// Polls until the condition holds; panics with `what` when it does not within `bound`.
pub async fn wait_until(what: &str, bound: Duration, mut condition: impl AsyncFnMut() -> bool) {
    wait_for(what, bound, async || condition().await.then_some(())).await
}

/// Polls until there is a value; panics with `what` when there is none within `bound`.
pub async fn wait_for<T>(
    what: &str,
    bound: Duration,
    mut probe: impl AsyncFnMut() -> Option<T>,
) -> T {
    let began = Instant::now();
    loop {
        let left = bound.saturating_sub(began.elapsed());
        match tokio::time::timeout(left, probe()).await {
            Ok(Some(value)) => return value,
            Ok(None) if began.elapsed() < bound => tokio::time::sleep(POLL_EVERY).await,
            Ok(None) | Err(_) => panic!("waited {bound:?} in vain: {what}"),
        }
    }
}
