//! What is posted is decided once and answered, now or later, whoever goes away meanwhile.

use futures::StreamExt;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::world::{BOUND, EVENT, TOKEN, World, event, hold, received};
use crate::harness::wait_until;

#[tokio::test]
async fn what_is_posted_is_decided_and_answered() {
    let world = World::start().await;
    let mut pod = world.pod(&[]).await;
    one_event_and_its_repeat(&world).await;
    an_own_replyto_is_kept(&world).await;
    a_batch_keeps_its_order(&world).await;
    a_large_batch(&world).await;
    an_answer_that_takes_longer_is_asked_for_later(&world).await;
    a_client_that_leaves_leaves_nothing_behind(&world).await;

    assert!(world.metric("earmark_http_requests_total{class=\"2xx\"}").await >= 10.0);
    assert!(world.metric("earmark_http_events_total{result=\"decided\"}").await >= 1_000.0);
    assert!(world.metric("earmark_http_wait_seconds_count").await >= 1_000.0);
    assert_eq!(world.metric("earmark_http_in_flight_max ").await, 4096.0);
    assert_eq!(pod.terminate(BOUND).await, 0);
    assert!(!pod.output().contains(TOKEN), "{}", pod.output());
}

async fn one_event_and_its_repeat(world: &World) {
    let sku = "Tasse/grün 茶 #1";
    assert_eq!(world.post(&received("r1", sku, 5)).await.decided()["status"], json!("accepted"));
    let asked = hold("h1", sku, 3);
    let first = world.post(&asked).await.decided();
    assert_eq!((&first["status"], &first["quantity"]), (&json!("granted"), &json!(3)), "{first}");
    assert_eq!(first["repeated"], json!(false));
    let mut again = world.post(&asked).await.decided();
    assert_eq!(again["repeated"], json!(true));
    again["repeated"] = json!(false);
    assert_eq!(again, first);

    let refused = world.post(&hold("h2", sku, 3)).await.decided();
    assert_eq!(refused["status"], json!("refused"), "{refused}");
    assert_eq!(refused["reason"], json!("insufficient_stock"), "{refused}");
    let other = world.post(&hold("h1", sku, 1)).await.decided();
    assert_eq!(other["reason"], json!("id_conflict"), "{other}");
    // Without a `replyto`, also if that is said.
    let mut null = hold("h3", sku, 1);
    null["replyto"] = Value::Null;
    assert_eq!(world.post(&null).await.decided()["status"], json!("granted"));
    assert_eq!(world.total(sku).await, [5, 4]);
}

async fn an_own_replyto_is_kept(world: &World) {
    let client = world.nats.client().await;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("one can subscribe");
    client.flush().await.expect("the subscription is known");
    let mut asked = received("own-1", "OWN", 1);
    asked["replyto"] = json!(inbox);
    let said = world.post(&asked).await.with(202);
    assert_eq!(said.body["status"], json!("accepted"), "{said:?}");
    assert_eq!((&said.body["id"], &said.body["source"]), (&json!("own-1"), &json!("/test")));
    assert_eq!(said.header("location"), None);
    let answer = answers.next().await.expect("there is an answer");
    let answer: Value = serde_json::from_slice(&answer.payload).expect("answers are JSON");
    assert_eq!(answer["data"]["event_id"], json!("own-1"));
}

/// Events of a key are decided in their order, also by lanes that are read independently; a bad
/// event stops nobody.
async fn a_batch_keeps_its_order(world: &World) {
    let mut wrong = hold("b-wrong", "B.0", 1);
    wrong["data"]["quantity"] = json!(-1);
    let mut events = vec![wrong, json!("no event")];
    for n in 0..20 {
        let sku = format!("B.{n}");
        events.push(received(&format!("b-r{n}"), &sku, 2));
        events.push(hold(&format!("b-h{n}"), &sku, 2));
        events.push(hold(&format!("b-i{n}"), &sku, 1));
    }
    let said = world.post_all(&events, &[("prefer", "wait=20")]).await.with(200);
    assert_eq!(said.header("preference-applied"), Some("wait=20"));
    let results = said.body.as_array().expect("a list").clone();
    assert_eq!(results.len(), events.len());
    let [wrong, none, decided @ ..] = results.as_slice() else { panic!("{results:?}") };
    assert_eq!((&wrong["status"], &wrong["id"]), (&json!("refused"), &json!("b-wrong")));
    let problem = &wrong["problem"];
    assert_eq!((&problem["status"], &problem["field"]), (&json!(400), &json!("data.quantity")));
    assert_eq!(none["problem"]["rule"], json!("json.object"), "{none}");
    for (n, of) in decided.chunks(3).enumerate() {
        let status = |of: &Value| of["answer"]["data"]["status"].clone();
        let ids = [format!("b-r{n}"), format!("b-h{n}"), format!("b-i{n}")];
        assert!(of.iter().zip(&ids).all(|(of, id)| of["id"] == json!(id)), "{of:?}");
        assert!(of.iter().all(|of| of["status"] == json!("decided")), "{of:?}");
        let statuses: Vec<Value> = of.iter().map(status).collect();
        assert_eq!(statuses, ["accepted", "granted", "refused"], "{of:?}");
    }
    assert_eq!(world.post_all(&[], &[]).await.with(200).body, json!([]));
}

async fn a_large_batch(world: &World) {
    let pairs = (0..500).flat_map(|n| {
        let sku = format!("L.{}", n % 100);
        [received(&format!("l-r{n}"), &sku, 2), hold(&format!("l-h{n}"), &sku, 2)]
    });
    let events: Vec<Value> = pairs.collect();
    let said = world.post_all(&events, &[("prefer", "wait=60")]).await.with(200);
    let results = said.body.as_array().expect("a list");
    assert_eq!(results.len(), 1_000);
    for (event, result) in events.iter().zip(results) {
        assert_eq!(result["id"], event["id"]);
        assert_ne!(result["answer"]["data"]["status"], json!("refused"), "{result}");
        assert_eq!(result["status"], json!("decided"), "{result}");
    }
    assert_eq!(world.total("L.7").await, [10, 10]);
}

/// While Redis stands still, SKUs that are not in memory are not decided.
async fn an_answer_that_takes_longer_is_asked_for_later(world: &World) {
    world.redis.freeze();
    let asked = received("later-1", "LATER", 3);
    let said = world.post_with(&asked, &[("prefer", "wait=0")]).await.with(202);
    assert_eq!(said.header("preference-applied"), Some("wait=0"));
    assert_eq!(said.body["status"], json!("waiting"), "{said:?}");
    let location = said.header("location").expect("it says where").to_owned();
    assert_eq!(said.body["location"], json!(location));
    let waiting = world.answer(&location).await.with(202);
    assert!(waiting.header("retry-after").is_some(), "{waiting:?}");
    let batch = [received("later-2", "LATER.2", 1), received("later-3", "LATER.3", 1)];
    let all = world.post_all(&batch, &[("prefer", "wait=0")]).await.with(202);
    assert!(all.body.as_array().expect("a list").iter().all(|of| of["location"].is_string()));
    // The second is of another lane, and must not be decided first.
    let lanes = [received("later-4", "LATER.4", 1), hold("later-5", "LATER.4", 1)];
    let lanes = world.post_all(&lanes, &[("prefer", "wait=0")]).await.with(200);
    assert_eq!(lanes.body[0]["status"], json!("waiting"), "{lanes:?}");
    assert_eq!(lanes.body[1]["status"], json!("not_taken"), "{lanes:?}");
    assert_eq!(lanes.body[1]["problem"]["code"], json!("earlier_undecided"), "{lanes:?}");

    world.redis.thaw();
    wait_until("the answer is there", BOUND, async || world.answer(&location).await.status == 200)
        .await;
    let answer = world.answer(&location).await.decided();
    assert_eq!(answer["event_id"], json!("later-1"));
    assert_eq!(world.post(&asked).await.decided()["repeated"], json!(true));
    world.answer("/v1/answers/nobody").await.problem(404, "unknown_answer");
    world.answer("/v1/answers/%FF").await.problem(404, "unknown_answer");
}

async fn a_client_that_leaves_leaves_nothing_behind(world: &World) {
    world.redis.freeze();
    let asked = received("left-1", "LEFT", 3).to_string();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nHost: pod\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: {EVENT}\r\nContent-Length: {}\r\n\r\n",
        asked.len()
    );
    let address = ("127.0.0.1", world.port);
    let mut client = tokio::net::TcpStream::connect(address).await.expect("the pod listens");
    client.write_all(format!("{head}{asked}").as_bytes()).await.expect("it is sent");
    world.in_flight(1.0).await;
    drop(client);
    world.in_flight(0.0).await;
    world.redis.thaw();
    let asked: Value = serde_json::from_str(&asked).expect("it is JSON");
    assert_eq!(world.post(&asked).await.decided()["event_id"], json!("left-1"));
    assert_eq!(world.total("LEFT").await, [3, 0]);
}

#[tokio::test]
async fn a_server_that_dies_is_said_and_what_is_posted_again_is_decided_once() {
    let mut world = World::start().await;
    let _pod = world.pod(&[]).await;
    world.post(&received("n1", "N.1", 5)).await.decided();
    world.nats.kill();
    let (lost, order) = (received("n2", "N.1", 7), [hold("n3", "N.1", 1), hold("n4", "N.1", 1)]);
    let said = world.post_with(&lost, &[("prefer", "wait=0")]).await;
    let said = said.problem(503, "log_unreachable");
    assert!(said.header("retry-after").is_some(), "{said:?}");
    let batch = world.post_all(&order, &[("prefer", "wait=0")]).await;
    batch.problem(503, "log_unreachable");

    world.nats.restart().await;
    wait_until("posted again, it is decided", BOUND, async || {
        world.post_with(&lost, &[("prefer", "wait=1")]).await.status == 200
    })
    .await;
    let batch = world.post_all(&order, &[]).await.with(200);
    let granted = |of: &Value| of["answer"]["data"]["status"] == json!("granted");
    assert!(batch.body.as_array().expect("a list").iter().all(granted), "{batch:?}");
    assert_eq!(world.post(&event("n5", "sku.retired.v1", "N.2", json!({}))).await.status, 200);
    assert_eq!(world.total("N.1").await, [12, 2]);
}
