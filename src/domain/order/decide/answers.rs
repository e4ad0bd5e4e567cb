//! What an order makes of its SKUs' answers.

use super::draft::{Draft, When};
use crate::domain::{
    Moment,
    command::{Command, SkuAnswer, SkuCommand},
    decision::{Decision, Verdict},
    ids::{EntityKey, HoldName, OrderId, Sku},
    order::{
        OrderState,
        facts::OrderFact,
        fulfilment::FulfilmentFact,
        hearing::Heard,
        passage::{ALLOCATE, CANCEL, RESERVE},
        saga::{Ask, Grant, Leg, LegFact},
    },
    outcome::Outcome,
    refusal::{Reason, Refusal},
};

/// Hears an answer. Nobody is told a verdict.
pub(super) fn decide(
    state: &OrderState,
    answer: &SkuAnswer,
    from: &EntityKey,
    when: When,
    moment: &Moment<'_>,
) -> Decision<OrderFact> {
    let EntityKey::Sku(sku) = from else { return Decision::new(Verdict::Recorded) };
    let known = state.order.as_ref().and_then(|order| {
        let (index, leg) = order.leg_of(&state.id, sku, answer.hold())?;
        Some((order, index, leg))
    });
    let Some((order, index, leg)) = known else { return stray(&state.id, sku, answer, when) };
    let mut draft = Draft::of(&state.id, order, when, moment);
    match leg.hear(answer) {
        Heard::Answered(fact) => draft.take_in(index, leg, fact),
        Heard::NotCommitted(refusal) => draft.lose(index, refusal),
        Heard::Unwanted => {
            draft.tell(sku, SkuCommand::Release { hold: answer.hold().clone(), keep: 0 });
        }
        Heard::Nothing => return Decision::new(Verdict::Recorded),
    }
    draft.conclude(Verdict::Recorded)
}

/// An answer about a hold that this order never asked for. If it is a grant in the order's name, it
/// is given back: the units must not wait for an order that does not know of them.
fn stray(id: &OrderId, sku: &Sku, answer: &SkuAnswer, when: When) -> Decision<OrderFact> {
    let mut decision = Decision::new(Verdict::Recorded);
    let ours = matches!(answer.hold(), HoldName::Order { order, .. } if order == id);
    if ours && matches!(answer, SkuAnswer::Reserved { .. }) {
        let release = SkuCommand::Release { hold: answer.hold().clone(), keep: 0 };
        decision.commands.push(Command::ask(id, sku, when.time, release));
    }
    decision
}

impl Draft<'_> {
    /// Asks every SKU for its hold.
    pub fn ask_all(&mut self) {
        let legs: Vec<u32> = (0..).zip(&self.order.legs).map(|(index, _)| index).collect();
        legs.into_iter().for_each(|leg| self.ask(leg, Ask::Reserve));
    }

    fn take_in(&mut self, index: u32, leg: &Leg, fact: LegFact) {
        self.record_leg(index, fact.clone());
        match fact {
            LegFact::Granted(grant) if self.order.wishes.contains_key(&index) => {
                self.grant_wish(index, grant.quantity);
            }
            LegFact::Refused(refusal) if self.order.wishes.contains_key(&index) => {
                self.refuse_wish(index, &refusal);
            }
            LegFact::Released { .. } if self.order.wishes.contains_key(&index) => {
                self.end_wish(index, 0);
            }
            LegFact::Granted(grant) => self.serve(index, leg, &grant),
            LegFact::Refused(refusal) if self.would_fit(leg, index, &refusal) => {
                let quantity = self.order.open_by_leg()[index as usize];
                let anew = u32::try_from(self.order.legs.len()).unwrap_or(u32::MAX);
                self.record(OrderFact::AskedAnew { leg: index, quantity });
                self.ask(anew, Ask::Reserve);
            }
            LegFact::Refused(refusal) => {
                for line in self.line_indexes(index) {
                    self.refuse_awaiting(line, &refusal);
                }
            }
            LegFact::Allocated { quantity } => self.allocate(index, leg, quantity),
            LegFact::Sent(_)
            | LegFact::SentAgain { .. }
            | LegFact::Lapsed
            | LegFact::Released { .. }
            | LegFact::Shipping(_)
            | LegFact::Moving(_)
            | LegFact::Moved { .. }
            | LegFact::Shipped { .. } => {}
        }
    }

    /// Whether fewer units are wanted by now than were refused, and as many are there.
    fn would_fit(&self, leg: &Leg, index: u32, refusal: &Refusal) -> bool {
        let wanted = self.order.open_by_leg()[index as usize];
        let there = refusal.available.unwrap_or(0);
        let fits = (1..leg.asked).contains(&wanted) && wanted <= there;
        fits && refusal.reason == Reason::InsufficientStock
            && leg.movements == 0
            && self.has_room(1)
    }

    pub fn line_indexes(&self, leg: u32) -> Vec<u32> {
        self.order.lines_of(leg).map(|(index, _)| index).collect()
    }

    /// Hands a hold's units to its lines, in the order in which they were listed. Units that left
    /// before the grant was heard were its first; those that did not leave after all are its own.
    fn serve(&mut self, index: u32, leg: &Leg, grant: &Grant) {
        let there = grant.quantity.saturating_add(leg.coming());
        let mut left = there.saturating_sub(leg.leaving());
        for index in self.line_indexes(index) {
            self.grant_what_left(index);
            let awaiting = self.order.lines[index as usize].units.awaiting;
            let served = awaiting.min(left);
            left -= served;
            self.pass(index, &RESERVE, served);
            let short = Refusal { available: Some(served), ..Reason::InsufficientStock.into() };
            self.refuse_awaiting(index, &short);
        }
    }

    /// Units of a line that left before the grant was heard were promised, should they come back.
    fn grant_what_left(&mut self, line: u32) {
        let early = self.order.fulfilments.iter();
        let early = early.filter(|(_, of)| of.taken.iter().any(|taken| taken.was_awaited(line)));
        for fulfilment in early.map(|(name, _)| name.clone()).collect::<Vec<_>>() {
            self.record_fulfilment(&fulfilment, FulfilmentFact::Granted { line });
        }
    }

    /// A commit that brings fewer units than the order still wants is one that failed.
    fn allocate(&mut self, index: u32, leg: &Leg, quantity: u32) {
        let open = self.order.open_by_leg()[index as usize];
        if open > 0 && u64::from(quantity) < leg.needed(open) {
            let short = Refusal { available: Some(quantity), ..Reason::InsufficientStock.into() };
            return self.break_off(short);
        }
        for line in self.line_indexes(index) {
            self.pass(line, &ALLOCATE, u32::MAX);
        }
    }

    /// A commit failed. Where the order has given the units up meanwhile, nothing is lost. The name
    /// is burnt: a repeat of the commit may still be on its way, and must find no fresh stock.
    fn lose(&mut self, index: u32, refusal: Refusal) {
        let wanted = self.order.open_by_leg()[index as usize] > 0;
        self.record_leg(index, LegFact::Refused(refusal.clone()));
        self.ask(index, Ask::Release { keep: 0 });
        if wanted {
            self.break_off(refusal);
        }
    }

    /// Units that were promised are not there: the order cannot be what was paid for, so all that
    /// has not left is called off, and the money is due back for the same reason.
    fn break_off(&mut self, refusal: Refusal) {
        let lines = self.give_up_all(&CANCEL);
        let complete = self.order.is_over();
        let reason = refusal.reason.as_str().to_owned();
        self.say(Outcome::OrderCancelled { lines, complete, reason });
        self.refund_reason = Some(refusal);
    }
}
