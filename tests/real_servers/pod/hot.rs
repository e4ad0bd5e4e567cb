//! A SKU with 100,000 open holds is as cheap to go on with as one with ten: counted, not timed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::books::Books;
use crate::harness::{calls, info, number, wait_until};
use crate::world::{BOUND, World, hold, partition, received, sku_in};

const MANY: usize = 100_000;
const FEW: usize = 10;
/// Holds that are counted.
const MORE: usize = 100;
/// How long the many holds may take to be decided.
const FILLED_WITHIN: Duration = Duration::from_secs(60);

/// A Redis that is busy beside other tests takes its time for 100,000 holds.
const PATIENT: &[(&str, &str)] = &[("EARMARK__REDIS__RESPONSE_TIMEOUT_MS", "10000")];

/// What some holds cost.
#[derive(Debug)]
struct Cost {
    redis_in: u64,
    redis_out: u64,
    calls: BTreeMap<String, u64>,
    journal: u64,
}

#[tokio::test]
async fn a_sku_with_100_000_open_holds_costs_what_any_sku_costs() {
    let world = World::start().await;
    let mut pod = world.pod_with(PATIENT).await;
    let (hot, cool) = (sku_in(1, "HOT-"), sku_in(1, "COOL-"));
    for sku in [&hot, &cool] {
        world.ask(&received(sku, sku, 1_000_000)).await;
    }
    world.send_all(&holds(&hot, "open", MANY)).await;
    world.send_all(&holds(&cool, "open", FEW)).await;
    wait_until("the many holds are granted", FILLED_WITHIN, async || {
        world.metric("earmark_holds_total{change=\"opened\"}").await == (MANY + FEW) as f64
    })
    .await;
    settled(&world, &hot).await;

    let of_cool = cost(&world, &cool, "more").await;
    let of_hot = cost(&world, &hot, "more").await;
    // A burst of a hundred is one record or several, and one snapshot or two.
    let similar = |hot: u64, cool: u64, slack: u64| hot <= cool + cool / 4 + slack;
    let told = format!("hot {of_hot:?}\ncool {of_cool:?}");
    assert!(similar(of_hot.redis_in, of_cool.redis_in, 16_384), "{told}");
    assert!(similar(of_hot.redis_out, of_cool.redis_out, 16_384), "{told}");
    assert!(similar(of_hot.journal, of_cool.journal, 4_096), "{told}");
    for command in ["hset", "hdel", "zadd", "zrem", "hgetall"] {
        let of = |cost: &Cost| cost.calls.get(command).copied().unwrap_or(0);
        assert!(similar(of(&of_hot), of(&of_cool), 8), "{command}\n{told}");
    }
    assert_eq!(of_hot.calls.get("hgetall"), None, "it is live\n{told}");

    // Loaded anew, it knows each of them.
    pod.kill();
    let _pod = world.pod_with(PATIENT).await;
    let answer = world.ask(&hold("last", &hot, 1_000_000)).await;
    assert_eq!(answer["available"], json!(1_000_000 - MANY - MORE), "{answer}");
    let again = world.ask(&hold(&format!("open-{hot}-77"), &hot, 1)).await;
    assert_eq!((&again["repeated"], &again["status"]), (&json!(true), &json!("granted")));
}

fn holds(sku: &str, name: &str, count: usize) -> Vec<Value> {
    (0..count).map(|n| hold(&format!("{name}-{sku}-{n}"), sku, 1)).collect()
}

/// What it costs to grant a hundred holds more.
async fn cost(world: &World, sku: &str, name: &str) -> Cost {
    let mut redis = world.redis.connection().await;
    redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut redis).await.expect("it is reset");
    let opened = world.metric("earmark_holds_total{change=\"opened\"}").await;
    let after = last_record(world).await;
    world.send_all(&holds(sku, name, MORE)).await;
    wait_until("the holds are granted", BOUND, async || {
        world.metric("earmark_holds_total{change=\"opened\"}").await == opened + MORE as f64
    })
    .await;
    settled(world, sku).await;
    let stats = info(&mut redis, "stats").await;
    let books = Books::read(world).await;
    let records = books.of(partition(sku)).filter(|stored| stored.sequence > after);
    Cost {
        redis_in: number(&stats, "total_net_input_bytes"),
        redis_out: number(&stats, "total_net_output_bytes"),
        calls: calls(&mut redis).await,
        journal: records.map(|stored| stored.bytes as u64).sum(),
    }
}

async fn last_record(world: &World) -> u64 {
    let mut stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    stream.info().await.expect("it says how it stands").state.last_sequence
}

/// Waits until the snapshot of a SKU's partition has everything.
async fn settled(world: &World, sku: &str) {
    let of = partition(sku);
    let mut redis = world.redis.connection().await;
    wait_until("the snapshot has everything", BOUND, async || {
        let meta = format!("{{earmark:p{of}}}:meta");
        let stands: u64 = redis::cmd("HGET")
            .arg(meta)
            .arg("sequence")
            .query_async(&mut redis)
            .await
            .expect("there is a snapshot");
        let subject = format!("earmark.journal.{of}");
        let stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
        let last = stream.get_last_raw_message_by_subject(&subject).await.expect("it has records");
        stands == last.sequence
    })
    .await;
}
