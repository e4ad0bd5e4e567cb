//! The journal port: conditional appends and complete reads.

use bytes::Bytes;
use earmark::ports::AppendError;

use super::{World, bytes};

pub async fn an_append_needs_the_last_record(world: &World) {
    let journal = &world.journal;
    assert_eq!(journal.last(1).await.expect("nothing is an answer"), None);
    let early = journal.append(1, 7, bytes("no predecessor")).await;
    assert!(matches!(early, Err(AppendError::Refused)), "{early:?}");
    let first = journal.append(1, 0, bytes("first")).await.expect("the first is taken");
    let again = journal.append(1, 0, bytes("first")).await;
    assert!(matches!(again, Err(AppendError::Refused)), "{again:?}");
    let second = journal.append(1, first, bytes("second")).await.expect("the second is taken");
    assert!(second > first);
    let stale = journal.append(1, first, bytes("of a stale owner")).await;
    assert!(matches!(stale, Err(AppendError::Refused)), "{stale:?}");
    let last = journal.last(1).await.expect("it is read").expect("it is there");
    assert_eq!((last.sequence, last.record), (second, bytes("second")));
}

pub async fn partitions_do_not_meet(world: &World) {
    let journal = &world.journal;
    let one = journal.append(1, 0, bytes("one")).await.expect("taken");
    let two = journal.append(2, 0, bytes("two")).await.expect("another partition has no last one");
    let more = journal.append(1, one, bytes("more")).await.expect("nothing came in between");
    assert!(one < two && two < more, "sequences are those of the stream");
    let read = journal.read(2, 0).await.expect("it is read");
    assert_eq!(read.iter().map(|e| e.sequence).collect::<Vec<_>>(), [two]);
    assert_eq!(journal.read(3, 0).await.expect("nothing is an answer"), []);
}

pub async fn is_read_in_pages_to_its_end(world: &World) {
    let journal = &world.journal;
    let mut last = 0;
    let mut written = Vec::new();
    for n in 0..60_u8 {
        let record = Bytes::from(vec![n; 200 << 10]);
        last = journal.append(1, last, record.clone()).await.expect("taken");
        written.push((last, record));
        journal.append(2, 0, bytes("in between")).await.ok();
    }
    let mut read = Vec::new();
    let mut after = 0;
    loop {
        let page = journal.read(1, after).await.expect("a page is read");
        let Some(entry) = page.last() else { break };
        after = entry.sequence;
        assert!(page.is_sorted_by_key(|entry| entry.at));
        read.extend(page.into_iter().map(|entry| (entry.sequence, entry.record)));
    }
    assert!(read == written, "every record, once and in order");
    let tail = journal.read(1, written[57].0).await.expect("a page is read");
    assert_eq!(tail.iter().map(|e| e.sequence).collect::<Vec<_>>(), [written[58].0, written[59].0]);
}

pub async fn purged_records_are_gone_and_the_last_one_never_is(world: &World) {
    let journal = &world.journal;
    journal.purge(1, 9).await.expect("there is nothing to purge");
    let (mut last, mut written) = (0, Vec::new());
    for n in 0..4 {
        last = journal.append(1, last, bytes(format!("record {n}"))).await.expect("taken");
        written.push(last);
        journal.append(2, 0, bytes("of another partition")).await.ok();
    }
    let there = async || -> Vec<u64> {
        let page = journal.read(1, 0).await.expect("it is read");
        page.iter().map(|entry| entry.sequence).collect()
    };
    journal.purge(1, 0).await.expect("nothing is below");
    assert_eq!(there().await, written);
    journal.purge(1, written[1]).await.expect("it is purged");
    assert_eq!(there().await, written[1..], "the named one stays");
    journal.purge(1, u64::MAX).await.expect("it is purged");
    assert_eq!(there().await, written[3..], "the last one stays");
    let others = journal.read(2, 0).await.expect("it is read");
    assert_eq!(others.len(), 1, "another partition keeps its own");
    let next = journal.append(1, last, bytes("the next")).await.expect("the chain goes on");
    assert_eq!(there().await, [last, next]);
}

pub async fn a_record_that_no_message_can_carry_is_said_to_be_one(world: &World) {
    let journal = &world.journal;
    let first = journal.append(1, 0, bytes("first")).await.expect("taken");
    let large = journal.append(1, first, Bytes::from(vec![0; 64 << 20])).await;
    assert!(matches!(large, Err(AppendError::TooLarge(_))), "{large:?}");
    journal.append(1, first, bytes("second")).await.expect("and nothing is there of it");
}

pub async fn says_how_much_it_holds(world: &World) {
    let journal = &world.journal;
    for partition in 0..3 {
        let record = vec![7; 20_000].into();
        journal.append(partition, 0, record).await.expect("it is taken");
    }
    let room = journal.room().await.expect("it is measured");
    assert!(room.bytes >= 60_000, "of all partitions: {room:?}");
    assert!(room.bytes_max.is_none_or(|max| max >= room.bytes), "{room:?}");
}
