//! Three replicas: conditional appends cannot be pipelined there, so that the commit keeps one in
//! flight per partition.

use async_nats::jetstream;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;

use super::server_code;
use crate::harness::{NatsCluster, READY_BOUND, wait_for};

const IN_FLIGHT: u64 = 20;
const ROUNDS: usize = 20;

#[tokio::test]
async fn pipelined_conditional_appends_are_refused_on_three_replicas() {
    let cluster = NatsCluster::start().await;
    let context = jetstream::new(cluster.client().await);
    let config = Config {
        name: "JOURNAL".to_owned(),
        subjects: vec!["journal.*".to_owned()],
        num_replicas: 3,
        ..Default::default()
    };
    // A cluster whose leader has just been elected may not know all of its servers yet.
    let create = async || context.create_stream(config.clone()).await.ok();
    let stream = wait_for("three servers take a stream", READY_BOUND, create).await;

    // One at a time, each is accepted.
    for expected in 0..IN_FLIGHT {
        let message = PublishMessage::build().expected_last_subject_sequence(expected);
        let ack = context.send_publish("journal.7", message).await.unwrap().await.unwrap();
        assert_eq!(ack.sequence, expected + 1);
    }

    // In flight together, each with the place that the one before it will have made: some are refused
    // because the one before is not yet agreed upon. It depends on timing whether in one round.
    let mut refused = Vec::new();
    for _ in 0..ROUNDS {
        let last = stream.get_last_raw_message_by_subject("journal.7").await.unwrap().sequence;
        let mut unawaited = Vec::new();
        for expected in last..last + IN_FLIGHT {
            let message = PublishMessage::build().expected_last_subject_sequence(expected);
            unawaited.push(context.send_publish("journal.7", message).await.unwrap());
        }
        for ack in
            futures::future::join_all(unawaited.into_iter().map(IntoFuture::into_future)).await
        {
            refused.extend(ack.err());
        }
        if refused.iter().any(|error| server_code(error) == Some(10164)) {
            break;
        }
    }
    let codes: Vec<_> = refused.iter().map(|error| (error.kind(), server_code(error))).collect();
    // The client knows 10071 by name and 10164 not: both mean that the append did not happen.
    let expected = [
        (PublishErrorKind::Other, Some(10164)),
        (PublishErrorKind::WrongLastSequence, Some(10071)),
    ];
    assert!(codes.contains(&expected[0]), "none was refused as not yet agreed upon: {codes:?}");
    assert!(codes.iter().all(|code| expected.contains(code)), "another refusal: {codes:?}");
}
