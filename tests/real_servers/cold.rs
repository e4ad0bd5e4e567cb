//! A million SKUs that nobody asks for cost a pod nothing.

use std::collections::BTreeMap;

use redis::aio::MultiplexedConnection;
use serde_json::json;

use crate::harness::{RedisConfig, wait_until};
use crate::world::{BOUND, PARTITIONS, World, hold, leave, partition, received, sku_in};

const SKUS: usize = 1_000_000;
const AT_ONCE: usize = 5_000;
/// Makes entities with the same fields. KEYS: entities; ARGV: fields and values.
const FILL: &str = "for i = 1, #KEYS do redis.call('HSET', KEYS[i], unpack(ARGV)) end";

/// An entity as Redis has it.
type Fields = Vec<Vec<u8>>;

#[tokio::test]
async fn a_pod_loads_what_is_asked_for_of_a_million_skus_and_no_more() {
    let world = World::start_with(RedisConfig { append_only: false, args: Vec::new() }).await;
    let pod = world.pod().await;
    for of in 0..PARTITIONS {
        let sku = sku_in(of, "MODEL-");
        world.ask(&received(&sku, &sku, 10)).await;
    }
    leave(pod).await;
    let mut redis = world.redis.connection().await;
    let before = keys(&mut redis).await;
    fill(&mut redis).await;
    assert_eq!(keys(&mut redis).await, before + SKUS as u64);
    redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut redis).await.expect("it is reset");

    let pod = world.pod().await;
    assert_eq!(world.metric("earmark_entities_loaded_total").await, 0.0, "nobody has asked");
    assert_eq!(world.metric("earmark_recoveries_from_genesis_total").await, 0.0);
    let asked = [cold(0), cold(SKUS / 2), cold(SKUS - 1), "NEVER-SEEN".to_owned()];
    for sku in &asked[..3] {
        let answer = world.ask(&hold(&format!("h-{sku}"), sku, 7)).await;
        assert_eq!(answer["status"], json!("granted"), "{sku}: {answer}");
        let answer = world.ask(&hold(&format!("i-{sku}"), sku, 7)).await;
        assert_eq!(answer["reason"], json!("insufficient_stock"), "{sku}: {answer}");
        assert_eq!(answer["available"], json!(3), "{sku}: {answer}");
    }
    let answer = world.ask(&hold("none", &asked[3], 1)).await;
    assert_eq!(answer["reason"], json!("insufficient_stock"), "{answer}");
    assert_eq!(world.metric("earmark_entities_loaded_total").await, asked.len() as f64);
    wait_until("live entities are counted", BOUND, async || {
        world.metric("earmark_partition_live_entities").await == asked.len() as f64
    })
    .await;
    leave(pod).await;

    let calls = calls(&mut redis).await;
    let of = |command: &str| calls.get(command).copied().unwrap_or(0);
    assert_eq!(of("hgetall"), asked.len() as u64, "{calls:?}");
    for command in ["scan", "hscan", "sscan", "zscan", "keys", "dbsize", "mget", "zrange"] {
        assert_eq!(of(command), 0, "{command}: {calls:?}");
    }
    // Marks and looks of a few seconds, and a few deltas: nothing that grows with the SKUs.
    assert!(calls.values().sum::<u64>() < 5_000, "{calls:?}");
    let stats = info(&mut redis, "stats").await;
    for (count, most) in [
        ("total_net_output_bytes", 1_000_000),
        ("keyspace_hits", 10_000),
        ("keyspace_misses", 10_000),
    ] {
        let found = number(&stats, count);
        assert!(found < most, "{count} {found}");
    }
}

fn cold(n: usize) -> String {
    format!("COLD-{n}")
}

/// Makes every cold SKU what its partition's model is, at the position where the partition stands.
async fn fill(redis: &mut MultiplexedConnection) {
    let mut of_partition = vec![Vec::with_capacity(SKUS / 3); usize::from(PARTITIONS)];
    for sku in (0..SKUS).map(cold) {
        of_partition[usize::from(partition(&sku))].push(sku);
    }
    let fill = redis::Script::new(FILL);
    for (of, skus) in of_partition.iter().enumerate() {
        let slot = format!("{{earmark:p{of}}}");
        let meta: (String, String) = redis::cmd("HMGET")
            .arg(format!("{slot}:meta"))
            .arg(&["generation", "sequence"])
            .query_async(redis)
            .await
            .expect("the pod left a snapshot");
        let (generation, sequence) = meta;
        let model = sku_in(of as u16, "MODEL-");
        let mut fields: Fields = redis::cmd("HGETALL")
            .arg(format!("{slot}:{generation}:sku:{model}"))
            .query_async(redis)
            .await
            .expect("the model can be read");
        let folded = fields.chunks(2).position(|pair| pair[0] == b"@").expect("it is folded");
        fields[2 * folded + 1] = sequence.into_bytes();
        for skus in skus.chunks(AT_ONCE) {
            let mut call = fill.prepare_invoke();
            skus.iter().for_each(|sku| {
                call.key(format!("{slot}:{generation}:sku:{sku}"));
            });
            fields.iter().for_each(|field| {
                call.arg(field.as_slice());
            });
            let _: () = call.invoke_async(redis).await.expect("the SKUs are written");
        }
    }
}

async fn keys(redis: &mut MultiplexedConnection) -> u64 {
    redis::cmd("DBSIZE").query_async(redis).await.expect("Redis counts its keys")
}

/// A section of what Redis says of itself.
pub async fn info(redis: &mut MultiplexedConnection, section: &str) -> String {
    let info = redis::cmd("INFO").arg(section).query_async(redis).await;
    info.expect("Redis says how it is")
}

/// How often each command was called, in scripts too.
pub async fn calls(redis: &mut MultiplexedConnection) -> BTreeMap<String, u64> {
    let stats = info(redis, "commandstats").await;
    let lines = stats.lines().filter_map(|line| line.strip_prefix("cmdstat_")?.split_once(':'));
    lines
        .map(|(command, of)| (command.to_owned(), number(&of.replace(',', "\n"), "calls")))
        .collect()
}

/// A number of such a section, behind `=` or `:`.
pub fn number(info: &str, name: &str) -> u64 {
    let find = |line: &str| line.strip_prefix(name)?.strip_prefix([':', '='])?.trim().parse().ok();
    info.lines().find_map(find).unwrap_or_else(|| panic!("no {name} in {info}"))
}
