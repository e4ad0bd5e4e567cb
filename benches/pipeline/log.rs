//! EARMARK_IN as every contestant finds it: set up by Earmark's own code, filled before any clock
//! starts, and kept as a store that each run gets a copy of.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use async_nats::jetstream::Context;
use earmark::{
    clock::SystemClock,
    nats::{NatsJournal, ReaderSettings, StreamSettings, setup},
    partition,
    ports::Clock,
};
use futures::future::try_join_all;

use crate::{
    servers::{Fsync, Nats, Store},
    workload::Workload,
};

pub const PARTITIONS: u16 = 16;
/// Publishes on their way.
const AT_ONCE: usize = 8_192;

/// How the streams are set up.
pub fn streams(fsync: Fsync) -> StreamSettings {
    let async_persistence = fsync == Fsync::Always;
    StreamSettings { partitions: PARTITIONS, async_persistence, ..StreamSettings::default() }
}

/// A store in which a workload waits to be read.
pub async fn fill(workload: &Workload, answered: bool, fsync: Fsync) -> Result<Store> {
    let nats = Nats::start(fsync, None).await?;
    let context = nats.context().await?;
    setup::apply(&context, &streams(fsync)).await?;
    seed(&context).await?;
    let now = SystemClock.now();
    publish(&context, workload.stock_events(now)).await.context("publish the stock")?;
    let event = |request: &usize| workload.event(*request, answered, now);
    publish(&context, workload.published.iter().map(event).collect())
        .await
        .context("publish the workload")?;
    drop(context);
    nats.stop().await
}

/// The first record of each partition, without which Earmark serves none.
async fn seed(context: &Context) -> Result<()> {
    let journal = NatsJournal::new(context.clone(), ReaderSettings::default(), 1 << 20);
    for partition in 0..PARTITIONS {
        let (now, batch) = (SystemClock.now(), SystemClock.unique());
        let seeded = partition::seed(&journal, partition, PARTITIONS, now, batch).await;
        seeded.map_err(|why| anyhow!("{why:?}"))?;
    }
    Ok(())
}

/// Publishes events in their order.
pub async fn publish(context: &Context, events: Vec<(String, String)>) -> Result<()> {
    let mut events = events.into_iter().peekable();
    while events.peek().is_some() {
        let mut acks = Vec::with_capacity(AT_ONCE);
        for (subject, event) in events.by_ref().take(AT_ONCE) {
            acks.push(context.publish(subject, event.into()).await?.into_future());
        }
        try_join_all(acks).await?;
    }
    Ok(())
}

/// How many messages a stream has.
pub async fn messages(context: &Context, stream: &str) -> Result<u64> {
    Ok(context.get_stream(stream).await?.cached_info().state.messages)
}

/// The last sequence of a stream.
pub async fn last_sequence(context: &Context, stream: &str) -> Result<u64> {
    Ok(context.get_stream(stream).await?.cached_info().state.last_sequence)
}

/// How often a stream is looked at while something fills it.
pub const LOOK_EVERY: Duration = Duration::from_millis(5);
