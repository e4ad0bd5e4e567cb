//! Scenarios: every file below this folder comes true, in memory and on real servers; and what the
//! runner says of those that do not.

#[path = "../harness/mod.rs"]
mod harness;
mod runner;

use std::path::{Path, PathBuf};

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

/// Three at a time, each on servers of its own: a scenario waits more than it computes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_true_on_servers() {
    let mut files: Vec<String> =
        entries(SCENARIOS.as_ref()).flat_map(|of| entries(&of)).map(text).collect();
    files.sort();
    let thirds = [0, 1, 2].map(|first| files.iter().skip(first).step_by(3));
    futures::future::join_all(thirds.map(come_true_on_servers)).await;
}

/// What is in a folder, if it is one.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.expect("an entry can be read").path())
}

fn text(path: PathBuf) -> String {
    path.into_os_string().into_string().expect("a path in UTF-8")
}

async fn come_true_on_servers(files: impl Iterator<Item = &String>) {
    let (nats, redis) = (NatsServer::start().await, RedisServer::start().await);
    let run = ["scenario", "run", "--nats", "--reset"];
    let args: Vec<&str> = run.into_iter().chain(files.map(String::as_str)).collect();
    Ran::earmark(&args, on_servers(&nats, &redis)).await.with(0);
}

/// The README has a scenario in it, which must be true as well.
#[tokio::test]
async fn what_the_readme_tells_comes_true() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).expect("there is a README");
    let (_, after) = readme.split_once("```yaml\n").expect("it has a scenario");
    let (scenario, _) = after.split_once("```").expect("the scenario ends");
    let dir = tempfile::tempdir().expect("a directory can be made");
    let file = dir.path().join("readme.yaml");
    std::fs::write(&file, scenario).expect("a file can be written");
    let file = file.to_str().expect("a path in UTF-8");
    Ran::earmark(&["scenario", "run", file], Vec::new()).await.with(0);
}
