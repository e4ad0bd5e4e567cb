//! What a decision costs the engine: one partition between ports that cost nothing.
//!
//! `cargo bench --bench decisions -- [EVENTS] [SKUS]` has a partition read, decide, commit, release
//! and keep holds that ask for an answer, and says what that cost the process in CPU time. Wall
//! time would say more of the machine than of the engine.

mod holds;
mod ports;

use std::{sync::Arc, time::Duration};

use anyhow::{Result, bail};
use earmark::{
    contract::Limits,
    domain::policy::Policy,
    partition::{
        Bounds, Credit, Env, Exit, Formats, Hands, Published, Start, Status, seed_all, serve,
    },
    query::Desks,
};
use mimalloc::MiMalloc;
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeVal,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use ports::Memory;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

const EVENTS: usize = 100_000;
const SKUS: usize = 1_250;

fn main() -> Result<()> {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let (events, skus) = (numbers.next().unwrap_or(EVENTS), numbers.next().unwrap_or(SKUS));
    for answered in [true, false] {
        for availability in [false, true] {
            let told = Told { answered, availability };
            actix::System::new().block_on(measure(events, skus, told))?;
        }
    }
    Ok(())
}

/// What the world is told of a decision.
#[derive(Clone, Copy)]
struct Told {
    answered: bool,
    availability: bool,
}

async fn measure(events: usize, skus: usize, told: Told) -> Result<()> {
    let memory =
        Arc::new(Memory::new(holds::stock(skus), holds::holds(events, skus, told.answered)));
    let ports = memory.clone().ports();
    if let Err(exit) = seed_all(&*ports.journal, 1, &*ports.clock).await {
        bail!("{exit:?}");
    }
    let (status, mut heard) = watch::channel(Status::default());
    let (_credit, credit) = watch::channel(Credit::default());
    let stop = CancellationToken::new();
    let env = Env {
        partition: 0,
        partitions: 1,
        owner: "bench".to_owned(),
        ports,
        policy: Arc::new(Policy::default()),
        limits: Limits::default(),
        published: published(told),
        bounds: Bounds::default(),
        formats: Formats::default(),
        hands: Hands::default(),
        tap: None,
        desks: Desks::default(),
        credit,
        pace: Arc::default(),
        status,
        stop: stop.clone(),
    };
    let serving = actix::spawn(serve(env, Start::Anew));
    let read = |status: &Status, source: usize, up_to: usize| {
        status.settled && status.read[source].sequence >= up_to as u64
    };
    heard.wait_for(|status| read(status, ports::FULFILMENT, skus)).await?;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let before = cpu()?;
    memory.open_demand();
    heard.wait_for(|status| read(status, ports::DEMAND, events)).await?;
    let spent = cpu()?.saturating_sub(before);
    let records = memory.records();
    let name = if told.answered { "answered" } else { "published" };
    let shown = if told.availability { "with availability" } else { "without" };
    println!(
        "{name:9} {shown:17} {:6.2} us a decision, {records} records, {} told",
        spent.as_secs_f64() * 1e6 / events as f64,
        memory.told()
    );
    stop.cancel();
    match serving.await? {
        Exit::Left => Ok(()),
        exit => bail!("{exit:?}"),
    }
}

fn published(told: Told) -> Published {
    let mut published = Published { availability: told.availability, ..Published::default() };
    if told.answered {
        let kinds = ["hold.granted", "event.refused"];
        published.left_out.extend(kinds.map(str::to_owned));
    }
    published
}

/// What the process has used so far.
fn cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let span = |time: TimeVal| {
        Duration::from_secs(time.tv_sec().unsigned_abs())
            + Duration::from_micros(time.tv_usec().unsigned_abs())
    };
    Ok(span(usage.user_time()) + span(usage.system_time()))
}
