//! A run on real servers is audited as clean, also what clients were told; what is published
//! afterwards is found.

use std::sync::Arc;

use earmark::{
    audit::{Audited, Heard, Logs, Scope, audit},
    contract::Limits,
    domain::time::{Span, Timestamp},
    nats::{Connections, NatsInput, NatsJournal, NatsOutbox, NatsSettings, ReaderSettings},
    partition::Published,
    ports::Input,
};
use serde_json::json;

use crate::{
    harness::wait_until,
    world::{BOUND, PARTITIONS, World, hold, leave, order, received, sku_in, subject_of},
};

const PAGE_BYTES: usize = 4 << 20;

async fn audited(world: &World, heard: Heard) -> Audited {
    let settings = NatsSettings { url: world.nats.url(), ..NatsSettings::default() };
    let connections = Connections::open(&settings).await.expect("the server is there");
    let reader = ReaderSettings::default();
    let input = NatsInput::new(connections.intake.clone(), reader.clone());
    let at: Timestamp = input.server_time().await.expect("the server tells its time");
    let scope = Scope {
        partitions: PARTITIONS,
        published: Published::default(),
        limits: Limits::default(),
        at,
        margin: Span::from_secs(60),
        with_state: false,
    };
    let journal = NatsJournal::new(connections.commit.clone(), reader.clone(), PAGE_BYTES);
    let logs = Logs {
        journal: Arc::new(journal),
        input: Arc::new(input),
        outbox: Arc::new(NatsOutbox::new(connections.release.clone(), reader)),
    };
    audit(&logs, &scope, heard).await.expect("the run can be audited")
}

#[tokio::test]
async fn a_run_is_audited_as_clean() {
    let world = World::start().await;
    let pod = world.pod().await;
    let mut answers = Vec::new();
    for partition in 0..PARTITIONS {
        let sku = sku_in(partition, "A-");
        world.ask(&received(&format!("r-{sku}"), &sku, 10)).await;
        for (nth, quantity) in [3, 3, 100].into_iter().enumerate() {
            let hold = hold(&format!("h-{sku}-{nth}"), &sku, quantity);
            for _ in 0..2 {
                let granted = world.ask(&hold).await["status"] == json!("granted");
                assert_eq!(granted, quantity == 3);
                answers.push(("/test", hold["id"].as_str().expect("an id").to_owned(), granted));
            }
        }
        for (nth, quantity) in [2, 5].into_iter().enumerate() {
            let key = format!("o-{sku}-{nth}");
            world.ask(&order(&format!("p-{key}"), &key, &sku, quantity)).await;
        }
    }
    let bad = received("bad", &sku_in(0, "A-"), 0);
    world.publish(&subject_of(&bad), bad.to_string().into_bytes()).await.expect("it is taken");
    wait_until("every order was answered, and the letter has left", BOUND, async || {
        let out = world.messages("EARMARK_OUT").await;
        let said = |kind: &str| out.iter().filter(|m| m.subject.ends_with(kind)).count();
        let orders = said("order_reserved") + said("order_rejected");
        orders == 2 * usize::from(PARTITIONS) && world.messages("EARMARK_DLQ").await.len() == 1
    })
    .await;
    leave(pod).await;

    let found = audited(&world, answers.clone().into_iter().collect()).await;
    assert!(found.findings.is_clean(), "{:?}", found.findings);
    let partitions = u64::from(PARTITIONS);
    assert_eq!(found.counts.events, partitions * 9 + 1);
    assert_eq!(found.counts.duplicates_ignored, partitions * 3);
    assert_eq!(found.counts.orders.values().sum::<u64>(), partitions * 2);
    assert_eq!(found.counts.dead_letters["invalid_field"], 1);
    let units = found.counts.units;
    assert_eq!((units.received, units.promised, units.oversold), (partitions * 10, 40, 0));
    assert!(found.unchecked.is_empty(), "{:?}", found.unchecked);

    // Nobody decides any more.
    world.send(&hold("late", &sku_in(1, "A-"), 1)).await;
    answers.push(("/test", "late".to_owned(), true));
    let lost = audited(&world, answers.into_iter().collect()).await.findings.lost;
    assert_eq!(lost.len(), 2, "{lost:?}");
    assert!(lost[0].starts_with("a promise was taken back: late of /test"), "{lost:?}");
    assert!(lost[1].starts_with("an event was not decided: sku A-"), "{lost:?}");
}
