//! What a leg makes of its SKU's answers.
//!
//! Promise: an answer counts once, and only where it answers what was asked last; a grant that
//! nobody wants is given back; whatever else is heard late or twice changes nothing.

use super::saga::{Ask, Goods, Grant, Hold, Leg, LegFact, Movement, Sent};
use crate::domain::{
    Breach, command::SkuAnswer, ids::LocationId, refusal::Refusal, time::Timestamp,
};

/// What an answer means to a leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The answer to what was asked, as a fact.
    Answered(LegFact),
    /// A commit failed.
    NotCommitted(Refusal),
    /// A grant that nobody wants: give it back.
    Unwanted,
    /// Heard before, or overtaken.
    Nothing,
}

impl Leg {
    /// What an answer means: the guard over hold, unanswered command and answer. What was asked
    /// before goods moved says nothing about what is there since.
    pub fn hear(&self, answer: &SkuAnswer) -> Heard {
        let now = self.answered_movements();
        match answer {
            SkuAnswer::After { movements, answer } if *movements == now => self.hear_now(answer),
            SkuAnswer::After { .. } => Heard::Nothing,
            SkuAnswer::Committed { .. }
            | SkuAnswer::NotCommitted { .. }
            | SkuAnswer::Released { .. }
                if now > 0 =>
            {
                Heard::Nothing
            }
            answer => self.hear_now(answer),
        }
    }

    fn hear_now(&self, answer: &SkuAnswer) -> Heard {
        let asked = self.sent.as_ref().map(|sent| &sent.ask);
        match answer {
            SkuAnswer::Reserved { quantity, backordered, location, .. } => {
                self.hear_grant(*quantity, *backordered, location)
            }
            SkuAnswer::NotReserved { refusal, .. } => match asked {
                Some(Ask::Reserve) => Heard::Answered(LegFact::Refused(refusal.clone())),
                Some(_) | None => Heard::Nothing,
            },
            SkuAnswer::Committed { quantity, .. } => match asked {
                Some(Ask::Commit { .. }) => {
                    Heard::Answered(LegFact::Allocated { quantity: *quantity })
                }
                Some(_) | None => Heard::Nothing,
            },
            SkuAnswer::NotCommitted { refusal, .. } => match asked {
                Some(Ask::Commit { .. }) => Heard::NotCommitted(refusal.clone()),
                Some(_) | None => Heard::Nothing,
            },
            // An earlier release kept more: its late repeat says nothing about this one.
            SkuAnswer::Released { keep, .. } => match asked {
                Some(Ask::Release { keep: wanted }) if keep <= wanted => {
                    Heard::Answered(LegFact::Released { keep: *keep })
                }
                Some(_) | None => Heard::Nothing,
            },
            SkuAnswer::Shipped { shipment: number, .. } => match asked {
                Some(Ask::Ship(asked)) if asked.number == *number => {
                    Heard::Answered(LegFact::Shipped { number: *number })
                }
                Some(_) | None => Heard::Nothing,
            },
            SkuAnswer::Moved { shipment: number, quantity, location, .. } => match asked {
                Some(Ask::Move(asked)) if asked.shipment.number == *number => {
                    let (quantity, location) = (*quantity, location.clone());
                    Heard::Answered(LegFact::Moved { number: *number, quantity, location })
                }
                Some(_) | None => Heard::Nothing,
            },
            SkuAnswer::After { .. } => Heard::Nothing,
            SkuAnswer::Expired { .. } => match &self.hold {
                Hold::Granted(_) => Heard::Answered(LegFact::Lapsed),
                Hold::Asked
                | Hold::Lapsed(_)
                | Hold::Allocated(_)
                | Hold::Refused(_)
                | Hold::Released => Heard::Nothing,
            },
        }
    }

    fn hear_grant(&self, quantity: u32, backordered: u32, location: &LocationId) -> Heard {
        let asked = self.sent.as_ref().map(|sent| &sent.ask);
        match (&self.hold, asked) {
            (Hold::Asked, Some(Ask::Reserve)) => Heard::Answered(LegFact::Granted(Grant {
                quantity,
                backordered,
                location: location.clone(),
            })),
            // The release that overtook the question is asked until it is answered.
            (Hold::Asked, Some(_) | None) => Heard::Nothing,
            (Hold::Granted(_) | Hold::Lapsed(_) | Hold::Allocated(_), _) => Heard::Nothing,
            (Hold::Refused(_) | Hold::Released, _) => Heard::Unwanted,
        }
    }

    /// Applies what happened.
    pub fn apply(&mut self, fact: &LegFact) -> Result<(), Breach> {
        match fact {
            LegFact::Sent(sent) => self.sent = Some(sent.clone()),
            LegFact::SentAgain { again_at } => self.sent_again(*again_at)?,
            LegFact::Granted(grant) => self.answered(Hold::Granted(grant.clone())),
            LegFact::Refused(refusal) => self.answered(Hold::Refused(refusal.clone())),
            // A commit may be on its way; its own answer says what comes of it.
            LegFact::Lapsed => self.lapse()?,
            LegFact::Allocated { quantity } => self.allocate(*quantity)?,
            LegFact::Released { keep } => self.release(*keep)?,
            LegFact::Shipping(shipment) => {
                self.moving(Movement { goods: Goods::Left, shipment: shipment.clone() })?;
            }
            LegFact::Moving(movement) => self.moving(movement.clone())?,
            LegFact::Shipped { number } => {
                let shipment = self.moved(*number)?.shipment;
                self.give(shipment.held);
            }
            LegFact::Moved { number, quantity, location } => {
                let Movement { goods, shipment } = self.moved(*number)?;
                if goods == Goods::BroughtBack && shipment.held > 0 {
                    let location = location.clone().unwrap_or(shipment.location);
                    self.take_back(*quantity, location);
                }
            }
        }
        Ok(())
    }

    fn answered(&mut self, hold: Hold) {
        self.hold = hold;
        self.sent = None;
    }

    fn lapse(&mut self) -> Result<(), Breach> {
        let grant =
            self.grant().cloned().ok_or_else(|| self.breach("lapsed, but never granted"))?;
        self.hold = Hold::Lapsed(grant);
        Ok(())
    }

    fn allocate(&mut self, quantity: u32) -> Result<(), Breach> {
        let grant = self.grant().ok_or_else(|| self.breach("allocated, but never granted"))?;
        self.answered(Hold::Allocated(Grant { quantity, ..grant.clone() }));
        Ok(())
    }

    /// A hold that kept nothing, where something was to be kept, had passed its deadline before;
    /// one that passed it after it kept something has passed it all the same.
    fn release(&mut self, keep: u32) -> Result<(), Breach> {
        let all = matches!(&self.sent, Some(Sent { ask: Ask::Release { keep: 0 }, .. }));
        let kept = |grant: &Grant| Grant { quantity: keep, ..grant.clone() };
        let hold = match (&self.hold, keep) {
            (Hold::Granted(grant), 1..) => Hold::Granted(kept(grant)),
            (Hold::Allocated(grant), 1..) => Hold::Allocated(kept(grant)),
            (Hold::Lapsed(grant), 1..) => Hold::Lapsed(kept(grant)),
            (Hold::Granted(grant) | Hold::Lapsed(grant) | Hold::Allocated(grant), 0) if !all => {
                Hold::Lapsed(kept(grant))
            }
            (Hold::Granted(_) | Hold::Lapsed(_) | Hold::Allocated(_), 0)
            | (Hold::Asked | Hold::Released | Hold::Refused(_), 0) => Hold::Released,
            (Hold::Asked | Hold::Released | Hold::Refused(_), 1..) => {
                return Err(self.breach("units kept of a hold that there is not"));
            }
        };
        self.answered(hold);
        Ok(())
    }

    fn moved(&mut self, number: u32) -> Result<Movement, Breach> {
        if self.unanswered.first().map(|movement| movement.shipment.number) != Some(number) {
            return Err(self.breach("an answer to a movement that is not the oldest"));
        }
        self.sent = None;
        Ok(self.unanswered.remove(0))
    }

    fn give(&mut self, units: u32) {
        match &mut self.hold {
            Hold::Granted(grant) | Hold::Lapsed(grant) | Hold::Allocated(grant) => {
                grant.quantity = grant.quantity.saturating_sub(units);
            }
            Hold::Asked | Hold::Refused(_) | Hold::Released => {}
        }
    }

    /// The SKU holds units for the order again, also where there was no hold any more. What a
    /// shipment had been taken from stands for good.
    fn take_back(&mut self, quantity: u32, location: LocationId) {
        let backordered = self.grant().map_or(0, |known| known.backordered);
        self.hold = Hold::Allocated(Grant { quantity, backordered, location });
    }

    fn moving(&mut self, movement: Movement) -> Result<(), Breach> {
        if self.movements.checked_add(1) != Some(movement.shipment.number) {
            return Err(self.breach("a movement out of turn"));
        }
        self.movements = movement.shipment.number;
        self.unanswered.push(movement);
        Ok(())
    }

    fn sent_again(&mut self, again_at: Timestamp) -> Result<(), Breach> {
        let Some(sent) = &mut self.sent else {
            return Err(self.breach("sent again what was never sent"));
        };
        sent.tries = sent.tries.saturating_add(1);
        sent.again_at = again_at;
        Ok(())
    }

    fn breach(&self, what: &str) -> Breach {
        Breach(format!("leg of SKU {}: {what}", self.sku))
    }
}
