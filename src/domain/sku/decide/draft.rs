//! A decision in the making: facts are tried on a copy of what they touch, so that each next choice
//! sees the ones before it, while the SKU itself stays as it is.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::domain::{
    Breach, Moment,
    command::{Command, SkuAnswer},
    decision::{Cause, Decision, GivenUp, Published, Verdict},
    event::{CountKind, SkuEvent},
    ids::{HoldName, LocationId, OrderId},
    outcome::Outcome,
    policy::Policy,
    sku::{
        SkuFact, SkuState,
        book::Known,
        hold::{Ending, Hold, PromiseNo, Stone},
        ledger::{self, Ledger},
        movements::{Movement, of_the_second},
        stock::{Stock, Wave},
    },
    time::Timestamp,
};

/// How what a decision moves is remembered for counts of an earlier time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// A physical fact, at the time at which it happened.
    Goods,
    /// The same, of goods that were not for sale then. What it changes of that now, no count has
    /// seen.
    GoodsAside,
    /// A promise: it begins and ends when that is decided, whatever the time of its cause. Summed
    /// by the second.
    Promise,
    /// Not at all: a count, which says how things were and moves nothing.
    Untraced,
}

/// The times of an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// When the log took it: deadlines are judged by this.
    pub logged_at: Timestamp,
    /// When it happened: whether a count has seen it is judged by this.
    pub time: Timestamp,
    /// How movements are remembered.
    pub trace: Trace,
}

/// What a draft has made of a number.
enum Draught {
    Open(Hold),
    Ended(Stone),
    Gone,
}

/// A decision in the making.
pub(super) struct Draft<'a> {
    state: &'a SkuState,
    moment: &'a Moment<'a>,
    when: When,
    next: PromiseNo,
    stocks: BTreeMap<LocationId, Stock>,
    written: BTreeMap<PromiseNo, Draught>,
    unparks: bool,
    /// Units that each location is to keep back.
    safety_stock: u64,
    /// When what it promises, or lets go, began to count.
    promised_at: Timestamp,
    decision: Decision<SkuFact>,
}

impl<'a> Draft<'a> {
    pub fn new(state: &'a SkuState, moment: &'a Moment<'a>, when: When) -> Draft<'a> {
        Draft {
            state,
            moment,
            when,
            next: state.head.next,
            stocks: BTreeMap::new(),
            written: BTreeMap::new(),
            unparks: false,
            safety_stock: u64::from(state.head.settings.safety_stock),
            promised_at: moment.now,
            decision: Decision::new(Verdict::Accepted),
        }
    }

    pub fn of_event(
        state: &'a SkuState,
        moment: &'a Moment<'a>,
        published: &Published<SkuEvent>,
    ) -> Draft<'a> {
        let Cause { logged_at, time, .. } = *published.cause;
        let when = When { logged_at, time, trace: super::trace(&published.event) };
        Draft::new(state, moment, when)
    }

    /// The SKU before this decision.
    pub fn state(&self) -> &'a SkuState {
        self.state
    }

    pub fn policy(&self) -> &'a Policy {
        self.moment.policy
    }

    pub fn now(&self) -> Timestamp {
        self.moment.now
    }

    pub fn when(&self) -> When {
        self.when
    }

    /// The goods that it is about were not for sale when that happened.
    pub fn set_aside(&mut self) {
        self.when.trace = Trace::GoodsAside;
    }

    /// The same; since then they have been thought to be for sale.
    pub fn set_aside_at(&mut self, then: Timestamp) {
        self.set_aside();
        self.promised_at = then;
    }

    /// What was counted last at a location, after this had happened there.
    pub fn counted_since(&self, location: &LocationId) -> Option<CountKind> {
        self.stock(location).counted_since(self.when.time)
    }

    /// Whether the shelf was counted last, after this had happened there.
    pub fn is_on_counted_shelf(&self, location: &LocationId) -> bool {
        self.counted_since(location) == Some(CountKind::OnHand)
    }

    /// Whether it decides an event that has waited: it shall not wait again.
    pub fn unparks(&self) -> bool {
        self.unparks
    }

    /// Takes up an event that has waited.
    pub fn unpark(&mut self, place: PromiseNo, cause: &Arc<Cause>) {
        self.propose(SkuFact::Unparked { place });
        self.unparks = true;
        self.decision.answers = Some(cause.clone());
    }

    /// Writes a fact down, and what it does to holds and counters.
    pub fn propose(&mut self, fact: SkuFact) {
        // A fact that cannot be applied is found out, and judged, when it is applied in earnest.
        let _ = ledger::enter(self, &fact);
        if let SkuFact::Configured(settings) = &fact {
            self.safety_stock = u64::from(settings.safety_stock);
        }
        self.decision.facts.push(fact);
    }

    /// Tells the world.
    pub fn tell(&mut self, outcome: Outcome) {
        self.decision.outcomes.push(outcome);
    }

    /// Tells an order.
    pub fn answer(&mut self, order: &OrderId, answer: SkuAnswer) {
        let command = Command::answer(&self.state.sku, order, self.when.time, answer);
        self.decision.commands.push(command);
    }

    /// Gives a parked event up.
    pub fn give_up(&mut self, given_up: GivenUp) {
        self.decision.given_up.push(given_up);
    }

    /// A number that no promise has had.
    pub fn next_number(&mut self) -> PromiseNo {
        let number = self.next;
        self.next = PromiseNo(number.0 + 1);
        number
    }

    /// What is known under a name by now.
    pub fn find(&self, name: &HoldName) -> Known<'_> {
        for draught in self.written.values() {
            match draught {
                Draught::Open(hold) if hold.name == *name => return Known::Open(hold),
                Draught::Ended(stone) if stone.name == *name => return Known::Ended(stone),
                Draught::Open(_) | Draught::Ended(_) | Draught::Gone => {}
            }
        }
        self.state.find(name)
    }

    /// The open hold of a name. One that was opened anew stands beside the stone that makes way.
    pub fn open(&self, name: &HoldName) -> Option<&Hold> {
        let mut written = self.written.values();
        let opened = written.find_map(|draught| match draught {
            Draught::Open(hold) if hold.name == *name => Some(hold),
            Draught::Open(_) | Draught::Ended(_) | Draught::Gone => None,
        });
        opened.or_else(|| match self.find(name) {
            Known::Open(hold) => Some(hold),
            Known::Ended(_) | Known::Unknown => None,
        })
    }

    /// The number of the hold or stone of a name.
    pub fn number_of(&self, name: &HoldName) -> Option<PromiseNo> {
        match self.find(name) {
            Known::Open(hold) => Some(hold.promise),
            Known::Ended(stone) => Some(stone.promise),
            Known::Unknown => None,
        }
    }

    /// Whether this decision has touched a number.
    pub fn has_written(&self, promise: PromiseNo) -> bool {
        self.written.contains_key(&promise)
    }

    /// All locations, in name order.
    pub fn locations(&self) -> BTreeSet<LocationId> {
        self.stocks.keys().chain(self.state.locations.keys()).cloned().collect()
    }

    /// Holds at a location that a wave can change, in the wave's order, `max` at most.
    pub fn open_to(&self, location: &LocationId, wave: Wave, max: usize) -> Vec<Hold> {
        let untouched = self.state.book.open_to(location, wave);
        let untouched = untouched.filter(|hold| !self.has_written(hold.promise)).take(max).cloned();
        let written = self.written.values().filter_map(|draught| match draught {
            Draught::Open(hold) if hold.location == *location => Some(hold.clone()),
            Draught::Open(_) | Draught::Ended(_) | Draught::Gone => None,
        });
        let mut holds: Vec<_> =
            untouched.chain(written.filter(|hold| hold.open_to(wave) > 0)).collect();
        holds.sort_by_key(|hold| hold.promise);
        match wave {
            Wave::ShortCover | Wave::BackorderCover => {}
            Wave::Shortage => holds.reverse(),
        }
        holds.truncate(max);
        holds
    }

    /// The decision, with what it moved.
    pub fn finish(mut self, verdict: Verdict) -> Decision<SkuFact> {
        self.decision.verdict = verdict;
        let everywhere = self.safety_stock != u64::from(self.state.head.settings.safety_stock);
        let moved: Vec<_> = match everywhere {
            true => self.locations().iter().flat_map(|location| self.moved(location)).collect(),
            false => self.stocks.keys().flat_map(|location| self.moved(location)).collect(),
        };
        self.decision.facts.extend(moved.into_iter().flatten());
        self.decision
    }

    /// What the decision moved at a location, as counts will net it.
    fn moved(&self, location: &LocationId) -> [Option<SkuFact>; 2] {
        let (before, after) = (self.state.stock(location), self.stock(location));
        let on_hand = after.net_on_hand() - before.net_on_hand();
        let available = after.position(self.safety_stock)
            - before.position(u64::from(self.state.head.settings.safety_stock));
        let promised = match self.when.trace {
            Trace::Goods => self.promised(location, available),
            Trace::GoodsAside | Trace::Promise => available,
            Trace::Untraced => return [None, None],
        };
        let decided = of_the_second(self.promised_at, promised);
        let happened = if self.when.trace == Trace::Promise { decided } else { self.when.time };
        let goods = Movement { on_hand, available: available - promised };
        let promises = Movement { on_hand: 0, available: promised };
        let points = match happened == decided {
            true => [(happened, Movement { on_hand, available }), (decided, Movement::default())],
            false => [(happened, goods), (decided, promises)],
        };
        let last_count = after.latest_count();
        let kept_since = self.when.logged_at - self.policy().horizon - self.policy().skew;
        let outdated = kept_since.max(last_count.unwrap_or(Timestamp::MIN));
        points.map(|(time, movement)| {
            let counted = last_count.is_some_and(|as_of| time <= as_of);
            let news = movement != Movement::default() && !counted;
            let location = news.then(|| location.clone())?;
            Some(SkuFact::Moved { location, time, movement, outdated })
        })
    }

    /// How much of what came to be for sale, or ceased to be, was promised or let go by the way,
    /// and did not come or go with the goods.
    fn promised(&self, location: &LocationId, available: i64) -> i64 {
        let mut promises = false;
        let mut by_goods = 0;
        for fact in &self.decision.facts {
            match fact {
                SkuFact::StockChanged { location: at, change } if at == location => {
                    by_goods += change.position();
                }
                SkuFact::HoldOpened(_)
                | SkuFact::HoldEnded { .. }
                | SkuFact::HoldReduced { .. }
                | SkuFact::HoldShipped { .. }
                | SkuFact::HoldGrown { .. } => promises = true,
                _ => {}
            }
        }
        if promises { available - by_goods } else { 0 }
    }
}

impl Ledger for Draft<'_> {
    fn stock(&self, location: &LocationId) -> Stock {
        self.stocks.get(location).copied().unwrap_or_else(|| self.state.stock(location))
    }

    fn put_stock(&mut self, location: &LocationId, stock: Stock) {
        self.stocks.insert(location.clone(), stock);
    }

    fn hold(&self, promise: PromiseNo) -> Option<&Hold> {
        match self.written.get(&promise) {
            Some(Draught::Open(hold)) => Some(hold),
            Some(Draught::Ended(_) | Draught::Gone) => None,
            None => self.state.book.hold(promise),
        }
    }

    fn put_hold(&mut self, hold: Hold) {
        self.written.insert(hold.promise, Draught::Open(hold));
    }

    fn end_hold(&mut self, hold: Hold, ending: &Ending, stone: PromiseNo) {
        self.written.insert(hold.promise, Draught::Gone);
        self.put_stone(hold.stone(stone, ending.clone(), self.now()));
    }

    fn put_stone(&mut self, stone: Stone) {
        self.written.insert(stone.promise, Draught::Ended(stone));
    }

    fn see_shipment(&mut self, promise: PromiseNo, shipment: u32) -> Result<(), Breach> {
        if let Some(mut hold) = self.hold(promise).cloned() {
            hold.shipments.insert(shipment);
            self.put_hold(hold);
        }
        Ok(())
    }
}
