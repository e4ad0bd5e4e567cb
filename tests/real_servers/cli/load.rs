//! `earmark load`, as a team runs it: servers and pods of its own, and a verdict.

use std::{path::Path, time::Duration};

use earmark::{
    load::sender::Sender,
    nats::{StreamSettings, setup},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::harness::{NatsServer, Pod, Ran, wait_until};

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/servers");

/// More is asked for than there is; a pod is killed, Redis stands still, and another pod is cut off.
const PLAN: &str = r#"
name = "trouble"
about = "everything at once"
arrivals = [[0, 40], [8, 40]]

[catalogue]
skus = 40
stock = 3
hot_skus = 2
hot_stock = 20
hot_share = 0.5

[shoppers]
think_s = [0.1, 0.5]
cart_ttl_s = 4

[payments]
after_s = [0.1, 0.5]
due_s = 5

[warehouse]
ships_after_s = [0.1, 0.5]
restocks_per_s = 5
restock_units = 1

[publishers]
duplicates = 0.05
malformed = 0.02

[pods]
count = 2
partitions = 4

[[faults]]
at_s = 2
what = "kill"
of = "pod-1"
for_s = 1

[[faults]]
at_s = 4
what = "freeze"
of = "redis"
for_s = 2

[[faults]]
at_s = 5
what = "cut"
of = "pod-2"
for_s = 2

[objectives]
decided_min = 0.5
hold_p99_ms = 60000
"#;

async fn load(args: &[&str]) -> Ran {
    Ran::earmark(args, Vec::new()).await
}

fn written(dir: &TempDir, name: &str, text: &str) -> String {
    let path = dir.path().join(name);
    std::fs::write(&path, text).expect("it can be written");
    path.to_string_lossy().into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promotion_with_everything_that_goes_wrong_keeps_every_promise() {
    let dir = tempfile::tempdir().expect("a directory");
    let plan = written(&dir, "trouble.toml", PLAN);
    let page = dir.path().join("page.html");
    let page_name = page.to_string_lossy();
    let args = ["load", &plan, "--servers", SERVERS, "--report", &page_name, "--json"];
    let ran = load(&args).await.with(0);
    let report = ran.json();
    for list in ["oversold", "undersold", "lost", "twice", "stuck", "other"] {
        assert_eq!(report["verdict"][list], json!([]), "{list}: {report}");
    }
    let faults: Vec<&Value> = report["faults"].as_array().expect("a list").iter().collect();
    let what: Vec<&Value> = faults.iter().map(|fault| &fault["what"]).collect();
    assert_eq!(what, ["kill pod-1", "freeze redis", "cut pod-2"]);
    let of = |kind: &str, what: &str| report["waits"][kind][what].as_u64().expect("a number");
    assert!(of("hold", "asked") > 200 && of("order", "answered") > 20, "{report}");
    // There is not enough for everybody.
    assert!(of("hold", "refused") > 0 && report["outcomes"]["order.confirmed"].as_u64() > Some(0));
    assert_eq!(of("hold", "unanswered") + of("settlement", "unanswered"), 0);
    let html = std::fs::read_to_string(&page).expect("it is written");
    assert!(html.contains("trouble") && html.contains("<svg"), "{html}");
    let now = written(&dir, "now.json", &report.to_string());
    let compared = load(&["load", "compare", &now, &now, "--json"]).await.with(0).json();
    let rows = compared["rows"].as_array().expect("a list");
    assert!(
        rows.iter().all(|row| row["ratio"] == json!(1.0) || row["ratio"].is_null()),
        "{rows:?}"
    );
    assert_eq!(compared["warnings"], json!([]));
}

#[tokio::test]
async fn what_cannot_be_played_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().expect("a directory");
    let wrong = written(&dir, "wrong.toml", &PLAN.replace("count = 2", "count = 0"));
    let refused = load(&["load", &wrong]).await.with(2).err();
    for said in ["pods.count: found 0, expected 1 to 16", "faults[0].of", "what to do"] {
        assert!(refused.contains(said), "{said}: {refused}");
    }
    let none = dir.path().join("none.toml");
    assert!(!Path::new(&none).exists());
    let missing = load(&["load", &none.to_string_lossy()]).await.with(2).err();
    assert!(missing.contains("none.toml") && missing.contains("config/load"), "{missing}");
    let plan = written(&dir, "trouble.toml", PLAN);
    let empty = dir.path().to_string_lossy().into_owned();
    let without = load(&["load", &plan, "--servers", &empty]).await.with(1).err();
    assert!(without.contains("nats-server") && without.contains("--servers"), "{without}");
    let aimless = written(&dir, "aimless.toml", PLAN.split("[objectives]").next().expect("a part"));
    let any = load(&["load", "capacity", &aimless]).await.with(2).err();
    assert!(any.contains("has no objectives") && any.contains("hold_p99_ms"), "{any}");
    let no_report = load(&["load", "compare", &plan, &plan]).await.with(2).err();
    assert!(no_report.contains("trouble.toml") && no_report.contains("--json"), "{no_report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_objective_that_is_missed_ends_it_with_code_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let faults = PLAN.find("[[faults]]").expect("it has faults");
    let calm = PLAN[..faults].replace("[8, 40]", "[2, 40]");
    let plan = written(&dir, "calm.toml", &format!("{calm}[objectives]\nhold_p99_ms = 0.001\n"));
    let missed = load(&["load", &plan, "--servers", SERVERS]).await.with(1).out();
    assert!(missed.contains("MISSED: hold_p99_ms"), "{missed}");
    assert!(missed.contains("every promise was kept"), "{missed}");
}

/// Logs that forget at once what they may.
const FORGETFUL: &str = r#"
[pods.settings]
"policy.horizon_s" = 60
"policy.skew_s" = 30
"policy.order_horizon_s" = 60
"streams.in_keep_s" = 60
"streams.journal_keep_s" = 0
"archive.interval_ms" = 500
"archive.look_every_ms" = 100
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_logs_forget_on_the_way_is_checked_by_their_copies() {
    let dir = tempfile::tempdir().expect("a directory");
    let faults = PLAN.find("[[faults]]").expect("it has faults");
    let calm = PLAN[..faults].to_owned() + FORGETFUL;
    let copied = calm.replacen("arrivals", "copies = true\narrivals", 1);
    let level = format!("{copied}[objectives]\nlevel_after_s = 1\ngrowth_max = 0\n");
    let plan = written(&dir, "copied.toml", &level);
    let report = load(&["load", &plan, "--servers", SERVERS, "--json"]).await.with(1).json();
    for list in ["oversold", "undersold", "lost", "twice", "stuck", "other"] {
        assert_eq!(report["verdict"][list], json!([]), "{list}: {report}");
    }
    assert_eq!((&report["unchecked"], &report["unsettled"]), (&json!([]), &Value::Null));
    let looks = report["looks"].as_array().expect("a list");
    let held = looks.iter().filter_map(|look| look["streams_bytes"]["EARMARK_JOURNAL"].as_u64());
    let held: Vec<u64> = held.collect();
    assert!(held.windows(2).any(|pair| pair[1] < pair[0]), "nothing was forgotten: {held:?}");
    // EARMARK_IN, which keeps a minute, has grown, and that is said.
    let objectives = report["objectives"].as_array().expect("a list");
    let of = |name: &str| objectives.iter().find(|of| of["name"] == name).expect("it is judged");
    assert_eq!(of("EARMARK_IN_growth")["holds"], json!(false), "{objectives:?}");
    assert!(of("redis_growth")["found"].is_number());

    let plan = written(&dir, "forgotten.toml", &calm);
    let failed = load(&["load", &plan, "--servers", SERVERS]).await.with(1).err();
    assert!(failed.contains("in archives alone") && failed.contains("copies = true"), "{failed}");
}

/// A process that another one started.
fn child_of(parent: u32, name: &str) -> Option<i32> {
    let children = std::fs::read_dir("/proc").ok()?.filter_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        // `pid (name) state parent …`
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (own, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
        let of = rest.split_whitespace().nth(1)?;
        (own == name && of == parent.to_string()).then_some(pid)
    });
    children.into_iter().next()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_ends_by_itself_ends_the_test_and_is_named() {
    let dir = tempfile::tempdir().expect("a directory");
    let faults = PLAN.find("[[faults]]").expect("it has faults");
    let plan = written(&dir, "long.toml", &PLAN[..faults].replace("[8, 40]", "[600, 40]"));
    let mut load = Pod::earmark(&["load", &plan, "--servers", SERVERS], &[]);
    wait_until("shoppers come", Duration::from_secs(60), async || {
        load.output().contains("shoppers come")
    })
    .await;
    let nats = child_of(load.id(), "nats-server").expect("it has a server of its own");
    kill(Pid::from_raw(nats), Signal::SIGKILL).expect("it can be killed");
    assert_eq!(load.wait(Duration::from_secs(60)).await, 1, "{}", load.output());
    assert!(load.output().contains("nats ended by itself"), "{}", load.output());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_stood_still_gets_all_that_was_meant_for_it() {
    const LETTERS: u64 = 20_000;
    let nats = NatsServer::start().await;
    let context = nats.jetstream().await;
    setup::apply(&context, &StreamSettings::default()).await.expect("set up");
    let sender = Sender::start(context);
    nats.freeze();
    let all = async {
        for n in 0..LETTERS {
            sender.send((format!("earmark.in.demand.sku.S-{n}"), "{}".into())).await;
        }
    };
    let thaw = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        nats.thaw();
    };
    let sent = async { tokio::join!(all, thaw) };
    tokio::time::timeout(Duration::from_secs(60), sent).await.expect("it takes them all");
    wait_until("all are in the log", Duration::from_secs(60), async || sender.logged() == LETTERS)
        .await;
}
