//! Orders that leave the hot state, and what is said to the stone that stays.

use super::{
    draft::{Draft, When},
    fulfilments::ByLine,
    returns,
};
use crate::domain::{
    Moment,
    command::{Command, Goods, SkuCommand},
    decision::{Decision, Published, Verdict},
    event::{
        Fulfilment, FulfilmentStep, LineUnits, OrderEvent, Payment, PaymentStep, Return, ReturnStep,
    },
    ids::{LocationId, Name, OrderId},
    order::{
        OrderState,
        facts::OrderFact,
        payment::{self, PaymentFact},
        stone::Stone,
    },
    outcome::Outcome,
    refusal::{Reason, Refusal},
    time::{Span, Timestamp},
};

/// What an order that has left the hot state still hears: of its money, and of goods that left or
/// came back all the same. Anything else is written down without effect.
pub(super) fn hear(
    id: &OrderId,
    stone: &Stone,
    Published { cause, event }: &Published<OrderEvent>,
) -> Decision<OrderFact> {
    let late = Late { id, stone: stone.clone(), time: cause.time, decision: accepted() };
    let heard = match event {
        OrderEvent::Payment(step, said) => Ok(pay(stone, *step, said)),
        OrderEvent::Fulfilment(FulfilmentStep::Shipped, said) => late.left(said),
        OrderEvent::Return(ReturnStep::Received, said) => late.came_back(said),
        _ => Ok(Decision::new(Verdict::Recorded)),
    };
    heard.unwrap_or_else(Decision::refused)
}

fn accepted() -> Decision<OrderFact> {
    Decision::new(Verdict::Accepted)
}

/// A decision on goods that move when only the stone of their order is left.
struct Late<'a> {
    id: &'a OrderId,
    stone: Stone,
    time: Timestamp,
    decision: Decision<OrderFact>,
}

impl Late<'_> {
    fn left(mut self, said: &Fulfilment) -> Result<Decision<OrderFact>, Refusal> {
        let units = ByLine::of(&said.lines, |line| self.stone.lines.contains_key(line))?;
        units.within(|line| self.stone.lines.get(line).map_or(0, |ware| ware.inside))?;
        for (line, quantity) in units.iter() {
            self.tell(line, Goods::Left, Some(&said.location), quantity);
        }
        let (fulfilment, lines) = (said.fulfilment.clone(), units.quantities());
        let shipped = Outcome::OrderShipped { fulfilment, lines, complete: true };
        self.decision.outcomes.push(shipped);
        Ok(self.decision)
    }

    fn came_back(mut self, said: &Return) -> Result<Decision<OrderFact>, Refusal> {
        let units = ByLine::of(&said.lines, |line| self.stone.lines.contains_key(line))?;
        units.within(|line| self.stone.lines.get(line).map_or(0, |ware| ware.outside))?;
        for LineUnits { line, quantity, disposition } in &said.lines {
            let goods = Goods::Returned(returns::or_looked_at(*disposition));
            self.tell(line, goods, said.location.as_ref(), *quantity);
        }
        let (r#return, lines) = (said.r#return.clone(), units.quantities());
        // What was announced of it nobody knows any more.
        let returned = Outcome::OrderReturned { r#return, lines, complete: false };
        self.decision.outcomes.push(returned);
        Ok(self.decision)
    }

    /// Writes down that goods moved, and tells their SKU.
    fn tell(&mut self, line: &Name, goods: Goods, at: Option<&LocationId>, quantity: u32) {
        let left_from = self.stone.lines.get(line).and_then(|ware| ware.location.as_ref());
        let Some(location) = at.or(left_from).cloned() else { return };
        // What does not fit is found out when the fact is applied.
        let _ = self.stone.moved(line, goods, &location, quantity);
        let (name, at) = (line.clone(), location.clone());
        let fact = OrderFact::LateGoods { line: name, goods, location: at, units: quantity };
        self.decision.facts.push(fact);
        let Some(ware) = self.stone.lines.get(line) else { return };
        let (hold, shipment) = (ware.hold.clone(), ware.movements);
        let command = match goods {
            Goods::Left => SkuCommand::Ship { hold, location, quantity, held: 0, shipment },
            Goods::Missing | Goods::BroughtBack | Goods::Returned(_) => {
                let (held, backorder) = (0, false);
                SkuCommand::Move { hold, goods, location, quantity, held, backorder, shipment }
            }
        };
        self.decision.commands.push(Command::ask(self.id, &ware.sku, self.time, command));
    }
}

/// Writes an amount down at a stone. What is paid for an order of which nothing came is due back.
fn pay(stone: &Stone, step: PaymentStep, said: &Payment) -> Decision<OrderFact> {
    let mut known = stone.payments.get(&said.payment).cloned().unwrap_or_default();
    if !known.currency.is_empty() && known.currency != said.currency {
        let about = Some(said.payment.clone());
        return Decision::refused(Refusal { about, ..Reason::InvalidField.into() });
    }
    let stepped = payment::stepped(step, said);
    known.apply(&stepped);
    let payment = said.payment.clone();
    let mut decision = Decision::new(Verdict::Recorded);
    decision.facts.push(OrderFact::Payment { payment: payment.clone(), fact: stepped });
    let amount_minor = known.owed();
    if step == PaymentStep::Captured && stone.is_over() && amount_minor > 0 {
        let fact = PaymentFact::RefundDue { amount_minor };
        decision.facts.push(OrderFact::Payment { payment: payment.clone(), fact });
        let (currency, refusal) = (known.currency, Reason::OrderEnded.into());
        decision.outcomes.push(Outcome::RefundDue { payment, amount_minor, currency, refusal });
        decision.verdict = Verdict::Accepted;
    }
    decision
}

/// When an order, or its stone, is to be let go.
pub(in crate::domain::order) fn due(state: &OrderState) -> Option<Timestamp> {
    match (&state.order, &state.stone) {
        (Some(order), _) => order.leaves_at,
        (None, stone) => stone.as_ref().map(|stone| stone.until),
    }
}

/// Whether that time has passed.
pub(super) fn is_due(state: &OrderState, reached: Timestamp) -> bool {
    due(state).is_some_and(|due| due < reached)
}

/// Lets go of an order whose time is over, or of its stone.
pub(super) fn let_go(
    state: &OrderState,
    reached: Timestamp,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let mut decision = Decision::new(Verdict::Recorded);
    if is_due(state, reached) {
        decision.facts.push(match state.order {
            Some(_) => OrderFact::Forgotten { until: reached + moment.policy.order_horizon },
            None => OrderFact::StoneGone,
        });
    }
    decision
}

impl Draft<'_> {
    /// An order of which nothing is to be expected leaves the hot state after a while; one of which
    /// something is to be expected again stays.
    pub fn rest(&mut self) {
        let (rests, at_rest) = (self.order.leaves_at.is_some(), self.order.is_at_rest());
        if rests != at_rest {
            let (When { logged_at, .. }, policy) = (self.when, self.moment.policy);
            let closes = if self.order.is_on_its_way() { policy.close_after } else { Span(0) };
            let leaves_at = at_rest.then(|| logged_at + closes + policy.forget_after);
            self.record(OrderFact::Resting { leaves_at });
        }
    }
}
