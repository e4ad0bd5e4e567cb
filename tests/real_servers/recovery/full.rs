//! Streams that are too small for how long they are to keep what they have: the oldest of what is
//! decided and archived goes, and nothing waits.

use async_nats::jetstream::stream::Config;
use serde_json::{Value, json};

use super::shop::{STOCK, Shop};
use crate::{
    books::Books,
    harness::wait_until,
    world::{BOUND, PARTITIONS, World, hold, leave},
};

/// Archives often; for how long anything is kept is as it is shipped.
const SMALL: &[(&str, &str)] = &[
    ("EARMARK__ARCHIVE__INTERVAL_MS", "2000"),
    ("EARMARK__ARCHIVE__LOOK_EVERY_MS", "50"),
    ("EARMARK__ENGINE__SNAPSHOT_INTERVAL_MS", "50"),
];
/// How much either stream holds.
const HOLDS: i64 = 1 << 20;
/// How much is asked for, as events.
const BYTES: usize = 3 << 20;
const STREAMS: [&str; 2] = ["EARMARK_IN", "EARMARK_JOURNAL"];

async fn fullness(world: &World, stream: &str) -> f64 {
    let mut stream = world.context.get_stream(stream).await.expect("it is there");
    let info = stream.info().await.expect("it says how it stands");
    info.state.bytes as f64 / info.config.max_bytes as f64
}

/// A hold that is refused, and so large that few of them fill a stream.
fn large(name: &str, sku: &str) -> Value {
    let mut hold = hold(name, sku, STOCK + 1);
    hold["data"]["owner"] = json!(format!("{name}-{}", "x".repeat(200)));
    hold
}

#[tokio::test]
async fn what_both_archives_have_goes_when_the_journal_is_nearly_full() {
    let world = World::start().await;
    for stream in STREAMS {
        let config = world.context.get_stream(stream).await.expect("it is there");
        let config = Config { max_bytes: HOLDS, ..config.cached_info().config.clone() };
        world.context.update_stream(config).await.expect("it is made smaller");
    }
    let pod = world.pod_with(SMALL).await;
    let mut shop = Shop::open(&world).await;
    let mut sent = 0;
    for round in 0.. {
        let of = |n: usize| &shop.skus[n % usize::from(PARTITIONS)];
        let holds: Vec<Value> = (0..200).map(|n| large(&format!("l-{round}-{n}"), of(n))).collect();
        sent += holds.iter().map(|hold| hold.to_string().len()).sum::<usize>();
        world.send_all(&holds).await;
        shop.hold_one(&world).await;
        if sent >= BYTES {
            break;
        }
        // Publishers are refused by a stream that is full: as they wait then, so does this.
        wait_until("there is room", BOUND, async || fullness(&world, "EARMARK_IN").await < 0.82)
            .await;
    }
    for stream in STREAMS {
        wait_until(stream, BOUND, async || fullness(&world, stream).await < 0.82).await;
    }
    let books = Books::read(&world).await;
    books.check_no_loss();
    let kept: u64 = books.0.iter().map(|stored| stored.bytes as u64).sum();
    assert!(kept > 100_000, "no more than it must: {kept}");
    assert!((0..PARTITIONS).any(|of| {
        books.of(of).next().is_some_and(|first| first.record.header.previous.is_some())
    }));
    shop.is_as_before(&world, "in small streams").await;
    leave(pod).await;
}
