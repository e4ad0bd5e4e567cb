//! The simulator: the real engine on a simulated world, from a seed.
//!
//! `cargo test --test simulation` runs 300 seeds, each twice; `EARMARK_SEEDS=1000` another number,
//! `EARMARK_SEEDS=300..400` others, `EARMARK_SEED=17` one. A failure prints its seed;
//! `EARMARK_TRACE=order-325` then prints every entry of the journal that says so. See
//! `tests/README.md`.

mod archive;
mod asking;
mod checks;
mod conforms;
mod coverage;
mod director;
mod formats;
mod linearizable;
#[cfg(feature = "mutants")]
mod mutants;
mod operator;
mod oracles;
mod pod;
mod ports;
mod rest;
mod rules;
mod shoppers;
mod simulation;
#[path = "../conformance/suite/mod.rs"]
mod suite;
mod turns;
mod workload;
mod world;

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use oracles::Oracle;
use simulation::{Report, run};

/// The simulated time of a seed, in seconds.
const SECONDS: u64 = 65;

/// How many seeds are played if nothing else is said.
const SEEDS: u64 = 300;

/// From so many seeds on, everything must have occurred at least once.
const COVERING: usize = 100;

/// Runs a seed in a runtime of its own, on this thread, on paused time.
fn play(seed: u64) -> Report {
    play_for(seed, SECONDS)
}

fn play_for(seed: u64, seconds: u64) -> Report {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime")
    };
    actix::System::with_tokio_rt(runtime).block_on(run(seed, seconds))
}

/// The seeds that the environment asks for: one, so many, or a range of them.
fn seeds() -> Vec<u64> {
    let number = |text: &str| text.trim().parse::<u64>().expect("a number");
    if let Ok(seed) = std::env::var("EARMARK_SEED") {
        return vec![number(&seed)];
    }
    let asked = std::env::var("EARMARK_SEEDS").unwrap_or_else(|_| SEEDS.to_string());
    match asked.split_once("..") {
        Some((from, to)) => (number(from)..number(to)).collect(),
        None => (0..number(&asked)).collect(),
    }
}

#[test]
fn every_seed_keeps_every_promise() {
    std::panic::set_hook(Box::new(|info| {
        if !info.to_string().contains("a bug in the entity's code") {
            eprintln!("{info}");
        }
    }));
    let seeds = seeds();
    let next = AtomicU64::new(0);
    let tally = Mutex::new(world::Tally::new());
    let failures = Mutex::new(Vec::new());
    let events = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    let first = play(*seed);
                    events.fetch_add(first.events, Ordering::Relaxed);
                    let mut failed = first.violations;
                    if first.events < 2_000 {
                        failed.push(format!("{}: only {} events", Oracle::Few, first.events));
                    }
                    if failed.is_empty() && first.journal != play(*seed).journal {
                        let what = "the journal differs the second time";
                        failed.push(format!("{}: {what}", Oracle::Same));
                    }
                    for (what, times) in first.tally {
                        *tally.lock().unwrap().entry(what).or_default() += times;
                    }
                    if !failed.is_empty() {
                        failures.lock().unwrap().push((*seed, failed));
                    }
                }
            });
        }
    });
    for (what, times) in tally.lock().unwrap().iter() {
        println!("{times:>10}  {what}");
    }
    println!("{:>10}  events in {} seeds", events.load(Ordering::Relaxed), seeds.len());
    let failures = failures.into_inner().unwrap();
    for (seed, violations) in &failures {
        let oracles: BTreeSet<&str> =
            violations.iter().filter_map(|what| Some(what.split_once(':')?.0)).collect();
        println!("seed {seed}: {}", Vec::from_iter(oracles).join(", "));
        for violation in violations.iter().take(5) {
            println!("  {}", violation.chars().take(1_500).collect::<String>());
        }
    }
    if seeds.len() >= COVERING {
        let missing = coverage::missing(&tally.lock().unwrap());
        assert!(missing.is_empty(), "never occurred: {missing:?}");
    }
    let failed: Vec<u64> = failures.iter().map(|(seed, _)| *seed).collect();
    assert!(failed.is_empty(), "seeds that broke a promise: {failed:?}");
}
