//! Everything that publishers should not send, sent: each is a dead letter with its bytes, the
//! publisher is told where it can be, and the entity that it was about decides on.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use earmark::contract::{
    EntityType, Limits, decode,
    subject::{decode_key, encode_key},
};
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;

use crate::harness::{get, wait_until};
use crate::world::{BOUND, PARTITIONS, World, event, hold, order, partition, received, sku_in};
use crate::world::{subject_of, type_of};

/// The largest event: what the server takes as a message, less the room for a dead letter.
const LARGEST: usize = 768 * 1024;
/// Beyond this the bytes are in the object store.
const INLINE_MAX: usize = 256 * 1024;

/// Something bad, and what must come of it.
struct Case {
    name: &'static str,
    /// Where it is published.
    subject: String,
    bytes: Vec<u8>,
    reason: &'static str,
    rule: &'static str,
    field: Option<&'static str>,
    /// The severity, entity and key in the dead letter's subject.
    letter: [String; 3],
    /// Where it is answered, if it is.
    inbox: Option<String>,
    /// The keys that must go on.
    keys: Vec<(EntityType, String)>,
}

/// Builds cases, each with a key and an inbox of its own.
#[derive(Default)]
struct Cases(Vec<Case>);

impl Cases {
    fn key(&self) -> String {
        format!("BAD-{}", self.0.len())
    }

    fn inbox(&self) -> String {
        format!("_INBOX.hostile.{}", self.0.len())
    }

    /// A good hold, to be spoilt.
    fn hold(&self) -> Value {
        let mut hold = hold(&format!("bad-{}", self.0.len()), &self.key(), 1);
        hold["replyto"] = json!(self.inbox());
        hold
    }

    /// Bytes on the subject of a good hold.
    fn bytes(
        &mut self,
        name: &'static str,
        bytes: &[u8],
        reason: &'static str,
        rule: &'static str,
    ) {
        self.0.push(Case {
            name,
            subject: subject_of(&hold("x", &self.key(), 1)),
            bytes: bytes.to_vec(),
            reason,
            rule,
            field: None,
            letter: ["medium".to_owned(), "sku".to_owned(), "-".to_owned()],
            inbox: None,
            keys: vec![(EntityType::Sku, self.key())],
        });
    }

    /// An event that can be read as far as its names, on some subject.
    fn event(
        &mut self,
        name: &'static str,
        event: &Value,
        subject: &str,
        [reason, rule]: [&'static str; 2],
        field: Option<&'static str>,
    ) -> &mut Case {
        let key = event["subject"].as_str().expect("an event has a subject").to_owned();
        let kind = event["type"].as_str().unwrap_or_default();
        let is_order = kind.starts_with("order.");
        let entity = if is_order { EntityType::Order } else { EntityType::Sku };
        self.0.push(Case {
            name,
            subject: subject.to_owned(),
            bytes: event.to_string().into_bytes(),
            reason,
            rule,
            field,
            letter: ["medium".to_owned(), entity.as_str().to_owned(), encode_key(&key)],
            inbox: event["replyto"].as_str().map(str::to_owned),
            keys: vec![(entity, key)],
        });
        self.0.last_mut().expect("one was pushed")
    }

    /// A hold of which one thing was changed.
    fn changed(
        &mut self,
        name: &'static str,
        pointer: &str,
        to: Value,
        why: [&'static str; 2],
        field: Option<&'static str>,
    ) -> &mut Case {
        let mut event = self.hold();
        let subject = subject_of(&event);
        set(&mut event, pointer, to);
        self.event(name, &event, &subject, why, field)
    }
}

/// Sets one field; `null` takes it out.
fn set(event: &mut Value, pointer: &str, to: Value) {
    let (parent, field) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = event.pointer_mut(parent).and_then(Value::as_object_mut).expect("an object");
    match to.is_null() {
        true => parent.remove(field),
        false => parent.insert(field.to_owned(), to),
    };
}

/// The partition that the server computes of a subject, however the key is spelled.
fn computed(entity: &str, token: &str) -> u16 {
    let fnv = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    let hash = entity.bytes().chain(token.bytes()).fold(0x811c_9dc5, fnv);
    u16::try_from(hash % u32::from(PARTITIONS)).expect("a partition fits")
}

/// A key and a spelling of it that is not canonical and leads to another partition.
fn misspelt(begin: &str, spell: impl Fn(&str) -> String) -> (String, String) {
    let keys = (0..1_000).map(|n| format!("{begin}{n}"));
    let mut pairs = keys.map(|key| (key.clone(), spell(&key)));
    let wrong = |(key, token): &(String, String)| {
        assert!(decode_key(EntityType::Sku, token).is_err(), "{token} is canonical");
        computed("sku", token) != partition(key)
    };
    pairs.find(wrong).expect("spellings differ")
}

/// An event made this large by a field that nobody knows.
fn padded(mut event: Value, bytes: usize) -> Value {
    event["padding"] = json!("");
    let rest = bytes - event.to_string().len();
    event["padding"] = json!("x".repeat(rest));
    assert_eq!(event.to_string().len(), bytes);
    event
}

fn not_events(cases: &mut Cases) {
    cases.bytes("not JSON", b"not json", "malformed_json", "json.syntax");
    cases.bytes("no bytes", b"", "malformed_json", "json.syntax");
    cases.bytes("not UTF-8", b"\xff\xfe{}", "malformed_json", "json.syntax");
    cases.bytes("a list", b"[1]", "invalid_field", "json.object");
}

fn wrong_fields(cases: &mut Cases) {
    let missing = ["missing_field", "field.required"];
    cases.changed("no id", "/id", Value::Null, missing, Some("id"));
    let version = ["unsupported_version", "envelope.specversion"];
    cases.changed("CloudEvents 0.3", "/specversion", json!("0.3"), version, Some("specversion"));
    let version = ["unsupported_version", "type.version"];
    let v2 = json!("hold.requested.v2");
    cases.changed("another version of a type", "/type", v2, version, Some("type"));
    let unknown = ["unknown_type", "type.known"];
    cases.changed("an unknown type", "/type", json!("hold.stolen.v1"), unknown, Some("type"));
    let range = ["invalid_field", "field.range"];
    let field = Some("data.quantity");
    cases.changed("a negative quantity", "/data/quantity", json!(-3), range, field);
}

fn wrong_places(cases: &mut Cases) {
    let lane = ["wrong_lane", "log.lane"];
    let event = cases.hold();
    let subject = subject_of(&event).replace(".demand.", ".settlement.");
    cases.event("a wrong lane", &event, &subject, lane, None).letter[0] = "high".to_owned();

    let route = ["misrouted", "log.route"];
    let mut event = cases.hold();
    let (one, other) = (sku_in(0, "HERE-"), sku_in(1, "THERE-"));
    event["subject"] = json!(other);
    let subject = format!("earmark.in.demand.sku.{one}");
    let case = cases.event("subject and key disagree", &event, &subject, route, Some("subject"));
    case.keys.push((EntityType::Sku, one));

    let mut event = order("bad-order", "ORDER-1", "ANY", 1);
    event["replyto"] = json!(cases.inbox());
    let subject = "earmark.in.demand.sku.ORDER-1";
    let case = cases.event("an order's event at a SKU", &event, subject, route, Some("subject"));
    case.keys.push((EntityType::Sku, "ORDER-1".to_owned()));

    let lower = misspelt("LOW/", |key| key.replace('/', "%2f"));
    let needless = misspelt("NEED", |key| key.replace('N', "%4E"));
    let raw = misspelt("RAW:", str::to_owned);
    for (name, (key, token)) in
        [("lower-case digits", lower), ("a needless escape", needless), ("a missing escape", raw)]
    {
        let mut event = cases.hold();
        event["subject"] = json!(key);
        let subject = format!("earmark.in.demand.sku.{token}");
        cases.event(name, &event, &subject, route, Some("subject"));
    }
}

fn wrong_times(cases: &mut Cases) {
    let stale = ["stale", "gate.stale"];
    let future = ["time_in_future", "log.time"];
    for past in ["0001-01-01T00:00:00Z", "2001-02-03T04:05:06Z"] {
        cases.changed("far in the past", "/time", json!(past), stale, None);
    }
    for ahead in ["2099-01-01T00:00:00Z", "9999-12-31T23:59:59Z"] {
        cases.changed("far in the future", "/time", json!(ahead), future, Some("time"));
    }
}

/// Subjects that an answer must never reach: ours, the server's, and what is none.
const FORBIDDEN: [&str; 9] = [
    "earmark.out.sku.BAD.hold_granted",
    "earmark.journal.0",
    "earmark.cmd.0",
    "earmark.in.demand.sku.BAD",
    "earmark.replyx.1",
    "$JS.API.STREAM.PURGE.EARMARK_IN",
    "$KV.EARMARK_CLUSTER.settings",
    "_INBOX.>",
    "_INBOX.a b",
];

fn wrong_reply_subjects(cases: &mut Cases) {
    let why = ["invalid_replyto", "envelope.replyto"];
    for subject in FORBIDDEN {
        let case =
            cases.changed("our own subject", "/replyto", json!(subject), why, Some("replyto"));
        case.inbox = None;
    }
}

fn large_ones(cases: &mut Cases) {
    let mut event = cases.hold();
    let subject = subject_of(&event);
    event["data"]["quantity"] = json!(-1);
    let range = ["invalid_field", "field.range"];
    let event = padded(event, LARGEST);
    cases.event("the largest, and invalid", &event, &subject, range, Some("data.quantity"));

    let mut event = cases.hold();
    event["time"] = json!("2001-02-03T04:05:06Z");
    let event = padded(event, LARGEST);
    cases.event(
        "the largest, and stale",
        &event,
        &subject_of(&event),
        ["stale", "gate.stale"],
        None,
    );

    let mut event = order("many-lines", "ORDER-2", "ANY", 1);
    let lines = |n: usize| json!({"line": n.to_string(), "sku": format!("S{n}"), "quantity": 1});
    event["data"]["lines"] = (0..10_000).map(lines).collect();
    event["replyto"] = json!(cases.inbox());
    let why = ["too_large", "lines.max"];
    cases.event("10,000 lines", &event, &subject_of(&event), why, Some("data.lines"));
}

#[tokio::test]
async fn each_is_a_dead_letter_with_its_bytes_and_blocks_nothing() {
    let world = World::start().await;
    let mut pod = world.pod().await;
    let client = world.context.client();
    let mut inboxes = client.subscribe("_INBOX.hostile.*").await.expect("one can subscribe");
    client.flush().await.expect("the subscription is known");

    let mut cases = Cases::default();
    not_events(&mut cases);
    wrong_fields(&mut cases);
    wrong_places(&mut cases);
    wrong_times(&mut cases);
    wrong_reply_subjects(&mut cases);
    large_ones(&mut cases);
    // The same id with other content: the first is good.
    let first = cases.hold();
    world.ask(&first).await;
    let conflict = ["id_conflict", "gate.id_conflict"];
    cases.changed("an id used again", "/data/quantity", json!(2), conflict, None);

    let mut by_sequence = BTreeMap::new();
    for case in &cases.0 {
        let sent = world.publish(&case.subject, case.bytes.clone()).await;
        by_sequence.insert(sent.unwrap_or_else(|e| panic!("{}: {e}", case.name)), case);
    }
    wait_until("every dead letter is there", BOUND, async || {
        world.messages("EARMARK_DLQ").await.len() >= by_sequence.len()
    })
    .await;
    check_letters(&world, &by_sequence).await;

    let answered = cases.0.iter().filter(|case| case.inbox.is_some()).count();
    for _ in 0..answered {
        let answer = tokio::time::timeout(BOUND, inboxes.next()).await.expect("it is answered");
        let answer = answer.expect("there is one");
        let case = cases.0.iter().find(|case| case.inbox.as_deref() == Some(&*answer.subject));
        let case = case.unwrap_or_else(|| panic!("{} is nobody's inbox", answer.subject));
        let answer: Value = serde_json::from_slice(&answer.payload).expect("answers are JSON");
        let data = &answer["data"];
        assert_eq!(data["status"], json!("refused"), "{}: {answer}", case.name);
        assert_eq!(data["reason"], json!(case.reason), "{}: {answer}", case.name);
        if let Some(field) = case.field {
            assert_eq!(data["field"], json!(field), "{}: {answer}", case.name);
        }
    }

    for (n, (entity, key)) in cases.0.iter().flat_map(|case| &case.keys).enumerate() {
        let id = format!("good-{n}");
        let good = match entity {
            EntityType::Sku => received(&id, key, 5),
            EntityType::Order => order(&id, key, "BAD-0", 1),
        };
        let answer = world.ask(&good).await;
        assert_ne!(answer["status"], json!("refused"), "{key}: {answer}");
    }
    // Nothing was said where nobody may ask for it, and no answer came twice.
    assert!(inboxes.next().now_or_never().is_none());
    let out = world.messages("EARMARK_OUT").await;
    assert!(!out.iter().any(|message| message.subject.contains(".BAD.")));
    let commands = world.messages("EARMARK_CMD").await;
    assert!(!commands.iter().any(|message| message.payload.starts_with(b"{")));

    pod.kill();
    let _pod = world.pod().await;
    world.ask(&received("after", "BAD-0", 1)).await;
    let letters = world.messages("EARMARK_DLQ").await;
    assert_eq!(letters.len(), by_sequence.len(), "each dead letter stands there once");
}

async fn check_letters(world: &World, by_sequence: &BTreeMap<u64, &Case>) {
    let letters = world.messages("EARMARK_DLQ").await;
    assert_eq!(letters.len(), by_sequence.len());
    for severity in ["page", "high", "medium", "low"] {
        let of = by_sequence.values().filter(|case| case.letter[0] == severity);
        assert_eq!(counted(world, severity).await, of.count() as f64, "{severity}");
    }
    let mut objects = world.context.get_object_store("EARMARK_OBJECTS").await.expect("a store");
    let stored = world.messages("EARMARK_IN").await;
    for letter in letters {
        let body: Value = serde_json::from_slice(&letter.payload).expect("dead letters are JSON");
        let sequence = body["sequence"].as_u64().expect("a sequence");
        let case = by_sequence.get(&sequence).unwrap_or_else(|| panic!("{body}"));
        let name = case.name;
        assert_eq!(body["stream"], json!("EARMARK_IN"), "{name}");
        let read = stored.iter().find(|message| message.sequence == sequence).expect("it is there");
        assert_eq!(body["subject"], json!(read.subject.as_str()), "{name}");
        assert_eq!(body["reason"], json!(case.reason), "{name}: {}", body["message"]);
        assert_eq!(body["rule"], json!(case.rule), "{name}: {}", body["message"]);
        assert_eq!(body["field"], json!(case.field), "{name}: {}", body["message"]);
        assert_eq!(body["severity"], json!(case.letter[0]), "{name}");
        for words in ["message", "expected", "action", "logged_at", "time", "owner"] {
            assert!(body[words].as_str().is_some_and(|text| !text.is_empty()), "{name}: {words}");
        }
        let [severity, entity, key] = &case.letter;
        let subject = format!("earmark.dlq.{severity}.{}.{entity}.{key}", case.reason);
        assert_eq!(letter.subject.as_str(), subject, "{name}");
        let kept = kept(&mut objects, &body, case).await;
        assert!(kept == case.bytes, "{name}: {} bytes kept", kept.len());
    }
}

/// How many dead letters of a severity the pod has counted, each with an owner.
async fn counted(world: &World, severity: &str) -> f64 {
    let (_, metrics) = get(world.port, "/metrics").await;
    let letters =
        metrics.lines().filter_map(|line| line.strip_prefix("earmark_dead_letters_total"));
    let severity = format!("severity=\"{severity}\"");
    let of = letters.filter(|of| of.contains(&severity) && !of.contains("owner=\"\""));
    of.filter_map(|of| of.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// The original bytes that a dead letter carries, or refers to.
async fn kept(
    objects: &mut async_nats::jetstream::object_store::ObjectStore,
    body: &Value,
    case: &Case,
) -> Vec<u8> {
    let inline = body["payload_base64"].as_str();
    assert_eq!(inline.is_some(), case.bytes.len() <= INLINE_MAX, "{}", case.name);
    if let Some(text) = inline {
        return STANDARD.decode(text).expect("it is base64");
    }
    let name = body["object"].as_str().expect("it names the object");
    let mut object = objects.get(name).await.expect("the object is there");
    let mut bytes = Vec::new();
    object.read_to_end(&mut bytes).await.expect("the object can be read");
    bytes
}

#[tokio::test]
async fn a_key_may_hold_anything_and_one_byte_too_many_is_refused() {
    let world = World::start().await;
    let _pod = world.pod().await;
    let key = "SHIRT.red large*>🧺/100%";
    let token = "SHIRT%2Ered%20large%2A%3E%F0%9F%A7%BA%2F100%25";
    let order_key = "web 1.*>/🧾";
    let publish = async |events: &[Value]| {
        let file = tempfile::NamedTempFile::new().expect("a file can be made");
        let lines: Vec<String> = events.iter().map(Value::to_string).collect();
        std::fs::write(file.path(), lines.join("\n")).expect("the lines can be written");
        let path = file.path().to_str().expect("a path in UTF-8").to_owned();
        world.earmark(&["publish", &path, "--wait", "--timeout", "20"]).await
    };
    publish(&[received("w1", key, 10)]).await.with(0);
    publish(&[hold("w2", key, 3), order("w3", order_key, key, 2)]).await.with(0);
    wait_until("the order is reserved", BOUND, async || {
        let order = world.earmark(&["inspect", "order", order_key, "--json"]).await;
        order.out().contains("\"reserved\"")
    })
    .await;
    assert_eq!(world.total(key).await, [10, 5, 5]);
    let sku = world.sku(key).await;
    assert_eq!((&sku["key"], &sku["entries"]), (&json!(key), &json!(3)));

    let out = world.messages("EARMARK_OUT").await;
    let granted = format!("earmark.out.sku.{token}.hold_granted");
    assert!(out.iter().any(|message| message.subject.as_str() == granted));
    let reserved = "earmark.out.order.web%201%2E%2A%3E%2F%F0%9F%A7%BE.order_reserved";
    assert!(out.iter().any(|message| message.subject.as_str() == reserved));
    wait_until("what can be had is shown", BOUND, async || {
        let shown = world.messages("EARMARK_AVAILABILITY").await;
        let subject = format!("earmark.availability.{token}");
        let shown = shown.iter().find(|message| message.subject.as_str() == subject);
        let shown = shown.and_then(|message| serde_json::from_slice(&message.payload).ok());
        shown.is_some_and(|shown: Value| {
            let text = shown.to_string();
            text.contains("\"available\":5") && text.contains(key)
        })
    })
    .await;
    assert!(world.messages("EARMARK_DLQ").await.is_empty());

    // The largest event is decided; one byte more is refused by `publish` and by the server.
    let largest = padded(hold("w4", key, 1), LARGEST);
    publish(std::slice::from_ref(&largest)).await.with(0);
    assert_eq!(world.total(key).await, [10, 4, 6]);
    let larger = padded(hold("w5", key, 1), LARGEST + 1);
    let said = publish(&[hold("w6", key, 1), larger.clone()]).await.with(1);
    let limit =
        format!("line 2: too_large: found {} bytes, expected at most {LARGEST} bytes", LARGEST + 1);
    assert!(said.err().contains(&limit), "{}", said.err());
    let refused = decode(larger.to_string().as_bytes(), &Limits::default());
    assert!(refused.is_err(), "{:?}", type_of(&larger));
    let refused = world.publish(&subject_of(&larger), larger.to_string().into_bytes()).await;
    assert!(refused.expect_err("the server refuses it").to_string().contains("exceeds"));
    assert_eq!(world.total(key).await, [10, 3, 7], "the good line beside it was decided");
    let described = event("w7", "sku.described.v1", key, json!({"attributes": {"colour": "red"}}));
    assert_eq!(world.ask(&described).await["status"], json!("accepted"));
}
