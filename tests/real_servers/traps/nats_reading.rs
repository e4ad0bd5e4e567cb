//! Pull consumers: what our own reader must do, because the server gives nothing that was not asked
//! for, and because the client's ordered consumer can begin at 1.

use std::time::Duration;

use async_nats::jetstream::Context;
use async_nats::jetstream::consumer::pull::{Config as PullConfig, OrderedConfig};
use async_nats::jetstream::consumer::{AckPolicy, Consumer, DeliverPolicy};
use async_nats::jetstream::stream::{Config, Stream};
use async_nats::{StatusCode, Subscriber};
use futures::StreamExt;
use serde_json::json;

use crate::harness::{NatsServer, READY_BOUND};

async fn stream_of(context: &Context, messages: u64) -> Stream {
    let stream = context
        .create_stream(Config {
            name: "IN".to_owned(),
            subjects: vec!["in.>".to_owned()],
            ..Default::default()
        })
        .await
        .unwrap();
    publish(context, messages).await;
    stream
}

async fn publish(context: &Context, count: u64) {
    for _ in 0..count {
        context.publish("in.a", "x".into()).await.unwrap().await.unwrap();
    }
}

/// Asked to start at 101, recreated before its first delivery, the ordered consumer of async-nats
/// 0.51 delivers 1 first. Who reads with it has to drop what is at or before the cursor; our reader
/// makes its own consumer and drops it too.
#[tokio::test]
async fn an_ordered_consumer_recreated_before_its_first_delivery_begins_at_1() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = stream_of(&context, 100).await;
    let consumer: Consumer<OrderedConfig> = stream
        .create_consumer(OrderedConfig {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: 101 },
            ..Default::default()
        })
        .await
        .unwrap();
    let name = consumer.cached_info().name.clone();
    let mut messages = consumer.messages().await.unwrap();

    stream.delete_consumer(&name).await.unwrap();
    publish(&context, 1).await;

    let first = tokio::time::timeout(READY_BOUND, async {
        loop {
            // It may report the loss first.
            if let Some(Ok(message)) = messages.next().await {
                break message.info().unwrap().stream_sequence;
            }
        }
    });
    assert_eq!(first.await.expect("something is delivered"), 1);
}

/// A consumer as our reader makes it: no acknowledgements, from a sequence, in memory.
async fn consumer_from(stream: &Stream, start_sequence: u64) -> Consumer<PullConfig> {
    stream
        .create_consumer(PullConfig {
            name: Some("reader".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::None,
            memory_storage: true,
            num_replicas: 1,
            inactive_threshold: Duration::from_secs(30),
            ..Default::default()
        })
        .await
        .unwrap()
}

/// Sends one pull request of our own; the answers come to the inbox.
async fn pull(context: &Context, inbox: &str, batch: u64) {
    let request = json!({
        "batch": batch,
        "expires": Duration::from_secs(30).as_nanos() as u64,
        "idle_heartbeat": Duration::from_millis(100).as_nanos() as u64,
    });
    let subject = "$JS.API.CONSUMER.MSG.NEXT.IN.reader";
    let body = request.to_string().into();
    context.client().publish_with_reply(subject, inbox.to_owned(), body).await.unwrap();
}

async fn next(inbox: &mut Subscriber) -> async_nats::Message {
    let message = tokio::time::timeout(READY_BOUND, inbox.next()).await;
    message.expect("something arrives").expect("the subscription is open")
}

#[tokio::test]
async fn without_an_outstanding_request_there_is_no_message_and_no_heartbeat() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = stream_of(&context, 3).await;
    let mut consumer = consumer_from(&stream, 1).await;
    let name = context.client().new_inbox();
    let mut inbox = context.client().subscribe(name.clone()).await.unwrap();

    let info = consumer.info().await.unwrap();
    assert_eq!((info.num_waiting, info.num_pending), (0, 3));
    assert_eq!(info.delivered.stream_sequence, 0, "nothing was pushed to anyone");

    // A request of two is used up by two messages, though it would last for 30 s.
    pull(&context, &name, 2).await;
    for sequence in 1..=2 {
        let message = next(&mut inbox).await;
        assert_eq!(message.status, None);
        let reply = message.reply.expect("the reply subject carries the sequences");
        assert!(reply.starts_with(&format!("$JS.ACK.IN.reader.1.{sequence}.{sequence}.")));
    }
    let info = consumer.info().await.unwrap();
    assert_eq!((info.num_waiting, info.num_pending), (0, 1));
    // Three heartbeats' time: silence is the fact itself here.
    let silence = tokio::time::timeout(Duration::from_millis(300), inbox.next()).await;
    assert!(silence.is_err(), "neither the third message nor a heartbeat: {silence:?}");
}

#[tokio::test]
async fn an_outstanding_request_is_answered_by_heartbeats_then_by_messages_at_once() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = stream_of(&context, 0).await;
    let mut consumer = consumer_from(&stream, 1).await;
    let name = context.client().new_inbox();
    let mut inbox = context.client().subscribe(name.clone()).await.unwrap();

    pull(&context, &name, 10).await;
    for _ in 0..2 {
        let heartbeat = next(&mut inbox).await;
        assert_eq!(heartbeat.status, Some(StatusCode::IDLE_HEARTBEAT));
        assert_eq!(heartbeat.status.unwrap().as_u16(), 100);
        assert_eq!(heartbeat.description.as_deref(), Some("Idle Heartbeat"));
        assert!(heartbeat.payload.is_empty());
    }
    assert_eq!(consumer.info().await.unwrap().num_waiting, 1);

    publish(&context, 1).await;
    let message = loop {
        let message = next(&mut inbox).await;
        if message.status.is_none() {
            break message;
        }
    };
    assert_eq!(&*message.payload, b"x");
}

/// The server tells an outstanding request that its consumer is gone; a request that comes after
/// that gets no answer but `no responders`.
#[tokio::test]
async fn a_deleted_consumer_ends_outstanding_requests_with_409_and_later_ones_with_503() {
    let server = NatsServer::start().await;
    let context = server.jetstream().await;
    let stream = stream_of(&context, 0).await;
    consumer_from(&stream, 1).await;
    let name = context.client().new_inbox();
    let mut inbox = context.client().subscribe(name.clone()).await.unwrap();

    pull(&context, &name, 10).await;
    assert_eq!(next(&mut inbox).await.status, Some(StatusCode::IDLE_HEARTBEAT));
    stream.delete_consumer("reader").await.unwrap();
    let ended = loop {
        let message = next(&mut inbox).await;
        if message.status != Some(StatusCode::IDLE_HEARTBEAT) {
            break message;
        }
    };
    assert_eq!(ended.status.map(|status| status.as_u16()), Some(409));
    assert_eq!(ended.description.as_deref(), Some("Consumer Deleted"));

    pull(&context, &name, 10).await;
    assert_eq!(next(&mut inbox).await.status, Some(StatusCode::NO_RESPONDERS));
}
