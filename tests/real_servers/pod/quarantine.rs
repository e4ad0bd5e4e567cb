//! A SKU whose code panics on an event: its neighbours go on, what comes for it waits, and an
//! operator lets it decide again. The pod lives in the test, between real servers, so that the
//! panic can be brought about.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use actix::Addr;
use earmark::{
    actors::Stage,
    app,
    config::{self, Settings},
    partition::entry::Trigger,
    supervisor::{Ask, Leave, Supervisor},
};
use serde_json::{Value, json};

use super::inside;
use crate::{
    harness::wait_until,
    world::{BOUND, World, hold, received, sku_in},
};

/// Five times what is stated of how long neighbours wait.
const SOON: Duration = Duration::from_millis(500);

/// Far less than what a silent Redis is waited for, where that is long.
const NOT_LONG: Duration = Duration::from_secs(4);

/// An order to go on is journaled at once.
const AT_ONCE: [(&str, &str); 1] = [("EARMARK__CLUSTER__FORMAT_AFTER_S", "0")];

/// The event that the code fails on.
const POISON: &str = "poison";

/// A pod that panics on one event.
async fn pod(settings: &Settings) -> Addr<Supervisor> {
    let tap = |stage, _: &_, trigger: &_| {
        if let (Stage::Applied, Trigger::Event(cause)) = (stage, trigger) {
            assert_ne!(cause.id, POISON, "a bug in the SKU's code");
        }
    };
    inside::pod(settings, Arc::new(tap)).await
}

async fn leave(pod: Addr<Supervisor>) {
    pod.send(Leave).await.expect("it leaves in order");
}

/// How many entities a pod has set aside.
async fn quarantined(pod: &Addr<Supervisor>) -> usize {
    let report = pod.send(Ask).await.expect("the pod answers");
    report.partitions.iter().map(|partition| partition.quarantined).sum()
}

#[test]
fn a_panic_sets_one_sku_aside_and_resume_lets_it_go_on() {
    app::system().block_on(async {
        let world = World::start().await;
        let environment = world.environment(&AT_ONCE).into_iter().collect();
        let settings = config::load_from(None, environment).expect("the settings are right");
        let first = pod(&settings).await;
        let (bad, neighbour) = (sku_in(1, "BAD-"), sku_in(1, "GOOD-"));
        for sku in [&bad, &neighbour] {
            world.ask(&received(sku, sku, 10)).await;
        }
        world.send(&hold(POISON, &bad, 1)).await;
        wait_until("it is set aside", BOUND, async || quarantined(&first).await == 1).await;

        let letter = world.earmark(&["dlq", "show", "1", "--json"]).await.with(0).json();
        let said =
            ["reason", "severity", "event_id", "event_subject"].map(|of| &letter["letter"][of]);
        assert_eq!(said, [&json!("quarantined"), &json!("page"), &json!(POISON), &json!(bad)]);
        let stood = &letter["letter"]["quantities"];
        assert_eq!((&stood["on_hand"], &stood["held"]), (&json!(10), &json!(0)), "{letter}");

        // Its neighbour in the same partition goes on; what comes for it waits in order.
        let asked_at = Instant::now();
        assert_eq!(world.ask(&hold("n-1", &neighbour, 1)).await["status"], "granted");
        assert!(asked_at.elapsed() < SOON, "{:?}", asked_at.elapsed());
        for number in 0..3 {
            world.send(&hold(&format!("w-{number}"), &bad, 4)).await;
        }
        assert_eq!(world.ask(&hold("n-2", &neighbour, 1)).await["status"], "granted");
        assert_eq!(world.total(&bad).await, [10, 10, 0]);

        // Another owner does not forget.
        leave(first).await;
        let second = pod(&settings).await;
        assert_eq!(quarantined(&second).await, 1);

        for unclear in [
            json!({"sku": bad, "by": "ann"}),
            json!({"sku": bad, "order": "A", "by": "ann", "reason": "mended"}),
            json!({"sku": bad, "by": "ann", "reason": "mended", "level": 2}),
        ] {
            assert!(asked(&world, &unclear).await["error"].is_string(), "{unclear}");
        }
        assert_eq!(quarantined(&second).await, 1);
        let resumed = ["resume", "sku", &bad, "--by", "ann", "--reason", "mended", "--json"];
        let said = world.earmark(&resumed).await.with(0).json();
        assert_eq!((&said["set"], &said["partition"]), (&json!("resume"), &json!(1)), "{said}");
        wait_until("it decides again", BOUND, async || quarantined(&second).await == 0).await;
        // Of ten units, two of the three who waited get their four: the first two.
        wait_until("those who waited are answered", BOUND, async || {
            world.total(&bad).await == [10, 2, 8]
        })
        .await;
        // What is tried on a copy knows that, too.
        let dry = ["dlq", "replay", "--reason", "quarantined", "--json"];
        let dry = world.earmark(&dry).await.with(0).json();
        assert_eq!(dry["events"][0]["forecast"]["verdict"], "granted 1 of 1", "{dry}");
        let again = world.ask(&hold("w-0", &bad, 4)).await;
        assert_eq!((&again["status"], &again["repeated"]), (&json!("granted"), &json!(true)));
        assert_eq!(world.ask(&hold("w-2", &bad, 4)).await["reason"], "insufficient_stock");
        let audited = world.messages("EARMARK_AUDIT").await;
        let told: Vec<Value> = audited
            .iter()
            .filter(|message| message.subject.as_str() == "earmark.audit.resume")
            .map(|message| serde_json::from_slice(&message.payload).expect("JSON"))
            .collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!((&told[0]["by"], &told[0]["what"]["sku"]), (&json!("ann"), &json!(bad)));

        // The next owner knows that it decides again.
        leave(second).await;
        let third = pod(&settings).await;
        assert_eq!(quarantined(&third).await, 0);
        leave(third).await;
    });
}

#[test]
fn a_panic_while_redis_is_silent_stops_nobody_else() {
    app::system().block_on(async {
        let world = World::start().await;
        let environment = world.environment(&AT_ONCE).into_iter().collect();
        let settings = config::load_from(None, environment).expect("the settings are right");
        let pod = pod(&settings).await;
        let (bad, neighbour) = (sku_in(1, "BAD-"), sku_in(1, "GOOD-"));
        for sku in [&bad, &neighbour] {
            world.ask(&received(sku, sku, 10)).await;
        }
        world.redis.freeze();
        world.send(&hold(POISON, &bad, 1)).await;
        wait_until("it is set aside", BOUND, async || quarantined(&pod).await == 1).await;
        // They are in memory, and need no Redis.
        for number in 0..5 {
            let answer = world.ask(&hold(&format!("n-{number}"), &neighbour, 1)).await;
            assert_eq!(answer["status"], "granted", "{answer}");
        }
        world.send(&hold("w-1", &bad, 4)).await;
        world.redis.thaw();
        // It is made anew with all that was decided of it.
        let resumed = ["resume", "sku", &bad, "--by", "ann", "--reason", "mended"];
        world.earmark(&resumed).await.with(0);
        wait_until("who waited is answered", BOUND, async || world.total(&bad).await == [10, 6, 4])
            .await;
        assert_eq!(world.total(&neighbour).await, [10, 5, 5]);
        leave(pod).await;
    });
}

/// Whoever waits for an answer of Redis is seen; and nothing else of the pod's waits for one.
const WAITS_LONG: [(&str, &str); 4] = [
    ("EARMARK__CLUSTER__FORMAT_AFTER_S", "0"),
    ("EARMARK__REDIS__RESPONSE_TIMEOUT_MS", "10000"),
    ("EARMARK__ENGINE__SNAPSHOT_INTERVAL_MS", "3600000"),
    ("EARMARK__ENGINE__COLD_DUE_INTERVAL_MS", "600000"),
];

#[test]
fn neighbours_do_not_wait_for_what_a_silent_redis_has_of_a_broken_one() {
    app::system().block_on(async {
        let world = World::start().await;
        let environment = world.environment(&WAITS_LONG).into_iter().collect();
        let settings = config::load_from(None, environment).expect("the settings are right");
        let pod = pod(&settings).await;
        let (bad, neighbour) = (sku_in(1, "BAD-"), sku_in(1, "GOOD-"));
        for sku in [&bad, &neighbour] {
            world.ask(&received(sku, sku, 10)).await;
        }
        world.redis.freeze();
        world.send(&hold(POISON, &bad, 1)).await;
        wait_until("it is set aside", NOT_LONG, async || quarantined(&pod).await == 1).await;
        // Longer than Redis is left alone after a try.
        for number in 0..8 {
            let asked_at = Instant::now();
            let answer = world.ask(&hold(&format!("n-{number}"), &neighbour, 1)).await;
            assert_eq!(answer["status"], "granted", "{answer}");
            assert!(asked_at.elapsed() < NOT_LONG, "{:?}", asked_at.elapsed());
            tokio::time::sleep(SOON).await;
        }
        // What was asked for is answered late, and is used.
        world.redis.thaw();
        let resumed = ["resume", "sku", &bad, "--by", "ann", "--reason", "mended"];
        world.earmark(&resumed).await.with(0);
        assert_eq!(world.ask(&hold("w-1", &bad, 4)).await["status"], "granted");
        assert_eq!(world.total(&bad).await, [10, 6, 4]);
        assert_eq!(world.total(&neighbour).await, [10, 2, 8]);
        leave(pod).await;
    });
}

/// Asks over the raw subject.
async fn asked(world: &World, request: &Value) -> Value {
    let payload = request.to_string().into();
    let answer = world.context.client().request("earmark.control.resume", payload).await;
    serde_json::from_slice(&answer.expect("a pod answers").payload).expect("answers are JSON")
}
