//! A decision in the making: a copy of the order that each fact is applied to as it is decided.
//!
//! Promise: what is decided next sees what was decided before, by the very rules that will apply
//! the facts later; so a decision and its application cannot disagree.

use crate::domain::{
    Moment,
    command::{Command, SkuCommand},
    decision::{Cause, Decision, Verdict},
    ids::{Name, OrderId, Sku},
    order::{
        facts::OrderFact,
        fulfilment::FulfilmentFact,
        lines::{Line, LineFact, Place},
        passage::Passage,
        payment::PaymentFact,
        returns::ReturnFact,
        saga::{Ask, Leg, LegFact, Movement, Sent},
        state::Order,
        terms::Terms,
        wishes::Wish,
    },
    outcome::{LineQuantity, Outcome},
    refusal::Refusal,
    time::{Span, Timestamp},
};

/// When what is decided upon happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    /// Says who reported it.
    pub time: Timestamp,
    /// By the log; deadlines are judged by it.
    pub logged_at: Timestamp,
}

impl When {
    /// When an event happened.
    pub fn of(cause: &Cause) -> When {
        When { time: cause.time, logged_at: cause.logged_at }
    }
}

/// A decision in the making.
pub(super) struct Draft<'a> {
    /// The order as far as it is decided.
    pub order: Order,
    /// When its cause happened.
    pub when: When,
    /// The moment of the decision.
    pub moment: &'a Moment<'a>,
    /// The order as it was; `None` when it is being placed.
    pub before: Option<&'a Order>,
    /// Why money is due back, where the order's status does not say it.
    pub refund_reason: Option<Refusal>,
    /// Units are given up that were wanted until now, since they cannot be had.
    pub refuses: bool,
    id: &'a OrderId,
    decision: Decision<OrderFact>,
}

impl<'a> Draft<'a> {
    /// A decision on a placed order.
    pub fn of(id: &'a OrderId, order: &'a Order, when: When, moment: &'a Moment<'a>) -> Self {
        Draft { before: Some(order), ..Draft::on(order.clone(), id, when, moment) }
    }

    /// The decision that places an order.
    pub fn placing(
        id: &'a OrderId,
        (terms, lines, legs): (Terms, Vec<Line>, Vec<Leg>),
        when: When,
        moment: &'a Moment<'a>,
    ) -> Self {
        let order = Order::new(terms.clone(), lines.clone(), legs.clone());
        let mut draft = Draft::on(order, id, when, moment);
        draft.decision.facts.push(OrderFact::Placed { terms, lines, legs });
        draft
    }

    fn on(order: Order, id: &'a OrderId, when: When, moment: &'a Moment<'a>) -> Self {
        let decision = Decision::new(Verdict::Recorded);
        let (before, refund_reason, refuses) = (None, None, false);
        Draft { order, when, moment, before, refund_reason, refuses, id, decision }
    }

    /// Writes a fact down. One that does not fit is kept: the engine meets the same breach when it
    /// applies it, and quarantines the order.
    pub fn record(&mut self, fact: OrderFact) {
        let _kept = self.order.apply(&fact);
        self.decision.facts.push(fact);
    }

    /// Writes down what happened to a line.
    pub fn record_line(&mut self, line: u32, fact: LineFact) {
        self.record(OrderFact::Line { line, fact });
    }

    /// Writes down what happened to a leg.
    pub fn record_leg(&mut self, leg: u32, fact: LegFact) {
        self.record(OrderFact::Leg { leg, fact });
    }

    /// Writes down what happened to a payment.
    pub fn record_payment(&mut self, payment: &Name, fact: PaymentFact) {
        self.record(OrderFact::Payment { payment: payment.clone(), fact });
    }

    /// Writes down what happened to a fulfilment.
    pub fn record_fulfilment(&mut self, fulfilment: &Name, fact: FulfilmentFact) {
        self.record(OrderFact::Fulfilment { fulfilment: fulfilment.clone(), fact });
    }

    /// Tells the world.
    pub fn say(&mut self, outcome: Outcome) {
        self.decision.outcomes.push(outcome);
    }

    /// Writes down what happened to a return.
    pub fn record_return(&mut self, of: &Name, fact: ReturnFact) {
        self.record(OrderFact::Return { r#return: of.clone(), fact });
    }

    /// Whether it says that goods left.
    pub fn has_shipped(&self) -> bool {
        let mut said = self.decision.outcomes.iter();
        said.any(|outcome| matches!(outcome, Outcome::OrderShipped { .. }))
    }

    /// Whether it says that nothing is left of the order.
    pub fn says_the_end(&self) -> bool {
        self.decision.outcomes.iter().any(|outcome| match outcome {
            Outcome::OrderRejected { .. } | Outcome::OrderExpired => true,
            Outcome::OrderCancelled { complete, .. }
            | Outcome::ShipmentCancelled { complete, .. } => *complete,
            _ => false,
        })
    }

    /// Moves up to `units` of a portion of a line; says how many.
    pub fn pass(&mut self, portion: u32, passage: &Passage, units: u32) -> u32 {
        let mut left = units;
        for &from in passage.from {
            left -= self.move_units(portion, from, passage.to, left);
        }
        units - left
    }

    /// Moves up to `units` of a line, whichever hold they belong to.
    pub fn pass_line(&mut self, name: &Name, passage: &Passage, units: u32) {
        let mut left = units;
        for &from in passage.from {
            for portion in self.order.indexes_of(name) {
                left -= self.move_units(portion, from, passage.to, left);
            }
        }
    }

    /// Moves up to `units` from one place to another; says how many.
    pub fn move_units(&mut self, portion: u32, from: Place, to: Place, units: u32) -> u32 {
        let here = self.order.lines.get(portion as usize).map_or(0, |line| line.units.at(from));
        let units = here.min(units);
        if units > 0 {
            self.record_line(portion, LineFact::Moved { from, to, units });
        }
        units
    }

    /// Gives up all open units, and all that is wished for; says which units and how many.
    pub fn give_up_all(&mut self, passage: &Passage) -> Vec<LineQuantity> {
        self.end_wishes(|_| true);
        let lines: Vec<u32> = self.all_lines();
        lines.into_iter().filter_map(|line| self.give_up_portion(line, passage)).collect()
    }

    /// The same of one line.
    pub fn give_up(&mut self, line: &Name, passage: &Passage) -> Vec<LineQuantity> {
        self.end_wishes(|wish| *wish == Wish::More { line: line.clone() });
        let portions = self.order.indexes_of(line).into_iter();
        portions.filter_map(|portion| self.give_up_portion(portion, passage)).collect()
    }

    fn give_up_portion(&mut self, portion: u32, passage: &Passage) -> Option<LineQuantity> {
        let line = self.order.lines.get(portion as usize)?;
        let line = LineQuantity { line: line.name.clone(), quantity: line.open_u32() };
        self.pass(portion, passage, line.quantity);
        (line.quantity > 0).then_some(line)
    }

    /// The places of all lines.
    pub fn all_lines(&self) -> Vec<u32> {
        (0..).zip(&self.order.lines).map(|(index, _)| index).collect()
    }

    /// Sends a command that is asked until it is answered.
    pub fn ask(&mut self, index: u32, ask: Ask) {
        let Some(leg) = self.order.legs.get(index as usize) else { return };
        let time = match &ask {
            Ask::Ship(shipment) | Ask::Move(Movement { shipment, .. }) => shipment.time,
            Ask::Reserve | Ask::Commit { .. } | Ask::Release { .. } => self.when.time,
        };
        let sent_at = self.sending_at();
        let body = self.worded(index, leg, &ask, sent_at);
        let command = Command::ask(self.id, &leg.sku, time, body);
        let again_at = sent_at + self.patience(0);
        self.decision.commands.push(command);
        self.record_leg(index, LegFact::Sent(Sent { ask, time, sent_at, tries: 1, again_at }));
    }

    /// Sends the unanswered command of a leg again, in the same words.
    pub fn ask_again(&mut self, index: u32) {
        let Some(leg) = self.order.legs.get(index as usize) else { return };
        let Some(sent) = &leg.sent else { return };
        let body = self.worded(index, leg, &sent.ask, sent.sent_at);
        let command = Command::ask(self.id, &leg.sku, sent.time, body);
        let again_at = self.sending_at() + self.patience(sent.tries);
        self.decision.commands.push(command);
        self.record_leg(index, LegFact::SentAgain { again_at });
    }

    fn worded(&self, index: u32, leg: &Leg, ask: &Ask, sent_at: Timestamp) -> SkuCommand {
        let elsewhere = matches!(self.order.wishes.get(&index), Some(Wish::Elsewhere { .. }));
        leg.command(ask, self.id, &self.order.terms, (sent_at, elsewhere))
    }

    /// Sends a command that may be lost without harm.
    pub fn tell(&mut self, sku: &Sku, body: SkuCommand) {
        self.decision.commands.push(Command::ask(self.id, sku, self.when.time, body));
    }

    /// Commands leave with the decision, which may be later than the log took its cause.
    fn sending_at(&self) -> Timestamp {
        self.when.logged_at.max(self.moment.now)
    }

    fn patience(&self, tries: u32) -> Span {
        let policy = self.moment.policy;
        let doubled = policy.resend_first.0.saturating_mul(1 << tries.min(32));
        Span(doubled).min(policy.resend_max)
    }

    /// The decision.
    pub fn finish(self, verdict: Verdict) -> Decision<OrderFact> {
        Decision { verdict, ..self.decision }
    }
}
