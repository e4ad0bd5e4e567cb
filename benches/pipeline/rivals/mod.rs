//! What a team would write instead, as good as we can make it, with Earmark's guarantees of order
//! and of repeats: a worker a partition reads, decides in a store, delivers, and only then moves its
//! position on.
//!
//! The store decides and remembers the answer with the event's id in one step, so that what was
//! decided and not delivered is delivered by the repeat. The reader is Earmark's own, which is faster
//! than a durable pull consumer; its acknowledgement is the position, one write for what was read.

pub mod postgres;
pub mod redis_lua;
mod told;

use std::sync::Arc;

use anyhow::{Result, anyhow, bail};
use async_nats::{HeaderMap, jetstream::Context, jetstream::message::PublishMessage};
use async_trait::async_trait;
use bytes::Bytes;
use earmark::{
    domain::event::Lane,
    nats::{Connections, NatsInput, NatsSettings, ReaderSettings, names},
    ports::{Cursor, Input, LogMessage, Partition, Read, Reader, Source},
};
use futures::future::try_join_all;
use tokio::{sync::watch, task::JoinSet};

use self::told::Asked;
use crate::{log::PARTITIONS, servers::Nats};

/// Events that are decided together at most.
const TOGETHER: usize = 256;

/// What a store decided about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    pub granted: bool,
    /// It had been decided before.
    pub repeated: bool,
}

/// A store that decides. Within a call, and from call to call of a partition, in order.
#[async_trait]
pub trait Store: Send + Sync {
    /// Decides events of one partition.
    async fn decide(&self, partition: Partition, asked: &[Asked<'_>]) -> Result<Vec<Decided>>;

    /// Everything up to here has been delivered.
    async fn delivered(&self, partition: Partition, sequence: u64) -> Result<()>;
}

/// A worker a partition, which read when the gate is open.
pub struct Rival {
    workers: JoinSet<Result<()>>,
    gate: watch::Sender<bool>,
}

impl Rival {
    pub async fn start(nats: &Nats, store: Arc<dyn Store>, answered: bool) -> Result<Rival> {
        let settings = NatsSettings { url: nats.url(), ..NatsSettings::default() };
        let connections = Connections::open(&settings).await?;
        let input = NatsInput::new(connections.intake.clone(), ReaderSettings::default());
        let (gate, open) = watch::channel(false);
        let mut workers = JoinSet::new();
        for partition in 0..PARTITIONS {
            let lane = Source::Lane(Lane::Demand);
            let opened = input.open(partition, lane, Cursor::default()).await?;
            let (store, context) = (store.clone(), connections.release.clone());
            let teller = Teller { context, answered };
            let worker = Worker { partition, reader: opened.reader, store, teller };
            let mut open = open.clone();
            workers.spawn(async move {
                open.wait_for(|open| *open).await?;
                worker.run().await
            });
        }
        Ok(Rival { workers, gate })
    }

    pub fn open(&self) {
        self.gate.send_replace(true);
    }

    /// Returns only when a worker cannot go on.
    pub async fn failed(&mut self) -> anyhow::Error {
        match self.workers.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => error.into(),
            Some(Ok(Ok(()))) | None => anyhow!("a worker ended"),
        }
    }

    pub async fn stop(mut self) {
        self.workers.shutdown().await;
    }
}

struct Worker {
    partition: Partition,
    reader: Box<dyn Reader>,
    store: Arc<dyn Store>,
    teller: Teller,
}

impl Worker {
    async fn run(mut self) -> Result<()> {
        loop {
            let Read::Messages(messages) = self.reader.read(TOGETHER).await? else { continue };
            let asked = messages.iter().map(read).collect::<Result<Vec<Asked>>>()?;
            let decided = self.store.decide(self.partition, &asked).await?;
            if asked.len() != decided.len() {
                bail!("{} events, {} decisions", asked.len(), decided.len());
            }
            match self.teller.answered {
                true => self.teller.answer(&asked, &decided).await?,
                false => self.teller.publish(&asked, &decided).await?,
            }
            let last = messages.last().map_or(0, |message| message.sequence);
            self.store.delivered(self.partition, last).await?;
        }
    }
}

/// Delivers outcomes.
struct Teller {
    context: Context,
    answered: bool,
}

impl Teller {
    async fn answer(&self, asked: &[Asked<'_>], decided: &[Decided]) -> Result<()> {
        let client = self.context.client();
        let told = told::Teller::now();
        for (asked, decided) in asked.iter().zip(decided) {
            let Some(to) = asked.reply_to else { continue };
            let answer = told.answer(asked, *decided)?;
            client.publish(to.to_owned(), answer.into()).await?;
        }
        Ok(())
    }

    async fn publish(&self, asked: &[Asked<'_>], decided: &[Decided]) -> Result<()> {
        let told = told::Teller::now();
        let mut acks = Vec::with_capacity(asked.len());
        for (asked, decided) in asked.iter().zip(decided) {
            let outcome: Bytes = told.outcome(asked, *decided)?.into();
            let mut headers = HeaderMap::new();
            headers.insert("Nats-Msg-Id", asked.event.id.as_ref());
            let message = PublishMessage::build()
                .headers(headers)
                .payload(outcome)
                .expected_stream(names::OUT);
            let sent = self.context.send_publish(told::subject(asked, *decided), message).await?;
            acks.push(sent.into_future());
        }
        try_join_all(acks).await?;
        Ok(())
    }
}

fn read(message: &LogMessage) -> Result<Asked<'_>> {
    Asked::read(&message.payload).map_err(|why| anyhow!("{}: {why}", message.sequence))
}
