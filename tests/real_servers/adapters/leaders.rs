//! A leader that was cut off goes on believing that it leads: what it says is not believed.

use std::time::Duration;

use async_nats::jetstream::Context;
use earmark::{
    domain::time::Timestamp,
    nats::{NatsInput, StreamSettings, names, setup},
    ports::{Cursor, Input},
};

use super::common::{DEMAND, connect, expect, hasty, open, publish, streams};
use crate::harness::{NatsCluster, wait_until};

const LONG: Duration = Duration::from_secs(60);

/// Where a stream ends, as whoever answers says.
async fn end(context: &Context) -> Option<u64> {
    let stream = context.get_stream(names::IN).await.ok()?;
    Some(stream.cached_info().state.last_sequence)
}

/// Which of the servers leads the stream.
async fn leader(context: &Context) -> Option<usize> {
    let stream = context.get_stream(names::IN).await.ok()?;
    let name = stream.cached_info().cluster.clone()?.leader?;
    name.strip_prefix('n')?.parse::<usize>().ok()?.checked_sub(1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_was_cut_off_has_lost_nothing() {
    let cluster = NatsCluster::start().await;
    let all = connect(&cluster.servers[0].url()).await;
    let replicated = StreamSettings { replicas: 3, ..streams() };
    wait_until("the streams are set up", LONG, async || {
        setup::apply(&all.control, &replicated).await.is_ok()
    })
    .await;
    publish(&all.control, 0, 50).await;
    let begin = open(&NatsInput::new(all.intake.clone(), hasty()), Cursor::default()).await;
    let created = begin.cursor.created;

    let old = leader(&all.control).await.expect("the stream has a leader");
    let cut = connect(&cluster.servers[old].url()).await;
    let rest = connect(&cluster.servers[(old + 1) % 3].url()).await;
    cluster.cut_off(old);
    wait_until("the others have another leader", LONG, async || {
        leader(&rest.control).await.is_some_and(|leader| leader != old)
    })
    .await;
    publish(&rest.control, 50, 100).await;
    assert_eq!(end(&cut.control).await, Some(50), "it does not know of the others' leader");

    // Somebody has read all of it.
    let cursor = Cursor { sequence: 100, at: Timestamp::default(), created };
    let behind = NatsInput::new(cut.intake.clone(), hasty());
    let refused = behind.open(0, DEMAND, cursor).await.map(|opened| opened.loss);
    let why = refused.expect_err("what it has to say is old").to_string();
    assert!(why.contains("leader"), "{why}");
    let gone = behind.fetch(DEMAND, 100).await.map(|found| found.is_some());
    gone.expect_err("it cannot know that nothing is there");
    assert!(behind.server_time().await.is_err(), "nor up to when it knows everything");

    cluster.heal(old).await;
    wait_until("it has heard of the others' leader", LONG, async || {
        let opened = behind.open(0, DEMAND, cursor).await;
        opened.is_ok_and(|opened| opened.loss.is_none() && opened.cursor.sequence == 100)
    })
    .await;
    let mut reader = open(&behind, begin.cursor).await.reader;
    expect(&mut reader, 0, 100).await;
}
