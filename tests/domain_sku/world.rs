//! A SKU under test: every input is decided twice, every fact goes through postcard and is followed
//! by a check, and every changed part is collected as a snapshot would.

use std::{collections::BTreeMap, sync::Arc};

use earmark::domain::{
    Breach, DueClock, Entity, Moment, PartKey,
    command::{Command, CommandBody, SkuAnswer, SkuCommand},
    decision::{Cause, Decision, Input, Published, Standing, Verdict},
    event::*,
    ids::*,
    outcome::{Outcome, Quantities},
    policy::Policy,
    refusal::Reason,
    sku::{SkuFact, SkuPart, SkuState, book::Known, hold::Hold},
    time::{Span, Timestamp},
};

pub const T0: Timestamp = Timestamp(1_000_000_000_000);

pub fn sku() -> Sku {
    Sku::new("mug").unwrap()
}

pub fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

pub fn place(name: &str) -> LocationId {
    LocationId::new(name).unwrap()
}

pub fn order(name: &str) -> OrderId {
    OrderId::new(name).unwrap()
}

pub fn at(seconds: i64) -> Timestamp {
    T0 + Span::from_secs(seconds)
}

/// The name that an order gives a hold.
pub fn hold_of(order_name: &str, claim: Option<&str>) -> HoldName {
    HoldName::Order { order: order(order_name), location: None, claim: claim.map(name), attempt: 1 }
}

pub fn named(hold: &str) -> HoldName {
    HoldName::Named(name(hold))
}

pub struct World {
    pub state: SkuState,
    pub policy: Policy,
    /// Seconds after T0.
    pub clock: i64,
    pub parts: BTreeMap<PartKey, SkuPart>,
    pub outcomes: Vec<Outcome>,
    pub answers: Vec<SkuAnswer>,
    next_id: u128,
}

impl World {
    pub fn new() -> World {
        World {
            state: SkuState::new(sku()),
            policy: Policy::default(),
            clock: 0,
            parts: BTreeMap::new(),
            outcomes: Vec::new(),
            answers: Vec::new(),
            next_id: 1,
        }
    }

    /// A SKU with this much at location `a`.
    pub fn with_stock(units: u32) -> World {
        let mut world = World::new();
        world.say(received("a", units));
        world
    }

    pub fn published(&mut self, event: SkuEvent) -> Published<SkuEvent> {
        let id = self.next_id;
        self.next_id += 1;
        let logged_at = at(self.clock);
        let lane = match event {
            SkuEvent::HoldRequested(_) => Lane::Demand,
            SkuEvent::StockReceived(_) | SkuEvent::StockReturned(_) => Lane::Fulfilment,
            SkuEvent::SkuDescribed(_) => Lane::Reporting,
            _ => Lane::Settlement,
        };
        let cause = Cause {
            source: "test".into(),
            id: id.to_string(),
            kind: "test.v1".into(),
            key: EventKey(id),
            fingerprint: Fingerprint(id as u64),
            time: logged_at,
            logged_at,
            lane,
            sequence: id as u64,
            expires_at: None,
            reply_to: None,
            traceparent: None,
        };
        Published { cause: cause.into(), event }
    }

    /// Publishes an event now.
    pub fn say(&mut self, event: SkuEvent) -> Verdict {
        let published = self.published(event);
        self.play(Input::Event(published)).verdict
    }

    /// Publishes an event that happened at another time.
    pub fn say_of(&mut self, seconds: i64, event: SkuEvent) -> Verdict {
        let mut published = self.published(event);
        Arc::make_mut(&mut published.cause).time = at(seconds);
        self.play(Input::Event(published)).verdict
    }

    /// An order asks; returns what it is told.
    pub fn ask(&mut self, from: &str, command: SkuCommand) -> SkuAnswer {
        self.ask_of(self.clock, from, command)
    }

    pub fn ask_of(&mut self, seconds: i64, from: &str, command: SkuCommand) -> SkuAnswer {
        let from = EntityKey::Order(order(from));
        let input = Input::Command { command, from, time: at(seconds), logged_at: at(self.clock) };
        let decision = self.play(input);
        let answers: Vec<_> = decision.commands.iter().map(answer).collect();
        let own: Vec<_> =
            answers.iter().filter(|a| !matches!(a, SkuAnswer::Expired { .. })).collect();
        assert_eq!(own.len(), 1, "one answer to each command: {answers:?}");
        own[0].clone()
    }

    pub fn reach(&mut self, clock: DueClock, seconds: i64) -> Decision<SkuFact> {
        self.play(Input::Deadline { clock, reached: at(seconds) })
    }

    /// Takes all steps left; returns how many there were.
    pub fn step_through(&mut self) -> usize {
        let mut steps = 0;
        while self.state.has_steps_left() {
            assert!(!self.play(Input::Step).facts.is_empty(), "a step that leads nowhere");
            steps += 1;
            assert!(steps < 10_000, "steps without end");
        }
        steps
    }

    pub fn play(&mut self, input: Input<SkuEvent, SkuCommand>) -> Decision<SkuFact> {
        let moment = Moment::new(at(self.clock), &self.policy);
        let decision = self.state.decide(&input, &moment);
        assert_eq!(decision, self.state.decide(&input, &moment), "deciding is pure");
        for fact in &decision.facts {
            let bytes = postcard::to_stdvec(fact).unwrap();
            let fact: SkuFact = postcard::from_bytes(&bytes).unwrap();
            let done = self.state.apply(&fact, at(self.clock));
            let done = done.and_then(|()| self.state.check());
            assert_eq!(done, Ok(()), "{fact:?} of {input:#?}\n{:#?}", decision.facts);
        }
        for (key, part) in self.state.take_changed_parts() {
            match part {
                Some(part) => self.parts.insert(key, part),
                None => self.parts.remove(&key),
            };
        }
        if let Input::Event(published) = &input {
            self.repeat(published, &decision);
        }
        self.outcomes.extend(decision.outcomes.clone());
        self.answers.extend(decision.commands.iter().map(answer));
        decision
    }

    /// What was decided once is not decided again.
    fn repeat(&self, published: &Published<SkuEvent>, first: &Decision<SkuFact>) {
        if first.verdict.refused().is_some_and(|reason| !reason.is_remembered()) {
            return;
        }
        let moment = Moment::new(at(self.clock), &self.policy);
        let again = self.state.decide(&Input::Event(published.clone()), &moment);
        assert_eq!(again.verdict, first.verdict, "a repeat gets the first answer");
        assert_eq!(again.standing, Standing::Repeated);
        assert!(again.facts.is_empty() && again.outcomes.is_empty() && again.commands.is_empty());
    }

    /// The whole truth: every counter, every index, and the snapshot's parts.
    pub fn audit(&self) -> Result<(), Breach> {
        self.state.audit()?;
        let parts = self.parts.iter().map(|(key, part)| {
            let bytes = postcard::to_stdvec(part).unwrap();
            (key.clone(), postcard::from_bytes(&bytes).unwrap())
        });
        let rebuilt = SkuState::from_parts(sku(), parts.collect())?;
        assert_eq!(rebuilt, self.state, "the parts are the state");
        Ok(())
    }

    pub fn at(&self, location: &str) -> Quantities {
        self.state.quantities(Some(&place(location)))
    }

    /// `on_hand available held allocated unavailable short backordered overdrawn` at `a`.
    pub fn line(&self) -> String {
        let q = self.at("a");
        format!(
            "{} {} {} {} {} {} {} {}",
            q.on_hand,
            q.available,
            q.held,
            q.allocated,
            q.unavailable,
            q.short,
            q.backordered,
            q.overdrawn
        )
    }

    pub fn open(&self, hold: &HoldName) -> &Hold {
        match self.state.find(hold) {
            Known::Open(hold) => hold,
            known => panic!("{hold} is not open: {known:?}"),
        }
    }
}

fn answer(command: &Command) -> SkuAnswer {
    match &command.body {
        CommandBody::Answer(answer) => answer.clone(),
        CommandBody::Ask(ask) => panic!("a SKU asks nothing: {ask:?}"),
    }
}

pub fn refused(verdict: &Verdict) -> Reason {
    verdict.refused().unwrap_or_else(|| panic!("not refused: {verdict:?}"))
}

pub fn received(location: &str, quantity: u32) -> SkuEvent {
    SkuEvent::StockReceived(StockReceived {
        location: place(location),
        quantity,
        reference: name("po"),
    })
}

pub fn adjusted(location: &str, quantity: i64) -> SkuEvent {
    SkuEvent::StockAdjusted(StockAdjusted {
        location: place(location),
        quantity,
        reason: "found".into(),
    })
}

pub fn counted(location: &str, quantity: u32, kind: CountKind, seconds: i64) -> SkuEvent {
    let as_of = at(seconds);
    SkuEvent::StockCounted(StockCounted { location: place(location), quantity, kind, as_of })
}

pub fn moved(location: &str, quantity: u32, from: StockKind, to: StockKind) -> SkuEvent {
    SkuEvent::StockMoved(StockMoved { location: place(location), quantity, from, to })
}

pub fn shipped(hold: &str, quantity: u32) -> SkuEvent {
    SkuEvent::StockShipped(StockShipped { hold: name(hold), quantity, reference: name("s") })
}

pub fn request(hold: &str, quantity: u32) -> HoldRequested {
    HoldRequested {
        hold: name(hold),
        owner: name("ann"),
        kind: HoldKind::Cart,
        quantity,
        location: None,
        ttl_s: Some(600),
        partial: false,
        backorder: false,
    }
}

pub fn requested(hold: &str, quantity: u32) -> SkuEvent {
    SkuEvent::HoldRequested(request(hold, quantity))
}

pub fn extended(hold: &str, owner: &str, ttl_s: u32) -> SkuEvent {
    SkuEvent::HoldExtended(HoldExtended { hold: name(hold), owner: name(owner), ttl_s })
}

pub fn transferred(hold: &str, owner: &str, to: &str) -> SkuEvent {
    let (owner, to_owner) = (name(owner), name(to));
    SkuEvent::HoldTransferred(HoldTransferred { hold: name(hold), owner, to_owner })
}

pub fn committed(hold: &str, owner: &str) -> SkuEvent {
    SkuEvent::HoldCommitted(HoldCommitted { hold: name(hold), owner: name(owner) })
}

pub fn released(hold: &str, owner: &str) -> SkuEvent {
    let owner = name(owner);
    SkuEvent::HoldReleased(HoldReleased { hold: name(hold), owner, reason: None })
}

pub fn configured(backorder_limit: u32, safety_stock: u32) -> SkuEvent {
    SkuEvent::SkuConfigured(SkuConfigured {
        backorder_limit: Some(backorder_limit),
        safety_stock: Some(safety_stock),
        ..Default::default()
    })
}

pub fn reserve(hold: &HoldName, quantity: u32) -> SkuCommand {
    SkuCommand::Reserve {
        hold: hold.clone(),
        quantity,
        partial: false,
        backorder: false,
        expires_at: at(100_000),
    }
}

pub fn ship(hold: &HoldName, location: &str, quantity: u32, shipment: u32) -> SkuCommand {
    SkuCommand::Ship {
        hold: hold.clone(),
        location: place(location),
        quantity,
        held: quantity,
        shipment,
    }
}
