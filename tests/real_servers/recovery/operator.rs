//! JetStream lost what it had acknowledged: the partition refuses, the stores are shown, and an
//! operator begins anew, in one of two ways; each is said first, and audited.

use earmark::cluster::{Lease, Member, Phase};
use redis::AsyncCommands;
use serde_json::{Value, json};

use super::shop::{STOCK, Shop, available, until_archived};
use crate::{
    books::Books,
    world::{World, leave, partition},
};

/// The partition that the tests look at.
pub const LOST: u16 = 3;

/// A pod has served, and JetStream is as it was some holds before the pod's end.
pub async fn lost(more: &[(&str, &str)]) -> (World, Shop, Vec<u64>) {
    let mut world = World::start().await;
    let pod = world.pod_with(more).await;
    let mut shop = Shop::open(&world).await;
    for _ in 0..3 {
        shop.hold_one(&world).await;
    }
    if !more.is_empty() {
        until_archived(&world, LOST).await;
    }
    let (old, held) = (world.nats.snapshot_data(), shop.held.clone());
    shop.hold_one(&world).await;
    shop.hold_one(&world).await;
    leave(pod).await;
    world.nats.roll_back(&old).await;
    world.context = world.nats.jetstream().await;
    (world, shop, held)
}

/// What all stores have, the audit left out.
async fn stores(world: &World) -> Vec<String> {
    let mut all = Vec::new();
    for stream in ["JOURNAL", "IN", "CMD", "OUT", "AVAILABILITY", "DLQ"] {
        for message in world.messages(&format!("EARMARK_{stream}")).await {
            all.push(format!("{stream} {} {:?}", message.sequence, message.payload));
        }
    }
    for message in world.messages("OBJ_EARMARK_SNAPSHOTS").await {
        all.push(format!("{} {}", message.sequence, message.subject));
    }
    let mut redis = world.redis.connection().await;
    let mut keys: Vec<String> = redis.keys("*").await.expect("keys are told");
    keys.sort();
    for key in keys {
        let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(&mut redis).await.expect("it");
        all.push(format!("{key} {dump:?}"));
    }
    all
}

pub async fn audit(world: &World) -> Vec<Value> {
    let messages = world.messages("EARMARK_AUDIT").await.into_iter();
    let partition = messages.filter(|message| *message.subject == *"earmark.audit.partition");
    partition.map(|of| serde_json::from_slice(&of.payload).expect("the audit is JSON")).collect()
}

pub async fn show(world: &World, code: i32) -> Value {
    let shown = world.earmark(&["partition", "show", "3", "--json"]).await.with(code).json();
    shown[0].clone()
}

/// The partition refuses, and everything that is not meant to change it does not.
async fn is_said_and_nothing_is_changed(world: &World, command: &str) {
    let mut pod = world.spawn(&[]);
    let body =
        world.not_ready(&format!("partition {LOST} is not served: it refuses to serve")).await;
    assert!(body.contains("lost acknowledged writes"), "{body}");
    pod.kill();
    let before = stores(world).await;
    let seen = show(world, 1).await;
    assert_eq!(seen["can_be_served"], json!(false), "{seen}");
    assert!(seen["why"].as_str().is_some_and(|why| why.contains("lost acknowledged writes")));
    let advice = seen["advice"].to_string();
    assert!(advice.contains("reseed 3") && advice.contains("accept-loss 3"), "{advice}");
    let text = world.earmark(&["partition", "show"]).await.with(1).out();
    assert!(text.contains("partition 3 cannot be served: record"), "{text}");
    let text = world.earmark(&["partition", command, "3"]).await.with(0).out();
    assert!(text.contains("would be lost") && text.contains("nothing was changed"), "{text}");
    let plan = world.earmark(&["partition", command, "3", "--by", "ann", "--json"]).await.with(0);
    let plan = plan.json();
    assert_eq!((&plan["applied"], &plan["partition"]), (&json!(false), &json!(3)), "{plan}");
    assert!(plan["lost"].as_array().is_some_and(|lost| !lost.is_empty()), "{plan}");
    world.earmark(&["partition", command, "3", "--by", "ann", "--apply"]).await.with(2);
    world.earmark(&["partition", command, "77", "--by", "ann"]).await.with(2);
    assert_eq!(stores(world).await, before, "a dry run changes nothing");
    assert_eq!(audit(world).await, Vec::<Value>::new());
}

async fn lease(world: &World, phase: Phase) {
    let lease = Lease {
        pod: "Pod-X".to_owned(),
        session: "s".to_owned(),
        epoch: 1,
        phase,
        why: None,
        to: None,
        incarnation: 1,
        position: 0,
        snapshot: 0,
        at: "2026-11-26T20:00:00Z".to_owned(),
        unread: 0,
        oldest_unread_s: None,
        oldest_addition_s: None,
        level: earmark::domain::Level::Normal,
        keep_in: None,
        keep_log: None,
        settled: false,
        format: 0,
    };
    let bucket = world.context.get_key_value("EARMARK_CLUSTER").await.expect("the bucket is there");
    bucket.put(Lease::key(LOST), lease.encode()).await.expect("it is written");
}

/// A pod of an older build, for as long as its note is there.
const OLDER: &str = r#"{"pod": "pod-old", "session": "o", "version": "0.1.0", "reads": 1,
    "standing": "serving", "since": ""}"#;

/// Does it, for all partitions that lost something.
pub async fn apply(world: &World, command: &str) {
    let why = ["--apply", "--by", "ann", "--reason", "a disk was lost"];
    lease(world, Phase::Serving).await;
    let refused = world.earmark(&[&["partition", command, "3"], &why[..]].concat()).await.with(1);
    assert!(refused.err().contains("in the hands of Pod-X"), "{}", refused.err());
    lease(world, Phase::Waiting).await;
    let text = world.earmark(&["partition", "show", "3"]).await.with(1).out();
    assert!(text.contains("waiting by Pod-X, 2026-11-26T20:00:00Z"), "{text}");
    let bucket = world.context.get_key_value("EARMARK_CLUSTER").await.expect("the bucket is there");
    bucket.put(Member::key("pod-old"), OLDER.into()).await.expect("it is written");
    let refused = world.earmark(&[&["partition", command, "3"], &why[..]].concat()).await.with(1);
    assert!(refused.err().contains("format 2, which is not read by: pod-old"), "{}", refused.err());
    bucket.delete(Member::key("pod-old")).await.expect("it is taken away");
    let mut applied = 0;
    let all = world.earmark(&["partition", "show", "--json"]).await.with(1).json();
    for seen in all.as_array().expect("a list") {
        if seen["can_be_served"] == json!(true) {
            continue;
        }
        let number = seen["partition"].to_string();
        let args = [&["partition", command, &number, "--json"], &why[..]].concat();
        let done = world.earmark(&args).await.with(0).json();
        assert_eq!(done["applied"], json!(true), "{done}");
        assert_eq!(done["after"]["can_be_served"], json!(true), "{done}");
        assert_eq!(done["after"]["journal"]["incarnation"], json!(2), "{done}");
        assert_eq!(done["after"]["journal"]["last"], done["record"], "{done}");
        applied += 1;
    }
    let audit = audit(world).await;
    assert_eq!(audit.len(), 2 * applied);
    for pair in audit.chunks(2) {
        let phases = [&pair[0]["phase"], &pair[1]["phase"]];
        assert_eq!(phases, ["begins", "done"]);
        assert_eq!(pair[0]["partition"], pair[1]["partition"]);
        for of in pair {
            let said = [&of["by"], &of["reason"], &of["command"]];
            assert_eq!(said, ["ann", "a disk was lost", &format!("partition {command}")]);
            assert_eq!(of["before"]["can_be_served"], json!(false));
        }
        assert!(pair[1]["record"].is_u64(), "{}", pair[1]);
    }
    let again = world.earmark(&["partition", command, "3", "--by", "ann"]).await.with(1);
    assert!(again.err().contains("lost nothing"), "{}", again.err());
}

pub async fn flush(world: &World) {
    let mut redis = world.redis.connection().await;
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.expect("Redis is flushed");
}

#[tokio::test]
async fn what_a_journal_lost_is_accepted() {
    let (world, mut shop, held) = lost(&[]).await;
    is_said_and_nothing_is_changed(&world, "accept-loss").await;
    apply(&world, "accept-loss").await;

    let pod = world.pod().await;
    for (sku, held) in shop.skus.iter().zip(&held) {
        assert_eq!(available(&world, sku, "accepted").await, STOCK - held, "{sku}");
    }
    // What was lost is asked for again, and decided once.
    let lost = shop.holds.split_off(held.len() * 3);
    for hold in &lost {
        let answer = world.ask(hold).await;
        assert_eq!((&answer["status"], &answer["repeated"]), (&json!("granted"), &json!(false)));
    }
    shop.holds.extend(lost);
    shop.is_as_before(&world, "asked again").await;
    shop.hold_one(&world).await;
    leave(pod).await;
    // From the first record, through the one that accepted the loss.
    flush(&world).await;
    let pod = world.pod().await;
    shop.is_as_before(&world, "folded again").await;
    leave(pod).await;
}

#[tokio::test]
async fn a_partition_begins_anew_from_its_snapshot() {
    let (world, mut shop, _) = lost(&[]).await;
    is_said_and_nothing_is_changed(&world, "reseed").await;
    apply(&world, "reseed").await;

    let pod = world.pod().await;
    shop.is_as_before(&world, "begun anew").await;
    shop.hold_one(&world).await;
    let sku = shop.skus.iter().position(|sku| partition(sku) == LOST).expect("it has one");
    assert_eq!(world.metric("earmark_recoveries_from_archive_total{partition=\"3\"}").await, 1.0);
    leave(pod).await;
    assert_eq!(show(&world, 0).await["journal"]["incarnation"], json!(2));
    // The record that began it names the archive.
    flush(&world).await;
    let pod = world.pod().await;
    shop.is_as_before(&world, "from the archive").await;
    assert_eq!(shop.held[sku], 6);
    leave(pod).await;
    shop.is_inspected(&world).await;
}

#[tokio::test]
async fn without_redis_a_partition_begins_anew_from_an_archive() {
    let (world, shop, held) = lost(&[
        ("EARMARK__ARCHIVE__INTERVAL_MS", "50"),
        ("EARMARK__ARCHIVE__LOOK_EVERY_MS", "50"),
        ("EARMARK__STREAMS__JOURNAL_KEEP_S", "0"),
        ("EARMARK__ENGINE__SNAPSHOT_INTERVAL_MS", "50"),
    ])
    .await;
    // Redis is lost too, and the journal with all its records.
    flush(&world).await;
    let stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    stream.purge().filter("earmark.journal.3").await.expect("it is purged");
    let seen = show(&world, 1).await;
    assert!(seen["why"].as_str().is_some_and(|why| why.contains("the journal is empty")), "{seen}");
    let refused = world.earmark(&["partition", "accept-loss", "3", "--by", "ann"]).await.with(1);
    assert!(refused.err().contains("no journal to go on from"), "{}", refused.err());
    apply(&world, "reseed").await;

    let pod = world.pod().await;
    let sku = shop.skus.iter().position(|sku| partition(sku) == LOST).expect("it has one");
    let now = available(&world, &shop.skus[sku], "begun anew").await;
    assert_eq!(now, STOCK - held[sku]);
    leave(pod).await;
}

#[tokio::test]
async fn a_hole_in_a_journal_is_found() {
    let world = World::start().await;
    let pod = world.pod_with(&[("EARMARK__ARCHIVE__LOOK_EVERY_MS", "3600000")]).await;
    let mut shop = Shop::open(&world).await;
    for _ in 0..3 {
        shop.hold_one(&world).await;
    }
    leave(pod).await;
    let books = Books::read(&world).await;
    let records: Vec<u64> = books.of(LOST).map(|stored| stored.sequence).collect();
    let hole = records[records.len() / 2];
    let stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    stream.delete_message(hole).await.expect("a record can be deleted");
    // With a snapshot behind it, nobody needs it.
    world.earmark(&["partition", "show", "3", "--verify"]).await.with(0);
    flush(&world).await;
    let seen =
        world.earmark(&["partition", "show", "3", "--verify", "--json"]).await.with(1).json();
    let why = seen[0]["why"].as_str().expect("it says why").to_owned();
    let words = format!("follows {hole}:");
    assert!(why.contains(&words) && why.contains("lost or changed acknowledged writes"), "{why}");
    let mut pod = world.spawn(&[]);
    world.not_ready(&why).await;
    pod.kill();
    let refused = world.earmark(&["partition", "accept-loss", "3"]).await.with(1);
    assert!(refused.err().contains("cannot be folded to its end"), "{}", refused.err());
    // Nothing is left but the snapshot before the first decision, and the plan says what that means.
    let plan = world.earmark(&["partition", "reseed", "3"]).await.with(0).out();
    let (first, last) = (records[0], records[records.len() - 1]);
    assert!(plan.contains(&format!("records behind {first}, up to {last}")), "{plan}");
}
