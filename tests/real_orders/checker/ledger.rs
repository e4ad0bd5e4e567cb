//! The stock of each SKU at each location, kept again from the journal's facts, and the judgement of
//! each hold: what was refused could not be had at that moment, and what was granted could.

use std::collections::{BTreeMap, BTreeSet};

use earmark::{
    domain::{
        command::{CommandBody, SkuAnswer},
        ids::{EntityKey, HoldName},
        refusal::Reason,
        sku::{
            SkuFact,
            hold::{Hold, HoldState},
        },
    },
    partition::entry::{Decided, Entry, Facts},
};

use super::{
    Place, Policy, Report,
    chain::At,
    input::{self, Input},
};

/// Units at a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Units that came.
    pub received: i64,
    /// On the shelf.
    pub on_hand: i64,
    /// May be promised.
    pub available: i64,
    /// Promised until a deadline.
    pub held: i64,
    /// Promised for good.
    pub allocated: i64,
    /// Units that left.
    pub shipped: i64,
}

/// A promise to an order.
#[derive(Clone, Debug)]
struct Promise {
    order: String,
    place: Place,
    units: i64,
    committed: bool,
}

/// What a SKU said to an order's wish for units of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// So many units.
    Granted(u64),
    /// None.
    Refused,
}

/// All stock and all promises.
#[derive(Debug)]
pub struct Ledger {
    policy: Policy,
    ordered: BTreeMap<(String, Place), u64>,
    received: BTreeMap<Place, u64>,
    shipped_said: BTreeMap<(String, Place), u64>,
    cells: BTreeMap<Place, Cell>,
    promises: BTreeMap<(String, u64), Promise>,
    said: BTreeMap<(String, Place), Said>,
    shipped: BTreeMap<(String, Place), u64>,
    breached: BTreeSet<Place>,
    asked_late: u64,
}

impl Ledger {
    /// An empty ledger beside what was published.
    pub fn new(input: &Input, policy: Policy) -> Ledger {
        Ledger {
            policy,
            ordered: input.ordered(),
            received: input.received(),
            shipped_said: input.shipped(),
            cells: BTreeMap::new(),
            promises: BTreeMap::new(),
            said: BTreeMap::new(),
            shipped: BTreeMap::new(),
            breached: BTreeSet::new(),
            asked_late: 0,
        }
    }

    /// What was said to an order's wishes.
    pub fn said_to<'a>(&'a self, order: &'a str) -> impl Iterator<Item = (&'a Place, Said)> + 'a {
        let said = self.said.range((order.to_owned(), Place::default())..);
        said.take_while(move |((of, _), _)| of == order).map(|((_, place), said)| (place, *said))
    }

    /// Units that orders still hold, and whether all of them are allocated.
    pub fn open_promises(&self) -> BTreeMap<&str, (u64, bool)> {
        let mut open: BTreeMap<&str, (u64, bool)> = BTreeMap::new();
        for promise in self.promises.values().filter(|promise| promise.units != 0) {
            let (units, committed) = open.entry(&promise.order).or_insert((0, true));
            *units += promise.units.unsigned_abs();
            *committed &= promise.committed;
        }
        open
    }

    /// Takes note of an entry.
    pub fn note(&mut self, at: &At, entry: &Entry, report: &mut Report) {
        let Entry::Decided(decided) = entry else { return };
        let (EntityKey::Sku(sku), Facts::Sku(facts)) = (&decided.entity, &decided.facts) else {
            return;
        };
        self.judge(at, sku.as_str(), decided, report);
        for fact in facts {
            if let Err(why) = self.apply(sku.as_str(), fact) {
                report.complain(format!("{at}, {sku}: {why}"));
            }
        }
        let touched = self.cells.range((sku.to_string(), String::new())..);
        let touched = touched.take_while(|((of, _), _)| of == sku.as_str());
        let wrong = touched.filter_map(|(place, cell)| Some((place.clone(), cell.wrong()?)));
        for (place, why) in wrong.collect::<Vec<_>>() {
            if self.breached.insert(place.clone()) {
                report.complain(format!("{at}, {} at {}: {why}", place.0, place.1));
            }
        }
    }

    /// Judges what a SKU answers an order, by the stock before the decision.
    fn judge(&mut self, at: &At, sku: &str, decided: &Decided, report: &mut Report) {
        for command in &decided.commands {
            let CommandBody::Answer(answer) = &command.body else { continue };
            let HoldName::Order { order, location: Some(location), .. } = answer.hold() else {
                report.complain(format!("{at}: {sku} answers about the hold {}", answer.hold()));
                continue;
            };
            let place = (sku.to_owned(), location.to_string());
            let key = (order.to_string(), place.clone());
            let available = self.cells.get(&place).copied().unwrap_or_default().available;
            let Some(&wanted) = self.ordered.get(&key) else {
                report.complain(format!("{at}: {order} ordered no {sku} at {location}"));
                continue;
            };
            let verdict = match answer {
                SkuAnswer::Reserved { quantity, .. } => {
                    self.granted(key, u64::from(*quantity), wanted, available)
                }
                SkuAnswer::NotReserved { refusal, .. } => {
                    self.refused(key, refusal.reason, wanted, available)
                }
                _ => Ok(()),
            };
            if let Err(why) = verdict {
                report.complain(format!(
                    "{at}: {order} wanted {wanted} of {sku} at {location}: {why}"
                ));
            }
        }
    }

    fn granted(
        &mut self,
        key: (String, Place),
        units: u64,
        wanted: u64,
        available: i64,
    ) -> Result<(), String> {
        match self.said.get(&key) {
            Some(Said::Granted(_)) => return Ok(()),
            Some(Said::Refused) => return Err("granted after a refusal".to_owned()),
            None => {}
        }
        self.said.insert(key, Said::Granted(units));
        let can = u64::try_from(available).unwrap_or_default().min(wanted);
        let right = match self.policy {
            Policy::AllOrNothing => units == wanted && can == wanted,
            Policy::Partial => units == can && can > 0,
        };
        if right {
            Ok(())
        } else {
            Err(format!("granted {units} where {available} were available"))
        }
    }

    fn refused(
        &mut self,
        key: (String, Place),
        reason: Reason,
        wanted: u64,
        available: i64,
    ) -> Result<(), String> {
        match self.said.get(&key) {
            Some(Said::Refused) => return Ok(()),
            // A late repeat of the question, when the hold has come and gone, is told so.
            Some(Said::Granted(_)) if reason == Reason::HoldEnded && !self.holds(&key) => {
                self.asked_late += 1;
                return Ok(());
            }
            Some(Said::Granted(_)) => return Err(format!("refused after a grant, for {reason}")),
            None => {}
        }
        self.said.insert(key, Said::Refused);
        if reason != Reason::InsufficientStock {
            return Err(format!("refused for {reason}"));
        }
        let available = u64::try_from(available).unwrap_or_default();
        let could = match self.policy {
            Policy::AllOrNothing => available >= wanted,
            Policy::Partial => available > 0,
        };
        if could { Err(format!("refused though {available} were available")) } else { Ok(()) }
    }

    /// Whether units of a place are promised to an order.
    fn holds(&self, (order, place): &(String, Place)) -> bool {
        let of_sku = self.promises.range((place.0.clone(), 0)..);
        let mut of_sku = of_sku.take_while(|((sku, _), _)| *sku == place.0);
        of_sku.any(|(_, it)| it.units != 0 && it.order == *order && it.place == *place)
    }

    fn apply(&mut self, sku: &str, fact: &SkuFact) -> Result<(), String> {
        let number = |promise: &earmark::domain::sku::hold::PromiseNo| (sku.to_owned(), promise.0);
        match fact {
            SkuFact::StockChanged { location, change } => {
                if change.on_hand != change.available || change.on_hand <= 0 {
                    return Err(format!("stock changed by {change:?}"));
                }
                let cell = self.cell((sku.to_owned(), location.to_string()));
                cell.received += change.on_hand;
                cell.on_hand += change.on_hand;
                cell.available += change.available;
                Ok(())
            }
            SkuFact::HoldOpened(hold) => self.open(sku, hold),
            SkuFact::HoldCommitted { promise } => self.commit(number(promise)),
            SkuFact::HoldReduced { promise, by } => {
                self.give_back(number(promise), signed(by.total()))
            }
            SkuFact::HoldShipped { promise, units } => self.ship(number(promise), signed(*units)),
            SkuFact::HoldEnded { promise, .. } => {
                let left = self.promises.get(&number(promise)).map_or(0, |promise| promise.units);
                self.give_back(number(promise), left)
            }
            SkuFact::ShipmentSeen { .. }
            | SkuFact::StoneLaid(_)
            | SkuFact::Moved { .. }
            | SkuFact::Remembered(_)
            | SkuFact::Forgotten { .. } => Ok(()),
            other => Err(format!("nothing that was published can cause {other:?}")),
        }
    }

    fn open(&mut self, sku: &str, hold: &Hold) -> Result<(), String> {
        let HoldName::Order { order, .. } = &hold.name else {
            return Err(format!("the hold {} is no order's", hold.name));
        };
        let place = (sku.to_owned(), hold.location.to_string());
        let units = signed(hold.units.total());
        let said = self.said.get(&(order.to_string(), place.clone()));
        if said != Some(&Said::Granted(hold.units.total())) {
            return Err(format!("{units} units are held for {order}, which was told {said:?}"));
        }
        let committed = hold.state == HoldState::Committed;
        let cell = self.cell(place.clone());
        cell.available -= units;
        *cell.promised(committed) += units;
        let promise = Promise { order: order.to_string(), place, units, committed };
        match self.promises.insert((sku.to_owned(), hold.promise.0), promise) {
            None => Ok(()),
            Some(_) => Err(format!("the hold {} is opened over another", hold.name)),
        }
    }

    fn commit(&mut self, number: (String, u64)) -> Result<(), String> {
        let promise = self.promises.get_mut(&number).ok_or("an unknown hold is committed")?;
        if std::mem::replace(&mut promise.committed, true) {
            return Err("a hold is committed twice".to_owned());
        }
        let (place, units) = (promise.place.clone(), promise.units);
        let cell = self.cell(place);
        cell.held -= units;
        cell.allocated += units;
        Ok(())
    }

    fn give_back(&mut self, number: (String, u64), units: i64) -> Result<(), String> {
        let Promise { place, committed, .. } = self.take(number, units)?;
        let cell = self.cell(place);
        *cell.promised(committed) -= units;
        cell.available += units;
        Ok(())
    }

    fn ship(&mut self, number: (String, u64), units: i64) -> Result<(), String> {
        let Promise { order, place, committed, .. } = self.take(number, units)?;
        *self.shipped.entry((order, place.clone())).or_default() += units.unsigned_abs();
        let cell = self.cell(place);
        *cell.promised(committed) -= units;
        cell.on_hand -= units;
        cell.shipped += units;
        Ok(())
    }

    /// Takes units out of a promise.
    fn take(&mut self, number: (String, u64), units: i64) -> Result<Promise, String> {
        let promise = self.promises.get_mut(&number).ok_or("units of an unknown hold")?;
        promise.units -= units;
        if promise.units < 0 {
            return Err(format!("{} has {} units too few", promise.order, -promise.units));
        }
        Ok(promise.clone())
    }

    fn cell(&mut self, place: Place) -> &mut Cell {
        self.cells.entry(place).or_default()
    }

    /// Compares with what was published.
    pub fn conclude(&self, report: &mut Report) {
        self.compare_received(report);
        self.compare_shipped(report);
        let granted = input::sum(self.said.iter().filter_map(|((_, place), said)| match said {
            Said::Granted(units) => Some((place.clone(), *units)),
            Said::Refused => None,
        }));
        if self.policy == Policy::Partial {
            self.compare_sold(&granted, report);
        }
        report.count("units received", self.received.values().sum());
        report.count("units ordered", self.ordered.values().sum());
        report.count("units granted", granted.values().sum());
        report.count("units shipped", self.shipped.values().sum());
        let refused = self.said.values().filter(|said| **said == Said::Refused).count();
        report.count("wishes repeated after their hold had ended", self.asked_late);
        report.count("wishes refused", refused as u64);
        report.count("wishes granted", (self.said.len() - refused) as u64);
    }

    fn compare_received(&self, report: &mut Report) {
        let places = self.cells.keys().chain(self.received.keys()).collect::<BTreeSet<_>>();
        for place in places {
            let journaled = self.cells.get(place).map_or(0, |cell| cell.received);
            let published = signed(self.received.get(place).copied().unwrap_or_default());
            if journaled != published {
                let (sku, location) = place;
                report.complain(format!(
                    "{sku} at {location}: {published} units were received, {journaled} are written down"
                ));
            }
        }
    }

    fn compare_shipped(&self, report: &mut Report) {
        let keys = self.shipped.keys().chain(self.shipped_said.keys()).collect::<BTreeSet<_>>();
        for key in keys {
            let of = |units: &BTreeMap<_, u64>| units.get(key).copied().unwrap_or_default();
            let (left, said) = (of(&self.shipped), of(&self.shipped_said));
            if left != said {
                let (order, (sku, location)) = key;
                report.complain(format!(
                    "{order}: {said} of {sku} at {location} left, {left} were taken off the stock"
                ));
            }
        }
    }

    /// Grants by the unit: what could be sold was sold.
    fn compare_sold(&self, granted: &BTreeMap<Place, u64>, report: &mut Report) {
        let demand = input::sum(self.ordered.iter().map(|((_, place), units)| (place, *units)));
        for (place, demand) in demand {
            let stock = self.received.get(place).copied().unwrap_or_default();
            let sold = granted.get(place).copied().unwrap_or_default();
            if sold != stock.min(demand) {
                let (sku, location) = place;
                report.complain(format!(
                    "{sku} at {location}: {sold} sold of a stock of {stock} and a demand of {demand}"
                ));
            }
        }
    }
}

impl Cell {
    fn promised(&mut self, committed: bool) -> &mut i64 {
        if committed { &mut self.allocated } else { &mut self.held }
    }

    /// Why these quantities cannot be.
    fn wrong(&self) -> Option<String> {
        let Cell { received, on_hand, available, held, allocated, shipped } = *self;
        let negative =
            [on_hand, available, held, allocated, shipped].iter().any(|units| *units < 0);
        let adds_up = on_hand == available + held + allocated && on_hand + shipped == received;
        (negative || !adds_up).then(|| format!("does not add up: {self:?}"))
    }
}

fn signed(units: u64) -> i64 {
    i64::try_from(units).unwrap_or(i64::MAX)
}
