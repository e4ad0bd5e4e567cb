//! What an operator does with dead letters: sees each once, corrects and replays it, discards it,
//! and is refused what would do harm.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

use crate::harness::{Ran, wait_until};
use crate::world::{BOUND, World, event, hold, order, partition, received, sku_in, subject_of};

/// Who does it, and why.
const DOES: [&str; 5] = ["--apply", "--by", "ann", "--why", "INC-17"];

fn in_hours(hours: i64) -> String {
    let at = OffsetDateTime::now_utc() + Duration::hours(hours);
    at.format(&Rfc3339).expect("a time can be written")
}

impl World {
    async fn dlq(&self, args: &[&str]) -> Ran {
        self.earmark(&[&["dlq"], args, &["--json"]].concat()).await
    }

    async fn replayed(&self, args: &[&str]) -> Value {
        self.dlq(&[&["replay"], args, &DOES].concat()).await.with(0).json()
    }

    async fn letters_come(&self, number: usize) {
        wait_until("the dead letters are there", BOUND, async || {
            self.messages("EARMARK_DLQ").await.len() >= number
        })
        .await;
    }

    async fn on_hand(&self, sku: &str) -> u64 {
        self.total(sku).await[0]
    }
}

/// A bad event: its bytes, where it is published, and what is to be said of it.
struct Bad {
    reason: &'static str,
    subject: String,
    bytes: Vec<u8>,
    severity: &'static str,
    owner: &'static str,
}

fn bad(
    reason: &'static str,
    subject: &str,
    event: &Value,
    severity: &'static str,
    owner: &'static str,
) -> Bad {
    let (subject, bytes) = (subject.to_owned(), event.to_string().into_bytes());
    Bad { reason, subject, bytes, severity, owner }
}

/// Goods that arrive, with one thing changed.
fn spoilt(reason: &str, change: impl FnOnce(&mut Value)) -> (String, Value) {
    let mut event = received(&format!("bad-{reason}"), &format!("BAD-{reason}"), 3);
    let subject = subject_of(&event);
    change(&mut event);
    (subject, event)
}

/// Eleven kinds of events that nobody can take.
fn bad_ones() -> Vec<Bad> {
    let of = |reason: &'static str, owner, change: fn(&mut Value)| {
        let (subject, event) = spoilt(reason, change);
        bad(reason, &subject, &event, "medium", owner)
    };
    let no_json = spoilt("malformed_json", |_| {}).0;
    let (lane, event) = spoilt("wrong_lane", |_| {});
    let wrong_lane = lane.replace(".fulfilment.", ".settlement.");
    let wrong_lane = bad("wrong_lane", &wrong_lane, &event, "high", "warehouse");
    let (_, event) = spoilt("misrouted", |_| {});
    let elsewhere = sku_in((partition("BAD-misrouted") + 1) % 5, "ELSEWHERE-");
    let subject = subject_of(&received("x", &elsewhere, 1));
    let misrouted = bad("misrouted", &subject, &event, "medium", "warehouse");
    vec![
        Bad {
            reason: "malformed_json",
            subject: no_json,
            bytes: b"not json".to_vec(),
            severity: "medium",
            owner: "publisher",
        },
        of("missing_field", "warehouse", |event| {
            event["data"].as_object_mut().expect("an object").remove("reference");
        }),
        of("invalid_field", "warehouse", |event| event["data"]["quantity"] = json!(-3)),
        of("unknown_type", "warehouse", |event| event["type"] = json!("stock.recieved.v1")),
        of("unsupported_version", "warehouse", |event| event["type"] = json!("stock.received.v2")),
        wrong_lane,
        misrouted,
        of("invalid_replyto", "warehouse", |event| event["replyto"] = json!("earmark.out.x")),
        of("time_in_future", "warehouse", |event| event["time"] = json!(in_hours(2))),
        of("stale", "warehouse", |event| event["time"] = json!(in_hours(-48))),
        of("id_conflict", "warehouse", |event| event["data"]["quantity"] = json!(7)),
    ]
}

async fn publish_bad_among_good(world: &World) -> Vec<Bad> {
    // Its id was used before, for three units.
    world.ask(&received("bad-id_conflict", "BAD-id_conflict", 3)).await;
    let bad_ones = bad_ones();
    for (number, of) in bad_ones.iter().enumerate() {
        world.send(&received(&format!("good-{number}"), "GOOD", 1)).await;
        let sent = world.publish(&of.subject, of.bytes.clone()).await;
        sent.unwrap_or_else(|error| panic!("{}: {error}", of.reason));
    }
    // One of them is published again, as a publisher does that hears no answer.
    let again = bad_ones.iter().find(|of| of.reason == "invalid_field").expect("it is there");
    world.publish(&again.subject, again.bytes.clone()).await.expect("it is taken");
    world.letters_come(bad_ones.len() + 1).await;
    bad_ones
}

#[tokio::test]
async fn each_is_listed_once_and_applied_once_and_a_second_replay_changes_nothing() {
    let world = World::start().await;
    let _pod = world.pod().await;
    let bad_ones = publish_bad_among_good(&world).await;

    let listed = world.dlq(&["ls"]).await.with(0).json();
    assert_eq!(listed["events"], json!(bad_ones.len()), "{listed}");
    for of in &bad_ones {
        let groups = listed["groups"].as_array().expect("a list").iter();
        let own: Vec<&Value> = groups.filter(|group| group["reason"] == of.reason).collect();
        assert_eq!(own.len(), 1, "{}: {listed}", of.reason);
        let letters = if of.reason == "invalid_field" { 2 } else { 1 };
        assert_eq!((&own[0]["events"], &own[0]["letters"]), (&json!(1), &json!(letters)));
        assert_eq!(own[0]["severity"], of.severity, "{}", of.reason);
        assert_eq!(own[0]["owner"], of.owner, "{}", of.reason);
    }
    let severities = listed["groups"].as_array().expect("a list").iter();
    let high: Vec<bool> = severities.map(|group| group["severity"] == "high").collect();
    assert!(high.is_sorted_by(|one, other| one >= other), "the severe ones first: {listed}");

    // A dry run says what would come of it, and changes nothing.
    let tried = world.dlq(&["replay", "--reason", "misrouted"]).await.with(0).json();
    let forecast = &tried["events"][0]["forecast"];
    assert_eq!(forecast["verdict"], "accepted", "{tried}");
    let on_hand = |side: &str| forecast[side]["total"]["on_hand"].clone();
    assert_eq!((on_hand("before"), on_hand("after")), (json!(0), json!(3)));
    let tried = world.dlq(&["replay", "--all"]).await.with(0).json();
    let held = |reason: &str| {
        let mut events = tried["events"].as_array().expect("a list").iter();
        let own = events.find(|line| line["reason"] == reason).expect("it is tried");
        own["held_back"].as_str().map(str::to_owned)
    };
    assert!(held("invalid_field").expect("it needs a correction").contains("--set"));
    assert!(held("time_in_future").expect("its time has not come").contains("time_in_future"));
    assert!(held("id_conflict").expect("never").contains("catalogue"));
    assert_eq!((held("wrong_lane"), held("invalid_replyto")), (None, None));
    assert!(world.messages("EARMARK_AUDIT").await.is_empty(), "a dry run leaves no trace");

    replay_everything(&world).await;
    for of in &bad_ones {
        let sku = format!("BAD-{}", of.reason);
        assert_eq!(world.on_hand(&sku).await, 3, "{sku}");
    }
    assert_eq!(world.dlq(&["ls"]).await.with(0).json()["events"], json!(0));

    // The whole queue again, closed as it is.
    let again = world.dlq(&[&["replay", "--all", "--closed"], &DOES[..]].concat()).await.with(1);
    let again = again.json();
    let results: Vec<&str> = again["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line["came"]["result"].as_str().expect("a word"))
        .collect();
    assert_eq!(results.len(), bad_ones.len());
    assert!(results.iter().all(|result| ["repeated", "skipped"].contains(result)), "{again}");
    assert_eq!(results.iter().filter(|result| **result == "repeated").count(), 3, "{again}");
    let fields = ["--closed", "--reason", "invalid_field", "--set", "data.quantity=3"];
    let again = world.replayed(&fields).await;
    assert_eq!(again["events"][0]["came"]["result"], "repeated", "{again}");
    for of in &bad_ones {
        assert_eq!(world.on_hand(&format!("BAD-{}", of.reason)).await, 3, "{}", of.reason);
    }
    assert_eq!(world.on_hand("GOOD").await, bad_ones.len() as u64);
    audit_says_who_and_why(&world).await;
}

/// Corrects each kind as it needs it; the one that cannot be is discarded.
async fn replay_everything(world: &World) {
    let now = format!("time={}", in_hours(0));
    let corrections: [(&str, &[&str]); 9] = [
        ("missing_field", &["--set", "data.reference=po-1"]),
        ("invalid_field", &["--set", "data.quantity=3"]),
        ("unknown_type", &["--set", "type=stock.received.v1"]),
        ("unsupported_version", &["--set", "type=stock.received.v1"]),
        ("wrong_lane", &[]),
        ("misrouted", &[]),
        ("invalid_replyto", &[]),
        ("time_in_future", &["--set", &now]),
        ("stale", &["--set", &now]),
    ];
    for (reason, more) in corrections {
        let told = world.replayed(&[&["--reason", reason], more].concat()).await;
        assert_eq!(told["events"][0]["came"]["result"], "done", "{reason}: {told}");
    }
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    let whole = received("bad-malformed_json", "BAD-malformed_json", 3);
    std::fs::write(file.path(), whole.to_string()).expect("the event can be written");
    let path = file.path().to_str().expect("a path in UTF-8");
    let told = world.replayed(&["--reason", "malformed_json", "--edit", path]).await;
    assert_eq!(told["events"][0]["came"]["result"], "done", "{told}");

    let dry = world.dlq(&["discard", "--reason", "id_conflict"]).await.with(0).json();
    assert_eq!((&dry["applied"], dry["events"].as_array().map(Vec::len)), (&json!(false), Some(1)));
    assert_eq!(world.dlq(&["ls"]).await.with(0).json()["events"], json!(1));
    world.dlq(&[&["discard", "--reason", "id_conflict"], &DOES[..]].concat()).await.with(0);
}

async fn audit_says_who_and_why(world: &World) {
    let notes = world.messages("EARMARK_AUDIT").await;
    let notes: Vec<Value> = notes
        .iter()
        .map(|note| serde_json::from_slice(&note.payload).expect("an audit is JSON"))
        .collect();
    assert!(notes.iter().all(|note| note["by"] == "ann" && note["reason"] == "INC-17"));
    let phases = |phase: &str| notes.iter().filter(|note| note["phase"] == phase).count();
    assert_eq!(phases("begins"), 12, "one for each replay, before anything is published");
    let first = notes.iter().position(|note| note["phase"] == "event").expect("one was replayed");
    assert_eq!(notes[first - 1]["phase"], "begins");
    assert_eq!(notes[first]["result"], "done");
}

#[tokio::test]
async fn what_would_do_harm_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let _pod = world.pod().await;
    let mut negative = received("neg-1", "NEG", 3);
    negative["data"]["quantity"] = json!(-3);
    negative["expirytime"] = json!(in_hours(-1));
    world.send(&negative).await;
    world.letters_come(1).await;
    let shown = world.dlq(&["show", "1"]).await.with(0).json();
    assert_eq!(shown["letter"]["event_id"], "neg-1");
    assert!(shown["payload"].as_str().expect("it is text").contains("\"quantity\":-3"), "{shown}");
    let id = shown["letter"]["id"].as_str().expect("an id").to_owned();
    assert_eq!(world.dlq(&["show", &id]).await.with(0).json()["dlq_sequence"], json!(1));

    let fix = ["replay", id.as_str(), "--set", "data.quantity=3"];
    let by = &["--apply", "--by", "ann"][..];
    let refused: [(&[&str], &[&str], i32, &str); 10] = [
        (&["show", "99"], &[], 1, "no letter"),
        (&["replay", "9-9-9-9"], &[], 1, "no letter"),
        (&["replay"], &[], 2, "nothing says which letters are meant"),
        (&fix, by, 2, "--why is missing"),
        (&fix, &["--apply", "--why", "x"], 2, "--by is missing"),
        (&fix, &["--rate", "100000"], 2, "--rate: found 100000, expected 1 to 200"),
        (&fix, &["--max", "100000"], 2, "--max: found 100000, expected 1 to 1000"),
        (&["replay", "--since", "400d"], &[], 2, "--since"),
        (&["replay", "1", "--set", "id=other"], &[], 2, "stays what it is"),
        (&["discard", "1", "--apply"], &[], 2, "--by is missing"),
    ];
    for (args, more, code, words) in refused {
        let ran = world.dlq(&[args, more].concat()).await.with(code);
        assert!(ran.err().contains(words), "{args:?} {more:?}: {}", ran.err());
    }
    // A corrected event keeps its name.
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    let other = received("neg-2", "NEG", 3).to_string();
    std::fs::write(file.path(), other).expect("the event can be written");
    let path = file.path().to_str().expect("a path in UTF-8");
    let told = world.dlq(&[&["replay", "1", "--edit", path], &DOES[..]].concat()).await.with(1);
    let why = told.json()["events"][0]["came"]["why"].clone();
    assert!(why.as_str().expect("a text").contains("expected \"neg-1\""), "{why}");
    // A bad correction is seen before anything is published.
    let worse = ["replay", "1", "--set", "data.quantity=none"];
    let told = world.dlq(&[&worse[..], &DOES].concat()).await.with(1).json();
    assert!(told["events"][0]["held_back"].as_str().expect("a text").contains("data.quantity"));

    let bucket = world.context.get_key_value("EARMARK_CLUSTER").await.expect("the bucket");
    let order = |level: u8| {
        let (at, until) = ("2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z");
        let order =
            json!({"level": level, "by": "ann", "reason": "a drop", "at": at, "until": until});
        order.to_string().into()
    };
    bucket.put("control.safe-mode", order(2)).await.expect("it can be written");
    let ran = world.dlq(&[&fix[..], &DOES].concat()).await.with(1);
    assert!(ran.err().contains("safe mode is at level 2"), "{}", ran.err());
    assert_eq!(world.messages("EARMARK_IN").await.len(), 1, "nothing was published");
    bucket.put("control.safe-mode", order(1)).await.expect("it can be written");

    // What fails again stays open; corrected to its end it is done.
    let told = world.dlq(&[&fix[..], &DOES].concat()).await.with(1).json();
    assert_eq!(told["events"][0]["came"]["result"], "dead_again", "{told}");
    assert_eq!(told["events"][0]["came"]["why"], "too_late");
    assert_eq!(world.dlq(&["ls"]).await.with(0).json()["events"], json!(1));
    let more = ["--set", "expirytime=null"];
    let told = world.dlq(&[&fix[..], &more, &DOES].concat()).await.with(0).json();
    assert_eq!(told["events"][0]["came"]["result"], "done", "{told}");
    assert_eq!(world.on_hand("NEG").await, 3);
    assert_eq!(world.dlq(&["ls"]).await.with(0).json()["events"], json!(0));
    assert_eq!(world.dlq(&["show", "1"]).await.with(0).json()["closed"], json!(true));

    // Bytes that no letter has room for are in the object store, and come from there.
    let mut large = received("large-1", "NEG", 2);
    large["data"]["quantity"] = json!(-2);
    large["padding"] = json!("x".repeat(300 * 1024));
    world.send(&large).await;
    world.letters_come(2).await;
    let shown = world.dlq(&["show", "2"]).await.with(0).json();
    assert_eq!(shown["payload_bytes"], json!(large.to_string().len()));
    assert!(shown["letter"]["object"].is_string(), "{}", shown["letter"]);
    world.replayed(&["2", "--set", "data.quantity=2"]).await;
    assert_eq!(world.on_hand("NEG").await, 5);
}

#[tokio::test]
async fn events_of_one_key_are_replayed_in_the_order_of_the_log() {
    let world = World::start().await;
    let _pod = world.pod().await;
    // Each came by the wrong lane: goods first, then holds that need them.
    let wrong_lane = |event: &Value| {
        let subject = subject_of(event);
        let lane = if subject.contains(".demand.") { ".demand." } else { ".fulfilment." };
        subject.replace(lane, ".reporting.")
    };
    let events = [received("o1", "KEY", 5), hold("o2", "KEY", 3), hold("o3", "KEY", 3)];
    for event in &events {
        let sent = world.publish(&wrong_lane(event), event.to_string().into_bytes()).await;
        sent.expect("it is taken");
    }
    world.letters_come(3).await;
    let dry = world.dlq(&["replay", "--entity", "sku", "--key", "KEY"]).await.with(0).json();
    let verdicts: Vec<&Value> = dry["events"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|e| &e["forecast"]["verdict"])
        .collect();
    assert_eq!(verdicts, ["accepted", "granted 3 of 3", "refused"]);
    let told = world.replayed(&["--key", "KEY"]).await;
    let results: Vec<&Value> =
        told["events"].as_array().expect("a list").iter().map(|e| &e["came"]["result"]).collect();
    assert_eq!(results, ["done", "done", "refused"], "{told}");
    assert_eq!(told["events"][2]["came"]["why"], "insufficient_stock");
    assert_eq!(world.total("KEY").await, [5, 2, 3]);
    what_led_to_a_letter_can_be_played(&world).await;
    let described = event("o4", "sku.described.v1", "KEY", json!({"attributes": {"a": "b"}}));
    assert_eq!(world.ask(&described).await["status"], json!("accepted"));
}

/// The story of a letter has what its SKU decided before, and then the event that failed.
async fn what_led_to_a_letter_can_be_played(world: &World) {
    let mut failing = hold("o5", "KEY", 1);
    failing["data"]["quantity"] = json!(0);
    world.send(&failing).await;
    world.letters_come(4).await;
    world.ask(&received("o6", "KEY", 1)).await;
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().expect("a file can be made");
    let path = file.path().to_str().expect("a path in UTF-8");
    let shown = world.dlq(&["show", "4", "--scenario", path]).await.with(0).json();
    assert_eq!(shown["scenario_lacks"], json!([]), "{shown}");
    how_it_stood_then(world, &shown).await;
    let story = std::fs::read_to_string(path).expect("it was written");
    let place = |id: &str| story.find(&json!(format!("\"id\":\"{id}\"")).to_string()[1..12]);
    let places = ["o1", "o2", "o3", "o5"].map(place);
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{story}");
    assert_eq!(place("o6"), None, "what came later led to nothing: {story}");
    let expected = "  - expect: {sku KEY: {on_hand: 5, available: 2}, dead_letters: [o5]}\n";
    std::fs::write(path, story + expected).expect("it can be written");
    let played = world.earmark(&["scenario", "run", path, "--json"]).await;
    assert_eq!(played.code(), 0, "{}", played.out());
}

/// A letter says how to see its SKU as it was; what came later is not in it.
async fn how_it_stood_then(world: &World, shown: &Value) {
    let then = shown["letter"]["time"].as_str().expect("it has a time");
    let advice = format!("`earmark inspect sku \"KEY\" --until {then}` says how it stood then");
    let advised = shown["what_to_do"].as_array().expect("it advises").contains(&json!(advice));
    assert!(advised, "{shown}");
    let stood = async |until: &[&str]| {
        let args = [&["inspect", "sku", "KEY", "--json"], until].concat();
        let mut stood = world.earmark(&args).await.with(0).json();
        stood["state"]["total"]["on_hand"].take()
    };
    assert_eq!((stood(&["--until", then]).await, stood(&[]).await), (json!(5), json!(6)));
    let refused = world.earmark(&["inspect", "sku", "KEY", "--until", "noon"]).await;
    assert!(refused.with(2).err().contains("no time in RFC 3339"));
}

#[tokio::test]
async fn a_letter_says_how_its_order_stood() {
    let world = World::start().await;
    let _pod = world.pod_with(&[("EARMARK__CLUSTER__FORMAT_AFTER_S", "0")]).await;
    world.ask(&received("first", "MUG", 5)).await;
    world.ask(&order("placed", "A-1", "MUG", 3)).await;
    wait_until("the order has its units", BOUND, async || {
        world.order_status("A-1").await == json!("reserved")
    })
    .await;
    // Ids that are used once more for other amounts: of an order, and of one that nobody placed.
    for (key, step) in [("A-1", "failed"), ("A-2", "captured")] {
        for amount in [100, 200] {
            let data = json!({"payment": "p-1", "amount_minor": amount, "currency": "EUR"});
            world.ask(&event(key, &format!("payment.{step}.v1"), key, data)).await;
        }
    }
    world.letters_come(2).await;
    let mut letters = Vec::new();
    for id in ["1", "2"] {
        letters.push(world.dlq(&["show", id]).await.with(0).json()["letter"].clone());
    }
    letters.sort_by_key(|letter| letter["event_subject"].to_string());
    let (placed, unknown) = (&letters[0], &letters[1]);
    assert_eq!(placed["reason"], "id_conflict", "{placed}");
    assert_eq!(placed["order"]["status"], "reserved", "{placed}");
    assert_eq!(placed["order"]["payment"], "unpaid", "{placed}");
    assert_eq!(placed["order"]["units"]["reserved"], 3, "{placed}");
    assert!(placed["revision"].as_u64() > Some(0), "{placed}");
    assert_eq!(unknown["reason"], "id_conflict", "{unknown}");
    assert_eq!(unknown["order"], json!(null), "{unknown}");
    assert!(unknown["revision"].is_u64(), "{unknown}");
}
