//! What is answered while all is well.

use futures::StreamExt;
use serde_json::{Value, json};

use super::asking::{SETTINGS, TOKEN, exact, get, order, says, sku};
use crate::{
    harness::{free_port, wait_for, wait_until},
    world::{BOUND, World, event, hold, leave, order as placed, received},
};

/// Waits until an order stands so.
async fn stands(world: &World, key: &str, status: &str) -> Value {
    wait_for(&format!("{key} is {status}"), BOUND, async || {
        let said = order(world, key).await;
        (said.error.is_none() && said.body["status"] == status).then_some(said.body)
    })
    .await
}

#[tokio::test]
async fn a_question_after_a_decision_sees_it_by_nats_and_by_http() {
    let world = World::start().await;
    let pod = world.pod_with(SETTINGS).await;
    let key = "Cup / blå.*>";
    world.ask(&received("r1", key, 10)).await;
    exact(&world, key).await;
    // Each decision is asked about at once, many times over.
    for held in 1..=5_u64 {
        let id = format!("h{held}");
        assert_eq!(world.ask(&hold(&id, key, 1)).await["status"], json!("granted"));
        let answer = sku(&world, key).await;
        says(
            &answer,
            json!({
                "sku": key, "certainty": "exact", "promisable": 10 - held, "holds_open": held,
                "on_sale": true, "locations_in_all": 1,
            }),
        );
        says(&answer["total"], json!({"on_hand": 10, "available": 10 - held, "held": held}));
        says(&answer["locations"][0], json!({"location": "MAIN", "held": held}));
        assert!(answer["doubt"].is_null() && answer["why"].is_null(), "{answer}");

        let path = "/v1/skus/Cup%20%2F%20bl%C3%A5.*%3E";
        let (status, _, by_http) = get(world.port, path, TOKEN).await;
        assert_eq!(status, 200, "{by_http}");
        for field in ["sku", "partition", "certainty", "promisable", "total", "revision"] {
            assert_eq!(by_http[field], answer[field], "{field}");
        }
    }

    // The same from the snapshot, after the pod is gone.
    leave(pod).await;
    let _pod = world.pod_with(SETTINGS).await;
    let answer = exact(&world, key).await;
    says(&answer, json!({"promisable": 5, "holds_open": 5}));
    // A deadline of what a question brought into memory is kept.
    let mut short = hold("short", key, 1);
    short["data"]["ttl_s"] = json!(1);
    world.ask(&short).await;
    wait_until("the hold expires", BOUND, async || {
        sku(&world, key).await["holds_open"] == json!(5)
    })
    .await;
}

#[tokio::test]
async fn an_order_is_told_with_its_lines_money_and_parcels() {
    let world = World::start().await;
    let _pod = world.pod_with(SETTINGS).await;
    world.ask(&received("r1", "CUP", 10)).await;
    world.send(&placed("o1", "A-1", "CUP", 3)).await;
    stands(&world, "A-1", "reserved").await;
    let answer = wait_for("the answer is exact", BOUND, async || {
        let said = order(&world, "A-1").await.answer();
        (said["certainty"] == "exact").then_some(said)
    })
    .await;
    says(&answer, json!({"order": "A-1", "payment": "unpaid", "certainty": "exact"}));
    says(&answer["lines"][0], json!({"line": "1", "sku": "CUP", "ordered": 3}));
    says(&answer["lines"][0]["units"], json!({"reserved": 3, "allocated": 0}));

    let paid = json!({"payment": "p1", "amount_minor": 1_200, "currency": "EUR"});
    world.send(&event("pay", "payment.captured.v1", "A-1", paid)).await;
    let answer = stands(&world, "A-1", "confirmed").await;
    let payment = json!({"payment": "p1", "currency": "EUR", "captured": 1_200, "pays": true});
    says(&answer["payments"][0], payment);
    let left = json!({
        "fulfilment": "f1", "location": "MAIN", "lines": [{"line": "1", "quantity": 2}],
        "tracking": "T-9",
    });
    world.send(&event("ship", "fulfilment.shipped.v1", "A-1", left)).await;
    let answer = stands(&world, "A-1", "partially_shipped").await;
    says(
        &answer["fulfilments"][0],
        json!({"fulfilment": "f1", "stage": "shipped", "tracking": "T-9"}),
    );
    says(&answer["fulfilments"][0]["lines"][0], json!({"line": "1", "shipped": 2, "delivered": 0}));

    let (status, _, by_http) = get(world.port, "/v1/orders/A-1", TOKEN).await;
    assert_eq!(status, 200);
    assert_eq!(by_http["lines"], answer["lines"]);
}

#[tokio::test]
async fn the_service_is_found_counted_and_gone_with_its_pod() {
    let mut world = World::start().await;
    let first = world.pod_with(SETTINGS).await;
    let client = world.context.client();
    sku_refused(&world).await;

    let info = first_of(&world, "$SRV.INFO.earmark").await;
    says(&info, json!({"name": "earmark", "version": env!("CARGO_PKG_VERSION")}));
    let endpoints = info["endpoints"].as_array().expect("a list");
    assert_eq!(endpoints.len(), 2, "{info}");
    for endpoint in endpoints {
        let schema = endpoint["metadata"]["request_schema"].as_str().expect("there is a schema");
        let schema: Value = serde_json::from_str(schema).expect("it is JSON");
        let name = &endpoint["name"];
        assert_eq!(schema["required"], json!([name]));
        assert_eq!(endpoint["subject"], json!(format!("earmark.query.{}", name.as_str().unwrap())));
    }
    let stats = first_of(&world, "$SRV.STATS.earmark").await;
    let endpoints = stats["endpoints"].as_array().expect("a list");
    let skus = endpoints.iter().find(|of| of["name"] == "sku").expect("it is there");
    says(skus, json!({"num_requests": 1, "num_errors": 1}));
    assert!(skus["last_error"].as_str().expect("words").contains("nothing is known"), "{skus}");

    leave(first).await;
    let gone = client.request("earmark.query.sku", "{}".into()).await;
    let kind = gone.expect_err("nobody answers").kind();
    assert_eq!(kind, async_nats::RequestErrorKind::NoResponders);
    world.port = free_port();
    let _second = world.pod_with(SETTINGS).await;
    assert_eq!(first_of(&world, "$SRV.PING.earmark").await["name"], json!("earmark"));
}

async fn sku_refused(world: &World) {
    let client = world.context.client();
    let said = super::asking::send(&client, "earmark.query.sku", br#"{"sku": "nobody"}"#).await;
    said.refused(404, "unknown_sku");
}

/// The first that says something.
async fn first_of(world: &World, subject: &str) -> Value {
    let client = world.context.client();
    let inbox = client.new_inbox();
    let mut said = client.subscribe(inbox.clone()).await.expect("one can subscribe");
    client.publish_with_reply(subject.to_owned(), inbox, "".into()).await.expect("it is sent");
    let first = tokio::time::timeout(BOUND, said.next()).await.expect("in time");
    serde_json::from_slice(&first.expect("somebody answers").payload).expect("it is JSON")
}
