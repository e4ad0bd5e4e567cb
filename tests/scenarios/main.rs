//! Scenarios: every file below this folder comes true, in memory and on real servers; and what the
//! runner says of those that do not.

#[path = "../harness/mod.rs"]
mod harness;
mod runner;

use crate::harness::{NatsServer, Ran, RedisServer, environment, free_port};

/// Where the scenarios are.
const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios");

/// What a run is told on servers of its own.
fn on_servers(nats: &NatsServer, redis: &RedisServer) -> Vec<(String, String)> {
    environment(nats, redis, free_port(), &[])
}

#[tokio::test]
async fn every_scenario_comes_true_in_memory() {
    Ran::earmark(&["scenario", "run", SCENARIOS], Vec::new()).await.with(0);
}

#[tokio::test]
async fn every_scenario_comes_true_on_servers() {
    let (nats, redis) = (NatsServer::start().await, RedisServer::start().await);
    let args = ["scenario", "run", SCENARIOS, "--nats", "--reset"];
    Ran::earmark(&args, on_servers(&nats, &redis)).await.with(0);
}
