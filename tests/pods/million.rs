//! A million SKUs and a million open orders that nobody asks for cost a pod nothing; those that are
//! asked for, no more than their bound.

use std::time::Duration;

use crate::{
    crowd::{self, EACH},
    harness::{RedisConfig, calls, free_port, info, metric, number, wait_until},
    world::{BOUND, PARTITIONS, World},
};

/// Five times what is stated.
const FIRST_WITHIN: Duration = Duration::from_secs(5 * 3);
/// What the pod may keep live, and how many it is asked for.
const LIVE_MAX: usize = 8_000;
const ASKED: usize = 30_000;
/// All that was asked for, each with what it takes live, would be more.
const MEMORY_MAX: u64 = 384 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_pod_serves_a_million_skus_and_orders_at_once_and_within_its_bounds() {
    let memory = RedisConfig { append_only: false, ..RedisConfig::default() };
    let mut world = World::start_on(memory).await;
    crowd::gather(&mut world).await;
    let mut redis = world.redis.connection().await;
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut redis).await.expect("they are counted");
    assert!(keys > 2 * EACH as u64, "{keys}");
    redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut redis).await.expect("it is reset");

    let port = free_port();
    let (listen, live) = (format!("127.0.0.1:{port}"), LIVE_MAX.to_string());
    let bounds =
        [("EARMARK__HTTP__LISTEN", &*listen), ("EARMARK__ENGINE__LIVE_ENTITIES_MAX", &*live)];
    let [first, _] = crowd::first_decisions(&mut world, "fresh", &bounds).await;
    assert!(first < FIRST_WITHIN, "{first:?}");
    world.shared_by(&["fresh"]).await;
    let loaded = metric(port, "earmark_entities_loaded_total").await;
    assert_eq!(loaded, f64::from(PARTITIONS), "what was asked for, and nothing else");
    assert_eq!(metric(port, "earmark_recoveries_from_genesis_total").await, 0.0);
    nothing_grew(&mut redis).await;

    crowd::ask_for(&world, 0..ASKED).await;
    wait_until("they are decided", BOUND, async || {
        metric(port, "earmark_holds_total{change=\"extended\"}").await == ASKED as f64
    })
    .await;
    wait_until("the longest unused are passivated", BOUND, async || {
        metric(port, "earmark_partition_live_entities").await <= LIVE_MAX as f64
    })
    .await;
    let peak = world.pod("fresh").memory_peak();
    assert!(peak < MEMORY_MAX, "{peak}");
    world.leave("fresh").await;
}

/// Nothing has been done in Redis that grows with what is there.
async fn nothing_grew(redis: &mut redis::aio::MultiplexedConnection) {
    let calls = calls(redis).await;
    let of = |command: &str| calls.get(command).copied().unwrap_or(0);
    assert_eq!(of("hgetall"), u64::from(PARTITIONS), "{calls:?}");
    for command in ["scan", "hscan", "sscan", "zscan", "keys", "mget", "zrange"] {
        assert_eq!(of(command), 0, "{command}: {calls:?}");
    }
    // Marks and looks of a few seconds, and a few deltas.
    assert!(calls.values().sum::<u64>() < 5_000, "{calls:?}");
    let stats = info(redis, "stats").await;
    for (count, most) in [
        ("total_net_output_bytes", 1_000_000),
        ("keyspace_hits", 10_000),
        ("keyspace_misses", 10_000),
    ] {
        let found = number(&stats, count);
        assert!(found < most, "{count} {found}");
    }
}
