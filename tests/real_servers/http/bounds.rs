//! Each bound shows how much of it is in use, as the metrics of a pod say, and is free again after.

use std::slice;

use async_nats::jetstream::stream::Config;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{BOUND, TOKEN, World, hold, received};
use crate::harness::wait_until;

/// A pod that may hold little of anything, and takes no snapshot by itself.
const SMALL: &[(&str, &str)] = &[
    ("EARMARK__ENGINE__WAITING_MAX", "8"),
    ("EARMARK__ENGINE__LIVE_ENTITIES_MAX", "40"),
    ("EARMARK__ENGINE__MAX_DECISIONS_PER_S", "100000"),
    ("EARMARK__ENGINE__ARBITERS", "2"),
    ("EARMARK__HTTP__IN_FLIGHT_MAX", "8"),
    ("EARMARK__HTTP__ANSWERS_MAX", "8"),
    ("EARMARK__HTTP__BODY_BYTES_MAX", "1048576"),
    ("EARMARK__HTTP__BODIES_BYTES_MAX", "1048576"),
    ("EARMARK__QUERY__WAITING_MAX", "4"),
    ("EARMARK__QUERY__WITHIN_MS", "30000"),
];

/// What `earmark_partition_bound_used_ratio` says of a bound, of all partitions together.
async fn of_partitions(world: &World, bound: &str) -> f64 {
    let samples = world.samples("earmark_partition_bound_used_ratio").await;
    let named = format!("bound=\"{bound}\"");
    samples.into_iter().filter(|(labels, _)| labels.contains(&named)).map(|(_, of)| of).sum()
}

async fn of_the_pod(world: &World, bound: &str) -> f64 {
    world.metric(&format!("earmark_bound_used_ratio{{bound=\"{bound}\"}}")).await
}

/// Waits until so much of a partition's bound is in use.
async fn uses(world: &World, bound: &str, share: f64) {
    wait_until(bound, BOUND, async || of_partitions(world, bound).await == share).await;
}

#[tokio::test]
async fn each_bound_shows_how_much_of_it_is_in_use() {
    let world = World::start().await;
    let mut pod = world.pod(SMALL).await;
    nothing_is_used(&world).await;
    world.post(&received("hot", "HOT", 9)).await.decided();
    // One of the ten that each of the four partitions may keep.
    uses(&world, "engine.live_entities_max", 0.1).await;
    what_waits_for_redis(&world).await;
    what_waits_for_the_journal(&world).await;
    a_question_waits(&world).await;
    nothing_is_used(&world).await;
    the_pod_itself(&world).await;
    assert_eq!(pod.terminate(BOUND).await, 0);
}

async fn nothing_is_used(world: &World) {
    let free = [
        "engine.batch_bytes_max",
        "engine.sealed_records_max",
        "engine.unreleased_records_max",
        "engine.unsnapshotted_records_max",
        "engine.unsnapshotted_bytes_max",
        "engine.waiting_max",
        "engine.awaited_holds_max",
        "streams.cmd_waiting_max",
    ];
    for bound in free {
        uses(world, bound, 0.0).await;
        let told = world.samples("earmark_partition_bound_used_ratio").await;
        let told = told.iter().filter(|(labels, _)| labels.contains(bound));
        assert_eq!(told.count(), 4, "{bound}");
    }
    for bound in ["http.in_flight_max", "http.bodies_bytes_max", "query.waiting_max"] {
        assert_eq!(of_the_pod(world, bound).await, 0.0, "{bound}");
    }
}

/// While Redis stands still, events of SKUs that are not in memory wait, and so do those who posted
/// them.
async fn what_waits_for_redis(world: &World) {
    world.redis.freeze();
    let cold: Vec<Value> = (0..4).map(|n| received(&format!("c{n}"), "COLD", 1)).collect();
    for event in &cold[..2] {
        world.post_with(event, &[("prefer", "wait=0")]).await.with(202);
    }
    assert_eq!(of_the_pod(world, "http.answers_max").await, 0.25);
    let body = Value::from(&cold[2..]).to_string().len() as f64;
    let posted = world.post_all(&cold[2..], &[("prefer", "wait=30")]);
    let look = async {
        world.in_flight(2.0).await;
        assert_eq!(of_the_pod(world, "http.in_flight_max").await, 0.25);
        assert_eq!(of_the_pod(world, "http.bodies_bytes_max").await, body / 1_048_576.0);
        uses(world, "engine.waiting_max", 0.5).await;
        // Where they wait is said in the journal, and no snapshot has it.
        let records = of_partitions(world, "engine.unsnapshotted_records_max").await;
        assert!(records >= 1.0 / 20_000.0, "{records}");
        assert!(of_partitions(world, "engine.unsnapshotted_bytes_max").await > 0.0);
        world.redis.thaw();
    };
    let (posted, ()) = tokio::join!(posted, look);
    for of in posted.with(200).body.as_array().expect("a list") {
        assert_eq!(of["status"], json!("decided"), "{of}");
    }
}

/// What an owner says waits for a look at the journal.
async fn a_question_waits(world: &World) {
    world.nats.freeze();
    let asked = world.ask(Method::GET, "/v1/skus/HOT", Some(TOKEN));
    let look = wait_until("a question waits", BOUND, async || {
        of_the_pod(world, "query.waiting_max").await == 0.25
    });
    tokio::select! {
        biased;
        () = look => {}
        said = asked => panic!("it is answered: {said:?}"),
    }
    world.nats.thaw();
}

/// What is read and decided while the journal takes nothing is in hand, and counted.
async fn what_waits_for_the_journal(world: &World) {
    let log = world.nats.jetstream().await;
    let journal = log.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    let before = journal.cached_info().config.clone();
    let bytes = journal.cached_info().state.bytes.cast_signed();
    let full = Config { max_bytes: bytes, ..before.clone() };
    log.update_stream(full).await.expect("it has no more room");
    let events: Vec<Value> = (0..3).map(|n| received(&format!("j{n}"), "HOT", 1)).collect();
    for event in &events {
        world.post_with(event, &[("prefer", "wait=0")]).await.with(202);
    }
    let in_hand = "earmark_lane_in_hand_messages";
    let fulfilment = "source=\"fulfilment\"";
    wait_until("they are in hand", BOUND, async || world.metric(in_hand).await == 3.0).await;
    let held = world.samples(in_hand).await;
    let held = held.into_iter().filter(|(labels, _)| labels.contains(fulfilment));
    assert_eq!(held.map(|(_, messages)| messages).sum::<f64>(), 3.0);
    let published: usize = events.iter().map(|event| event.to_string().len()).sum();
    // Each has been given a `replyto`.
    assert!(world.metric("earmark_lane_in_hand_bytes").await > published as f64);
    assert_eq!(world.metric("earmark_partition_uncommitted_entries").await, 3.0);
    wait_until("the append is not answered", BOUND, async || {
        world.metric("earmark_partition_append_unanswered").await >= 1.0
    })
    .await;
    log.update_stream(before).await.expect("it is made as it was");
    for metric in [in_hand, "earmark_partition_uncommitted_entries"] {
        wait_until(metric, BOUND, async || world.metric(metric).await == 0.0).await;
    }
    wait_until("appends are answered", BOUND, async || {
        world.metric("earmark_partition_append_unanswered").await == 0.0
    })
    .await;
}

async fn the_pod_itself(world: &World) {
    assert_eq!(world.metric("earmark_pace_decisions_per_second_max ").await, 100_000.0);
    let decided = world.metric("earmark_paced_decisions_total{result=\"decided\"}").await;
    assert!((4.0..100.0).contains(&decided), "{decided}");
    for bound in ["engine.max_decisions_per_s", "safe_mode.catch_up_per_s"] {
        let named = format!("bound=\"{bound}\"");
        let told = world.samples("earmark_bound_used_ratio").await;
        assert!(told.iter().any(|(labels, _)| labels.contains(&named)), "{bound}");
    }
    assert!(world.metric("process_resident_memory_bytes ").await > 1_000_000.0);
    assert_eq!(world.samples("earmark_thread_busy_ratio").await.len(), 2);
    wait_until("a thread was busy", BOUND, async || {
        world.post(&received("busy", "HOT", 1)).await.decided();
        world.metric("earmark_thread_busy_ratio").await > 0.0
    })
    .await;
}

#[tokio::test]
async fn who_is_told_busy_comes_again_and_is_decided() {
    let world = World::start().await;
    let heard =
        [("EARMARK__CLUSTER__OWNERSHIP", "leases"), ("EARMARK__SAFE_MODE__RETRY_AFTER_S", "3")];
    let mut pod = world.pod(&heard).await;
    world.post(&received("r", "CUP", 2)).await.decided();
    let order = ["safe-mode", "on", "--level", "2", "--reason", "a drop", "--by", "ann"];
    world.earmark(&order).await;
    let level = async |level: f64| {
        wait_until("the level", BOUND, async || {
            world.metric("earmark_safe_mode_level ").await == level
        })
        .await;
    };
    level(2.0).await;
    let asked = hold("h", "CUP", 1);
    let said = world.post(&asked).await.problem(429, "busy");
    assert_eq!(said.header("retry-after"), Some("3"), "{said:?}");
    let said = world.post_all(slice::from_ref(&asked), &[]).await.with(200);
    assert_eq!(said.body[0]["answer"]["data"]["reason"], json!("busy"), "{said:?}");
    assert_eq!(said.header("retry-after"), None, "{said:?}");
    world.earmark(&["safe-mode", "auto", "--reason", "it is over", "--by", "ann"]).await;
    level(0.0).await;
    assert_eq!(world.post(&asked).await.decided()["status"], json!("granted"));
    assert_eq!(pod.terminate(BOUND).await, 0);
}

#[tokio::test]
async fn what_was_handed_over_is_counted_no_more() {
    let world = World::start().await;
    let heard = [("EARMARK__CLUSTER__OWNERSHIP", "leases"), ("EARMARK__ENGINE__POD", "a")];
    let mut pod = world.pod(&heard).await;
    world.post(&received("r", "CUP", 2)).await.decided();
    let is = async |metric: &str, wanted: f64| {
        wait_until(metric, BOUND, async || world.metric(metric).await == wanted).await;
    };
    is("earmark_partition_serving", 4.0).await;
    is("earmark_units", 4.0).await;
    is("earmark_partition_live_entities", 1.0).await;
    world.earmark(&["drain", "a", "--reason", "its disk", "--by", "ann"]).await;
    is("earmark_partition_serving", 0.0).await;
    for metric in ["earmark_units", "earmark_partition_live_entities", "earmark_lane_lag_messages"]
    {
        assert_eq!(world.metric(metric).await, 0.0, "{metric}");
    }
    assert_eq!(pod.terminate(BOUND).await, 0);
}
