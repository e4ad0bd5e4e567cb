//! What is decided: holds over many SKUs or one, or orders; the same for every contestant.
//!
//! Promises: the same seed makes the same events; one in a hundred is published twice; some SKUs
//! have less than is asked for, so that refusals are part of it.

use earmark::{
    contract::{EVENT_TYPES, subject::input_subject, time},
    domain::time::Timestamp,
};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use crate::listener::INBOX;

/// SKUs of the workloads that have many.
pub const SKUS: usize = 20_000;
/// Lines of an order.
pub const LINES: usize = 3;
/// One in so many events is published twice.
const TWICE: u64 = 100;
/// How many events later the second time is, at most.
const LATER: u64 = 5_000;
const SEED: u64 = 0x0ea2;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Holds of one unit over [`SKUS`] SKUs.
    Uniform,
    /// Holds of one unit of one SKU.
    Single,
    /// Orders of [`LINES`] lines over [`SKUS`] SKUs.
    Orders,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Uniform, Kind::Single, Kind::Orders];

    pub fn name(self) -> &'static str {
        match self {
            Kind::Uniform => "holds, 20,000 SKUs",
            Kind::Single => "holds, one SKU",
            Kind::Orders => "order lines",
        }
    }

    pub fn slug(self) -> &'static str {
        match self {
            Kind::Uniform => "uniform",
            Kind::Single => "single",
            Kind::Orders => "orders",
        }
    }

    /// What an event counts for.
    pub fn units(self) -> usize {
        match self {
            Kind::Uniform | Kind::Single => 1,
            Kind::Orders => LINES,
        }
    }
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Its id, which is also the hold's name or the order's key.
    pub id: String,
    /// What is asked for, a unit each.
    pub skus: Vec<usize>,
}

/// Everything that is asked for.
#[derive(Clone)]
pub struct Workload {
    pub kind: Kind,
    /// The names of the SKUs.
    pub skus: Vec<String>,
    /// What each has.
    pub stock: Vec<u32>,
    pub requests: Vec<Request>,
    /// In the order in which they are published, some twice.
    pub published: Vec<usize>,
}

impl Workload {
    /// The first so many requests, each published once.
    pub fn first(&self, count: usize) -> Workload {
        let mut first = self.clone();
        first.requests.truncate(count);
        first.published = (0..first.requests.len()).collect();
        first
    }

    /// So many events, of which one in a hundred is a repeat.
    pub fn new(kind: Kind, events: usize) -> Workload {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let skus: Vec<String> = match kind {
            Kind::Single => vec!["HOT-1".to_owned()],
            Kind::Uniform | Kind::Orders => (0..SKUS).map(|n| format!("SKU-{n:05}")).collect(),
        };
        let repeats = events / TWICE as usize;
        let requests: Vec<Request> = (0..events - repeats)
            .map(|n| Request {
                id: format!("{}-{n:07}", if kind == Kind::Orders { "SO" } else { "hold" }),
                skus: some_skus(&mut random, kind.units(), skus.len()),
            })
            .collect();
        let mut published: Vec<(u64, usize)> = (0..requests.len()).map(|n| (n as u64, n)).collect();
        for _ in 0..repeats {
            let which = below(&mut random, requests.len() as u64);
            let later = which + 1 + below(&mut random, LATER);
            published.push((later, which as usize));
        }
        published.sort_by_key(|(place, _)| *place);
        let published = published.into_iter().map(|(_, which)| which).collect();
        let mut workload = Workload { kind, stock: Vec::new(), skus, requests, published };
        workload.stock = workload.stock();
        workload
    }

    /// Of holds: less than is asked for. Of orders: enough, but for a few SKUs that have nothing
    /// and a few that have half.
    fn stock(&self) -> Vec<u32> {
        let scarce = |(n, demand): (usize, u32)| match (self.kind, n % 100) {
            (Kind::Uniform | Kind::Single, _) => (demand * 4 / 5).max(1),
            (Kind::Orders, 7) => 0,
            (Kind::Orders, 77) => demand / 2,
            (Kind::Orders, _) => demand + 10,
        };
        self.demand().into_iter().enumerate().map(scarce).collect()
    }

    /// Units asked for, repeats not counted.
    pub fn demand(&self) -> Vec<u32> {
        let mut demand = vec![0; self.skus.len()];
        for request in &self.requests {
            request.skus.iter().for_each(|sku| demand[*sku] += 1);
        }
        demand
    }

    /// What all events count for, repeats included.
    pub fn units(&self) -> usize {
        self.published.len() * self.kind.units()
    }

    /// Goods that come in: subjects and events, answered under numbers from 0.
    pub fn stock_events(&self, now: Timestamp) -> Vec<(String, String)> {
        let event = |(n, sku): (usize, &String)| {
            let data = format!(
                r#"{{"location":"MAIN","quantity":{},"reference":"first"}}"#,
                self.stock[n]
            );
            let reply = Some(n);
            event(now, "/wms/main", &format!("stock-{n}"), "stock.received.v1", sku, reply, &data)
        };
        let has = |(n, _): &(usize, &String)| self.stock[*n] > 0;
        self.skus.iter().enumerate().filter(has).map(event).collect()
    }

    /// How many SKUs have stock.
    pub fn stocked(&self) -> usize {
        self.stock.iter().filter(|stock| **stock > 0).count()
    }

    /// The number under which a request is answered.
    pub fn token(&self, request: usize) -> usize {
        self.skus.len() + request
    }

    /// A request as it is published.
    pub fn event(&self, request: usize, answered: bool, now: Timestamp) -> (String, String) {
        let Request { id, skus } = &self.requests[request];
        let reply = answered.then(|| self.token(request));
        match self.kind {
            Kind::Uniform | Kind::Single => {
                let data = format!(
                    r#"{{"hold":"{id}","owner":"cart-{request}","kind":"cart","quantity":1,"ttl_s":3600}}"#
                );
                let sku = &self.skus[skus[0]];
                event(now, "/shop/web", id, "hold.requested.v1", sku, reply, &data)
            }
            Kind::Orders => {
                let line = |(n, sku): (usize, &usize)| {
                    let sku = &self.skus[*sku];
                    format!(r#"{{"line":"{}","sku":"{sku}","quantity":1}}"#, n + 1)
                };
                let lines: Vec<String> = skus.iter().enumerate().map(line).collect();
                let data = format!(
                    r#"{{"lines":[{}],"policy":"all_or_nothing","payment_due_s":3600}}"#,
                    lines.join(",")
                );
                event(now, "/shop/web", id, "order.placed.v1", id, reply, &data)
            }
        }
    }
}

fn event(
    now: Timestamp,
    source: &str,
    id: &str,
    kind: &str,
    subject: &str,
    reply: Option<usize>,
    data: &str,
) -> (String, String) {
    let reply = reply.map(|n| format!(r#""replyto":"{INBOX}{n}","#)).unwrap_or_default();
    let event = format!(
        r#"{{"specversion":"1.0","id":"{id}","source":"{source}","type":"{kind}","subject":"{subject}","time":"{}",{reply}"data":{data}}}"#,
        time::format(now)
    );
    let known = EVENT_TYPES.iter().find(|known| known.kind == kind);
    let to =
        known.and_then(|known| Some(input_subject(known.lane, &known.entity.key(subject).ok()?)));
    (to.unwrap_or_default(), event)
}

fn below(random: &mut ChaCha8Rng, bound: u64) -> u64 {
    random.next_u64() % bound.max(1)
}

fn some_skus(random: &mut ChaCha8Rng, count: usize, of: usize) -> Vec<usize> {
    let mut skus = Vec::with_capacity(count);
    while skus.len() < count {
        let sku = below(random, of as u64) as usize;
        if !skus.contains(&sku) {
            skus.push(sku);
        }
    }
    skus
}
