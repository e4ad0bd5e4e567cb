//! A SKU taken apart, so that a change writes what it changed and not what there is: one part each
//! for the head, a location, a hold, a stone, an id, a point of movement, a parked event.

use std::{collections::BTreeMap, fmt::Write};

use serde::{Deserialize, Serialize};

use super::{
    Head, SkuState,
    hold::{Hold, PromiseNo, Stone},
    memory::Remembered,
    movements::Movement,
    parking::ParkedEvent,
    stock::Stock,
    stored::StockV010,
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
    /// The counters of a location, as v0.1.0 wrote them.
    LocationV010(LocationId, StockV010),
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
    /// The counters of a location.
    Location(LocationId, Stock),
}

/// Which part. Their order is relied on: locations stand before holds.
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

impl PartName {
    /// Its name in a snapshot.
    pub(super) fn key(&self) -> PartKey {
        match self {
            PartName::Head => PartKey::from("head"),
            PartName::Attributes => PartKey::from("attributes"),
            PartName::Location(location) => ["l:", location.as_str()].concat(),
            PartName::Hold(promise) => numbered('h', *promise),
            PartName::Stone(promise) => numbered('s', *promise),
            PartName::Id(key) => hex(*key),
            PartName::Movement(time, location) => format!("m:{}:{location}", time.0),
            PartName::Parked(place) => numbered('p', *place),
        }
    }
}

fn numbered(kind: char, number: PromiseNo) -> PartKey {
    let mut key = PartKey::with_capacity(16);
    // Writing to a string never fails.
    let _ = write!(key, "{kind}:{number}");
    key
}

/// `i:` and 32 digits: each decided event has one, and formatting is slow at numbers of 128 bits.
fn hex(key: EventKey) -> PartKey {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = PartKey::with_capacity(34);
    text.push_str("i:");
    for byte in key.0.to_be_bytes() {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 0xf)].into());
    }
    text
}

impl SkuPart {
    fn name(&self) -> PartName {
        match self {
            SkuPart::Head(_) => PartName::Head,
            SkuPart::Attributes(_) => PartName::Attributes,
            SkuPart::LocationV010(location, _) | SkuPart::Location(location, _) => {
                PartName::Location(location.clone())
            }
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
                .map(|stock| SkuPart::Location(location.clone(), **stock)),
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
            let name = part.name().key();
            if name != key {
                return Err(Breach(format!("part {key} says that it is {name}")));
            }
            match part {
                SkuPart::Head(head) => state.head = head,
                SkuPart::Attributes(attributes) => state.attributes = attributes,
                SkuPart::LocationV010(location, stock) => {
                    state.set_stock(&location, stock.into());
                }
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
