//! Redis comes back from archives: after it was emptied behind a trimmed journal, with a damaged
//! archive, and after a death in the middle of archiving.

use std::collections::BTreeSet;

use earmark::{
    archive::{names, reading},
    domain::time::Timestamp,
    ports::Shelf,
};
use serde_json::json;

use super::shop::{
    ARCHIVING, Shop, archives, check_archives, shelf, sku_of, until_archived, until_trimmed,
};
use crate::{
    books::Books,
    harness::{wait_for, wait_until},
    world::{BOUND, PARTITIONS, World, hold, leave, received, sku_in},
};

async fn flush(world: &World) {
    let mut redis = world.redis.connection().await;
    redis::cmd("FLUSHALL").exec_async(&mut redis).await.expect("Redis is flushed");
}

#[tokio::test]
async fn redis_comes_back_from_archives_behind_a_trimmed_journal() {
    let world = World::start().await;
    let mut pod = world.pod_with(ARCHIVING).await;
    let mut shop = Shop::open(&world).await;
    until_trimmed(&world, &mut shop).await;
    let books = Books::read(&world).await;
    books.check_no_loss();
    for of in 0..PARTITIONS {
        let kept: Vec<u64> = books.of(of).map(|stored| stored.sequence).collect();
        let shelf = shelf(&world);
        let finished = reading::finished(&shelf, of).await.expect("they are listed");
        assert!(finished.len() >= 2, "two archives of {of}");
        let older = reading::manifest(&shelf, &finished[1].name).await;
        // It may have become the third, and be gone.
        if let Ok(older) = older {
            assert!(older.position.sequence >= kept[0], "the older one's record is there");
        }
    }

    // Under a pod's hands.
    flush(&world).await;
    shop.hold_one(&world).await;
    shop.is_as_before(&world, "flushed while serving").await;

    // While nobody serves, and the pod had no time to leave.
    shop.hold_one(&world).await;
    pod.kill();
    flush(&world).await;
    let pod = world.pod_with(ARCHIVING).await;
    shop.is_as_before(&world, "flushed while away").await;
    assert!(world.metric("earmark_recoveries_from_archive_total").await >= f64::from(PARTITIONS));
    assert_eq!(world.metric("earmark_recoveries_from_genesis_total").await, 0.0);
    shop.hold_one(&world).await;
    for of in 0..PARTITIONS {
        let text = world.earmark(&["partition", "show", &of.to_string(), "--verify"]).await;
        let text = text.with(0).out();
        assert!(text.contains("it can be served"), "{text}");
    }
    leave(pod).await;
    shop.is_inspected(&world).await;
    let inspected = world.sku(&shop.skus[0]).await;
    assert!(inspected["archive"].is_string() && inspected["entries"].is_u64(), "{inspected}");
    world.earmark(&["inspect", "sku", "NEVER-SEEN"]).await.with(1);
}

#[tokio::test]
async fn a_damaged_archive_is_refused_and_the_one_before_is_used() {
    let world = World::start().await;
    let pod = world.pod_with(ARCHIVING).await;
    let mut shop = Shop::open(&world).await;
    until_trimmed(&world, &mut shop).await;
    leave(pod).await;

    let newest = archives(&world, 2).await.into_iter().find(|of| of.finished).expect("one");
    let shelf = shelf(&world);
    let name = names::of_segment(&newest.name, 0);
    let segment = shelf.get(&name).await.expect("it is read").expect("it is there");
    let mut damaged = segment.to_vec();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    shelf.put(&name, damaged.into()).await.expect("it is put");
    flush(&world).await;

    let seen = world.earmark(&["partition", "show", "2", "--verify", "--json"]).await.with(0);
    let seen = seen.json()[0].clone();
    let problem = seen["archives"][0]["problem"].as_str().expect("it is damaged");
    assert!(problem.contains("its hash is another one"), "{problem}");
    assert_eq!(seen["archives"][1]["problem"], json!(null), "{seen}");

    let pod = world.pod().await;
    shop.is_as_before(&world, "from the older one").await;
    let of_two = "earmark_recoveries_from_archive_total{partition=\"2\"}";
    assert_eq!(world.metric(of_two).await, 1.0);
    assert_eq!(world.metric("earmark_archives_refused_total{partition=\"2\"}").await, 1.0);
    leave(pod).await;
}

/// A copy takes time: the archive stands behind where it was begun, and may be all that knows so.
#[tokio::test]
async fn a_loss_that_only_an_archive_knows_of_is_refused() {
    let world = World::start().await;
    let pod = world.pod_with(ARCHIVING).await;
    let mut shop = Shop::open(&world).await;
    until_trimmed(&world, &mut shop).await;
    leave(pod).await;
    let shelf = shelf(&world);
    let finished = reading::finished(&shelf, 3).await.expect("they are listed");
    let [newest, older] = [&finished[0], &finished[1]];
    let stands = reading::manifest(&shelf, &newest.name).await.expect("it is whole").position;
    // As if it had been begun where the older one was.
    let begun = names::of_archive(3, older.begun, u128::MAX);
    for object in newest.objects.iter().rev() {
        let bytes = shelf.get(object).await.expect("it is read").expect("it is there");
        let part = object.strip_prefix(&newest.name).expect("it is its own");
        shelf.put(&format!("{begun}{part}"), bytes).await.expect("it is put");
    }
    for object in &newest.objects {
        shelf.delete(object).await.expect("it is deleted");
    }
    let journal = world.context.get_stream("EARMARK_JOURNAL").await.expect("it is there");
    let books = Books::read(&world).await;
    for lost in books.of(3).filter(|stored| stored.sequence >= stands.sequence) {
        journal.delete_message(lost.sequence).await.expect("a record can be deleted");
    }
    // What has left would tell of it, too.
    for stream in ["EARMARK_OUT", "EARMARK_CMD"] {
        let stream = world.context.get_stream(stream).await.expect("it is there");
        stream.purge().await.expect("it is purged");
    }
    flush(&world).await;
    let mut pod = world.spawn(&[]);
    let words = format!("record {} is known to be committed", stands.sequence);
    let body = world.not_ready(&words).await;
    assert!(body.contains("partition 3 is not served: it refuses to serve"), "{body}");
    pod.kill();
}

#[tokio::test]
async fn without_a_snapshot_and_an_archive_a_trimmed_journal_is_not_served() {
    let world = World::start().await;
    let pod = world.pod_with(ARCHIVING).await;
    let mut shop = Shop::open(&world).await;
    until_trimmed(&world, &mut shop).await;
    leave(pod).await;
    flush(&world).await;
    let shelf = shelf(&world);
    for archive in archives(&world, 1).await {
        for object in &archive.objects {
            shelf.delete(object).await.expect("it is deleted");
        }
    }
    let mut pod = world.spawn(&[]);
    let body = world.not_ready("partition 1 is not served: it refuses to serve").await;
    assert!(body.contains("earmark partition show 1"), "{body}");
    let seen = world.earmark(&["partition", "show", "1", "--json"]).await.with(1).json();
    assert_eq!(seen[0]["can_be_served"], json!(false), "{seen}");
    assert!(seen[0]["why"].as_str().is_some_and(|why| why.contains("not its first")), "{seen}");
    let sku = &shop.skus[sku_of(&shop, 2)];
    let answer = world.ask(&hold("elsewhere", sku, 1)).await;
    assert_eq!(answer["status"], json!("granted"), "the others are served");
    pod.kill();
}

#[tokio::test]
async fn a_death_in_the_middle_of_archiving_leaves_nothing_broken() {
    let world = World::start().await;
    // Small pieces: archiving takes long.
    let slow = [
        ("EARMARK__ARCHIVE__INTERVAL_MS", "10"),
        ("EARMARK__ARCHIVE__LOOK_EVERY_MS", "10"),
        ("EARMARK__ARCHIVE__ENTITIES_MAX", "5"),
        ("EARMARK__ARCHIVE__SEGMENT_BYTES_MAX", "1024"),
        ("EARMARK__STREAMS__JOURNAL_KEEP_S", "0"),
        ("EARMARK__ENGINE__SNAPSHOT_INTERVAL_MS", "50"),
    ];
    let mut pod = world.pod_with(&slow).await;
    let mut shop = Shop::open(&world).await;
    let others: Vec<String> = (0..400).map(|n| sku_in(n % 5, &format!("M{n}-"))).collect();
    let stock: Vec<_> = others.iter().map(|sku| received(&format!("r-{sku}"), sku, 7)).collect();
    world.send_all(&stock).await;
    for round in 0..3 {
        shop.hold_one(&world).await;
        until_archived(&world, 0).await;
        shop.hold_one(&world).await;
        wait_until("an archive is half done", BOUND, async || {
            archives(&world, round).await.iter().any(|archive| !archive.finished)
        })
        .await;
        pod.kill();
        flush(&world).await;
        pod = world.pod_with(&slow).await;
        shop.is_as_before(&world, &format!("killed {round}")).await;
    }
    let half: BTreeSet<String> = {
        let archives = archives(&world, 0).await.into_iter();
        archives.filter(|archive| !archive.finished).map(|archive| archive.name).collect()
    };
    shop.hold_one(&world).await;
    until_archived(&world, 0).await;
    let finished = wait_for("two archives are kept", BOUND, async || {
        let of = check_archives(&world, 0).await;
        (of >= 2).then_some(of)
    })
    .await;
    assert!(finished <= 3, "{finished} archives, half done {half:?}");
    leave(pod).await;
    flush(&world).await;
    let pod = world.pod().await;
    shop.is_as_before(&world, "at the end").await;
    leave(pod).await;
}

#[tokio::test]
async fn pieces_that_belong_to_nothing_are_swept_when_they_are_old() {
    let world = World::start().await;
    let shelf = shelf(&world);
    shelf.put("p00001/whole", "whole".into()).await.expect("it is kept");
    // Somebody died before the object was described.
    world.publish("$O.EARMARK_SNAPSHOTS.C.orphan", b"half".to_vec()).await.expect("it is taken");
    let pieces = async || {
        let all = world.messages("OBJ_EARMARK_SNAPSHOTS").await;
        all.iter().filter(|message| message.subject.contains(".C.")).count()
    };
    shelf.sweep(Timestamp(0)).await.expect("it is swept");
    assert_eq!(pieces().await, 2, "it may be under way");
    shelf.sweep(Timestamp(i64::MAX)).await.expect("it is swept");
    assert_eq!(pieces().await, 1);
    assert_eq!(shelf.get("p00001/whole").await.expect("it is read"), Some("whole".into()));
}
