//! Two builds side by side that read different formats of records: an upgrade, and the way back.

use std::collections::BTreeMap;

use crate::{
    harness::wait_until,
    journal::Journals,
    load::{Load, Wants},
    world::{BOUND, World},
};

/// What makes a pod read and write no more than an older build does.
const OLDER: &[(&str, &str)] = &[("EARMARK__CLUSTER__FORMAT_MAX", "1")];

async fn journals(world: &World) -> Journals {
    Journals::read(&world.nats.jetstream().await).await
}

/// Waits until the last record of every partition is in this format.
async fn all_write(world: &World, format: u8) {
    wait_until(&format!("all write format {format}"), BOUND, async || {
        let journals = journals(world).await;
        let mut last = journals.0.values().map(|journal| journal.last());
        last.all(|last| last.is_some_and(|last| last.format == format))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_and_the_way_back_lose_nothing_and_stop_nothing() {
    let mut world = World::start().await;
    world.run("old-1", OLDER);
    world.run("old-2", OLDER);
    world.shared_by(&["old-1", "old-2"]).await;
    let load = Load::start(world.nats.jetstream().await, Wants::at(400)).await;
    load.more(100).await;

    // Up. While an old one is there, nobody writes what it cannot read.
    world.run("new-1", &[]);
    world.shared_by(&["old-1", "old-2", "new-1"]).await;
    world.leave("old-1").await;
    world.run("new-2", &[]);
    world.shared_by(&["new-1", "new-2", "old-2"]).await;
    load.more(100).await;
    let mixed = journals(&world).await;
    let newer = mixed.0.values().flatten().filter(|kept| kept.format > 1).count();
    assert_eq!(newer, 0, "an older member is there");
    world.leave("old-2").await;
    load.more(100).await;
    all_write(&world, 2).await;

    // And back, with the newer format in all journals.
    world.run("back-1", OLDER);
    world.shared_by(&["new-1", "new-2", "back-1"]).await;
    load.more(100).await;
    world.leave("new-1").await;
    world.run("back-2", OLDER);
    world.shared_by(&["new-2", "back-1", "back-2"]).await;
    world.leave("new-2").await;
    world.shared_by(&["back-1", "back-2"]).await;
    load.more(100).await;

    let journals = world.all_is_well(load).await;
    let formats: BTreeMap<u8, usize> =
        journals.0.values().flatten().fold(BTreeMap::new(), |mut counted, kept| {
            *counted.entry(kept.format).or_default() += 1;
            counted
        });
    assert!(formats[&1] > 0 && formats[&2] > 0, "{formats:?}");
    for (partition, journal) in &journals.0 {
        let by_old = journal.iter().filter(|kept| kept.record.header.owner.contains("back"));
        let formats: Vec<u8> = by_old.map(|kept| kept.format).collect();
        assert!(formats.iter().all(|format| *format == 1), "{partition}: {formats:?}");
    }
}
