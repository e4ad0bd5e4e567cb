//! How facts change an order.
//!
//! Promise: total and deterministic. A fact that does not fit is a [`Breach`]; nothing panics and
//! nothing is clamped in silence.

use super::{
    OrderState,
    facts::OrderFact,
    memory::{Memory, Remembered},
    state::Order,
    stone::Stone,
};
use crate::domain::Breach;

impl OrderState {
    /// Applies a fact and notes which parts it changed.
    pub(super) fn apply_fact(&mut self, fact: &OrderFact) -> Result<(), Breach> {
        self.note_changed(fact);
        match fact {
            OrderFact::Placed { terms, lines, legs } => {
                if self.order.is_some() || self.stone.is_some() {
                    return Err(Breach(format!("order {} is placed twice", self.id)));
                }
                self.order = Some(Order::new(terms.clone(), lines.clone(), legs.clone()));
            }
            OrderFact::Remembered { key, fingerprint, verdict } => {
                let verdict = verdict.clone();
                self.memory.insert(*key, Remembered { fingerprint: *fingerprint, verdict });
            }
            OrderFact::Parked { number, waiting } => {
                self.parked.insert(*number, waiting.as_ref().clone());
            }
            OrderFact::Unparked { number } => {
                let waited = self.parked.remove(*number);
                waited.ok_or_else(|| Breach(format!("no event waits under {number}")))?;
            }
            OrderFact::Forgotten { until } => {
                let order = self.order.take();
                let order =
                    order.ok_or_else(|| Breach(format!("order {} is not placed", self.id)))?;
                self.stone = Some(Stone { order: Box::new(order), until: *until });
            }
            OrderFact::StoneGone => {
                (self.stone, self.memory) = (None, Memory::default());
            }
            OrderFact::Woken => {
                let stone = self.stone.take();
                let stone = stone.ok_or_else(|| Breach(format!("order {} is awake", self.id)))?;
                self.order.insert(*stone.order).apply(fact)?;
            }
            OrderFact::Line { .. }
            | OrderFact::Leg { .. }
            | OrderFact::Payment { .. }
            | OrderFact::Fulfilment { .. }
            | OrderFact::Return { .. }
            | OrderFact::Wished { .. }
            | OrderFact::WishEnded { .. }
            | OrderFact::HandedOver { .. }
            | OrderFact::AskedAnew { .. }
            | OrderFact::Resting { .. }
            | OrderFact::Confirmed
            | OrderFact::Delivered { .. }
            | OrderFact::Closed => {
                let order = self.order.as_mut();
                order
                    .ok_or_else(|| Breach(format!("order {} is not placed", self.id)))?
                    .apply(fact)?;
            }
        }
        self.revision = match fact {
            OrderFact::StoneGone => 0,
            _ => self.revision.saturating_add(1),
        };
        Ok(())
    }
}

impl Order {
    /// Applies a fact of a placed order.
    pub(super) fn apply(&mut self, fact: &OrderFact) -> Result<(), Breach> {
        match fact {
            OrderFact::Line { line, fact } => {
                let found = self.lines.get_mut(*line as usize);
                found.ok_or_else(|| Breach(format!("there is no line {line}")))?.apply(fact)?;
            }
            OrderFact::Leg { leg, fact } => {
                let found = self.legs.get_mut(*leg as usize);
                found.ok_or_else(|| Breach(format!("there is no leg {leg}")))?.apply(fact)?;
            }
            OrderFact::Payment { payment, fact } => {
                self.payments.entry(payment.clone()).or_default().apply(fact);
            }
            OrderFact::Fulfilment { fulfilment, fact } => {
                self.fulfilments.entry(fulfilment.clone()).or_default().apply(fact)?;
            }
            OrderFact::Return { r#return, fact } => {
                self.returns.entry(r#return.clone()).or_default().apply(fact);
            }
            OrderFact::Wished { leg, wish } => self.wish(leg, wish),
            OrderFact::WishEnded { leg, units } => self.end_wish(*leg, *units)?,
            OrderFact::HandedOver { line, to, place, units } => {
                self.hand_over(*line, to, *place, *units)?;
            }
            OrderFact::AskedAnew { leg, quantity } => self.ask_anew(*leg, *quantity)?,
            OrderFact::Resting { leaves_at } => self.leaves_at = *leaves_at,
            OrderFact::Woken => self.leaves_at = None,
            OrderFact::Confirmed => self.confirmed = true,
            OrderFact::Delivered { closes_at } => self.closes_at = Some(*closes_at),
            OrderFact::Closed => self.closed = true,
            OrderFact::Placed { .. }
            | OrderFact::Remembered { .. }
            | OrderFact::Parked { .. }
            | OrderFact::Unparked { .. }
            | OrderFact::Forgotten { .. }
            | OrderFact::StoneGone => {
                return Err(Breach("a fact that is not a placed order's".to_owned()));
            }
        }
        Ok(())
    }
}
