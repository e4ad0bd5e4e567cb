//! An order as somebody would keep it who reads what is said: events, answers of SKUs, outcomes.
//!
//! Promise: written from the documents and not from the domain. It knows neither legs nor facts; it
//! counts units of lines by name, and its own few lines derive the status.

use std::collections::{BTreeMap, BTreeSet};

use earmark::domain::{
    command::{Command, CommandBody, SkuAnswer, SkuCommand},
    event::{
        EditRequested, Fulfilment, FulfilmentStep, OrderEvent, OrderPolicy, PaymentStep, ReturnStep,
    },
    ids::{EntityKey, HoldName, Name, Sku},
    order::status::OrderStatus,
    outcome::{LineQuantity, Outcome},
    time::{Span, Timestamp},
};

use crate::lines::{At, GONE, LEAVING, Line, Money, OPEN, Question, enough};

/// Why buyers cancel.
pub const BUYERS: &str = "changed my mind";

/// Under which attempt, and for how many units, a decision asks a question once more.
fn asked_anew((sku, at, by): &Question, then: &[Command]) -> Option<(u32, u32)> {
    then.iter().find_map(|command| match (&command.to, &command.body) {
        (
            EntityKey::Sku(to),
            CommandBody::Ask(SkuCommand::Reserve {
                hold: HoldName::Order { location, claim, attempt, .. },
                quantity,
                ..
            }),
        ) if to == sku && location == at && claim == by => Some((*attempt, *quantity)),
        _ => None,
    })
}

/// An order.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub placed: bool,
    pub aon: bool,
    pub pay_by: Timestamp,
    pub cancel_until: Option<Timestamp>,
    pub confirmed: bool,
    pub closed: bool,
    pub lines: BTreeMap<Name, Line>,
    /// The lines as they were listed.
    pub listed: Vec<Name>,
    /// SKUs of lines that edits asked more of, and have not been heard of again.
    pub wished: BTreeMap<Name, Sku>,
    /// Goods of it came back that had not left after all.
    undone: bool,
    /// Under which attempt, and for how many units, a question is asked by now.
    asked: BTreeMap<Question, (u32, u32)>,
    /// Fulfilments of which somebody has said what they are to ship.
    planned: BTreeSet<Name>,
    /// What a fulfilment is said not to have shipped, or not to ship.
    cancelling: BTreeMap<Name, u32>,
    /// Questions that have been answered, and whether by yes.
    answered: BTreeMap<Question, bool>,
    /// Questions whose hold goods came back into that had not left after all.
    held_again: BTreeSet<Question>,
    /// Movements that their SKUs have heard of.
    moves: BTreeSet<(Question, u32)>,
    /// What left with each fulfilment, and where it had been.
    pub parcels: BTreeMap<Name, Vec<(Name, At, u32)>>,
    pub money: BTreeMap<Name, Money>,
    /// What arrived of each fulfilment, by line.
    arrived: BTreeMap<Name, BTreeMap<Name, u32>>,
    /// What the event at hand says has arrived that nobody had said before.
    arriving: BTreeMap<Name, u32>,
}

impl Model {
    pub fn sum(&self, at: &[At]) -> u32 {
        self.lines.values().map(|line| line.sum(at)).sum()
    }

    pub fn open(&self) -> u32 {
        self.sum(&OPEN)
    }

    pub fn gone(&self) -> u32 {
        self.sum(&GONE)
    }

    pub fn is_over(&self) -> bool {
        self.open() == 0 && self.gone() == 0 && self.wished.is_empty()
    }

    pub fn is_paid(&self) -> bool {
        self.money.values().any(Money::pays)
    }

    /// The status, from where the units are.
    pub fn status(&self) -> Option<OrderStatus> {
        let some = |at| self.sum(&[at]) > 0;
        Some(match (self.open() > 0, self.gone() > 0) {
            _ if !self.placed => return None,
            _ if self.closed => OrderStatus::Closed,
            (true, true) => OrderStatus::PartiallyShipped,
            (true, false) if some(At::Waiting) => OrderStatus::Placed,
            (true, false) if self.confirmed => OrderStatus::Confirmed,
            (true, false) => OrderStatus::Reserved,
            (false, true) if some(At::Shipped) => OrderStatus::Shipped,
            (false, true) => OrderStatus::Delivered,
            (false, false) if !self.is_over() && self.confirmed => OrderStatus::Confirmed,
            (false, false) if !self.is_over() => OrderStatus::Placed,
            (false, false) if some(At::Expired) => OrderStatus::Expired,
            (false, false) if some(At::Cancelled) => OrderStatus::Cancelled,
            (false, false) => OrderStatus::Rejected,
        })
    }

    /// An event was decided that was not refused and has not to wait.
    pub fn hear_event(&mut self, event: &OrderEvent, logged_at: Timestamp) {
        match event {
            OrderEvent::Placed(said) => {
                self.placed = true;
                self.aon = said.policy == OrderPolicy::AllOrNothing;
                self.pay_by = logged_at + Span::from_secs(i64::from(said.payment_due_s));
                self.cancel_until = said.cancel_until;
                for of in &said.lines {
                    let question = (of.sku.clone(), of.location.clone(), of.hold.clone());
                    self.asked.entry(question.clone()).or_insert((1, 0)).1 += of.quantity;
                    let mut line = Line::new(&of.sku, question);
                    line.units[At::Waiting as usize] = of.quantity;
                    self.lines.insert(of.line.clone(), line);
                    self.listed.push(of.line.clone());
                }
            }
            OrderEvent::EditRequested(said) => {
                self.hand_over(said);
                for of in &said.lines {
                    self.wished.remove(&of.line);
                    if of.quantity > self.lines.get(&of.line).map_or(0, |line| line.sum(&OPEN)) {
                        self.wished.insert(of.line.clone(), of.sku.clone());
                    }
                }
            }
            OrderEvent::CancelRequested(said) => match &said.lines {
                Some(lines) => self.wished.retain(|name, _| !lines.contains(name)),
                None => self.wished.clear(),
            },
            OrderEvent::Payment(step, said) => {
                let money = self.money.entry(said.payment.clone()).or_default();
                let amount = said.amount_minor;
                money.currency.clone_from(&said.currency);
                match step {
                    PaymentStep::Authorized => money.authorized += amount,
                    PaymentStep::Captured => money.captured += amount,
                    PaymentStep::Voided => money.voided += amount,
                    PaymentStep::Refunded => {
                        money.refunded += amount;
                        money.due = money.due.saturating_sub(amount);
                    }
                    PaymentStep::Failed | PaymentStep::Disputed => {}
                }
            }
            OrderEvent::Fulfilment(FulfilmentStep::Delivered, said) => {
                self.arriving = self.news_of(said);
            }
            OrderEvent::Fulfilment(FulfilmentStep::Cancelled, said) => {
                self.cancelling = BTreeMap::new();
                for of in &said.lines {
                    *self.cancelling.entry(of.line.clone()).or_default() += of.quantity;
                }
            }
            OrderEvent::Fulfilment(_, said) => {
                self.planned.insert(said.fulfilment.clone());
                self.planned.extend(said.into.clone());
            }
            OrderEvent::ShipmentTracked(_) | OrderEvent::Return(..) => {}
        }
    }

    /// What one line is to have less, another of the same SKU that is to have more gets.
    fn hand_over(&mut self, said: &EditRequested) {
        let open = |lines: &BTreeMap<Name, Line>, name| {
            lines.get(name).map_or(0, |line: &Line| line.sum(&OPEN))
        };
        for to in &said.lines {
            for from in said.lines.iter().filter(|from| from.sku == to.sku) {
                let missing = to.quantity.saturating_sub(open(&self.lines, &to.line));
                let spare = open(&self.lines, &from.line).saturating_sub(from.quantity);
                let Some(giver) = self.lines.get_mut(&from.line) else { continue };
                let question = giver.question.clone();
                let mut left = missing.min(spare);
                let taken = [At::Promised, At::Waiting].map(|at| {
                    let units = giver.units[at as usize].min(left);
                    giver.units[at as usize] -= units;
                    left -= units;
                    (at, units)
                });
                for (at, units) in taken.into_iter().filter(|(_, units)| *units > 0) {
                    let taker = self.lines.entry(to.line.clone());
                    let taker = taker.or_insert_with(|| Line::new(&to.sku, question.clone()));
                    taker.units[at as usize] += units;
                }
            }
        }
    }

    /// The same, once the outcomes of its decision have been heard.
    pub fn hear_arrivals(&mut self, event: &OrderEvent) -> Result<(), String> {
        match event {
            OrderEvent::Fulfilment(FulfilmentStep::ShortPicked, said) => {
                for of in &said.lines {
                    self.line(&of.line)?.missing += of.quantity;
                }
            }
            OrderEvent::Fulfilment(FulfilmentStep::Delivered, said) => {
                for (line, units) in std::mem::take(&mut self.arriving) {
                    self.arrive(&said.fulfilment, &line, units)?;
                }
            }
            OrderEvent::Return(ReturnStep::Received, said) => {
                for of in &said.lines {
                    let line = self.line(&of.line)?;
                    line.back += of.quantity;
                    // What is back must have been there.
                    let missing = line.back.saturating_sub(line.sum(&[At::Delivered]));
                    self.arrive_somehow(&of.line, missing)?;
                }
            }
            _ => {}
        }
        let more = self.lines.iter().find(|(_, line)| line.back > line.sum(&GONE));
        match more {
            Some((name, _)) => Err(format!("line {name}: more came back than left")),
            None => Ok(()),
        }
    }

    /// What has arrived by this, line by line: a part, if so much is under way, or else all that
    /// has arrived with the fulfilment.
    fn news_of(&self, said: &Fulfilment) -> BTreeMap<Name, u32> {
        let mut news: BTreeMap<Name, u32> = BTreeMap::new();
        for of in &said.lines {
            *news.entry(of.line.clone()).or_default() += of.quantity;
        }
        let whole = news.iter_mut();
        let whole = whole.filter(|(line, units)| **units > self.under_way(&said.fulfilment, line));
        whole.for_each(|(line, units)| {
            *units = units.saturating_sub(self.arrived_of(&said.fulfilment, line));
        });
        news
    }

    fn arrived_of(&self, fulfilment: &Name, line: &Name) -> u32 {
        self.arrived.get(fulfilment).and_then(|lines| lines.get(line)).copied().unwrap_or(0)
    }

    /// Units of a line that left with a fulfilment and have not arrived.
    pub fn under_way(&self, fulfilment: &Name, line: &Name) -> u32 {
        let left = self.parcels.get(fulfilment).into_iter().flatten();
        let left: u32 = left.filter(|(of, ..)| of == line).map(|(.., units)| units).sum();
        left.saturating_sub(self.arrived_of(fulfilment, line))
    }

    fn arrive(&mut self, fulfilment: &Name, line: &Name, units: u32) -> Result<(), String> {
        let arrived = self.line(line)?.shift(&[At::Shipped], At::Delivered, units);
        let of = self.arrived.entry(fulfilment.clone()).or_default();
        *of.entry(line.clone()).or_default() += units;
        enough(line, &arrived, units)
    }

    /// What came back had arrived, by whichever parcel.
    fn arrive_somehow(&mut self, line: &Name, units: u32) -> Result<(), String> {
        let mut left = units;
        for fulfilment in self.parcels.keys().cloned().collect::<Vec<_>>() {
            let now = self.under_way(&fulfilment, line).min(left);
            left -= now;
            self.arrive(&fulfilment, line, now)?;
        }
        if left == 0 { Ok(()) } else { Err(format!("line {line}: {left} came by no parcel")) }
    }

    fn line(&mut self, name: &Name) -> Result<&mut Line, String> {
        self.lines.get_mut(name).ok_or_else(|| format!("there is no line {name}"))
    }

    /// A SKU's answer came to a question that the order was placed with. One that refuses more units
    /// than are wanted by now, where as many are there, may be asked anew.
    pub fn hear_answer(
        &mut self,
        sku: &Sku,
        answer: &SkuAnswer,
        then: &[Command],
    ) -> Result<(), String> {
        let HoldName::Order { location, claim, attempt, .. } = answer.hold() else { return Ok(()) };
        let question = (sku.clone(), location.clone(), claim.clone());
        let Some((now, asked)) = self.asked.get(&question).copied() else { return Ok(()) };
        if *attempt != now {
            return Ok(());
        }
        if let Some((attempt, units)) = asked_anew(&question, then) {
            let waiting = self.lines.values().filter(|line| line.question == question);
            let waiting: u32 = waiting.map(|line| line.sum(&[At::Waiting])).sum();
            let SkuAnswer::NotReserved { refusal, .. } = answer else {
                return Err(format!("asked anew after {answer:?}"));
            };
            if units != waiting || units >= asked || refusal.available < Some(units) {
                return Err(format!("{units} are asked for anew, {waiting} wait: {refusal:?}"));
            }
            self.asked.insert(question, (attempt, units));
            return Ok(());
        }
        let unwrapped = match answer {
            SkuAnswer::After { answer, .. } => answer,
            answer => answer,
        };
        match unwrapped {
            // Goods that did not leave after all are held again, whatever was said before; until
            // the hold is let go.
            SkuAnswer::Moved { quantity: 1.., shipment, .. } => {
                if self.moves.insert((question.clone(), *shipment)) {
                    self.held_again.insert(question);
                }
                return Ok(());
            }
            SkuAnswer::Released { keep: 0, .. } => drop(self.held_again.remove(&question)),
            _ => {}
        }
        let (granted, mut left) = match answer {
            SkuAnswer::Reserved { quantity, .. } => (true, *quantity),
            SkuAnswer::NotReserved { .. } => (false, 0),
            _ => return Ok(()),
        };
        if self.answered.contains_key(&question) {
            return Ok(());
        }
        self.answered.insert(question.clone(), granted);
        let theirs = self.listed.iter().filter(|name| self.lines[*name].question == question);
        let theirs: Vec<Name> = theirs.cloned().collect();
        let early = |name: &Name| self.left_unanswered(name);
        left = left.saturating_sub(theirs.iter().map(early).sum());
        for name in theirs {
            let Some(line) = self.lines.get_mut(&name) else { continue };
            let served = line.sum(&[At::Waiting]).min(left);
            left -= served;
            line.shift(&[At::Waiting], At::Promised, served);
            line.shift(&[At::Waiting], At::Refused, u32::MAX);
        }
        Ok(())
    }

    /// Whether more of a line is asked for, or of any.
    pub fn wishes(&self, lines: Option<&[Name]>) -> bool {
        let named = |name: &Name| lines.is_none_or(|lines| lines.contains(name));
        self.wished.keys().any(named)
    }

    /// Units that left before anybody had answered for them.
    fn left_unanswered(&self, name: &Name) -> u32 {
        let parcels = self.parcels.values().flatten();
        let of = parcels.filter(|(line, at, _)| line == name && *at == At::Waiting);
        of.map(|(.., units)| units).sum()
    }

    /// Something was said aloud.
    pub fn hear_outcome(&mut self, outcome: &Outcome, waited: bool) -> Result<(), String> {
        match outcome {
            Outcome::OrderReserved { lines, .. } => {
                self.give_up(&[At::Waiting], At::Refused);
                self.pair_off();
                let mut said: BTreeMap<&Name, u32> = BTreeMap::new();
                for of in lines {
                    *said.entry(&of.line).or_default() += of.quantity;
                }
                let known = self.lines.iter().map(|(name, line)| (name, line.sum(&OPEN)));
                let known: BTreeMap<_, _> = known.filter(|(_, units)| *units > 0).collect();
                // What came back may stand for good already, and is not said again.
                let news = said.iter().all(|(line, units)| known.get(line) >= Some(units));
                if said != known && !(self.undone && news) {
                    return Err(format!("reserved {said:?}, by the answers {known:?}"));
                }
            }
            Outcome::OrderRejected { .. } => self.give_up(&OPEN, At::Refused),
            Outcome::OrderConfirmed | Outcome::OrderClosed => self.once(outcome)?,
            Outcome::OrderExpired => {
                self.wished.clear();
                self.give_up(&OPEN, At::Expired);
            }
            Outcome::OrderEditRefused { refused } => {
                refused.iter().for_each(|of| drop(self.wished.remove(&of.line)));
            }
            Outcome::OrderCancelled { lines, complete, reason } => {
                let to = match reason.as_str() {
                    "payment_too_late" => At::Expired,
                    BUYERS | "edited" => At::Cancelled,
                    _ if waited => At::Refused,
                    _ => At::Cancelled,
                };
                // What is given up as a whole is wished for no longer.
                if to != At::Refused && reason != BUYERS && reason != "edited" {
                    self.wished.clear();
                }
                for LineQuantity { line, quantity } in lines {
                    self.line(line)?.shift(&OPEN, to, *quantity);
                }
                if *complete && self.open() > 0 {
                    return Err("cancelled to the end, and units are open".to_owned());
                }
            }
            Outcome::OrderShipped { fulfilment, lines, complete } => {
                for LineQuantity { line, quantity } in lines {
                    self.leave(fulfilment, line, *quantity)?;
                }
                if *complete != (self.open() == 0 && self.wished.is_empty()) {
                    return Err(format!("complete is {complete}, {} are open", self.open()));
                }
            }
            Outcome::ShipmentCancelled { fulfilment, lines, .. } => self.undo(fulfilment, lines)?,
            Outcome::OrderEdited { lines } => {
                for LineQuantity { line, quantity } in lines {
                    self.edit(line, *quantity)?;
                }
            }
            Outcome::RefundDue { payment, amount_minor, .. } => {
                let money = self.money.entry(payment.clone()).or_default();
                if *amount_minor != money.owed() || *amount_minor == 0 {
                    return Err(format!("{amount_minor} are due back, {} are owed", money.owed()));
                }
                money.due += amount_minor;
            }
            _ => {}
        }
        Ok(())
    }

    /// What is said once, at most.
    fn once(&mut self, outcome: &Outcome) -> Result<(), String> {
        let said = match outcome {
            Outcome::OrderConfirmed => &mut self.confirmed,
            _ => &mut self.closed,
        };
        match std::mem::replace(said, true) {
            true => Err(format!("{} is said twice", outcome.kind())),
            false => Ok(()),
        }
    }

    fn give_up(&mut self, from: &[At], to: At) {
        self.lines.values_mut().for_each(|line| drop(line.shift(from, to, u32::MAX)));
    }

    /// All or nothing: a refusal takes with it what was promised, until the order is confirmed.
    pub fn pair_off(&mut self) {
        if self.aon && !self.confirmed && self.sum(&[At::Refused]) > 0 {
            self.give_up(&[At::Promised], At::Refused);
        }
    }

    fn leave(&mut self, fulfilment: &Name, name: &Name, units: u32) -> Result<(), String> {
        let taken = self.line(name)?.shift(&LEAVING, At::Shipped, units);
        enough(name, &taken, units)?;
        let parcel = self.parcels.entry(fulfilment.clone()).or_default();
        parcel.extend(taken.into_iter().map(|(at, units)| (name.clone(), at, units)));
        Ok(())
    }

    /// What had left and is said not to have is where it was, the last first, or where its SKU's
    /// answer has put it since. What was to be shipped and had not left is not among it.
    fn undo(&mut self, fulfilment: &Name, said: &[LineQuantity]) -> Result<(), String> {
        self.undone = true;
        let parcel = self.parcels.remove(fulfilment).unwrap_or_default();
        let said: BTreeMap<Name, u32> =
            said.iter().map(|of| (of.line.clone(), of.quantity)).collect();
        self.believe(fulfilment, &parcel, &said)?;
        let (mut left, mut stays, mut back) = (said, Vec::new(), Vec::new());
        for (name, at, units) in parcel.into_iter().rev() {
            let here = left.get_mut(&name).map_or(0, |left| {
                let here = units.min(*left);
                *left -= here;
                here
            });
            back.push((name.clone(), at, here));
            stays.insert(0, (name, at, units - here));
        }
        stays.retain(|(.., units)| *units > 0);
        if !stays.is_empty() {
            self.parcels.insert(fulfilment.clone(), stays);
        }
        for (name, at, units) in back {
            let question = self.line(&name)?.question.clone();
            let home = match (at, self.answered.get(&question)) {
                (At::Waiting, Some(true)) => At::Promised,
                (At::Waiting, Some(false)) if self.held_again.contains(&question) => At::Promised,
                (At::Waiting, Some(false)) => At::Refused,
                (at, _) => at,
            };
            let back = self.line(&name)?.shift(&[At::Shipped], home, units);
            enough(&name, &back, units)?;
        }
        Ok(())
    }

    /// No more is back than is named and had left; just as much, if nothing else was planned.
    fn believe(
        &self,
        fulfilment: &Name,
        parcel: &[(Name, At, u32)],
        said: &BTreeMap<Name, u32>,
    ) -> Result<(), String> {
        let mut had_left: BTreeMap<&Name, u32> = BTreeMap::new();
        for (name, _, units) in parcel {
            *had_left.entry(name).or_default() += units;
        }
        for (name, had_left) in had_left {
            let named = self.cancelling.get(name).copied().unwrap_or(0).min(had_left);
            let back = said.get(name).copied().unwrap_or(0);
            let planned = self.planned.contains(fulfilment);
            if back > named || (back < named && !planned) {
                return Err(format!("line {name}: {back} are back, {named} did not leave"));
            }
        }
        Ok(())
    }

    fn edit(&mut self, name: &Name, now: u32) -> Result<(), String> {
        let sku = self.wished.get(name).cloned();
        if let Some(sku) = sku.filter(|_| !self.lines.contains_key(name)) {
            let line = Line::new(&sku, (sku.clone(), None, Some(name.clone())));
            self.lines.insert(name.clone(), line);
        }
        let line = self.line(name)?;
        let open = line.sum(&OPEN);
        let granted = now > open;
        line.units[At::Promised as usize] += now.saturating_sub(open);
        line.shift(&OPEN, At::Cancelled, open.saturating_sub(now));
        if granted {
            self.wished.remove(name);
        }
        Ok(())
    }

    /// What must be so after each decision.
    pub fn check(&self, spoken: &[Outcome]) -> Result<(), String> {
        if self.is_over() && self.placed && self.money.values().any(|money| money.owed() > 0) {
            return Err("money for an order of which nothing is left is not due back".to_owned());
        }
        let confirms = spoken.iter().any(|outcome| matches!(outcome, Outcome::OrderConfirmed));
        if confirms && !self.is_paid() {
            return Err("confirmed, and not paid".to_owned());
        }
        Ok(())
    }

    /// Units promised of a SKU.
    pub fn promised(&self, sku: &Sku) -> u32 {
        let lines = self.lines.values().filter(|line| line.sku == *sku);
        lines.map(|line| line.sum(&[At::Promised])).sum()
    }
}
