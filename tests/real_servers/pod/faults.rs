//! Servers that die, forget and freeze, networks that cut, stall and reset, two owners, and a journal
//! that lost its tail: the work goes on by itself, or the pod says why not.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::books::{Books, Times, outcomes_once};
use crate::harness::{Direction, Proxy, free_port, get, metric, wait_until};
use crate::world::{BOUND, World, hold, leave, order, partition, received, sku_in};

/// Breaks the network.
type Break = fn(&Proxy);

/// Events of a round, one for each of the partitions in turn.
const EVENTS: usize = 20;

/// One SKU in each partition, with stock.
async fn skus(world: &World, begin: &str) -> Vec<String> {
    let skus: Vec<String> = (0..4).map(|of| sku_in(of, begin)).collect();
    for sku in &skus {
        world.ask(&received(&format!("r-{sku}"), sku, 1_000)).await;
    }
    skus
}

/// Holds of one unit, spread over the SKUs.
fn holds(skus: &[String], round: &str) -> Vec<Value> {
    (0..EVENTS).map(|n| hold(&format!("{round}-{n}"), &skus[n % skus.len()], 1)).collect()
}

/// Waits until each of these events has been decided or answered so many times in all.
async fn decided(world: &World, round: &str, times: usize) {
    wait_until(&format!("every event of {round} is decided"), BOUND, async || {
        let all = Books::read(world).await.times();
        (0..EVENTS).all(|n| {
            let Times { decided, repeated } =
                all.get(&format!("{round}-{n}")).copied().unwrap_or_default();
            decided + repeated >= times
        })
    })
    .await;
}

/// Every event was decided once, the journal is one chain, and every outcome stands there once.
async fn exactly_once(world: &World) {
    let books = Books::read(world).await;
    books.check_chain();
    books.check_no_loss();
    for (id, times) in books.times() {
        assert_eq!(times.decided, 1, "{id}");
    }
    outcomes_once(world).await;
    assert!(world.messages("EARMARK_DLQ").await.is_empty());
}

#[tokio::test]
async fn while_redis_is_away_hot_skus_are_decided_and_cold_ones_wait() {
    let mut world = World::start().await;
    let pod = world.pod().await;
    let (hot, cold) = (sku_in(2, "HOT-"), sku_in(2, "COLD-"));
    for sku in [&hot, &cold] {
        world.ask(&received(sku, sku, 10)).await;
    }
    leave(pod).await;
    let _pod = world.pod().await;
    world.ask(&hold("h1", &hot, 1)).await;
    world.redis.kill();
    world.says(200, "Redis cannot be reached").await;
    assert_eq!(world.ask(&hold("h2", &hot, 1)).await["status"], json!("granted"));
    world.send(&hold("c1", &cold, 4)).await;
    wait_until("the cold one waits", BOUND, async || {
        world.metric("earmark_partition_waiting_inputs").await == 1.0
    })
    .await;
    assert_eq!(world.ask(&hold("h3", &hot, 1)).await["status"], json!("granted"));
    assert!(!Books::read(&world).await.times().contains_key("c1"));

    world.redis.restart().await;
    wait_until("the cold one is decided", BOUND, async || {
        Books::read(&world).await.times().contains_key("c1")
    })
    .await;
    world.ready(world.port).await;
    assert_eq!(world.total(&cold).await, [10, 6, 4]);
    assert_eq!(world.total(&hot).await, [10, 7, 3]);
    let answer = world.ask(&hold("c2", &cold, 7)).await;
    assert_eq!(answer["available"], json!(6), "{answer}");
    exactly_once(&world).await;
}

#[tokio::test]
async fn what_redis_forgets_or_takes_back_changes_no_result() {
    let mut world = World::start().await;
    let mut pod = world.pod().await;
    let skus = skus(&world, "F-").await;
    let old = world.redis.snapshot_data();
    world.send_all(&holds(&skus, "before")).await;
    decided(&world, "before", 1).await;

    let mut redis = world.redis.connection().await;
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.expect("Redis is flushed");
    world.send_all(&holds(&skus, "flushed")).await;
    decided(&world, "flushed", 1).await;

    world.redis.roll_back(&old).await;
    world.send_all(&holds(&skus, "rolled back")).await;
    decided(&world, "rolled back", 1).await;

    // Rolled back while nobody looks.
    pod.kill();
    world.redis.roll_back(&old).await;
    world.send_all(&holds(&skus, "away")).await;
    let _pod = world.pod().await;
    decided(&world, "away", 1).await;

    let each = 4 * (EVENTS / skus.len()) as u64;
    for sku in &skus {
        assert_eq!(world.total(sku).await, [1_000, 1_000 - each, each]);
        let answer = world.ask(&hold(&format!("all-{sku}"), sku, 1_000)).await;
        assert_eq!(answer["available"], json!(1_000 - each), "what the pod knows of {sku}");
    }
    exactly_once(&world).await;
}

#[tokio::test]
async fn after_every_fault_of_the_network_each_event_is_decided_once() {
    let world = World::start().await;
    let proxy = Proxy::start(world.nats.addr()).await;
    let _pod = world.pod_with(&[("EARMARK_NATS_URL", &proxy.url("nats"))]).await;
    let skus = skus(&world, "N-").await;
    let faults: [(&str, Break); 5] = [
        ("nothing reaches the server", |proxy| proxy.cut(Direction::ToServer)),
        ("nothing comes back", |proxy| proxy.cut(Direction::ToClient)),
        ("nothing either way", |proxy| proxy.cut(Direction::Both)),
        ("everything stalls", Proxy::stall),
        ("connections are reset", Proxy::reset_connections),
    ];
    for (fault, begin) in faults {
        // Some are on their way when it begins, the others come meanwhile.
        let events = holds(&skus, fault);
        let (early, late) = events.split_at(EVENTS / 2);
        world.send_all(early).await;
        begin(&proxy);
        world.send_all(late).await;
        if fault != "connections are reset" {
            world.not_ready("NATS cannot be reached").await;
        }
        world.send_all(&events).await;
        proxy.heal().await;
        decided(&world, fault, 2).await;
        world.ready(world.port).await;
    }

    let frozen = Instant::now();
    world.send_all(&holds(&skus, "frozen")).await;
    world.nats.freeze();
    world.not_ready("NATS cannot be reached").await;
    wait_until("three seconds have passed", BOUND, async || {
        frozen.elapsed() > Duration::from_secs(3)
    })
    .await;
    world.nats.thaw();
    decided(&world, "frozen", 1).await;
    world.ready(world.port).await;

    let times = Books::read(&world).await.times();
    for (fault, _) in faults {
        for n in 0..EVENTS {
            let times = times[&format!("{fault}-{n}")];
            assert_eq!(times, Times { decided: 1, repeated: 1 }, "{fault}");
        }
    }
    let each = 6 * (EVENTS / skus.len()) as u64;
    for sku in &skus {
        assert_eq!(world.total(sku).await, [1_000, 1_000 - each, each]);
    }
    exactly_once(&world).await;
}

#[tokio::test]
async fn a_pod_whose_connections_are_lost_while_it_starts_asks_again() {
    let world = World::start().await;
    let proxy = Proxy::start(world.nats.addr()).await;
    let url = proxy.url("nats");
    let pods: [&[&str]; 2] = [&["intake", "commit", "release", "control"], &["door"]];
    for roles in pods {
        // What is asked once they have connected is on its way for twice as long.
        proxy.delay(Duration::from_millis(200));
        let more = [("EARMARK_NATS_URL", &*url), ("EARMARK__NATS__CONNECT_WITHIN_MS", "10000")];
        let mut pod = world.spawn(&more);
        wait_until(&format!("{roles:?} have connected"), BOUND, async || {
            let said = pod.output();
            roles.iter().all(|role| said.contains(&format!("role=\"{role}\" event=connected")))
        })
        .await;
        proxy.reset_connections();
        proxy.heal().await;
        wait_until("the pod is ready", BOUND, async || {
            assert!(pod.is_running(), "{}", pod.output());
            get(world.port, "/readyz").await.0 == 200
        })
        .await;
        leave(pod).await;
    }
}

#[tokio::test]
async fn two_pods_on_the_same_partitions_never_both_commit() {
    let world = World::start().await;
    let _pod = world.pod().await;
    let skus = skus(&world, "P-").await;
    let other_port = free_port();
    let listen = format!("127.0.0.1:{other_port}");
    let mut other = world.spawn(&[("EARMARK__HTTP__LISTEN", &listen)]);
    let stepped_down = "earmark_partition_stops_total{why=\"stepped_down\"}";
    let mut rounds = 0;
    let both = async || {
        let (one, two) = (world.metric(stepped_down).await, metric(other_port, stepped_down).await);
        (one >= 1.0 && two >= 1.0, one, two)
    };
    // For as long as it takes until each of them has had to step down, and for a while.
    while rounds < 5 || !both().await.0 {
        assert!(rounds < 100, "{:?}", both().await);
        let round = format!("round {rounds}");
        world.send_all(&holds(&skus, &round)).await;
        decided(&world, &round, 1).await;
        rounds += 1;
    }
    other.kill();
    world.send_all(&holds(&skus, "alone")).await;
    decided(&world, "alone", 1).await;
    world.ready(world.port).await;

    let books = Books::read(&world).await;
    let owners = books.0.iter().map(|stored| &stored.record.header.owner);
    assert!(owners.collect::<BTreeSet<_>>().len() >= 3, "setup and two pods");
    let each = (rounds as u64 + 1) * (EVENTS / skus.len()) as u64;
    for sku in &skus {
        assert_eq!(world.total(sku).await, [1_000, 1_000 - each, each]);
        let answer = world.ask(&hold(&format!("all-{sku}"), sku, 1_000)).await;
        assert_eq!(answer["available"], json!(1_000 - each), "what the pod knows of {sku}");
    }
    exactly_once(&world).await;
}

#[tokio::test]
async fn a_journal_that_lost_its_tail_is_not_served_and_the_others_are() {
    let world = World::start().await;
    let pod = world.pod().await;
    let skus = skus(&world, "L-").await;
    world.send_all(&holds(&skus, "before")).await;
    decided(&world, "before", 1).await;
    leave(pod).await;
    let stopped = partition(&skus[1]);
    let last = lose_tail(&world, stopped, 2).await;

    // Lost while nobody served.
    let pod = world.spawn(&[]);
    let why = format!(
        "partition {stopped} is not served: it refuses to serve: record {last} is known to be committed"
    );
    let body = world.not_ready(&why).await;
    assert!(body.contains("lost acknowledged writes"), "{body}");
    let status = world.earmark(&["status", "--json"]).await.with(0).json();
    for of in status["partitions"].as_array().expect("a list") {
        let why = of["refused"].as_str();
        let is_lost = of["partition"] == json!(stopped);
        assert_eq!(why.is_some_and(|why| why.contains("lost acknowledged")), is_lost, "{of}");
    }
    let text = world.earmark(&["status"]).await.with(0).out();
    assert!(
        text.contains(&format!("partition {stopped} cannot be served: record {last}")),
        "{text}"
    );
    for sku in [&skus[0], &skus[2], &skus[3]] {
        let answer = world.ask(&hold(&format!("on-{sku}"), sku, 1)).await;
        assert_eq!(answer["status"], json!("granted"), "{answer}");
    }

    // Lost under a pod's hands.
    let serving = partition(&skus[2]);
    wait_until("the partition has written its closing mark", BOUND, async || {
        let books = Books::read(&world).await;
        books.of(serving).last().is_some_and(|stored| stored.record.entries.is_empty())
    })
    .await;
    lose_tail(&world, serving, 1).await;
    world.send(&hold("into the hole", &skus[2], 1)).await;
    world.not_ready(&format!("partition {serving} is not served: it is frozen: JetStream")).await;
    let answer = world.ask(&hold("still", &skus[3], 1)).await;
    assert_eq!(answer["status"], json!("granted"), "{answer}");
    assert!(!Books::read(&world).await.times().contains_key("into the hole"));
    drop(pod);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn outcomes_that_were_lost_are_told_again_and_nothing_else() {
    let world = World::start().await;
    let pod = world.pod().await;
    let skus = skus(&world, "O-").await;
    for (n, sku) in skus.iter().enumerate() {
        world.send(&order(&format!("order-{n}"), &format!("ORDER {n}"), sku, 1)).await;
    }
    let reserved = async || {
        let told = world.messages("EARMARK_OUT").await;
        told.iter().filter(|message| message.subject.contains("reserved")).count()
    };
    wait_until("every order is reserved", BOUND, async || reserved().await == skus.len()).await;
    leave(pod).await;
    let told = outcomes_once(&world).await;
    let said = last_sequence(&world, "EARMARK_CMD").await;
    assert!(said > 0, "orders have asked SKUs");

    world.context.delete_stream("EARMARK_OUT").await.expect("it can be deleted");
    world.earmark(&["setup"]).await.with(0);
    let pod = world.pod().await;
    wait_until("what was told is told again", BOUND, async || {
        world.messages("EARMARK_OUT").await.len() >= told.len()
    })
    .await;
    leave(pod).await;
    assert_eq!(outcomes_once(&world).await, told);
    assert_eq!(last_sequence(&world, "EARMARK_CMD").await, said, "no command is said again");
}

async fn last_sequence(world: &World, stream: &str) -> u64 {
    let mut stream = world.context.get_stream(stream).await.expect("it is there");
    stream.info().await.expect("it is told").state.last_sequence
}

/// Takes the last records of a partition out of the journal; the sequence of the last one.
async fn lose_tail(world: &World, partition: u16, records: usize) -> u64 {
    let books = Books::read(world).await;
    let sequences: Vec<u64> = books.of(partition).map(|stored| stored.sequence).collect();
    let stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    for sequence in &sequences[sequences.len() - records..] {
        stream.delete_message(*sequence).await.expect("a record can be deleted");
    }
    *sequences.last().expect("it had records")
}
