//! Pods that come, leave, die and sleep.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    harness::{Direction, Proxy, free_port, get, wait_until},
    journal::Journals,
    load::{Load, Wants},
    world::{BOUND, LEASE_S, PARTITIONS, World, let_pass},
};

const RATE: u64 = 400;
/// Who asks for what, and why.
const WHO: &[&str] = &["--by", "ann", "--reason", "its disk"];

/// How long a planned change may keep anybody waiting: five times what is stated of it.
const PLANNED: Duration = Duration::from_secs(5);
/// All pods replaced, one after the other.
const REPLACED: Duration = Duration::from_secs(5 * 2);
/// And a death, or a pod that Redis is away from: five times the lease and two seconds.
const UNPLANNED: Duration = Duration::from_secs(5 * (LEASE_S + 2));

/// Nobody has waited longer than this since then.
fn nobody_waited(load: &Load, since: Instant, longest: Duration) {
    let waits = load.waits(since);
    let worst = waits.iter().max_by_key(|(_, wait)| **wait);
    assert!(worst.is_none_or(|(_, wait)| *wait <= longest), "{worst:?}");
}

/// Which partitions another pod has now.
fn moved(before: &BTreeMap<u16, String>, after: &BTreeMap<u16, String>) -> Vec<u16> {
    let changed = |(partition, owner): &(&u16, &String)| after.get(partition) != Some(owner);
    before.iter().filter(changed).map(|(partition, _)| *partition).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_must_move_moves_when_pods_leave_and_come() {
    let mut world = World::with(&["a", "b", "c"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(RATE)).await;
    load.more(100).await;

    let began = Instant::now();
    let (before, of_b) = (world.all_owners().await, world.of("b").await);
    world.leave("b").await;
    world.shared_by(&["a", "c"]).await;
    assert_eq!(moved(&before, &world.all_owners().await), of_b, "b left");
    load.more(100).await;

    let before = world.all_owners().await;
    world.run("d", &[]);
    world.shared_by(&["a", "c", "d"]).await;
    let to_d = world.of("d").await;
    assert_eq!(moved(&before, &world.all_owners().await), to_d, "d came");
    load.more(100).await;

    let (before, of_a) = (world.all_owners().await, world.of("a").await);
    let drained = world.earmark(&[&["drain", "a", "--json"], WHO].concat()).await.with(0).json();
    assert_eq!(drained["partitions"], json!(of_a));
    let sequence = drained["audit"].as_u64().expect("the audit has it");
    let audit = world.nats.jetstream().await.get_stream("EARMARK_AUDIT").await.unwrap();
    let audit = audit.get_raw_message(sequence).await.expect("it is there");
    assert_eq!(audit.subject.as_str(), "earmark.audit.drain");
    let audit: serde_json::Value = serde_json::from_slice(&audit.payload).expect("JSON");
    let (by, reason, pod) = (&audit["by"], &audit["reason"], &audit["pod"]);
    assert_eq!([by, reason, pod], [&json!("ann"), &json!("its disk"), &json!("a")], "{audit}");
    world.shared_by(&["c", "d"]).await;
    assert_eq!(moved(&before, &world.all_owners().await), of_a, "a was drained");
    let status = world.status().await;
    let members = status["members"].as_array().expect("a list");
    let a = members.iter().find(|member| member["pod"] == json!("a")).expect("a is a member");
    assert_eq!(a["standing"], json!("waiting"), "{a}");
    world.earmark(&[&["drain", "a", "--undo"], WHO].concat()).await.with(0);
    world.shared_by(&["a", "c", "d"]).await;
    load.more(100).await;
    nobody_waited(&load, began, PLANNED);

    let journals = world.all_is_well(load).await;
    let handed_over = |partition: &u16| journals.owners(*partition).len() > 1;
    assert!(of_b.iter().all(handed_over) && to_d.iter().all(handed_over));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_pod_had_is_served_by_the_others() {
    let mut world = World::with(&["a", "b", "c"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(RATE)).await;
    load.more(100).await;
    let began = Instant::now();
    let (before, of_b) = (world.all_owners().await, world.of("b").await);
    world.kill("b");
    world.shared_by(&["a", "c"]).await;
    assert_eq!(moved(&before, &world.all_owners().await), of_b);
    load.more(200).await;
    nobody_waited(&load, began, UNPLANNED);
    world.all_is_well(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_update_of_five_pods_moves_each_partition_at_most_twice() {
    let old = ["a", "b", "c", "d", "e"];
    let new = ["a-next", "b-next", "c-next", "d-next", "e-next"];
    let mut world = World::with(&old).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(RATE)).await;
    load.more(100).await;
    let before = Journals::read(&world.nats.jetstream().await).await;
    let began = Instant::now();
    for (old, new) in old.into_iter().zip(new) {
        world.run(new, &[]);
        world.joined(new).await;
        world.leave(old).await;
    }
    world.shared_by(&new).await;
    load.more(100).await;
    nobody_waited(&load, began, REPLACED);
    let journals = world.all_is_well(load).await;
    for partition in 0..PARTITIONS {
        let moves = journals.owners(partition).len() - before.owners(partition).len();
        assert!(moves <= 2, "{partition}: {:?}", journals.owners(partition));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_slept_commits_nothing_steps_down_and_joins_again() {
    let mut world = World::with(&["a", "b", "c"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(RATE)).await;
    load.more(100).await;
    let of_b = world.of("b").await;
    world.pod("b").freeze();
    world.shared_by(&["a", "c"]).await;
    // It has to find its leases long gone.
    let_pass(Duration::from_secs(3 * LEASE_S)).await;
    world.pod("b").thaw();
    load.more(100).await;
    world.shared_by(&["a", "b", "c"]).await;
    load.more(100).await;
    let journals = world.all_is_well(load).await;
    for partition in of_b {
        let owners = journals.owners(partition);
        let others = owners.iter().skip_while(|owner| **owner != "b").nth(1);
        assert!(others.is_some_and(|owner| *owner != "b"), "{partition}: {owners:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pods_go_on_by_themselves_when_the_servers_were_away() {
    let mut world = World::with(&["a", "b"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(RATE)).await;
    load.more(100).await;
    let before = world.all_owners().await;
    world.nats.kill();
    let_pass(Duration::from_secs(2 * LEASE_S)).await;
    world.nats.restart().await;
    world.shared_by(&["a", "b"]).await;
    assert_eq!(moved(&before, &world.all_owners().await), [0; 0], "nothing had to move");
    load.more(200).await;
    world.redis.wipe();
    world.redis.restart().await;
    world.leave("a").await;
    world.shared_by(&["b"]).await;
    load.more(100).await;
    world.all_is_well(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_that_alone_does_not_reach_redis_steps_aside_until_it_does() {
    let mut world = World::start().await;
    let way = Proxy::start(world.redis.addr()).await;
    world.run("a", &[]);
    let (port, url) = (free_port(), way.url("redis"));
    let listen = format!("127.0.0.1:{port}");
    world.run("b", &[("EARMARK_REDIS_URL", &url), ("EARMARK__HTTP__LISTEN", &listen)]);
    world.shared_by(&["a", "b"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(RATE)).await;
    load.more(100).await;
    let began = Instant::now();
    way.cut(Direction::Both);
    world.shared_by(&["a"]).await;
    let status = world.status().await;
    let members = status["members"].as_array().expect("a list");
    let b = members.iter().find(|member| member["pod"] == json!("b")).expect("b is a member");
    let why = b["why"].as_str().expect("it says why it waits");
    assert!(why.contains("does not reach the store of snapshots"), "{b}");
    assert_eq!(get(port, "/readyz").await.0, 503);
    load.more(100).await;
    way.heal().await;
    world.shared_by(&["a", "b"]).await;
    load.more(100).await;
    nobody_waited(&load, began, UNPLANNED);
    world.all_is_well(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pods_of_one_name_do_not_both_take_part() {
    let mut world = World::with(&["a"]).await;
    world.run("twin", &[("EARMARK__ENGINE__POD", "a")]);
    wait_until("the second one says why it waits", BOUND, async || {
        world.pod("twin").output().contains("connected")
    })
    .await;
    let_pass(Duration::from_secs(LEASE_S)).await;
    assert_eq!(world.view().await.members().count(), 1);
    world.leave("a").await;
    wait_until("the second one has taken its place", BOUND, async || {
        world.of("a").await.len() == 16
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_note_harms_nobody_for_longer_than_a_lease() {
    let mut world = World::with(&["a", "b"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(400)).await;
    load.more(100).await;
    let context = world.nats.jetstream().await;
    let bucket = context.get_key_value("EARMARK_CLUSTER").await.expect("the bucket is there");
    let huge = "x".repeat(500_000);
    let bytes = ["", "{", "null", "[]", "\u{0}\u{1}", "{\"pod\": 3}", "{\"pod\": \"\"}", &huge];
    let keys =
        ["members.c", "members.=", "leases.3", "leases.99999", "leases.x", "nobody", "a.b.c"];
    for (key, bytes) in keys.iter().flat_map(|key| bytes.iter().map(move |bytes| (key, bytes))) {
        bucket.put(key, (*bytes).to_owned().into()).await.expect("it is written");
    }
    load.more(100).await;
    world.shared_by(&["a", "b"]).await;
    world.run("c", &[]);
    world.shared_by(&["a", "b", "c"]).await;
    let status = world.status().await;
    assert_eq!(status["partitions"].as_array().map(Vec::len), Some(usize::from(PARTITIONS)));
    load.more(100).await;
    world.all_is_well(load).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_what_cannot_be_is_told_what_can() {
    let world = World::with(&["a"]).await;
    let unknown = world.earmark(&[&["drain", "b"], WHO].concat()).await.with(1);
    assert!(unknown.err().contains("name one of the members: a"), "{}", unknown.err());
    let client = world.nats.client().await;
    for (bad, error) in [
        ("{", "malformed"),
        ("[]", "malformed"),
        ("\u{0}\u{1}", "malformed"),
        (r#"{"undo":3,"by":"ann","reason":"x"}"#, "wrong_type"),
        (r#"{"now":true,"by":"ann","reason":"x"}"#, "unknown_field"),
        (r#"{"undo":false,"by":"ann"}"#, "missing"),
        (r#"{"undo":false,"reason":"x"}"#, "missing"),
    ] {
        let asked = client.request("earmark.control.drain.a", bad.into()).await;
        let answer = asked.expect("it is answered").payload;
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        assert_eq!(answer["error"], json!(error), "{bad}: {answer}");
        assert!(answer["message"].as_str().is_some_and(|text| text.contains("expected")));
    }
    world.shared_by(&["a"]).await;
}
