//! Hostile input: whatever the bytes, everything that reads bytes gives an answer.
//!
//! Each target of `targets.rs` is given its seeds as they are, all that was ever found (the files of
//! `corpus/<target>`), and then, for EARMARK_HOSTILE_S seconds (4), its seeds with random edits. A
//! failure is made small, written to `target/hostile/<target>`, and belongs into the corpus once it
//! is mended; what ends the whole process is found there too. `make fuzz` plays the same targets,
//! guided by coverage.

mod edits;
mod seeds;
mod targets;

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    sync::Once,
    time::{Duration, Instant},
};

use proptest::test_runner::{Config, TestError, TestRunner};

/// Seconds that each target is tried for, unless the environment says otherwise.
const SECONDS: u64 = 4;
/// Inputs between two looks at the clock.
const ROUND: u32 = 64;

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

    let seconds = std::env::var("EARMARK_HOSTILE_S").ok();
    let seconds = seconds.map_or(SECONDS, |said| said.parse().expect("EARMARK_HOSTILE_S: seconds"));
    let until = Instant::now() + Duration::from_secs(seconds);
    let config = Config { cases: ROUND, failure_persistence: None, ..Config::default() };
    let mut tried = 0;
    while Instant::now() < until {
        TRYING.set(true);
        let result = TestRunner::new(config.clone()).run(&edits::of(&seeds), |bytes| {
            noting(&last, &bytes, run);
            Ok(())
        });
        TRYING.set(false);
        if let Err(TestError::Fail(why, bytes)) = result {
            fs::write(&last, &bytes).expect("it can be written");
            let text = String::from_utf8_lossy(&bytes);
            panic!(
                "{target}: {why}\nof {} bytes, kept in {}:\n{text}",
                bytes.len(),
                last.display()
            );
        }
        tried += ROUND;
    }
    println!("{target}: {} seeds, {tried} inputs", seeds.len());
    fs::remove_file(&last).expect("nothing failed");
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
