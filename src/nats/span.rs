//! Reading a finite part of a stream: from a place up to an end that is known beforehand.
//!
//! Promises: [`read`] hands over every message in it that is there, in order, or fails. A consumer
//! may stand on a follower that is behind, so it is the leader that says when there are no more.

use std::{ops::ControlFlow, time::Duration};

use async_nats::jetstream::Context;
use tokio::time::Instant;

use super::{
    api::{self, Wanted},
    feed::{Feed, FeedOf, Got, Item},
    settings::ReaderSettings,
};
use crate::ports::PortError;

const QUIET: Duration = Duration::from_millis(100);

/// Hands every message after `of.after` and up to `end` to `visit`, which may stop early.
pub(crate) async fn read(
    context: &Context,
    settings: &ReaderSettings,
    of: &FeedOf,
    end: u64,
    mut visit: impl FnMut(Item) -> ControlFlow<()> + Send,
) -> Result<(), PortError> {
    if end <= of.after {
        return Ok(());
    }
    let error = |why: String| PortError::new(format!("read {} of {}", of.filter, of.stream), why);
    let mut feed = Feed::open(context, of, settings).await?;
    let mut silent_since = Instant::now();
    loop {
        match feed.next(settings.batch, Instant::now() + QUIET).await {
            Got::Items(items) => {
                silent_since = Instant::now();
                for item in items {
                    if item.sequence > end || visit(item).is_break() {
                        return Ok(());
                    }
                }
            }
            Got::Quiet => {
                let next = Wanted::next(&of.filter, feed.position() + 1);
                match api::certain(context, of.stream, next).await? {
                    Some(more) if more.sequence <= end => {}
                    _ => return Ok(()),
                }
                if silent_since.elapsed() > settings.stalled() {
                    return Err(error("messages are there and do not come".to_owned()));
                }
            }
            // In a cluster, servers may not have heard yet of a consumer that was just made.
            Got::Broken(why) if silent_since.elapsed() < settings.stalled() => {
                tracing::debug!(filter = %of.filter, why, "a span is read on by another consumer");
                tokio::time::sleep(QUIET).await;
                let rest = FeedOf { after: feed.position(), ..of.clone() };
                feed = Feed::open(context, &rest, settings).await?;
            }
            Got::Broken(why) => return Err(error(why)),
        }
        if feed.position() >= end {
            return Ok(());
        }
    }
}
