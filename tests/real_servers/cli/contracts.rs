//! `contracts`, which needs no server.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use serde_json::json;

use crate::harness::Ran;

async fn contracts(args: &[&str]) -> Ran {
    Ran::earmark(&[&["contracts"], args].concat(), Vec::new()).await
}

#[tokio::test]
async fn what_is_written_is_what_is_printed() {
    let home = tempfile::tempdir().expect("a temporary directory can be made");
    let directory = home.path().join("made/anew");
    let told = contracts(&["write", directory.to_str().unwrap(), "--json"]).await.with(0).json();
    let read = |file: &str| fs::read_to_string(directory.join(file)).expect("it was written");
    for file in told.as_array().expect("a list of files") {
        assert!(!read(file["path"].as_str().unwrap()).is_empty());
    }
    assert_eq!(contracts(&["lifecycle"]).await.with(0).out(), read("lifecycle.md"));
    assert_eq!(contracts(&["asyncapi"]).await.with(0).out(), read("asyncapi.json"));
    let schema = contracts(&["schema", "hold.requested"]).await.with(0).out();
    assert_eq!(schema, read("schema/in/hold.requested.v1.json"));
}

#[tokio::test]
async fn the_lifecycle_as_data_has_the_machines() {
    let told = contracts(&["lifecycle", "--json"]).await.with(0).json();
    let machines = told["machines"].as_array().unwrap();
    let fulfilment = machines.iter().find(|machine| machine["name"] == "fulfilment").unwrap();
    let rows = fulfilment["rows"].as_array().unwrap();
    let late = json!({
        "from": ["shipped"], "on": ["fulfilment.cancelled"], "given": "some_arrived",
        "then": {"refused": "already_delivered"}, "so": "what arrived comes back by a return",
    });
    assert!(rows.contains(&late), "{fulfilment}");
}

#[tokio::test]
async fn a_type_is_found_by_a_name_that_says_which() {
    let twice = contracts(&["schema", "fulfilment.moved"]).await.with(2);
    let both = "in/fulfilment.moved.v1 and of out/fulfilment.moved.v1";
    assert!(twice.err().contains(both), "{}", twice.err());
    let one = contracts(&["schema", "out/fulfilment.moved"]).await.with(0).json();
    assert_eq!(one["$id"], "urn:earmark:out:fulfilment.moved.v1");
    let none = contracts(&["schema", "hold.pondered"]).await.with(2);
    assert!(none.err().contains("`earmark contracts` lists"), "{}", none.err());
    let near = contracts(&["schema", "stock.recieved"]).await.with(2);
    assert!(near.err().contains("write stock.received?"), "{}", near.err());
    let listed = contracts(&["--json"]).await.with(0).json();
    let answer = json!({
        "way": "out", "type": "answer.v1", "subject": null,
        "about": "What came of an event, at its `replyto`.",
    });
    assert!(listed.as_array().unwrap().contains(&answer));
    assert!(contracts(&[]).await.with(0).out().contains("earmark.in.demand.sku.{key}"));
}

#[tokio::test]
async fn a_release_is_frozen_on_a_day() {
    let frozen = contracts(&["freeze", "9.0.0", "--on", "2031-01-31"]).await.with(0).json();
    assert_eq!((&frozen["version"], &frozen["released"]), (&json!("9.0.0"), &json!("2031-01-31")));
    assert_eq!(frozen["in"]["hold.requested.v1"]["lane"], "demand");
    let wrong = contracts(&["freeze", "9.0.0", "--on", "31.1.2031"]).await.with(2);
    assert!(wrong.err().contains("2027-01-31"), "{}", wrong.err());
    let wrong = contracts(&["freeze", "9.x", "--on", "2031-01-31"]).await.with(2);
    assert!(wrong.err().contains("0.2.0"), "{}", wrong.err());
}

#[tokio::test]
async fn every_part_has_a_help_with_an_example() {
    for part in [&[][..], &["lifecycle"], &["schema"], &["asyncapi"], &["write"], &["freeze"]] {
        let help = contracts(&[part, &["--help"]].concat()).await.with(0).out();
        let example = ["earmark contracts", &part.join(" ")].join(" ");
        assert!(help.contains("Example:"), "{help}");
        assert!(help.contains(example.trim()), "{help}");
    }
}

/// A lifecycle whose output goes to `out`.
fn printed_to(out: Stdio) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_earmark"));
    let command = command.args(["contracts", "lifecycle"]).stdout(out).stderr(Stdio::piped());
    command.spawn().expect("the command can be started")
}

#[test]
fn output_that_a_full_disk_loses_is_a_failure() {
    let full = fs::File::create("/dev/full").expect("there is a device that is full");
    let told = printed_to(full.into()).wait_with_output().expect("it ends");
    assert_eq!(told.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&told.stderr).contains("make room"));
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let mut child = printed_to(Stdio::piped());
    drop(child.stdout.take());
    let told = child.wait_with_output().expect("it ends");
    assert_eq!((told.status.code(), told.stderr.len()), (Some(0), 0));
}

#[tokio::test]
async fn limits_are_those_of_the_settings() {
    let settings = vec![("EARMARK__CONTRACT__ORDER_LINES_MAX".to_owned(), "7".to_owned())];
    let schema = Ran::earmark(&["contracts", "schema", "order.placed"], settings).await.with(0);
    let lines = schema.json()["properties"]["data"]["properties"]["lines"].clone();
    assert_eq!(lines["maxItems"], 7);
}
