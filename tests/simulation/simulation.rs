//! One run: pods, a workload and faults for a simulated minute, then rest, then the checks.

use std::time::Duration;

use earmark::{partition::seed, ports::Partition};

use super::{
    case::{Case, Part},
    checks,
    director::Director,
    ports::PodView,
    shoppers::{SHOPPERS, shop},
    workload::Publishers,
    world::{DAY_ONE, Tally, World},
};

pub const PARTITIONS: Partition = 3;
/// How long everything rests before the checks, in seconds.
const REST_S: u64 = 50;

/// What a run comes to.
#[derive(Default)]
pub struct Report {
    pub tally: Tally,
    pub violations: Vec<String>,
    pub journal: Vec<u8>,
    pub events: u64,
    /// How much time has gone by in it.
    pub simulated: Duration,
    pub frozen: super::formats::Frozen,
}

/// Runs a case, and checks what has come of it, or not.
pub async fn run(case: Case, checked: bool) -> Report {
    let (seed, seconds) = (case.seed, case.seconds);
    let world = World::new(case);
    world.lock().commands_max = 150;
    for partition in 0..PARTITIONS {
        write_first_record(&world, partition).await;
    }
    let mut publishers = Publishers::new(world.clone(), PARTITIONS);
    publishers.open_the_shop();
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    for number in (0..SHOPPERS).filter(|_| world.case.has(Part::Shoppers)) {
        drop(actix::spawn(shop(world.clone(), number, end)));
    }
    let mut director = Director::new(world.clone(), end);
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
    for second in 0..REST_S {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if second == 10 && world.case.has(Part::CommandsAgain) {
            // Whoever was frozen longest thaws when all have been answered.
            (0..6).for_each(|_| director.say_again());
        }
        if second == 35 && seed.is_multiple_of(3) && world.case.has(Part::OutLost) {
            // Nothing more will be said that could show it.
            director.lose_out();
        }
        director.replace_the_dead();
    }
    director.close().await;
    if checked {
        checks::check(&world, PARTITIONS);
    }
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
        events: outside.input.appended,
        simulated: Duration::from_micros((world.now().0 - DAY_ONE.0) as u64),
        frozen,
    }
}
