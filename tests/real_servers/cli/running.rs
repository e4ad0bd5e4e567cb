//! A pod, and the commands beside it.

use std::time::Duration;

use serde_json::json;

use super::world::{World, file, small_shop};
use crate::harness::{READY_BOUND, wait_until};

const LEAVE_BOUND: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_pod_decides_leaves_in_order_and_serves_on() {
    let world = World::start().await;
    world.earmark(&["setup"]).await.with(0);
    let mut pod = world.pod().await;
    assert_eq!(world.get("/healthz").await.0, 200);

    // Lanes are read side by side: what is to be decided first is waited for.
    let stock = file(&small_shop()[..1]);
    let path = stock.path().to_str().expect("a path in UTF-8");
    world.earmark(&["publish", path, "--wait", "--timeout", "20"]).await.with(0);
    let lines = file(&small_shop());
    let path = lines.path().to_str().expect("a path in UTF-8").to_owned();
    let publish = ["publish", path.as_str(), "--wait", "--timeout", "20", "--json"];
    let published = world.earmark(&publish).await.with(0).json();
    assert_eq!((&published["published"], &published["decided"]), (&json!(3), &json!(true)));
    let granted = "earmark_decisions_total{entity=\"sku\",event=\"hold.requested.v1\",\
                   outcome=\"hold_granted\",reason=\"none\"}";
    assert_eq!(world.metric(granted).await, 1.0);

    wait_until("the order is reserved", READY_BOUND, async || {
        let order = world.earmark(&["inspect", "order", "order/1", "--json"]).await;
        order.code() == 0 && order.json()["state"]["status"] == "reserved"
    })
    .await;
    let sku = world.earmark(&["inspect", "sku", "SKU.1", "--json"]).await.with(0).json();
    assert_eq!(sku["state"]["total"]["on_hand"], json!(10));
    assert_eq!(sku["state"]["total"]["held"], json!(7));
    assert_eq!(sku["state"]["holds"].as_array().map(Vec::len), Some(2));
    // Stock, its repeat (of which nothing but the answer is new), the hold, and the order's hold.
    assert_eq!(sku["entries"], json!(4));
    assert_eq!(sku["history"][0]["cause"]["id"], json!("r1"));
    let text = world.earmark(&["inspect", "sku", "SKU.1", "--limit", "1"]).await.with(0).out();
    assert!(text.contains("1 of 4 entries"), "{text}");
    world.earmark(&["inspect", "sku", "SKU.2"]).await.with(1);

    assert_eq!(pod.terminate(LEAVE_BOUND).await, 0);
    let first = pod.output();
    assert!(!first.contains("the whole journal is folded"), "a first start: {first}");
    assert!(!first.contains("async_nats"), "{first}");
    let mut pod = world.pod().await;
    assert!(!pod.output().contains("the whole journal is folded"), "{}", pod.output());
    world.earmark(&publish).await.with(0);
    let again = world.earmark(&["inspect", "sku", "SKU.1", "--json"]).await.with(0).json();
    assert_eq!(again["state"]["total"], sku["state"]["total"]);
    let duplicates = "earmark_duplicates_total{entity=\"sku\",event=\"hold.requested.v1\"}";
    assert_eq!(world.metric(duplicates).await, 1.0);
    let status = world.earmark(&["status", "--json"]).await.with(0).json();
    assert_eq!(status["unread"], json!(0));
    assert_eq!(pod.terminate(LEAVE_BOUND).await, 0);
}

#[tokio::test]
async fn readiness_says_which_server_is_away_and_recovers() {
    let mut world = World::start().await;
    world.earmark(&["setup"]).await.with(0);
    let pod = world.pod().await;
    world.redis.kill();
    // What it serves it serves on; one that has yet to begin could do nothing.
    world.says(200, "Redis cannot be reached").await;
    drop(pod);
    let _pod = world.spawn();
    world.says(503, "Redis cannot be reached").await;
    world.says(503, "it recovers").await;
    assert_eq!(world.get("/healthz").await.0, 200);
    world.redis.restart().await;
    wait_until("the pod is ready again", READY_BOUND, async || world.get("/readyz").await.0 == 200)
        .await;
}

#[tokio::test]
async fn publishing_and_waiting_survive_a_restart_of_the_server_and_a_missing_pod() {
    let mut world = World::start().await;
    world.earmark(&["setup"]).await.with(0);
    let lines = file(&small_shop());
    let path = lines.path().to_str().expect("a path in UTF-8").to_owned();
    world.earmark(&["publish", &path]).await.with(0);
    world.nats.restart().await;
    let _pod = world.pod().await;
    world.earmark(&["publish", &path, "--wait", "--timeout", "20"]).await.with(0);
}
