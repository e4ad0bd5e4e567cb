//! `setup`, `check` and `publish` with no pod running.

use serde_json::json;

use super::world::{World, event, file, small_shop};

#[tokio::test]
async fn setup_may_be_repeated_and_check_says_what_is_missing() {
    let world = World::start().await;
    let before = world.earmark(&["check"]).await.with(1);
    assert!(before.out().contains("WRONG  streams"), "{}", before.out());
    assert!(before.out().contains("run `earmark setup`"), "{}", before.out());

    let dry = world.earmark(&["setup", "--dry-run", "--json"]).await.with(0).json();
    assert_eq!(dry["changes"].as_array().map(Vec::len), Some(10));
    assert_eq!(dry["seeded"].as_array().map(Vec::len), Some(4));
    let first = world.earmark(&["setup", "--json"]).await.with(0).json();
    assert_eq!(first["changes"], dry["changes"]);
    assert_eq!(first["seeded"], json!([0, 1, 2, 3]));
    let again = world.earmark(&["setup", "--json"]).await.with(0).json();
    assert_eq!((&again["changes"], &again["seeded"]), (&json!([]), &json!([])));
    world.earmark(&["check"]).await.with(0);
}

#[tokio::test]
async fn another_number_of_partitions_is_refused() {
    let mut world = World::start().await;
    world.earmark(&["setup"]).await.with(0);
    world.partitions = "8";
    for args in [&["run"][..], &["setup"], &["setup", "--dry-run"]] {
        let refused = world.earmark(args).await.with(1);
        says_both_numbers(&refused.err(), args);
    }
    let check = world.earmark(&["check"]).await.with(1);
    says_both_numbers(&check.out(), &["check"]);
    assert!(!check.out().contains("run `earmark setup`"), "it would refuse: {}", check.out());
    world.partitions = "4";
    world.earmark(&["check"]).await.with(0);
}

fn says_both_numbers(said: &str, args: &[&str]) {
    assert!(said.contains("with 4 partitions, and 8 are configured"), "{args:?}: {said}");
    assert!(said.contains("what to do: set streams.partitions to 4"), "{args:?}: {said}");
}

#[tokio::test]
async fn a_key_that_does_not_exist_is_refused() {
    let world = World::start().await;
    world.earmark(&["setup"]).await.with(0);
    let file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    std::fs::write(file.path(), "[enginee]\n").expect("the settings can be written");
    let path = file.path().to_str().expect("a path in UTF-8");
    let wrong = world.earmark(&["--config", path, "check"]).await.with(2);
    assert!(wrong.err().contains("enginee: found a key that does not exist"), "{}", wrong.err());
}

#[tokio::test]
async fn a_server_that_is_away_is_named_and_has_its_own_code() {
    let mut world = World::start().await;
    world.nats.kill();
    let status = world.earmark(&["status"]).await.with(3);
    assert!(status.err().contains(&world.nats.url()), "{}", status.err());
    let check = world.earmark(&["check", "--json"]).await.with(3).json();
    let redis = check.as_array().and_then(|all| all.iter().find(|of| of["what"] == "Redis"));
    assert_eq!(redis.map(|of| &of["ok"]), Some(&json!(true)));
}

#[tokio::test]
async fn bad_lines_are_reported_and_do_not_stop_the_rest() {
    let world = World::start().await;
    world.earmark(&["setup"]).await.with(0);
    let mut lines = small_shop();
    let negative = json!({"location": "MAIN", "quantity": -1, "reference": "po-2"});
    let large = json!({"attributes": {"text": "x".repeat(900_000)}});
    lines.insert(1, "not json".to_owned());
    lines.insert(2, String::new());
    lines.insert(3, event("n1", "stock.received.v1", "SKU.1", &negative));
    lines.push(event("l1", "sku.described.v1", "SKU.1", &large));
    lines.push(event("x1", "stock.vanished.v1", "SKU.1", &json!({})));
    let size = lines[6].len();
    let file = file(&lines);
    let path = file.path().to_str().expect("a path in UTF-8");

    let text = world.earmark(&["publish", path]).await.with(1);
    let told: Vec<String> = text.err().lines().map(str::to_owned).collect();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].starts_with("line 2: malformed_json"), "{told:?}");
    assert!(told[1].starts_with("line 4: invalid_field: data.quantity: found -1"), "{told:?}");
    let limit = format!("line 7: too_large: found {size} bytes, expected at most 786432 bytes");
    assert!(told[2].starts_with(&limit), "{told:?}");
    assert!(told[3].starts_with("line 8: unknown_type"), "{told:?}");

    let machine = world.earmark(&["publish", path, "--json"]).await.with(1);
    let summary = machine.json();
    assert_eq!((&summary["published"], &summary["refused"]), (&json!(3), &json!(4)));
    let first: serde_json::Value =
        serde_json::from_str(machine.err().lines().next().unwrap_or_default()).expect("JSON");
    assert_eq!((&first["line"], &first["reason"]), (&json!(2), &json!("malformed_json")));
}

#[tokio::test]
async fn waiting_for_decisions_that_do_not_come_ends_at_its_time() {
    let world = World::start().await;
    world.earmark(&["setup"]).await.with(0);
    let file = file(&small_shop());
    let path = file.path().to_str().expect("a path in UTF-8");
    world.earmark(&["publish", path, "--wait", "--timeout", "1"]).await.with(4);
    let status = world.earmark(&["status", "--json"]).await.with(0).json();
    assert_eq!(status["unread"], json!(3));
}
