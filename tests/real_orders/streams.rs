//! Reads a whole stream, or what was added to it, with explicit batches.
//!
//! Each call makes a consumer of its own after a sequence and asks batch by batch until the end that
//! the stream had when the call began. A batch that fails or brings less than is there is asked
//! for again by a new consumer, so that nothing depends on a client's own idea of what is on the way.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use async_nats::jetstream::{
    Context,
    consumer::{AckPolicy, Consumer, DeliverPolicy, pull},
    stream::Stream,
};
use bytes::Bytes;
use earmark::domain::time::Timestamp;
use futures::StreamExt;

/// Messages asked for at once.
const BATCH: usize = 1_000;
/// For how long nothing may come. A cluster that chooses a leader answers nobody meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);
/// From a consumer that brought nothing to the next.
const PAUSE: Duration = Duration::from_millis(100);

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its sequence.
    pub sequence: u64,
    /// When the stream took it.
    pub at: Timestamp,
    /// Its subject.
    pub subject: String,
    /// What was published.
    pub payload: Bytes,
}

/// Everything in a stream after a sequence, up to the end that the stream has now.
pub async fn read_after(context: &Context, name: &str, after: u64) -> Result<Vec<Stored>> {
    let stream = open(context, name).await?;
    let state = &stream.cached_info().state;
    let (end, mut last) = (state.last_sequence, after.max(state.first_sequence.saturating_sub(1)));
    let (mut messages, mut since) = (Vec::new(), Instant::now());
    while last < end {
        let so_far = messages.len();
        let read = read_some(&stream, last, end, &mut messages).await;
        last = messages.last().map_or(last, |message: &Stored| message.sequence);
        if messages.len() > so_far {
            since = Instant::now();
        } else if since.elapsed() < PATIENCE {
            tokio::time::sleep(PAUSE).await;
        } else {
            read?;
            bail!("{name} ends at {end} and nothing comes after {last}");
        }
    }
    Ok(messages)
}

async fn open(context: &Context, name: &str) -> Result<Stream> {
    let began = Instant::now();
    loop {
        match context.get_stream(name).await {
            Err(_) if began.elapsed() < PATIENCE => tokio::time::sleep(PAUSE).await,
            opened => return opened.with_context(|| format!("open {name}")),
        }
    }
}

/// Adds the messages after `after` up to `end`, as far as one consumer brings them.
async fn read_some(
    stream: &Stream,
    after: u64,
    end: u64,
    messages: &mut Vec<Stored>,
) -> Result<()> {
    let config = pull::Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after + 1 },
        ack_policy: AckPolicy::None,
        memory_storage: true,
        ..Default::default()
    };
    let consumer = stream.create_consumer(config).await.context("make a consumer")?;
    let read = read_batches(&consumer, end, messages).await;
    // The server lets it go by itself if this fails.
    let _ = stream.delete_consumer(&consumer.cached_info().name).await;
    read
}

async fn read_batches(
    consumer: &Consumer<pull::Config>,
    end: u64,
    messages: &mut Vec<Stored>,
) -> Result<()> {
    loop {
        let before = messages.len();
        let mut batch = consumer.fetch().max_messages(BATCH).messages().await?;
        while let Some(message) = batch.next().await {
            let message = message.map_err(|error| anyhow::anyhow!("read a batch: {error}"))?;
            let info = message.info().map_err(|e| anyhow::anyhow!("{e}"))?;
            let (sequence, at) = (info.stream_sequence, info.published.unix_timestamp_nanos());
            let at = Timestamp(i64::try_from(at / 1_000)?);
            let (subject, payload) = (message.subject.to_string(), message.payload.clone());
            messages.push(Stored { sequence, at, subject, payload });
        }
        let reached = messages.last().is_some_and(|message| message.sequence >= end);
        if reached || messages.len() == before {
            return Ok(());
        }
    }
}
