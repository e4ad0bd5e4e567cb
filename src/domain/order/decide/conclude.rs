//! What follows from a change of an order, whatever the change was.
//!
//! Promise: each conclusion is drawn from where the units stand before and after, so it does not
//! matter which event, answer or deadline moved the last one.

use super::{draft::Draft, edit::EDITED};
use crate::domain::{
    decision::{Decision, Verdict},
    order::{
        facts::OrderFact,
        lines::{Line, LineFact, Place},
        passage::{ALLOCATE, FAIL, REFUSE},
        payment::PaymentFact,
        state::Order,
        status::OrderStatus,
    },
    outcome::{LineQuantity, LineRefusal, LineReserved, Outcome},
    refusal::{Reason, Refusal},
    time::Timestamp,
};

impl Draft<'_> {
    /// Draws the conclusions, and sends what is to be asked now.
    pub fn conclude(mut self, verdict: Verdict) -> Decision<OrderFact> {
        self.draw_conclusions();
        self.rest();
        self.finish(verdict)
    }

    /// The conclusions alone.
    pub fn draw_conclusions(&mut self) {
        self.fail_together();
        self.answer_in();
        self.end();
        self.firm_up();
        self.confirm();
        self.complete();
        self.deliver();
        self.give_money_back();
        self.pursue();
    }

    /// All or nothing: one refusal takes the others with it, as soon as it is heard, and what was
    /// asked for beside them.
    fn fail_together(&mut self) {
        if !self.order.is_failing() {
            return;
        }
        let first = self.order.lines.iter().find_map(|line| line.refusal.clone());
        let refusal = first.unwrap_or_else(|| Reason::OrderEnded.into());
        let wishes: Vec<u32> = self.order.wishes.keys().copied().collect();
        wishes.into_iter().for_each(|leg| self.refuse_wish(leg, &refusal));
        for line in self.all_lines() {
            self.refuses |= self.pass(line, &FAIL, u32::MAX) > 0;
        }
    }

    /// The last SKU has answered (or is not waited for any longer), or units came back for which
    /// there is no promise any more: says what came of it.
    fn answer_in(&mut self) {
        let Some(before) = self.before else { return };
        let answered = before.is_awaiting() && !self.order.is_awaiting();
        let ended = self.refuses && self.order.is_over() && !before.is_over();
        if !answered && !ended {
            return;
        }
        let payment_due_at = self.order.terms.payment_due_at;
        let refusals = refusals(&self.order);
        if self.order.open() > 0 {
            let lines = promises(&self.order);
            self.say(Outcome::OrderReserved { lines, refused: refusals, payment_due_at });
            return;
        }
        let lines = refused_since(before, &self.order);
        if lines.is_empty() {
            return;
        }
        self.say(match (self.order.status(), refusals.first()) {
            // Of an order that was called off in part, or left in part, so is the remainder.
            (status, Some(first)) if status != OrderStatus::Rejected => {
                let reason = first.refusal.reason.as_str().to_owned();
                Outcome::OrderCancelled { lines, complete: self.order.is_over(), reason }
            }
            _ => Outcome::OrderRejected { refused: refusals },
        });
    }

    /// What was asked for beside what there was cannot be had, or is wanted no longer, and nothing
    /// else is left.
    fn end(&mut self) {
        if !self.order.is_over() || self.before.is_none_or(Order::is_over) || self.says_the_end() {
            return;
        }
        let reason = EDITED.to_owned();
        self.say(Outcome::OrderCancelled { lines: Vec::new(), complete: true, reason });
    }

    /// Units that came back into a hold that stands for good stand for good.
    fn firm_up(&mut self) {
        if !self.order.wants_commit() {
            return;
        }
        let legs = self.order.legs.iter().zip(self.order.open_by_leg());
        let firm = (0..).zip(legs).filter(|(_, (leg, open))| *open > 0 && leg.is_allocated(*open));
        for leg in firm.map(|(index, _)| index).collect::<Vec<u32>>() {
            for line in self.line_indexes(leg) {
                self.pass(line, &ALLOCATE, u32::MAX);
            }
        }
    }

    fn confirm(&mut self) {
        if !self.order.confirmed && self.order.wants_commit() && self.order.is_allocated() {
            self.record(OrderFact::Confirmed);
            self.say(Outcome::OrderConfirmed);
        }
    }

    /// The rest of an order that left in part was given up: all that is wanted has left.
    fn complete(&mut self) {
        let in_part = |order: &Order| (order.open() > 0 || order.hopes()) && order.gone() > 0;
        if !self.before.is_some_and(in_part)
            || self.order.open() > 0
            || self.order.hopes()
            || self.has_shipped()
        {
            return;
        }
        let left = self.order.fulfilments.iter().filter(|(_, of)| of.has_left());
        if let Some(fulfilment) = left.map(|(name, _)| name.clone()).next_back() {
            self.say(Outcome::OrderShipped { fulfilment, lines: Vec::new(), complete: true });
        }
    }

    fn deliver(&mut self) {
        if self.order.is_delivered() && !self.before.is_some_and(Order::is_delivered) {
            let closes_at = self.when.logged_at + self.moment.policy.close_after;
            self.record(OrderFact::Delivered { closes_at });
            // What came back undelivered has come to its end too, but nobody got it.
            if self.order.is_anything_outside() {
                self.say(Outcome::OrderDelivered);
            }
        }
    }

    /// Money for an order of which nothing is left is due back, each amount once. What an order
    /// that was served in part owes is the shop's to say: Earmark knows no prices.
    fn give_money_back(&mut self) {
        if !self.order.is_over() {
            return;
        }
        let owed = self.order.payments.iter().filter(|(_, payment)| payment.owed() > 0);
        let owed: Vec<_> = owed
            .map(|(name, payment)| (name.clone(), payment.owed(), payment.currency.clone()))
            .collect();
        for (payment, amount_minor, currency) in owed {
            let refusal = self.refund_reason.clone().unwrap_or_else(|| ended(&self.order).into());
            self.record_payment(&payment, PaymentFact::RefundDue { amount_minor });
            self.say(Outcome::RefundDue { payment, amount_minor, currency, refusal });
        }
    }

    /// Asks each SKU what is to be asked of it now.
    fn pursue(&mut self) {
        let commit = self.order.wants_commit();
        let asks = self.order.legs.iter().zip(self.order.wanted_by_leg());
        let asks: Vec<_> = (0..).zip(asks.map(|(leg, open)| leg.next_ask(open, commit))).collect();
        for (leg, ask) in asks {
            if let Some(ask) = ask {
                self.ask(leg, ask);
            }
        }
    }

    /// Waits for no SKU any longer: what is not answered is not to be had.
    pub fn refuse_unanswered(&mut self) {
        for line in self.all_lines() {
            self.refuse_awaiting(line, &Reason::Unanswered.into());
        }
    }

    /// The same of what is asked for beside what there is, where it was asked for long enough.
    pub fn refuse_unanswered_wishes(&mut self, reached: Timestamp) {
        let due = |leg: &u32| self.order.wish_due(*leg).is_some_and(|due| due < reached);
        let overdue: Vec<u32> = self.order.wishes.keys().copied().filter(due).collect();
        for leg in overdue {
            self.refuse_wish(leg, &Reason::Unanswered.into());
        }
    }

    /// Units of a line that wait for an answer cannot be had.
    pub fn refuse_awaiting(&mut self, line: u32, refusal: &Refusal) {
        let awaiting = self.order.lines.get(line as usize).map_or(0, |line| line.units.awaiting);
        if awaiting > 0 {
            self.record_line(line, LineFact::NotServed { refusal: refusal.clone() });
            self.pass(line, &REFUSE, awaiting);
        }
    }
}

/// Why an order of which nothing is left takes no money.
fn ended(order: &Order) -> Reason {
    match order.status() {
        OrderStatus::Expired => Reason::PaymentTooLate,
        OrderStatus::Rejected
        | OrderStatus::Cancelled
        | OrderStatus::Placed
        | OrderStatus::Reserved
        | OrderStatus::Confirmed
        | OrderStatus::PartiallyShipped
        | OrderStatus::Shipped
        | OrderStatus::Delivered
        | OrderStatus::Closed => Reason::OrderEnded,
    }
}

/// Units of each line that have been refused since.
fn refused_since(before: &Order, after: &Order) -> Vec<LineQuantity> {
    let refused = |line: &Line| line.units.at(Place::Refused);
    let more = |(before, after): (&Line, &Line)| {
        let quantity = refused(after).saturating_sub(refused(before));
        (quantity > 0).then(|| LineQuantity { line: after.name.clone(), quantity })
    };
    before.lines.iter().zip(&after.lines).filter_map(more).collect()
}

fn refusals(order: &Order) -> Vec<LineRefusal> {
    let refused = |line: &Line| {
        let refusal = line.refusal.clone()?;
        Some(LineRefusal { line: line.name.clone(), sku: line.sku.clone(), refusal })
    };
    order.lines.iter().filter_map(refused).collect()
}

/// What each line was promised. Of the units of one hold the first lines get those in stock.
fn promises(order: &Order) -> Vec<LineReserved> {
    let grants = order.legs.iter().map(|leg| leg.grant());
    let mut in_stock: Vec<u32> = grants
        .map(|grant| grant.map_or(0, |grant| grant.quantity.saturating_sub(grant.backordered)))
        .collect();
    let mut promises = Vec::new();
    for line in order.lines.iter().filter(|line| line.promised() > 0) {
        let leg = line.leg as usize;
        let Some(grant) = order.legs.get(leg).and_then(|leg| leg.grant()) else { continue };
        let from_stock = line.promised().min(in_stock[leg]);
        in_stock[leg] -= from_stock;
        promises.push(LineReserved {
            line: line.name.clone(),
            sku: line.sku.clone(),
            quantity: line.promised(),
            backordered: line.promised() - from_stock,
            location: grant.location.clone(),
        });
    }
    promises
}
