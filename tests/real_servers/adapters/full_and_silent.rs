//! A journal that is full, and a server that does not answer.

use std::time::{Duration, Instant};

use earmark::{
    nats::{Connections, NatsInput, NatsJournal, NatsOutbox, NatsSettings, StreamSettings, setup},
    ports::{AppendError, Input, Journal, Outbox, Outgoing, Outlet, SendError},
};

use super::common::{BOUND, connect, hasty, server, streams};
use crate::harness::NatsServer;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_journal_says_so_and_takes_nothing() {
    let nats = NatsServer::start().await;
    let connections = connect(&nats.url()).await;
    let settings = StreamSettings { journal_max_bytes: 100_000, ..streams() };
    setup::apply(&connections.control, &settings).await.expect("set up");
    let journal = NatsJournal::new(connections.commit.clone(), hasty(), 1 << 20);
    let mut last = 0;
    let full = loop {
        match journal.append(0, last, vec![7; 20_000].into()).await {
            Ok(sequence) => last = sequence,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, AppendError::Full(_)), "{full:?}");
    assert!(last >= 3);
    assert_eq!(journal.last(0).await.expect("read").expect("there").sequence, last);
    assert_eq!(
        journal.read(0, 0).await.expect("read").len() as u64,
        last,
        "nothing was pushed out"
    );
    let larger = StreamSettings { journal_max_bytes: 1_000_000, ..settings };
    setup::apply(&connections.control, &larger).await.expect("enlarged");
    journal.append(0, last, vec![7; 20_000].into()).await.expect("there is room");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_does_not_read_fills_its_own_subject_alone() {
    let nats = NatsServer::start().await;
    let connections = connect(&nats.url()).await;
    let settings = StreamSettings { cmd_max_waiting: 16, ..streams() };
    setup::apply(&connections.control, &settings).await.expect("set up");
    let outbox = NatsOutbox::new(connections.release.clone(), hasty());
    let sent = outbox.send(vec![command("earmark.cmd.0"); 18]).await;
    assert!(sent[..16].iter().all(Result::is_ok), "{sent:?}");
    assert!(matches!(
        &sent[16..],
        [Err(SendError::SubjectFull(_)), Err(SendError::SubjectFull(_))]
    ));
    assert!(outbox.send(vec![command("earmark.cmd.1")]).await[0].is_ok(), "the others go on");
    let input = NatsInput::new(connections.intake, hasty());
    input.purge_commands(0, u64::MAX).await.expect("purged");
    assert!(outbox.send(vec![command("earmark.cmd.0")]).await[0].is_ok(), "there is room again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_no_answer() {
    let nats = NatsServer::start().await;
    let connections = connect(&nats.url()).await;
    setup::apply(&connections.control, &streams()).await.expect("set up");
    let journal = NatsJournal::new(connections.commit, hasty(), 1 << 20);
    let outbox = NatsOutbox::new(connections.release, hasty());
    let first = journal.append(0, 0, "1".into()).await.expect("taken");
    nats.freeze();
    let began = Instant::now();
    let silent = journal.append(0, first, "2".into()).await;
    assert!(matches!(silent, Err(AppendError::Unknown(_))), "{silent:?}");
    let sent = outbox.send(vec![command("earmark.cmd.0"); 200]).await;
    assert!(sent.iter().all(|sent| matches!(sent, Err(SendError::Later(_)))));
    assert!(began.elapsed() < Duration::from_secs(5), "one timeout, not one a message");
    nats.thaw();
    // It was unknown: here the record turns out to be there.
    crate::harness::wait_until("the record is there", Duration::from_secs(10), async || {
        journal.last(0).await.is_ok_and(|last| last.is_some_and(|last| last.record == "2"))
    })
    .await;
    let again = journal.append(0, first, "2".into()).await;
    assert!(matches!(again, Err(AppendError::Refused)), "{again:?}");
}

/// The answers would be waited for far longer than the test's bound.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_an_answer_over_a_connection_that_is_gone() {
    let (mut nats, _) = server().await;
    let patient =
        NatsSettings { url: nats.url(), ack_timeout_ms: 600_000, ..NatsSettings::default() };
    let connections = Connections::open(&patient).await.expect("the server is there");
    let journal = NatsJournal::new(connections.commit, hasty(), 1 << 20);
    let outbox = NatsOutbox::new(connections.release, hasty());
    nats.freeze();
    let asking = tokio::spawn(async move {
        tokio::join!(
            journal.append(0, 0, "1".into()),
            outbox.send(vec![command("earmark.cmd.0")]),
            outbox.last_availability("earmark.availability.x"),
        )
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    nats.kill();
    nats.restart().await;
    let answers = tokio::time::timeout(BOUND, asking).await.expect("they end");
    let (appended, sent, shown) = answers.expect("nothing panics");
    assert!(matches!(appended, Err(AppendError::Unknown(_))), "{appended:?}");
    assert!(matches!(sent[0], Err(SendError::Later(_))), "{sent:?}");
    assert!(shown.is_err(), "{shown:?}");
}

fn command(subject: &str) -> Outgoing {
    Outgoing {
        outlet: Outlet::Commands,
        subject: subject.to_owned(),
        id: None,
        headers: Vec::new(),
        payload: "x".into(),
        after: None,
    }
}
