//! What actors say to one another, over the command log: an order asks its SKUs, a SKU answers.
//!
//! A command is repeated until it is answered, so each names everything that makes it the same
//! command again: the hold, the order that must own it, and for a shipment its number.

use serde::{Deserialize, Serialize};

use super::{
    event::Disposition,
    ids::{EntityKey, HoldName, LocationId, OrderId, Sku},
    refusal::Refusal,
    time::Timestamp,
};

/// A command on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Who asks or answers.
    pub from: EntityKey,
    /// Who is asked or answered.
    pub to: EntityKey,
    /// The `time` of the fact that caused it.
    pub time: Timestamp,
    /// What is asked or answered.
    pub body: CommandBody,
}

/// What is asked or answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommandBody {
    /// An order asks a SKU.
    Ask(SkuCommand),
    /// A SKU answers, or tells an order what happened to its hold.
    Answer(SkuAnswer),
}

/// What goods of an order did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goods {
    /// They left the shelf.
    Left,
    /// They were looked for and were not there.
    Missing,
    /// They had been said to leave, and did not.
    BroughtBack,
    /// They came back from the buyer.
    Returned(Disposition),
}

/// What an order asks of a SKU. The order that asks is the owner it expects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkuCommand {
    /// Hold units for the order; take over the claimed cart's hold if the name has one.
    Reserve {
        /// The hold's name.
        hold: HoldName,
        /// Units in all.
        quantity: u32,
        /// Fewer units are better than none.
        partial: bool,
        /// Units beyond stock may be promised, up to the SKU's limit.
        backorder: bool,
        /// When the hold ends unless it is committed.
        expires_at: Timestamp,
    },
    /// Make the hold an allocation.
    Commit {
        /// The hold.
        hold: HoldName,
        /// Units that the order still wants; what the hold has beyond is given back.
        quantity: u32,
        /// A hold that expired may be had again from units beyond stock.
        backorder: bool,
    },
    /// Give units back. A hold that is not known yet may never be opened afterwards.
    Release {
        /// The hold.
        hold: HoldName,
        /// How many units the order still wants of it afterwards; 0 ends it.
        keep: u32,
    },
    /// Units of the hold left a location.
    Ship {
        /// The hold.
        hold: HoldName,
        /// From where they left, which need not be where they were held.
        location: LocationId,
        /// Units.
        quantity: u32,
        /// Of these, units that the hold promised. The others were promised to nobody, or no more;
        /// what is left of the hold is still wanted.
        held: u32,
        /// The order's number of this shipment of this hold, from 1: a repeat has the same.
        shipment: u32,
    },
    /// Goods of the hold did something else than leave.
    Move {
        /// The hold.
        hold: HoldName,
        /// What they did.
        goods: Goods,
        /// Where.
        location: LocationId,
        /// Units.
        quantity: u32,
        /// Of these, units that the hold promises again (goods that did not leave after all).
        held: u32,
        /// Units beyond stock may be promised again, up to the SKU's limit.
        backorder: bool,
        /// The order's number of it, from the same sequence as its shipments.
        shipment: u32,
    },
    /// The same, asked after so many movements of the hold's goods had been answered: units may
    /// have come back since an earlier one like it, whose late answer would say too little.
    After {
        /// How many.
        movements: u32,
        /// What is asked.
        ask: Box<SkuCommand>,
    },
    /// Hold units that the order has been promised already and wants to have somewhere else: from
    /// the shelf alone, and also of a SKU that is sold no more.
    ReserveElsewhere {
        /// The hold's name, which says where.
        hold: HoldName,
        /// Units in all.
        quantity: u32,
        /// Fewer units are better than none.
        partial: bool,
        /// When the hold ends unless it is committed.
        expires_at: Timestamp,
    },
}

impl SkuCommand {
    /// The hold that the command is about.
    pub fn hold(&self) -> &HoldName {
        match self {
            SkuCommand::Reserve { hold, .. }
            | SkuCommand::Commit { hold, .. }
            | SkuCommand::Release { hold, .. }
            | SkuCommand::Ship { hold, .. }
            | SkuCommand::Move { hold, .. }
            | SkuCommand::ReserveElsewhere { hold, .. } => hold,
            SkuCommand::After { ask, .. } => ask.hold(),
        }
    }
}

/// What a SKU tells an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkuAnswer {
    /// The hold stands.
    Reserved {
        /// The hold.
        hold: HoldName,
        /// Units promised, backordered ones included.
        quantity: u32,
        /// Of these, units beyond stock.
        backordered: u32,
        /// Where.
        location: LocationId,
    },
    /// There is no hold.
    NotReserved {
        /// The hold that was asked for.
        hold: HoldName,
        /// Why not.
        refusal: Refusal,
    },
    /// The hold is an allocation.
    Committed {
        /// The hold.
        hold: HoldName,
        /// Units allocated.
        quantity: u32,
    },
    /// The hold could not be committed.
    NotCommitted {
        /// The hold.
        hold: HoldName,
        /// Why not.
        refusal: Refusal,
    },
    /// Units went back.
    Released {
        /// The hold.
        hold: HoldName,
        /// Units that stay with the order.
        keep: u32,
    },
    /// Units left.
    Shipped {
        /// The hold.
        hold: HoldName,
        /// The order's number of the shipment.
        shipment: u32,
    },
    /// The hold passed its deadline.
    Expired {
        /// The hold.
        hold: HoldName,
    },
    /// Units did what else they did.
    Moved {
        /// The hold.
        hold: HoldName,
        /// The order's number of it.
        shipment: u32,
        /// Units in the hold by now; 0 if there is none.
        quantity: u32,
        /// Where the hold stands by now, if there is one.
        location: Option<LocationId>,
    },
    /// The answer to [`SkuCommand::After`].
    After {
        /// How many.
        movements: u32,
        /// What is answered.
        answer: Box<SkuAnswer>,
    },
}

impl SkuAnswer {
    /// The hold that the answer is about.
    pub fn hold(&self) -> &HoldName {
        match self {
            SkuAnswer::Reserved { hold, .. }
            | SkuAnswer::NotReserved { hold, .. }
            | SkuAnswer::Committed { hold, .. }
            | SkuAnswer::NotCommitted { hold, .. }
            | SkuAnswer::Released { hold, .. }
            | SkuAnswer::Shipped { hold, .. }
            | SkuAnswer::Moved { hold, .. }
            | SkuAnswer::Expired { hold } => hold,
            SkuAnswer::After { answer, .. } => answer.hold(),
        }
    }
}

impl Command {
    /// An order's question to a SKU.
    pub fn ask(from: &OrderId, to: &Sku, time: Timestamp, body: SkuCommand) -> Command {
        Command {
            from: EntityKey::Order(from.clone()),
            to: EntityKey::Sku(to.clone()),
            time,
            body: CommandBody::Ask(body),
        }
    }

    /// A SKU's answer to an order.
    pub fn answer(from: &Sku, to: &OrderId, time: Timestamp, body: SkuAnswer) -> Command {
        Command {
            from: EntityKey::Sku(from.clone()),
            to: EntityKey::Order(to.clone()),
            time,
            body: CommandBody::Answer(body),
        }
    }
}
