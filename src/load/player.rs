//! Plays a plan: sends each event when it was meant to be sent, or as soon after as it can, and
//! hears what comes of it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use async_nats::{Client, Subscriber, jetstream};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::{
    curve::{Arrivals, Curve},
    event::{Envelopes, Event, id},
    heard::{Answer, Told},
    measure::{Came, Measure},
    plan::Plan,
    report::{Hot, Kind},
    sender::Sender,
    shop::Shop,
};
use crate::{
    clock::SystemClock,
    error::{Exit, Failure},
    ports::Clock,
};

/// Who has heard nothing for so long asks again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How long the goods that are there when the shop opens may take to be there.
const OPEN_WITHIN: Duration = Duration::from_secs(120);
/// How often whoever watches is told.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// What is heard, and what is done, before the other has its turn: whoever is behind with the one
/// must not put off the other for ever.
const IN_A_TURN: usize = 64;
/// How long nothing may be left to do until it is believed.
const QUIET: Duration = Duration::from_millis(500);

/// How a run goes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown {
    /// What is going on.
    pub doing: String,
    /// Seconds since the first shopper could come; below 0 before.
    pub at_s: f64,
    /// Events that were asked for and answered in the last second.
    pub rates: (u64, u64),
    /// By kind: p50, p99 and p99.9 so far, in milliseconds.
    pub waits: Vec<(Kind, [f64; 3])>,
    /// Events that are not answered.
    pub unanswered: usize,
    /// Events that the log has.
    pub logged: u64,
}

/// What a run has heard.
pub struct Played {
    /// All waits.
    pub measure: Measure,
    /// The SKUs that were asked for most.
    pub hot: Vec<Hot>,
    /// The seconds after which all that was begun was over.
    pub settled_after_s: f64,
    /// Events that were never answered.
    pub unanswered: usize,
    /// Orders of which nobody heard that they were confirmed, or over.
    pub open_orders: usize,
    /// The ids of holds that were granted.
    pub granted: Vec<String>,
}

/// Who comes by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Comes {
    Shopper,
    Delivery,
    Description,
}

enum Due {
    Comes(Comes),
    Say(Event),
    /// Somebody who was told to comes back.
    Again(u64, Waiting),
}

/// An event that waits for its answer.
struct Waiting {
    kind: Kind,
    /// When it was meant to be sent for the first time.
    meant_s: f64,
    /// How often it was told to come back.
    told_busy: u32,
    /// When it was sent last.
    asked: Instant,
    subject: String,
    payload: Bytes,
}

/// What is played on.
pub struct Player {
    plan: Plan,
    shop: Shop,
    sender: Sender,
    answers: Subscriber,
    outcomes: Subscriber,
    shown: watch::Sender<Shown>,
    measure: Measure,
    began: Instant,
    /// By when, in microseconds, and then in the order in which it was planned.
    due: BTreeMap<(u64, u64), (f64, Due)>,
    planned: u64,
    arrivals: Vec<(Comes, Arrivals<ChaCha8Rng>)>,
    waiting: HashMap<u64, Waiting>,
    /// Who was sent when; what was sent again since, or is answered, counts no more.
    asked_at: VecDeque<(Instant, u64)>,
    granted: Vec<String>,
}

impl Player {
    /// A player of a plan; `source` and `prefix` are the run's own.
    pub async fn new(
        plan: &Plan,
        (publishing, hearing): (Client, Client),
        (source, prefix): (&str, &str),
        shown: watch::Sender<Shown>,
    ) -> Result<Player, Failure> {
        let failed = |error: async_nats::SubscribeError| Failure::unreachable(error);
        let inbox = hearing.new_inbox();
        let answers = hearing.subscribe(format!("{inbox}.*")).await.map_err(failed)?;
        let outcomes = hearing.subscribe("earmark.out.order.>").await.map_err(failed)?;
        hearing.flush().await.map_err(Failure::unreachable)?;
        let began = SystemClock.now();
        let envelopes = Envelopes { source: source.to_owned(), inbox, began };
        let shop = Shop::new(plan, envelopes, prefix)
            .ok_or_else(|| Failure::new(Exit::Usage, "shoppers.baskets: no shares"))?;
        Ok(Player {
            plan: plan.clone(),
            shop,
            sender: Sender::start(jetstream::new(publishing)),
            answers,
            outcomes,
            shown,
            measure: Measure::default(),
            began: Instant::now(),
            due: BTreeMap::new(),
            planned: 0,
            arrivals: Vec::new(),
            waiting: HashMap::new(),
            asked_at: VecDeque::new(),
            granted: Vec::new(),
        })
    }

    /// Brings the goods in that are there when the shop opens.
    pub async fn open(&mut self) -> Result<(), Failure> {
        self.shop.open();
        self.plan_sayings();
        let until = Instant::now() + OPEN_WITHIN;
        while !self.is_quiet() {
            if timeout_at(until, self.step("the shop is filled")).await.is_err() {
                let text = format!("{} deliveries are not answered", self.waiting.len());
                return Err(Failure::new(Exit::TimedOut, text)
                    .advise("look at what the pods wrote, or take fewer SKUs"));
            }
        }
        self.measure = Measure::default();
        self.granted.clear();
        Ok(())
    }

    /// Opens the doors: seconds are counted from now on. When that is.
    pub fn begin(&mut self) -> Instant {
        self.began = Instant::now();
        self.shop.begins(SystemClock.now());
        let (lasts, of) = (self.plan.duration_s(), &self.plan.warehouse);
        for (comes, curve) in [
            (Comes::Shopper, self.plan.shoppers_come()),
            (Comes::Delivery, Curve::steady(of.restocks_per_s, lasts)),
            (Comes::Description, Curve::steady(of.descriptions_per_s, lasts)),
        ] {
            let seed = self.plan.seed.wrapping_mul(31).wrapping_add(comes as u64);
            let chance = ChaCha8Rng::seed_from_u64(seed);
            self.arrivals.push((comes, Arrivals::new(curve, chance)));
        }
        for comes in [Comes::Shopper, Comes::Delivery, Comes::Description] {
            self.plan_next(comes);
        }
        self.began
    }

    /// Plays to the end: until nothing is left to do, or for as long as that may take.
    pub async fn play(mut self) -> Played {
        let lasts = self.plan.duration_s();
        let ends = self.began + Duration::from_secs_f64(lasts + self.plan.settle_within_s);
        let mut busy_until = Instant::now();
        loop {
            let doing = if self.now_s() < lasts { "shoppers come" } else { "what is begun ends" };
            // A log that takes nothing more would hold a step up for ever.
            let is_late = timeout_at(ends, self.step(doing)).await.is_err();
            if !self.is_quiet() || self.shop.open_orders() > 0 || self.now_s() < lasts {
                busy_until = Instant::now();
            }
            if is_late || busy_until.elapsed() > QUIET {
                break;
            }
        }
        Played {
            settled_after_s: busy_until.duration_since(self.began).as_secs_f64() - lasts,
            hot: self.shop.hottest(20),
            unanswered: self.waiting.len(),
            open_orders: self.shop.open_orders(),
            measure: self.measure,
            granted: self.granted,
        }
    }

    fn now_s(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn is_quiet(&self) -> bool {
        self.due.is_empty() && self.waiting.is_empty() && self.sender.on_their_way() == 0
    }

    /// Hears what has come, or waits until something comes or is due; then does what is due.
    async fn step(&mut self, doing: &str) {
        self.tell(doing);
        let next = self.due.keys().next().map(|(at_us, _)| Duration::from_micros(*at_us));
        let wake = next.map_or_else(|| Instant::now() + TELL_EVERY, |next| self.began + next);
        let wake = wake.min(Instant::now() + TELL_EVERY);
        tokio::select! {
            biased;
            Some(message) = self.answers.next() => self.hear(&message),
            Some(message) = self.outcomes.next() => self.hear_of_order(&message.payload),
            () = tokio::time::sleep_until(wake) => {}
        }
        self.hear_what_is_there();
        for _ in 0..IN_A_TURN {
            let Some(first) = self.due.first_entry() else { break };
            if first.key().0 > self.began.elapsed().as_micros() as u64 {
                break;
            }
            let (at_s, due) = first.remove();
            self.act(at_s, due).await;
        }
        self.ask_again().await;
    }

    fn hear_what_is_there(&mut self) {
        for _ in 0..IN_A_TURN {
            let answer = self.answers.next().now_or_never().flatten();
            let outcome = self.outcomes.next().now_or_never().flatten();
            if answer.is_none() && outcome.is_none() {
                return;
            }
            answer.iter().for_each(|message| self.hear(message));
            outcome.iter().for_each(|message| self.hear_of_order(&message.payload));
        }
    }

    // === what is due ===

    fn plan(&mut self, at_s: f64, due: Due) {
        self.planned += 1;
        self.due.insert(((at_s.max(0.0) * 1e6) as u64, self.planned), (at_s, due));
    }

    fn plan_next(&mut self, comes: Comes) {
        let mut of = self.arrivals.iter_mut().filter(|(of, _)| *of == comes);
        if let Some(at_s) = of.next().and_then(|(_, arrivals)| arrivals.next()) {
            self.plan(at_s, Due::Comes(comes));
        }
    }

    fn plan_sayings(&mut self) {
        for (at_s, event) in self.shop.sayings() {
            if let Some((_, kind)) = event.waits {
                self.measure.asked(kind, at_s);
            }
            self.plan(at_s, Due::Say(event));
        }
    }

    async fn act(&mut self, at_s: f64, due: Due) {
        match due {
            Due::Say(event) => return self.say(at_s, event).await,
            Due::Again(number, waiting) => return self.ask(number, waiting).await,
            Due::Comes(Comes::Shopper) => self.shop.come(at_s),
            Due::Comes(Comes::Delivery) => self.shop.restock(at_s),
            Due::Comes(Comes::Description) => self.shop.describe(at_s),
        }
        if let Due::Comes(comes) = due {
            self.plan_next(comes);
        }
        self.plan_sayings();
    }

    async fn say(&mut self, meant_s: f64, event: Event) {
        let Event { waits, subject, payload } = event;
        match waits {
            None => self.sender.send((subject, payload)).await,
            Some((number, kind)) => {
                let asked = Instant::now();
                let waiting = Waiting { kind, meant_s, told_busy: 0, asked, subject, payload };
                self.ask(number, waiting).await;
            }
        }
    }

    async fn ask(&mut self, number: u64, waiting: Waiting) {
        let letter = (waiting.subject.clone(), waiting.payload.clone());
        let asked = Instant::now();
        self.asked_at.push_back((asked, number));
        self.waiting.insert(number, Waiting { asked, ..waiting });
        self.sender.send(letter).await;
    }

    /// Who has heard nothing asks again, with the same id: answers are sent at most once.
    async fn ask_again(&mut self) {
        let now = Instant::now();
        for _ in 0..IN_A_TURN {
            let first = self.asked_at.front().copied();
            let Some((asked, number)) = first.filter(|(asked, _)| now - *asked >= ASK_AGAIN) else {
                return;
            };
            self.asked_at.pop_front();
            if self.waiting.get(&number).is_some_and(|waiting| waiting.asked == asked)
                && let Some(waiting) = self.waiting.remove(&number)
            {
                self.ask(number, waiting).await;
            }
        }
    }

    // === what is heard ===

    fn hear(&mut self, message: &async_nats::Message) {
        let number = message.subject.rsplit('.').next().and_then(|number| number.parse().ok());
        let Some((number, answer)) = number.zip(Answer::read(&message.payload)) else { return };
        let Some(waiting) = self.waiting.remove(&number) else { return };
        let (at_s, kind, meant_s) = (self.now_s(), waiting.kind, waiting.meant_s);
        self.measure.came(&format!("{} {}", kind.as_str(), answer.word()));
        match answer.busy() {
            Some(later) => {
                self.measure.answered(kind, meant_s, at_s, Came::Busy);
                if waiting.told_busy < self.plan.shoppers.patience {
                    let waiting = Waiting { told_busy: waiting.told_busy + 1, ..waiting };
                    return self.plan(at_s + f64::from(later), Due::Again(number, waiting));
                }
                self.measure.gave_up(kind);
            }
            None => {
                let came = if answer.is_taken() { Came::Taken } else { Came::Refused };
                self.measure.answered(kind, meant_s, at_s, came);
                match (kind, came) {
                    (Kind::Hold, Came::Taken) => self.granted.push(id(number)),
                    (Kind::Order, Came::Taken) => self.measure.asked(Kind::Reserved, meant_s),
                    _ => {}
                }
            }
        }
        self.shop.answered((number, kind), &answer, at_s);
        self.plan_sayings();
    }

    fn hear_of_order(&mut self, payload: &[u8]) {
        let Some(told) = Told::read(payload) else { return };
        let at_s = self.now_s();
        let Some(placed_s) = self.shop.placed_s(&told.subject) else { return };
        self.measure.came(told.kind.trim_end_matches(".v1"));
        if !self.shop.told(&told, at_s) {
            return;
        }
        // What came of it was not heard if this is the first that is.
        let came = match told.kind.as_str() {
            "order.reserved.v1" => Some(Came::Taken),
            "order.rejected.v1" => Some(Came::Refused),
            _ => None,
        };
        if let Some(came) = came {
            self.measure.answered(Kind::Reserved, placed_s, at_s, came);
        }
        self.plan_sayings();
    }

    fn tell(&self, doing: &str) {
        let at_s = if self.arrivals.is_empty() { -1.0 } else { self.now_s() };
        let due = self.shown.borrow().at_s + TELL_EVERY.as_secs_f64() <= at_s;
        if !due && self.shown.borrow().doing == doing {
            return;
        }
        let waits = Kind::ALL
            .into_iter()
            .filter_map(|kind| Some((kind, self.measure.below(kind, [50.0, 99.0, 99.9])?)));
        let last_second = (at_s as usize).saturating_sub(1);
        self.shown.send_replace(Shown {
            doing: doing.to_owned(),
            at_s,
            rates: self.measure.rates(last_second),
            waits: waits.collect(),
            unanswered: self.waiting.len(),
            logged: self.sender.logged(),
        });
    }
}
