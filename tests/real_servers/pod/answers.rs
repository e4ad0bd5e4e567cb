//! Answers: committed, the same again for the same event, whatever was restarted or lost; and the
//! cause and trace that every outcome names.

use serde_json::{Value, json};

use crate::books::{Books, outcomes_once};
use crate::harness::wait_until;
use crate::world::{BOUND, World, event, hold, order, received};

/// An answer's data but for whether it was given before.
fn said(answer: &Value) -> Value {
    let mut said = answer.clone();
    said.as_object_mut().expect("data is an object").remove("repeated");
    said
}

#[tokio::test]
async fn the_same_event_gets_the_same_answer_whatever_happened() {
    let mut world = World::start().await;
    let mut pod = world.pod().await;
    world.ask(&received("r", "A.1", 5)).await;
    let (granted, refused) = (hold("h1", "A.1", 3), hold("h2", "A.1", 3));
    let first = [world.ask(&granted).await, world.ask(&refused).await];
    assert_eq!((&first[0]["status"], &first[0]["quantity"]), (&json!("granted"), &json!(3)));
    assert_eq!(first[1]["reason"], json!("insufficient_stock"), "{}", first[1]);
    assert_eq!(first[1]["available"], json!(2), "{}", first[1]);
    assert!(first.iter().all(|answer| answer["repeated"] == json!(false)));

    let again = async |world: &World, when: &str| {
        for (event, first) in [&granted, &refused].into_iter().zip(&first) {
            let answer = world.ask(event).await;
            assert_eq!(answer["repeated"], json!(true), "{when}: {answer}");
            assert_eq!(said(&answer), said(first), "{when}");
        }
        assert_eq!(world.total("A.1").await, [5, 2, 3], "{when}");
    };
    again(&world, "at once").await;
    pod.kill();
    let mut pod = world.pod().await;
    again(&world, "after kill -9").await;
    world.redis.wipe();
    world.redis.restart().await;
    again(&world, "after Redis was wiped").await;
    pod.kill();
    world.redis.wipe();
    world.redis.restart().await;
    let _pod = world.pod().await;
    again(&world, "after both").await;

    let times = Books::read(&world).await.times();
    assert_eq!((times["h1"].decided, times["h1"].repeated), (1, 4));
    assert_eq!((times["h2"].decided, times["h2"].repeated), (1, 4));
    outcomes_once(&world).await;
}

#[tokio::test]
async fn cause_and_trace_are_carried_to_every_outcome() {
    let world = World::start().await;
    let _pod = world.pod().await;
    world.ask(&received("r", "T.1", 10)).await;
    let trace = |n: u8| format!("00-{n:032x}-{n:016x}-01");
    let traced = |mut event: Value, n: u8| {
        event["traceparent"] = json!(trace(n));
        event
    };
    let answer = world.ask_whole(&traced(hold("h1", "T.1", 1), 1)).await;
    assert_eq!(answer["traceparent"], json!(trace(1)), "{answer}");
    assert_eq!(answer["causationid"], json!("h1"), "{answer}");

    world.ask(&traced(order("o1", "O.1", "T.1", 2), 2)).await;
    outcome(&world, "earmark.out.order.O%2E1.order_reserved", "o1", &trace(2)).await;
    let paid = json!({"payment": "p1", "amount_minor": 100, "currency": "EUR"});
    world.ask(&traced(event("c1", "payment.captured.v1", "O.1", paid), 3)).await;
    outcome(&world, "earmark.out.order.O%2E1.order_confirmed", "c1", &trace(3)).await;
    outcome(&world, "earmark.out.sku.T%2E1.hold_granted", "h1", &trace(1)).await;
}

/// Waits for an outcome, which names this cause and trace.
async fn outcome(world: &World, subject: &str, cause: &str, trace: &str) {
    let find = async || {
        let out = world.messages("EARMARK_OUT").await;
        out.into_iter().find(|message| message.subject.as_str() == subject)
    };
    wait_until(subject, BOUND, async || find().await.is_some()).await;
    let found: Value = serde_json::from_slice(&find().await.expect("it is there").payload)
        .expect("outcomes are JSON");
    assert_eq!(found["causationid"], json!(cause), "{found}");
    assert_eq!(found["causationsource"], json!("/test"), "{found}");
    assert_eq!(found["traceparent"], json!(trace), "{found}");
}
