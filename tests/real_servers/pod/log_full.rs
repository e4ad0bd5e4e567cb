//! EARMARK_IN is full, and nobody reads it: publishers are told so, and wait only so long.

use std::io::Write;

use crate::{
    harness::wait_until,
    world::{BOUND, World, hold, sku_in},
};

/// The least that the stream may be bounded by.
const SMALL: &[(&str, &str)] =
    &[("EARMARK__STREAMS__IN_BYTES_MAX", "1048576"), ("EARMARK__PUBLISH__GIVE_UP_AFTER_S", "1")];

#[tokio::test]
async fn publish_says_that_the_log_is_full_gives_up_and_goes_on_once_it_is_read() {
    let world = World::start().await;
    world.earmark_with(&["setup"], SMALL).await.with(0);
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    let sku = sku_in(1, "FULL-");
    for number in 0..4_000 {
        writeln!(file, "{}", hold(&format!("h-{number}"), &sku, 1)).expect("it can be written");
    }
    let path = file.path().to_str().expect("a plain path");
    let told = world.earmark_with(&["publish", path, "--json"], SMALL).await.with(4);
    assert!(told.err().contains("the log is full"), "{}", told.err());
    assert!(told.err().contains("publish the same file again"), "{}", told.err());

    // A pod reads what is there, and lets go of it: the same file goes in to its end.
    let _pod = world.pod_with(SMALL).await;
    wait_until("there is room", BOUND, async || {
        let again = world.earmark_with(&["publish", path, "--json"], SMALL).await;
        again.code() == 0
    })
    .await;
    wait_until("each is decided once", BOUND, async || {
        world.metric("earmark_decisions_total{entity=\"sku\"").await == 4_000.0
    })
    .await;
}
