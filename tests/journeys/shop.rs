//! Who says what, and when: customers, payment providers and warehouses that mostly make sense,
//! and now and then do not.
//!
//! Promise: what is said is drawn from luck and from what was said before; nobody looks into an
//! order or a hold to know what would be worst.

use std::collections::BTreeSet;

use earmark::domain::{
    event::*,
    ids::{Name, Sku},
    order::status::OrderStatus,
    time::{Span, Timestamp},
};

use crate::{
    engine::{Done, World},
    lines::{At, GONE, Line, OPEN},
    model::{BUYERS, Model},
    words::Said,
};

use FulfilmentStep as F;
use PaymentStep as P;
use ReturnStep as R;

/// What may be said to an order.
#[derive(Clone, Copy, Debug)]
enum Step {
    Place,
    Cancel,
    CancelLine,
    Edit,
    Pay(P),
    Fulfil(F),
    Track,
    Return(R),
    Wild,
}

use Step::{Cancel, CancelLine, Edit, Fulfil, Pay, Place, Return as GoBack, Track, Wild};

const UNPLACED: &[(u32, Step)] = &[(93, Place), (7, Wild)];
const ASKING: &[(u32, Step)] = &[
    (25, Pay(P::Authorized)),
    (5, Pay(P::Captured)),
    (5, Pay(P::Failed)),
    (5, Cancel),
    (5, CancelLine),
    (6, Edit),
    (4, Fulfil(F::Shipped)),
    (2, Fulfil(F::Cancelled)),
    (3, Fulfil(F::Opened)),
    (4, Wild),
];
const RESERVED: &[(u32, Step)] = &[
    (50, Pay(P::Authorized)),
    (15, Pay(P::Captured)),
    (8, Pay(P::Failed)),
    (6, Cancel),
    (5, CancelLine),
    (9, Edit),
    (5, Fulfil(F::Opened)),
    (5, Fulfil(F::Shipped)),
    (3, Fulfil(F::Moved)),
    (4, Wild),
];
const CONFIRMED: &[(u32, Step)] = &[
    (12, Fulfil(F::Opened)),
    (5, Fulfil(F::Held)),
    (5, Fulfil(F::Resumed)),
    (10, Fulfil(F::Picked)),
    (6, Fulfil(F::ShortPicked)),
    (5, Fulfil(F::Split)),
    (9, Fulfil(F::Moved)),
    (30, Fulfil(F::Shipped)),
    (4, Fulfil(F::Delivered)),
    (5, Fulfil(F::Cancelled)),
    (6, Pay(P::Captured)),
    (3, Pay(P::Voided)),
    (5, Cancel),
    (5, CancelLine),
    (8, Edit),
    (4, Wild),
];
const IN_PART: &[(u32, Step)] = &[
    (28, Fulfil(F::Shipped)),
    (16, Fulfil(F::Delivered)),
    (8, Fulfil(F::Cancelled)),
    (5, Fulfil(F::Moved)),
    (4, Fulfil(F::ShortPicked)),
    (5, Pay(P::Captured)),
    (5, Track),
    (6, Cancel),
    (4, CancelLine),
    (2, Edit),
    (4, GoBack(R::Requested)),
    (4, GoBack(R::Received)),
    (4, Wild),
];
const LEFT: &[(u32, Step)] = &[
    (38, Fulfil(F::Delivered)),
    (9, Fulfil(F::Cancelled)),
    (3, Fulfil(F::Shipped)),
    (8, Track),
    (8, Pay(P::Captured)),
    (6, GoBack(R::Requested)),
    (6, GoBack(R::Received)),
    (3, Cancel),
    (4, Wild),
];
const ARRIVED: &[(u32, Step)] = &[
    (18, GoBack(R::Requested)),
    (16, GoBack(R::Approved)),
    (8, GoBack(R::Declined)),
    (26, GoBack(R::Received)),
    (9, Pay(P::Refunded)),
    (6, Pay(P::Disputed)),
    (5, Track),
    (3, Fulfil(F::Cancelled)),
    (3, Fulfil(F::Delivered)),
    (4, Wild),
];
const OVER: &[(u32, Step)] = &[
    (22, Pay(P::Captured)),
    (8, Pay(P::Authorized)),
    (12, Pay(P::Refunded)),
    (10, Fulfil(F::Shipped)),
    (6, Fulfil(F::Delivered)),
    (5, Fulfil(F::Cancelled)),
    (6, Cancel),
    (4, Edit),
    (6, Wild),
];
const ANYTHING: &[(u32, Step)] = &[
    (4, Place),
    (3, Cancel),
    (3, CancelLine),
    (3, Edit),
    (1, Pay(P::Authorized)),
    (1, Pay(P::Captured)),
    (1, Pay(P::Failed)),
    (1, Pay(P::Voided)),
    (1, Pay(P::Refunded)),
    (1, Pay(P::Disputed)),
    (1, Fulfil(F::Opened)),
    (1, Fulfil(F::Held)),
    (1, Fulfil(F::Resumed)),
    (1, Fulfil(F::Picked)),
    (1, Fulfil(F::ShortPicked)),
    (1, Fulfil(F::Split)),
    (1, Fulfil(F::Moved)),
    (1, Fulfil(F::Shipped)),
    (1, Fulfil(F::Delivered)),
    (2, Fulfil(F::Cancelled)),
    (2, Track),
    (1, GoBack(R::Requested)),
    (1, GoBack(R::Approved)),
    (1, GoBack(R::Declined)),
    (2, GoBack(R::Received)),
];

/// What is likely to be said next.
fn likely(of: &Model) -> &'static [(u32, Step)] {
    match of.status() {
        None => UNPLACED,
        Some(OrderStatus::Placed) => ASKING,
        Some(OrderStatus::Reserved) => RESERVED,
        Some(OrderStatus::Confirmed) => CONFIRMED,
        Some(OrderStatus::PartiallyShipped) => IN_PART,
        Some(OrderStatus::Shipped) => LEFT,
        Some(OrderStatus::Delivered | OrderStatus::Closed) => ARRIVED,
        Some(OrderStatus::Rejected | OrderStatus::Cancelled | OrderStatus::Expired) => OVER,
    }
}

impl World {
    /// Somebody says something to an order.
    pub fn say_to_an_order(&mut self) -> Done {
        let at = self.luck.below(self.orders.len());
        let step = self.luck.weighted(likely(&self.models[at]));
        let (step, wild) = match step {
            Wild => (self.luck.weighted(ANYTHING), true),
            step => (step, false),
        };
        let event = self.event(at, step, wild);
        let ago = self.ago(401 * 24 * 3_600);
        let expires_at = self.patience();
        self.say_until(Said::Order(at, event), ago, expires_at)
    }

    /// How long ago what is said has happened: mostly just now, now and then too long ago.
    pub fn ago(&mut self, too_long_s: i64) -> Span {
        let seconds = match self.luck.below(250) {
            0 => too_long_s,
            1..=12 => i64::from(self.luck.units(5, 7_200)),
            _ => i64::from(self.luck.units(0, 5)),
        };
        Span::from_secs(seconds)
    }

    /// Until when what is said is worth deciding.
    pub fn patience(&mut self) -> Option<Timestamp> {
        match self.luck.below(60) {
            0 => Some(self.now - Span::from_secs(1)),
            1 => Some(self.now + Span::from_secs(30)),
            _ => None,
        }
    }

    fn event(&mut self, at: usize, step: Step, wild: bool) -> OrderEvent {
        match step {
            Place | Wild => OrderEvent::Placed(self.placed()),
            Cancel => self.cancel(None),
            CancelLine => {
                let line = self.some_line(at, wild);
                self.cancel(Some(vec![line]))
            }
            Edit => self.edit(at, wild),
            Pay(step) => OrderEvent::Payment(step, self.payment(wild)),
            Fulfil(step) => OrderEvent::Fulfilment(step, self.fulfilment(at, step, wild)),
            Track => OrderEvent::ShipmentTracked(self.tracked()),
            GoBack(step) => OrderEvent::Return(step, self.go_back(at, step, wild)),
        }
    }

    fn placed(&mut self) -> OrderPlaced {
        let count = if self.luck.percent(2) { 0 } else { self.luck.units(1, 3) as usize };
        let mut lines: Vec<OrderLine> = (0..count).map(|n| self.order_line(n)).collect();
        if let Some(line) = lines.first().cloned().filter(|_| self.luck.percent(2)) {
            lines.push(line);
        }
        let policy = self.luck.one(&[OrderPolicy::AllOrNothing, OrderPolicy::Partial]);
        let until = i64::from(self.luck.units(0, 600)) - 60;
        let cancel_until = self.luck.percent(12).then(|| self.now + Span::from_secs(until));
        let payment_due_s = self.luck.one(&[900, 900, 30, 3_600]);
        let backorder = self.luck.percent(40);
        OrderPlaced { lines, policy, payment_due_s, cancel_until, backorder }
    }

    fn order_line(&mut self, number: usize) -> OrderLine {
        let names = self.names.clone();
        let at = self.luck.below(names.skus.len());
        OrderLine {
            line: names.lines[number].clone(),
            sku: names.skus[at].clone(),
            quantity: self.luck.units(1, 4),
            location: self.luck.percent(25).then(|| self.luck.one(&names.locations)),
            hold: self.luck.percent(25).then(|| self.cart_to_claim(at)),
        }
    }

    /// A cart that becomes an order: mostly one that stands.
    fn cart_to_claim(&mut self, at: usize) -> Name {
        let standing: Vec<Name> = self.books[at].carts().cloned().collect();
        match standing.is_empty() || self.luck.percent(25) {
            true => self.luck.one(&self.names.clone().carts),
            false => self.luck.one(&standing),
        }
    }

    fn cancel(&mut self, lines: Option<Vec<Name>>) -> OrderEvent {
        let reason = BUYERS.to_owned();
        OrderEvent::CancelRequested(CancelRequested { reason, lines })
    }

    fn some_line(&mut self, at: usize, wild: bool) -> Name {
        let lines: Vec<Name> = self.models[at].lines.keys().cloned().collect();
        match lines.is_empty() || (wild && self.luck.percent(50)) {
            true => self.luck.one(&self.names.clone().lines),
            false => self.luck.one(&lines),
        }
    }

    fn edit(&mut self, at: usize, wild: bool) -> OrderEvent {
        let named = self.some_line(at, wild);
        let new = self.luck.percent(25);
        let number = self.luck.units(3, 5) as usize;
        let line = if new { self.names.lines[number].clone() } else { named };
        let known = self.models[at].lines.get(&line).map(|line| line.sku.clone());
        let sku = match known {
            Some(sku) if !wild => sku,
            Some(_) | None => self.luck.one(&self.names.clone().skus),
        };
        let quantity = self.luck.units(0, 5);
        let locations = self.names.clone();
        let there = self.models[at].lines.contains_key(&line);
        let location =
            (there && self.luck.percent(20)).then(|| self.luck.one(&locations.locations));
        let other = self.gives_to(at, &line, &sku).filter(|_| self.luck.percent(60));
        let line = OrderLine { line, sku, quantity, location, hold: None };
        let lines = match other {
            // Units that change hands: they do so wherever they are.
            Some(other) => {
                let line = OrderLine { location: None, ..line };
                let quantity = self.luck.units(0, 5);
                vec![OrderLine { line: other, quantity, ..line.clone() }, line]
            }
            None => vec![line],
        };
        OrderEvent::EditRequested(EditRequested { lines })
    }

    /// A line that could hand units to another, wherever these are: the model does not know. It knows
    /// lines by one question, so that units which wait for an answer change hands only between lines
    /// of the same.
    fn gives_to(&self, at: usize, line: &Name, sku: &Sku) -> Option<Name> {
        let lines = &self.models[at].lines;
        let waits = |line: &Line| line.sum(&[At::Waiting]) > 0;
        let alike = |other: &Line| match lines.get(line) {
            Some(known) => other.question == known.question || !(waits(other) || waits(known)),
            None => !waits(other),
        };
        let anywhere = |line: &Line| line.question.1.is_none();
        if lines.get(line).is_some_and(|line| !anywhere(line)) {
            return None;
        }
        let mut others = lines.iter().filter(|(name, of)| *name != line && anywhere(of));
        let other = others.find(|(_, other)| other.sku == *sku && alike(other));
        other.map(|(name, _)| name.clone())
    }

    fn payment(&mut self, wild: bool) -> Payment {
        let payment = self.luck.one(&self.names.clone().payments);
        let amount_minor = self.luck.one(&[100, 100, 100, 50, 30]);
        let foreign = wild && self.luck.percent(40);
        let currency = if foreign { "USD" } else { "EUR" }.to_owned();
        Payment { payment, amount_minor, currency }
    }

    fn tracked(&mut self) -> ShipmentTracked {
        ShipmentTracked {
            fulfilment: self.luck.one(&self.names.clone().fulfilments),
            carrier: "posti".to_owned(),
            status: "in transit".to_owned(),
            at: self.now - Span::from_secs(i64::from(self.luck.units(0, 600))),
        }
    }

    fn fulfilment(&mut self, at: usize, step: F, wild: bool) -> Fulfilment {
        let names = self.names.clone();
        let left: Vec<Name> = self.models[at].parcels.keys().cloned().collect();
        let after = matches!(step, F::Delivered | F::Cancelled) && !left.is_empty();
        let fulfilment = match after && self.luck.percent(85) {
            true => self.luck.one(&left),
            false => self.luck.one(&names.fulfilments),
        };
        let lines = match wild {
            true => self.wild_lines(at),
            false => self.units_of(at, step, &fulfilment),
        };
        let into = (step == F::Split).then(|| self.luck.one(&names.fulfilments));
        let place = if self.luck.percent(50) { 0 } else { self.luck.below(names.locations.len()) };
        Fulfilment {
            fulfilment,
            location: names.locations[place].clone(),
            lines,
            tracking: None,
            reason: (step == F::Held).then(|| "an address".to_owned()),
            into,
        }
    }

    /// Units that the step could be about: what left with the fulfilment, or what may still leave.
    fn units_of(&mut self, at: usize, step: F, fulfilment: &Name) -> Vec<LineUnits> {
        let model = &self.models[at];
        let parcel = model.parcels.get(fulfilment);
        let parcel = parcel.filter(|_| matches!(step, F::Delivered | F::Cancelled));
        let there: Vec<(Name, u32)> = match parcel {
            Some(parcel) => {
                let lines: BTreeSet<&Name> = parcel.iter().map(|(line, ..)| line).collect();
                let of = |line: &Name| (line.clone(), model.under_way(fulfilment, line));
                lines.into_iter().map(of).collect()
            }
            None => {
                let open = |line: &Line| line.sum(&OPEN);
                model.lines.iter().map(|(name, line)| (name.clone(), open(line))).collect()
            }
        };
        let units = self.some_of(&there);
        if units.is_empty() { self.wild_lines(at) } else { units }
    }

    fn some_of(&mut self, there: &[(Name, u32)]) -> Vec<LineUnits> {
        let all = self.luck.percent(55);
        let mut some = Vec::new();
        for (line, units) in there.iter().filter(|(_, units)| *units > 0) {
            if all || self.luck.percent(60) {
                let quantity = if all { *units } else { self.luck.units(1, *units) };
                some.push(LineUnits { line: line.clone(), quantity, disposition: None });
            }
        }
        some
    }

    fn wild_lines(&mut self, at: usize) -> Vec<LineUnits> {
        let line = self.some_line(at, true);
        vec![LineUnits { line, quantity: self.luck.units(1, 5), disposition: None }]
    }

    fn go_back(&mut self, at: usize, step: R, wild: bool) -> Return {
        let outside = |line: &Line| line.sum(&GONE).saturating_sub(line.back);
        let there: Vec<(Name, u32)> = {
            let lines = self.models[at].lines.iter();
            lines.map(|(name, line)| (name.clone(), outside(line))).collect()
        };
        let mut lines = if wild { Vec::new() } else { self.some_of(&there) };
        if lines.is_empty() {
            lines = self.wild_lines(at);
        }
        let received = step == R::Received;
        for line in lines.iter_mut().filter(|_| received) {
            let kinds = [Disposition::Restock, Disposition::Quarantine, Disposition::Scrap];
            line.disposition = self.luck.percent(90).then(|| self.luck.one(&kinds));
        }
        let names = self.names.clone();
        let elsewhere = received && self.luck.percent(40);
        let location = elsewhere.then(|| self.luck.one(&names.locations));
        Return { r#return: self.luck.one(&names.returns), lines, location }
    }
}
