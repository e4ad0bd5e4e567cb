//! Whatever happens: answers late, twice, out of order or never the same; events at any time. The
//! SKUs are a model of a few lines that keeps to the protocol.

use std::collections::{BTreeMap, BTreeSet};

use earmark::domain::{
    DueClock, Entity,
    command::{Command, CommandBody, SkuAnswer, SkuCommand},
    decision::{Decision, Input, Published, Standing, Verdict},
    event::{FulfilmentStep as F, OrderEvent, OrderPolicy, PaymentStep as P, ReturnStep as R},
    ids::{EntityKey, HoldName, Sku},
    order::{facts::OrderFact, lines::Place, status::OrderStatus},
    outcome::Outcome,
    refusal::Reason,
};
use proptest::{collection::vec, prelude::*};

use crate::{bench::Bench, events::*};

/// A hold as a SKU of the model keeps it.
#[derive(Clone, Default)]
struct ModelHold {
    quantity: u32,
    committed: bool,
    lapsed: bool,
    ended: bool,
    shipments: BTreeSet<u32>,
    came_back: bool,
}

impl ModelHold {
    /// Goods moved since the order asked, who says how many movements it had heard of.
    fn is_late(&self, heard: Option<u32>) -> bool {
        match heard {
            Some(movements) => self.shipments.last().is_some_and(|newest| *newest > movements),
            None => self.came_back,
        }
    }
}

struct World {
    bench: Bench,
    holds: BTreeMap<(Sku, HoldName), ModelHold>,
    commands: Vec<Command>,
    answers: Vec<(Sku, SkuAnswer)>,
    said: Vec<(Published<OrderEvent>, Verdict)>,
    outcomes: Vec<Outcome>,
}

impl World {
    fn new() -> World {
        World {
            bench: Bench::new(),
            holds: BTreeMap::new(),
            commands: Vec::new(),
            answers: Vec::new(),
            said: Vec::new(),
            outcomes: Vec::new(),
        }
    }

    fn keep(&mut self, decision: Decision<OrderFact>) {
        let commits = decision
            .commands
            .iter()
            .any(|command| matches!(&command.body, CommandBody::Ask(SkuCommand::Commit { .. })));
        let resent = decision.facts.iter().any(|fact| format!("{fact:?}").contains("SentAgain"));
        let paid = self.bench.state.order().is_some_and(|it| it.is_paid() || it.confirmed);
        assert!(!commits || paid || resent, "no commit without payment");
        self.commands.extend(decision.commands);
        self.outcomes.extend(decision.outcomes);
        while self.bench.state.has_steps_left() {
            let step = self.bench.feed(&Input::Step);
            assert!(step.answers.is_some());
            self.commands.extend(step.commands);
            self.outcomes.extend(step.outcomes);
        }
    }

    fn event(&mut self, event: OrderEvent) {
        let published = self.bench.publish(event);
        let decision = self.bench.feed(&Input::Event(published.clone()));
        let verdict = decision.verdict.clone();
        if verdict != Verdict::Parked && verdict.refused().is_none_or(Reason::is_remembered) {
            self.said.push((published, verdict));
        }
        self.keep(decision);
    }

    fn repeat(&mut self, pick: u8) {
        if self.said.is_empty() {
            return;
        }
        let (published, verdict) = self.said[pick as usize % self.said.len()].clone();
        let decision = self.bench.feed(&Input::Event(published));
        assert_eq!(decision.standing, Standing::Repeated);
        assert_eq!((&decision.verdict, decision.facts.len()), (&verdict, 0));
    }

    /// A SKU decides on some command; the command may come again later.
    fn serve(&mut self, pick: u8, luck: u8) {
        if self.commands.is_empty() {
            return;
        }
        let index = pick as usize % self.commands.len();
        let command =
            if luck % 4 == 3 { self.commands[index].clone() } else { self.commands.remove(index) };
        let (EntityKey::Sku(sku), CommandBody::Ask(ask)) = (command.to, command.body) else {
            unreachable!("an order asks SKUs")
        };
        let answer = self.answer(&sku, ask, luck, None);
        self.answers.push((sku, answer));
    }

    fn answer(&mut self, sku: &Sku, ask: SkuCommand, luck: u8, heard: Option<u32>) -> SkuAnswer {
        let hold = ask.hold().clone();
        if let SkuCommand::After { movements, ask } = ask {
            let answer = Box::new(self.answer(sku, *ask, luck, Some(movements)));
            return SkuAnswer::After { movements, answer };
        }
        let key = (sku.clone(), hold.clone());
        let known = self.holds.contains_key(&key);
        let model = self.holds.entry(key).or_default();
        match ask {
            SkuCommand::Reserve { quantity, partial, .. }
            | SkuCommand::ReserveElsewhere { quantity, partial, .. } => {
                if !known {
                    model.quantity = match luck % 8 {
                        0 => 0,
                        1 if partial => quantity / 2,
                        _ => quantity,
                    };
                    model.ended = model.quantity == 0;
                }
                if model.ended {
                    let refusal = Reason::InsufficientStock.into();
                    return SkuAnswer::NotReserved { hold, refusal };
                }
                let (quantity, backordered) = (model.quantity, 0);
                let location = match &hold {
                    HoldName::Order { location: Some(location), .. } => location.clone(),
                    HoldName::Order { .. } | HoldName::Named(_) => hel(),
                };
                SkuAnswer::Reserved { hold, quantity, backordered, location }
            }
            SkuCommand::Commit { quantity, .. } if model.is_late(heard) => {
                SkuAnswer::Committed { hold, quantity }
            }
            SkuCommand::Release { keep, .. } if model.is_late(heard) => {
                SkuAnswer::Released { hold, keep }
            }
            SkuCommand::Commit { quantity, .. } => {
                if model.lapsed && !model.ended && luck.is_multiple_of(2) {
                    (model.lapsed, model.quantity) = (false, quantity);
                }
                if model.ended || model.lapsed {
                    model.ended = true;
                    let refusal = Reason::InsufficientStock.into();
                    return SkuAnswer::NotCommitted { hold, refusal };
                }
                model.committed = true;
                model.quantity = model.quantity.min(quantity);
                SkuAnswer::Committed { hold, quantity: model.quantity }
            }
            SkuCommand::Release { keep, .. } => {
                model.quantity = model.quantity.min(keep);
                model.ended |= keep == 0;
                if model.lapsed || model.ended {
                    model.quantity = 0;
                }
                SkuAnswer::Released { hold, keep: model.quantity }
            }
            SkuCommand::Ship { held, shipment, .. } => {
                if model.shipments.insert(shipment) {
                    model.quantity = model.quantity.saturating_sub(held);
                }
                SkuAnswer::Shipped { hold, shipment }
            }
            SkuCommand::Move { held, shipment, .. } => {
                if model.shipments.insert(shipment) && held > 0 {
                    if model.ended || model.lapsed {
                        (model.ended, model.lapsed) = (false, false);
                    }
                    (model.committed, model.quantity) = (true, model.quantity + held);
                    model.came_back = true;
                }
                SkuAnswer::Moved { hold, shipment, quantity: model.quantity, location: Some(hel()) }
            }
            SkuCommand::After { .. } => unreachable!("it is answered above"),
        }
    }

    /// Some answer comes, perhaps not for the last time.
    fn hear(&mut self, pick: u8, luck: u8) {
        if self.answers.is_empty() {
            return;
        }
        let index = pick as usize % self.answers.len();
        let (sku, answer) =
            if luck % 4 == 3 { self.answers[index].clone() } else { self.answers.remove(index) };
        let decision = self.bench.hear(sku.as_str(), answer);
        self.keep(decision);
    }

    fn lapse(&mut self, sku: Sku) {
        let Some(model) = self.holds.get_mut(&(sku.clone(), hold())) else { return };
        if !model.committed && !model.ended && !model.lapsed && model.quantity > 0 {
            (model.lapsed, model.quantity) = (true, 0);
            self.answers.push((sku, SkuAnswer::Expired { hold: hold() }));
        }
    }

    fn pass(&mut self, seconds: i64) {
        let reached = self.bench.now + seconds;
        let decision = self.bench.reach(DueClock::Settled, reached);
        self.keep(decision);
    }

    fn act(&mut self, (what, pick, luck): (u8, u8, u8)) {
        let lines: [&[(&str, u32)]; 4] =
            [&[("a", 1)], &[("a", 2), ("b", 1)], &[("b", 1), ("c", 2)], &[("c", 1)]];
        let lines = lines[pick as usize % 4];
        let fulfilment = ["f1", "f2", "f3"][luck as usize % 3];
        match what % 44 {
            0..=9 => self.serve(pick, luck),
            10..=17 => self.hear(pick, luck),
            18 => self.event(pay(P::Authorized, 100)),
            19 => self.event(pay(P::Captured, 100)),
            20 => self.event(pay(P::Voided, 100)),
            21 => self.event(pay(P::Refunded, 50)),
            22 => self.event(cancel(None)),
            23 => self.event(cancel(Some(&[["a", "b", "c"][pick as usize % 3]]))),
            24 => self.event(fulfil(F::Shipped, fulfilment, lines)),
            25 => self.event(fulfil(F::Delivered, fulfilment, lines)),
            26 => self.lapse(sku(["A", "B"][pick as usize % 2])),
            27 => self.pass(7),
            28 => self.pass(i64::from(pick) * 3),
            29 | 30 => self.event(fulfil(F::Cancelled, fulfilment, lines)),
            31 => self.event(fulfil(F::ShortPicked, fulfilment, lines)),
            32 => self.event(fulfil(F::Split, fulfilment, lines)),
            40 => self.event(edit(&[[("a", "A", 1), ("b", "B", 2)][pick as usize % 2]])),
            41 => self.event(edit(&[[("a", "A", 4), ("d", "B", 2)][pick as usize % 2]])),
            42 => self.event(move_to(["hel", "oulu"][luck as usize % 2], fulfilment, lines)),
            33 => self.event(give_back(R::Requested, ["r1", "r2"][luck as usize % 2], lines)),
            34 => self.event(give_back(R::Received, ["r1", "r2"][luck as usize % 2], lines)),
            35 => self.event(give_back(R::Declined, ["r1", "r2"][luck as usize % 2], lines)),
            _ => self.repeat(pick),
        }
    }

    /// All is answered, and all deadlines pass.
    fn come_to_rest(&mut self) {
        for _ in 0..1_000 {
            while !self.commands.is_empty() || !self.answers.is_empty() {
                self.serve(0, 2);
                self.hear(0, 0);
            }
            let Some(due) = self.bench.state.dues().first().copied() else { return };
            let leaves_at = self.bench.state.order().and_then(|order| order.leaves_at);
            if leaves_at == Some(due.at) {
                return;
            }
            let seconds = due.at.0 / 1_000_000 + 1;
            self.bench.now = self.bench.now.max(seconds);
            let decision = self.bench.reach(DueClock::Settled, seconds);
            assert!(!decision.facts.is_empty(), "a deadline that changes nothing: {due:?}");
            self.keep(decision);
        }
        panic!("the order does not come to rest");
    }

    /// An order of which nothing is to be expected leaves a stone, and the stone goes too.
    fn be_forgotten(&mut self) {
        let forgotten = |world: &World| world.bench.state.order().is_none();
        while let Some(due) = self.bench.state.dues().first().copied() {
            let before = forgotten(self);
            let seconds = due.at.0 / 1_000_000 + 1;
            self.bench.reach(DueClock::Settled, seconds);
            assert!(forgotten(self) && (before || self.bench.state.stone().is_some()));
        }
        let blank = self.bench.state.revision() == 0;
        assert_eq!(blank, forgotten(self), "what has left leaves nothing");
    }

    fn check_rest(&self) {
        let order = self.bench.state.order().unwrap();
        let open = order.open_by_leg();
        for (leg, open) in order.legs.iter().zip(open) {
            let key = (leg.sku.clone(), leg.hold_name(&order_id()));
            let held = self.holds.get(&key).map_or(0, |hold| hold.quantity);
            assert!(held <= open, "SKU {} still holds {held}, {open} are wanted", leg.sku);
        }
        assert!(!order.is_awaiting(), "an order without an answer");
        assert!(order.open() == 0 || order.confirmed, "an order that is open for no reason");
        let ended = self.outcomes.iter().filter(|outcome| {
            matches!(
                outcome,
                Outcome::OrderRejected { .. }
                    | Outcome::OrderExpired
                    | Outcome::OrderCancelled { complete: true, .. }
            )
        });
        let ended = ended.count();
        let undone = |outcome: &Outcome| matches!(outcome, Outcome::ShipmentCancelled { .. });
        match self.bench.status().unwrap() {
            // An order may end, ship all the same, and end again when that is undone.
            _ if self.outcomes.iter().any(undone) => {}
            OrderStatus::Rejected | OrderStatus::Expired | OrderStatus::Cancelled => {
                assert_eq!(ended, 1, "{:?}", self.outcomes);
                assert!(order.payments.values().all(|payment| payment.owed() == 0));
            }
            status => assert!(ended <= 1, "{status:?} {:?}", self.outcomes),
        }
        if order.status() == OrderStatus::Confirmed {
            assert!(self.outcomes.contains(&Outcome::OrderConfirmed));
            assert_eq!(order.sum(&[Place::Reserved]), 0);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_or_doubled(partial: bool, early in 0..8_usize, actions in vec(any::<(u8, u8, u8)>(), 0..80)) {
        let policy = if partial { OrderPolicy::Partial } else { OrderPolicy::AllOrNothing };
        let lines = vec![line("a", "A", 2), line("b", "B", 1), line("c", "A", 3)];
        let mut world = World::new();
        for (index, action) in actions.into_iter().enumerate() {
            if index == early {
                world.event(OrderEvent::Placed(placed(lines.clone(), policy)));
            }
            world.act(action);
        }
        if world.bench.state.order().is_none() {
            world.event(OrderEvent::Placed(placed(lines, policy)));
        }
        world.come_to_rest();
        world.check_rest();
        world.be_forgotten();
    }
}
