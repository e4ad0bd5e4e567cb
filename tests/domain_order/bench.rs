//! An order on the bench: each input is decided twice, its facts go through postcard, conservation
//! is checked after each, and the order is put together from its parts again.

use std::collections::BTreeMap;

use earmark::domain::{
    DueClock, Entity, Moment,
    command::SkuAnswer,
    decision::{Cause, Decision, Input, Published},
    event::{Lane, OrderEvent, OrderPolicy, PaymentStep},
    ids::{EntityKey, EventKey, Fingerprint},
    order::{OrderState, facts::OrderFact, parts::OrderPart, status::OrderStatus},
    policy::Policy,
    time::{Span, Timestamp},
};

use crate::{
    events::{committed, granted, order_id, pay, sku, two_lines},
    text,
};

#[derive(Clone)]
pub struct Bench {
    pub state: OrderState,
    pub policy: Policy,
    /// Seconds.
    pub now: i64,
    parts: BTreeMap<String, Vec<u8>>,
    next_id: u128,
}

pub fn at(seconds: i64) -> Timestamp {
    Timestamp(0) + Span::from_secs(seconds)
}

impl Bench {
    pub fn new() -> Bench {
        Bench {
            state: OrderState::new(order_id()),
            policy: Policy::default(),
            now: 0,
            parts: BTreeMap::new(),
            next_id: 1,
        }
    }

    pub fn feed(&mut self, input: &Input<OrderEvent, SkuAnswer>) -> Decision<OrderFact> {
        let moment = Moment::new(at(self.now), &self.policy);
        let decision = self.state.decide(input, &moment);
        assert_eq!(decision, self.state.decide(input, &moment), "deciding is pure");
        for fact in &decision.facts {
            let bytes = postcard::to_stdvec(fact).unwrap();
            let read: OrderFact = postcard::from_bytes(&bytes).unwrap();
            assert_eq!(&read, fact);
            self.state.apply(&read, moment.now).unwrap();
            self.state.check().unwrap();
        }
        self.state.audit().unwrap();
        self.snapshot();
        decision
    }

    /// What a snapshot would hold is the order.
    fn snapshot(&mut self) {
        for (key, part) in self.state.take_changed_parts() {
            match part {
                Some(part) => self.parts.insert(key, postcard::to_stdvec(&part).unwrap()),
                None => self.parts.remove(&key),
            };
        }
        let read = |(key, bytes): (&String, &Vec<u8>)| {
            (key.clone(), postcard::from_bytes::<OrderPart>(bytes).unwrap())
        };
        if !self.parts.is_empty() {
            let parts = self.parts.iter().map(read).collect();
            assert_eq!(OrderState::from_parts(order_id(), parts).unwrap(), self.state);
        }
    }

    /// The next event of a publisher, taken by the log now.
    pub fn publish(&mut self, event: OrderEvent) -> Published<OrderEvent> {
        let id = self.next_id;
        self.next_id += 1;
        let cause = Cause {
            source: "test".to_owned(),
            id: id.to_string(),
            kind: "test.v1".to_owned(),
            key: EventKey(id),
            fingerprint: Fingerprint(7),
            time: at(self.now),
            logged_at: at(self.now),
            lane: Lane::Settlement,
            sequence: 0,
            expires_at: None,
            reply_to: None,
            traceparent: None,
        };
        Published { cause: cause.into(), event }
    }

    pub fn event(&mut self, event: OrderEvent) -> Decision<OrderFact> {
        let published = self.publish(event);
        self.feed(&Input::Event(published))
    }

    pub fn hear(&mut self, from: &str, command: SkuAnswer) -> Decision<OrderFact> {
        let time = at(self.now);
        let from = EntityKey::Sku(sku(from));
        self.feed(&Input::Command { command, from, time, logged_at: time })
    }

    pub fn reach(&mut self, clock: DueClock, seconds: i64) -> Decision<OrderFact> {
        self.now = self.now.max(seconds);
        self.feed(&Input::Deadline { clock, reached: at(seconds) })
    }

    pub fn status(&self) -> Option<OrderStatus> {
        self.state.status()
    }

    /// An event, as text.
    pub fn say(&mut self, event: OrderEvent) -> String {
        text::decision(&self.event(event))
    }

    /// An answer, as text.
    pub fn told(&mut self, from: &str, answer: SkuAnswer) -> String {
        text::decision(&self.hear(from, answer))
    }

    /// A deadline on the settled clock, as text.
    pub fn past(&mut self, seconds: i64) -> String {
        text::decision(&self.reach(DueClock::Settled, seconds))
    }
}

/// An order of two lines that is placed.
pub fn placed_bench(policy: OrderPolicy) -> Bench {
    let mut bench = Bench::new();
    bench.event(two_lines(policy));
    bench
}

/// The same, of which all is promised.
pub fn reserved_bench() -> Bench {
    let mut bench = placed_bench(OrderPolicy::AllOrNothing);
    bench.hear("A", granted(2));
    bench.hear("B", granted(1));
    bench
}

/// The same, paid and allocated.
pub fn confirmed_bench() -> Bench {
    let mut bench = reserved_bench();
    bench.event(pay(PaymentStep::Captured, 100));
    bench.hear("A", committed(2));
    bench.hear("B", committed(1));
    bench
}
