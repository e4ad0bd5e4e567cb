//! While a promotion is armed, its partitions stay where they are when a pod comes; whoever leaves
//! hands them over all the same, and when it is over they are shared again.

use std::{collections::BTreeSet, time::Duration};

use earmark::{
    contract::partition_of,
    domain::ids::{EntityKey, Sku},
};
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    harness::wait_until,
    load::{Load, Wants},
    world::{BOUND, LEASE_S, PARTITIONS, World, let_pass},
};

/// How often it is looked at who has what.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Events a second.
const RATE: u64 = 200;
const WHO: [&str; 4] = ["--by", "ann", "--reason", "the drop"];

/// A SKU of each of these partitions.
fn skus(of: impl Iterator<Item = u16>) -> Vec<String> {
    let partition =
        |key: &str| partition_of(&EntityKey::Sku(Sku::new(key).expect("it is a key")), PARTITIONS);
    let first = |wanted: u16| {
        let mut keys = (0..).map(|n| format!("DROP-{n}"));
        keys.find(|key| partition(key) == wanted).expect("every partition has keys")
    };
    of.map(first).collect()
}

fn seconds_from_now(seconds: i64) -> String {
    let at = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    at.format(&Rfc3339).expect("a time can be written")
}

async fn announce(world: &World, skus: &[String]) -> Value {
    let (start, end) = (seconds_from_now(60), seconds_from_now(3_600));
    let skus = skus.iter().flat_map(|sku| ["--sku", sku]).collect::<Vec<_>>();
    let line = ["promotion", "announce", "drop", "--start", &start, "--end", &end, "--json"];
    world.earmark(&[&line[..], &skus, &WHO].concat()).await.with(0).json()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_promoted_stays_with_its_pod_while_others_come_and_is_shared_afterwards() {
    let mut world = World::with(&["a"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(RATE)).await;
    load.more(100).await;
    let announced = announce(&world, &skus(0..12)).await;
    assert_eq!(announced["partitions"], json!((0..12).collect::<Vec<u16>>()), "{announced}");

    world.run("b", &[]);
    wait_until("b has what may move", BOUND, async || {
        let has = world.of("b").await == (12..16).collect::<Vec<u16>>();
        if !has {
            // A look leaves a consumer for some seconds, and a stream has room for only so many.
            let_pass(LOOK_EVERY).await;
        }
        has
    })
    .await;
    // One that comes later has heard of it as well.
    world.run("c", &[]);
    world.joined("c").await;
    let_pass(Duration::from_secs(3 * LEASE_S)).await;
    let of_a: BTreeSet<u16> = world.of("a").await.into_iter().collect();
    assert_eq!(of_a, (0..12).collect(), "what is pinned has not moved");
    load.more(100).await;

    let cancel = [&["promotion", "cancel", "drop", "--json"][..], &WHO].concat();
    world.earmark(&cancel).await.with(0);
    world.shared_by(&["a", "b", "c"]).await;
    load.more(100).await;

    // All of it is pinned, and handed over by a pod that leaves.
    announce(&world, &skus(0..PARTITIONS)).await;
    let before = world.all_owners().await;
    world.leave("c").await;
    world.shared_by(&["a", "b"]).await;
    let after = world.all_owners().await;
    let moved = before.iter().filter(|(partition, owner)| after[*partition] != **owner);
    assert!(moved.clone().all(|(_, owner)| owner == "c"), "{before:?} {after:?}");
    load.more(100).await;
    world.all_is_well(load).await;
}
