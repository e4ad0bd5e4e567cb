//! A million SKUs, each with a hold, and a million open orders, in the snapshots of all partitions:
//! copies of one of each that a pod has decided on, written as it has written them.

use std::time::{Duration, Instant};

use earmark::{
    contract::{EVENT_TYPES, EventType, partition_of, subject::input_subject},
    domain::{
        DueClock,
        ids::{EntityKey, OrderId, Sku},
    },
    redis::layout::{FOLDED_TO, Keys, member},
};
use futures::{StreamExt, future::join_all};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};

use crate::{
    harness::wait_until,
    world::{BOUND, PARTITIONS, World},
};

/// How many SKUs there are, and how many orders.
pub const EACH: usize = 1_000_000;
/// Written at a time.
const AT_ONCE: usize = 5_000;
/// Asked for at a time.
const UNDER_WAY: usize = 2_000;
/// Makes entities like another one. KEYS: due settled, due demand, entities; ARGV: their deadlines,
/// where in a key its name begins, fields and values.
const COPY: &str = r"
for i = 3, #KEYS do
  redis.call('HSET', KEYS[i], unpack(ARGV, 4))
  for clock = 1, 2 do
    if ARGV[clock] ~= '' then
      redis.call('ZADD', KEYS[clock], ARGV[clock], string.sub(KEYS[i], ARGV[3]))
    end
  end
end
";

/// A SKU of the crowd.
pub fn cold(n: usize) -> String {
    format!("COLD-{n}")
}

/// A SKU of the crowd in each partition.
pub fn one_of_each() -> Vec<String> {
    let first = |of| (0..).map(cold).find(|sku| partition(&sku_key(sku)) == of);
    (0..PARTITIONS).map(|of| first(of).expect("every partition has keys")).collect()
}

/// Lets a pod decide on the models and leave, and makes the crowd.
pub async fn gather(world: &mut World) {
    world.run("model", &[]);
    world.shared_by(&["model"]).await;
    for of in 0..PARTITIONS {
        let (sku, order) = (model(of, sku_key), model(of, order_key));
        ask(world, &received(sku.key())).await;
        assert_eq!(ask(world, &hold("cart-hold", sku.key(), 3)).await["status"], "granted");
        send(world, &placed(order.key(), sku.key())).await;
        reserved(world, order.key()).await;
    }
    world.leave("model").await;
    let mut redis = world.redis.connection().await;
    copy(&mut redis, (0..EACH).map(|n| sku_key(&cold(n))), sku_key).await;
    copy(&mut redis, (0..EACH).map(|n| order_key(&format!("OPEN-{n}"))), order_key).await;
}

/// Starts a pod, and how long it is until the first of some holds in all partitions is decided, and
/// the last.
pub async fn first_decisions(world: &mut World, pod: &str, more: &[(&str, &str)]) -> [Duration; 2] {
    let client = world.nats.client().await;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("one can subscribe");
    client.flush().await.expect("the subscription is known");
    for sku in one_of_each() {
        let mut wanted = hold("first", &sku, 7);
        wanted["replyto"] = json!(inbox);
        send(world, &wanted).await;
    }
    let began = Instant::now();
    world.run(pod, more);
    let mut decided = Vec::new();
    for _ in 0..PARTITIONS {
        let answer = tokio::time::timeout(BOUND, answers.next()).await.expect("it is decided");
        let answer: Value = serde_json::from_slice(&answer.expect("it is heard").payload)
            .expect("answers are JSON");
        assert_eq!(answer["data"]["status"], "granted", "seven of eleven are left: {answer}");
        decided.push(began.elapsed());
    }
    [decided[0], decided[decided.len() - 1]]
}

/// Asks for one unit of each of so many SKUs.
pub async fn ask_for(world: &World, skus: std::ops::Range<usize>) {
    let context = world.nats.jetstream().await;
    let skus: Vec<usize> = skus.collect();
    for some in skus.chunks(UNDER_WAY) {
        let mut sent = Vec::with_capacity(some.len());
        for sku in some {
            let event = extended(&cold(*sku));
            let acknowledged = context.publish(subject_of(&event), event.to_string().into()).await;
            sent.push(acknowledged.expect("it is sent").into_future());
        }
        for acknowledged in join_all(sent).await {
            acknowledged.expect("it is taken");
        }
    }
}

/// Writes copies of the models of all partitions under these keys.
async fn copy(
    redis: &mut MultiplexedConnection,
    keys: impl Iterator<Item = EntityKey>,
    kind: fn(&str) -> EntityKey,
) {
    let mut of_partition = vec![Vec::with_capacity(EACH / 10); usize::from(PARTITIONS)];
    for key in keys {
        of_partition[usize::from(partition(&key))].push(key);
    }
    let script = redis::Script::new(COPY);
    for (of, keys) in (0..PARTITIONS).zip(&of_partition) {
        let names = Keys::new("earmark", of);
        let model = Model::read(redis, &names, &model(of, kind)).await;
        for keys in keys.chunks(AT_ONCE) {
            let mut call = script.prepare_invoke();
            model.due.iter().for_each(|due| {
                call.key(due);
            });
            keys.iter().for_each(|key| {
                call.key(names.entity(&model.generation, key));
            });
            model.args.iter().for_each(|arg| {
                call.arg(arg.as_slice());
            });
            let _: () = call.invoke_async(redis).await.expect("they are written");
        }
    }
}

/// What is copied.
struct Model {
    generation: String,
    due: [String; 2],
    args: Vec<Vec<u8>>,
}

impl Model {
    async fn read(redis: &mut MultiplexedConnection, names: &Keys, key: &EntityKey) -> Model {
        let mut at = redis::cmd("HMGET");
        at.arg(names.meta()).arg(&["generation", "sequence"]);
        let (generation, sequence): (String, String) =
            at.query_async(redis).await.expect("the pod left a snapshot");
        let due = [DueClock::Settled, DueClock::Demand].map(|clock| names.due(&generation, clock));
        let mut args = Vec::new();
        for due in &due {
            let mut score = redis::cmd("ZSCORE");
            let score: Option<String> =
                score.arg(due).arg(member(key)).query_async(redis).await.expect("it is read");
            args.push(score.unwrap_or_default().into_bytes());
        }
        let entity = names.entity(&generation, key);
        args.push((entity.len() - member(key).len() + 1).to_string().into_bytes());
        let mut all = redis::cmd("HGETALL");
        let mut fields: Vec<Vec<u8>> =
            all.arg(entity).query_async(redis).await.expect("the model can be read");
        let folded = fields.chunks(2).position(|pair| pair[0] == FOLDED_TO.as_bytes());
        fields[2 * folded.expect("it is folded") + 1] = sequence.into_bytes();
        args.extend(fields);
        Model { generation, due, args }
    }
}

/// The entity of a partition that others are made like.
fn model(of: u16, kind: fn(&str) -> EntityKey) -> EntityKey {
    let mut keys = (0..).map(|n| kind(&format!("MODEL-{n}")));
    keys.find(|key| partition(key) == of).expect("every partition has keys")
}

fn partition(key: &EntityKey) -> u16 {
    partition_of(key, PARTITIONS)
}

fn sku_key(key: &str) -> EntityKey {
    EntityKey::Sku(Sku::new(key).expect("it is a key"))
}

fn order_key(key: &str) -> EntityKey {
    EntityKey::Order(OrderId::new(key).expect("it is a key"))
}

// === events ===

fn event(id: &str, kind: &str, subject: &str, data: Value) -> Value {
    let now = time::OffsetDateTime::now_utc();
    let now = now.format(&time::format_description::well_known::Rfc3339);
    json!({
        "specversion": "1.0", "id": format!("{id}-{subject}"), "source": "/crowd", "type": kind,
        "subject": subject, "time": now.expect("now can be written"), "data": data,
    })
}

fn received(sku: &str) -> Value {
    let data = json!({"location": "MAIN", "quantity": 11, "reference": "delivery"});
    event("stock", "stock.received.v1", sku, data)
}

fn hold(id: &str, sku: &str, quantity: u32) -> Value {
    let data = json!({
        "hold": id, "owner": "cart", "kind": "cart", "quantity": quantity, "ttl_s": 36_000,
    });
    event(id, "hold.requested.v1", sku, data)
}

/// What a cart's hold is given more time by.
fn extended(sku: &str) -> Value {
    let data = json!({"hold": "cart-hold", "owner": "cart", "ttl_s": 40_000});
    event("more", "hold.extended.v1", sku, data)
}

fn placed(order: &str, sku: &str) -> Value {
    let data = json!({
        "lines": [{"line": "1", "sku": sku, "quantity": 1}],
        "policy": "all_or_nothing", "payment_due_s": 36_000,
    });
    event("placed", "order.placed.v1", order, data)
}

fn subject_of(event: &Value) -> String {
    let kind = event["type"].as_str().expect("an event has a type");
    let kind: &EventType =
        EVENT_TYPES.iter().find(|known| known.kind == kind).expect("the type exists");
    let key = event["subject"].as_str().expect("an event has a subject");
    input_subject(kind.lane, &kind.entity.key(key).expect("it is a key"))
}

async fn send(world: &World, event: &Value) {
    let context = world.nats.jetstream().await;
    let acknowledged = context.publish(subject_of(event), event.to_string().into()).await;
    acknowledged.expect("it is sent").await.expect("it is taken");
}

async fn reserved(world: &World, order: &str) {
    let client = world.nats.client().await;
    let question = json!({"order": order}).to_string();
    wait_until(&format!("{order} is reserved"), BOUND, async || {
        let said = client.request("earmark.query.order", question.clone().into()).await;
        let said = said.ok().and_then(|said| serde_json::from_slice::<Value>(&said.payload).ok());
        said.is_some_and(|said| said["status"] == "reserved")
    })
    .await;
}

/// The data of the answer.
async fn ask(world: &World, event: &Value) -> Value {
    let client = world.nats.client().await;
    let inbox = client.new_inbox();
    let mut answers = client.subscribe(inbox.clone()).await.expect("one can subscribe");
    client.flush().await.expect("the subscription is known");
    let mut event = event.clone();
    event["replyto"] = json!(inbox);
    send(world, &event).await;
    let answer = tokio::time::timeout(BOUND, answers.next()).await.expect("it is answered");
    let answer: Value =
        serde_json::from_slice(&answer.expect("it is heard").payload).expect("answers are JSON");
    answer["data"].clone()
}
