//! The input port: order, cursors, drained, losses.

use std::time::Duration;

use earmark::{
    domain::{event::Lane, time::Timestamp},
    ports::{Cursor, Loss, Needed, Opened, Outlet, Partition, Source},
};

use super::{World, bytes, drain, outgoing, take, texts};

const DEMAND: Source = Source::Lane(Lane::Demand);

async fn open(world: &World, source: Source, after: Cursor) -> Opened {
    world.input.open(1, source, after).await.expect("a reader opens")
}

async fn publish(world: &World, count: usize) -> Vec<u64> {
    let mut sequences = Vec::new();
    for n in 0..count {
        sequences.push(world.outside.publish(1, Lane::Demand, bytes(n.to_string())).await);
    }
    sequences
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

pub async fn reads_its_own_source_in_order(world: &World) {
    let mut sequences = Vec::new();
    for n in 0..40 {
        sequences.push(world.outside.publish(1, Lane::Demand, bytes(n.to_string())).await);
        world.outside.publish(1, Lane::Settlement, bytes("another lane")).await;
        world.outside.publish(2, Lane::Demand, bytes("another partition")).await;
    }
    let mut opened = open(world, DEMAND, Cursor::default()).await;
    assert_eq!((opened.loss, opened.cursor.sequence), (None, 0));
    assert!(opened.cursor.created > Timestamp(0));
    let messages = take(&mut opened.reader, 40).await;
    assert_eq!(texts(&messages), numbers(0..40));
    assert_eq!(messages.iter().map(|m| m.sequence).collect::<Vec<_>>(), sequences);
    assert!(messages.is_sorted_by_key(|m| m.at), "the log's time does not go back");
    assert!(messages[0].at >= opened.cursor.created);
}

pub async fn resumes_after_its_cursor(world: &World) {
    let sequences = publish(world, 30).await;
    let Opened { cursor: start, .. } = open(world, DEMAND, Cursor::default()).await;
    let after = Cursor { sequence: sequences[11], ..start };
    let mut opened = open(world, DEMAND, after).await;
    assert_eq!((opened.loss, opened.cursor), (None, after));
    let (messages, _) = drain(&mut opened.reader).await;
    assert_eq!(texts(&messages), numbers(12..30));
}

pub async fn says_drained_when_it_is_certain(world: &World) {
    publish(world, 100).await;
    let mut opened = open(world, DEMAND, Cursor::default()).await;
    // `take` refuses a reader that says drained before all has come.
    let messages = take(&mut opened.reader, 100).await;
    let end = world.outside.publish(2, Lane::Reporting, bytes("not ours, but the end")).await;
    let last = &messages[99];
    let (more, first) = drain(&mut opened.reader).await;
    assert!(more.is_empty());
    assert!(first.sequence == end || first.sequence == last.sequence, "{first:?}");
    assert!(first.at >= last.at);
    assert_eq!(first.created, opened.cursor.created);
    // Again from time to time, and then up to the stream's end.
    let mut again = drain(&mut opened.reader).await.1;
    for _ in 0..20 {
        if again.sequence == end && again.at > first.at {
            break;
        }
        again = drain(&mut opened.reader).await.1;
    }
    assert_eq!(again.sequence, end);
    assert!(again.at > first.at, "the log's time goes on");
    // A drained reader goes on, and a cursor from it is one to resume from.
    let sequence = world.outside.publish(1, Lane::Demand, bytes("later")).await;
    let (later, drained) = drain(&mut opened.reader).await;
    assert!(later.is_empty() || texts(&later) == ["later"]);
    let mut resumed = open(world, DEMAND, again).await;
    assert_eq!(resumed.loss, None);
    assert_eq!(take(&mut resumed.reader, 1).await[0].sequence, sequence);
    assert!(later.is_empty() || drained.sequence >= sequence);
}

pub async fn dropping_a_read_loses_nothing(world: &World) {
    let mut opened = open(world, DEMAND, Cursor::default()).await;
    let mut got = Vec::new();
    let publishing = publish(world, 300);
    let reading = async {
        for patience in (0..200).cycle() {
            let read = opened.reader.read(3);
            let bound = Duration::from_micros(patience * 40);
            match tokio::time::timeout(bound, read).await {
                Ok(Ok(earmark::ports::Read::Messages(more))) => {
                    assert!(more.len() <= 3);
                    got.extend(more);
                }
                Ok(Ok(_)) | Err(_) => {}
                Ok(Err(error)) => panic!("{error}"),
            }
            if got.len() >= 300 {
                break;
            }
        }
    };
    let both = async { tokio::join!(publishing, reading) };
    tokio::time::timeout(super::BOUND, both).await.expect("all come within the bound");
    assert_eq!(texts(&got), numbers(0..300));
}

pub async fn fetches_one_message_again(world: &World) {
    let sequences = publish(world, 3).await;
    let message = world.input.fetch(DEMAND, sequences[1]).await.expect("it is fetched");
    let message = message.expect("it is there");
    assert_eq!((message.sequence, message.payload), (sequences[1], bytes("1")));
    let missing = world.input.fetch(DEMAND, sequences[2] + 1).await.expect("nothing is an answer");
    assert_eq!(missing, None);
}

pub async fn messages_gone_after_the_cursor_are_a_loss(world: &World) {
    let sequences = publish(world, 10).await;
    let start = open(world, DEMAND, Cursor::default()).await.cursor;
    let from = |from| Needed { log: start.created, from };
    let end = sequences[9] + 1;
    let other = Needed { log: Timestamp(start.created.0 - 1), from: end };
    world.input.purge_lanes(other).await.expect_err("what is in another log, nobody has read");
    world.input.purge_lanes(from(end + 1)).await.expect_err("it ends before");
    world.input.purge_lanes(from(sequences[4])).await.expect("a purge works");
    let gone = world.input.fetch(DEMAND, sequences[3]).await.expect("nothing is an answer");
    assert_eq!(gone, None, "what is below is forgotten");
    let kept = world.input.fetch(DEMAND, sequences[4]).await.expect("it is fetched");
    assert!(kept.is_some(), "and nothing else");

    let behind = Cursor { sequence: sequences[3], ..start };
    assert_eq!(open(world, DEMAND, behind).await.loss, None, "nothing unread is gone");

    let before = Cursor { sequence: sequences[1], ..start };
    let mut opened = open(world, DEMAND, before).await;
    let loss = Loss::FirstAfterCursor { cursor: sequences[1], first: sequences[4] };
    assert_eq!(opened.loss, Some(loss));
    assert_eq!(opened.cursor.sequence, sequences[4] - 1);
    assert_eq!(texts(&take(&mut opened.reader, 6).await), numbers(4..10));
    world.input.purge_lanes(from(0)).await.expect("nothing to forget");
    let kept = world.input.fetch(DEMAND, sequences[4]).await.expect("it is fetched");
    assert!(kept.is_some(), "below 0 there is nothing");
}

pub async fn an_end_before_the_cursor_is_a_loss(world: &World) {
    let sequences = publish(world, 5).await;
    let start = open(world, DEMAND, Cursor::default()).await.cursor;
    let beyond = Cursor { sequence: sequences[4] + 10, ..start };
    let mut opened = open(world, DEMAND, beyond).await;
    let loss = Loss::EndBeforeCursor { cursor: beyond.sequence, end: sequences[4] };
    assert_eq!(opened.loss, Some(loss));
    assert_eq!(opened.cursor.sequence, sequences[4]);
    world.outside.publish(1, Lane::Demand, bytes("next")).await;
    let (messages, _) = drain(&mut opened.reader).await;
    assert_eq!(texts(&messages), ["next"], "what comes next is read");
}

pub async fn another_stream_is_a_loss(world: &World) {
    publish(world, 5).await;
    let start = open(world, DEMAND, Cursor::default()).await.cursor;
    let other = Timestamp(start.created.0 - 1);
    let mut opened = open(world, DEMAND, Cursor { sequence: 3, created: other, ..start }).await;
    let loss = Loss::OtherStream { remembered: other, found: start.created };
    assert_eq!((opened.loss, opened.cursor.created), (Some(loss), start.created));
    assert_eq!(texts(&take(&mut opened.reader, 5).await), numbers(0..5));
}

pub async fn tells_the_logs_time(world: &World) {
    let sequence = publish(world, 1).await[0];
    let message = world.input.fetch(DEMAND, sequence).await.expect("it is fetched");
    let first = world.input.server_time().await.expect("the time is told");
    assert!(first >= message.expect("it is there").at);
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert!(world.input.server_time().await.expect("the time is told") > first);
}

pub async fn commands_are_read_and_purged(world: &World) {
    let command =
        |of: Partition, text: &str| outgoing(Outlet::Commands, &format!("earmark.cmd.{of}"), text);
    let commands = vec![command(1, "a"), command(2, "x"), command(1, "b"), command(1, "c")];
    let sent = world.outbox.send(commands).await;
    let sent: Vec<u64> = sent.into_iter().map(|sent| sent.expect("it left").sequence).collect();
    let start = open(world, Source::Commands, Cursor::default()).await;
    let (created, mut reader) = (start.cursor.created, start.reader);
    assert_eq!(texts(&take(&mut reader, 3).await), ["a", "b", "c"]);
    let (_, drained) = drain(&mut reader).await;
    world.input.purge_commands(1, sent[3]).await.expect("a purge works");
    for (sequence, stays) in [(sent[0], false), (sent[1], true), (sent[2], false), (sent[3], true)]
    {
        let found = world.input.fetch(Source::Commands, sequence).await.expect("it is looked up");
        assert_eq!(found.is_some(), stays, "{sequence} of {sent:?}");
    }
    world.input.purge_commands(2, sent[3] + 1).await.expect("a purge works");
    world.input.purge_commands(1, sent[3] + 1).await.expect("a purge works");
    assert_eq!(drained.sequence, sent[3], "the end of an empty log is its last sequence");
    assert_eq!(open(world, Source::Commands, drained).await.loss, None);
    let behind = Cursor { sequence: sent[0], created, ..drained };
    let opened = open(world, Source::Commands, behind).await;
    assert_eq!(opened.loss, None, "what others had decided is not missed");
}
