//! An event on which the whole process ends, not its entity alone: after so many take-overs it is a
//! dead letter, and all others are decided.

use std::{env, sync::Arc};

use earmark::{actors::Stage, app, config, partition::entry::Trigger};
use serde_json::{Value, json};

use super::inside;
use crate::{
    harness::{Pod, wait_until},
    world::{BOUND, World, hold, received, sku_in},
};

/// In the environment of a process that runs [`dies_of_an_event`]: of which.
const OF: &str = "DIES_OF";
/// Deaths after which messages are read one by one, and those with the killer in hand.
const DEATHS_MAX: usize = 2 + 2;

/// A pod in a process of its own, which the other test starts; by itself it does nothing.
#[test]
fn dies_of_an_event() {
    let Ok(killer) = env::var(OF) else { return };
    app::system().block_on(async {
        let own = env::vars().filter(|(key, _)| key.starts_with("EARMARK_"));
        let settings = config::load_from(None, own.collect()).expect("the settings are right");
        let tap = move |stage, _: &_, trigger: &_| {
            if let (Stage::Applied, Trigger::Event(cause)) = (stage, trigger)
                && cause.id == killer
            {
                std::process::abort();
            }
        };
        let _pod = inside::pod(&settings, Arc::new(tap)).await;
        std::future::pending::<()>().await;
    });
}

fn start(world: &World) -> Pod {
    let more =
        [(OF, "killer"), ("EARMARK__CLUSTER__LEASE_S", "2"), ("EARMARK__CLUSTER__RENEW_MS", "500")];
    let environment = world.environment(&more);
    let pairs: Vec<_> = environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let own = env::current_exe().expect("the test knows its own program");
    Pod::start(&own, &["pod::killer::dies_of_an_event", "--exact", "--nocapture"], &pairs)
}

async fn letters(world: &World) -> Vec<Value> {
    let line = ["dlq", "ls", "--group-by", "none", "--json"];
    let listed = world.earmark(&line).await.with(0).json();
    listed["letters"].as_array().expect("a list").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_process_dies_of_is_a_dead_letter_after_some_take_overs() {
    let world = World::start().await;
    let (sku, neighbour) = (sku_in(1, "CUP-"), sku_in(1, "BOWL-"));
    for sku in [&sku, &neighbour] {
        world.send(&received(sku, sku, 10)).await;
    }
    // No order is promised between lanes.
    let first = start(&world);
    wait_until("the stock is there", BOUND, async || {
        let known = async |sku| world.earmark(&["inspect", "sku", sku]).await.code() == 0;
        known(&sku).await && known(&neighbour).await
    })
    .await;
    drop(first);
    // All are read together, in the same partition.
    world.send(&hold("before", &neighbour, 1)).await;
    let killer = world.send(&hold("killer", &sku, 1)).await;
    world.send(&hold("after", &sku, 1)).await;
    world.send(&hold("beside", &neighbour, 1)).await;

    let mut deaths = 0;
    let mut pod = start(&world);
    wait_until("the killer is a dead letter", 4 * BOUND, async || {
        if !pod.is_running() {
            deaths += 1;
            assert!(deaths <= DEATHS_MAX, "it has died {deaths} times: {}", pod.output());
            pod = start(&world);
        }
        !letters(&world).await.is_empty()
    })
    .await;
    let letters = letters(&world).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    let said = ["reason", "severity", "sequence"].map(|field| &letters[0][field]);
    assert_eq!(said, [&json!("killer"), &json!("page"), &json!(killer)]);
    wait_until("all others are decided", BOUND, async || {
        let totals = (world.total(&sku).await, world.total(&neighbour).await);
        totals == ([10, 9, 1], [10, 8, 2])
    })
    .await;
    assert!(deaths >= 2 && pod.is_running(), "it has died {deaths} times");
}
