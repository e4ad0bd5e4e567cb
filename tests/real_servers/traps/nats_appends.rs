//! What a refused or waiting publish looks like: conditional appends, full streams, messages too
//! large, and the bound on unawaited acknowledgements.

use std::error::Error as _;
use std::time::Duration;

use async_nats::jetstream;
use async_nats::jetstream::context::{Context, ContextBuilder, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{Config, DiscardPolicy};
use futures::poll;

use super::server_code;
use crate::harness::{NatsServer, READY_BOUND, wait_until};

fn journal() -> Config {
    Config {
        name: "JOURNAL".to_owned(),
        subjects: vec!["journal.*".to_owned()],
        ..Default::default()
    }
}

/// Appends when the subject's last sequence is the expected one.
async fn append(context: &Context, expected: u64, body: &str) -> Result<PublishAck, PublishError> {
    let message = PublishMessage::build()
        .payload(body.to_owned().into())
        .expected_last_subject_sequence(expected);
    context.send_publish("journal.7", message).await?.await
}

#[tokio::test]
async fn an_append_at_the_wrong_place_is_refused_with_10071_and_the_place_in_words_only() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = context.create_stream(journal()).await.unwrap();
    context.publish("journal.3", "another subject".into()).await.unwrap().await.unwrap();

    // 0 means: the subject has no message yet. Others' messages do not count.
    let first = append(&context, 0, "first").await.unwrap().sequence;
    assert_eq!(first, 2);
    append(&context, first, "second").await.unwrap();

    for wrong in [0, first, 99] {
        let error = append(&context, wrong, "stale").await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::WrongLastSequence);
        assert_eq!(server_code(&error), Some(10071));
        let source = error.source().unwrap().downcast_ref::<jetstream::Error>().unwrap();
        assert_eq!(source.code(), 400);
        // The true last sequence stands in the text alone: read the record itself, from the leader.
        assert_eq!(source.to_string(), "wrong last sequence: 3 (code 400, error code 10071)");
    }
    let last = stream.get_last_raw_message_by_subject("journal.7").await.unwrap();
    assert_eq!((last.sequence, &*last.payload), (3, b"second".as_slice()));
}

#[tokio::test]
async fn on_one_server_conditional_appends_may_be_pipelined() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    context.create_stream(journal()).await.unwrap();
    let mut unawaited = Vec::new();
    for expected in 0..20 {
        let message = PublishMessage::build().expected_last_subject_sequence(expected);
        unawaited.push(context.send_publish("journal.7", message).await.unwrap());
    }
    for (sequence, ack) in (1..).zip(unawaited) {
        assert_eq!(ack.await.unwrap().sequence, sequence);
    }
}

#[tokio::test]
async fn a_full_stream_that_discards_new_refuses_with_10077() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let full = [Config { max_messages: 1, ..journal() }, Config { max_bytes: 200, ..journal() }];
    for config in full {
        let config = Config { discard: DiscardPolicy::New, ..config };
        context.create_stream(config).await.unwrap();
        let body = vec![b'x'; 100];
        context.publish("journal.7", body.clone().into()).await.unwrap().await.unwrap();
        let error = context.publish("journal.7", body.into()).await.unwrap().await.unwrap_err();
        assert_eq!(error.kind(), PublishErrorKind::Other);
        assert_eq!(server_code(&error), Some(10077));
        context.delete_stream("JOURNAL").await.unwrap();
    }
}

#[tokio::test]
async fn a_message_above_the_streams_limit_is_refused_with_10054() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    context.create_stream(Config { max_message_size: 1_000, ..journal() }).await.unwrap();

    context.publish("journal.7", vec![b'x'; 1_000].into()).await.unwrap().await.unwrap();
    let error = context.publish("journal.7", vec![b'x'; 1_001].into()).await.unwrap().await;
    let error = error.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::Other);
    assert_eq!(server_code(&error), Some(10054));

    // Headers count too, with their frame.
    let with_header = PublishMessage::build().payload(vec![b'x'; 1_000].into()).header("A", "b");
    let error = context.send_publish("journal.7", with_header).await.unwrap().await.unwrap_err();
    assert_eq!(server_code(&error), Some(10054));
}

#[tokio::test]
async fn a_message_above_the_servers_limit_never_leaves_the_client() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    context.create_stream(journal()).await.unwrap();
    let limit = context.client().server_info().max_payload;
    let error = context.publish("journal.7", vec![b'x'; limit + 1].into()).await.unwrap_err();
    assert_eq!(error.kind(), PublishErrorKind::MaxPayloadExceeded);
}

/// Two tasks that each publish a batch before they await any of it wait for each other for ever once
/// their batches add up to the bound.
#[tokio::test]
async fn beyond_max_ack_inflight_a_publish_waits_until_an_acknowledgement_is_awaited() {
    let server = NatsServer::start().await;
    let context = ContextBuilder::new().max_ack_inflight(2).build(server.client().await);
    let stream = context.create_stream(journal()).await.unwrap();

    let first = context.publish("journal.7", "1".into()).await.unwrap();
    let second = context.publish("journal.7", "2".into()).await.unwrap();
    let mut third = Box::pin(async { context.publish("journal.7", "3".into()).await });
    assert!(poll!(third.as_mut()).is_pending());

    // The server has stored both, and its answers have reached the client with those to the requests:
    // an acknowledgement that arrived does not make room, one that was awaited does. (Asked once, the
    // stream may not have them yet: an answer of the API can overtake earlier publishes.)
    wait_until("both are stored", READY_BOUND, async || {
        stream.get_info().await.unwrap().state.messages == 2
    })
    .await;
    stream.get_info().await.unwrap();
    assert!(poll!(third.as_mut()).is_pending());

    first.await.unwrap();
    let third = tokio::time::timeout(READY_BOUND, third).await.expect("there is room").unwrap();
    assert_eq!(third.await.unwrap().sequence, 3);
    second.await.unwrap();
}

#[tokio::test]
async fn a_dropped_acknowledgement_gives_its_place_back_only_when_it_arrives() {
    let server = NatsServer::start().await;
    let context = ContextBuilder::new()
        .max_ack_inflight(1)
        .ack_timeout(Duration::from_secs(60))
        .build(server.client().await);
    context.create_stream(journal()).await.unwrap();

    server.freeze();
    drop(context.publish("journal.7", "1".into()).await.unwrap());
    let mut next = Box::pin(async { context.publish("journal.7", "2".into()).await });
    assert!(poll!(next.as_mut()).is_pending());
    server.thaw();
    let next = tokio::time::timeout(READY_BOUND, next).await.expect("there is room").unwrap();
    assert_eq!(next.await.unwrap().sequence, 2);
}
