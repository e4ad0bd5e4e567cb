//! Two processes that both believe to own everything, with leases switched off.

use std::time::Duration;

use crate::{
    load::{Load, Wants},
    world::{World, let_pass},
};

/// How long they fight.
const FIGHT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn of_two_owners_only_one_commits_at_a_time() {
    let mut world = World::start().await;
    let all = [("EARMARK__CLUSTER__OWNERSHIP", "all")];
    world.run("left", &all);
    world.run("right", &all);
    let load = Load::start(world.nats.jetstream().await, Wants::at(50)).await;
    let_pass(FIGHT).await;
    world.kill("right");
    let journals = world.all_is_well(load).await;
    assert_eq!(journals.committers().iter().filter(|pod| !pod.contains("setup")).count(), 2);
    let changes: usize = (0..16).map(|partition| journals.owners(partition).len()).sum();
    assert!(changes > 32, "they did not fight: {changes}");
}
