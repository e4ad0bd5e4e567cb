//! What the log alone allows: 16 filtered consumers, read by Earmark's own reader, that do nothing;
//! and a chain of consume, parse, publish, acknowledged, that decides nothing.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use earmark::{
    contract::{Limits, decode},
    domain::event::Lane,
    nats::{Connections, NatsInput, NatsOutbox, NatsSettings, ReaderSettings},
    ports::{Cursor, Input, LogMessage, Outbox, Outgoing, Outlet, Read, Source},
};
use tokio::task::JoinSet;

use crate::{log::PARTITIONS, servers::Nats};

/// Messages that are taken at a time, as the engine takes them.
const READ: usize = 256;

/// How long reading alone takes.
pub async fn read(nats: &Nats, events: usize) -> Result<Duration> {
    run(nats, events, false).await
}

/// How long reading, parsing and publishing take.
pub async fn chain(nats: &Nats, events: usize) -> Result<Duration> {
    run(nats, events, true).await
}

async fn run(nats: &Nats, events: usize, publish: bool) -> Result<Duration> {
    let settings = NatsSettings { url: nats.url(), ..NatsSettings::default() };
    let connections = Connections::open(&settings).await?;
    let input = NatsInput::new(connections.intake.clone(), ReaderSettings::default());
    let outbox = NatsOutbox::new(connections.release.clone(), ReaderSettings::default());
    let outbox = publish.then(|| Arc::new(outbox));
    let mut readers = Vec::new();
    for partition in 0..PARTITIONS {
        readers.push(input.open(partition, Source::Lane(Lane::Demand), Cursor::default()).await?);
    }
    let done = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for mut opened in readers {
        let (done, outbox) = (done.clone(), outbox.clone());
        tasks.spawn(async move {
            while done.load(Ordering::Relaxed) < events {
                match opened.reader.read(READ).await? {
                    Read::Messages(messages) => {
                        let count = messages.len();
                        if let Some(outbox) = &outbox {
                            pass_on(outbox, messages).await?;
                        }
                        if done.fetch_add(count, Ordering::Relaxed) + count >= events {
                            return Ok(Some(began.elapsed()));
                        }
                    }
                    Read::Drained(_) => {}
                }
            }
            Ok::<_, anyhow::Error>(None)
        });
    }
    while let Some(ended) = tasks.join_next().await {
        if let Some(took) = ended?? {
            return Ok(took);
        }
    }
    bail!("not all of the log was read")
}

async fn pass_on(outbox: &NatsOutbox, messages: Vec<LogMessage>) -> Result<()> {
    let limits = Limits::default();
    let outgoing = messages.into_iter().map(|message| {
        let event = decode(&message.payload, &limits);
        let event = event.map_err(|why| anyhow::anyhow!("{why}"))?;
        Ok(Outgoing {
            outlet: Outlet::Out,
            subject: format!("earmark.out.chain.{}.passed", message.sequence),
            id: Some(format!("chain-{}", message.sequence)),
            headers: Vec::new(),
            payload: format!("{:?}", event.kind).into_bytes().into(),
            after: None,
        })
    });
    let outgoing = outgoing.collect::<Result<Vec<_>>>()?;
    for sent in outbox.send(outgoing).await {
        sent.map_err(|why| anyhow::anyhow!("{why:?}"))?;
    }
    Ok(())
}
