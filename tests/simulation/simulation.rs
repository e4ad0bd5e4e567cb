//! One run: pods, a workload and faults for a simulated minute, then rest, then the checks.

use std::time::Duration;

use earmark::{partition::seed, ports::Partition};

use super::{
    checks,
    director::Director,
    ports::PodView,
    shoppers::{SHOPPERS, shop},
    workload::Publishers,
    world::{Tally, World},
};

pub const PARTITIONS: Partition = 3;

/// What a run comes to.
pub struct Report {
    pub tally: Tally,
    pub violations: Vec<String>,
    pub journal: Vec<u8>,
    pub events: u64,
    pub frozen: super::formats::Frozen,
}

/// Runs a seed.
pub async fn run(seed: u64, seconds: u64) -> Report {
    let world = World::new(seed);
    world.lock().commands_max = 150;
    for partition in 0..PARTITIONS {
        write_first_record(&world, partition).await;
    }
    let mut publishers = Publishers::new(world.clone(), PARTITIONS, seed);
    publishers.open_the_shop();
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    for number in 0..SHOPPERS {
        drop(actix::spawn(shop(world.clone(), seed, number, end)));
    }
    let mut director = Director::new(world.clone(), seed, end);
    let directing = actix::spawn(async move {
        while tokio::time::Instant::now() < end {
            director.act().await;
        }
        director.heal();
        director
    });
    while !directing.is_finished() {
        publishers.go_on().await;
    }
    let mut director = directing.await.expect("the director directs");
    for _ in 0..200 {
        publishers.go_on().await;
        director.replace_the_dead();
    }
    // Everything that waits for time or an answer has had it by then.
    for second in 0..60 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second == 10 {
            // Whoever was frozen longest thaws when all have been answered.
            (0..6).for_each(|_| director.say_again());
        }
        if second == 40 && seed.is_multiple_of(3) {
            // Nothing more will be said that could show it.
            director.lose_out();
        }
        director.replace_the_dead();
    }
    director.close().await;
    checks::check(&world, PARTITIONS);
    report(&world)
}

async fn write_first_record(world: &World, partition: Partition) {
    let view = PodView::somebody(world);
    let batch = world.unique();
    let journal = view.ports().journal;
    let seeded = seed(journal.as_ref(), partition, PARTITIONS, world.now(), batch).await;
    assert!(seeded.is_ok(), "partition {partition} has a first record");
}

fn report(world: &World) -> Report {
    let frozen = super::formats::Frozen::of(world);
    let outside = world.lock();
    let mut journal = Vec::new();
    for record in outside.journal.messages.values() {
        journal.extend_from_slice(&record.sequence.to_le_bytes());
        journal.extend_from_slice(&record.payload);
    }
    Report {
        tally: outside.tally.clone(),
        violations: outside.violations.clone(),
        journal,
        events: outside.input.last,
        frozen,
    }
}
