//! Stream settings that exclude each other or hide in the client, and the server's clock.

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::context::CreateStreamErrorKind;
use async_nats::jetstream::stream::{Config, DiscardPolicy, PersistenceMode, StorageType};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::harness::NatsServer;

fn named(name: &str) -> Config {
    Config { name: name.to_owned(), subjects: vec![format!("{name}.>")], ..Default::default() }
}

#[tokio::test]
async fn schedules_and_discard_new_exclude_each_other() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let both = Config {
        allow_message_schedules: true,
        discard: DiscardPolicy::New,
        max_messages: 10,
        ..named("TIMERS")
    };
    let error = context.create_stream(both.clone()).await.unwrap_err();
    match error.kind() {
        CreateStreamErrorKind::JetStream(error) => {
            assert_eq!(error.error_code(), ErrorCode(10052), "{error}");
        }
        other => panic!("another refusal: {other}"),
    }
    context.create_stream(Config { discard: DiscardPolicy::Old, ..both }).await.unwrap();
}

#[tokio::test]
async fn persist_mode_async_can_be_set_and_read_back_for_one_replica() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let config = Config { persist_mode: Some(PersistenceMode::Async), ..named("OUT") };
    let stream = context.create_stream(config).await.unwrap();
    let stored = &stream.cached_info().config;
    assert_eq!(stored.persist_mode, Some(PersistenceMode::Async));
    assert_eq!(stored.storage, StorageType::File);

    // Only when it is made: an existing stream cannot change its mode.
    let other = Config { persist_mode: Some(PersistenceMode::Default), ..named("OUT") };
    assert!(context.update_stream(other).await.is_err());

    // And not together with atomic batches.
    let batches = Config {
        persist_mode: Some(PersistenceMode::Async),
        allow_atomic_publish: true,
        ..named("BOTH")
    };
    assert!(context.create_stream(batches).await.is_err());
}

async fn raw_info(client: &async_nats::Client) -> Value {
    let answer = client.request("$JS.API.STREAM.INFO.CLOCK", "".into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

fn server_time(info: &Value) -> OffsetDateTime {
    let text = info["ts"].as_str().expect("the answer carries `ts`");
    OffsetDateTime::parse(text, &Rfc3339).unwrap()
}

/// The client's `Info` leaves `ts` out: who wants the server's time asks for the answer itself.
#[tokio::test]
async fn stream_info_carries_the_servers_time_and_the_streams_creation() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    context.create_stream(named("CLOCK")).await.unwrap();
    let client = context.client();

    let first = raw_info(&client).await;
    let second = raw_info(&client).await;
    assert!(server_time(&second) > server_time(&first));
    assert_eq!(first["created"], second["created"]);

    // A stream made anew under the same name has another creation time.
    context.delete_stream("CLOCK").await.unwrap();
    context.create_stream(named("CLOCK")).await.unwrap();
    assert_ne!(raw_info(&client).await["created"], first["created"]);
}

/// `ts` and messages' timestamps come from one clock on one server: a cursor on a drained lane may
/// move its log time up to it.
#[tokio::test]
async fn a_message_stored_before_the_info_is_not_later_than_it() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = context.create_stream(named("CLOCK")).await.unwrap();
    let before = server_time(&raw_info(&context.client()).await);
    context.publish("CLOCK.a", "".into()).await.unwrap().await.unwrap();
    let after = server_time(&raw_info(&context.client()).await);
    let stored = stream.get_raw_message(1).await.unwrap().time;
    let stored = OffsetDateTime::from_unix_timestamp_nanos(stored.unix_timestamp_nanos()).unwrap();
    assert!(before <= stored && stored <= after);
}
