//! What operators order over NATS, for three pods at once: it reaches them all, outlives them, ends
//! by itself, and the audit has it.

use std::{collections::BTreeSet, time::Duration};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    harness::{free_port, get, wait_until},
    world::World,
};

/// Five times what is stated of how soon an order reaches all pods.
const SOON: Duration = Duration::from_secs(5);
const SUBJECT: &str = "earmark.control.safe-mode";
const PODS: [&str; 3] = ["a", "b", "c"];

/// Three pods, and the ports that they are asked on.
async fn three() -> (World, [u16; 3]) {
    let mut world = World::start().await;
    let ports = PODS.map(|_| free_port());
    run(&mut world, ports);
    world.shared_by(&PODS).await;
    (world, ports)
}

fn run(world: &mut World, ports: [u16; 3]) {
    for (pod, port) in PODS.into_iter().zip(ports) {
        world.run(pod, &[("EARMARK__HTTP__LISTEN", &format!("127.0.0.1:{port}"))]);
    }
}

async fn all_at(ports: [u16; 3], level: u8) {
    for port in ports {
        wait_until(&format!("the pod on {port} is at level {level}"), SOON, async || {
            let (_, metrics) = get(port, "/metrics").await;
            metrics.lines().any(|line| line == format!("earmark_safe_mode_level {level}"))
        })
        .await;
    }
}

async fn ask(client: &async_nats::Client, request: &str) -> Value {
    let answer = client.request(SUBJECT, request.to_owned().into()).await;
    serde_json::from_slice(&answer.expect("a pod answers").payload).expect("it is JSON")
}

/// What EARMARK_AUDIT has of safe mode.
async fn audited(world: &World) -> Vec<(u64, Value)> {
    let stream = world.nats.jetstream().await.get_stream("EARMARK_AUDIT").await.unwrap();
    let last = stream.cached_info().state.last_sequence;
    let mut all = Vec::new();
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.expect("it is there");
        assert_eq!(message.subject.as_str(), "earmark.audit.safe-mode");
        all.push((sequence, serde_json::from_slice(&message.payload).expect("it is JSON")));
    }
    all
}

/// The requests as the README shows them.
fn shown() -> Vec<String> {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = std::fs::read_to_string(readme).expect("it is there");
    let begin = format!("nats request {SUBJECT} '");
    let requests = readme.lines().filter_map(|line| line.strip_prefix(begin.as_str()));
    requests.map(|rest| rest.split('\'').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_reaches_all_pods_outlives_them_and_ends_by_itself() {
    let (mut world, ports) = three().await;
    let client = world.nats.client().await;
    all_at(ports, 0).await;

    let shown = shown();
    let [on, off, auto, status] = shown.as_slice() else { panic!("four are shown: {shown:?}") };
    let answer = ask(&client, on).await;
    assert_eq!((&answer["set"], &answer["before"]), (&json!("on"), &json!(null)), "{answer}");
    assert_eq!(answer["after"]["level"], json!(2), "{answer}");
    assert_eq!(answer["until"], answer["after"]["until"], "{answer}");
    all_at(ports, 2).await;
    let told = ask(&client, status).await;
    assert_eq!(told["ordered"], answer["after"], "{told}");
    let members = told["members"].as_array().expect("a list");
    let of = |member: &Value| (member["own"].clone(), member["level"].clone());
    assert_eq!(members.iter().map(of).collect::<Vec<_>>(), vec![(json!(0), json!(2)); 3]);
    let told = world.status().await;
    assert_eq!(told["ordered"], answer["after"], "{told}");

    assert_eq!(ask(&client, off).await["before"], answer["after"]);
    all_at(ports, 0).await;
    let highest = r#"{"set":"on","level":3,"for_s":600,"by":"ann","reason":"outlives the pods"}"#;
    let highest = ask(&client, highest).await;
    for pod in PODS {
        world.leave(pod).await;
    }
    run(&mut world, ports);
    world.shared_by(&PODS).await;
    all_at(ports, 3).await;

    // Nobody asks for level 0: it comes when the order ends.
    let short = r#"{"set":"on","level":1,"for_s":1,"by":"ann","reason":"ends by itself"}"#;
    let short = ask(&client, short).await;
    assert_eq!(short["before"], highest["after"], "{short}");
    all_at(ports, 0).await;
    assert_eq!(ask(&client, status).await["ordered"], json!(null));

    let again = r#"{"set":"on","level":1,"by":"ann","reason":"after one that ended"}"#;
    assert_eq!(ask(&client, again).await["before"], json!(null));
    all_at(ports, 1).await;
    assert_eq!(ask(&client, auto).await["after"], json!(null));
    all_at(ports, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_asked_wrongly_changes_nothing_and_each_change_is_audited_before_it_is_made() {
    let (world, ports) = three().await;
    let client = world.nats.client().await;
    let on = r#"{"set":"on","level":1,"by":"ann","reason":"a drop"}"#;
    let answer = ask(&client, on).await;
    let before = audited(&world).await;
    let (begins, done) = (&before[0].1, &before[1].1);
    assert_eq!(answer["audit"], json!(before[0].0), "{answer}");
    assert_eq!((&begins["phase"], &done["phase"]), (&json!("begins"), &json!("done")));
    for (field, value) in [("by", "ann"), ("reason", "a drop"), ("set", "on")] {
        assert_eq!(begins[field], json!(value), "{begins}");
    }
    assert_eq!((&begins["before"], &begins["after"]), (&json!(null), &answer["after"]));

    for (request, error, field) in [
        ("{", "malformed", json!(null)),
        ("[]", "malformed", json!(null)),
        ("\u{0}\u{1}", "malformed", json!(null)),
        (r#"{"set":"up","by":"ann","reason":"x"}"#, "unknown_value", json!("set")),
        (r#"{"set":"on","lvl":3,"by":"ann","reason":"x"}"#, "unknown_field", json!("lvl")),
        (r#"{"set":"on","level":4,"by":"ann","reason":"x"}"#, "out_of_range", json!("level")),
        (r#"{"set":"on","for_s":14401,"by":"ann","reason":"x"}"#, "out_of_range", json!("for_s")),
        (r#"{"set":"auto","by":"ann"}"#, "missing", json!("reason")),
        (r#"{"set":"off","reason":"x"}"#, "missing", json!("by")),
    ] {
        let refused = ask(&client, request).await;
        assert_eq!((&refused["error"], &refused["field"]), (&json!(error), &field), "{refused}");
        assert!(refused["message"].as_str().is_some_and(|text| text.contains("expected")));
    }
    assert_eq!(audited(&world).await, before, "nothing was changed");
    let status = ask(&client, r#"{"set":"status"}"#).await;
    assert_eq!(status["ordered"], answer["after"], "{status}");
    all_at(ports, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changes_at_the_same_time_changes_one_after_another() {
    let (world, _) = three().await;
    let client = world.nats.client().await;
    let request = |n: usize| format!(r#"{{"set":"on","by":"ann","reason":"change {n}"}}"#);
    let requests: Vec<String> = (0..9).map(request).collect();
    let answers = join_all(requests.iter().map(|request| ask(&client, request))).await;
    let reasons = |side: &str| -> BTreeSet<Option<String>> {
        let reason = |answer: &Value| answer[side]["reason"].as_str().map(str::to_owned);
        answers.iter().map(reason).collect()
    };
    // Each came after another one, but the first; and nobody came after the last.
    let (before, after) = (reasons("before"), reasons("after"));
    assert_eq!((before.len(), after.len()), (9, 9), "{answers:?}");
    let last: Vec<_> = after.difference(&before).collect();
    let status = ask(&client, r#"{"set":"status"}"#).await;
    assert_eq!(last, [&status["ordered"]["reason"].as_str().map(str::to_owned)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_orders_and_tells_and_says_what_is_wrong() {
    let (world, ports) = three().await;
    let line = ["safe-mode", "on", "--level", "3", "--for", "60", "--by", "ann", "--json"];
    let why = ["--reason", "the drop at eight"];
    let on = world.earmark(&[&line[..], &why[..]].concat()).await.with(0).json();
    assert_eq!(on["after"]["level"], json!(3), "{on}");
    all_at(ports, 3).await;
    let told = world.earmark(&["safe-mode", "status"]).await.with(0).out();
    assert!(told.contains("by ann (the drop at eight)"), "{told}");
    let told = world.earmark(&["status"]).await.with(0).out();
    assert!(told.contains("level 3 is ordered until"), "{told}");
    let unsaid = world.earmark(&line).await.with(2);
    assert!(unsaid.err().contains("add --reason TEXT"), "{}", unsaid.err());
    let line = ["safe-mode", "on", "--level", "9", "--by", "ann", "--reason", "x"];
    let wrong = world.earmark(&line).await.with(1);
    assert!(wrong.err().contains("`level` is 9; expected"), "{}", wrong.err());
    world.earmark(&["safe-mode", "auto", "--by", "ann", "--reason", "over"]).await.with(0);
    all_at(ports, 0).await;
}
