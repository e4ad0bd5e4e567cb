//! Hostile input: whatever the bytes, everything that reads bytes gives an answer.
//!
//! Each target of `targets.rs` is given its seeds as they are, all that was ever found (the files of
//! `corpus/<target>`), and then EARMARK_HOSTILE (20,000) of its seeds with random edits: the same
//! ones each time, others for each number that EARMARK_HOSTILE_SEED is set to. A failure is made
//! small, written to `target/hostile/<target>`, and belongs into the corpus once it is mended; what
//! ends the whole process is found there too. `make fuzz` plays the same targets, guided by
//! coverage.

mod edits;
mod seeds;
mod targets;

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    sync::Once,
};

use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

/// Inputs that each target is tried with, unless the environment says otherwise.
const INPUTS: u32 = 20_000;

thread_local! {
    /// While inputs are tried, panics are counted and not told.
    static TRYING: Cell<bool> = const { Cell::new(false) };
}

fn tell_no_panics_of_targets() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| match TRYING.get() {
            true => {}
            false => tell(panic),
        }));
    });
}

/// Tries a target: what it is given must end neither it nor the process.
fn try_out(target: &str) {
    tell_no_panics_of_targets();
    let run = targets::by_name(target).expect("the target is known");
    let last = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/hostile").join(target);
    fs::create_dir_all(last.parent().expect("it has one")).expect("a directory can be made");
    let seeds = seeds::of(target);
    assert!(seeds.len() > 1, "{target} has seeds to begin with");
    seeds.iter().for_each(|seed| noting(&last, seed, run));
    if let Ok(folder) = std::env::var("EARMARK_HOSTILE_SEEDS") {
        write_down(&seeds, &Path::new(&folder).join(target));
    }

    let inputs = from_environment("EARMARK_HOSTILE", INPUTS);
    let config = Config {
        cases: inputs,
        failure_persistence: None,
        max_shrink_iters: 4_096,
        ..Config::default()
    };
    let number = from_environment("EARMARK_HOSTILE_SEED", 1);
    let seed = blake3::hash(format!("{target} {number}").as_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, seed.as_bytes());
    TRYING.set(true);
    let result = TestRunner::new_with_rng(config, rng).run(&edits::of(&seeds), |bytes| {
        noting(&last, &bytes, run);
        Ok(())
    });
    TRYING.set(false);
    if let Err(TestError::Fail(why, bytes)) = result {
        fs::write(&last, &bytes).expect("it can be written");
        let text = String::from_utf8_lossy(&bytes);
        panic!("{target}: {why}\nof {} bytes, kept in {}:\n{text}", bytes.len(), last.display());
    }
    println!("{target}: {} seeds, {inputs} inputs", seeds.len());
    fs::remove_file(&last).expect("nothing failed");
}

fn from_environment(name: &str, otherwise: u32) -> u32 {
    let said = std::env::var(name).ok();
    said.map_or(otherwise, |said| said.parse().unwrap_or_else(|_| panic!("{name}: a number")))
}

/// Seeds as files, for whoever wants them so.
fn write_down(seeds: &[Vec<u8>], folder: &Path) {
    fs::create_dir_all(folder).expect("a directory can be made");
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(number.to_string()), seed).expect("it can be written");
    }
}

/// Runs a target on bytes that are written down first: if it ends the process, they are left.
fn noting(last: &Path, bytes: &[u8], run: targets::Target) {
    fs::write(last, bytes).expect("it can be written");
    run(bytes);
}

/// A test for each target.
macro_rules! tried_out {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            try_out(stringify!($name));
        })*

        #[test]
        fn no_target_is_left_out() {
            assert_eq!(vec![$(stringify!($name)),*], targets::names());
        }
    };
}

tried_out! {
    archive cluster commands control dead_letter_table event key letter plan question record scenario
    settings snapshot
}
