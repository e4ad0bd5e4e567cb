//! Shoppers who want units of one SKU, a few at once, each of them one thing after another, and who
//! ask again until they are answered; and the check that their answers, and what pods said of the
//! SKU to whoever asked meanwhile, could come from one shelf: see `linearizable.rs`.

use std::time::Duration;

use bytes::Bytes;
use earmark::{
    contract::{self, partition_of},
    domain::{
        event::Lane,
        ids::{EntityKey, Sku},
        time::Timestamp,
    },
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    linearizable::{Book, Operation, check},
    oracles::Oracle,
    simulation::PARTITIONS,
    world::World,
};

/// What they want. Nobody else has to do with it.
const WANTED: &str = "wanted";
/// How many want it at once.
pub const SHOPPERS: u64 = 5;
/// Longer than any run, in seconds: time lets go of nothing.
const NEVER_S: u32 = 86_400;
/// What is said of what was not decided: it may be, if it comes again.
const ASK_AGAIN: [&str; 2] = ["busy", "killer"];
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What is done with the shelf.
#[derive(Clone, Debug)]
pub enum Call {
    Receive { units: u64 },
    Hold { units: u64, partial: bool },
    Release { units: u64 },
    Commit { units: u64 },
    Look,
}

/// What is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Done,
    Granted {
        units: u64,
    },
    /// Nothing was granted, for want of units; so many could have been had.
    Refused {
        available: u64,
    },
    Seen(Shelf),
    /// Something else, which is never to be said.
    Other(String),
}

pub type Used = Operation<Call, Said>;

/// Units, by what they are promised for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shelf {
    available: u64,
    held: u64,
    allocated: u64,
}

impl Book for Shelf {
    type Call = Call;
    type Answer = Said;

    fn after(&self, call: &Call, answer: Option<&Said>) -> Option<Shelf> {
        let (after, says) = self.use_for(call)?;
        answer.is_none_or(|answer| *answer == says).then_some(after)
    }
}

impl Shelf {
    /// What comes of it, and what is to be said; nothing, where there is nothing to take it from.
    fn use_for(&self, call: &Call) -> Option<(Shelf, Said)> {
        let Shelf { available, held, allocated } = *self;
        Some(match *call {
            Call::Receive { units } => {
                (Shelf { available: available + units, ..*self }, Said::Done)
            }
            Call::Hold { units, partial } => {
                let granted = if partial { units.min(available) } else { units };
                if granted == 0 || granted > available {
                    return Some((*self, Said::Refused { available }));
                }
                let after = Shelf { available: available - granted, held: held + granted, ..*self };
                (after, Said::Granted { units: granted })
            }
            Call::Release { units } => {
                let held = held.checked_sub(units)?;
                (Shelf { available: available + units, held, ..*self }, Said::Done)
            }
            Call::Commit { units } => {
                let held = held.checked_sub(units)?;
                (Shelf { held, allocated: allocated + units, ..*self }, Said::Done)
            }
            Call::Look => (*self, Said::Seen(*self)),
        })
    }
}

pub fn wanted() -> EntityKey {
    EntityKey::Sku(Sku::new(WANTED).expect("a key"))
}

/// A place in the order of all calls and answers.
pub fn tick(world: &World) -> u64 {
    let mut outside = world.lock();
    outside.ticks += 1;
    outside.ticks
}

/// Somebody was shown the SKU, having asked at `called`.
pub fn seen(world: &World, called: u64, view: Option<&Value>) {
    let units = |name: &str| view.map_or(0, |view| view["total"][name].as_u64().unwrap_or(0));
    let (available, held) = (units("available"), units("held"));
    let shelf = Shelf { available, held, allocated: units("allocated") };
    let answered = Some((tick(world), Said::Seen(shelf)));
    world.lock().history.push(Operation { call: Call::Look, called, answered });
}

/// One of those who want it.
struct Shopper {
    world: World,
    rng: ChaCha8Rng,
    number: u64,
    calls: u64,
    /// Names of holds, and their units.
    own: Vec<(String, u64)>,
}

/// Goes on until then, and waits for its last answer.
pub async fn shop(world: World, number: u64, end: Instant) {
    let rng = ChaCha8Rng::seed_from_u64(world.case.seed ^ (0x5409 + number));
    let mut shopper = Shopper { world, rng, number, calls: 0, own: Vec::new() };
    while Instant::now() < end {
        shopper.use_once().await;
        let pause = shopper.rng.random_range(0..1_000);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

impl Shopper {
    async fn use_once(&mut self) {
        self.calls += 1;
        let own = (!self.own.is_empty()).then(|| self.rng.random_range(0..self.own.len()));
        let units = self.rng.random_range(1..5);
        match (self.rng.random_range(0..10), own) {
            (0, _) => {
                let reference = format!("{}-{}", self.number, self.calls);
                let data = json!({"location": "east", "quantity": units, "reference": reference});
                self.call(Call::Receive { units }, "stock.received", data).await;
            }
            (1..6, Some(own)) => {
                let (hold, units) = self.own.remove(own);
                let data = json!({"hold": hold, "owner": self.cart()});
                match self.rng.random_bool(0.8) {
                    true => self.call(Call::Release { units }, "hold.released", data).await,
                    false => self.call(Call::Commit { units }, "hold.committed", data).await,
                };
            }
            _ => self.hold(units).await,
        }
    }

    async fn hold(&mut self, units: u64) {
        let hold = format!("wish-{}-{}", self.number, self.calls);
        let partial = self.rng.random_bool(0.3);
        let data = json!({
            "hold": hold, "owner": self.cart(), "kind": "cart", "quantity": units,
            "ttl_s": NEVER_S, "partial": partial,
        });
        let said = self.call(Call::Hold { units, partial }, "hold.requested", data).await;
        if let Said::Granted { units } = said {
            self.own.push((hold, units));
        }
    }

    fn cart(&self) -> String {
        format!("shopper-{}", self.number)
    }

    /// Publishes it until it is answered, and writes down when it began and ended.
    async fn call(&mut self, call: Call, kind: &str, data: Value) -> Said {
        let kind = format!("{kind}.v1");
        let inbox = format!("_INBOX.shopper.{}.{}", self.number, self.calls);
        let time = contract::time::format(Timestamp(self.world.now().0 - 20_000));
        let event = json!({
            "specversion": "1.0", "id": format!("{}-{}", self.number, self.calls),
            "source": "shoppers", "type": kind, "subject": WANTED, "time": time,
            "replyto": inbox, "data": data,
        });
        let lane = contract::types::event_type(&kind).map_or(Lane::Demand, |found| found.lane);
        let subject =
            format!("earmark.p.{}.{}.sku", partition_of(&wanted(), PARTITIONS), lane.as_str());
        let payload = Bytes::from(event.to_string());
        let called = tick(&self.world);
        let place = {
            let mut outside = self.world.lock();
            outside.history.push(Operation { call, called, answered: None });
            outside.history.len() - 1
        };
        let mut heard = self.world.lock().answers.len();
        loop {
            let now = self.world.now();
            self.world.lock().input.append(now, &subject, None, payload.clone());
            let patience = Duration::from_millis(self.rng.random_range(200..3_000));
            if let Some(said) = self.answer(&inbox, &mut heard, patience).await {
                let answered = (tick(&self.world), said.clone());
                self.world.lock().history[place].answered = Some(answered);
                self.world.count("shopper: answered");
                return said;
            }
            self.world.count("shopper: asks again");
        }
    }

    /// What comes into the inbox, if it comes in time; answers before `heard` were looked at.
    async fn answer(&self, inbox: &str, heard: &mut usize, patience: Duration) -> Option<Said> {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            tokio::time::sleep(LOOK_EVERY).await;
            let outside = self.world.lock();
            let new = outside.answers[*heard..].iter();
            let found = new.filter(|(_, to, _)| to == inbox).find_map(|(_, _, bytes)| said(bytes));
            *heard = outside.answers.len();
            if found.is_some() {
                return found;
            }
        }
        None
    }
}

/// What an answer says; nothing if it is no decision about units: then it is asked again.
fn said(bytes: &[u8]) -> Option<Said> {
    let answer: Value = serde_json::from_slice(bytes).expect("answers are JSON");
    let data = &answer["data"];
    let number = |name: &str| data[name].as_u64();
    match data["status"].as_str()? {
        "accepted" => Some(Said::Done),
        "granted" | "partially_granted" => Some(Said::Granted { units: number("quantity")? }),
        "parked" => None,
        status => {
            let why = data["reason"].as_str().or(data["rule"].as_str()).unwrap_or(status);
            match number("available") {
                _ if ASK_AGAIN.contains(&why) => None,
                Some(available) => Some(Said::Refused { available }),
                None => Some(Said::Other(why.to_owned())),
            }
        }
    }
}

/// What shoppers were told could come from one shelf.
pub fn told_of_one_shelf(world: &World) {
    let history = std::mem::take(&mut world.lock().history);
    // Where the journal lost what was decided, what was told of it is gone, too.
    if world.lock().cut.contains_key(&partition_of(&wanted(), PARTITIONS)) {
        return;
    }
    let open = history.iter().filter(|used| used.answered.is_none());
    for Operation { call, .. } in open {
        world.violation(Oracle::Linearizable, format!("{call:?} was never answered"));
    }
    if let Err((most, stuck)) = check(Shelf::default(), &history) {
        let stuck: Vec<&Used> = stuck.iter().map(|place| &history[*place]).collect();
        let all = history.len();
        world.violation(
            Oracle::Linearizable,
            format!("{most} of {all} uses of one shelf can be ordered, and then none of {stuck:?}"),
        );
    }
}
