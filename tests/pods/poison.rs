//! Events that nobody can take, of ten kinds and for every partition, to be published among those of
//! a rush: what is to be said of each, how each is corrected, and what it does then.

#![allow(dead_code, reason = "the bench of peaks takes what the tests do not")]

use std::time::Duration;

use async_nats::jetstream::Context;
use earmark::{
    contract::{partition_of, subject::input_subject},
    domain::{
        event::Lane,
        ids::{EntityKey, Sku},
    },
};
use serde_json::{Value, json};
use time::{Duration as Span, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::world::PARTITIONS;

/// The reasons, one of each kind.
pub const KINDS: [&str; 10] = [
    "malformed_json",
    "missing_field",
    "invalid_field",
    "unknown_type",
    "unsupported_version",
    "wrong_lane",
    "misrouted",
    "invalid_replyto",
    "time_in_future",
    "stale",
];
/// Units that each of them is about.
pub const UNITS: u64 = 3;
/// What the events would be, were they right: their types and lanes.
const RIGHT: [(&str, Lane); 3] = [
    ("stock.adjusted.v1", Lane::Settlement),
    ("stock.received.v1", Lane::Fulfilment),
    ("hold.requested.v1", Lane::Demand),
];

/// How an event is corrected.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fix {
    /// It is right as it is: it came by a wrong way.
    None,
    /// A field is set: `PATH=VALUE`.
    Set(String),
    /// The whole event is given.
    Whole(String),
}

/// An event that nobody can take.
#[derive(Clone, Debug)]
pub struct Poison {
    pub id: String,
    pub reason: &'static str,
    /// Its type, where that can be read.
    pub kind: Option<String>,
    pub severity: &'static str,
    pub owner: &'static str,
    pub fix: Fix,
    /// The number of the SKU that it is about.
    pub sku: usize,
    /// It asks for units, and does not bring any.
    pub holds: bool,
    subject: String,
    bytes: Vec<u8>,
}

/// So many, of each kind in turn and for each partition in turn, about some of `skus` SKUs.
pub fn poison(number: usize, skus: usize) -> Vec<Poison> {
    let mut by_partition = vec![Vec::new(); usize::from(PARTITIONS)];
    for sku in 0..skus {
        by_partition[usize::from(partition_of(&key(sku), PARTITIONS))].push(sku);
    }
    let now = OffsetDateTime::now_utc();
    let of = |n: usize| {
        let (kind, turn) = (n % KINDS.len(), n / KINDS.len());
        let partition = turn % by_partition.len();
        let own = &by_partition[partition];
        let sku = own[(turn / by_partition.len()) % own.len()];
        let elsewhere = by_partition[(partition + 1) % by_partition.len()][0];
        spoilt(n, KINDS[kind], RIGHT[(turn + kind) % RIGHT.len()], (sku, elsewhere), now)
    };
    (0..number).map(of).collect()
}

fn spoilt(
    number: usize,
    reason: &'static str,
    (kind, lane): (&'static str, Lane),
    (sku, elsewhere): (usize, usize),
    now: OffsetDateTime,
) -> Poison {
    let id = format!("p-{number}");
    let mut event = right(&id, kind, sku, now);
    let whole = event.to_string();
    let mut by = lane;
    let mut subject = key(sku);
    let set = |text: &str| Fix::Set(text.to_owned());
    let mut fix = Fix::None;
    match reason {
        "missing_field" => {
            let (field, value) = needed(kind);
            event["data"].as_object_mut().expect("an object").remove(field);
            fix = set(&format!("data.{field}={value}"));
        }
        "invalid_field" => {
            event["data"]["quantity"] = json!("many");
            fix = set(&format!("data.quantity={UNITS}"));
        }
        "unknown_type" => {
            event["type"] = json!(kind.replace(".v1", "_twice.v1"));
            fix = set(&format!("type={kind}"));
        }
        "unsupported_version" => {
            event["type"] = json!(kind.replace(".v1", ".v9"));
            fix = set(&format!("type={kind}"));
        }
        "wrong_lane" => by = another(lane),
        "misrouted" => subject = key(elsewhere),
        "invalid_replyto" => event["replyto"] = json!("earmark.out.sku"),
        "time_in_future" => event["time"] = json!(text(now + Span::hours(2))),
        "stale" => event["time"] = json!(text(now - Span::hours(48))),
        _ => fix = Fix::Whole(whole.clone()),
    }
    if matches!(reason, "time_in_future" | "stale") {
        fix = set(&format!("time={}", text(now)));
    }
    let mut bytes = event.to_string().into_bytes();
    if reason == "malformed_json" {
        bytes.pop();
    }
    let said = event["type"].as_str().filter(|_| reason != "malformed_json");
    Poison {
        id,
        reason,
        kind: said.map(str::to_owned),
        severity: severity(by),
        owner: owner(said),
        fix,
        sku,
        holds: lane == Lane::Demand,
        subject: input_subject(by, &subject),
        bytes,
    }
}

/// The event as it should be.
fn right(id: &str, kind: &str, sku: usize, now: OffsetDateTime) -> Value {
    let data = match kind {
        "stock.adjusted.v1" => json!({"location": "MAIN", "quantity": UNITS, "reason": "found"}),
        "stock.received.v1" => json!({"location": "MAIN", "quantity": UNITS, "reference": "po"}),
        _ => json!({
            "hold": id, "owner": "cart", "kind": "cart", "quantity": UNITS, "ttl_s": 36_000,
        }),
    };
    json!({
        "specversion": "1.0", "id": id, "source": "/poison", "type": kind,
        "subject": format!("SKU-{sku}"), "time": text(now), "data": data,
    })
}

/// A field that an event of this type must have, and what it says.
fn needed(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "stock.adjusted.v1" => ("reason", "found"),
        "stock.received.v1" => ("reference", "po"),
        _ => ("owner", "cart"),
    }
}

fn another(lane: Lane) -> Lane {
    match lane {
        Lane::Settlement => Lane::Demand,
        Lane::Fulfilment => Lane::Settlement,
        Lane::Demand | Lane::Reporting => Lane::Reporting,
    }
}

/// What config/dead-letters.toml says of the lane that it was read from.
fn severity(lane: Lane) -> &'static str {
    match lane {
        Lane::Settlement => "high",
        Lane::Demand | Lane::Fulfilment => "medium",
        Lane::Reporting => "low",
    }
}

/// And of its type.
fn owner(kind: Option<&str>) -> &'static str {
    match kind.and_then(|kind| kind.split('.').next()) {
        Some("stock") => "warehouse",
        Some("hold") => "shop",
        _ => "publisher",
    }
}

/// Publishes them evenly over so long, each until the log has it; where it has each.
pub async fn publish(context: &Context, poison: &[Poison], time: Duration) -> Vec<u64> {
    let mut places = Vec::with_capacity(poison.len());
    let number = u32::try_from(poison.len()).expect("not so many").max(1);
    let mut tick = tokio::time::interval(time / number);
    for of in poison {
        tick.tick().await;
        let place = loop {
            let sent = context.publish(of.subject.clone(), of.bytes.clone().into()).await;
            if let Ok(ack) = sent
                && let Ok(ack) = ack.await
            {
                break ack.sequence;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        places.push(place);
    }
    places
}

fn key(sku: usize) -> EntityKey {
    EntityKey::Sku(Sku::new(&format!("SKU-{sku}")).expect("it is a key"))
}

fn text(at: OffsetDateTime) -> String {
    at.format(&Rfc3339).expect("a time can be written")
}
