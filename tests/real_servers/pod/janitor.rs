//! EARMARK_CMD is purged behind the cursors, and nobody takes that for a loss.

use crate::books::{Books, outcomes_once};
use crate::harness::wait_until;
use crate::world::{BOUND, PARTITIONS, World, leave, order, received, sku_in};

#[tokio::test]
async fn commands_are_purged_behind_the_cursors_and_no_loss_is_reported() {
    let world = World::start().await;
    let mut pod = world.pod().await;
    let skus: Vec<String> = (0..PARTITIONS).map(|of| sku_in(of, "J-")).collect();
    for sku in &skus {
        world.ask(&received(&format!("r-{sku}"), sku, 1_000)).await;
    }
    orders(&world, &skus, 0).await;
    purged(&world).await;
    pod.kill();
    let pod = world.pod().await;
    orders(&world, &skus, 1).await;
    purged(&world).await;
    leave(pod).await;
    let pod = world.pod().await;
    orders(&world, &skus, 2).await;
    purged(&world).await;

    let said = pod.output();
    assert!(!said.contains("a log is not what its cursor remembers"), "{said}");
    assert_eq!(world.metric("earmark_sources_lost_total").await, 0.0);
    let books = Books::read(&world).await;
    books.check_chain();
    books.check_no_loss();
    outcomes_once(&world).await;
    // Decided a moment ago, and kept: others may want to look at it.
    let kept = world.messages("EARMARK_IN").await;
    assert_eq!(kept.len(), skus.len() + 3 * 40);
}

/// Places 40 orders, and waits until all are reserved.
async fn orders(world: &World, skus: &[String], round: usize) {
    let names: Vec<String> = (0..40).map(|n| format!("o-{round}-{n}")).collect();
    let placed = names.iter().enumerate();
    let placed = placed.map(|(n, name)| order(name, name, &skus[n % skus.len()], 1));
    world.send_all(&placed.collect::<Vec<_>>()).await;
    wait_until("every order is reserved", BOUND, async || {
        let out = world.messages("EARMARK_OUT").await;
        out.iter().filter(|m| m.subject.ends_with(".order_reserved")).count() == 40 * (round + 1)
    })
    .await;
}

/// Waits until nothing is left of EARMARK_CMD but the newest few: what the busiest partition has read
/// since the quietest one last wrote down how far it had come.
async fn purged(world: &World) {
    let mut seen = String::new();
    wait_until("EARMARK_CMD is purged", BOUND, async || {
        let mut stream = world.context.get_stream("EARMARK_CMD").await.expect("it is there");
        let state = &stream.info().await.expect("it says how it stands").state;
        seen = format!("{} to {}, {}", state.first_sequence, state.last_sequence, state.messages);
        state.messages < 10 && state.last_sequence >= 10 && state.first_sequence > 1
    })
    .await;
    println!("EARMARK_CMD has {seen}");
}
