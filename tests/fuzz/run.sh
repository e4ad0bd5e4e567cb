#!/usr/bin/env bash
# Plays the targets of tests/hostile guided by coverage, one after another: FUZZ_S seconds each (60),
# TARGETS="event record" for some of them. It takes a nightly compiler and cargo-fuzz. What it finds is
# kept under target/fuzz/found, and belongs into tests/hostile/corpus once it is mended.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
    echo "make fuzz: $1" >&2
    exit 1
}
rustc +nightly --version >/dev/null 2>&1 || fail "needs a nightly compiler: rustup toolchain install nightly"
cargo fuzz --version >/dev/null 2>&1 || fail "needs cargo-fuzz: cargo install --locked cargo-fuzz"

work=$PWD/target/fuzz
mkdir -p "$work/found"
EARMARK_HOSTILE=1 EARMARK_HOSTILE_SEEDS=$work/seeds cargo test --locked --quiet --test hostile
all=$(cargo +nightly fuzz list --fuzz-dir tests/fuzz)
# Found once, an input that ends a target ends the run: without the sanitizer, since nothing here is
# unsafe, and each input takes a third of the time.
build=(--fuzz-dir tests/fuzz --target-dir "$work/target" --sanitizer none)
for target in ${TARGETS:-$all}; do
    echo "== $target, ${FUZZ_S:-60} s"
    mkdir -p "$work/corpus/$target"
    cargo +nightly fuzz run "${build[@]}" "$target" "$work/corpus/$target" "$work/seeds/$target" -- \
        -max_total_time="${FUZZ_S:-60}" -artifact_prefix="$work/found/$target-" -max_len=262144 \
        -rss_limit_mb=4096 -timeout=10 -print_final_stats=1
done
