//! A single shop, for real: a directory is published to, served, killed, and served again.

use std::{io::Write, path::Path};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tempfile::{NamedTempFile, TempDir};

use super::Ran;
use crate::harness::{Pod, READY_BOUND, free_port, wait_until};

const PARTITIONS: (&str, &str) = ("EARMARK__STREAMS__PARTITIONS", "4");

struct Shop {
    dir: TempDir,
    port: u16,
    client: Client,
}

impl Shop {
    fn new() -> Shop {
        let dir = TempDir::new().expect("a directory can be made");
        Shop { dir, port: free_port(), client: Client::new() }
    }

    fn path(&self) -> &str {
        self.dir.path().to_str().expect("a path in UTF-8")
    }

    fn listen(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    async fn earmark(&self, args: &[&str]) -> Ran {
        Ran::earmark(args, &[PARTITIONS]).await
    }

    fn spawn(&self) -> Pod {
        let listen = self.listen();
        Pod::earmark(&["run", "--embedded", self.path(), "--listen", &listen], &[PARTITIONS])
    }

    async fn pod(&self) -> Pod {
        let pod = self.spawn();
        let url = format!("http://{}/readyz", self.listen());
        wait_until("the pod is ready", READY_BOUND, async || {
            self.client.get(&url).send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        pod
    }

    fn token(&self) -> String {
        let token = std::fs::read_to_string(self.dir.path().join("token"));
        token.expect("a directory that is served has a token").trim().to_owned()
    }

    async fn post(&self, event: &Value) -> (StatusCode, Value) {
        let url = format!("http://{}/v1/events", self.listen());
        let request = self.client.post(url).bearer_auth(self.token()).body(event.to_string());
        let request = request.header("content-type", "application/cloudevents+json");
        let answer = request.send().await.expect("the pod answers");
        (answer.status(), answer.json().await.expect("it speaks JSON"))
    }

    async fn get(&self, path: &str) -> (StatusCode, Value) {
        let url = format!("http://{}{path}", self.listen());
        let answer = self.client.get(url).bearer_auth(self.token()).send().await;
        let answer = answer.expect("the pod answers");
        (answer.status(), answer.json().await.expect("it speaks JSON"))
    }
}

fn event(id: &str, kind: &str, data: Value) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let micros = now.expect("a time after 1970").as_micros() as i64;
    let time = earmark::contract::time::format(earmark::domain::time::Timestamp(micros));
    json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": kind, "subject": "Cup / blå",
        "time": time, "data": data,
    })
}

fn stock() -> Value {
    event("po-1", "stock.received.v1", json!({"location": "east", "quantity": 3, "reference": "a"}))
}

fn hold(name: &str) -> Value {
    let data = json!({"hold": name, "owner": "cart", "kind": "cart", "quantity": 2});
    event(&format!("hold/{name}"), "hold.requested.v1", data)
}

fn file(lines: &[Value]) -> NamedTempFile {
    let mut file = NamedTempFile::new().expect("a file can be made");
    lines.iter().for_each(|line| writeln!(file, "{line}").expect("it can be written"));
    file
}

fn name(file: &NamedTempFile) -> &str {
    file.path().to_str().expect("a path in UTF-8")
}

#[tokio::test]
async fn a_directory_is_published_to_served_killed_and_served_again() {
    let shop = Shop::new();
    let goods = file(&[stock(), stock()]);

    // Nobody serves it yet: events go into its log, and nobody waits for a decision.
    shop.earmark(&["publish", name(&goods), "--to", shop.path(), "--wait"]).await.with(2);
    let put = shop.earmark(&["publish", name(&goods), "--to", shop.path(), "--json"]).await;
    assert_eq!(put.with(0).json()["published"], 2);

    let mut pod = shop.pod().await;
    // No order is promised between lanes.
    wait_until("the stock is there", READY_BOUND, async || {
        shop.get("/v1/availability/Cup%20%2F%20bl%C3%A5").await.1["available"] == 3
    })
    .await;
    let (status, answer) = shop.post(&hold("first")).await;
    assert_eq!(
        (status, &answer["data"]["status"]),
        (StatusCode::OK, &json!("granted")),
        "{answer}"
    );

    // Now it is served: events go through the door of whoever serves it.
    let more = file(&[hold("second"), stock()]);
    let put =
        shop.earmark(&["publish", name(&more), "--to", shop.path(), "--wait", "--json"]).await;
    let put = put.with(0).json();
    assert_eq!((&put["published"], &put["decided"]), (&json!(2), &json!(true)));
    let url = format!("http://{}", shop.listen());
    let wrong = [PARTITIONS, ("EARMARK__HTTP__TOKEN", "a-token-that-is-another")];
    let refused = Ran::earmark(&["publish", name(&more), "--to", &url], &wrong).await.with(1);
    assert!(refused.err().contains("EARMARK__HTTP__TOKEN"), "{}", refused.err());
    let token = shop.token();
    let right = [PARTITIONS, ("EARMARK__HTTP__TOKEN", token.as_str())];
    Ran::earmark(&["publish", name(&more), "--to", &url, "--wait"], &right).await.with(0);

    // One process has a directory at a time, with the partitions that it was made with.
    let second = shop.earmark(&["run", "--embedded", shop.path(), "--listen", "127.0.0.1:0"]).await;
    assert!(second.with(1).err().contains("another process has it open"));

    pod.kill();
    let mut pod = shop.pod().await;
    let (_, answer) = shop.post(&hold("first")).await;
    assert_eq!(answer["data"]["repeated"], true, "{answer}");
    assert_eq!(answer["data"]["status"], "granted", "{answer}");

    // Two units were held of three, whatever was said twice.
    let (status, page) = shop.get("/v1/outcomes?limit=1000").await;
    assert_eq!(status, StatusCode::OK);
    let said = page["messages"].as_array().expect("a list");
    let of = |kind: &str| said.iter().filter(|said| said["message"]["type"] == kind).count();
    assert_eq!((of("hold.granted.v1"), of("hold.rejected.v1")), (1, 1), "{page}");
    let last = said.last().expect("there is one");
    assert_eq!(last["message"]["data"]["quantities"]["available"], 1, "{last}");
    let (_, rest) = shop.get(&format!("/v1/outcomes?after={}", page["next"])).await;
    assert_eq!(rest["messages"], json!([]));

    let (status, shown) = shop.get("/v1/availability/Cup%20%2F%20bl%C3%A5").await;
    assert_eq!((status, &shown["available"]), (StatusCode::OK, &json!(1)), "{shown}");
    let (status, problem) = shop.get("/v1/availability/CUP").await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("unknown_sku")));

    // The same is answered by whoever serves it, with more.
    wait_until("the answer is exact", READY_BOUND, async || {
        let (status, answer) = shop.get("/v1/skus/Cup%20%2F%20bl%C3%A5").await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let here = (&answer["locations"][0]["location"], &answer["locations"][0]["held"]);
        assert_eq!(here, (&json!("east"), &json!(2)), "{answer}");
        answer["certainty"] == "exact" && answer["promisable"] == 1 && answer["holds_open"] == 1
    })
    .await;
    let (status, problem) = shop.get("/v1/skus/CUP").await;
    assert_eq!((status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("unknown_sku")));
    let mut order = event(
        "o-1",
        "order.placed.v1",
        json!({
            "lines": [{"line": "1", "sku": "Cup / blå", "quantity": 1}],
            "policy": "all_or_nothing", "payment_due_s": 900,
        }),
    );
    order["subject"] = json!("A-1");
    shop.post(&order).await;
    wait_until("the order is reserved", READY_BOUND, async || {
        let (_, answer) = shop.get("/v1/orders/A-1").await;
        answer["status"] == "reserved" && answer["lines"][0]["units"]["reserved"] == 1
    })
    .await;

    assert_eq!(pod.terminate(READY_BOUND).await, 0);
    assert!(!shop.dir.path().join("address").exists(), "nobody serves it any more");
    let other = [("EARMARK__STREAMS__PARTITIONS", "8")];
    let run = ["run", "--embedded", shop.path(), "--listen", "127.0.0.1:0"];
    let refused = Ran::earmark(&run, &other).await.with(1);
    assert!(refused.err().contains("set streams.partitions to 4"), "{}", refused.err());
}

#[tokio::test]
async fn what_cannot_be_taken_is_found_and_what_cannot_be_asked_is_said() {
    let shop = Shop::new();
    let _pod = shop.pod().await;
    let early = event("early", "hold.requested.v1", hold("early")["data"].clone());
    let mut early = early;
    early["time"] = json!("2020-01-01T00:00:00Z");
    let (status, answer) = shop.post(&early).await;
    assert_eq!((status, &answer["data"]["reason"]), (StatusCode::OK, &json!("stale")), "{answer}");
    wait_until("the dead letter is there", READY_BOUND, async || {
        let (_, page) = shop.get("/v1/dead-letters").await;
        page["messages"][0]["message"]["reason"] == "stale"
    })
    .await;
    let (status, problem) = shop.get("/v1/outcomes?limit=0").await;
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_query")));
    let (status, _) = shop.get("/v1/outcomes?since=1").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[cfg(unix)]
#[tokio::test]
async fn the_token_is_for_the_owner_of_the_directory() {
    use std::os::unix::fs::PermissionsExt;
    let shop = Shop::new();
    let _pod = shop.pod().await;
    let mode = |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode();
    assert_eq!(mode(&shop.dir.path().join("token")) & 0o777, 0o600);
}
