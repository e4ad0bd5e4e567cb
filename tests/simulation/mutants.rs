//! Each bug that is put in on purpose is found by the simulator, within so many seeds, by the check
//! that is meant for it; and in the same seeds nothing is found where no bug is in: `make mutants`.
//!
//! Each seed is played by a process of its own, which is this one with EARMARK_MUTANT set.

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    process::{Command, Stdio},
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use earmark::{domain::described::Described, mutants::Mutant};

use super::{case::Case, oracles::Oracle};

/// A seed takes seconds. The simulator's own time ends; this is for what never gives it a turn.
const PATIENCE: Duration = Duration::from_secs(300);

/// Each bug, the check that finds it, and how many seeds that may take, from the first on.
const FOUND: [(Mutant, Oracle, u64); 38] = [
    (Mutant::CommitSkipped, Oracle::Early, 3),
    (Mutant::EffectBeforeCommit, Oracle::Early, 3),
    (Mutant::FencedOwnerGoesOn, Oracle::Chain, 3),
    (Mutant::RetryMerged, Oracle::Chain, 3),
    (Mutant::TimeGoesBack, Oracle::Chain, 3),
    (Mutant::CommandNotJournaled, Oracle::Chain, 3),
    (Mutant::CursorNotSaved, Oracle::Read, 3),
    (Mutant::WaitingReversed, Oracle::Order, 3),
    (Mutant::QuarantineIgnored, Oracle::Quarantine, 5),
    (Mutant::KillerKept, Oracle::Read, 4),
    (Mutant::EffectsReversed, Oracle::Turn, 3),
    (Mutant::MarkAhead, Oracle::Out, 3),
    (Mutant::OutNotSearched, Oracle::Out, 5),
    (Mutant::OutLossUnnoticed, Oracle::Out, 20),
    (Mutant::LetterLost, Oracle::Turn, 5),
    (Mutant::AvailabilityUnordered, Oracle::Shown, 5),
    (Mutant::NewerForgotten, Oracle::Shown, 30),
    (Mutant::AnsweredAhead, Oracle::Asked, 3),
    (Mutant::DeltaOnAnything, Oracle::Chain, 20),
    (Mutant::LoadFromAnything, Oracle::Chain, 20),
    (Mutant::SnapshotAhead, Oracle::Chain, 3),
    (Mutant::PassivatedEarly, Oracle::Chain, 5),
    (Mutant::ColdDeadlinesIgnored, Oracle::Rest, 3),
    (Mutant::IdsNotLoaded, Oracle::Once, 3),
    (Mutant::ParkedNotKept, Oracle::Refused, 3),
    (Mutant::TailLossUnnoticed, Oracle::Loss, 20),
    (Mutant::DedupeOff, Oracle::Once, 3),
    (Mutant::FirstAnswerForgotten, Oracle::Repeat, 3),
    (Mutant::WrongFingerprint, Oracle::Repeat, 3),
    (Mutant::ExpiryIgnored, Oracle::Rest, 3),
    (Mutant::DeadlineByTimer, Oracle::Deadline, 3),
    (Mutant::DeadlineByPodClock, Oracle::Deadline, 5),
    (Mutant::ReleaseLost, Oracle::Rest, 3),
    (Mutant::ReleaseNotBurnt, Oracle::Gone, 20),
    (Mutant::ShipmentTwice, Oracle::Once, 20),
    (Mutant::OneTooMany, Oracle::Oversold, 5),
    (Mutant::CountNetsNothing, Oracle::Count, 5),
    (Mutant::AskedOnce, Oracle::Rest, 5),
];

/// Which checks complain of a seed, in a build with this bug in it.
fn complaints(mutant: Option<Mutant>, seed: u64) -> Vec<String> {
    let how = [("EARMARK_SEED", seed.to_string()), ("EARMARK_SHRINK", "no".to_owned())];
    let (text, success) = played(mutant, &how);
    let oracles = named(&text, seed);
    assert_eq!(success, oracles.is_empty(), "{mutant:?} in seed {seed}: {text}");
    oracles
}

/// The checks that complained of a seed, as a run prints them.
fn named(text: &str, seed: u64) -> Vec<String> {
    let begin = format!("seed {seed}: ");
    let names = text.lines().find_map(|line| line.strip_prefix(&begin));
    names.into_iter().flat_map(|names| names.split(", ")).map(str::to_owned).collect()
}

/// What a process of its own says of the seed or the case that its environment names, and whether
/// it found nothing.
fn played(mutant: Option<Mutant>, how: &[(&str, String)]) -> (String, bool) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let said = || Stdio::from(File::create(file.path()).expect("it can be written"));
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["every_seed_keeps_every_promise", "--exact", "--nocapture"]);
    command.env_remove("EARMARK_MUTANT").envs(how.iter().cloned());
    command.envs(mutant.map(|mutant| ("EARMARK_MUTANT", mutant.name())));
    let child = command.stdin(Stdio::null()).stdout(said()).stderr(Stdio::null()).spawn();
    let mut child = child.expect("it can be started");
    let began = Instant::now();
    let ended = loop {
        if let Some(ended) = child.try_wait().expect("it can be waited for") {
            break ended;
        }
        if began.elapsed() > PATIENCE {
            child.kill().expect("it can be ended");
            panic!("{mutant:?} hangs: {how:?}");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let text = std::fs::read_to_string(file.path()).expect("it can be read");
    (text, ended.success())
}

/// How many seeds it took until this check complained, and which others did of the same seed; all
/// seeds and no check if it did not.
fn found(mutant: Mutant, oracle: Oracle, within: u64) -> (u64, Vec<String>) {
    let mut seeds = (0..within).map(|seed| (seed + 1, complaints(Some(mutant), seed)));
    let found = seeds.find(|(_, oracles)| oracles.contains(&oracle.to_string()));
    found.unwrap_or((within, Vec::new()))
}

#[test]
fn each_bug_is_found_by_the_check_that_is_meant_for_it() {
    let next = AtomicUsize::new(0);
    let rows = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some((mutant, oracle, within)) = FOUND.get(place) else { return };
                    let row = found(*mutant, *oracle, *within);
                    rows.lock().unwrap().insert(place, row);
                }
            });
        }
    });
    let mut missed = Vec::new();
    for (place, (seeds, oracles)) in rows.into_inner().unwrap() {
        let (mutant, oracle, within) = FOUND[place];
        let name = mutant.name();
        println!("| `{name}` | {} | {} | {seeds} |", mutant.meaning(), oracles.join(", "));
        if oracles.is_empty() {
            missed.push(format!("{name}: {oracle} says nothing within {within} seeds"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let most = FOUND.iter().map(|(_, _, within)| *within).max().unwrap_or_default();
    let found: Vec<_> = (0..most).map(|seed| complaints(None, seed)).collect();
    assert!(found.iter().all(Vec::is_empty), "{found:?}");
}

#[test]
fn a_failure_becomes_a_small_case_that_fails_alone() {
    let seed = [("EARMARK_SEED", "0".to_owned())];
    let (text, success) = played(Some(Mutant::DedupeOff), &seed);
    assert!(!success, "{text}");
    let whole = named(&text, 0);
    let line = text.lines().find_map(|line| line.strip_prefix("smallest: EARMARK_CASE="));
    let case = [("EARMARK_CASE", line.expect("it says where it is").to_owned())];
    let small = Case::read(Path::new(&case[0].1));
    assert!(small.seconds < Case::of(0).seconds && small.without.len() > 20, "{small}");
    let (text, success) = played(Some(Mutant::DedupeOff), &case);
    assert!(!success && named(&text, 0).iter().any(|name| whole.contains(name)), "{text}");
    let (text, success) = played(None, &case);
    assert!(success, "{text}");
}

#[test]
fn every_bug_is_looked_for() {
    let looked_for = |mutant: &&Mutant| FOUND.iter().any(|(found, ..)| found == *mutant);
    let forgotten: Vec<_> = Mutant::ALL.iter().filter(|mutant| !looked_for(mutant)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
