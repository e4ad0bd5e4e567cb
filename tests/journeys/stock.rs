//! A SKU as a bookkeeper would keep it who reads what is said to it and what it answers: units in
//! and out of each shelf, and who was promised how many.
//!
//! Promise: nothing here is read from the SKU but what it says aloud; the counters are compared.

use std::collections::{BTreeMap, BTreeSet};

use earmark::domain::{
    command::{Command, CommandBody, Goods, SkuAnswer, SkuCommand},
    decision::Verdict,
    event::{CountKind, Disposition, SkuEvent, StockCounted, StockKind, StockMoved},
    ids::{HoldName, LocationId, Name, OrderId},
    outcome::{Outcome, Quantities},
    time::Timestamp,
};

use crate::shelf::{Said, Sale, Shelf, is_at_or_before, put};

/// A promise.
#[derive(Clone, Debug)]
struct Promise {
    units: u32,
    location: LocationId,
    /// An order's that passed its deadline.
    lapsed: bool,
    /// Until when it lasts, unless it is committed.
    until: Timestamp,
}

/// What an order's goods did, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Left, less those that did not after all.
    pub gone: i64,
    /// Not where they were looked for.
    pub missing: i64,
    /// Came back from the buyer.
    pub returned: i64,
}

/// The books of a SKU.
#[derive(Clone, Debug, Default)]
pub struct Books {
    shelves: BTreeMap<LocationId, Shelf>,
    promises: BTreeMap<HoldName, Promise>,
    /// Where cart holds were that ended, and when they were given up if they were.
    ended: BTreeMap<Name, (LocationId, Option<Timestamp>)>,
    /// Movements of orders' goods that were heard, and what they were.
    heard: BTreeMap<(HoldName, u32), SkuCommand>,
    /// By order and location.
    told: BTreeMap<(OrderId, LocationId), Told>,
    /// When something changed last.
    changed: Option<Timestamp>,
    /// Names that orders have been answered for.
    answered: BTreeSet<HoldName>,
}

impl Books {
    fn shelf(&mut self, location: &LocationId) -> &mut Shelf {
        self.shelves.entry(location.clone()).or_default()
    }

    /// An event was decided, now or after it had waited.
    pub fn hear_event(
        &mut self,
        event: &SkuEvent,
        time: Timestamp,
        verdict: &Verdict,
        said_of: &Said<'_>,
    ) -> Result<(), String> {
        if matches!(verdict, Verdict::Refused(_) | Verdict::Parked) {
            return Ok(());
        }
        let moved = match event {
            SkuEvent::StockReceived(said) => {
                self.shelf(&said.location).move_at(time, i64::from(said.quantity), Sale::Yes)
            }
            SkuEvent::StockReturned(said) if said.disposition == Disposition::Scrap => false,
            SkuEvent::StockReturned(said) => {
                let (units, sale) = (i64::from(said.quantity), put(said.disposition));
                // What lay among the rest when that was counted is quarantined all the same.
                self.shelf(&said.location).move_at(time, units, sale) || sale == Sale::No
            }
            SkuEvent::StockMoved(said) if *verdict == Verdict::Accepted => {
                self.set_aside(said, time, said_of);
                return Ok(());
            }
            SkuEvent::StockAdjusted(said) => {
                self.shelf(&said.location).move_at(time, said.quantity, Sale::Yes)
            }
            SkuEvent::StockShipped(said) => {
                self.ship_cart(&said.hold, said.quantity, time, said_of)?
            }
            SkuEvent::StockCounted(said) if *verdict == Verdict::Accepted => {
                let shelf = self.shelf(&said.location);
                match said.kind {
                    CountKind::OnHand => shelf.count(said.as_of, said.quantity),
                    // What may be promised was counted; what lies there the SKU says.
                    CountKind::Available => {
                        shelf.count_for_sale(said.as_of, said_of.net(&said.location));
                        self.is_for_sale(said, said_of)?;
                    }
                }
                return Ok(());
            }
            SkuEvent::HoldRequested(said) => {
                self.grant(&said.hold, verdict);
                return Ok(());
            }
            _ => return Ok(()),
        };
        if moved != (*verdict == Verdict::Accepted) {
            return Err(format!("a fact of {time:?} is {verdict:?}"));
        }
        Ok(())
    }

    /// Units changed their kind. Where what is for sale was counted since, that was right, and what
    /// had been set aside was taken for lost.
    fn set_aside(&mut self, moved: &StockMoved, time: Timestamp, said: &Said<'_>) {
        let aside = |of: &dyn Fn(&LocationId) -> Quantities| of(&moved.location).unavailable as i64;
        let back = aside(said.before) - aside(said.after);
        let shelf = self.shelf(&moved.location);
        if shelf.has_missed_promises(time) {
            match (moved.from, moved.to) {
                (StockKind::Sellable, _) => shelf.net += i64::from(moved.quantity),
                (_, StockKind::Sellable) => shelf.net -= back,
                _ => {}
            }
        }
    }

    /// What is for sale is what was counted, unless something has changed since.
    fn is_for_sale(&self, count: &StockCounted, said: &Said<'_>) -> Result<(), String> {
        let second = |time: Timestamp| time.0.div_euclid(1_000_000);
        let changed = self.changed.is_some_and(|at| second(at) >= second(count.as_of));
        let available = (said.after)(&count.location).available;
        match changed || available == u64::from(count.quantity) {
            true => Ok(()),
            false => Err(format!("{available} for sale after {count:?}")),
        }
    }

    /// A decision changed something.
    pub fn change(&mut self, now: Timestamp) {
        self.changed = Some(now);
    }

    fn grant(&mut self, hold: &Name, verdict: &Verdict) {
        if let Verdict::HoldGranted { quantity, location, expires_at, .. } = verdict {
            let (location, until) = (location.clone(), *expires_at);
            let promise = Promise { units: *quantity, location, lapsed: false, until };
            self.promises.insert(HoldName::Named(hold.clone()), promise);
        }
    }

    /// Units of a cart left: those promised to it first.
    fn ship_cart(
        &mut self,
        hold: &Name,
        units: u32,
        time: Timestamp,
        said: &Said<'_>,
    ) -> Result<bool, String> {
        let named = HoldName::Named(hold.clone());
        let Some(promise) = self.promises.get_mut(&named) else {
            let ended = self.ended.get(hold).cloned();
            let (location, given_up) = ended.ok_or("goods left of a hold that never was")?;
            let shelf = self.shelf(&location);
            // What was given up after what is for sale was counted was promised when it was.
            let promised = given_up.is_some_and(|at| !is_at_or_before(at, shelf.counted_for_sale));
            let sale = if promised { Sale::No } else { Sale::Yes };
            return Ok(shelf.move_at(time, -i64::from(units), sale));
        };
        let promised = promise.units.min(units);
        promise.units -= promised;
        let (location, left) = (promise.location.clone(), promise.units);
        if left == 0 {
            self.end_cart(hold, None);
        }
        let least = said.was_covered(&location).then_some(promised);
        self.leave(&location, least, units, time, said)
    }

    /// Units left; some of them were promised there, and if nobody waited, it is known how many.
    /// Others that were asked for and not promised may have been.
    fn leave(
        &mut self,
        location: &LocationId,
        least: Option<u32>,
        units: u32,
        time: Timestamp,
        said: &Said<'_>,
    ) -> Result<bool, String> {
        let net = said.net(location);
        let shelf = self.shelf(location);
        if !shelf.has_missed_promises(time) {
            return Ok(shelf.move_at(time, -i64::from(units), Sale::No));
        }
        let gone = shelf.net - net;
        if gone < i64::from(least.unwrap_or(0)) || gone > i64::from(units) {
            return Err(format!("{location}: {gone} left of {units} that a count has not seen"));
        }
        Ok(gone > 0 && shelf.move_at(time, -gone, Sale::No))
    }

    fn end_cart(&mut self, hold: &Name, given_up: Option<Timestamp>) {
        if let Some(promise) = self.promises.remove(&HoldName::Named(hold.clone())) {
            self.ended.insert(hold.clone(), (promise.location, given_up));
        }
    }

    /// A cart gave up units: all, or those that another line of its owner's order needed.
    fn release_cart(&mut self, hold: &Name, units: u32, now: Timestamp) -> Result<(), String> {
        let Some(promise) = self.promises.get_mut(&HoldName::Named(hold.clone())) else {
            return Ok(());
        };
        let left = promise.units.checked_sub(units);
        promise.units = left.ok_or_else(|| format!("{hold} gives up more than it has"))?;
        if promise.units == 0 {
            self.end_cart(hold, Some(now));
        }
        Ok(())
    }

    /// Something was said aloud.
    pub fn hear_outcome(&mut self, outcome: &Outcome, now: Timestamp) -> Result<(), String> {
        match outcome {
            Outcome::HoldReleased { hold: HoldName::Named(hold), quantity, .. } => {
                self.release_cart(hold, *quantity, now)?;
            }
            Outcome::HoldExpired { hold: HoldName::Named(named), .. } => {
                self.is_over(&HoldName::Named(named.clone()), now)?;
                self.end_cart(named, Some(now));
            }
            Outcome::HoldExtended { hold, expires_at } => self.lasts_until(hold, *expires_at),
            Outcome::HoldCommitted { hold, .. } => self.lasts_until(hold, Timestamp::MAX),
            _ => {}
        }
        Ok(())
    }

    fn lasts_until(&mut self, hold: &HoldName, until: Timestamp) {
        self.promises.get_mut(hold).into_iter().for_each(|promise| promise.until = until);
    }

    /// A promise ends by its deadline only once that is over.
    fn is_over(&self, hold: &HoldName, now: Timestamp) -> Result<(), String> {
        match self.promises.get(hold) {
            Some(promise) if promise.until >= now => Err(format!("{hold} ends before its time")),
            Some(_) | None => Ok(()),
        }
    }

    /// An order asked, and was answered.
    pub fn hear_command(
        &mut self,
        ask: &SkuCommand,
        time: Timestamp,
        said: &Said<'_>,
    ) -> Result<(), String> {
        let (number, location, goods, quantity) = match ask {
            SkuCommand::Ship { location, quantity, shipment, .. } => {
                (*shipment, location, Goods::Left, *quantity)
            }
            SkuCommand::Move { location, goods, quantity, shipment, .. } => {
                (*shipment, location, *goods, *quantity)
            }
            SkuCommand::After { ask, .. } => return self.hear_command(ask, time, said),
            SkuCommand::Reserve { .. }
            | SkuCommand::ReserveElsewhere { .. }
            | SkuCommand::Commit { .. }
            | SkuCommand::Release { .. } => return Ok(()),
        };
        let key = (ask.hold().clone(), number);
        if let Some(known) = self.heard.get(&key) {
            let same = known == ask;
            return if same { Ok(()) } else { Err(format!("{known:?} is said again as {ask:?}")) };
        }
        self.heard.insert(key, ask.clone());
        self.told(ask.hold(), location, goods, i64::from(quantity));
        let units = i64::from(quantity);
        let (units, sale) = match goods {
            Goods::Left => {
                let least = self.promised_at(ask, location).filter(|_| said.was_covered(location));
                self.leave(location, least, quantity, time, said)?;
                return Ok(());
            }
            Goods::Missing => (-units, Sale::No),
            Goods::BroughtBack => return self.come_back(location, units, time, said),
            Goods::Returned(Disposition::Scrap) => return Ok(()),
            Goods::Returned(disposition) => (units, put(disposition)),
        };
        self.shelf(location).move_at(time, units, sale);
        Ok(())
    }

    /// Goods had not left after all. Where what is for sale was counted since they were said to
    /// leave, those that nobody was promised were seen.
    fn come_back(
        &mut self,
        location: &LocationId,
        units: i64,
        time: Timestamp,
        said: &Said<'_>,
    ) -> Result<(), String> {
        let net = said.net(location);
        let shelf = self.shelf(location);
        if !shelf.has_missed_promises(time) {
            shelf.move_at(time, units, Sale::No);
            return Ok(());
        }
        let back = net - shelf.net;
        if !(0..=units).contains(&back) {
            return Err(format!("{location}: {back} of {units} came back"));
        }
        shelf.move_at(time, back, Sale::No);
        Ok(())
    }

    /// Units of a shipment that were promised where they left, if that is certain: not of a hold
    /// that is over, nor of one that goods came back into, which may stand elsewhere since.
    fn promised_at(&self, ask: &SkuCommand, location: &LocationId) -> Option<u32> {
        let SkuCommand::Ship { held, quantity, .. } = ask else { return None };
        let back = |(_, ask): (&(HoldName, u32), &SkuCommand)| {
            matches!(ask, SkuCommand::Move { goods: Goods::BroughtBack, .. })
        };
        let promise = self.promises.get(ask.hold()).filter(|promise| !promise.lapsed)?;
        if self.heard.iter().filter(|((hold, _), _)| hold == ask.hold()).any(back) {
            return None;
        }
        let here = promise.location == *location;
        Some(if here { promise.units.min(*held).min(*quantity) } else { 0 })
    }

    fn told(&mut self, hold: &HoldName, location: &LocationId, goods: Goods, units: i64) {
        let HoldName::Order { order, .. } = hold else { return };
        let told = self.told.entry((order.clone(), location.clone())).or_default();
        match goods {
            Goods::Left => told.gone += units,
            Goods::BroughtBack => told.gone -= units,
            Goods::Missing => told.missing += units,
            Goods::Returned(_) => told.returned += units,
        }
    }

    /// The answers that it gave: what it promises by them.
    pub fn hear_answers(
        &mut self,
        asked: Option<&SkuCommand>,
        first: bool,
        answers: &[Command],
        now: Timestamp,
    ) -> Result<(), String> {
        for command in answers {
            let CommandBody::Answer(answer) = &command.body else {
                return Err("a SKU asks".to_owned());
            };
            if let SkuAnswer::Expired { hold } = answer {
                self.is_over(hold, now)?;
            }
            self.hear_answer(asked, first, answer);
        }
        Ok(())
    }

    fn hear_answer(&mut self, asked: Option<&SkuCommand>, first: bool, answer: &SkuAnswer) {
        let hold = answer.hold();
        match answer {
            SkuAnswer::Reserved { quantity, location, .. } => {
                let until = match (asked, self.promises.get(hold)) {
                    (_, Some(known)) => known.until,
                    (
                        Some(
                            SkuCommand::Reserve { expires_at, .. }
                            | SkuCommand::ReserveElsewhere { expires_at, .. },
                        ),
                        None,
                    ) => *expires_at,
                    (_, None) => Timestamp::MAX,
                };
                let (location, units) = (location.clone(), *quantity);
                let promise = Promise { units, location, lapsed: false, until };
                self.promises.insert(hold.clone(), promise);
                let new = self.answered.insert(hold.clone());
                if let (HoldName::Order { claim: Some(claim), .. }, true) = (hold, new) {
                    self.end_cart(claim, None);
                }
            }
            SkuAnswer::NotReserved { .. } => {
                self.answered.insert(hold.clone());
            }
            SkuAnswer::NotCommitted { .. } => drop(self.promises.remove(hold)),
            SkuAnswer::Committed { .. } | SkuAnswer::Released { .. } if self.is_late(asked) => {}
            SkuAnswer::Committed { quantity, .. } => {
                if let Some(promise) = self.promises.get_mut(hold) {
                    let units = if promise.lapsed { *quantity } else { promise.units };
                    (promise.units, promise.lapsed) = (units.min(*quantity), false);
                    promise.until = Timestamp::MAX;
                }
            }
            SkuAnswer::Released { keep, .. } => self.keep(hold, *keep),
            SkuAnswer::Expired { .. } => {
                if let Some(promise) = self.promises.get_mut(hold) {
                    (promise.units, promise.lapsed) = (0, true);
                }
            }
            SkuAnswer::Shipped { .. } => {
                let ask = asked.map(unwrapped);
                let promise = self.promises.get_mut(hold);
                if let (Some(SkuCommand::Ship { held, .. }), Some(promise), true) =
                    (ask, promise, first)
                {
                    promise.units = promise.units.saturating_sub(*held);
                }
            }
            SkuAnswer::Moved { quantity, location, .. } => {
                let ask = asked.map(unwrapped);
                if let (Some(SkuCommand::Move { location: told, held: 1.., .. }), true) =
                    (ask, first)
                {
                    let location = location.as_ref().unwrap_or(told).clone();
                    let (units, until) = (*quantity, Timestamp::MAX);
                    let promise = Promise { units, location, lapsed: false, until };
                    self.promises.insert(hold.clone(), promise);
                }
            }
            SkuAnswer::After { answer, .. } => self.hear_answer(asked, first, answer),
        }
    }

    /// A commit or a release says after how many movements it was asked, once there are any: one
    /// that knew of fewer, of a hold that goods came back into, is the repeat of an old one.
    fn is_late(&self, asked: Option<&SkuCommand>) -> bool {
        let (knew, ask) = match asked {
            Some(SkuCommand::After { movements, ask }) => (Some(*movements), &**ask),
            Some(ask) => (None, ask),
            None => return false,
        };
        let theirs = self.heard.iter().filter(|((hold, _), _)| hold == ask.hold());
        let newest = theirs.clone().map(|((_, number), _)| *number).max().unwrap_or(0);
        let back = |(_, ask): (&(HoldName, u32), &SkuCommand)| {
            matches!(ask, SkuCommand::Move { goods: Goods::BroughtBack, held: 1.., .. })
        };
        match knew {
            Some(knew) => newest > knew,
            None => theirs.clone().any(back),
        }
    }

    fn keep(&mut self, hold: &HoldName, keep: u32) {
        match self.promises.get_mut(hold) {
            Some(promise) if keep > 0 => promise.units = promise.units.min(keep),
            Some(promise) if !promise.lapsed => drop(self.promises.remove(hold)),
            Some(_) | None => {}
        }
    }

    /// Whether a question, asked for the first time, claims a cart's hold that stands and has all
    /// that is asked for.
    pub fn has_claim(&self, ask: &SkuCommand, now: Timestamp) -> bool {
        let SkuCommand::Reserve { hold, quantity, .. } = ask else { return false };
        if self.answered.contains(hold) {
            return false;
        }
        let HoldName::Order { claim: Some(claim), location, .. } = hold else { return false };
        let cart = self.promises.get(&HoldName::Named(claim.clone()));
        let cart = cart.filter(|cart| cart.units >= *quantity && cart.until >= now);
        cart.is_some_and(|cart| location.as_ref().is_none_or(|of| *of == cart.location))
    }

    /// Whether a movement has not been heard before.
    pub fn is_first(&self, ask: &SkuCommand) -> bool {
        match unwrapped(ask) {
            SkuCommand::Ship { hold, shipment, .. } | SkuCommand::Move { hold, shipment, .. } => {
                !self.heard.contains_key(&(hold.clone(), *shipment))
            }
            _ => false,
        }
    }

    /// All that is promised is what the SKU says is promised, and all that lies there as well.
    pub fn check(
        &self,
        all: Quantities,
        at: impl Fn(&LocationId) -> Quantities,
    ) -> Result<(), String> {
        for (location, shelf) in &self.shelves {
            let said = at(location);
            let net = said.on_hand as i64 - said.overdrawn as i64;
            if net != shelf.net {
                return Err(format!("{location}: {net} on hand, {} by the books", shelf.net));
            }
            let promised = said.held + said.allocated;
            let backed = said.on_hand + said.backordered + said.short;
            if said.available + promised + said.unavailable != backed {
                return Err(format!("{location}: units are nowhere or twice: {said:?}"));
            }
        }
        let promised: u64 = self.promises.values().map(|it| u64::from(it.units)).sum();
        let said = all.held + all.allocated;
        match promised == said {
            true => Ok(()),
            false => Err(format!("{said} units promised, by the books {:?}", self.promises)),
        }
    }

    /// Units promised to an order.
    pub fn promised_to(&self, order: &OrderId) -> u32 {
        let theirs = self.promises.iter().filter(|(hold, _)| is_of(hold, order));
        theirs.map(|(_, promise)| promise.units).sum()
    }

    /// What its goods did, in all.
    pub fn told_by(&self, order: &OrderId) -> Told {
        let theirs = self.told.iter().filter(|((of, _), _)| of == order);
        theirs.fold(Told::default(), |sum, (_, told)| Told {
            gone: sum.gone + told.gone,
            missing: sum.missing + told.missing,
            returned: sum.returned + told.returned,
        })
    }

    /// Holds of carts that stand.
    pub fn carts(&self) -> impl Iterator<Item = &Name> {
        self.promises.keys().filter_map(|hold| match hold {
            HoldName::Named(name) => Some(name),
            HoldName::Order { .. } => None,
        })
    }
}

fn is_of(hold: &HoldName, of: &OrderId) -> bool {
    matches!(hold, HoldName::Order { order, .. } if order == of)
}

fn unwrapped(ask: &SkuCommand) -> &SkuCommand {
    match ask {
        SkuCommand::After { ask, .. } => ask,
        ask => ask,
    }
}
