//! The demo: a seed gives its table, whatever is killed; and a broken promise is found.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use bytes::Bytes;
use earmark::{
    embedded::Embedded,
    ports::{Outgoing, Outlet},
};
use serde_json::Value;
use tempfile::TempDir;

use super::Ran;

const SMALL: [&str; 7] = ["demo", "--events", "2000", "--skus", "100", "--seed", "3"];

async fn demo(more: &[&str]) -> Ran {
    let args: Vec<&str> = SMALL.iter().chain(more).copied().collect();
    Ran::earmark(&args, &[]).await
}

fn path(dir: &TempDir) -> &str {
    dir.path().to_str().expect("a path in UTF-8")
}

#[tokio::test]
async fn a_seed_gives_its_table_whatever_is_killed() {
    let whole = demo(&["--json"]).await.with(0).json();
    assert_eq!(whole["run"]["crashes"], 1);
    let day = &whole["day"];
    assert_eq!((&day["units"]["oversold"], &day["broken"]), (&0.into(), &Value::Array(vec![])));
    for some in ["/duplicates_ignored", "/holds/granted", "/holds/rejected", "/holds/expired"] {
        assert!(day.pointer(some).and_then(Value::as_u64) > Some(0), "{some}: {day}");
    }
    for some in ["/orders/delivered", "/orders/expired", "/orders/cancelled", "/refunds_due"] {
        assert!(day.pointer(some).and_then(Value::as_u64) > Some(0), "{some}: {day}");
    }
    for reason in ["malformed_json", "stale", "wrong_lane", "orphan", "unknown_type"] {
        assert!(day["dead_letters"][reason].as_u64() > Some(0), "{reason}: {day}");
    }

    // Killed from outside, at another place than by itself: conductor and pod together.
    let dir = TempDir::new().expect("a directory can be made");
    kill_at("11:", path(&dir));
    kill_at("15:", path(&dir));
    let again = demo(&["--json", "--data", path(&dir)]).await.with(0).json();
    assert_eq!(again["day"], *day);

    // A day that is over is told again; another day is not played into it.
    let text = demo(&["--data", path(&dir)]).await.with(0).out();
    assert!(text.contains("every promise was kept"), "{text}");
    let state = day["state"].as_str().expect("a state");
    assert!(text.contains(state), "{text}");
    let args = ["demo", "--events", "2000", "--skus", "100", "--seed", "4", "--data", path(&dir)];
    let other = Ran::earmark(&args, &[]).await;
    assert!(other.with(2).err().contains("go on with --events 2000 --skus 100 --seed 3"));
}

/// Plays until the day has come to an hour, and kills it there.
fn kill_at(hour: &str, dir: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_earmark"))
        .args(SMALL)
        .args(["--data", dir])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let there = lines.map_while(Result::ok).any(|line| line.starts_with(hour));
    assert!(there, "the day never came to {hour}");
    child.kill().expect("it can be killed");
    child.wait().expect("it has ended");
}

#[tokio::test]
async fn a_broken_promise_is_found() {
    let dir = TempDir::new().expect("a directory can be made");
    demo(&["--data", path(&dir)]).await.with(0);
    let store = Embedded::open(dir.path()).expect("nobody has it open");
    let twice = Outgoing {
        outlet: Outlet::Out,
        subject: "earmark.out.sku.SKU-00001.hold_granted".to_owned(),
        id: Some("1-0-9-999".to_owned()),
        headers: Vec::new(),
        payload: Bytes::from_static(b"{}"),
        after: None,
    };
    store.ports().outbox.send(vec![twice]).await.pop().expect("a result").expect("it is taken");
    drop(store);
    let found = demo(&["--data", path(&dir)]).await.with(1).out();
    let words = "an effect that the journal does not know: 1-0-9-999";
    assert!(found.contains("PROMISES WERE BROKEN") && found.contains(words), "{found}");
}

#[tokio::test]
async fn a_directory_with_something_else_is_left_alone() {
    let dir = TempDir::new().expect("a directory can be made");
    std::fs::write(dir.path().join("letter.txt"), "mine").expect("a file can be written");
    let refused = demo(&["--data", path(&dir)]).await.with(2);
    assert!(refused.err().contains("has something else in it"), "{}", refused.err());
}
