//! Legs beside those that the order was placed with, and what comes of them.

use super::{draft::Draft, fulfilments::ByLine, placed::leg_for};
use crate::domain::{
    event::{Fulfilment, OrderLine},
    ids::{LocationId, Name},
    order::{
        facts::OrderFact,
        fulfilment::Stage,
        saga::{Ask, Leg},
        state::Order,
        wishes::Wish,
    },
    outcome::{LineQuantity, LineRefusal, Outcome},
    refusal::{Reason, Refusal},
};

impl Draft<'_> {
    /// Asks for units beside those that there are.
    pub fn wish(&mut self, more: &OrderLine, wish: Wish) {
        let attempt = self.order.next_attempt(&more.sku);
        let leg = Leg { attempt, ..leg_for(more) };
        let index = u32::try_from(self.order.legs.len()).unwrap_or(u32::MAX);
        self.record(OrderFact::Wished { leg, wish });
        self.ask(index, Ask::Reserve);
    }

    /// Whether the order may ask for so many holds more.
    pub fn has_room(&self, more: usize) -> bool {
        self.order.legs.len().saturating_add(more) <= self.moment.policy.legs_per_order_max
    }

    /// Ends a wish: so many units of it are the order's.
    pub fn end_wish(&mut self, leg: u32, units: u32) {
        self.record(OrderFact::WishEnded { leg, units });
    }

    /// Ends wishes that something else has taken the place of; what their SKUs grant is given back.
    pub fn end_wishes(&mut self, which: impl Fn(&Wish) -> bool) {
        let ended = self.order.wishes.iter().filter(|(_, wish)| which(wish));
        let ended: Vec<u32> = ended.map(|(leg, _)| *leg).collect();
        ended.into_iter().for_each(|leg| self.end_wish(leg, 0));
    }

    /// A fulfilment is to ship from another location: its units are asked for there, and let go
    /// where they are once they are granted.
    pub fn move_holds(&mut self, said: &Fulfilment, units: &ByLine) {
        for (name, quantity) in units.iter() {
            let mut left = quantity;
            let mut planned = self.order.planned_by_others(name, said);
            for portion in self.order.portions(name, &said.location) {
                let mut movable = self.order.movable(portion);
                if self.order.is_held_at(portion, &said.location) {
                    let theirs = planned.min(movable);
                    planned -= theirs;
                    movable -= theirs;
                    left -= movable.min(left);
                    continue;
                }
                let units = movable.min(left);
                left -= units;
                if units > 0 {
                    self.wish_elsewhere(portion, units, said);
                }
            }
            if left > 0 {
                self.say_not_moved(said, name, quantity - left);
            }
        }
    }

    /// Of what is to be elsewhere only so many units are promised, and can move.
    fn say_not_moved(&mut self, said: &Fulfilment, line: &Name, movable: u32) {
        let refusal = Refusal {
            available: Some(movable),
            about: Some(line.clone()),
            ..Reason::ExceedsQuantity.into()
        };
        let fulfilment = said.fulfilment.clone();
        self.say(Outcome::FulfilmentNotMoved { fulfilment, refusal });
    }

    fn wish_elsewhere(&mut self, portion: u32, quantity: u32, said: &Fulfilment) {
        let Some(line) = self.order.lines.get(portion as usize) else { return };
        if !self.has_room(1) {
            let (fulfilment, refusal) = (said.fulfilment.clone(), Reason::TooLarge.into());
            return self.say(Outcome::FulfilmentNotMoved { fulfilment, refusal });
        }
        let there = OrderLine {
            line: line.name.clone(),
            sku: line.sku.clone(),
            quantity,
            location: Some(said.location.clone()),
            hold: None,
        };
        let fulfilment = said.fulfilment.clone();
        self.wish(&there, Wish::Elsewhere { line: portion, fulfilment });
    }

    /// What was wished for is there.
    pub fn grant_wish(&mut self, leg: u32, granted: u32) {
        let Some(wish) = self.order.wishes.get(&leg).cloned() else { return };
        let wanted = self.order.wanted_by_leg().get(leg as usize).copied().unwrap_or(0);
        let quantity = granted.min(wanted);
        let sku = self.order.legs.get(leg as usize).map(|leg| leg.sku.clone());
        self.end_wish(leg, quantity);
        match wish {
            _ if quantity == 0 => {}
            Wish::More { line } => {
                self.say_edited(std::slice::from_ref(&line));
                if let Some(sku) = sku.filter(|_| quantity < wanted) {
                    let (reason, available) = (Reason::InsufficientStock, Some(quantity));
                    let refusal = Refusal { reason, available, about: None };
                    let refused = vec![LineRefusal { line, sku, refusal }];
                    self.say(Outcome::OrderEditRefused { refused });
                }
            }
            Wish::Elsewhere { line, fulfilment } => {
                let lines = self.order.named(line, quantity);
                let about = lines.first().map(|of| of.line.clone());
                let moved = fulfilment.clone();
                self.say(Outcome::FulfilmentMoved { fulfilment: moved, lines });
                if quantity < wanted {
                    let available = Some(quantity);
                    let reason = Reason::InsufficientStock;
                    let refusal = Refusal { reason, available, about };
                    self.say(Outcome::FulfilmentNotMoved { fulfilment, refusal });
                }
            }
        }
    }

    /// What was wished for cannot be had: the order stays as it is.
    pub fn refuse_wish(&mut self, leg: u32, refusal: &Refusal) {
        let Some(wish) = self.order.wishes.get(&leg).cloned() else { return };
        let sku = self.order.legs.get(leg as usize).map(|leg| leg.sku.clone());
        self.end_wish(leg, 0);
        match (wish, sku) {
            (Wish::More { line }, Some(sku)) => {
                let refused = vec![LineRefusal { line, sku, refusal: refusal.clone() }];
                self.say(Outcome::OrderEditRefused { refused });
            }
            (Wish::Elsewhere { fulfilment, .. }, _) => {
                let refusal = refusal.clone();
                self.say(Outcome::FulfilmentNotMoved { fulfilment, refusal });
            }
            (Wish::More { .. }, None) => {}
        }
    }
}

impl Order {
    /// Promised units of a portion that nobody has asked to be elsewhere yet.
    fn movable(&self, portion: u32) -> u32 {
        let promised = self.lines.get(portion as usize).map_or(0, |line| line.promised());
        promised.saturating_sub(self.wished_elsewhere(portion))
    }

    /// Units of a line that other fulfilments at the same location are to ship.
    fn planned_by_others(&self, line: &Name, said: &Fulfilment) -> u32 {
        let others = self.fulfilments.iter().filter(|(name, of)| {
            let here = of.location.as_ref() == Some(&said.location);
            **name != said.fulfilment && here && of.stage < Stage::Shipped
        });
        let planned = others.filter_map(|(_, of)| of.lines.get(line)).map(|of| of.planned);
        planned.fold(0, u32::saturating_add)
    }

    fn is_held_at(&self, portion: u32, location: &LocationId) -> bool {
        let leg = self.lines.get(portion as usize).map(|line| line.leg);
        let grant = leg.and_then(|leg| self.legs.get(leg as usize)?.grant());
        grant.is_some_and(|grant| grant.location == *location)
    }

    fn named(&self, line: u32, quantity: u32) -> Vec<LineQuantity> {
        let name: Option<Name> = self.lines.get(line as usize).map(|line| line.name.clone());
        name.map(|line| LineQuantity { line, quantity }).into_iter().collect()
    }
}
