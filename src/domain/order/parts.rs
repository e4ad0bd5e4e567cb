//! An order taken apart for a snapshot, and put together again.
//!
//! Promise: a change writes the head and the one part it is about, however large the order is; and
//! an order from its parts equals the order. Parts that do not fit together are a [`Breach`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    OrderState,
    facts::OrderFact,
    fulfilment::Fulfilment,
    lines::Line,
    memory::{Memory, Remembered},
    parked::{Parking, Waiting},
    payment::Payment,
    returns::Return,
    saga::Leg,
    state::Order,
    stone::Stone,
    stored::{FulfilmentV010, LegV010},
    terms::Terms,
    wishes::Wish,
};
use crate::domain::{
    Breach, PartKey,
    ids::{EventKey, Name, OrderId},
    time::Timestamp,
};

/// A part of an order. Its key says which.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderPart {
    /// `head`.
    Head(Head),
    /// `line:<n>`.
    Line(Line),
    /// `leg:<n>`, as v0.1.0 wrote it.
    LegV010(LegV010),
    /// `pay:<name>`.
    Payment(Payment),
    /// `ful:<name>`, as v0.1.0 wrote it.
    FulfilmentV010(FulfilmentV010),
    /// `id:<hex>`.
    Remembered(Remembered),
    /// `park:<n>`.
    Waiting(Waiting),
    /// `leg:<n>`.
    Leg(Leg),
    /// `ful:<name>`.
    Fulfilment(Fulfilment),
    /// `ret:<name>`.
    Return(Return),
    /// `wish:<leg>`.
    Wish(Wish),
    /// `rest`: when it leaves the hot state.
    Rest(Timestamp),
    /// `stone`: what stays of it then, with its memory.
    Stone(Stone, Memory),
}

/// The part that every change writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// How often the order changed.
    pub revision: u64,
    /// What is the order's own, once it is placed.
    pub placed: Option<PlacedHead>,
}

/// What a placed order is beside its lines, legs, payments and fulfilments.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedHead {
    /// What was agreed.
    pub terms: Terms,
    /// How many lines there are.
    pub lines: u32,
    /// How many legs there are.
    pub legs: u32,
    /// See [`Order::confirmed`].
    pub confirmed: bool,
    /// See [`Order::closes_at`].
    pub closes_at: Option<Timestamp>,
    /// See [`Order::closed`].
    pub closed: bool,
}

/// Which part: a key that has been read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    Head,
    Line(u32),
    Leg(u32),
    Payment(Name),
    Fulfilment(Name),
    Remembered(EventKey),
    Waiting(u64),
    Return(Name),
    Wish(u32),
    Rest,
    Stone,
}

impl Which {
    fn key(&self) -> PartKey {
        match self {
            Which::Head => "head".to_owned(),
            Which::Line(line) => format!("line:{line}"),
            Which::Leg(leg) => format!("leg:{leg}"),
            Which::Payment(name) => format!("pay:{name}"),
            Which::Fulfilment(name) => format!("ful:{name}"),
            Which::Remembered(key) => format!("id:{:032x}", key.0),
            Which::Waiting(number) => format!("park:{number}"),
            Which::Return(name) => format!("ret:{name}"),
            Which::Wish(leg) => format!("wish:{leg}"),
            Which::Rest => "rest".to_owned(),
            Which::Stone => "stone".to_owned(),
        }
    }

    fn read(key: &str) -> Option<Which> {
        let Some((kind, name)) = key.split_once(':') else {
            return match key {
                "head" => Some(Which::Head),
                "rest" => Some(Which::Rest),
                "stone" => Some(Which::Stone),
                _ => None,
            };
        };
        match kind {
            "line" => name.parse().ok().map(Which::Line),
            "leg" => name.parse().ok().map(Which::Leg),
            "pay" => Name::new(name).ok().map(Which::Payment),
            "ful" => Name::new(name).ok().map(Which::Fulfilment),
            "id" => u128::from_str_radix(name, 16).ok().map(|id| Which::Remembered(EventKey(id))),
            "park" => name.parse().ok().map(Which::Waiting),
            "ret" => Name::new(name).ok().map(Which::Return),
            "wish" => name.parse().ok().map(Which::Wish),
            _ => None,
        }
    }
}

impl OrderState {
    /// Notes which parts a fact changes, before it is applied.
    pub(super) fn note_changed(&mut self, fact: &OrderFact) {
        let mut also = Vec::new();
        match fact {
            OrderFact::Placed { lines, legs, .. } => {
                also.extend((0..).zip(lines).map(|(line, _)| Which::Line(line)));
                also.extend((0..).zip(legs).map(|(leg, _)| Which::Leg(leg)));
            }
            OrderFact::Line { line, .. } => also.push(Which::Line(*line)),
            OrderFact::Leg { leg, .. } => also.push(Which::Leg(*leg)),
            OrderFact::Remembered { .. } if self.stone.is_some() => also.push(Which::Stone),
            OrderFact::Payment { payment, .. } => also.push(Which::Payment(payment.clone())),
            OrderFact::Fulfilment { fulfilment, .. } => {
                also.push(Which::Fulfilment(fulfilment.clone()));
            }
            OrderFact::Return { r#return, .. } => also.push(Which::Return(r#return.clone())),
            OrderFact::Remembered { key, .. } => also.push(Which::Remembered(*key)),
            OrderFact::Parked { number, .. } | OrderFact::Unparked { number } => {
                also.push(Which::Waiting(*number));
            }
            OrderFact::Wished { .. } => also.extend(self.next_wish()),
            OrderFact::WishEnded { leg, .. } => also.extend(self.parts_of_wish(*leg)),
            OrderFact::HandedOver { line, to, .. } => {
                also.extend([Which::Line(*line), self.line_that_takes(*line, to)]);
            }
            OrderFact::AskedAnew { leg, .. } => also.extend(self.parts_that_ask(*leg)),
            OrderFact::Resting { .. } => also.push(Which::Rest),
            OrderFact::Forgotten { .. } | OrderFact::Woken => {
                also.extend(self.all_parts());
                also.push(Which::Stone);
            }
            OrderFact::StoneGone => also.push(Which::Stone),
            OrderFact::Confirmed | OrderFact::Delivered { .. } | OrderFact::Closed => {}
        }
        self.changed.insert(Which::Head);
        self.changed.extend(also);
    }

    fn next_wish(&self) -> [Which; 2] {
        let legs = self.order.as_ref().map_or(0, |order| number(order.legs.len()));
        [Which::Leg(legs), Which::Wish(legs)]
    }

    /// The portion of a line that units of another are handed to, which may be a new one.
    fn line_that_takes(&self, from: u32, to: &Name) -> Which {
        let order = self.order.as_ref();
        let known = order.and_then(|order| order.portion_beside(from, to));
        Which::Line(known.unwrap_or(order.map_or(0, |order| number(order.lines.len()))))
    }

    /// The leg that is added, and the lines that ask by it.
    fn parts_that_ask(&self, leg: u32) -> Vec<Which> {
        let Some(order) = &self.order else { return Vec::new() };
        let lines = order.lines_of(leg).map(|(line, _)| Which::Line(line));
        lines.chain([Which::Leg(number(order.legs.len()))]).collect()
    }

    /// The wish, the line that it takes from, and the line that it may add.
    fn parts_of_wish(&self, leg: u32) -> Vec<Which> {
        let lines = self.order.as_ref().map_or(0, |order| number(order.lines.len()));
        let wish = self.order.as_ref().and_then(|order| order.wishes.get(&leg));
        let from = match wish {
            Some(Wish::Elsewhere { line, .. }) => Some(Which::Line(*line)),
            Some(Wish::More { .. }) | None => None,
        };
        [Which::Wish(leg), Which::Line(lines)].into_iter().chain(from).collect()
    }

    /// All parts of an order that is placed, or was, its memory included.
    fn all_parts(&self) -> Vec<Which> {
        let left = || self.stone.as_ref().map(|stone| &*stone.order);
        let Some(order) = self.order.as_ref().or_else(left) else { return Vec::new() };
        let lines = (0..number(order.lines.len())).map(Which::Line);
        let legs = (0..number(order.legs.len())).map(Which::Leg);
        let payments = order.payments.keys().cloned().map(Which::Payment);
        let fulfilments = order.fulfilments.keys().cloned().map(Which::Fulfilment);
        let returns = order.returns.keys().cloned().map(Which::Return);
        let wishes = order.wishes.keys().copied().map(Which::Wish);
        let ids = self.memory.keys().map(Which::Remembered);
        let named = payments.chain(fulfilments).chain(returns);
        lines.chain(legs).chain(named).chain(wishes).chain(ids).chain([Which::Rest]).collect()
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl OrderState {
    /// The parts that changed since the last call.
    pub(super) fn changed_parts(&mut self) -> Vec<(PartKey, Option<OrderPart>)> {
        let changed = std::mem::take(&mut self.changed);
        changed.iter().map(|which| (which.key(), self.part(which))).collect()
    }

    fn part(&self, which: &Which) -> Option<OrderPart> {
        let order = self.order.as_ref();
        match which {
            // What stayed of it is gone too.
            Which::Head if self.revision == 0 => None,
            Which::Head => Some(OrderPart::Head(self.head())),
            Which::Line(line) => order?.lines.get(*line as usize).cloned().map(OrderPart::Line),
            Which::Leg(leg) => order?.legs.get(*leg as usize).cloned().map(OrderPart::Leg),
            Which::Payment(name) => order?.payments.get(name).cloned().map(OrderPart::Payment),
            Which::Fulfilment(name) => {
                order?.fulfilments.get(name).cloned().map(OrderPart::Fulfilment)
            }
            // A stone has its memory with it.
            Which::Remembered(_) if self.stone.is_some() => None,
            Which::Remembered(key) => self.memory.get(*key).cloned().map(OrderPart::Remembered),
            Which::Waiting(number) => self.parked.get(*number).cloned().map(OrderPart::Waiting),
            Which::Return(name) => order?.returns.get(name).cloned().map(OrderPart::Return),
            Which::Wish(leg) => order?.wishes.get(leg).cloned().map(OrderPart::Wish),
            Which::Rest => order?.leaves_at.map(OrderPart::Rest),
            Which::Stone => {
                let stone = self.stone.clone()?;
                Some(OrderPart::Stone(stone, self.memory.clone()))
            }
        }
    }

    fn head(&self) -> Head {
        let placed = self.order.as_ref().map(|order| PlacedHead {
            terms: order.terms.clone(),
            lines: number(order.lines.len()),
            legs: number(order.legs.len()),
            confirmed: order.confirmed,
            closes_at: order.closes_at,
            closed: order.closed,
        });
        Head { revision: self.revision, placed }
    }

    /// An order from all its parts.
    pub(super) fn assemble(
        id: OrderId,
        parts: Vec<(PartKey, OrderPart)>,
    ) -> Result<OrderState, Breach> {
        let mut all = Parts::default();
        for (key, part) in parts {
            let misfit = || Breach(format!("order {id}: a part {key:?} that is none"));
            all.sort_in(Which::read(&key).ok_or_else(misfit)?, part).ok_or_else(misfit)?;
        }
        all.put_together(id)
    }
}

/// Parts, sorted by what they are.
#[derive(Default)]
struct Parts {
    head: Option<Head>,
    lines: BTreeMap<u32, Line>,
    legs: BTreeMap<u32, Leg>,
    payments: BTreeMap<Name, Payment>,
    fulfilments: BTreeMap<Name, Fulfilment>,
    returns: BTreeMap<Name, Return>,
    wishes: BTreeMap<u32, Wish>,
    leaves_at: Option<Timestamp>,
    stone: Option<Stone>,
    memory: Memory,
    parked: Parking,
}

impl Parts {
    fn sort_in(&mut self, which: Which, part: OrderPart) -> Option<()> {
        match (which, part) {
            (Which::Head, OrderPart::Head(head)) => self.head = Some(head),
            (Which::Line(at), OrderPart::Line(line)) => drop(self.lines.insert(at, line)),
            (Which::Leg(at), OrderPart::Leg(leg)) => drop(self.legs.insert(at, leg)),
            (Which::Leg(at), OrderPart::LegV010(leg)) => drop(self.legs.insert(at, leg.into())),
            (Which::Payment(name), OrderPart::Payment(payment)) => {
                self.payments.insert(name, payment);
            }
            (Which::Fulfilment(name), OrderPart::Fulfilment(fulfilment)) => {
                self.fulfilments.insert(name, fulfilment);
            }
            (Which::Fulfilment(name), OrderPart::FulfilmentV010(fulfilment)) => {
                self.fulfilments.insert(name, fulfilment.into());
            }
            (Which::Return(name), OrderPart::Return(of)) => drop(self.returns.insert(name, of)),
            (Which::Wish(leg), OrderPart::Wish(wish)) => drop(self.wishes.insert(leg, wish)),
            (Which::Rest, OrderPart::Rest(at)) => self.leaves_at = Some(at),
            (Which::Stone, OrderPart::Stone(stone, memory)) => {
                (self.stone, self.memory) = (Some(stone), memory);
            }
            (Which::Remembered(key), OrderPart::Remembered(remembered)) => {
                self.memory.insert(key, remembered);
            }
            (Which::Waiting(number), OrderPart::Waiting(waiting)) => {
                self.parked.insert(number, waiting);
            }
            _ => return None,
        }
        Some(())
    }

    fn put_together(self, id: OrderId) -> Result<OrderState, Breach> {
        let head = self.head.ok_or_else(|| Breach(format!("order {id} has no head")))?;
        let (lines, legs) = (in_order(self.lines), in_order(self.legs));
        let counts = head.placed.as_ref().map_or((0, 0), |placed| (placed.lines, placed.legs));
        if (lines.len(), legs.len()) != (counts.0 as usize, counts.1 as usize) {
            return Err(Breach(format!("order {id} misses lines or legs")));
        }
        let order = head.placed.map(|placed| Order {
            terms: placed.terms,
            lines,
            legs,
            payments: self.payments,
            fulfilments: self.fulfilments,
            returns: self.returns,
            wishes: self.wishes,
            leaves_at: self.leaves_at,
            confirmed: placed.confirmed,
            closes_at: placed.closes_at,
            closed: placed.closed,
        });
        let (revision, stone) = (head.revision, self.stone);
        let (memory, parked, changed) = (self.memory, self.parked, BTreeSet::new());
        Ok(OrderState { id, revision, order, stone, memory, parked, changed })
    }
}

/// The values under 0, 1, 2 … up to the first gap.
fn in_order<T>(values: BTreeMap<u32, T>) -> Vec<T> {
    (0..).zip(values).take_while(|(at, (key, _))| at == key).map(|(_, (_, value))| value).collect()
}
