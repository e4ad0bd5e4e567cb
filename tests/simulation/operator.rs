//! Somebody who runs the simulated shop: changes the level of safe mode from time to time, pauses
//! this and that for a while, promotes some SKUs, and lets those that have failed decide again.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use earmark::{
    contract::partition_of,
    control::{Paused, Promoted, Promotion},
    domain::{
        Level,
        event::Lane,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
    partition::{Credit, Reinstatement, Status},
    ports::{Partition, Source},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::watch;

use super::{
    case::{Part, SKUS},
    simulation::PARTITIONS,
    workload::sku,
    world::{DAY_ONE, World},
};

/// So long before the run comes to rest everything is as it is by day, in seconds: what was put off
/// is done before the checks.
const QUIET_BEFORE_S: u64 = 5;
/// Orders have numbers up to about this one.
const ORDERS: u32 = 400;
/// Of ten looks, how many find it quiet.
const QUIET: u32 = 6;

/// Operates a partition for as long as it is served.
pub async fn operate(
    world: World,
    partition: Partition,
    credit: watch::Sender<Credit>,
    told: watch::Receiver<Status>,
) {
    let began = world.now().0 as u64;
    let until_s = world.case.seconds.saturating_sub(QUIET_BEFORE_S) as i64;
    let until = Timestamp(DAY_ONE.0 + until_s * 1_000_000);
    let mut rng = ChaCha8Rng::seed_from_u64(world.case.seed ^ began ^ (u64::from(partition) << 32));
    loop {
        tokio::time::sleep(Duration::from_millis(rng.random_range(500..4_000))).await;
        let armed = told.borrow().armed;
        if armed.wanted > 0 && armed.live == armed.wanted {
            world.count("promotion: all its SKUs are live");
        }
        let over = !world.case.has(Part::Operator) || world.now() > until;
        let level = match rng.random_range(0..10) {
            _ if over => Level::Normal,
            look if look < QUIET => Level::Normal,
            _ => Level::ALL[rng.random_range(1..4)],
        };
        let number = world.now().0 as u64;
        let paused = if over { Paused::default() } else { some_pause(partition, &mut rng) };
        let promotion = some_promotion(&mut rng);
        let promoted = Promoted::of(promotion.iter().filter(|_| !over), PARTITIONS);
        credit.send_modify(|credit| {
            credit.paused = Arc::new(paused);
            credit.promoted = Arc::new(promoted);
            credit.level = level;
            credit.open[Source::Lane(Lane::Reporting).index()] = level == Level::Normal;
            if number.is_multiple_of(3) {
                credit.reinstated = Arc::new(skus_of(partition, number).collect());
            }
        });
    }
}

/// Nothing is paused, or a lane, all of them, or some SKUs and orders.
fn some_pause(partition: Partition, rng: &mut ChaCha8Rng) -> Paused {
    let mut paused = Paused::default();
    match rng.random_range(0..10) {
        0 => drop(paused.partitions.insert(partition)),
        1 => drop(paused.lanes.insert(Lane::Demand)),
        2 => drop(paused.lanes.insert(Lane::Fulfilment)),
        3..6 => {
            for _ in 0..3 {
                let sku = Sku::new(&sku(rng.random_range(0..SKUS))).expect("it is a key");
                let order = format!("order-{}", rng.random_range(0..ORDERS));
                let order = OrderId::new(&order).expect("it is a key");
                paused.entities.extend([EntityKey::Sku(sku), EntityKey::Order(order)]);
            }
        }
        _ => {}
    }
    paused
}

/// Nothing is promoted, or some SKUs, of which nobody has heard of a few.
fn some_promotion(rng: &mut ChaCha8Rng) -> Option<Promotion> {
    let number = rng.random_range(0..SKUS);
    let skus = (0..number).map(|_| sku(rng.random_range(0..SKUS + 4)));
    let skus: BTreeSet<Sku> = skus.map(|key| Sku::new(&key).expect("it is a key")).collect();
    let (name, by, reason) = ("drop".to_owned(), "operator".to_owned(), "it sells".to_owned());
    let (start, end, at) = (Timestamp::MIN, Timestamp::MAX, Timestamp::MIN);
    (number > 4).then_some(Promotion { name, skus, start, end, at, by, reason })
}

fn skus_of(partition: Partition, number: u64) -> impl Iterator<Item = (EntityKey, Reinstatement)> {
    let keys = (0..SKUS).map(|n| EntityKey::Sku(Sku::new(&sku(n)).expect("it is a key")));
    keys.filter(move |key| partition_of(key, PARTITIONS) == partition).map(move |key| {
        let (by, why) = ("operator".to_owned(), "it was mended".to_owned());
        (key, Reinstatement { number, by, why })
    })
}
