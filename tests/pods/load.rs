//! A steady load of holds, each of one unit, on many SKUs that have fewer units than are asked for.
//!
//! Whoever hears no answer asks again with the same id, as any client has to: answers are sent at
//! most once.

use std::{
    collections::{BTreeMap, VecDeque},
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

/// Who has not heard an answer for this long asks again.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wants {
    /// Holds a second.
    pub rate: u64,
    /// Of so many SKUs.
    pub skus: u64,
    /// Units that each of them has.
    pub units: u64,
}

impl Wants {
    /// More than there is, soon, of a few SKUs.
    pub fn at(rate: u64) -> Wants {
        Wants { rate, skus: 64, units: 40 }
    }
}

/// A hold that was asked for.
#[derive(Clone, Debug)]
pub struct Asked {
    pub sku: String,
    pub asked: Instant,
    /// When it was answered, and whether it was granted.
    pub answer: Option<(Instant, bool)>,
}

impl Asked {
    /// How long it was waited for its answer; until now, if there is none.
    fn wait(&self) -> Duration {
        self.answer.map_or_else(|| self.asked.elapsed(), |(answered, _)| answered - self.asked)
    }
}

/// All holds that were asked for.
#[derive(Default)]
pub struct Asks {
    pub holds: BTreeMap<String, Asked>,
    /// Those that may not have been answered, and when they were sent last.
    waiting: VecDeque<(Instant, String)>,
}

impl Asks {
    /// Drops those that have been answered meanwhile; whether somebody still waits.
    fn anybody_waits(&mut self) -> bool {
        while let Some((_, id)) = self.waiting.front()
            && self.holds[id].answer.is_some()
        {
            self.waiting.pop_front();
        }
        !self.waiting.is_empty()
    }

    /// Who has waited too long, and has to ask again.
    fn overdue(&mut self, now: Instant) -> Option<(String, String)> {
        if !self.anybody_waits() || self.waiting.front()?.0 + ASK_AGAIN > now {
            return None;
        }
        let (_, id) = self.waiting.pop_front()?;
        let asked = &self.holds[&id];
        assert!(asked.asked.elapsed() < BOUND, "{id} is never answered");
        let sku = asked.sku.clone();
        self.waiting.push_back((now, id.clone()));
        Some((id, sku))
    }

    fn ask(&mut self, id: &str, sku: &str, now: Instant) {
        let asked = Asked { sku: sku.to_owned(), asked: now, answer: None };
        self.holds.insert(id.to_owned(), asked);
        self.waiting.push_back((now, id.to_owned()));
    }
}

type Book = Arc<Mutex<Asks>>;

/// Holds that are being asked for.
pub struct Load {
    pub wants: Wants,
    book: Book,
    stop: Arc<AtomicBool>,
    asking: JoinHandle<()>,
    hearing: JoinHandle<()>,
}

impl Load {
    /// Receives the stock, and asks so many times a second until it is stopped.
    pub async fn start(context: Context, wants: Wants) -> Load {
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
                if let Some(asked) = heard.lock().expect("nobody panics").holds.get_mut(id) {
                    let (_, before) = *asked.answer.get_or_insert((Instant::now(), granted));
                    assert_eq!(before, granted, "the answer to {id} flipped: {answer}");
                }
            }
        });
        for sku in 0..wants.skus {
            let data =
                json!({"location": "MAIN", "quantity": wants.units, "reference": "delivery"});
            let event = event(&format!("stock-{sku}"), "stock.received.v1", &key(sku), data);
            publish(&context, Lane::Fulfilment, &event).await;
        }
        let (asks, over) = (book.clone(), stop.clone());
        let asking = tokio::spawn(ask(context, inbox, wants, asks, over));
        Load { wants, book, stop, asking, hearing }
    }

    /// How many holds have been answered.
    pub fn answered(&self) -> usize {
        let book = self.book.lock().expect("nobody panics");
        book.holds.values().filter(|asked| asked.answer.is_some()).count()
    }

    /// The longest wait for each SKU since then.
    pub fn waits(&self, since: Instant) -> BTreeMap<String, Duration> {
        let book = self.book.lock().expect("nobody panics");
        let mut longest: BTreeMap<String, Duration> = BTreeMap::new();
        for hold in book.holds.values().filter(|hold| hold.asked >= since) {
            let longest = longest.entry(hold.sku.clone()).or_default();
            *longest = hold.wait().max(*longest);
        }
        longest
    }

    /// Waits until so many more holds have been answered.
    pub async fn more(&self, answers: usize) {
        let wanted = self.answered() + answers;
        let what = format!("{answers} more answers");
        wait_until(&what, BOUND, async || self.answered() >= wanted).await;
    }

    /// Asks no more, and waits until all that was asked is answered.
    pub async fn stop(self) -> (Wants, BTreeMap<String, Asked>) {
        self.stop.store(true, Ordering::Relaxed);
        self.asking.await.expect("asking ends by itself");
        self.hearing.abort();
        let mut book = self.book.lock().expect("nobody panics");
        (self.wants, std::mem::take(&mut book.holds))
    }
}

async fn ask(context: Context, inbox: String, wants: Wants, book: Book, over: Arc<AtomicBool>) {
    let mut pace = tokio::time::interval(Duration::from_nanos(1_000_000_000 / wants.rate));
    let mut number = 0_u64;
    loop {
        pace.tick().await;
        let now = Instant::now();
        let over = over.load(Ordering::Relaxed);
        let (id, sku) = {
            let mut book = book.lock().expect("nobody panics");
            match book.overdue(now) {
                Some(overdue) => overdue,
                None if over && !book.anybody_waits() => return,
                None if over => continue,
                None => {
                    number += 1;
                    let (id, sku) = (format!("hold-{number}"), key(number % wants.skus));
                    book.ask(&id, &sku, now);
                    (id, sku)
                }
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

pub fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    let now = now.format(&time::format_description::well_known::Rfc3339);
    now.expect("now can be written")
}

/// Publishes, and again until it is taken: servers may be away.
pub async fn publish(context: &Context, lane: Lane, event: &Value) {
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
