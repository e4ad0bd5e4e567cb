//! The legs of the saga: one hold each, asked of one SKU.
//!
//! Promise: a leg has at most one unanswered command, and the next one follows from what the hold
//! is, what its goods did, and what the order still wants. So a release never overtakes a shipment
//! whose units it would give away, and a repeated answer finds nothing to do.

use serde::{Deserialize, Serialize};

use super::{state::Order, terms::Terms};
pub use crate::domain::command::Goods;
use crate::domain::{
    Breach,
    command::SkuCommand,
    event::OrderPolicy,
    ids::{HoldName, LocationId, Name, OrderId, Sku},
    refusal::Refusal,
    time::Timestamp,
};

/// The attempt under which an order asks for what it was placed with.
pub const FIRST_ATTEMPT: u32 = 1;

/// What a SKU promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Units still in the hold, as far as its SKU has answered.
    pub quantity: u32,
    /// Units beyond stock among those first granted.
    pub backordered: u32,
    /// Where.
    pub location: LocationId,
}

/// What the order knows of a leg's hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hold {
    /// Nothing yet.
    Asked,
    /// It stands, until its deadline.
    Granted(Grant),
    /// It passed its deadline; a commit is a fresh availability check.
    Lapsed(Grant),
    /// It stands for good.
    Allocated(Grant),
    /// There is none.
    Refused(Refusal),
    /// It was given back.
    Released,
}

/// Units of a leg that moved, where, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// The leg's number of it, from 1.
    pub number: u32,
    /// From where the units left, or where they came.
    pub location: LocationId,
    /// Units.
    pub quantity: u32,
    /// Of these, units out of the leg's hold, or back into it.
    pub held: u32,
    /// When they did, says the publisher.
    pub time: Timestamp,
}

/// What goods did, and its SKU must hear of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Movement {
    /// What they did.
    pub goods: Goods,
    /// Which units.
    pub shipment: Shipment,
}

/// What a leg asks of its SKU; with the leg and the terms it is the whole command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// Hold the leg's units.
    Reserve,
    /// Make the hold an allocation.
    Commit {
        /// Units that the order still wants.
        quantity: u32,
    },
    /// Take units back.
    Release {
        /// Units that the order still wants.
        keep: u32,
    },
    /// Units left.
    Ship(Shipment),
    /// Units did something else.
    Move(Movement),
}

/// A command that has not been answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// What was asked.
    pub ask: Ask,
    /// The `time` of the fact that caused it.
    pub time: Timestamp,
    /// When it was sent first.
    pub sent_at: Timestamp,
    /// How often it was sent.
    pub tries: u32,
    /// When it is to be sent again.
    pub again_at: Timestamp,
}

/// One hold of the order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Of which SKU.
    pub sku: Sku,
    /// The location that its lines ask for, if they do.
    pub location: Option<LocationId>,
    /// The cart's or draft's hold that its lines claim, if they do.
    pub claim: Option<Name>,
    /// The order's attempt, from 1.
    pub attempt: u32,
    /// Units that its lines ask for together.
    pub asked: u32,
    /// What is known of the hold.
    pub hold: Hold,
    /// The command that waits for its answer.
    pub sent: Option<Sent>,
    /// What its goods did and is not yet answered, oldest first.
    pub unanswered: Vec<Movement>,
    /// Movements of its goods so far.
    pub movements: u32,
}

/// What can happen to a leg.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegFact {
    /// A command went out.
    Sent(Sent),
    /// It went out again.
    SentAgain {
        /// When it is to be sent once more.
        again_at: Timestamp,
    },
    /// The SKU granted the hold.
    Granted(Grant),
    /// The SKU refused the hold, or its commit.
    Refused(Refusal),
    /// The hold passed its deadline.
    Lapsed,
    /// The SKU allocated the hold.
    Allocated {
        /// Units in it.
        quantity: u32,
    },
    /// The SKU took units back.
    Released {
        /// Units left in it.
        keep: u32,
    },
    /// Units left; the SKU must hear of it.
    Shipping(Shipment),
    /// The SKU heard of the oldest unanswered movement.
    Shipped {
        /// Its number.
        number: u32,
    },
    /// Units did something else; the SKU must hear of it.
    Moving(Movement),
    /// The SKU heard of the oldest unanswered movement, and says what is in the hold.
    Moved {
        /// Its number.
        number: u32,
        /// Units in the hold.
        quantity: u32,
        /// Where it stands, if it is there.
        location: Option<LocationId>,
    },
}

impl Leg {
    /// A leg that is to ask for units.
    pub fn asking(
        sku: Sku,
        location: Option<LocationId>,
        claim: Option<Name>,
        attempt: u32,
        asked: u32,
    ) -> Leg {
        let (hold, sent, unanswered) = (Hold::Asked, None, Vec::new());
        Leg { sku, location, claim, attempt, asked, hold, sent, unanswered, movements: 0 }
    }

    /// The name of its hold.
    pub fn hold_name(&self, order: &OrderId) -> HoldName {
        HoldName::Order {
            order: order.clone(),
            location: self.location.clone(),
            claim: self.claim.clone(),
            attempt: self.attempt,
        }
    }

    /// Until when its hold lasts that was asked for at a time. One that is asked for later lasts as
    /// long as those that the order was placed with.
    fn holds_until(&self, terms: &Terms, asked_at: Timestamp) -> Timestamp {
        match self.attempt {
            FIRST_ATTEMPT => terms.holds_until,
            _ => terms.holds_until.max(asked_at + (terms.holds_until - terms.placed_at)),
        }
    }

    /// What is asked, as the SKU reads it; the same words at every repeat. A leg may be for units
    /// that the order has `elsewhere`.
    pub fn command(
        &self,
        ask: &Ask,
        order: &OrderId,
        terms: &Terms,
        (asked_at, elsewhere): (Timestamp, bool),
    ) -> SkuCommand {
        let hold = self.hold_name(order);
        let command = match ask {
            Ask::Reserve if elsewhere => SkuCommand::ReserveElsewhere {
                hold,
                quantity: self.asked,
                partial: terms.policy == OrderPolicy::Partial,
                expires_at: self.holds_until(terms, asked_at),
            },
            Ask::Reserve => SkuCommand::Reserve {
                hold,
                quantity: self.asked,
                partial: terms.policy == OrderPolicy::Partial,
                backorder: terms.backorder,
                expires_at: self.holds_until(terms, asked_at),
            },
            Ask::Commit { quantity } => {
                SkuCommand::Commit { hold, quantity: *quantity, backorder: terms.backorder }
            }
            Ask::Release { keep } => SkuCommand::Release { hold, keep: *keep },
            Ask::Ship(shipment) => SkuCommand::Ship {
                hold,
                location: shipment.location.clone(),
                quantity: shipment.quantity,
                held: shipment.held,
                shipment: shipment.number,
            },
            Ask::Move(Movement { goods, shipment }) => SkuCommand::Move {
                hold,
                goods: *goods,
                location: shipment.location.clone(),
                quantity: shipment.quantity,
                held: shipment.held,
                backorder: terms.backorder,
                shipment: shipment.number,
            },
        };
        match (ask, self.answered_movements()) {
            (Ask::Commit { .. } | Ask::Release { .. }, movements @ 1..) => {
                SkuCommand::After { movements, ask: Box::new(command) }
            }
            _ => command,
        }
    }

    /// Movements of its goods that its SKU has answered: as many as before for as long as a commit
    /// or a release waits for its answer.
    pub fn answered_movements(&self) -> u32 {
        let unanswered = u32::try_from(self.unanswered.len()).unwrap_or(u32::MAX);
        self.movements.saturating_sub(unanswered)
    }

    /// What is to be asked now, for an order that still wants `open` units of the hold and, where
    /// `commit`, wants them for good. Only a release of everything overtakes, and only the first
    /// question: its hold may not be known yet, and must never be opened then.
    pub fn next_ask(&self, open: u32, commit: bool) -> Option<Ask> {
        if let Some(sent) = &self.sent {
            let give_up = sent.ask == Ask::Reserve && open == 0 && self.unanswered.is_empty();
            return give_up.then_some(Ask::Release { keep: 0 });
        }
        if let Some(movement) = self.unanswered.first() {
            return Some(movement.clone().ask());
        }
        match &self.hold {
            Hold::Granted(_) | Hold::Lapsed(_) if commit && open > 0 => {
                Some(Ask::Commit { quantity: open })
            }
            Hold::Allocated(grant) if commit && open > grant.quantity => {
                Some(Ask::Commit { quantity: open })
            }
            Hold::Granted(grant) | Hold::Allocated(grant) if open < grant.quantity => {
                Some(Ask::Release { keep: open })
            }
            Hold::Asked
            | Hold::Granted(_)
            | Hold::Lapsed(_)
            | Hold::Allocated(_)
            | Hold::Refused(_)
            | Hold::Released => None,
        }
    }

    /// Units that the hold must cover by now: those the order wants and those that left unanswered,
    /// less those that come back into it.
    pub fn needed(&self, open: u32) -> u64 {
        (u64::from(open) + u64::from(self.leaving())).saturating_sub(u64::from(self.coming()))
    }

    /// Units that left and that its SKU has not taken out of the hold yet, as far as known.
    pub fn leaving(&self) -> u32 {
        self.unanswered(Goods::Left)
    }

    /// Units that did not leave after all and that its SKU has not put back into the hold yet.
    pub fn coming(&self) -> u32 {
        self.unanswered(Goods::BroughtBack)
    }

    fn unanswered(&self, goods: Goods) -> u32 {
        let unanswered = self.unanswered.iter().filter(|movement| movement.goods == goods);
        unanswered.map(|movement| movement.shipment.held).fold(0, u32::saturating_add)
    }

    /// Units in the hold that nobody wants, of an order that still wants `open` of it. What its SKU
    /// has been asked to take back is not in it any more by the time it hears of anything else.
    pub fn surplus(&self, open: u32) -> u32 {
        let granted = self.grant().map_or(0, |grant| grant.quantity);
        let granted = match self.sent.as_ref().map(|sent| &sent.ask) {
            Some(Ask::Release { keep } | Ask::Commit { quantity: keep }) => granted.min(*keep),
            Some(Ask::Reserve | Ask::Ship(_) | Ask::Move(_)) | None => granted,
        };
        let granted = granted.saturating_add(self.coming());
        granted.saturating_sub(open).saturating_sub(self.leaving())
    }

    /// What its SKU promised, while the hold is known.
    pub fn grant(&self) -> Option<&Grant> {
        match &self.hold {
            Hold::Granted(grant) | Hold::Lapsed(grant) | Hold::Allocated(grant) => Some(grant),
            Hold::Asked | Hold::Refused(_) | Hold::Released => None,
        }
    }

    /// Its SKU has not answered yet whether there is a hold, and the order still wants to know.
    pub fn is_awaited(&self) -> bool {
        matches!(&self.sent, Some(Sent { ask: Ask::Reserve, .. }))
    }

    /// All that the order still wants of it is acknowledged to stand for good.
    pub fn is_allocated(&self, open: u32) -> bool {
        let committing = matches!(&self.sent, Some(Sent { ask: Ask::Commit { .. }, .. }));
        let enough = |grant: &Grant| grant.quantity.saturating_add(self.coming()) >= open;
        matches!(&self.hold, Hold::Allocated(grant) if enough(grant)) && !committing
    }
}

impl Order {
    /// The lines of a leg ask by another one, and for fewer units.
    pub(super) fn ask_anew(&mut self, leg: u32, quantity: u32) -> Result<(), Breach> {
        let known = self.legs.get(leg as usize);
        let known = known.ok_or_else(|| Breach(format!("there is no leg {leg}")))?;
        let (sku, location, claim) =
            (known.sku.clone(), known.location.clone(), known.claim.clone());
        let attempt = self.next_attempt(&sku);
        let next = u32::try_from(self.legs.len()).unwrap_or(u32::MAX);
        self.lines.iter_mut().filter(|line| line.leg == leg).for_each(|line| line.leg = next);
        self.legs.push(Leg::asking(sku, location, claim, attempt, quantity));
        Ok(())
    }

    /// The attempt under which a SKU is asked next.
    pub(super) fn next_attempt(&self, sku: &Sku) -> u32 {
        let attempts = self.legs.iter().filter(|leg| leg.sku == *sku).map(|leg| leg.attempt);
        attempts.max().unwrap_or(0).saturating_add(1)
    }
}

impl Movement {
    fn ask(self) -> Ask {
        match self.goods {
            Goods::Left => Ask::Ship(self.shipment),
            Goods::Missing | Goods::BroughtBack | Goods::Returned(_) => Ask::Move(self),
        }
    }
}
