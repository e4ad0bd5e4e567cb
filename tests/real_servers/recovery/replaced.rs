//! Journals that were lost and set up anew, or that lost their end under a pod's hands: nobody
//! takes them for new ones, and once an operator has begun them anew, they are served.

use earmark::ports::Shelf;
use serde_json::{Value, json};

use super::{
    operator::{LOST, apply, flush, lost, show},
    shop::{
        ARCHIVING, STOCK, Shop, archives, available, shelf, sku_of, until_archived, until_trimmed,
    },
};
use crate::{
    books::Books,
    harness::{wait_for, wait_until},
    world::{BOUND, World, hold, leave},
};

const WHY: [&str; 5] = ["--apply", "--by", "ann", "--reason", "a disk was lost"];

/// The journal is deleted, and `earmark setup` makes it again.
async fn replace_journal(world: &World) {
    world.context.delete_stream("EARMARK_JOURNAL").await.expect("it can be deleted");
    world.earmark(&["setup"]).await.with(0);
}

/// A pod refuses the partition, in words that say what happened and what to look at.
async fn is_not_served(world: &World, words: &str) {
    let pod = world.spawn(&[]);
    let refuses = format!("partition {LOST} is not served: it refuses to serve: record");
    let body = world.not_ready(&refuses).await;
    let of_lost = body.split(&refuses).nth(1).expect("it says why");
    let of_lost = of_lost.split("partition 4 is").next().expect("it does");
    for said in ["is known to be committed", words, "lost acknowledged writes", "partition show 3"]
    {
        assert!(of_lost.contains(said), "{said}: {body}");
    }
    leave(pod).await;
}

/// Every partition that cannot be served is begun anew.
async fn begin_all(world: &World, command: &str) {
    let all = world.earmark(&["partition", "show", "--json"]).await.with(1).json();
    for seen in all.as_array().expect("a list") {
        if seen["can_be_served"] == json!(false) {
            let number = seen["partition"].to_string();
            world.earmark(&[&["partition", command, &number][..], &WHY].concat()).await.with(0);
        }
    }
}

fn contains(value: &Value, words: &str) -> bool {
    value.as_str().is_some_and(|text| text.contains(words))
}

#[tokio::test]
async fn a_journal_that_begins_below_a_newer_incarnation_is_not_served() {
    let (world, mut shop, _) = lost(&[]).await;
    apply(&world, "reseed").await;
    let pod = world.pod().await;
    shop.hold_one(&world).await;
    leave(pod).await;
    let before = show(&world, 0).await;
    assert_eq!(before["snapshot"]["position"]["incarnation"], json!(2), "{before}");

    replace_journal(&world).await;
    is_not_served(&world, "of incarnation 2 is known").await;
    let seen = show(&world, 1).await;
    let stood = &seen["snapshot"]["position"];
    assert_eq!(stood, &before["snapshot"]["position"], "the only good snapshot is thrown away");
    assert!(contains(&seen["why"], "of incarnation 2 is known to be committed"), "{seen}");
    assert!(contains(&seen["advice"][0], "reseed 3"), "{seen}");
    let status = world.earmark(&["status", "--json"]).await.with(0).json();
    assert!(contains(&status["partitions"][3]["refused"], "of incarnation 2"), "{status}");
    let plan = world.earmark(&["partition", "accept-loss", "3"]).await.with(0).out();
    assert!(plan.contains("that are not in the journal, up to"), "{plan}");

    begin_all(&world, "reseed").await;
    let pod = world.pod().await;
    shop.is_as_before(&world, "begun anew").await;
    leave(pod).await;
    assert_eq!(show(&world, 0).await["journal"]["incarnation"], json!(3));
}

#[tokio::test]
async fn an_archive_shows_that_a_journal_was_replaced() {
    let world = World::start().await;
    let pod = world.pod_with(ARCHIVING).await;
    let mut shop = Shop::open(&world).await;
    for _ in 0..3 {
        shop.hold_one(&world).await;
    }
    until_archived(&world, LOST).await;
    leave(pod).await;
    // Nothing else knows of what was decided: what left is gone too.
    flush(&world).await;
    for stream in ["EARMARK_OUT", "EARMARK_CMD"] {
        world.context.delete_stream(stream).await.expect("it can be deleted");
    }
    replace_journal(&world).await;
    is_not_served(&world, "but the journal ends at").await;
    let seen = show(&world, 1).await;
    assert!(contains(&seen["why"], "is known to be committed"), "{seen}");

    begin_all(&world, "reseed").await;
    let pod = world.pod().await;
    let of = sku_of(&shop, LOST);
    let now = available(&world, &shop.skus[of], "from the archive").await;
    assert_eq!(now, STOCK - shop.held[of]);
    assert_eq!(world.metric("earmark_recoveries_from_archive_total{partition=\"3\"}").await, 1.0);
    leave(pod).await;
}

#[tokio::test]
async fn a_trimmed_journal_that_nothing_fits_begins_anew_from_its_snapshot() {
    let world = World::start().await;
    let pod = world.pod_with(ARCHIVING).await;
    let mut shop = Shop::open(&world).await;
    until_trimmed(&world, &mut shop).await;
    leave(pod).await;
    let kept: Vec<u64> = Books::read(&world).await.of(LOST).map(|of| of.sequence).collect();
    let shelf = shelf(&world);
    for object in archives(&world, LOST).await.iter().flat_map(|archive| &archive.objects) {
        shelf.delete(object).await.expect("it is deleted");
    }
    let stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    for lost in &kept[1..] {
        stream.delete_message(*lost).await.expect("a record can be deleted");
    }
    let seen = show(&world, 1).await;
    assert!(contains(&seen["why"], "lost acknowledged writes"), "{seen}");
    let args = [&["partition", "reseed", "3", "--json"][..], &WHY].concat();
    let done = world.earmark(&args).await.with(0).json();
    assert_eq!(done["after"]["can_be_served"], json!(true), "{done}");
    assert_eq!(done["after"]["journal"]["from_its_beginning"], json!(false), "{done}");
    let from = format!("the archive that the journal's record {} names", done["record"]);
    assert_eq!(done["after"]["comes_back_from"], json!(from), "{done}");
    assert_eq!(show(&world, 0).await["comes_back_from"], json!(from));
    let pod = world.pod().await;
    shop.is_as_before(&world, "begun anew").await;
    leave(pod).await;
}

#[tokio::test]
async fn a_frozen_partition_is_served_once_it_was_begun_anew() {
    let world = World::start().await;
    let mut pod = world.pod_with(&[("EARMARK__CLUSTER__OWNERSHIP", "leases")]).await;
    let mut shop = Shop::open(&world).await;
    shop.hold_one(&world).await;
    let frozen = [(LOST, "reseed"), (1, "accept-loss")];
    for (of, _) in frozen {
        wait_until("the partition has written its closing mark", BOUND, async || {
            let books = Books::read(&world).await;
            books.of(of).last().is_some_and(|stored| stored.record.entries.is_empty())
        })
        .await;
        let last = Books::read(&world).await.of(of).last().map(|stored| stored.sequence);
        let stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
        let deleted = stream.delete_message(last.expect("it has records")).await;
        deleted.expect("a record can be deleted");
        let sku = &shop.skus[sku_of(&shop, of)];
        world.send(&hold(&format!("into the hole of {of}"), sku, 1)).await;
        world.not_ready(&format!("partition {of} is not served: it is frozen: JetStream")).await;
    }
    let operator = "earmark_partition_needs_operator";
    wait_until("metrics say so", BOUND, async || world.metric(operator).await == 2.0).await;
    for (of, command) in frozen {
        let number = of.to_string();
        wait_until("the lease says that nobody serves it", BOUND, async || {
            let seen = world.earmark(&["partition", "show", &number, "--json"]).await.json();
            seen[0]["lease"]["phase"] == json!("waiting")
        })
        .await;
        let done = world.earmark(&[&["partition", command, &number][..], &WHY].concat()).await;
        let text = done.with(0).out();
        assert!(text.contains("looks again"), "{text}");
    }

    world.ready(world.port).await;
    assert!(pod.is_running(), "no pod was started again");
    wait_until("nobody is needed", BOUND, async || world.metric(operator).await == 0.0).await;
    for (of, _) in frozen {
        let sku = sku_of(&shop, of);
        let now = available(&world, &shop.skus[sku], "thawed").await;
        assert_eq!(now, STOCK - shop.held[sku] - 1, "what came meanwhile is decided");
    }
    leave(pod).await;
}

#[tokio::test]
async fn with_nothing_but_a_mark_a_journal_is_set_up_and_its_loss_accepted() {
    let world = World::start().await;
    let pod = world.pod().await;
    let mut shop = Shop::open(&world).await;
    shop.hold_one(&world).await;
    leave(pod).await;
    let stream = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    stream.purge().filter("earmark.journal.3").await.expect("it is purged");
    let mut redis = world.redis.connection().await;
    let keys: Vec<String> = redis::cmd("KEYS")
        .arg("{earmark:p3}:*")
        .query_async(&mut redis)
        .await
        .expect("keys are told");
    let snapshot: Vec<&String> = keys.iter().filter(|key| !key.ends_with(":committed")).collect();
    assert_eq!(snapshot.len(), keys.len() - 1, "{keys:?}");
    redis::cmd("DEL").arg(snapshot).exec_async(&mut redis).await.expect("they are deleted");

    let seen = show(&world, 1).await;
    assert!(contains(&seen["why"], "the journal is empty"), "{seen}");
    assert!(contains(&seen["advice"][0], "`earmark setup` writes a first record"), "{seen}");
    assert!(contains(&seen["advice"][1], "accept-loss 3"), "{seen}");
    let refused = world.earmark(&["partition", "reseed", "3"]).await.with(1).err();
    assert!(
        refused.contains("no snapshot is left") && refused.contains("accept-loss 3"),
        "{refused}"
    );

    world.earmark(&["setup"]).await.with(0);
    let seen = show(&world, 1).await;
    assert!(contains(&seen["advice"][0], "accept-loss 3") && seen["advice"][1].is_null(), "{seen}");
    world.earmark(&[&["partition", "accept-loss", "3"][..], &WHY].concat()).await.with(0);
    let pod = world.pod().await;
    let of = sku_of(&shop, LOST);
    // Lanes are read anew in any order: the hold, or this question, may come before the units.
    let mut asked = 0;
    let now = wait_for("the units are decided anew", BOUND, async || {
        asked += 1;
        let now = available(&world, &shop.skus[of], &format!("decided anew {asked}")).await;
        (now > 0).then_some(now)
    })
    .await;
    assert!([STOCK, STOCK - shop.held[of]].contains(&now), "{now}");
    leave(pod).await;
}
