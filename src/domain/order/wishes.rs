//! What an order asks for beside what it has: more units of a line, or the same units elsewhere.
//!
//! Promise: nothing is let go before the other is there. A wish is a leg of its own, whose units
//! are no line's until its SKU has granted them; one that is refused leaves the order as it was.

use serde::{Deserialize, Serialize};

use super::{
    lines::{Line, Place, Units},
    saga::Leg,
    state::Order,
};
use crate::domain::{Breach, ids::Name};

/// What a further leg is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// A fulfilment moved: units of a portion of a line are to be held where it is now.
    Elsewhere {
        /// The portion's place among the lines.
        line: u32,
        /// The fulfilment.
        fulfilment: Name,
    },
    /// The order was edited: a line is to have more units, or to be there at all.
    More {
        /// The line.
        line: Name,
    },
}

impl Wish {
    /// Whether a move of this fulfilment made it.
    pub fn is_of(&self, moved: &Name) -> bool {
        matches!(self, Wish::Elsewhere { fulfilment, .. } if fulfilment == moved)
    }

    /// Whether it is for more units of this line.
    pub fn is_more_of(&self, named: &Name) -> bool {
        matches!(self, Wish::More { line } if line == named)
    }
}

impl Order {
    /// Begins a wish, with its leg.
    pub(super) fn wish(&mut self, leg: &Leg, wish: &Wish) {
        let index = u32::try_from(self.legs.len()).unwrap_or(u32::MAX);
        self.legs.push(leg.clone());
        self.wishes.insert(index, wish.clone());
    }

    /// Ends a wish. So many units of it were granted and are still wanted: they are a portion of
    /// their line of its own.
    pub(super) fn end_wish(&mut self, index: u32, units: u32) -> Result<(), Breach> {
        let wish = self.wishes.remove(&index);
        let wish = wish.ok_or_else(|| Breach(format!("leg {index} has no wish")))?;
        if units == 0 {
            return Ok(());
        }
        let leg = self.legs.get(index as usize);
        let leg = leg.ok_or_else(|| Breach(format!("there is no leg {index}")))?;
        let (location, claim, sku) = (leg.location.clone(), leg.claim.clone(), leg.sku.clone());
        let name = match wish {
            Wish::More { line } => line,
            Wish::Elsewhere { line, .. } => self.take_out(line, units)?,
        };
        self.lines.push(Line {
            name,
            sku,
            ordered: units,
            location,
            claim,
            leg: index,
            units: Units { reserved: units, ..Units::default() },
            refusal: None,
        });
        Ok(())
    }

    /// Takes promised units out of a portion of a line; says which line it is.
    fn take_out(&mut self, index: u32, units: u32) -> Result<Name, Breach> {
        let line = self.lines.get_mut(index as usize);
        let line = line.ok_or_else(|| Breach(format!("there is no line {index}")))?;
        line.give_away(units)?;
        Ok(line.name.clone())
    }

    /// Units that the order still wants of a wish's leg.
    fn wanted(&self, wish: &Wish, asked: u32) -> u32 {
        match wish {
            Wish::More { .. } => asked,
            Wish::Elsewhere { line, .. } => {
                self.lines.get(*line as usize).map_or(0, Line::promised).min(asked)
            }
        }
    }

    /// For each leg, the units that may still ship, or that are wished for.
    pub fn wanted_by_leg(&self) -> Vec<u32> {
        let mut wanted = self.open_by_leg();
        for (index, wish) in &self.wishes {
            let index = *index as usize;
            let asked = self.legs.get(index).map_or(0, |leg| leg.asked);
            if let Some(sum) = wanted.get_mut(index) {
                *sum = sum.saturating_add(self.wanted(wish, asked));
            }
        }
        wanted
    }

    /// Units of a portion of a line that are to be held elsewhere, so far.
    pub(super) fn wished_elsewhere(&self, portion: u32) -> u32 {
        let of = |(leg, wish): (&u32, &Wish)| match wish {
            Wish::Elsewhere { line, .. } if *line == portion => {
                self.legs.get(*leg as usize).map(|leg| leg.asked)
            }
            Wish::Elsewhere { .. } | Wish::More { .. } => None,
        };
        self.wishes.iter().filter_map(of).fold(0, u32::saturating_add)
    }

    /// Wishes that may still come true: their SKU has not answered, and was not told to forget it.
    pub(super) fn awaited_wishes(&self) -> impl Iterator<Item = &Wish> {
        let awaited = |leg: &u32| self.legs.get(*leg as usize).is_some_and(Leg::is_awaited);
        self.wishes.iter().filter(move |(leg, _)| awaited(leg)).map(|(_, wish)| wish)
    }

    /// Whether more units are asked for, of whichever line.
    pub(super) fn hopes(&self) -> bool {
        self.awaited_wishes().any(|wish| matches!(wish, Wish::More { .. }))
    }

    /// Whether more of a line is asked for, or a line that there is not yet.
    pub(super) fn is_wished_for(&self, name: &Name) -> bool {
        self.awaited_wishes().any(|wish| matches!(wish, Wish::More { line } if line == name))
    }
}

impl Line {
    /// Units that are promised and may still ship.
    pub fn promised(&self) -> u32 {
        self.units.reserved.saturating_add(self.units.allocated)
    }

    /// Gives promised units to another portion, the less firm first.
    fn give_away(&mut self, units: u32) -> Result<(), Breach> {
        let reserved = self.units.at(Place::Reserved).min(units);
        let allocated = self.units.allocated.checked_sub(units - reserved);
        let ordered = self.ordered.checked_sub(units);
        let (Some(allocated), Some(ordered)) = (allocated, ordered) else {
            return Err(Breach(format!("line {}: no {units} units to give away", self.name)));
        };
        self.ordered = ordered;
        self.units.reserved -= reserved;
        self.units.allocated = allocated;
        Ok(())
    }
}
