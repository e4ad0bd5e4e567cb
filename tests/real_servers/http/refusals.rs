//! What cannot be taken is refused, and the refusal says why and what to do.

use reqwest::Method;
use serde_json::{Value, json};

use super::world::{BATCH, BOUND, EVENT, TOKEN, World, event, received};
use crate::harness::wait_until;

/// A pod with little room.
const SMALL: &[(&str, &str)] = &[
    ("EARMARK__CONTRACT__EVENT_BYTES_MAX", "4096"),
    ("EARMARK__HTTP__BODY_BYTES_MAX", "8192"),
    ("EARMARK__HTTP__IN_FLIGHT_MAX", "2"),
];

#[tokio::test]
async fn what_cannot_be_taken_is_refused_with_what_to_do() {
    let mut world = World::start_with(&[("EARMARK__STREAMS__IN_BYTES_MAX", "1048576")]).await;
    let mut closed = world.pod(&[("EARMARK__HTTP__TOKEN", "")]).await;
    let said = world.post(&received("r", "A", 1)).await.problem(403, "door_closed");
    assert!(said.body["action"].to_string().contains("EARMARK__HTTP__TOKEN"), "{said:?}");
    closed.kill();

    let mut pod = world.pod(SMALL).await;
    who_may_come_in(&world).await;
    where_and_how(&world).await;
    what_does_not_follow_the_contract(&world).await;
    what_is_too_large(&world).await;
    what_is_too_much(&world).await;
    assert!(world.metric("earmark_http_requests_total{class=\"4xx\"}").await >= 10.0);
    assert!(world.metric("earmark_http_events_total{result=\"refused\"}").await >= 3.0);
    world.post(&received("last", "LAST", 1)).await.decided();
    a_full_log(&world).await;
    assert_eq!(pod.terminate(BOUND).await, 0);
    assert!(!pod.output().contains(TOKEN), "{}", pod.output());
    before_there_is_a_log(&mut world).await;
}

async fn who_may_come_in(world: &World) {
    let body = received("r1", "A", 1).to_string();
    for token in [None, Some("Bearer wrong"), Some("Basic dXNlcjpwYXNz"), Some("Bearer ")] {
        let mut headers = vec![("content-type", EVENT)];
        headers.extend(token.map(|token| ("authorization", token)));
        let said = world.send(&headers, body.clone()).await.problem(401, "unauthorized");
        assert!(said.header("www-authenticate").is_some_and(|said| said.starts_with("Bearer")));
    }
    world.ask(Method::GET, "/v1/answers/x", None).await.problem(401, "unauthorized");
    for open in ["/metrics", "/healthz", "/readyz"] {
        assert_eq!(world.ask(Method::GET, open, None).await.status, 200, "{open}");
    }
}

async fn where_and_how(world: &World) {
    for path in ["/", "/v1", "/v1/event", "/v1/events/1"] {
        world.ask(Method::GET, path, Some(TOKEN)).await.problem(404, "not_found");
    }
    let said = world.ask(Method::GET, "/v1/events", Some(TOKEN)).await;
    let said = said.problem(405, "method_not_allowed");
    assert_eq!(said.header("allow"), Some("POST"));
    let said = world.ask(Method::DELETE, "/v1/answers/x", Some(TOKEN)).await;
    said.problem(405, "method_not_allowed");

    let token = format!("Bearer {TOKEN}");
    let body = received("r1", "A", 1).to_string();
    for content_type in [None, Some("application/json"), Some("text/plain")] {
        let mut headers = vec![("authorization", token.as_str())];
        headers.extend(content_type.map(|of| ("content-type", of)));
        let said = world.send(&headers, body.clone()).await;
        let said = said.problem(415, "unsupported_media_type");
        assert!(said.body["expected"].to_string().contains(EVENT), "{said:?}");
        assert!(said.body["expected"].to_string().contains(BATCH), "{said:?}");
    }
    let headers =
        [("authorization", token.as_str()), ("content-type", EVENT), ("content-encoding", "gzip")];
    world.send(&headers, body).await.problem(415, "unsupported_media_type");
}

async fn what_does_not_follow_the_contract(world: &World) {
    let mut wrong = received("r1", "A", 1);
    wrong["data"]["quantity"] = json!(-1);
    let said = world.post(&wrong).await.problem(400, "invalid_field");
    assert_eq!(said.body["field"], json!("data.quantity"));
    assert_eq!(said.body["found"], json!("-1"));
    assert!(said.body["rule"].is_string() && said.body["expected"].is_string(), "{said:?}");
    let mut elsewhere = received("r1", "A", 1);
    elsewhere["replyto"] = json!("earmark.in.x");
    let said = world.post(&elsewhere).await.problem(400, "invalid_replyto");
    assert_eq!(said.body["field"], json!("replyto"));
    world.post(&json!([received("r1", "A", 1)])).await.problem(400, "invalid_field");

    let token = format!("Bearer {TOKEN}");
    let single = [("authorization", token.as_str()), ("content-type", EVENT)];
    world.send(&single, "").await.problem(400, "malformed_json");
    world.send(&single, vec![0xff, 0xfe]).await.problem(400, "malformed_json");
    let batch = [("authorization", token.as_str()), ("content-type", BATCH)];
    for body in ["", "{}", "[1,", "[] []", "null"] {
        world.send(&batch, body).await.problem(400, "malformed_json");
    }
    world.send(&batch, vec![b'[', b'"', 0xff, b'"', b']']).await.problem(400, "malformed_json");
}

async fn what_is_too_large(world: &World) {
    let large = |bytes: usize| {
        event("large", "sku.described.v1", "A", json!({"attributes": {"text": "x".repeat(bytes)}}))
    };
    let said = world.post(&large(5_000)).await.problem(413, "too_large");
    assert_eq!(said.body["rule"], json!("event.size"));
    world.post(&large(10_000)).await.problem(413, "body_too_large");
    // Without its length said before.
    let parts = (0..10).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1_000]));
    let body = reqwest::Body::wrap_stream(futures::stream::iter(parts));
    let token = format!("Bearer {TOKEN}");
    let headers = [("authorization", token.as_str()), ("content-type", EVENT)];
    world.send(&headers, body).await.problem(413, "body_too_large");
    let three: Vec<Value> = (0..3).map(|n| received(&format!("t{n}"), "A", 1)).collect();
    world.post_all(&three, &[]).await.problem(413, "batch_too_large");
}

/// While Redis stands still, SKUs that are not in memory are not decided.
async fn what_is_too_much(world: &World) {
    world.redis.freeze();
    let (one, other) = (received("m1", "M.1", 1), received("m2", "M.2", 1));
    let two = [one.clone(), other.clone()];
    let waiting = world.post_all(&two, &[("prefer", "wait=30")]);
    let crowd = async {
        world.in_flight(2.0).await;
        let said = world.post(&received("m3", "M.3", 1)).await.problem(429, "busy");
        assert!(said.header("retry-after").is_some(), "{said:?}");
        let said = world.post_all(&two, &[]).await.problem(429, "busy");
        assert!(said.body["found"].to_string().contains("2 more events"), "{said:?}");
        world.redis.thaw();
    };
    let (answered, ()) = tokio::join!(waiting, crowd);
    let answered = answered.with(200);
    for result in answered.body.as_array().expect("a list") {
        assert_eq!(result["status"], json!("decided"), "{answered:?}");
    }
    wait_until("there is room again", BOUND, async || {
        world.post(&received("m3", "M.3", 1)).await.status == 200
    })
    .await;
}

async fn a_full_log(world: &World) {
    let log = world.nats.jetstream().await;
    for bytes in [65_536, 1_024, 1] {
        loop {
            let sent = log.publish("earmark.in.reporting.sku.FILL", vec![b'x'; bytes].into()).await;
            if sent.expect("it is sent").await.is_err() {
                break;
            }
        }
    }
    let said = world.post(&received("full", "FULL", 1)).await.problem(429, "log_full");
    assert!(said.header("retry-after").is_some(), "{said:?}");
}

async fn before_there_is_a_log(world: &mut World) {
    world.nats.kill();
    let pod = world.spawn(&[]);
    wait_until("the port is bound", BOUND, async || {
        world.ask(Method::GET, "/healthz", None).await.status == 200
    })
    .await;
    let asked = received("last", "LAST", 1);
    let said = world.post(&asked).await.problem(503, "not_connected");
    assert!(said.header("retry-after").is_some(), "{said:?}");
    world.nats.restart().await;
    world.ready().await;
    drop(pod);
}
