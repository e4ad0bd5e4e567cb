//! Earmark, what the log alone allows, and what a team would write instead, on real servers: one
//! run, a table, nothing by hand.

#[path = "../../tests/harness/mod.rs"]
mod harness;

mod earmark_pod;
mod floor;
mod gate;
mod listener;
mod log;
mod servers;
mod workload;

use anyhow::Result;
use mimalloc::MiMalloc;
use servers::{Fsync, Nats};
use workload::{Kind, Workload};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<()> {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.enable_all().build().unwrap_or_else(|error| {
            eprintln!("no threads: {error}");
            std::process::exit(1)
        })
    };
    actix::System::with_tokio_rt(runtime).block_on(run())
}

async fn run() -> Result<()> {
    for kind in Kind::ALL {
        let n = std::env::var("N").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
        let workload = Workload::new(kind, if kind == Kind::Orders { n / 5 } else { n });
        for fsync in Fsync::ALL {
            for answered in [true, false] {
                let store = log::fill(&workload, answered, fsync).await?;
                for _ in 0..2 {
                    let events = workload.published.len();
                    let units = workload.units() as f64;
                    let nats = Nats::start(fsync, Some(&store)).await?;
                    let floor = floor::read(&nats, events).await?;
                    drop(nats);
                    let nats = Nats::start(fsync, Some(&store)).await?;
                    let chain = floor::chain(&nats, events).await?;
                    drop(nats);
                    let rate = |took: std::time::Duration| units / took.as_secs_f64();
                    println!(
                        "{} {} answered={answered}: floor {:.0} chain {:.0}",
                        kind.name(),
                        fsync.name(),
                        rate(floor),
                        rate(chain)
                    );
                    for availability in [false, true] {
                        if kind == Kind::Orders && answered {
                            continue;
                        }
                        let nats = Nats::start(fsync, Some(&store)).await?;
                        let redis = servers::redis().await;
                        let told = earmark_pod::Told { answered, availability };
                        let (took, _) =
                            earmark_pod::decide(&nats, &redis, fsync, told, &workload).await?;
                        println!(
                            "   earmark availability={availability}: {:.0} ({:.3} of floor)",
                            rate(took),
                            floor.as_secs_f64() / took.as_secs_f64()
                        );
                    }
                }
            }
        }
    }
    Ok(())
}
