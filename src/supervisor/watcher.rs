//! Looks at what stands around the partitions: servers, clocks, streams and lags.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{StreamExt, stream};

use super::{
    depths::{Ahead, Depths, StreamUsage, Unread},
    policy,
    report::Reach,
};
use crate::{
    domain::time::{Span, Timestamp},
    partition::Ports,
    ports::{Cursor, Partition, PortError, Source},
    telemetry,
};

/// Questions about lags that are asked at a time.
const AT_A_TIME: usize = 8;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whether NATS answers.
    pub nats: Reach,
    /// Whether Redis answers.
    pub redis: Reach,
    /// How far the pod's clock is ahead, if the server could be asked.
    pub clock_off: Option<Span>,
}

/// Asks both servers, each within a bound.
pub async fn look(ports: Ports, within: Duration) -> Seen {
    let before = ports.clock.now();
    let (server, stored) = tokio::join!(
        bounded(within, ports.input.server_time()),
        bounded(within, ports.snapshots.committed(0)),
    );
    let after = ports.clock.now();
    let seen = Seen {
        clock_off: server.as_ref().ok().map(|at| policy::clock_off(before, *at, after)),
        nats: reach(&server),
        redis: reach(&stored),
    };
    telemetry::watch::server("nats", seen.nats == Reach::Reachable);
    telemetry::watch::server("redis", seen.redis == Reach::Reachable);
    if let Some(off) = seen.clock_off {
        telemetry::watch::clock(off.0 as f64 / 1e6);
    }
    seen
}

async fn bounded<T>(
    within: Duration,
    ask: impl Future<Output = Result<T, PortError>>,
) -> Result<T, String> {
    match tokio::time::timeout(within, ask).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer in {within:?}")),
    }
}

fn reach<T>(answer: &Result<T, String>) -> Reach {
    match answer {
        Ok(_) => Reach::Reachable,
        Err(why) => Reach::Unreachable(why.clone()),
    }
}

/// What was measured.
pub struct Measured {
    /// What each partition has not read.
    pub unread: BTreeMap<Partition, Ahead>,
    /// How full the streams are, if they said so.
    pub streams: Option<Vec<StreamUsage>>,
}

/// Measures how far every source of these partitions is behind, and how full the streams are. So
/// many commands may wait for a partition.
pub async fn measure(
    depths: Arc<dyn Depths>,
    cursors: Vec<(Partition, [Cursor; 5])>,
    commands_max: usize,
    now: Timestamp,
) -> Measured {
    let sources = cursors.iter().flat_map(|(partition, cursors)| {
        Source::ALL.map(|source| (*partition, source, cursors[source.index()].sequence))
    });
    let questions: Vec<(Partition, Source, u64)> = sources.collect();
    let answers: Vec<(Partition, Source, Option<Unread>)> = stream::iter(questions)
        .map(|(partition, source, after)| {
            let depths = depths.clone();
            async move {
                let unread = unread(&*depths, partition, source, after, now).await;
                (partition, source, unread)
            }
        })
        .buffer_unordered(AT_A_TIME)
        .collect()
        .await;
    let mut all: BTreeMap<Partition, Ahead> = BTreeMap::new();
    for (partition, source, unread) in answers {
        let Some(unread) = unread else { continue };
        all.entry(partition).or_default().add(source, unread);
        if source == Source::Commands {
            telemetry::watch::commands(partition, unread.messages, commands_max);
        }
    }
    let streams = match depths.usage().await {
        Ok(streams) => Some(streams),
        Err(error) => {
            tracing::debug!(%error, "the streams were not measured");
            None
        }
    };
    streams.iter().flatten().for_each(|usage| {
        telemetry::watch::stream(usage.stream, usage.bytes, usage.fullness());
    });
    Measured { unread: all, streams }
}

async fn unread(
    depths: &dyn Depths,
    partition: Partition,
    source: Source,
    after: u64,
    now: Timestamp,
) -> Option<Unread> {
    match depths.unread(partition, source, after).await {
        Ok(unread) => {
            let age = unread.oldest.map_or(Span::ZERO, |oldest| now - oldest);
            let seconds = (age.0 as f64 / 1e6).max(0.0);
            telemetry::watch::lag(partition, source, unread.messages, seconds);
            Some(unread)
        }
        Err(error) => {
            tracing::debug!(partition, %error, "a lag was not measured");
            None
        }
    }
}
