//! What operators pause stands still, and nothing else; afterwards it goes on where it was.

use std::time::Duration;

use earmark::cluster::HEEDED_MAX;
use futures::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{
    harness::{Pod, wait_until},
    world::{BOUND, World, event, hold, leave, order, received, sku_in},
};

const WHO: [&str; 5] = ["--by", "ann", "--reason", "counted by hand", "--json"];

/// Pauses something; the pod has taken notice of it when this returns.
async fn pause(world: &World, what: &[&str], paused: f64) -> Value {
    change(world, &[&["pause"], what].concat(), paused).await
}

/// Lets something go on.
async fn resume(world: &World, what: &[&str], paused: f64) -> Value {
    change(world, &[&["resume"], what].concat(), paused).await
}

async fn change(world: &World, line: &[&str], paused: f64) -> Value {
    let changed = world.earmark(&[line, &WHO].concat()).await.with(0).json();
    wait_until(&format!("{paused} things are paused"), BOUND, async || {
        world.metric("earmark_paused").await == paused
    })
    .await;
    changed
}

async fn total_is(world: &World, sku: &str, total: [u64; 3]) {
    let what = format!("{sku} has {total:?}");
    wait_until(&what, BOUND, async || world.total(sku).await == total).await;
}

async fn granted(world: &World, id: &str, sku: &str) {
    assert_eq!(world.ask(&hold(id, sku, 1)).await["status"], "granted", "{id}");
}

/// A pod among others, who can be ordered about.
async fn start(world: &World) -> Pod {
    world.pod_with(&[("EARMARK__CLUSTER__OWNERSHIP", "leases")]).await
}

/// Kills a pod, and starts another one in its place.
async fn another(world: &World, mut pod: Pod) -> Pod {
    pod.kill();
    start(world).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_lane_or_partition_is_not_read_and_all_others_are() {
    let world = World::start().await;
    let pod = start(&world).await;
    let (here, there) = (sku_in(1, "HERE-"), sku_in(2, "THERE-"));
    for sku in [&here, &there] {
        world.ask(&received(sku, sku, 10)).await;
    }

    let paused = pause(&world, &["lane", "fulfilment"], 1.0).await;
    assert_eq!((&paused["before"], &paused["after"]["lane"]), (&json!(null), &json!("fulfilment")));
    world.send(&received("late", &here, 5)).await;
    granted(&world, "h-1", &here).await;
    assert_eq!(world.total(&here).await, [10, 9, 1], "what came waits");
    let told = world.earmark(&["status", "--json"]).await.with(0).json();
    assert_eq!(told["pauses"], json!([paused["after"]]), "{told}");
    let told = world.earmark(&["safe-mode", "status"]).await.with(0).out();
    assert!(told.contains("lane fulfilment is paused until"), "{told}");
    let pod = another(&world, pod).await;
    granted(&world, "h-2", &here).await;
    assert_eq!(world.total(&here).await, [10, 8, 2], "a pod that starts later knows, too");
    let resumed = resume(&world, &["lane", "fulfilment"], 0.0).await;
    assert_eq!((&resumed["before"], &resumed["after"]), (&paused["after"], &json!(null)));
    total_is(&world, &here, [15, 13, 2]).await;

    // Of a partition not even settlement is read.
    pause(&world, &["partition", "1"], 1.0).await;
    let adjust = json!({"location": "MAIN", "quantity": -1, "reason": "damaged"});
    world.send(&event("broken", "stock.adjusted.v1", &here, adjust)).await;
    world.send(&hold("h-3", &here, 1)).await;
    granted(&world, "h-4", &there).await;
    assert_eq!(world.total(&here).await, [15, 13, 2]);
    resume(&world, &["partition", "1"], 0.0).await;
    total_is(&world, &here, [14, 11, 3]).await;
    leave(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_sku_waits_alone_with_its_deadlines_and_goes_on_in_order() {
    let world = World::start().await;
    let pod = start(&world).await;
    let (sku, neighbour) = (sku_in(1, "CUP-"), sku_in(1, "BOWL-"));
    for sku in [&sku, &neighbour] {
        world.ask(&received(sku, sku, 10)).await;
    }
    let short = |id: &str, sku: &str| {
        let mut hold = hold(id, sku, 1);
        hold["data"]["ttl_s"] = json!(1);
        hold
    };
    assert_eq!(world.ask(&short("s-1", &sku)).await["status"], "granted");
    pause(&world, &["sku", &sku], 1.0).await;
    // Whose hold was asked for later has lost it by now; this one stands still.
    assert_eq!(world.ask(&short("s-2", &neighbour)).await["status"], "granted");
    total_is(&world, &neighbour, [10, 10, 0]).await;
    assert_eq!(world.total(&sku).await, [10, 9, 1]);
    resume(&world, &["sku", &sku], 0.0).await;
    total_is(&world, &sku, [10, 10, 0]).await;

    pause(&world, &["sku", &sku], 1.0).await;
    for (id, units) in [("w-1", 6), ("w-2", 6), ("w-3", 4)] {
        world.send(&hold(id, &sku, units)).await;
    }
    world.send(&order("o-1", "o-1", &sku, 1)).await;
    granted(&world, "n-1", &neighbour).await;
    assert_eq!(world.total(&sku).await, [10, 10, 0], "what comes for it waits");
    let pod = another(&world, pod).await;
    granted(&world, "n-2", &neighbour).await;
    assert_eq!(world.total(&sku).await, [10, 10, 0], "also where another pod goes on");
    resume(&world, &["sku", &sku], 0.0).await;
    // Six of ten, then no six more, then four: in their order. The order finds nothing.
    total_is(&world, &sku, [10, 0, 10]).await;
    wait_until("the order is answered", BOUND, async || {
        world.order_status("o-1").await == json!("rejected")
    })
    .await;
    leave(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_order_waits_and_a_pause_ends_by_itself() {
    let world = World::start().await;
    let pod = start(&world).await;
    let sku = sku_in(3, "CUP-");
    world.ask(&received("in", &sku, 10)).await;
    world.ask(&order("o-1", "o-1", &sku, 2)).await;
    wait_until("the order has its units", BOUND, async || {
        world.order_status("o-1").await == json!("reserved")
    })
    .await;
    let paused = pause(&world, &["order", "o-1", "--for", "600"], 1.0).await;
    assert_eq!(paused["partition"], json!(partition_of_order("o-1")), "{paused}");
    world.send(&event("no", "order.cancel_requested.v1", "o-1", json!({"reason": "no"}))).await;
    granted(&world, "h-1", &sku).await;
    assert_eq!(world.order_status("o-1").await, json!("reserved"));
    // The last word counts; and its end comes by itself.
    let again = pause(&world, &["order", "o-1", "--for", "1"], 0.0).await;
    assert_eq!(again["before"], paused["after"], "{again}");
    wait_until("the order is cancelled", BOUND, async || {
        world.order_status("o-1").await == json!("cancelled")
    })
    .await;
    total_is(&world, &sku, [10, 9, 1]).await;

    for (line, code, error) in [
        (["pause", "lane", "settlement"], 1, "settlement_goes_on"),
        (["pause", "lane", "carts"], 1, "unknown_value"),
        (["pause", "partition", "5"], 1, "out_of_range"),
        (["pause", "partition", "five"], 1, "wrong_type"),
        (["resume", "partition", "5"], 1, "out_of_range"),
        (["pause", "shelf", "five"], 2, "invalid value"),
    ] {
        let refused = world.earmark(&[&line[..], &WHO[..4]].concat()).await.with(code).err();
        assert!(refused.contains(error), "{line:?}: {refused}");
    }
    let audited = world.messages("EARMARK_AUDIT").await;
    let of = |subject: &str| audited.iter().filter(|m| m.subject.as_str() == subject).count();
    assert_eq!((of("earmark.audit.pause"), of("earmark.audit.resume")), (4, 0));
    leave(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_pauses_stand_as_pods_heed_and_no_more() {
    let world = World::start().await;
    let pod = start(&world).await;
    // A script, from eight shells.
    let all = stream::iter(0..HEEDED_MAX).map(|n| order_about(&world, "pause", n));
    let all: Vec<Value> = all.buffer_unordered(8).collect().await;
    for said in all {
        assert_eq!((&said["error"], &said["set"]), (&json!(null), &json!("pause")), "{said}");
    }
    let heeded = async |paused: f64| {
        let what = format!("{paused} orders are paused");
        wait_until(&what, BOUND, async || world.metric("earmark_paused").await == paused).await;
    };
    let most = HEEDED_MAX as f64;
    heeded(most).await;

    let audited = last_audited(&world).await;
    for beyond in HEEDED_MAX..HEEDED_MAX + 3 {
        let refused = order_about(&world, "pause", beyond).await;
        assert_eq!(refused["error"], "too_many", "{refused}");
        // The desk counts anew.
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(last_audited(&world).await, audited, "nothing was begun");
    heeded(most).await;
    // Who is paused can be paused for longer, and be let go on.
    for (word, orders) in [("pause", HEEDED_MAX), ("resume", HEEDED_MAX - 1)] {
        let said = order_about(&world, word, 0).await;
        assert_eq!((&said["error"], &said["set"]), (&json!(null), &json!(word)), "{said}");
        heeded(orders as f64).await;
    }
    let said = order_about(&world, "pause", HEEDED_MAX).await;
    assert_eq!((&said["error"], &said["before"]), (&json!(null), &json!(null)), "{said}");
    heeded(most).await;
    leave(pod).await;
}

/// Pauses one of many orders, or lets it go on: over the raw subject.
async fn order_about(world: &World, word: &str, number: usize) -> Value {
    let order = format!("o-{number}");
    let request = json!({"order": order, "by": "ann", "reason": "counted by hand"}).to_string();
    let subject = format!("earmark.control.{word}");
    let answer = world.context.client().request(subject, request.into()).await;
    serde_json::from_slice(&answer.expect("a pod answers").payload).expect("answers are JSON")
}

async fn last_audited(world: &World) -> u64 {
    let audit = world.context.get_stream("EARMARK_AUDIT").await.expect("the stream is there");
    audit.cached_info().state.last_sequence
}

fn partition_of_order(key: &str) -> u16 {
    use earmark::{
        contract::partition_of,
        domain::ids::{EntityKey, OrderId},
    };
    let key = EntityKey::Order(OrderId::new(key).expect("it is a key"));
    partition_of(&key, crate::world::PARTITIONS)
}
