//! Times that are stated and no matter of load: until an operator's level has reached three pods, and
//! how long neighbours wait while a SKU's code panics.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use comfy_table::Table;
use earmark::{actors::Stage, app, config, domain::event::Lane, partition::entry::Trigger};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{RedisConfig, free_port, get},
    inside,
    load::publish,
    rush::{Rush, Sent, Whose},
    world::World,
};

/// Rounds of either; the median is told, and the longest.
const ROUNDS: usize = 5;
/// How long is looked before and after a panic.
const AROUND: Duration = Duration::from_secs(1);
/// Carts a second meanwhile.
const CARTS: u64 = 300;
/// With what the events begin that the code panics on.
const PANICS: &str = "panics-";

/// Measures, and adds a row for either.
pub async fn add_rows(table: &mut Table) {
    table.add_row(row("an operator's level, on three pods", "1 s", toggles().await));
    let (before, after) = panics().await;
    table.add_row(row("neighbours, the second before a SKU's code panics", "-", before));
    table.add_row(row("neighbours, the second after it", "100 ms", after));
}

fn row(what: &str, stated: &str, mut times: Vec<Duration>) -> [String; 4] {
    times.sort_unstable();
    let said = |time: Option<&Duration>| time.copied().map(crate::milliseconds).unwrap_or_default();
    [what.to_owned(), stated.to_owned(), said(times.get(times.len() / 2)), said(times.last())]
}

/// From the request on the raw subject until the last of three pods is at that level.
async fn toggles() -> Vec<Duration> {
    let mut world = World::start_with(&[], RedisConfig::default()).await;
    let ports = [free_port(), free_port(), free_port()];
    let names = ["one", "two", "three"];
    for (name, port) in names.into_iter().zip(ports) {
        world.run(name, &[("EARMARK__HTTP__LISTEN", &format!("127.0.0.1:{port}"))]);
    }
    world.shared_by(&names).await;
    let client = world.nats.jetstream().await.client();
    let mut times = Vec::new();
    for round in 0..ROUNDS {
        let level = 1 + round % 3;
        let order = json!({
            "set": "on", "level": level, "for_s": 60, "reason": "measured", "by": "the bench",
        });
        let began = Instant::now();
        let told = client.request("earmark.control.safe-mode", order.to_string().into()).await;
        let told: Value = serde_json::from_slice(&told.expect("it is answered").payload)
            .expect("an answer is JSON");
        assert!(told["error"].is_null(), "{told}");
        join_all(ports.map(|port| reaches(port, level))).await;
        times.push(began.elapsed());
    }
    times
}

async fn reaches(port: u16, level: usize) {
    let line = format!("earmark_safe_mode_level {level}");
    while !get(port, "/metrics").await.1.lines().any(|said| said == line) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The longest that any one waited in the second before each panic, and after it.
async fn panics() -> (Vec<Duration>, Vec<Duration>) {
    let world = World::start_with(&[], RedisConfig::default()).await;
    let environment = world.environment(&[]).into_iter().collect();
    let settings = config::load_from(None, environment).expect("the settings are right");
    let (serves, served) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        app::system().block_on(async move {
            let tap = |stage, _: &_, trigger: &_| {
                if let (Stage::Applied, Trigger::Event(cause)) = (stage, trigger) {
                    assert!(!cause.id.starts_with(PANICS), "a bug in the SKU's code");
                }
            };
            let pod = inside::pod(&settings, Arc::new(tap)).await;
            let _ = serves.send(());
            std::future::pending::<()>().await;
            drop(pod);
        });
    });
    served.await.expect("the pod serves");
    let context = world.nats.jetstream().await;
    let rush = Rush::start(context.clone(), 400, 1_000_000).await;
    let rounds = u32::try_from(ROUNDS).expect("not so many");
    let panicking = async {
        let mut at = Vec::new();
        for round in 0..ROUNDS {
            tokio::time::sleep(2 * AROUND).await;
            let sku = format!("BAD-{round}");
            let event = json!({
                "specversion": "1.0", "id": format!("{PANICS}{round}"), "source": "/bench",
                "type": "stock.received.v1", "subject": sku, "time": crate::load::now(),
                "data": { "location": "MAIN", "quantity": 1, "reference": "r" },
            });
            publish(&context, Lane::Fulfilment, &event).await;
            at.push(Instant::now());
        }
        at
    };
    let carts = rush.play([0, CARTS, 0, 0, 0], Whose::Everybodys, 2 * AROUND * (rounds + 1));
    let (panicked, ()) = tokio::join!(panicking, carts);
    let sent = rush.all_is_well().await;
    let longest = |from: Instant| longest(&sent, from, from + AROUND);
    let before = panicked.iter().map(|at| longest(*at - AROUND)).collect();
    (before, panicked.iter().map(|at| longest(*at)).collect())
}

fn longest(sent: &[Sent], from: Instant, to: Instant) -> Duration {
    let within = sent.iter().filter(|sent| (from..to).contains(&sent.at));
    let waits = within.filter_map(|sent| Some(sent.answer?.0 - sent.at));
    waits.max().expect("somebody waited")
}
