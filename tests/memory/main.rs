//! What is live costs memory: how much at most, counted by the allocator, so that neither another
//! load on the machine nor the allocator's own rounding changes it.
//!
//! `cargo test --test memory -- --nocapture` says how much it is.

use std::{alloc::System, sync::Arc};

use cap::Cap;
use earmark::{
    actors::{AnyInput, Inputs, Registry, Task},
    contract::{self, AnyEvent, Limits},
    domain::{
        decision::{Input, Published},
        ids::{EntityKey, Sku},
        policy::Policy,
        time::{Span, Timestamp},
    },
    partition::entry::Trigger,
};

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// 2026-11-27, 10:00 UTC.
const NOW: Timestamp = Timestamp(1_795_773_600_000_000);
const SKUS: usize = 100;
/// Of each SKU.
const EACH: usize = 40;

/// At most, in bytes: what it was when this was last made smaller. A SKU with
/// one location, one movement and one id.
const LIVE_SKU_MAX: f64 = 2_150.0;
const ID_MAX: f64 = 180.0;
/// With its id.
const OPEN_HOLD_MAX: f64 = 620.0;

/// Live SKUs, and how much is remembered.
struct World {
    registry: Registry,
    policy: Arc<Policy>,
    told: usize,
}

impl World {
    fn key(sku: usize) -> EntityKey {
        EntityKey::Sku(Sku::new(&format!("SKU-{sku:05}")).expect("a key"))
    }

    /// Has each SKU decide such an event; how many bytes that leaves of each.
    async fn tell(&mut self, kind: &str, data: impl Fn(usize) -> String) -> f64 {
        self.forget_changes().await;
        let before = ALLOCATOR.allocated();
        for sku in 0..SKUS {
            self.told += 1;
            let at = NOW + Span::from_secs(self.told as i64 / SKUS as i64);
            let task = task(self.told, kind, sku, at, &data(self.told));
            let work = Inputs::from_iter([(World::key(sku), vec![task])]);
            let worked = self.registry.work(work, at, &self.policy, &None).await;
            drop(worked);
        }
        self.forget_changes().await;
        (ALLOCATOR.allocated() as f64 - before as f64) / SKUS as f64
    }

    /// What has changed is taken, as for a snapshot.
    async fn forget_changes(&self) {
        let keys = (0..SKUS).map(World::key);
        self.registry.take_changed(keys).await.expect("all are live");
    }
}

fn task(number: usize, kind: &str, sku: usize, at: Timestamp, data: &str) -> Task<AnyInput> {
    let time = contract::time::format(at);
    let text = format!(
        r#"{{"specversion":"1.0","id":"{kind}-{number}","source":"/shop/web","type":"{kind}",
        "subject":"SKU-{sku:05}","time":"{time}","replyto":"_INBOX.a.b","data":{data}}}"#
    );
    let decoded = contract::decode(text.as_bytes(), &Limits::default());
    let (_, cause, event) = decoded.expect("an event of ours").into_parts(at, number as u64);
    let AnyEvent::Sku(event) = event else { panic!("an event of a SKU") };
    let trigger = Trigger::Event(cause.clone());
    let input = AnyInput::Sku(Input::Event(Published { cause, event }));
    Task { index: 0, trigger, input, busy: false, late: false }
}

#[test]
fn what_is_live_costs_no_more_than_it_may() {
    let (live, id, hold) = actix::System::new().block_on(async {
        let before = ALLOCATOR.allocated();
        let mut world = World { registry: Registry::default(), policy: Arc::default(), told: 0 };
        for sku in 0..SKUS {
            world.registry.spawn(&World::key(sku), None).expect("it is new");
        }
        let goods = |n| format!(r#"{{"location":"MAIN","quantity":1000,"reference":"po-{n}"}}"#);
        world.tell("stock.received.v1", goods).await;
        let live = (ALLOCATOR.allocated() as f64 - before as f64) / SKUS as f64;
        let mut ids = 0.0;
        for _ in 0..EACH {
            ids += world.tell("sku.configured.v1", |_| r#"{"sellable":true}"#.to_owned()).await;
        }
        let mut holds = 0.0;
        for _ in 0..EACH {
            let hold = |n| {
                format!(
                    r#"{{"hold":"cart-{n:07}","owner":"shopper-{n:07}","kind":"cart","quantity":1,
                    "ttl_s":900}}"#
                )
            };
            holds += world.tell("hold.requested.v1", hold).await;
        }
        (live, ids / EACH as f64, holds / EACH as f64)
    });
    println!("a live SKU {live:.0}, an id {id:.0}, an open hold with its id {hold:.0} bytes");
    assert!(live <= LIVE_SKU_MAX, "{live} bytes a live SKU");
    assert!(id <= ID_MAX, "{id} bytes an id");
    assert!(hold <= OPEN_HOLD_MAX, "{hold} bytes an open hold");
}
