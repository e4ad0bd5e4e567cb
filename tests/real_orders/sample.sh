#!/usr/bin/env bash
# The sample orders through Earmark, in one command: starts nats-server and Redis on free ports with
# their data under target/sample, sets them up, runs Earmark, publishes stock, orders, payments and
# shipments, and says what came of them. Stops all that it started when it ends.
#   sample.sh [all_or_nothing|partial]
set -euo pipefail
cd "$(dirname "$0")/../.."
policy=${1:-all_or_nothing}
dir=$PWD/target/sample
servers=$PWD/target/servers

# free_port FROM: the first port from there on that nobody listens on.
free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}

# until_open PORT NAME: waits until it listens, at most ten seconds.
until_open() {
    for _ in $(seq 100); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        sleep 0.1
    done
    echo "sample.sh: $2 does not listen on port $1; its log is in $dir" >&2
    exit 1
}

# Only what was started here is stopped, the last first.
started=()
stop_all() {
    local i
    for ((i = ${#started[@]} - 1; i >= 0; i--)); do
        kill "${started[i]}" 2>/dev/null || true
        wait "${started[i]}" 2>/dev/null || true
    done
}
trap stop_all EXIT

step() { printf '\n== %s\n' "$*"; }

step "building"
cargo build --locked --bin earmark --example retail_orders
bin=${CARGO_TARGET_DIR:-target}/debug
rm -rf "$dir"
mkdir -p "$dir/nats" "$dir/redis"

nats_port=$(free_port 14222)
redis_port=$(free_port 16379)
step "nats-server on port $nats_port, Redis on port $redis_port"
"$servers/nats-server" --addr 127.0.0.1 --port "$nats_port" --jetstream --store_dir "$dir/nats" \
    >"$dir/nats.log" 2>&1 &
started+=($!)
"$servers/redis-server" --bind 127.0.0.1 --port "$redis_port" --dir "$dir/redis" --appendonly yes \
    >"$dir/redis.log" 2>&1 &
started+=($!)
until_open "$nats_port" nats-server
until_open "$redis_port" Redis
export EARMARK_NATS_URL=nats://127.0.0.1:$nats_port
export EARMARK_REDIS_URL=redis://127.0.0.1:$redis_port
export EARMARK__HTTP__LISTEN=127.0.0.1:0

step "earmark setup"
"$bin/earmark" setup

step "earmark run (its log: $dir/earmark.log)"
"$bin/earmark" run >"$dir/earmark.log" 2>&1 &
started+=($!)

step "stock, then orders and payments ($policy)"
"$bin/examples/retail_orders" --policy "$policy" --out "$dir"
"$bin/earmark" publish "$dir/1-stock.ndjson" --wait --timeout 120
"$bin/earmark" publish "$dir/2-orders.ndjson" --wait --timeout 300

step "what was granted ships"
"$bin/examples/retail_orders" --out "$dir" --shipments-from "$EARMARK_NATS_URL"
"$bin/earmark" publish "$dir/3-shipments.ndjson" --wait --timeout 300

step "what Earmark said (EARMARK_OUT)"
"$bin/examples/retail_orders" --summary-of "$EARMARK_NATS_URL"

step "one order, with its history"
"$bin/earmark" inspect order CA-2014-112326

step "done; stopping what was started"
