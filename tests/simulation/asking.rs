//! Whoever asks pods about SKUs and orders, whatever is wrong with them; and the check that each
//! answer is what had been committed when the question was put, or since: never what was not
//! committed, and never what was so before.

use std::{collections::BTreeMap, time::Duration};

use earmark::{
    contract::partition_of,
    domain::ids::{EntityKey, OrderId, Sku},
    inspecting::{View, view},
    partition::entry::Entry,
    ports::Partition,
    query::{Desks, Question, Unable},
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    case::Part,
    checks::{Folded, apply},
    oracles::Oracle,
    shoppers::{seen, tick, wanted},
    simulation::PARTITIONS,
    workload::sku,
    world::{World, journal_subject},
};

/// How long somebody waits for an answer: longer than most pods are frozen.
const PATIENCE: Duration = Duration::from_secs(4);

/// A question that was answered, and where its partition's journal ended before and after.
pub struct Asked {
    key: EntityKey,
    ended: [u64; 2],
    told: Option<Value>,
}

/// Asks a pod from time to time, for as long as it lives.
pub async fn ask(world: World, desks: Desks, pod: String) {
    let own = pod
        .bytes()
        .fold(world.case.seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0193));
    let mut rng = ChaCha8Rng::seed_from_u64(own);
    while world.case.has(Part::Questions) {
        tokio::time::sleep(Duration::from_millis(rng.random_range(100..1_500))).await;
        let orders = world.lock().input.last.max(1);
        let key = match rng.random_range(0..3) {
            0 => EntityKey::Sku(
                Sku::new(&sku(rng.random_range(0..world.case.skus + 1))).expect("it is a key"),
            ),
            1 => wanted(),
            _ => {
                let order = format!("order-{}", rng.random_range(0..orders));
                EntityKey::Order(OrderId::new(&order).expect("it is a key"))
            }
        };
        ask_one(&world, &desks, key).await;
    }
}

async fn ask_one(world: &World, desks: &Desks, key: EntityKey) {
    let partition = partition_of(&key, PARTITIONS);
    let Some(desk) = desks.at(partition) else { return world.count("asked: nobody serves") };
    let (began, called) = (end(world, partition), tick(world));
    let (reply, answer) = oneshot::channel();
    if desk.try_send(Question { key: key.clone(), reply }).is_err() {
        return world.count("asked: too many wait");
    }
    let told = match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(told))) => told,
        Ok(Ok(Err(Unable::Cold))) => return world.count("asked: cold"),
        Ok(Ok(Err(Unable::SetAside))) => return world.count("asked: set aside"),
        Ok(Err(_)) => return world.count("asked: its owner stopped"),
        Err(_) => return world.count("asked: no answer in time"),
    };
    let ended = [began, end(world, partition)];
    world.count(if told.view.is_some() { "asked: answered" } else { "asked: unknown" });
    if ended[0] < ended[1] {
        world.count("asked: answered after more was committed");
    }
    let told = told.view.map(|view| shown(&view));
    if key == wanted() {
        seen(world, called, told.as_ref());
    }
    world.lock().asked.push(Asked { key, ended, told });
}

fn end(world: &World, partition: Partition) -> u64 {
    world.lock().journal.last_of(&journal_subject(partition))
}

fn shown(view: &View) -> Value {
    serde_json::to_value(view).expect("views are JSON")
}

/// Each answer is a state that had been committed when the question was put, or between that and
/// the answer.
pub fn answers_are_of_their_time(world: &World, folded: &Folded) {
    let asked = std::mem::take(&mut world.lock().asked);
    let cut = world.lock().cut.clone();
    let mut states: BTreeMap<EntityKey, Vec<(u64, Option<Value>)>> =
        asked.iter().map(|asked| (asked.key.clone(), vec![(0, None)])).collect();
    let mut again = Folded::default();
    for (sequence, record) in &folded.records {
        for entry in &record.entries {
            let Entry::Decided(decided) = entry else { continue };
            let Some(states) = states.get_mut(&decided.entity) else { continue };
            if decided.facts.is_empty() || apply(&mut again, decided, record).is_err() {
                continue;
            }
            let key = &decided.entity;
            let sku = again.skus.get(key).and_then(view::sku).map(View::Sku);
            let order = again.orders.get(key).and_then(view::order).map(View::Order);
            states.push((*sequence, sku.or(order).as_ref().map(shown)));
        }
    }
    for Asked { key, ended: [began, ended], told } in asked {
        if cut.contains_key(&partition_of(&key, PARTITIONS)) {
            continue;
        }
        let states = &states[&key];
        let first = states.partition_point(|(sequence, _)| *sequence <= began).saturating_sub(1);
        let mut of_then = states[first..].iter().take_while(|(sequence, _)| *sequence <= ended);
        if !of_then.any(|(_, state)| *state == told) {
            world.violation(Oracle::Asked, format!(
                "{key}: asked at {began} and answered by {ended}, it was told {told:?}, and it was \
                 {:?}",
                &states[first..]
            ));
        }
    }
}
