//! Questions that cannot be answered: each says what was found, what was expected, and what to do.

use serde_json::json;

use super::asking::{SETTINGS, TOKEN, exact, get, order, send, sku};
use crate::world::{World, event, order as placed, received};

#[tokio::test]
async fn what_is_no_question_is_said_and_the_next_one_is_answered() {
    let world = World::start().await;
    let _pod = world.pod_with(SETTINGS).await;
    let client = world.context.client();
    world.ask(&received("r1", "CUP", 10)).await;
    let long = "x".repeat(257);
    let huge = json!({"sku": "x".repeat(100_000)}).to_string();
    let long_question = json!({"sku": &long}).to_string();
    let cases: &[(&[u8], u64, &str)] = &[
        (b"", 400, "malformed"),
        (b"CUP", 400, "malformed"),
        (b"\xff\xfe{\"sku\"", 400, "malformed"),
        (b"{\"sku\": \"\xff\"}", 400, "malformed"),
        (b"{\"sku\": 7}", 400, "malformed"),
        (b"{\"sku\": null}", 400, "malformed"),
        (b"{\"order\": \"CUP\"}", 400, "malformed"),
        (b"{\"sku\": \"a\", \"sku\": \"b\"}", 400, "malformed"),
        (b"[[[[[[[[", 400, "malformed"),
        (b"{\"sku\": \"\"}", 400, "invalid_key"),
        (b"{\"sku\": \"a\\r\\nb\"}", 400, "invalid_key"),
        (long_question.as_bytes(), 400, "key_too_long"),
        (huge.as_bytes(), 413, "too_large"),
        (b"{\"sku\": \"CUPS\"}", 404, "unknown_sku"),
    ];
    for (bytes, status, code) in cases {
        let said = send(&client, "earmark.query.sku", bytes).await;
        let words = said.refused(*status, code);
        assert!(words.contains(';') && !words.contains(['\r', '\n']), "{words}");
        assert!(words.len() < 600, "{words}");
    }
    exact(&world, "CUP").await;
    let more = br#"{"sku": "CUP", "a field of later versions": [1]}"#;
    let said = send(&client, "earmark.query.sku", more).await.answer();
    assert_eq!(said["promisable"], json!(10));
    // What nobody has heard of is not kept, and is answered the same again.
    for of in 0..200 {
        let question = json!({"sku": format!("nobody-{of}")}).to_string();
        let said = send(&client, "earmark.query.sku", question.as_bytes()).await;
        said.refused(404, "unknown_sku");
    }
    assert!(world.metric("earmark_partition_live_entities").await <= 2.0);
    assert_eq!(sku(&world, "CUP").await["certainty"], json!("exact"));
}

#[tokio::test]
async fn an_order_is_unknown_until_it_is_placed() {
    let world = World::start().await;
    let _pod = world.pod_with(SETTINGS).await;
    order(&world, "A-1").await.refused(404, "unknown_order");
    // An event that waits for its order makes no order.
    let paid = json!({"payment": "p1", "amount_minor": 1, "currency": "EUR"});
    world.ask(&event("early", "payment.captured.v1", "A-1", paid)).await;
    order(&world, "A-1").await.refused(404, "unknown_order");
    world.ask(&placed("o1", "A-1", "CUP", 1)).await;
    assert_eq!(order(&world, "A-1").await.answer()["order"], json!("A-1"));
}

#[tokio::test]
async fn by_http_refusals_are_problems_and_the_token_is_needed() {
    let world = World::start().await;
    let _pod = world.pod_with(SETTINGS).await;
    let long = format!("/v1/skus/{}", "x".repeat(300));
    let cases = [
        ("/v1/skus/CUP", TOKEN, 404, "unknown_sku"),
        ("/v1/orders/A-1", TOKEN, 404, "unknown_order"),
        ("/v1/skus/%FF", TOKEN, 400, "invalid_key"),
        ("/v1/skus/a%0Ab", TOKEN, 400, "invalid_key"),
        (long.as_str(), TOKEN, 400, "key_too_long"),
        ("/v1/skus/", TOKEN, 404, "not_found"),
        ("/v1/skus/CUP", "another-token-of-some-length", 401, "unauthorized"),
        ("/v1/orders/A-1", "another-token-of-some-length", 401, "unauthorized"),
    ];
    for (path, token, status, code) in cases {
        let (found, _, problem) = get(world.port, path, token).await;
        assert_eq!((found, &problem["code"]), (status, &json!(code)), "{path}: {problem}");
        for words in ["title", "detail", "action"] {
            assert!(problem[words].as_str().is_some_and(|words| !words.is_empty()), "{problem}");
        }
    }
}
