//! A rush: events of every lane at given rates, far more than a pod may decide; what became of each,
//! and how long it took.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_nats::jetstream::Context;
use bytes::Bytes;
use earmark::{
    contract::subject::input_subject,
    domain::{
        decision::{Standing, Verdict},
        event::Lane,
        ids::{EntityKey, OrderId, Sku},
        refusal::Reason,
    },
    partition::entry::{Entry, Trigger},
};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    journal::Journals,
    load::{now, publish},
    world::BOUND,
};

/// What somebody tells or asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Goods are found: a fact that is answered.
    Settlement,
    /// A hold for a cart, by one who waits.
    Cart,
    /// An order, by one who waits.
    Order,
    /// Goods come in.
    Fulfilment,
    /// A description changes.
    Reporting,
}

pub const KINDS: [Kind; 5] =
    [Kind::Settlement, Kind::Cart, Kind::Order, Kind::Fulfilment, Kind::Reporting];

/// Events a second, in the order of [`KINDS`].
pub type Mix = [u64; 5];

/// How an answer was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Decided,
    /// Decided, and not granted.
    Refused,
    Busy,
}

/// An event that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    pub kind: Kind,
    pub sku: usize,
    pub at: Instant,
    pub answer: Option<(Instant, Heard)>,
}

/// Which SKUs are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Each in turn.
    Everybodys,
    /// Nineteen of twenty carts are for the first.
    TheFirst,
}

type Book = Arc<Mutex<Vec<Sent>>>;
type ToSend = Arc<tokio::sync::Mutex<mpsc::Receiver<(String, Bytes)>>>;

/// Events that are on their way to the log at a time.
const SENDERS: usize = 256;

/// Events that are sent, and their answers.
pub struct Rush {
    context: Context,
    inbox: String,
    skus: Vec<String>,
    units: u64,
    book: Book,
    hearing: JoinHandle<()>,
}

impl Rush {
    /// Brings in the stock.
    pub async fn start(context: Context, skus: usize, units: u64) -> Rush {
        let client = context.client();
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.>")).await.expect("one can subscribe");
        let book = Book::default();
        let hearing = tokio::spawn(hear(answers, book.clone()));
        let skus: Vec<String> = (0..skus).map(|n| format!("SKU-{n}")).collect();
        for sku in &skus {
            let data = json!({ "location": "MAIN", "quantity": units, "reference": "delivery" });
            let event = event(&format!("stock-{sku}"), "stock.received.v1", sku, data);
            publish(&context, Lane::Fulfilment, &event).await;
        }
        Rush { context, inbox, skus, units, book, hearing }
    }

    /// Sends events at these rates for so long, each until the log has it.
    pub async fn play(&self, mix: Mix, whose: Whose, time: Duration) {
        let (send, to_send) = mpsc::channel(SENDERS);
        let to_send = Arc::new(tokio::sync::Mutex::new(to_send));
        let sending: Vec<JoinHandle<()>> = (0..SENDERS)
            .map(|_| tokio::spawn(send_all(self.context.clone(), to_send.clone())))
            .collect();
        drop(to_send);
        let began = Instant::now();
        let mut sent = [0_u64; 5];
        let mut tick = tokio::time::interval(Duration::from_millis(2));
        while began.elapsed() < time {
            tick.tick().await;
            let stamp = now();
            // One of each that is due, in turn: what the log takes too slowly holds up its own kind.
            let mut any = true;
            while std::mem::take(&mut any) && began.elapsed() < time {
                for (place, kind) in KINDS.into_iter().enumerate() {
                    let due = (began.elapsed().as_secs_f64() * mix[place] as f64) as u64;
                    if sent[place] < due {
                        let next = self.next(kind, whose, sent[place], &stamp);
                        send.send(next).await.expect("somebody sends");
                        sent[place] += 1;
                        any = true;
                    }
                }
            }
        }
        drop(send);
        for sender in sending {
            sender.await.expect("it ends by itself");
        }
    }

    /// The next event, which is noted as sent.
    fn next(&self, kind: Kind, whose: Whose, turn: u64, stamp: &str) -> (String, Bytes) {
        let sku = match whose {
            Whose::TheFirst if kind == Kind::Cart && !turn.is_multiple_of(20) => 0,
            Whose::TheFirst => 1 + turn as usize % (self.skus.len() - 1),
            Whose::Everybodys => turn as usize % self.skus.len(),
        };
        let mut book = self.book.lock().expect("nobody panics");
        let number = book.len();
        book.push(Sent { kind, sku, at: Instant::now(), answer: None });
        drop(book);
        let mut event = self.event(kind, number, &self.skus[sku]);
        event["time"] = json!(stamp);
        if !matches!(kind, Kind::Fulfilment | Kind::Reporting) {
            event["replyto"] = json!(format!("{}.{number}", self.inbox));
        }
        let (lane, key) = match kind {
            Kind::Settlement => (Lane::Settlement, sku_key(&self.skus[sku])),
            Kind::Cart => (Lane::Demand, sku_key(&self.skus[sku])),
            Kind::Order => {
                let order = OrderId::new(&format!("O-{number}")).expect("it is a key");
                (Lane::Demand, EntityKey::Order(order))
            }
            Kind::Fulfilment => (Lane::Fulfilment, sku_key(&self.skus[sku])),
            Kind::Reporting => (Lane::Reporting, sku_key(&self.skus[sku])),
        };
        (input_subject(lane, &key), event.to_string().into())
    }

    fn event(&self, kind: Kind, number: usize, sku: &str) -> Value {
        let id = id(number);
        match kind {
            Kind::Settlement => {
                let data = json!({ "location": "MAIN", "quantity": 1, "reason": "found" });
                event(&id, "stock.adjusted.v1", sku, data)
            }
            Kind::Cart => {
                let data = json!({
                    "hold": id, "owner": "cart", "kind": "cart", "quantity": 1, "ttl_s": 36_000,
                });
                event(&id, "hold.requested.v1", sku, data)
            }
            Kind::Order => {
                let lines = json!([{ "line": "1", "sku": sku, "quantity": 1 }]);
                let data = json!({
                    "lines": lines, "policy": "all_or_nothing", "payment_due_s": 36_000,
                });
                event(&id, "order.placed.v1", &format!("O-{number}"), data)
            }
            Kind::Fulfilment => {
                let data = json!({ "location": "MAIN", "quantity": 1, "reference": id });
                event(&id, "stock.received.v1", sku, data)
            }
            Kind::Reporting => {
                let data = json!({ "attributes": { "title": id } });
                event(&id, "sku.described.v1", sku, data)
            }
        }
    }

    /// What was sent so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.book.lock().expect("nobody panics").clone()
    }

    /// Waits until everything is decided or was told to come back; then nothing was lost, decided
    /// twice or sold twice, and all units are there.
    pub async fn all_is_well(self) -> Vec<Sent> {
        let asked = [Kind::Settlement, Kind::Cart, Kind::Order];
        let began = Instant::now();
        loop {
            let waits = |sent: &&Sent| asked.contains(&sent.kind) && sent.answer.is_none();
            let sent = self.sent();
            let waiting: Vec<&Sent> = sent.iter().filter(waits).collect();
            if waiting.is_empty() {
                break;
            }
            let told = (waiting.len(), waiting.first());
            assert!(began.elapsed() < 2 * BOUND, "unanswered, and the first of them: {told:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let mut waited = 0;
        let journals = loop {
            let journals = Journals::read(&self.context).await;
            let (found, wanted) = (decided(&journals).len(), self.sent().len());
            if found == wanted {
                break journals;
            }
            waited += 1;
            assert!(waited < 60, "{found} of {wanted} events are in the journal");
            tokio::time::sleep(Duration::from_secs(1)).await;
        };
        self.hearing.abort();
        let sent = self.sent();
        self.check(&journals, &sent);
        sent
    }

    fn check(&self, journals: &Journals, sent: &[Sent]) {
        let decided = decided(journals);
        let mut on_hand = vec![self.units; self.skus.len()];
        for (number, sent) in sent.iter().enumerate() {
            let is_busy = decided[&number];
            let told = sent.answer.map(|(_, heard)| heard == Heard::Busy);
            assert!(told.is_none_or(|busy| busy == is_busy), "{number} was told otherwise");
            let may_be = matches!(sent.kind, Kind::Cart | Kind::Order);
            assert!(may_be || !is_busy, "{number}, {:?}, was refused", sent.kind);
            let adds = matches!(sent.kind, Kind::Settlement | Kind::Fulfilment);
            on_hand[sent.sku] += u64::from(adds);
        }
        let mut last = BTreeMap::new();
        for entry in journals.0.values().flatten().flat_map(|kept| &kept.record.entries) {
            let Entry::Decided(decided) = entry else { continue };
            let (EntityKey::Sku(sku), Some(shown)) = (&decided.entity, &decided.shown) else {
                continue;
            };
            let of = &shown.total;
            assert_eq!(of.short + of.backordered + of.overdrawn, 0, "{sku} is oversold: {of:?}");
            last.insert(sku.to_string(), of.on_hand);
        }
        for (sku, wanted) in self.skus.iter().zip(on_hand) {
            assert_eq!(last[sku], wanted, "units of {sku}");
        }
    }
}

/// The events that the journal knows, and whether each was told to come back.
fn decided(journals: &Journals) -> BTreeMap<usize, bool> {
    let mut events = BTreeMap::new();
    let mut twice = BTreeSet::new();
    for entry in journals.0.values().flatten().flat_map(|kept| &kept.record.entries) {
        let Entry::Decided(decided) = entry else { continue };
        let Trigger::Event(cause) = &decided.trigger else { continue };
        let number = cause.id.strip_prefix("e-").and_then(|number| number.parse().ok());
        let (Some(number), Standing::New) = (number, decided.standing) else { continue };
        let busy =
            matches!(&decided.verdict, Verdict::Refused(refusal) if refusal.reason == Reason::Busy);
        if events.insert(number, busy).is_some() {
            twice.insert(number);
        }
    }
    assert!(twice.is_empty(), "decided twice: {twice:?}");
    events
}

/// Publishes what comes: a log that is asked for more than it can take says so, and is asked again.
async fn send_all(context: Context, events: ToSend) {
    loop {
        let next = events.lock().await.recv().await;
        let Some((subject, payload)) = next else { return };
        while !publish_once(&context, &subject, &payload).await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn publish_once(context: &Context, subject: &str, payload: &Bytes) -> bool {
    match context.publish(subject.to_owned(), payload.clone()).await {
        Ok(ack) => ack.await.is_ok(),
        Err(_) => false,
    }
}

async fn hear(mut answers: async_nats::Subscriber, book: Book) {
    while let Some(message) = answers.next().await {
        let answer: Value = serde_json::from_slice(&message.payload).expect("JSON");
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let number: usize = number.expect("it is a number of ours");
        let busy = answer["data"]["reason"] == json!("busy");
        if busy {
            assert!(answer["data"]["retry_after_s"].is_u64(), "{answer}");
        }
        let heard = match (busy, answer["data"]["status"] == json!("refused")) {
            (true, _) => Heard::Busy,
            (false, true) => Heard::Refused,
            (false, false) => Heard::Decided,
        };
        let mut book = book.lock().expect("nobody panics");
        book[number].answer.get_or_insert((Instant::now(), heard));
    }
}

fn id(number: usize) -> String {
    format!("e-{number}")
}

fn sku_key(sku: &str) -> EntityKey {
    EntityKey::Sku(Sku::new(sku).expect("it is a key"))
}

fn event(id: &str, kind: &str, subject: &str, data: Value) -> Value {
    json!({
        "specversion": "1.0", "id": id, "source": "/rush", "type": kind, "subject": subject,
        "time": now(), "data": data,
    })
}

/// The wait that so many of a hundred are below, of those of a kind that were decided and sent
/// within a time.
pub fn percentile(
    sent: &[Sent],
    percent: usize,
    is_counted: impl Fn(&Sent) -> bool,
) -> Option<Duration> {
    let counted = sent.iter().filter(|sent| is_counted(sent));
    let answered = counted.filter_map(|sent| match sent.answer {
        Some((at, Heard::Decided | Heard::Refused)) => Some(at - sent.at),
        Some((_, Heard::Busy)) | None => None,
    });
    let mut waits: Vec<Duration> = answered.collect();
    waits.sort_unstable();
    waits.get(waits.len().saturating_sub(1) * percent / 100).copied()
}
