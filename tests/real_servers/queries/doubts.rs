//! What is said while something is wrong: never what is not committed, never yesterday's state as
//! today's, and always how sure.

use std::{sync::Arc, time::Duration};

use async_nats::jetstream::{kv::Store, stream::Config};
use earmark::{
    clock::SystemClock,
    cluster::{Lease, Phase},
    contract::{partition_of, time},
    domain::{
        Level,
        ids::{EntityKey, OrderId, Sku},
        time::Span,
    },
    nats::{NatsOthers, NatsOutbox, ReaderSettings},
    ports::Clock,
    query::{Clerk, Code, Desks, Reach, Settings, certainty::Rule},
};
use serde_json::{Value, json};

use super::asking::{SETTINGS, TOKEN, exact, get, order, says, sku};
use crate::{
    harness::{Proxy, free_port, wait_for, wait_until},
    world::{BOUND, PARTITIONS, World, hold, order as placed, received},
};

/// Lets the journal take no more than it has, or as much as before.
async fn limit_journal(world: &World, bytes: impl FnOnce(u64) -> i64) {
    let mut journal = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    let info = journal.info().await.expect("it says how it stands").clone();
    let config = Config { max_bytes: bytes(info.state.bytes), ..info.config };
    world.context.update_stream(config).await.expect("it can be changed");
}

#[tokio::test]
async fn what_is_not_committed_is_never_told() {
    let world = World::start().await;
    let _pod = world.pod_with(SETTINGS).await;
    world.ask(&received("r1", "CUP", 10)).await;
    world.ask(&hold("h1", "CUP", 1)).await;
    world.ask(&placed("o0", "A-0", "MUG", 1)).await;
    assert_eq!(exact(&world, "CUP").await["promisable"], json!(9));
    // All that is under way is committed and shown.
    wait_until("the availability is shown", BOUND, async || {
        let stream = world.context.get_stream("EARMARK_AVAILABILITY").await.expect("it is there");
        let last = stream.get_last_raw_message_by_subject("earmark.availability.CUP").await;
        let value = last.map(|last| serde_json::from_slice::<Value>(&last.payload));
        value.is_ok_and(|value| value.expect("it is JSON")["available"] == json!(9))
    })
    .await;

    // From now on the journal takes nothing: decisions are made, and are none.
    limit_journal(&world, |bytes| bytes as i64).await;
    world.send(&hold("h2", "CUP", 4)).await;
    world.send(&placed("o1", "A-1", "CUP", 2)).await;
    // Until it has read what was sent, it may say for sure what it has.
    wait_until("what was sent is read", BOUND, async || {
        let answer = sku(&world, "CUP").await;
        says(&answer["total"], json!({"available": 9, "held": 1}));
        answer["doubt"] == json!("silent")
    })
    .await;
    for _ in 0..3 {
        let answer = sku(&world, "CUP").await;
        says(&answer, json!({"certainty": "floor", "promisable": 0, "doubt": "silent"}));
        says(&answer["total"], json!({"available": 9, "held": 1}));
        assert!(answer["why"].as_str().expect("words").contains("being verified"), "{answer}");
        let (status, _, by_http) = get(world.port, "/v1/skus/CUP", TOKEN).await;
        assert_eq!((status, &by_http["certainty"]), (200, &json!("floor")));
    }
    // Of an order there is no last value to fall back to.
    let key = of_partition_of("A-", "CUP");
    let (status, retry, problem) = get(world.port, &format!("/v1/orders/{key}"), TOKEN).await;
    assert_eq!((status, &problem["code"]), (503, &json!("not_served")), "{problem}");
    assert!(retry.is_some());

    limit_journal(&world, |_| 268_435_456).await;
    let answer = wait_for("all of it is decided", BOUND, async || {
        let answer = sku(&world, "CUP").await;
        (answer["certainty"] == "exact" && answer["total"]["held"] == 7).then_some(answer)
    })
    .await;
    assert_eq!(answer["promisable"], json!(3));
    wait_until("the order is reserved", BOUND, async || {
        order(&world, "A-1").await.answer()["status"] == json!("reserved")
    })
    .await;
}

/// The key of an order whose partition is this SKU's.
fn of_partition_of(begin: &str, sku: &str) -> String {
    let wanted = crate::world::partition(sku);
    let of = |key: &str| partition_of(&EntityKey::Order(OrderId::new(key).unwrap()), PARTITIONS);
    let mut keys = (2..).map(|n| format!("{begin}{n}"));
    keys.find(|key| of(key) == wanted).expect("every partition has keys")
}

#[tokio::test]
async fn nothing_is_exact_while_the_journal_is_silent() {
    let world = World::start().await;
    let proxy = Proxy::start(world.nats.addr()).await;
    let url = proxy.url("nats");
    let _pod = world.pod_with(&[SETTINGS, &[("EARMARK_NATS_URL", url.as_str())]].concat()).await;
    world.ask(&received("r1", "CUP", 10)).await;
    exact(&world, "CUP").await;
    let (_, _, answer) = get(world.port, "/v1/skus/CUP", TOKEN).await;
    says(&answer, json!({"certainty": "exact", "promisable": 10}));

    // Nothing was decided meanwhile, as far as the pod knows: that is what it cannot know.
    proxy.stall();
    let (status, _, answer) = get(world.port, "/v1/skus/CUP", TOKEN).await;
    assert_eq!(status, 200);
    says(&answer, json!({"certainty": "unknown", "promisable": 0, "doubt": "nothing_known"}));
    proxy.heal().await;
    wait_until("the answer is exact again", BOUND, async || {
        let (_, _, answer) = get(world.port, "/v1/skus/CUP", TOKEN).await;
        answer["certainty"] == "exact" && answer["promisable"] == 10
    })
    .await;
}

#[tokio::test]
async fn a_pod_that_was_superseded_never_speaks_of_yesterday_as_of_today() {
    let mut world = World::start().await;
    let old_port = world.port;
    let old = world.pod_with(SETTINGS).await;
    world.ask(&received("r1", "CUP", 10)).await;
    assert_eq!(exact(&world, "CUP").await["promisable"], json!(10));
    old.freeze();
    world.port = free_port();
    let mut new = world.pod_with(SETTINGS).await;
    assert_eq!(world.ask(&hold("h1", "CUP", 4)).await["status"], json!("granted"));
    old.thaw();
    // Both are asked until the old one has an exact answer, which it may never have.
    for _ in 0..20 {
        let (status, _, answer) = get(old_port, "/v1/skus/CUP", TOKEN).await;
        assert_eq!(status, 200, "{answer}");
        match answer["certainty"].as_str() {
            Some("exact") => assert_eq!(answer["promisable"], json!(6), "{answer}"),
            _ => assert!(answer["promisable"].as_u64().is_some_and(|n| n <= 6), "{answer}"),
        }
    }
    new.kill();
}

// === a pod that does not serve the partition ===

/// A clerk beside the pods, to whom no partition belongs.
fn clerk(world: &World) -> Arc<Clerk> {
    let context = world.context.clone();
    let reach = Reach {
        others: Arc::new(NatsOthers::new(context.clone())),
        outbox: Arc::new(NatsOutbox::new(context, ReaderSettings::default())),
        clock: Arc::new(SystemClock),
    };
    let rule =
        Rule { behind: Span::from_secs(5), fresh: Span::from_secs(10), units_per_message: Some(2) };
    let settings = Settings { within: Duration::from_secs(2), waiting_max: 8, rule };
    Clerk::new(Desks::default(), PARTITIONS, reach, settings)
}

fn key(sku: &str) -> EntityKey {
    EntityKey::Sku(Sku::new(sku).expect("it is a key"))
}

async fn asked(clerk: &Clerk, sku: &str) -> Value {
    let answer = clerk.ask(&key(sku)).await.expect("it is answered");
    serde_json::from_slice(&answer).expect("answers are JSON")
}

async fn put_lease(bucket: &Store, partition: u16, lease: &Lease) {
    bucket.put(Lease::key(partition), lease.encode()).await.expect("it can be put");
}

#[tokio::test]
async fn another_pods_answer_is_passed_on_and_without_one_the_lease_speaks() {
    let mut world = World::start().await;
    let mut pod = world.pod_with(SETTINGS).await;
    world.ask(&received("r1", "CUP", 10)).await;
    world.ask(&hold("h1", "CUP", 1)).await;
    let clerk = clerk(&world);
    exact(&world, "CUP").await;
    let answer = asked(&clerk, "CUP").await;
    says(&answer, json!({"certainty": "exact", "promisable": 9, "holds_open": 1}));
    let unknown = clerk.ask(&key("nobody")).await.expect_err("nobody knows it");
    assert_eq!(unknown.code, Code::UnknownSku);
    assert!(unknown.what.contains("\"nobody\"") && !unknown.what.contains(';'), "{unknown:?}");
    wait_until("the availability is shown", BOUND, async || {
        let stream = world.context.get_stream("EARMARK_AVAILABILITY").await.expect("it is there");
        let last = stream.get_last_raw_message_by_subject("earmark.availability.CUP").await;
        last.is_ok_and(|last| String::from_utf8_lossy(&last.payload).contains("\"available\":9"))
    })
    .await;

    // Killed: nobody has handed anything over.
    pod.kill();
    let partition = crate::world::partition("CUP");
    let bucket = world.context.get_key_value("EARMARK_CLUSTER").await.expect("it is there");
    let _ = bucket.delete(Lease::key(partition)).await;
    let answer = asked(&clerk, "CUP").await;
    says(&answer, json!({"certainty": "floor", "promisable": 0, "doubt": "unowned"}));
    assert_eq!(answer["total"]["available"], json!(9));
    let order = EntityKey::Order(OrderId::new("A-1").expect("it is a key"));
    let refused = clerk.ask(&order).await.expect_err("nobody can be asked");
    assert_eq!(refused.code, Code::NotServed);

    let mut lease = Lease {
        pod: "gone".to_owned(),
        session: "1".to_owned(),
        epoch: 1,
        phase: Phase::Free,
        why: None,
        to: None,
        incarnation: 1,
        position: 1,
        snapshot: 1,
        at: time::format(SystemClock.now()),
        unread: 0,
        oldest_unread_s: None,
        oldest_addition_s: None,
        level: Level::Normal,
        keep_in: None,
        keep_log: None,
        settled: true,
        format: 1,
    };
    put_lease(&bucket, partition, &lease).await;
    let answer = asked(&clerk, "CUP").await;
    says(&answer, json!({"certainty": "floor", "promisable": 9, "doubt": "changing_hands"}));
    (lease.unread, lease.oldest_unread_s) = (3, Some(30.0));
    put_lease(&bucket, partition, &lease).await;
    let answer = asked(&clerk, "CUP").await;
    says(&answer, json!({"certainty": "floor", "promisable": 3, "doubt": "behind"}));
    // One that says that it serves and cannot be asked may have decided more.
    lease.phase = Phase::Serving;
    put_lease(&bucket, partition, &lease).await;
    says(&asked(&clerk, "CUP").await, json!({"promisable": 0, "doubt": "silent"}));
    let unreadable = bucket.put(Lease::key(partition), "{".into()).await;
    unreadable.expect("it can be put");
    // Who has it cannot be told.
    says(&asked(&clerk, "CUP").await, json!({"promisable": 0, "doubt": "silent"}));

    world.port = free_port();
    let _pod = world.pod_with(SETTINGS).await;
    let answer = wait_for("it is served again", BOUND, async || {
        let answer = asked(&clerk, "CUP").await;
        (answer["certainty"] == "exact").then_some(answer)
    })
    .await;
    assert_eq!(answer["promisable"], json!(9));
}
