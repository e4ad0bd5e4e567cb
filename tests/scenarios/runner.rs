//! The runner itself: what it says of a scenario that does not come true, of a file that it cannot
//! understand, and of servers that are not empty.

use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    harness::{NatsServer, Ran, RedisServer},
    on_servers,
};

/// A good, without its expectations.
const RECEIVED: &str = r#"
  - at: "2026-11-27T10:00:00Z"
    sku: CUP
    event: stock.received
    data: {location: east, quantity: 1, reference: po-1}
  - {at: +1s, sku: CUP, event: hold.requested, data: {hold: h1, owner: cart-1, kind: cart, quantity: 1}}"#;

/// Files that are gone with the test.
struct Files(TempDir);

impl Files {
    fn new() -> Files {
        Files(TempDir::new().expect("a directory can be made"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file; its path as text.
    fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).expect("a file can be written");
        self.text(name)
    }

    /// A scenario of these steps.
    fn scenario(&self, name: &str, steps: &str) -> String {
        self.write(&format!("{name}.yaml"), &format!("name: {name} & co\nsteps:{steps}\n"))
    }

    /// One in which goods are received and held, and then something is expected.
    fn expecting(&self, name: &str, expect: &str) -> String {
        self.scenario(name, &format!("{RECEIVED}\n  - expect: {expect}"))
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().expect("a path in UTF-8").to_owned()
    }
}

async fn run(args: &[&str]) -> Ran {
    Ran::earmark(&[&["scenario", "run"], args].concat(), Vec::new()).await
}

#[tokio::test]
async fn what_did_not_come_true_is_said_with_what_was_found() {
    let files = Files::new();
    let file =
        files.expecting("wrong", "{sku CUP: {available: 1, held: 1, holds.0.owner: cart-2}}");
    let said = run(&[&file]).await.with(1).out();
    for line in [
        "wrong & co",
        "FAIL line 8 ",
        "sku CUP available: expected 1, found 0",
        "sku CUP holds.0.owner: expected \"cart-2\", found \"cart-1\"",
        "1 scenario, 1 failed",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(!said.contains("held: expected"), "{said}");
}

#[tokio::test]
async fn what_was_said_is_all_that_was_said() {
    let files = Files::new();
    let file = files.expecting("right", "{out: [hold.granted CUP], dead_letters: []}");
    run(&[&file]).await.with(0);
    for out in ["[]", "[hold.granted CUP, hold.granted CUP]", "[hold.expired CUP]"] {
        let file = files.expecting("wrong", &format!("{{out: {out}}}"));
        let said = run(&[&file]).await.with(1).out();
        assert!(said.contains("found [\"hold.granted CUP\"]"), "{said}");
    }
    let file = files.expecting("letters", "{dead_letters: [step-1]}");
    assert!(run(&[&file]).await.with(1).out().contains("expected [\"step-1\"], found []"));
}

#[tokio::test]
async fn an_answer_is_compared_and_a_repeat_has_its_own() {
    let files = Files::new();
    let repeat = "\n  - {at: +1s, repeat: step-2, answer: {status: granted, repeated: true}}";
    let file = files.scenario("right", &format!("{RECEIVED}{repeat}"));
    run(&[&file]).await.with(0);
    let repeat = "\n  - {repeat: step-2, answer: {status: refused, reason: hold_exists}}";
    let file = files.scenario("wrong", &format!("{RECEIVED}{repeat}"));
    let said = run(&[&file]).await.with(1).out();
    assert!(
        said.contains("the answer's status: expected \"refused\", found \"granted\""),
        "{said}"
    );
}

#[tokio::test]
async fn a_report_is_written_for_machines() {
    let files = Files::new();
    files.expecting("a", "{sku CUP: {held: 1}}");
    files.expecting("b", "{sku CUP: {held: 2}}");
    let (dir, junit) = (files.text(""), files.text("junit.xml"));
    let report = run(&[&dir, "--json", "--junit", &junit]).await.with(1).json();
    assert_eq!(report["passed"], false);
    let scenarios = report["scenarios"].as_array().expect("scenarios");
    let passed: Vec<&Value> = scenarios.iter().map(|played| &played["passed"]).collect();
    assert_eq!(passed, [true, false]);
    let found = json!([{"what": "sku CUP held", "expected": 2, "found": 1}]);
    assert_eq!(scenarios[1]["steps"][2]["mismatches"], found);
    assert_eq!(scenarios[1]["steps"][1]["answer"]["status"], "granted");

    let xml = std::fs::read_to_string(files.path("junit.xml")).expect("it was written");
    let read = quick_junit::Report::deserialize_from_str(&xml).expect("it is well formed");
    let cases = &read.test_suites[0].test_cases;
    let names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(names, ["a & co", "b & co"]);
    assert_eq!((read.tests, read.failures, read.errors), (2, 1, 0));
}

#[tokio::test]
async fn a_file_that_cannot_be_understood_is_told_by_its_line() {
    let files = Files::new();
    let first = "\n  - {at: \"2026-11-27T10:00:00Z\", ";
    let after = |step: &str| format!("{RECEIVED}\n  - {step}");
    for (steps, line, words) in [
        (format!("{first}sku: CUP, evnt: x}}"), 3, "the name `evnt`; expected one of"),
        (format!("{first}sku: CUP, evnt: x}}"), 3, "what to do: write `event`?"),
        (format!("{first}sku: CUP, event: stock.recieved}}"), 3, "write `stock.received`?"),
        (format!("{first}event: stock.received}}"), 3, "neither `sku` nor `order`"),
        (format!("{first}sku: CUP"), 3, "unclosed bracket"),
        ("\n  - {at: +1s}".to_owned(), 3, "a first step at +1s; expected a point in time"),
        (" []".to_owned(), 1, "no steps; expected at least one"),
        (after("{at: \"2026-11-27T09:00:00Z\"}"), 8, "time never goes back"),
        (after("{at: +1w}"), 8, "at: \"+1w\"; expected a time in RFC 3339"),
        (after("{repeat: step-9}"), 8, "a repeat of `step-9`"),
        (after("{at: +1s, expect: {}}"), 8, "`at` in a step with `expect`"),
        (after("expect:\n      sku CUP: {helt: 1}"), 9, "what to do: write `held`?"),
        (after("expect:\n      sku CUP: {held: 1}\n      out: [granted CUP]"), 10, "`granted`"),
        (after("expect: {cart 7: {held: 1}}"), 8, "`cart 7`; expected `sku KEY`"),
        (after("{raw: x, sku: CUP}"), 8, "no `lane`; expected one of settlement, demand"),
        (after("{repeat: step-2, answer: {result: x}}"), 8, "the field of an answer `result`"),
    ] {
        let file = files.scenario("wrong", &steps);
        let said = run(&[&file]).await.with(2).err();
        assert!(said.contains(&format!("{file}:{line}: ")) && said.contains(words), "{said}");
        assert!(said.contains("what to do: "), "{said}");
    }
    let said = run(&[&files.text("nowhere.yaml")]).await.with(2).err();
    assert!(said.contains("nowhere.yaml") && said.contains("what to do: "), "{said}");
}

#[tokio::test]
async fn servers_that_are_not_empty_are_left_alone() {
    let (nats, redis) = (NatsServer::start().await, RedisServer::start().await);
    let files = Files::new();
    let (one, two) = (files.expecting("a", "{sku CUP: {held: 1}}"), files.expecting("b", "{}"));
    let run = async |files: &[&str]| {
        let args = [&["scenario", "run", "--nats"], files].concat();
        Ran::earmark(&args, on_servers(&nats, &redis)).await
    };
    assert!(run(&[&one, &two]).await.with(2).err().contains("cannot share empty servers"));
    run(&[&one]).await.with(0);
    let said = run(&[&one]).await.with(1).err();
    assert!(said.contains("EARMARK_IN (2 messages)") && said.contains("keys in Redis"), "{said}");
    run(&[&one, &two, "--reset"]).await.with(0);
}
