//! Servers start ready, and can be killed, frozen, restarted, wiped and rolled back.

use std::time::Duration;

use async_nats::jetstream;

use crate::harness::{NatsConfig, NatsServer, READY_BOUND, RedisConfig, RedisServer, wait_until};

/// Long enough for an answer on loopback, short enough to wait for one that must not come.
const SILENCE: Duration = Duration::from_millis(300);

async fn store_one(context: &jetstream::Context) {
    let config = jetstream::stream::Config {
        name: "KEPT".to_owned(),
        subjects: vec!["kept".to_owned()],
        ..Default::default()
    };
    context.create_stream(config).await.unwrap();
    context.publish("kept", "one".into()).await.unwrap().await.unwrap();
}

async fn messages(context: &jetstream::Context) -> Option<u64> {
    context.get_stream("KEPT").await.ok().map(|stream| stream.cached_info().state.messages)
}

#[tokio::test]
async fn nats_keeps_its_data_over_kill_and_restart_and_loses_it_by_wipe() {
    let mut server = NatsServer::start().await;
    store_one(&server.jetstream().await).await;
    let url = server.url();

    server.kill();
    assert!(async_nats::connect(&url).await.is_err());

    server.restart().await;
    assert_eq!(server.url(), url);
    assert_eq!(messages(&server.jetstream().await).await, Some(1));

    server.wipe();
    server.restart().await;
    assert_eq!(messages(&server.jetstream().await).await, None);
}

#[tokio::test]
async fn nats_answers_nothing_while_frozen_and_goes_on_after() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    store_one(&context).await;

    server.freeze();
    let silent = tokio::time::timeout(SILENCE, messages(&context)).await;
    assert!(silent.is_err(), "a frozen server answered: {silent:?}");

    server.thaw();
    wait_until("the thawed server answers", READY_BOUND, async || {
        messages(&context).await == Some(1)
    })
    .await;
}

#[tokio::test]
async fn nats_takes_more_configuration() {
    let config = NatsConfig {
        top: "max_payload: 2048".to_owned(),
        jetstream: "sync_interval: always".to_owned(),
        ..NatsConfig::default()
    };
    let server = NatsServer::start_with(config).await;
    assert_eq!(server.client().await.server_info().max_payload, 2048);
    store_one(&server.jetstream().await).await;
}

async fn get(server: &RedisServer) -> Option<String> {
    let mut connection = server.connection().await;
    redis::cmd("GET").arg("key").query_async(&mut connection).await.unwrap()
}

async fn set(server: &RedisServer, value: &str) {
    let mut connection = server.connection().await;
    redis::cmd("SET").arg("key").arg(value).exec_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn redis_keeps_its_data_over_kill_and_restart_and_loses_it_by_wipe() {
    let mut server = RedisServer::start().await;
    set(&server, "one").await;
    let url = server.url();

    server.kill();
    let client = redis::Client::open(url.as_str()).unwrap();
    assert!(client.get_multiplexed_async_connection().await.is_err());

    server.restart().await;
    assert_eq!(server.url(), url);
    assert_eq!(get(&server).await.as_deref(), Some("one"));

    server.wipe();
    server.restart().await;
    assert_eq!(get(&server).await, None);
}

#[tokio::test]
async fn redis_rolls_back_to_an_earlier_copy() {
    let mut server = RedisServer::start().await;
    set(&server, "earlier").await;
    let copy = server.snapshot_data();
    set(&server, "later").await;

    server.roll_back(&copy).await;
    assert_eq!(get(&server).await.as_deref(), Some("earlier"));

    // A copy serves more than once.
    set(&server, "later still").await;
    server.roll_back(&copy).await;
    assert_eq!(get(&server).await.as_deref(), Some("earlier"));
}

#[tokio::test]
async fn redis_without_a_file_comes_back_empty() {
    let config = RedisConfig { append_only: false, ..RedisConfig::default() };
    let mut server = RedisServer::start_with(config).await;
    set(&server, "one").await;
    server.restart().await;
    assert_eq!(get(&server).await, None);
}

#[tokio::test]
async fn redis_answers_nothing_while_frozen_and_goes_on_after() {
    let server = RedisServer::start().await;
    set(&server, "one").await;
    let mut connection = server.connection().await;

    server.freeze();
    let ping = redis::cmd("PING");
    let silent = tokio::time::timeout(SILENCE, ping.exec_async(&mut connection)).await;
    assert!(silent.is_err(), "a frozen server answered: {silent:?}");

    server.thaw();
    assert_eq!(get(&server).await.as_deref(), Some("one"));
}
