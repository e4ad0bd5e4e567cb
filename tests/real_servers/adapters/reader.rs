//! The reader under a server that loses its consumer, dies, or cannot be reached.

use std::time::{Duration, Instant};

use earmark::{
    nats::{NatsInput, ReaderSettings, names, setup},
    ports::{Cursor, Input, Loss, Read},
};
use futures::TryStreamExt;

use super::common::{BOUND, DEMAND, connect, expect, hasty, open, publish, server, streams};
use crate::harness::{Direction, Proxy};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn goes_on_when_its_consumer_is_deleted() {
    let (_nats, connections) = server().await;
    let input = NatsInput::new(connections.intake.clone(), hasty());
    publish(&connections.control, 0, 1_000).await;
    let mut reader = open(&input, Cursor::default()).await.reader;
    for part in 0..4 {
        expect(&mut reader, part * 250, part * 250 + 250).await;
        let stream = connections.control.get_stream(names::IN).await.expect("it is there");
        let consumers: Vec<String> = stream.consumer_names().try_collect().await.expect("listed");
        assert!(!consumers.is_empty());
        for consumer in consumers {
            stream.delete_consumer(&consumer).await.expect("it is deleted");
        }
    }
    publish(&connections.control, 1_000, 1_100).await;
    expect(&mut reader, 1_000, 1_100).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_the_servers_death() {
    let (mut nats, connections) = server().await;
    let input = NatsInput::new(connections.intake.clone(), hasty());
    publish(&connections.control, 0, 600).await;
    let mut reader = open(&input, Cursor::default()).await.reader;
    expect(&mut reader, 0, 333).await;
    nats.kill();
    let waiting = tokio::time::timeout(Duration::from_millis(300), reader.read(10)).await;
    if let Ok(Ok(Read::Messages(messages))) = &waiting {
        assert_eq!(messages[0].payload, "333", "what had arrived may be read");
    }
    let read = match waiting {
        Ok(Ok(Read::Messages(messages))) => messages.len(),
        _ => 0,
    };
    nats.restart().await;
    let publisher = connect(&nats.url()).await;
    publish(&publisher.control, 600, 900).await;
    expect(&mut reader, 333 + read, 900).await;
}

/// async-nats' ordered consumer, recreated before its first delivery, starts at 1.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn never_starts_at_one() {
    let (mut nats, connections) = server().await;
    let input = NatsInput::new(connections.intake.clone(), hasty());
    publish(&connections.control, 0, 50).await;
    let mut first = open(&input, Cursor::default()).await.reader;
    expect(&mut first, 0, 50).await;
    let Read::Drained(cursor) = first.read(1).await.expect("a read works") else {
        panic!("there is nothing more");
    };
    let mut reader = open(&input, cursor).await.reader;
    assert!(matches!(reader.read(1).await, Ok(Read::Drained(_))));
    nats.kill();
    let _ = tokio::time::timeout(Duration::from_millis(100), reader.read(1)).await;
    nats.restart().await;
    publish(&connect(&nats.url()).await.control, 50, 60).await;
    expect(&mut reader, 50, 60).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_a_broken_network() {
    let (nats, connections) = server().await;
    let proxy = Proxy::start(nats.addr()).await;
    let through = connect(&proxy.url("nats")).await;
    let input = NatsInput::new(through.intake, hasty());
    publish(&connections.control, 0, 500).await;
    let mut reader = open(&input, Cursor::default()).await.reader;
    expect(&mut reader, 0, 100).await;
    let mut read = 100;
    for fault in 0..3 {
        match fault {
            0 => proxy.reset_connections(),
            1 => proxy.stall(),
            _ => proxy.cut(Direction::ToClient),
        }
        let healing = async {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            proxy.heal().await;
        };
        tokio::join!(healing, expect(&mut reader, read, read + 100));
        read += 100;
    }
    publish(&connections.control, 500, 600).await;
    expect(&mut reader, read, 600).await;
}

/// async-nats' pull stream stops for 35 seconds when its own reports come late.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn does_not_stall_behind_a_slow_network() {
    let (nats, connections) = server().await;
    let proxy = Proxy::start(nats.addr()).await;
    let through = connect(&proxy.url("nats")).await;
    proxy.delay(Duration::from_millis(3));
    let input = NatsInput::new(through.intake, hasty());
    for part in 0..40 {
        publish(&connections.control, part * 500, part * 500 + 500).await;
    }
    let mut reader = open(&input, Cursor::default()).await.reader;
    for part in 0..20 {
        let began = Instant::now();
        expect(&mut reader, part * 1_000, part * 1_000 + 1_000).await;
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_left_alone_goes_on() {
    let (_nats, connections) = server().await;
    // The server drops the consumer while nobody reads.
    let settings =
        earmark::nats::ReaderSettings { expires_ms: 1_000, inactive_ms: 1_000, ..hasty() };
    let input = NatsInput::new(connections.intake.clone(), settings);
    publish(&connections.control, 0, 400).await;
    let mut reader = open(&input, Cursor::default()).await.reader;
    expect(&mut reader, 0, 10).await;
    tokio::time::sleep(Duration::from_secs(4)).await;
    expect(&mut reader, 10, 400).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wiped_server_is_a_loss() {
    let (mut nats, connections) = server().await;
    let input = NatsInput::new(connections.intake.clone(), hasty());
    publish(&connections.control, 0, 100).await;
    let opened = open(&input, Cursor::default()).await;
    let (mut reader, start) = (opened.reader, opened.cursor);
    expect(&mut reader, 0, 100).await;
    nats.wipe();
    nats.restart().await;
    let fresh = connect(&nats.url()).await;
    setup::apply(&fresh.control, &streams()).await.expect("the streams are set up");
    publish(&fresh.control, 0, 200).await;
    // The reader must not go on as if it were the same log.
    let failed = tokio::time::timeout(BOUND, async {
        loop {
            match reader.read(10).await {
                Ok(Read::Messages(messages)) => panic!("{messages:?}"),
                Ok(Read::Drained(_)) => {}
                Err(error) => return error.to_string(),
            }
        }
    });
    let error = failed.await.expect("it fails within the bound");
    assert!(error.contains("lost"), "{error}");
    let cursor = Cursor { sequence: 100, ..start };
    let opened = input.open(0, DEMAND, cursor).await.expect("a reader opens");
    assert!(matches!(opened.loss, Some(Loss::OtherStream { .. })), "{:?}", opened.loss);
    let mut reader = opened.reader;
    expect(&mut reader, 0, 200).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tail_that_was_lost_and_filled_again_is_a_loss() {
    let (mut nats, connections) = server().await;
    let input = NatsInput::new(connections.intake.clone(), hasty());
    publish(&connections.control, 0, 60).await;
    let copy = nats.snapshot_data();
    publish(&connections.control, 60, 100).await;
    let opened = open(&input, Cursor::default()).await;
    let mut reader = opened.reader;
    expect(&mut reader, 0, 100).await;
    let at = input.server_time().await.expect("the server says the time");
    nats.roll_back(&copy).await;
    let fresh = connect(&nats.url()).await;
    publish(&fresh.control, 200, 300).await;
    let cursor = Cursor { sequence: 100, at, ..opened.cursor };
    let opened = input.open(0, DEMAND, cursor).await.expect("a reader opens");
    let loss = Some(Loss::EndBeforeCursor { cursor: 100, end: 60 });
    assert_eq!(opened.loss, loss, "what came after the copy is new");
    let mut reader = opened.reader;
    expect(&mut reader, 200, 300).await;
}

/// What a reader has asked is not waited for while nobody reads it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_nobody_reads_holds_up_no_other() {
    let (nats, connections) = server().await;
    let proxy = Proxy::start(nats.addr()).await;
    let through = connect(&proxy.url("nats")).await;
    proxy.delay(Duration::from_millis(100));
    let input = NatsInput::new(through.intake, ReaderSettings { heartbeat_ms: 1_000, ..hasty() });
    let mut reader = open(&input, Cursor::default()).await.reader;
    for n in 0..3 {
        while !matches!(reader.read(10).await.expect("a read works"), Read::Drained(_)) {}
        // It has just asked, 250 ms after it was drained, when this comes.
        let publishing = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            publish(&connections.control, n, n + 1).await;
        };
        let ((), read) = tokio::join!(publishing, reader.read(10));
        assert!(matches!(read, Ok(Read::Messages(_))), "{read:?}");
        let time = tokio::time::timeout(Duration::from_secs(10), input.server_time()).await;
        assert!(time.is_ok(), "round {n}: the server's time is not read while a reader rests");
    }
}
