//! A target of `tests/hostile`, under libFuzzer: the binary's name says which.
#![no_main]

#[path = "../hostile/targets.rs"]
mod targets;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<targets::Target> =
    LazyLock::new(|| targets::by_name(env!("CARGO_BIN_NAME")).expect("a target of this name"));

fuzz_target!(|bytes: &[u8]| TARGET(bytes));
