//! A few SKUs with stock, holds on them, and what the journal and the shelf have.

use earmark::{
    archive::{
        format::{Manifest, open},
        names::{self, Found},
    },
    domain::time::Timestamp,
    nats::{NatsShelf, ReaderSettings},
    ports::{Partition, Shelf},
};
use serde_json::{Value, json};

use crate::{
    books::Books,
    harness::wait_until,
    world::{BOUND, PARTITIONS, World, hold, partition, received, sku_in},
};

/// Archives all the time, and keeps no record longer than it must.
pub const ARCHIVING: &[(&str, &str)] = &[
    ("EARMARK__ARCHIVE__INTERVAL_MS", "50"),
    ("EARMARK__ARCHIVE__LOOK_EVERY_MS", "50"),
    ("EARMARK__STREAMS__JOURNAL_KEEP_S", "0"),
    ("EARMARK__ENGINE__SNAPSHOT_INTERVAL_MS", "50"),
];

/// Units of each SKU.
pub const STOCK: u64 = 1_000;

/// One SKU in each partition, with stock; and what was held of each.
pub struct Shop {
    pub skus: Vec<String>,
    pub held: Vec<u64>,
    /// The holds that were decided, the oldest first.
    pub holds: Vec<Value>,
}

impl Shop {
    pub async fn open(world: &World) -> Shop {
        let skus: Vec<String> = (0..PARTITIONS).map(|of| sku_in(of, "R-")).collect();
        for sku in &skus {
            world.ask(&received(&format!("r-{sku}"), sku, STOCK)).await;
        }
        Shop { held: vec![0; skus.len()], skus, holds: Vec::new() }
    }

    /// One unit of each SKU is held.
    pub async fn hold_one(&mut self, world: &World) {
        for (sku, held) in self.skus.iter().zip(&mut self.held) {
            let hold = hold(&format!("h-{sku}-{}", self.holds.len()), sku, 1);
            assert_eq!(world.ask(&hold).await["status"], json!("granted"));
            *held += 1;
            self.holds.push(hold);
        }
    }

    /// What the pods know of each SKU is what was held, and a repeat is answered as the first time.
    pub async fn is_as_before(&self, world: &World, what: &str) {
        for (sku, held) in self.skus.iter().zip(&self.held) {
            assert_eq!(available(world, sku, what).await, STOCK - held, "{sku} {what}");
        }
        for hold in self.holds.iter().take(5) {
            let answer = world.ask(hold).await;
            assert_eq!(answer["repeated"], json!(true), "{what}: {answer}");
            assert_eq!(answer["status"], json!("granted"), "{what}: {answer}");
        }
    }

    /// The same, without any pod: from journal and archives.
    pub async fn is_inspected(&self, world: &World) {
        for (sku, held) in self.skus.iter().zip(&self.held) {
            assert_eq!(world.total(sku).await, [STOCK, STOCK - held, *held], "{sku}");
        }
    }
}

/// What a pod says is available of a SKU: it is asked for more than there is.
pub async fn available(world: &World, sku: &str, why: &str) -> u64 {
    let answer = world.ask(&hold(&format!("all {why} {sku}"), sku, STOCK + 1)).await;
    assert_eq!(answer["status"], json!("refused"), "{answer}");
    answer["available"].as_u64().expect("a number")
}

pub fn shelf(world: &World) -> NatsShelf {
    NatsShelf::new(world.context.clone(), ReaderSettings::default())
}

/// The archives of a partition, the newest first.
pub async fn archives(world: &World, partition: Partition) -> Vec<Found> {
    let kept = shelf(world).list(&names::of_partition(partition)).await;
    names::archives(kept.expect("they are listed"))
}

/// Holds on until every partition has two archives and no first record any more.
pub async fn until_trimmed(world: &World, shop: &mut Shop) {
    for _ in 0..100 {
        shop.hold_one(world).await;
        let books = Books::read(world).await;
        let trimmed = |of: u16| {
            books.of(of).next().is_some_and(|first| first.record.header.previous.is_some())
        };
        if (0..PARTITIONS).all(trimmed) {
            return;
        }
    }
    panic!("the journal was not trimmed");
}

/// Waits until a partition, of which nothing is asked, has archived all that it has decided.
pub async fn until_archived(world: &World, partition: Partition) {
    wait_until("all of it is archived", BOUND, async || {
        let last = Books::read(world).await.of(partition).last().map(|last| last.sequence);
        let newest = archives(world, partition).await.into_iter().find(|of| of.finished);
        newest.map(|newest| newest.begun.sequence) == last
    })
    .await;
}

/// Every archive of a partition is whole; how many there are.
pub async fn check_archives(world: &World, partition: Partition) -> usize {
    let shelf = shelf(world);
    let finished: Vec<Found> =
        archives(world, partition).await.into_iter().filter(|of| of.finished).collect();
    for archive in &finished {
        let bytes = shelf.get(&names::of_manifest(&archive.name)).await.expect("it is read");
        let Some(bytes) = bytes else { continue };
        let manifest = Manifest::decode(&bytes).expect("a manifest");
        for index in 0..manifest.segments.len() {
            let segment = shelf.get(&names::of_segment(&archive.name, index)).await;
            // It may have been deleted since, as the third newest.
            let Some(segment) = segment.expect("it is read") else { continue };
            open(&segment).expect("a segment");
        }
        assert!(archive.at > Timestamp(0));
    }
    finished.len()
}

/// The SKU of a partition.
pub fn sku_of(shop: &Shop, of: Partition) -> usize {
    shop.skus.iter().position(|sku| partition(sku) == of).expect("every partition has one")
}
