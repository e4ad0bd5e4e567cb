//! The simulator: the real engine on a simulated world, from a seed.
//!
//! `cargo test --test simulation` runs 500 seeds; `EARMARK_SEEDS=1000` another number,
//! `EARMARK_SEEDS=300..400` others, `EARMARK_SEED=17` one. A failure prints its seed, and the
//! smallest case of it that still fails, which `EARMARK_CASE=FILE` plays; `EARMARK_TRACE=order-325`
//! then prints every entry of the journal that says so. See `tests/README.md`.

mod archive;
mod asking;
mod case;
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
mod shrink;
mod simulation;
#[path = "../conformance/suite/mod.rs"]
mod suite;
mod turns;
mod workload;
mod world;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use case::Case;
use oracles::Oracle;
use simulation::{Report, run};
use world::Tally;

/// The tests allocate as the program does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How many seeds are played if nothing else is said.
const SEEDS: u64 = 500;

/// Seeds beyond those in which something was found: they are played, too.
const FOUND: [u64; 1] = [1_304];

/// From so many seeds on, everything must have occurred at least once.
const COVERING: usize = 100;

/// Of so many seeds, one is played twice: the second journal must be the same to the byte.
const TWICE_EVERY: u64 = 10;

/// Fewer events in a whole run are too few to find fault with.
const EVENTS_MIN: u64 = 1_200;

/// Runs a case in a runtime of its own, on this thread, on paused time.
fn play(case: Case) -> Report {
    play_and(case, true)
}

fn play_and(case: Case, checked: bool) -> Report {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime")
    };
    actix::System::with_tokio_rt(runtime).block_on(run(case, checked))
}

/// The cases that the environment asks for: a file, one seed, so many, or a range of them.
fn cases() -> Vec<Case> {
    let number = |text: &str| text.trim().parse::<u64>().expect("a number");
    if let Ok(file) = std::env::var("EARMARK_CASE") {
        return vec![Case::read(Path::new(&file))];
    }
    if let Ok(seed) = std::env::var("EARMARK_SEED") {
        return vec![Case::of(number(&seed))];
    }
    let Ok(asked) = std::env::var("EARMARK_SEEDS") else {
        return (0..SEEDS).chain(FOUND).map(Case::of).collect();
    };
    let seeds = match asked.split_once("..") {
        Some((from, to)) => number(from)..number(to),
        None => 0..number(&asked),
    };
    seeds.map(Case::of).collect()
}

/// What a case broke.
struct Failure {
    case: Case,
    violations: Vec<String>,
}

impl Failure {
    /// The names of the checks that complained.
    fn oracles(&self) -> BTreeSet<&str> {
        self.violations.iter().filter_map(|what| Some(what.split_once(':')?.0)).collect()
    }

    fn print(&self) {
        println!("seed {}: {}", self.case.seed, Vec::from_iter(self.oracles()).join(", "));
        for violation in self.violations.iter().take(5) {
            println!("  {}", violation.chars().take(1_500).collect::<String>());
        }
    }

    /// The smallest case of which one of the same checks complains, written to a file.
    fn shrink(&self) -> (Case, PathBuf) {
        let oracles = self.oracles();
        let fails = |case: &Case| {
            let failure = Failure { case: case.clone(), violations: judged(case).1 };
            !failure.oracles().is_disjoint(&oracles)
        };
        let small = shrink::smallest(self.case.clone(), fails);
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}.toml", small.seed));
        std::fs::write(&file, small.to_string()).expect("the case can be written");
        (small, file)
    }
}

/// What all cases came to.
#[derive(Default)]
struct Played {
    tally: Tally,
    events: u64,
    simulated: Duration,
    failures: Vec<Failure>,
}

impl Played {
    fn add(&mut self, case: &Case, report: Option<Report>, violations: Vec<String>) {
        let report = report.unwrap_or_default();
        self.events += report.events;
        self.simulated += report.simulated;
        for (what, times) in report.tally {
            *self.tally.entry(what).or_default() += times;
        }
        if !violations.is_empty() {
            self.failures.push(Failure { case: case.clone(), violations });
        }
    }

    fn print(&self, cases: usize, took: Duration) {
        for (what, times) in &self.tally {
            println!("{times:>10}  {what}");
        }
        println!("{:>10}  events in {cases} seeds", self.events);
        let simulated = self.simulated.as_secs_f64() / took.as_secs_f64();
        println!("{simulated:>10.0}  simulated minutes a minute");
        self.failures.iter().for_each(Failure::print);
    }
}

/// What a case comes to, and what is wrong with it, and with a second run where there is to be one.
fn judged(case: &Case) -> (Option<Report>, Vec<String>) {
    let Ok(report) = std::panic::catch_unwind(|| play(case.clone())) else {
        return (None, vec![format!("{}: see above", Oracle::Panic)]);
    };
    let mut found = report.violations.clone();
    if case.is_whole() && report.events < EVENTS_MIN {
        found.push(format!("{}: only {} events", Oracle::Few, report.events));
    }
    let twice = found.is_empty() && case.seed.is_multiple_of(TWICE_EVERY);
    if twice && report.journal != play_and(case.clone(), false).journal {
        found.push(format!("{}: the journal differs the second time", Oracle::Same));
    }
    (Some(report), found)
}

/// Plays them on two threads.
fn play_all(cases: &[Case]) -> Played {
    let next = AtomicUsize::new(0);
    let played = Mutex::new(Played::default());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (report, violations) = judged(case);
                    played.lock().unwrap().add(case, report, violations);
                }
            });
        }
    });
    played.into_inner().unwrap()
}

#[test]
fn every_seed_keeps_every_promise() {
    std::panic::set_hook(Box::new(|info| {
        if !info.to_string().contains("a bug in the entity's code") {
            eprintln!("{info}");
        }
    }));
    let (cases, began) = (cases(), Instant::now());
    let played = play_all(&cases);
    played.print(cases.len(), began.elapsed());
    let whole = played.failures.first().filter(|failure| failure.case.is_whole());
    if let Some(first) = whole.filter(|_| std::env::var("EARMARK_SHRINK").as_deref() != Ok("no")) {
        let (small, file) = first.shrink();
        println!("smallest: EARMARK_CASE={}\n{small}", file.display());
    }
    let failed: Vec<u64> = played.failures.iter().map(|failure| failure.case.seed).collect();
    assert!(failed.is_empty(), "seeds that broke a promise: {failed:?}");
    if cases.len() >= COVERING {
        let missing = coverage::missing(&played.tally);
        assert!(missing.is_empty(), "never occurred: {missing:?}");
    }
}
