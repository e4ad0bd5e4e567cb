//! A steady load of holds, each of one unit, on many SKUs that have fewer units than are asked for.
//!
//! Whoever hears no answer asks again with the same id, as any client has to: answers are sent at
//! most once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use async_nats::jetstream::Context;
use earmark::{
    contract::subject::input_subject,
    domain::{
        event::Lane,
        ids::{EntityKey, Sku},
    },
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::{harness::wait_until, world::BOUND};

/// SKUs that are asked for.
const SKUS: u64 = 64;
/// Units of each of them.
pub const UNITS: u64 = 40;
/// Who has not heard an answer for this long asks again.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// A hold that was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub sku: String,
    asked: Instant,
    sent: Instant,
    pub granted: Option<bool>,
}

type Book = Arc<Mutex<BTreeMap<String, Asked>>>;

/// Holds that are being asked for.
pub struct Load {
    book: Book,
    stop: Arc<AtomicBool>,
    asking: JoinHandle<()>,
    hearing: JoinHandle<()>,
}

impl Load {
    /// Receives the stock, and asks so many times a second until it is stopped.
    pub async fn start(context: Context, rate: u64) -> Load {
        let client = context.client();
        let inbox = client.new_inbox();
        let mut answers = client.subscribe(format!("{inbox}.>")).await.expect("one can subscribe");
        let (book, stop) = (Book::default(), Arc::new(AtomicBool::new(false)));
        let heard = book.clone();
        let hearing = tokio::spawn(async move {
            while let Some(message) = answers.next().await {
                let answer: Value = serde_json::from_slice(&message.payload).expect("JSON");
                let id = message.subject.rsplit('.').next().unwrap_or_default();
                let granted = answer["data"]["status"] == json!("granted");
                if let Some(asked) = heard.lock().expect("nobody panics").get_mut(id) {
                    let before = *asked.granted.get_or_insert(granted);
                    assert_eq!(before, granted, "the answer to {id} flipped: {answer}");
                }
            }
        });
        for sku in 0..SKUS {
            let data = json!({"location": "MAIN", "quantity": UNITS, "reference": "delivery"});
            let event = event(&format!("stock-{sku}"), "stock.received.v1", &key(sku), data);
            publish(&context, Lane::Fulfilment, &event).await;
        }
        let (asks, over) = (book.clone(), stop.clone());
        let asking = tokio::spawn(ask(context, inbox, rate, asks, over));
        Load { book, stop, asking, hearing }
    }

    /// How many holds have been answered.
    pub fn answered(&self) -> usize {
        let book = self.book.lock().expect("nobody panics");
        book.values().filter(|asked| asked.granted.is_some()).count()
    }

    /// Waits until so many more holds have been answered.
    pub async fn more(&self, answers: usize) {
        let wanted = self.answered() + answers;
        let what = format!("{answers} more answers");
        wait_until(&what, BOUND, async || self.answered() >= wanted).await;
    }

    /// Asks no more, and waits until all that was asked is answered.
    pub async fn stop(self) -> BTreeMap<String, Asked> {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.await.expect("asking ends by itself");
        self.hearing.abort();
        let book = self.book.lock().expect("nobody panics");
        book.clone()
    }
}

async fn ask(context: Context, inbox: String, rate: u64, book: Book, over: Arc<AtomicBool>) {
    let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / rate));
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let (mut number, ended) = (0_u64, Instant::now());
    loop {
        pace.tick().await;
        let now = Instant::now();
        let overdue = {
            let mut book = book.lock().expect("nobody panics");
            let waits = |asked: &Asked| asked.granted.is_none();
            if over.load(Ordering::Relaxed) && !book.values().any(waits) {
                return;
            }
            let again = book.iter_mut().find(|(_, a)| waits(a) && a.sent + ASK_AGAIN < now);
            again.map(|(id, asked)| {
                asked.sent = now;
                assert!(asked.asked.elapsed() < BOUND, "{id} is never answered");
                (id.clone(), asked.sku.clone())
            })
        };
        let (id, sku) = match overdue {
            Some(overdue) => overdue,
            None if over.load(Ordering::Relaxed) => {
                assert!(ended.elapsed() < BOUND * 10, "the load ends");
                continue;
            }
            None => {
                number += 1;
                let (id, sku) = (format!("hold-{number}"), key(number % SKUS));
                let asked = Asked { sku: sku.clone(), asked: now, sent: now, granted: None };
                book.lock().expect("nobody panics").insert(id.clone(), asked);
                (id, sku)
            }
        };
        let data = json!({
            "hold": id, "owner": "cart", "kind": "cart", "quantity": 1, "ttl_s": 36_000,
        });
        let mut event = event(&id, "hold.requested.v1", &sku, data);
        event["replyto"] = json!(format!("{inbox}.{id}"));
        publish(&context, Lane::Demand, &event).await;
    }
}

/// The key of a SKU.
fn key(number: u64) -> String {
    format!("SKU-{number}")
}

fn event(id: &str, kind: &str, sku: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/load", "type": kind, "subject": sku,
        // The same each time it is sent: the same id with other content would be refused.
        "time": START.get_or_init(now).as_str(), "data": data,
    })
}

static START: std::sync::OnceLock<String> = std::sync::OnceLock::new();

fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    let now = now.format(&time::format_description::well_known::Rfc3339);
    now.expect("now can be written")
}

/// Publishes, and again until it is taken: servers may be away.
async fn publish(context: &Context, lane: Lane, event: &Value) {
    let sku = event["subject"].as_str().expect("an event has a subject");
    let key = EntityKey::Sku(Sku::new(sku).expect("it is a key"));
    let subject = input_subject(lane, &key);
    let bytes = event.to_string();
    loop {
        let sent = context.publish(subject.clone(), bytes.clone().into()).await;
        match (sent, lane) {
            // Who asks does not wait for the log.
            (Ok(ack), Lane::Demand) => return drop(tokio::spawn(ack.into_future())),
            (Ok(ack), _) => {
                if ack.await.is_ok() {
                    return;
                }
            }
            (Err(_), _) => {}
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
