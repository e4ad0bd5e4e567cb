//! The outbox port: order, repeats, conditions, answers, objects.

use bytes::Bytes;
use earmark::ports::{Cursor, Outgoing, Outlet, SendError, Sent, Source};

use super::{BOUND, World, bytes, outgoing, take, texts};

fn event(id: &str) -> Outgoing {
    let subject = format!("earmark.out.sku.{id}.hold-granted");
    Outgoing {
        id: Some(id.to_owned()),
        headers: vec![("ce-cause".to_owned(), "1".to_owned())],
        ..outgoing(Outlet::Out, &subject, format!("event {id}"))
    }
}

pub async fn sends_in_order(world: &World) {
    let command = |n: usize| outgoing(Outlet::Commands, "earmark.cmd.1", n.to_string());
    let sent = world.outbox.send((0..500).map(command).collect()).await;
    let sequences: Vec<u64> =
        sent.iter().map(|sent| sent.as_ref().expect("it left").sequence).collect();
    assert_eq!(sequences.len(), 500);
    assert!(sequences.is_sorted());
    let opened = world.input.open(1, Source::Commands, Cursor::default()).await;
    let mut reader = opened.expect("a reader opens").reader;
    let expected: Vec<String> = (0..500).map(|n| n.to_string()).collect();
    assert_eq!(texts(&take(&mut reader, 500).await), expected);
    assert!(world.outbox.send(Vec::new()).await.is_empty());
}

pub async fn a_repeated_id_is_a_duplicate(world: &World) {
    let first = world.outbox.send(vec![event("x1"), event("x2")]).await;
    let first: Vec<_> = first.into_iter().map(|sent| sent.expect("it left")).collect();
    assert!(first.iter().all(|sent| !sent.duplicate));
    let again = world.outbox.send(vec![event("x2"), event("x3")]).await;
    let again: Vec<_> = again.into_iter().map(|sent| sent.expect("it left")).collect();
    assert_eq!(again.iter().map(|sent| sent.duplicate).collect::<Vec<_>>(), [true, false]);
    assert_eq!(again[1].sequence, first[1].sequence + 1, "a repeat is not stored");
}

pub async fn a_condition_is_kept(world: &World) {
    let conditional = |after, text: &str| Outgoing {
        after: Some(after),
        ..outgoing(Outlet::Availability, "earmark.availability.a", text)
    };
    let sent = world.outbox.send(vec![conditional(0, "1")]).await;
    let first = sent[0].as_ref().expect("there was none").sequence;
    let other = outgoing(Outlet::Availability, "earmark.availability.b", "b");
    let sent = world.outbox.send(vec![conditional(0, "stale"), other]).await;
    assert!(matches!(sent[0], Err(SendError::Refused)), "{sent:?}");
    assert!(sent[1].is_ok(), "the others leave: {sent:?}");
    let sent = world.outbox.send(vec![conditional(first, "2")]).await;
    assert!(sent[0].is_ok(), "{sent:?}");
}

pub async fn what_is_too_large_is_said_and_the_rest_leaves(world: &World) {
    let mut large = outgoing(Outlet::DeadLetters, "earmark.dlq.page.invalid.sku.a", "");
    large.payload = Bytes::from(vec![0; 64 << 20]);
    let small = outgoing(Outlet::DeadLetters, "earmark.dlq.page.invalid.sku.b", "small");
    let sent = world.outbox.send(vec![small.clone(), large, small]).await;
    assert!(sent[0].is_ok() && sent[2].is_ok());
    assert!(matches!(sent[1], Err(SendError::TooLarge(_))), "{:?}", sent[1]);
}

pub async fn ids_are_found_again(world: &World) {
    let ids = |ids: Vec<&str>| ids.into_iter().map(event).collect();
    assert!(world.outbox.ids(Outlet::Out, 0, "").await.expect("none is an answer").is_empty());
    let sent = world.outbox.send(ids(vec!["1.7.1", "1.7.2", "1.8.1", "1.7.3"])).await;
    let first = sent[0].as_ref().expect("it left").sequence;
    let no_id = Outgoing { id: None, ..event("without") };
    assert!(world.outbox.send(vec![no_id]).await[0].is_ok());
    let found = world.outbox.ids(Outlet::Out, 0, "1.7.").await.expect("they are read");
    let place = |index: usize, id: &str| (first + index as u64, id.to_owned());
    assert_eq!(found, [place(0, "1.7.1"), place(1, "1.7.2"), place(3, "1.7.3")]);
    let found = world.outbox.ids(Outlet::Out, first, "1.7.").await.expect("they are read");
    assert_eq!(found, [place(1, "1.7.2"), place(3, "1.7.3")]);
    assert!(world.outbox.out_holds(first, "1.7.1").await.expect("it is looked up"));
    assert!(!world.outbox.out_holds(first, "1.7.2").await.expect("it is looked up"));
    assert!(!world.outbox.out_holds(first + 100, "1.9.1").await.expect("it is looked up"));
    assert!(
        world.outbox.ids(Outlet::Out, first + 100, "").await.expect("none is an answer").is_empty()
    );
}

pub async fn a_command_is_sent_twice_under_one_id(world: &World) {
    let mut command = outgoing(Outlet::Commands, "earmark.cmd.1", "reserve");
    command.id = Some("1-2-40-7".to_owned());
    let sent = world.outbox.send(vec![command.clone(), command]).await;
    let sent: Vec<Sent> = sent.into_iter().map(|sent| sent.expect("it left")).collect();
    assert!(!sent[1].duplicate && sent[1].sequence > sent[0].sequence, "{sent:?}");
    let found = world.outbox.ids(Outlet::Commands, 0, "1-2-").await.expect("they are read");
    let both = sent.iter().map(|sent| (sent.sequence, "1-2-40-7".to_owned()));
    assert_eq!(found, both.collect::<Vec<_>>());
}

pub async fn answers_a_requester(world: &World) {
    let (subject, mut requester) = world.outside.requester().await;
    world.outbox.answer(&subject, bytes("granted")).await.expect("it is on its way");
    let answer = tokio::time::timeout(BOUND, requester.answer()).await;
    assert_eq!(answer.expect("it comes"), bytes("granted"));
    let nobody = world.outbox.answer("_INBOX.nobody.waits.here", bytes("granted")).await;
    nobody.expect("nobody need hear it");
}

pub async fn availability_is_the_last_value(world: &World) {
    let last = world.outbox.last_availability("earmark.availability.a").await;
    assert_eq!(last.expect("none is an answer"), None);
    let value = |text: &str| outgoing(Outlet::Availability, "earmark.availability.a", text);
    let sent = world.outbox.send(vec![value("3"), value("2")]).await;
    let sequence = sent[1].as_ref().expect("it left").sequence;
    let last = world.outbox.last_availability("earmark.availability.a").await;
    assert_eq!(last.expect("it is read"), Some((sequence, bytes("2"))));
}

pub async fn keeps_objects(world: &World) {
    let large = Bytes::from(vec![7; 3 << 20]);
    world.outbox.put_object("letters/1", large.clone()).await.expect("it is kept");
    world.outbox.put_object("letters/1", large.clone()).await.expect("it may be repeated");
    assert!(world.outside.object("letters/1").await == Some(large));
    assert_eq!(world.outside.object("letters/2").await, None);
}
