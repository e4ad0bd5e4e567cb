//! A promotion that was announced is in memory before shoppers come and while they do; it waits for a
//! Redis that is away without holding anybody up, keeps to the bound, and ends by itself.

use std::time::Duration;

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::harness::{Pod, wait_until};
use crate::world::{BOUND, PARTITIONS, World, event, hold, leave, received, sku_in};

const SUBJECT: &str = "earmark.control.promotion";
/// Live entities of the pod: ten for each partition.
const LIVE: usize = 50;
/// A pod among others, which hears operators; it may have few entities live, and soon knows which
/// of them it may let go.
const HEARS: [(&str, &str); 4] = [
    ("EARMARK__CLUSTER__OWNERSHIP", "leases"),
    ("EARMARK__CLUSTER__FORMAT_AFTER_S", "0"),
    ("EARMARK__ENGINE__LIVE_ENTITIES_MAX", "50"),
    ("EARMARK__ENGINE__SNAPSHOT_INTERVAL_MS", "200"),
];
const WHO: [&str; 4] = ["--by", "ann", "--reason", "it rains"];

/// So many seconds from now, or before: RFC 3339.
fn seconds_from_now(seconds: i64) -> String {
    let at = OffsetDateTime::now_utc() + time::Duration::seconds(seconds);
    at.format(&Rfc3339).expect("a time can be written")
}

/// The requests as the README shows them.
fn shown() -> Vec<Value> {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).expect("it is there");
    let begin = format!("nats request {SUBJECT} '");
    let requests = readme.lines().filter_map(|line| line.strip_prefix(begin.as_str()));
    let requests = requests.map(|rest| rest.split('\'').next().unwrap_or_default());
    requests.map(|request| serde_json::from_str(request).expect("it is JSON")).collect()
}

/// What the README announces, of other SKUs and in a window from here to there, in seconds from now.
fn announcing(skus: &[String], from: i64, until: i64) -> Value {
    let mut request = shown().into_iter().next().expect("one is shown");
    assert_eq!(request["set"], "announce", "{request}");
    request["skus"] = json!(skus);
    request["start"] = json!(seconds_from_now(from));
    request["end"] = json!(seconds_from_now(until));
    request
}

impl World {
    async fn promote(&self, request: &Value) -> Value {
        let request = request.to_string().into();
        let answer = self.context.client().request(SUBJECT, request).await;
        serde_json::from_slice(&answer.expect("a pod answers").payload).expect("answers are JSON")
    }

    async fn promoted(&self) -> (usize, usize) {
        let wanted = self.metric("earmark_promotion_skus{").await;
        (wanted as usize, self.metric("earmark_promotion_skus_live{").await as usize)
    }

    async fn promoted_are(&self, wanted: usize, live: usize) {
        wait_until(&format!("{live} of {wanted} are live"), BOUND, async || {
            self.promoted().await == (wanted, live)
        })
        .await;
    }

    async fn audited_promotions(&self) -> Vec<Value> {
        let notes = self.messages("EARMARK_AUDIT").await;
        let own = notes.iter().filter(|note| note.subject.as_str() == "earmark.audit.promotion");
        own.map(|note| serde_json::from_slice(&note.payload).expect("JSON")).collect()
    }

    async fn loaded(&self) -> f64 {
        self.metric("earmark_entities_loaded_total").await
    }

    async fn granted(&self, id: &str, sku: &str) {
        assert_eq!(self.ask(&hold(id, sku, 1)).await["status"], "granted", "{id} of {sku}");
    }
}

/// So many SKUs of each partition, with stock.
async fn stocked(world: &World, begin: &str, each: usize) -> Vec<String> {
    let mut skus = Vec::new();
    for partition in 0..PARTITIONS {
        skus.extend((0..each).map(|n| sku_in(partition, &format!("{begin}{n}-"))));
    }
    for sku in &skus {
        world.ask(&received(&format!("in-{sku}"), sku, 10)).await;
    }
    skus
}

/// A pod that has nothing in memory, in place of this one.
async fn cold(world: &World, pod: Pod) -> Pod {
    leave(pod).await;
    let pod = world.pod_with(&HEARS).await;
    assert_eq!(world.metric("earmark_partition_live_entities").await, 0.0);
    pod
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_announced_is_in_memory_and_stays_there_until_it_is_cancelled() {
    let world = World::start().await;
    let pod = world.pod_with(&HEARS).await;
    let mut skus = stocked(&world, "DROP-", 4).await;
    let others = stocked(&world, "OTHER-", 20).await;
    // Whose deadline comes while it is loaded ahead, and before anybody says anything to it.
    let held = sku_in(0, "HELD-");
    world.ask(&received("in-held", &held, 10)).await;
    let mut short = hold("short", &held, 3);
    short["data"]["ttl_s"] = json!(15);
    assert_eq!(world.ask(&short).await["status"], "granted");
    // And one that nobody has heard of.
    skus.extend([held.clone(), sku_in(1, "NEVER-")]);
    let pod = cold(&world, pod).await;

    // Its start is to come; its lead has begun.
    let announced = world.promote(&announcing(&skus, 300, 3_000)).await;
    assert_eq!((&announced["set"], &announced["before"]), (&json!("announce"), &json!(null)));
    assert_eq!(announced["after"]["skus"].as_array().map(Vec::len), Some(22), "{announced}");
    assert_eq!(announced["partitions"], json!([0, 1, 2, 3, 4]), "{announced}");
    world.promoted_are(22, 22).await;
    assert_eq!(world.metric("earmark_pinned_partitions").await, 5.0);

    // Twice as many others as there is room for; those that were used longest ago would be let go.
    for (n, sku) in others.iter().enumerate() {
        world.granted(&format!("other-{n}"), sku).await;
    }
    wait_until("the others keep to the bound", BOUND, async || {
        world.metric("earmark_partition_live_entities").await <= LIVE as f64
    })
    .await;
    assert_eq!(world.promoted().await, (22, 22));
    let loaded = world.loaded().await;
    for (n, sku) in skus.iter().take(20).enumerate() {
        world.granted(&format!("drop-{n}"), sku).await;
    }
    assert_eq!(world.loaded().await, loaded, "none of them had been let go");
    for (n, sku) in others.iter().enumerate() {
        world.granted(&format!("again-{n}"), sku).await;
    }
    assert!(world.loaded().await >= loaded + 50.0, "others had to be loaded again");
    wait_until("the hold is over", BOUND, async || world.total(&held).await == [10, 10, 0]).await;

    let told = world.earmark(&["status", "--json"]).await.with(0).json();
    assert_eq!(
        (&told["promotions"][0]["skus"], &told["promotions"][0]["armed"]),
        (&json!(22), &json!(true))
    );
    let told = world.earmark(&["status"]).await.with(0).out();
    assert!(told.contains("is armed until"), "{told}");
    let told = world.earmark(&["promotion", "--json"]).await.with(0).json();
    assert_eq!(told["promotions"][0]["name"], announced["after"]["name"], "{told}");

    // A pod that starts later knows it, too.
    let mut pod = pod;
    pod.kill();
    let pod = world.pod_with(&HEARS).await;
    world.promoted_are(22, 22).await;

    let name = announced["after"]["name"].as_str().expect("it has a name");
    let line = [&["promotion", "cancel", name, "--json"][..], &WHO].concat();
    let cancelled = world.earmark(&line).await.with(0).json();
    assert_eq!((&cancelled["before"], &cancelled["after"]), (&announced["after"], &json!(null)));
    world.promoted_are(0, 0).await;
    assert_eq!(world.metric("earmark_pinned_partitions").await, 0.0);
    let audited = world.audited_promotions().await;
    let phases: Vec<_> = audited.iter().map(|of| (&of["set"], &of["phase"])).collect();
    let [begins, done] = ["begins", "done"].map(|phase| json!(phase));
    let [announce, cancel] = ["announce", "cancel"].map(|set| json!(set));
    let all = [(&announce, &begins), (&announce, &done), (&cancel, &begins), (&cancel, &done)];
    assert_eq!(phases, all);
    assert_eq!(
        (&audited[1]["after"], &audited[3]["before"]),
        (&announced["after"], &announced["after"])
    );
    assert_eq!((&audited[3]["by"], &audited[3]["reason"]), (&json!("ann"), &json!("it rains")));
    leave(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_promotions_wait_and_hold_nobody_up() {
    let mut world = World::start().await;
    let pod = world.pod_with(&HEARS).await;
    let skus = stocked(&world, "DROP-", 2).await;
    let hot = sku_in(3, "HOT-");
    world.ask(&received("in-hot", &hot, 100)).await;
    let pod = cold(&world, pod).await;
    world.granted("hot", &hot).await;

    world.redis.kill();
    world.says(200, "Redis cannot be reached").await;
    let (some, others) = skus.split_at(5);
    let announced = world.promote(&announcing(some, 0, 3_000)).await;
    assert_eq!(announced["error"], json!(null), "{announced}");
    world.promoted_are(5, 0).await;
    for n in 0..20 {
        world.granted(&format!("away-{n}"), &hot).await;
    }
    assert_eq!(world.promoted().await, (5, 0));
    world.redis.restart().await;
    world.promoted_are(5, 5).await;

    // A Redis that is silent, and the promotion announced anew.
    world.redis.freeze();
    let again = world.promote(&announcing(others, 0, 3_000)).await;
    assert_eq!(again["before"], announced["after"], "{again}");
    world.promoted_are(5, 0).await;
    for n in 0..20 {
        world.granted(&format!("silent-{n}"), &hot).await;
    }
    assert_eq!(world.promoted().await, (5, 0));
    world.redis.thaw();
    world.promoted_are(5, 5).await;
    for (n, sku) in skus.iter().enumerate() {
        world.granted(&format!("drop-{n}"), sku).await;
        assert_eq!(world.total(sku).await, [10, 9, 1], "{sku}");
    }
    assert_eq!(world.total(&hot).await, [100, 59, 41]);
    leave(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_keeps_to_the_bound_and_ends_by_itself() {
    let world = World::start().await;
    let pod = world.pod_with(&HEARS).await;
    // Three times as many as the partition may have live, of none of which anybody has heard.
    let skus: Vec<String> = (0..30).map(|n| sku_in(2, &format!("N{n}-"))).collect();
    let announced = world.promote(&announcing(&skus, -60, 12)).await;
    assert_eq!(announced["partitions"], json!([2]), "{announced}");
    world.promoted_are(30, 10).await;
    assert_eq!(world.metric("earmark_pinned_partitions").await, 1.0);
    assert!(
        pod.output().contains("promotions have more SKUs than may be live"),
        "{}",
        pod.output()
    );
    let last = skus.last().expect("there are some");
    world.ask(&received("in", last, 5)).await;
    world.granted("h", last).await;
    wait_until("the bound is kept", BOUND, async || {
        world.metric("earmark_partition_live_entities{partition=\"2\"}").await <= 10.0
    })
    .await;

    world.promoted_are(0, 0).await;
    assert_eq!(world.metric("earmark_pinned_partitions").await, 0.0);
    let status = world.promote(&json!({"set": "status"})).await;
    assert_eq!(status["promotions"], json!([]), "{status}");
    let told = world.earmark(&["promotion", "ls"]).await.with(0).out();
    assert!(told.contains("no promotion is announced"), "{told}");
    leave(pod).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_changes_nothing() {
    let world = World::start().await;
    let few = [&HEARS[..], &[("EARMARK__PROMOTIONS__STANDING_MAX", "1")]].concat();
    let pod = world.pod_with(&few).await;
    let cup = ["CUP".to_owned()];
    let with = |field: &str, value: Value| {
        let mut request = announcing(&cup, 0, 600);
        request[field] = value;
        request
    };
    let long: Vec<String> = (0..9_000).map(|n| format!("{n:060}")).collect();
    let many: Vec<String> = (0..10_001).map(|n| n.to_string()).collect();
    let wrong = [
        (json!([]), "malformed", json!(null)),
        (json!({}), "missing", json!("set")),
        (with("set", json!("start")), "unknown_value", json!("set")),
        (with("price", json!(3)), "unknown_field", json!("price")),
        (with("by", json!(null)), "missing", json!("by")),
        (with("reason", json!("")), "missing", json!("reason")),
        (with("name", json!(null)), "missing", json!("name")),
        (with("skus", json!(["CUP", ""])), "out_of_range", json!("skus[1]")),
        (with("skus", json!(many)), "out_of_range", json!("skus")),
        (with("skus", json!(long)), "out_of_range", json!("skus")),
        (with("start", json!("tomorrow")), "wrong_type", json!("start")),
        (with("end", json!(seconds_from_now(-60))), "out_of_range", json!("end")),
        (announcing(&cup, -600, -60), "out_of_range", json!("end")),
        (announcing(&cup, 0, 604_900), "out_of_range", json!("end")),
        (announcing(&cup, 7_776_000, 7_776_100), "out_of_range", json!("end")),
        (
            json!({"set": "cancel", "name": "drop", "by": "a", "reason": "x"}),
            "unknown_value",
            json!("name"),
        ),
    ];
    for (request, error, field) in wrong {
        let answer = world.promote(&request).await;
        let shown: String = request.to_string().chars().take(200).collect();
        assert_eq!(
            (&answer["error"], &answer["field"]),
            (&json!(error), &field),
            "{shown}: {answer}"
        );
        assert!(answer["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
    assert!(world.audited_promotions().await.is_empty(), "nothing was begun");
    assert_eq!(world.promote(&json!({"set": "status"})).await["promotions"], json!([]));

    // One may stand: another is refused, the same is replaced.
    let first = world.promote(&announcing(&cup, 7_700_000, 7_700_600)).await;
    assert_eq!(first["error"], json!(null), "{first}");
    let another = world.promote(&with("name", json!("another"))).await;
    assert_eq!(another["error"], "too_many", "{another}");
    let told = world.earmark(&[&["promotion", "cancel", "drop"][..], &WHO].concat()).await;
    let (told, name) = (told.with(1).err(), first["after"]["name"].as_str().expect("a name"));
    assert!(told.contains("unknown_value") && told.contains(name), "{told}");
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    std::fs::write(file.path(), "MUG\n\n  BOWL \n").expect("it can be written");
    let (start, end) = (seconds_from_now(3_000), seconds_from_now(3_600));
    let path = file.path().to_str().expect("it is a path");
    let line = ["promotion", "announce", name, "--sku", "CUP", "--skus", path, "--start", &start];
    let line = [&line[..], &["--end", &end, "--json"], &WHO].concat();
    let replaced = world.earmark(&line).await.with(0).json();
    assert_eq!(replaced["before"], first["after"], "{replaced}");
    assert_eq!(replaced["after"]["skus"], json!(["BOWL", "CUP", "MUG"]), "{replaced}");
    // It is not armed yet: nothing is loaded, and nothing pinned.
    let data = json!({"location": "MAIN", "quantity": -1, "reason": "damaged"});
    world.ask(&received("in", "CUP", 5)).await;
    world.ask(&event("broken", "stock.adjusted.v1", "CUP", data)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.promoted().await, (0, 0));
    assert_eq!(world.metric("earmark_pinned_partitions").await, 0.0);
    leave(pod).await;
}
