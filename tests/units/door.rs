//! Requests against a log that fails, fills up, or does not decide.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, header},
};
use bytes::Bytes;
use earmark::{
    config,
    http::{Door, Site, events, request},
    ports::{Inbox, NewEvent, PortError, PublishError, Publisher},
};
use futures::{StreamExt, channel::mpsc};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "0123456789abcdef";
const PREFIX: &str = "_INBOX.test.";

/// A log that does what it is told to, event by event, and decides what it takes.
#[derive(Default)]
struct Log {
    fails: Mutex<VecDeque<PublishError>>,
    published: Mutex<Vec<Bytes>>,
    decides: bool,
    /// What it decides is told `busy`, and to ask again after so many seconds.
    busy_for: Option<u32>,
    inbox: Mutex<Option<mpsc::UnboundedSender<(String, Bytes)>>>,
}

#[async_trait]
impl Publisher for Log {
    async fn publish(&self, event: NewEvent) -> Result<u64, PublishError> {
        self.published.lock().unwrap().push(event.payload.clone());
        if let Some(error) = self.fails.lock().unwrap().pop_front() {
            return Err(error);
        }
        let event: Value = serde_json::from_slice(&event.payload).unwrap();
        let data = match self.busy_for {
            Some(seconds) => json!({"reason": "busy", "retry_after_s": seconds}),
            None => json!({"event_id": event["id"], "reason": "insufficient_stock"}),
        };
        let answer = json!({"data": data}).to_string();
        let subject = event["replyto"].as_str().unwrap().to_owned();
        if self.decides {
            let inbox = self.inbox.lock().unwrap();
            inbox.as_ref().unwrap().unbounded_send((subject, answer.into())).unwrap();
        }
        Ok(1)
    }

    async fn inbox(&self) -> Result<Inbox, PortError> {
        let (tell, answers) = mpsc::unbounded();
        *self.inbox.lock().unwrap() = Some(tell);
        Ok(Inbox { prefix: PREFIX.to_owned(), answers: answers.boxed() })
    }
}

struct World {
    log: Arc<Log>,
    door: Arc<Door>,
    site: Site,
}

impl World {
    async fn start(log: Log) -> World {
        let token = [("EARMARK__HTTP__TOKEN".to_owned(), TOKEN.to_owned())];
        let settings = config::load_from(None, HashMap::from(token)).unwrap();
        let log = Arc::new(log);
        let door = Door::new(log.clone(), settings.limits, settings.http, None);
        while door.desk().is_err() {
            tokio::task::yield_now().await;
        }
        let stop = CancellationToken::new();
        let (whom, way) = (watch::channel(None).1, watch::channel(Some(door.clone())).1);
        World { log, door, site: Site { whom, way, stop } }
    }

    /// Posts a batch: the status, and what was said.
    async fn post(&self, events: &[Value]) -> (u16, Value) {
        let (status, _, said) = self.send(request::BATCH, &Value::from(events)).await;
        (status, said)
    }

    /// Posts: the status, the headers, and what was said.
    async fn send(&self, form: &str, what: &Value) -> (u16, HeaderMap, Value) {
        let request = Request::post("/v1/events")
            .header("authorization", format!("Bearer {TOKEN}"))
            .header("content-type", form)
            .body(Body::from(what.to_string()));
        let response = events::post(State(self.site.clone()), request.unwrap()).await;
        let (head, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (head.status.as_u16(), head.headers, serde_json::from_slice(&body).unwrap())
    }

    fn published(&self) -> Vec<Bytes> {
        self.log.published.lock().unwrap().clone()
    }
}

fn received(id: &str, sku: &str) -> Value {
    let data = json!({"location": "MAIN", "quantity": 1, "reference": id});
    json!({
        "specversion": "1.0", "id": id, "source": "/test", "type": "stock.received.v1",
        "subject": sku, "time": "2026-11-25T12:00:00Z", "data": data,
    })
}

fn statuses(results: &Value) -> Vec<&str> {
    results.as_array().unwrap().iter().map(|of| of["status"].as_str().unwrap()).collect()
}

fn unknown() -> PublishError {
    PublishError::Unknown("silence".to_owned())
}

#[tokio::test(start_paused = true)]
async fn what_was_not_acknowledged_is_published_again_with_the_same_bytes() {
    let fails = Mutex::new(VecDeque::from([unknown(), unknown()]));
    let world = World::start(Log { fails, decides: true, ..Log::default() }).await;
    let (status, results) = world.post(&[received("a", "A"), received("b", "A")]).await;
    assert_eq!((status, statuses(&results)), (200, vec!["decided"; 2]), "{results}");
    let published = world.published();
    assert_eq!(published.len(), 4);
    assert!(published[0] == published[1] && published[1] == published[2]);
    assert_ne!(published[2], published[3]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_said_in_the_end_and_what_stands_behind_is_not_taken() {
    let fails = Mutex::new(VecDeque::from(vec![unknown(); 1_000]));
    let world = World::start(Log { fails, decides: true, ..Log::default() }).await;
    let (status, problem) = world.post(&[received("a", "A"), received("b", "A")]).await;
    assert_eq!((status, &problem["code"]), (503, &json!("log_unreachable")), "{problem}");
    let published = world.published();
    assert!(published.len() > 3 && published.iter().all(|one| one == &published[0]));
}

#[tokio::test(start_paused = true)]
async fn after_one_that_finds_no_room_only_other_keys_go_on() {
    let full = PublishError::Full("no room".to_owned());
    let fails = Mutex::new(VecDeque::from([full]));
    let world = World::start(Log { fails, decides: true, ..Log::default() }).await;
    let first = [received("a", "A"), received("b", "A"), json!(1)];
    let (status, results) = world.post(&first).await;
    assert_eq!(status, 200, "{results}");
    assert_eq!(statuses(&results), ["not_taken", "not_taken", "refused"]);
    let codes = [&results[0]["problem"]["code"], &results[1]["problem"]["code"]];
    assert_eq!(codes, [&json!("log_full"), &json!("earlier_not_taken")]);
    let (status, results) = world.post(&first[..2]).await;
    assert_eq!((status, statuses(&results)), (200, vec!["decided"; 2]), "{results}");
}

#[tokio::test]
async fn who_is_told_busy_is_told_by_the_status_when_to_come_again() {
    let world = World::start(Log { decides: true, busy_for: Some(7), ..Log::default() }).await;
    let asked = received("a", "A");
    let (status, headers, said) = world.send(request::EVENT, &asked).await;
    assert_eq!((status, &said["code"]), (429, &json!("busy")), "{said}");
    assert_eq!(headers[header::RETRY_AFTER], "7");
    assert!(said["action"].as_str().unwrap().contains("in 7 s"), "{said}");
    // In a batch the others are answered too: there it stands in the event's own answer.
    let (status, headers, said) = world.send(request::BATCH, &json!([asked])).await;
    assert_eq!((status, headers.get(header::RETRY_AFTER)), (200, None), "{said}");
    assert_eq!(said[0]["answer"]["data"]["retry_after_s"], json!(7), "{said}");
    // Every other refusal is a decision.
    let world = World::start(Log { decides: true, ..Log::default() }).await;
    let (status, _, said) = world.send(request::EVENT, &received("b", "B")).await;
    assert_eq!((status, &said["data"]["reason"]), (200, &json!("insufficient_stock")), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_the_log_never_takes_stops_nobody() {
    let large = PublishError::TooLarge("too much".to_owned());
    let fails = Mutex::new(VecDeque::from([large]));
    let world = World::start(Log { fails, decides: true, ..Log::default() }).await;
    let (status, results) = world.post(&[received("a", "A"), received("b", "A")]).await;
    assert_eq!((status, statuses(&results)), (200, vec!["refused", "decided"]), "{results}");
    assert_eq!(results[0]["problem"]["status"], json!(413));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_leaves_keeps_nobody_waiting() {
    let world = World::start(Log::default()).await;
    let stop = world.site.stop.clone();
    let events = [received("a", "A"), received("b", "B")];
    let leaves = async {
        while world.published().len() < 2 {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    let began = tokio::time::Instant::now();
    let ((status, results), ()) = tokio::join!(world.post(&events), leaves);
    assert_eq!((status, statuses(&results)), (202, vec!["waiting"; 2]), "{results}");
    assert_eq!(began.elapsed(), Duration::ZERO, "nothing was waited for");
}

#[tokio::test(start_paused = true)]
async fn an_inbox_that_ends_is_opened_again() {
    let world = World::start(Log { decides: true, ..Log::default() }).await;
    *world.log.inbox.lock().unwrap() = None;
    let events = [received("a", "A")];
    while world.door.desk().is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.post(&events).await.0, 503);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.post(&events).await.0, 200);
}

#[tokio::test]
async fn a_bearer_token_is_read_whatever_the_case_of_its_scheme() {
    let world = World::start(Log::default()).await;
    let found = |headers: &HeaderMap| {
        let problem = world.door.admit(headers).err()?;
        Some(serde_json::to_value(problem).unwrap()["found"].as_str().unwrap().to_owned())
    };
    let given = |value: String| {
        let value = HeaderValue::try_from(value).unwrap();
        found(&HeaderMap::from_iter([(header::AUTHORIZATION, value)]))
    };
    let none = Some("no bearer token".to_owned());
    assert_eq!(given(format!("Bearer {TOKEN}")), None);
    assert_eq!(given(format!("bearer  {TOKEN} ")), None);
    for wrong in [format!("Basic {TOKEN}"), "Bearer".to_owned(), format!("Bearer{TOKEN}")] {
        assert_eq!(given(wrong), none);
    }
    assert_eq!(found(&HeaderMap::new()), none);
}
