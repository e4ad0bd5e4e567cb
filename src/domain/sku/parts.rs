//! A SKU taken apart, so that a change writes what it changed and not what there is: one part each
//! for the head, a location, a hold, a stone, an id, a point of movement, a parked event.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    Head, SkuState,
    hold::{Hold, PromiseNo, Stone},
    memory::Remembered,
    movements::Movement,
    parking::ParkedEvent,
    stock::Stock,
};
use crate::domain::{
    Breach, PartKey,
    ids::{EventKey, LocationId, Sku},
    time::Timestamp,
};

/// A part of a SKU as a snapshot keeps it. Each says by itself which part it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SkuPart {
    /// Settings, numbers and marks.
    Head(Head),
    /// What `sku.described` said.
    Attributes(BTreeMap<String, String>),
    /// The counters of a location.
    Location(LocationId, Stock),
    /// An open hold.
    Hold(Box<Hold>),
    /// A hold that ended.
    Stone(Box<Stone>),
    /// An event that was decided.
    Id(Box<Remembered>),
    /// What moved at a location at a time.
    Movement(LocationId, Timestamp, Movement),
    /// An event that waits.
    Parked(Box<ParkedEvent>),
}

/// Which part.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum PartName {
    Head,
    Attributes,
    Location(LocationId),
    Hold(PromiseNo),
    Stone(PromiseNo),
    Id(EventKey),
    Movement(Timestamp, LocationId),
    Parked(PromiseNo),
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PartName::Head => f.write_str("head"),
            PartName::Attributes => f.write_str("attributes"),
            PartName::Location(location) => write!(f, "l:{location}"),
            PartName::Hold(promise) => write!(f, "h:{promise}"),
            PartName::Stone(promise) => write!(f, "s:{promise}"),
            PartName::Id(key) => write!(f, "i:{:032x}", key.0),
            PartName::Movement(time, location) => write!(f, "m:{}:{location}", time.0),
            PartName::Parked(place) => write!(f, "p:{place}"),
        }
    }
}

impl SkuPart {
    fn name(&self) -> PartName {
        match self {
            SkuPart::Head(_) => PartName::Head,
            SkuPart::Attributes(_) => PartName::Attributes,
            SkuPart::Location(location, _) => PartName::Location(location.clone()),
            SkuPart::Hold(hold) => PartName::Hold(hold.promise),
            SkuPart::Stone(stone) => PartName::Stone(stone.promise),
            SkuPart::Id(remembered) => PartName::Id(remembered.key),
            SkuPart::Movement(location, time, _) => PartName::Movement(*time, location.clone()),
            SkuPart::Parked(parked) => PartName::Parked(parked.place),
        }
    }
}

impl SkuState {
    pub(super) fn part(&self, name: &PartName) -> Option<SkuPart> {
        match name {
            PartName::Head => Some(SkuPart::Head(self.head)),
            PartName::Attributes => Some(SkuPart::Attributes(self.attributes.clone())),
            PartName::Location(location) => self
                .locations
                .get(location)
                .map(|stock| SkuPart::Location(location.clone(), *stock)),
            PartName::Hold(promise) => {
                self.book.hold(*promise).map(|hold| SkuPart::Hold(Box::new(hold.clone())))
            }
            PartName::Stone(promise) => {
                self.book.stone(*promise).map(|stone| SkuPart::Stone(Box::new(stone.clone())))
            }
            PartName::Id(key) => {
                self.memory.recall(*key).map(|known| SkuPart::Id(Box::new(known.clone())))
            }
            PartName::Movement(time, location) => {
                let moved = self.movements.at(location, *time);
                moved.map(|moved| SkuPart::Movement(location.clone(), *time, moved))
            }
            PartName::Parked(place) => {
                self.parking.at(*place).map(|parked| SkuPart::Parked(Box::new(parked.clone())))
            }
        }
    }

    /// A SKU from its parts, whatever their order.
    pub(super) fn assembled(sku: Sku, parts: Vec<(PartKey, SkuPart)>) -> Result<Self, Breach> {
        let mut state = SkuState::empty(sku);
        let mut remembered = Vec::new();
        for (key, part) in parts {
            let name = part.name().to_string();
            if name != key {
                return Err(Breach(format!("part {key} says that it is {name}")));
            }
            match part {
                SkuPart::Head(head) => state.head = head,
                SkuPart::Attributes(attributes) => state.attributes = attributes,
                SkuPart::Location(location, stock) => state.set_stock(&location, stock),
                SkuPart::Hold(hold) => {
                    state.book.put_hold(*hold);
                }
                SkuPart::Stone(stone) => {
                    state.book.put_stone(*stone);
                }
                SkuPart::Id(known) => remembered.push(*known),
                SkuPart::Movement(location, time, moved) => {
                    state.movements.add(&location, time, moved);
                }
                SkuPart::Parked(parked) => state.parking.add(*parked),
            }
        }
        remembered.into_iter().for_each(|known| state.remember(known));
        Ok(state)
    }
}
