//! A load test finds each bug that is put in on purpose, and none where there is none: `make mutants`.

use std::process::Command;

use earmark::{domain::described::Described, mutants::Mutant};
use serde_json::Value;

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/servers");

/// Something of everything: repeats, carts that are left, orders that are called off and never paid.
const PLAN: &str = r#"
name = "mutants"
about = "something of everything, so that whatever is wrong shows"
arrivals = [[0, 60], [8, 60]]
# Longer than a hold may be past its deadline.
settle_within_s = 40

[catalogue]
skus = 20
stock = 60

[shoppers]
think_s = [0.1, 0.5]
cart_ttl_s = 3
abandon = 0.4
cancel = 0.3

[payments]
after_s = [0.1, 0.5]
due_s = 4
never = 0.2

[warehouse]
restocks_per_s = 20

[publishers]
duplicates = 0.2

[pods]
partitions = 4
"#;

/// What a load test says of a build with this bug in it: its exit code, and its verdict.
fn judged(mutant: Option<Mutant>) -> (i32, Value) {
    let dir = tempfile::tempdir().expect("a directory");
    let plan = dir.path().join("mutants.toml");
    std::fs::write(&plan, PLAN).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_earmark"));
    command.arg("load").arg(&plan).args(["--servers", SERVERS, "--json"]);
    if let Some(mutant) = mutant {
        command.env("EARMARK_MUTANT", mutant.name());
    }
    let output = command.output().expect("it can be started");
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap_or(-1), report["verdict"].clone())
}

fn is_found(mutant: Mutant, list: &str) {
    let (code, verdict) = judged(Some(mutant));
    println!("{}: {verdict:#}", mutant.name());
    let found = verdict[list].as_array().expect("a list");
    assert!(code == 1 && !found.is_empty(), "{list} is empty, code {code}: {verdict:#}");
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let (code, verdict) = judged(None);
    let lists = verdict.as_object().expect("lists");
    let clean = lists.values().all(|list| list.as_array().is_some_and(Vec::is_empty));
    assert!(code == 0 && clean, "code {code}: {verdict:#}");
}

#[test]
fn an_event_that_is_not_recognised_again_is_found() {
    is_found(Mutant::DedupeOff, "twice");
}

#[test]
fn a_record_that_was_never_appended_is_found() {
    is_found(Mutant::CommitSkipped, "lost");
}

#[test]
fn a_hold_whose_deadline_is_ignored_is_found() {
    is_found(Mutant::ExpiryIgnored, "stuck");
}

#[test]
fn a_hold_that_was_said_to_be_let_go_is_found() {
    is_found(Mutant::ReleaseLost, "stuck");
}
