//! From publication to the committed answer, in an open loop: events are published when they are
//! due, whatever became of the ones before, at half of the rate that publishers sustain; and an
//! answer's time counts from when its event was due.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use async_nats::jetstream::{Context, context::PublishAckFuture};
use bytes::Bytes;
use earmark::{clock::SystemClock, ports::Clock};
use hdrhistogram::Histogram;
use tokio::{sync::mpsc, task::JoinSet};

use crate::{
    check,
    contest::{Contestant, Decider, Lasting, Setting},
    listener::Listener,
    servers::{Nats, Store},
    workload::Workload,
};

/// How many publishers there are, each with a connection of its own.
const PUBLISHERS: usize = 2;
/// Publishes of a publisher that wait for their acknowledgement at most.
const IN_FLIGHT: usize = 4_096;
/// Publishes by which it is found out what publishers sustain.
const SUSTAINED: usize = 150_000;
/// How long until the first event is due.
const AHEAD: Duration = Duration::from_millis(1);
/// How long the last answers may take.
const BOUND: Duration = Duration::from_secs(120);

/// How long answers took.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// What publishers sustain, a second.
    pub publishers: f64,
    /// What was published, a second.
    pub rate: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
}

/// How events are published.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// What publishers sustain, a second: half of it is published.
    pub publishers: f64,
    pub lasts: Duration,
}

type Event = (String, Bytes);

/// How much publishers sustain, alone with the server.
pub async fn sustained(setting: Setting, store: &Store, workload: &Workload) -> Result<f64> {
    let nats = Nats::start(setting.fsync, Some(store)).await?;
    let events = events(workload, workload.requests.len().min(SUSTAINED));
    let began = Instant::now();
    let count = events.len() as f64;
    publish(&nats, events, |_| Duration::ZERO, began).await?;
    Ok(count / began.elapsed().as_secs_f64())
}

/// Publishes for so long, and measures.
pub async fn measure(
    contestant: Contestant,
    setting: Setting,
    store: &Store,
    workload: &Workload,
    lasting: &Lasting,
    pace: Pace,
) -> Result<Latency> {
    let Pace { publishers, lasts } = pace;
    let rate = publishers / 2.0;
    let nats = Nats::start(setting.fsync, Some(store)).await?;
    let listener = Listener::start(nats.port())?;
    let mut decider =
        Decider::start(contestant, setting, workload, &nats, lasting, &listener).await?;
    let before = decider.answered_before(workload);
    let count = ((rate * lasts.as_secs_f64()) as usize).min(workload.requests.len());
    let events = events(workload, count);
    decider.open();
    let due = move |n: usize| Duration::from_secs_f64(n as f64 / rate);
    let began = Instant::now() + AHEAD;
    let all = async {
        publish(&nats, events, due, began).await?;
        listener.wait(before + count, BOUND).await
    };
    tokio::select! {
        all = all => all?,
        why = decider.failed() => return Err(why),
    }
    decider.stop().await?;
    let heard = listener.finish()?;
    check::answers(&workload.first(count), &heard)?;
    let mut times = Histogram::<u64>::new(3)?;
    for answer in &heard.answers {
        let Some(request) = answer.token.checked_sub(workload.skus.len()) else { continue };
        let took = answer.at.saturating_duration_since(began + due(request));
        times.record(took.as_micros().max(1) as u64)?;
    }
    let ms = |quantile: f64| times.value_at_quantile(quantile) as f64 / 1e3;
    let (p50_ms, p99_ms, p999_ms) = (ms(0.5), ms(0.99), ms(0.999));
    Ok(Latency { publishers, rate, p50_ms, p99_ms, p999_ms })
}

/// The first requests as they are published.
fn events(workload: &Workload, count: usize) -> Vec<Event> {
    let now = SystemClock.now();
    let event = |request| {
        let (subject, event) = workload.event(request, true, now);
        (subject, Bytes::from(event))
    };
    (0..count).map(event).collect()
}

/// Publishes each when it is due, and waits for the last acknowledgement.
async fn publish(
    nats: &Nats,
    events: Vec<Event>,
    due: impl Fn(usize) -> Duration + Copy + Send + 'static,
    began: Instant,
) -> Result<()> {
    let mut shares: Vec<Vec<(usize, Event)>> = (0..PUBLISHERS).map(|_| Vec::new()).collect();
    for (n, event) in events.into_iter().enumerate() {
        shares[n % PUBLISHERS].push((n, event));
    }
    let mut publishers = JoinSet::new();
    for share in shares {
        let context = nats.context().await?;
        publishers.spawn(publish_share(context, share, due, began));
    }
    while let Some(ended) = publishers.join_next().await {
        ended??;
    }
    Ok(())
}

async fn publish_share(
    context: Context,
    share: Vec<(usize, Event)>,
    due: impl Fn(usize) -> Duration,
    began: Instant,
) -> Result<()> {
    let (sent, mut waits) = mpsc::channel::<PublishAckFuture>(IN_FLIGHT);
    let acknowledged = tokio::spawn(async move {
        while let Some(ack) = waits.recv().await {
            ack.await.context("a publish was not acknowledged")?;
        }
        Ok::<_, anyhow::Error>(())
    });
    for (n, (subject, event)) in share {
        let at = began + due(n);
        if at > Instant::now() {
            tokio::time::sleep_until(tokio::time::Instant::from_std(at)).await;
        }
        let ack = context.publish(subject, event).await?;
        sent.send(ack).await.map_err(|_| anyhow!("a publish was not acknowledged"))?;
    }
    drop(sent);
    acknowledged.await?
}
