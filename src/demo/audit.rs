//! After the day: folds the journal anew, looks at what stands in every log, and compares.
//!
//! It asks no actor and no snapshot. What was received is read from what the warehouse published,
//! what was shipped from what the orders said; only what is promised is read from the fold.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value, json};

use super::report::{Day, Units};
use crate::{
    contract::{self, AnyEvent, Limits},
    domain::{
        Entity,
        decision::{Standing, Verdict},
        event::SkuEvent,
        ids::{EntityKey, Owner, Sku},
        invariant::conservation,
        order::OrderState,
        outcome::Outcome,
        sku::SkuState,
    },
    embedded::{Embedded, Shelf},
    error::{Exit, Failure},
    partition::{
        Published,
        effects::effects,
        entry::{Entry, Trigger},
        fold::State,
        record::Record,
    },
    ports::{Outlet, Partition, Source},
};

/// Messages that are looked at at a time.
const PAGE: usize = 4_096;
/// Broken promises that are told, of each kind.
const TOLD_MAX: usize = 5;

/// Looks at everything.
pub async fn audit(store: &Embedded, partitions: Partition) -> Result<Day, Failure> {
    let mut audit = Audit::default();
    for partition in 0..partitions {
        audit.read_journal(store, partition).await?;
    }
    audit.compare_events(store).await?;
    audit.compare(store, Shelf::Outcomes).await?;
    audit.compare(store, Shelf::DeadLetters).await?;
    audit.count_entities();
    Ok(audit.day)
}

#[derive(Default)]
struct Audit {
    day: Day,
    entities: BTreeMap<EntityKey, State>,
    /// How often each event was decided, by its place in the log.
    decided: HashMap<u64, u32>,
    /// Events that nothing came of, by their place in the log.
    nothing: HashSet<u64>,
    received: BTreeMap<Sku, u64>,
    /// The SKU of an order's line.
    sku_of: HashMap<(String, String), Sku>,
    shipped: BTreeMap<Sku, u64>,
    /// How often each effect that there must be is there.
    expected: HashMap<String, u32>,
}

impl Audit {
    fn complain<T: std::fmt::Display>(&mut self, rule: &str, found: impl Iterator<Item = T>) {
        let all: Vec<String> = found.map(|found| found.to_string()).collect();
        let more = all.len().saturating_sub(TOLD_MAX);
        self.day.broken.extend(all.into_iter().take(TOLD_MAX).map(|at| format!("{rule}: {at}")));
        if more > 0 {
            self.day.broken.push(format!("{rule}: and {more} more"));
        }
    }

    // === the journal ===

    async fn read_journal(&mut self, store: &Embedded, of: Partition) -> Result<(), Failure> {
        let journal = store.ports().journal;
        let mut after = 0;
        loop {
            let page = journal.read(of, after).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.sequence;
            for stored in &page {
                let record = Record::decode(&stored.record).map_err(|error| {
                    Failure::new(Exit::Failed, format!("record {}: {error}", stored.sequence))
                })?;
                self.record(&record, stored.sequence);
            }
        }
    }

    fn record(&mut self, record: &Record, sequence: u64) {
        for entry in &record.entries {
            self.entry(entry, record);
        }
        let effects = effects(record, sequence, &Published::default());
        for message in effects.messages.iter().filter(|message| message.outlet == Outlet::Out) {
            self.expected.insert(message.id.clone().unwrap_or_default(), 0);
        }
        for letter in effects.dead_letters {
            let reason = letter.rejection.reason.as_str().to_owned();
            *self.day.dead_letters.entry(reason).or_default() += 1;
            self.expected.insert(letter.id, 0);
        }
    }

    fn entry(&mut self, entry: &Entry, record: &Record) {
        match entry {
            Entry::Decided(decided) => {
                let key = &decided.entity;
                let state = self.entities.entry(key.clone()).or_insert_with(|| State::new(key));
                let folded = state.apply(&decided.facts, record.header.decided_at);
                self.complain("a fact cannot be folded", folded.err().into_iter());
                decided.outcomes.iter().for_each(|outcome| self.outcome(key, outcome));
                if let Trigger::Event(cause) = &decided.trigger {
                    *self.decided.entry(cause.sequence).or_default() += 1;
                    self.day.duplicates_ignored +=
                        u64::from(decided.standing == Standing::Repeated);
                    let refused = matches!(decided.verdict, Verdict::Refused(_));
                    if refused || decided.standing == Standing::Repeated {
                        self.nothing.insert(cause.sequence);
                    }
                }
            }
            Entry::Rejected { read, .. } if read.source != Source::Commands => {
                *self.decided.entry(read.sequence).or_default() += 1;
                self.nothing.insert(read.sequence);
            }
            Entry::Quarantined { entity, why, .. } => {
                self.complain("quarantined", std::iter::once(format!("{entity}: {why}")));
            }
            Entry::Lost { source, what } => {
                self.complain("lost", std::iter::once(format!("{}: {what}", source.as_str())));
            }
            _ => {}
        }
    }

    fn outcome(&mut self, key: &EntityKey, outcome: &Outcome) {
        if let Some(kind) = outcome.kind().strip_prefix("hold.") {
            *self.day.holds.entry(kind.to_owned()).or_default() += 1;
        }
        match outcome {
            Outcome::OrderReserved { lines, .. } => {
                for line in lines {
                    let of = (key.key().to_owned(), line.line.to_string());
                    self.sku_of.insert(of, line.sku.clone());
                }
            }
            Outcome::OrderShipped { lines, .. } => {
                for line in lines {
                    let of = (key.key().to_owned(), line.line.to_string());
                    let Some(sku) = self.sku_of.get(&of) else { continue };
                    *self.shipped.entry(sku.clone()).or_default() += u64::from(line.quantity);
                }
            }
            Outcome::RefundDue { .. } => self.day.refunds_due += 1,
            _ => {}
        }
    }

    // === the logs ===

    /// Each event was decided once, or is a dead letter; and what arrived by those that were.
    async fn compare_events(&mut self, store: &Embedded) -> Result<(), Failure> {
        let limits = Limits::default();
        let mut after = 0;
        loop {
            let page = store.page(Shelf::Events, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            self.day.events += page.len() as u64;
            let once = |at: &u64| self.decided.get(at) == Some(&1);
            let places = page.iter().map(|stored| stored.sequence);
            let wrong: Vec<u64> = places.filter(|at| !once(at)).collect();
            self.complain("an event was not decided exactly once", wrong.into_iter());
            for stored in page.iter().filter(|stored| !self.nothing.contains(&stored.sequence)) {
                let Ok(decoded) = contract::decode(&stored.payload, &limits) else { continue };
                if let (EntityKey::Sku(sku), AnyEvent::Sku(SkuEvent::StockReceived(stock))) =
                    (decoded.key, decoded.event)
                {
                    *self.received.entry(sku).or_default() += u64::from(stock.quantity);
                }
            }
        }
        Ok(())
    }

    /// Each effect that the journal has stands in its log exactly once, and nothing else does.
    async fn compare(&mut self, store: &Embedded, shelf: Shelf) -> Result<(), Failure> {
        let mut after = 0;
        let mut unknown = Vec::new();
        loop {
            let page = store.page(shelf, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.sequence;
            for id in page.into_iter().filter_map(|stored| stored.id) {
                match self.expected.get_mut(&id) {
                    Some(times) => *times += 1,
                    None => unknown.push(id),
                }
            }
        }
        self.complain("an effect that the journal does not know", unknown.into_iter());
        Ok(())
    }

    // === what it comes to ===

    fn count_entities(&mut self) {
        let wrong: Vec<String> = self
            .expected
            .iter()
            .filter(|(_, times)| **times != 1)
            .map(|(id, times)| format!("{id}, {times} times"))
            .collect();
        self.complain("an effect is not there exactly once", wrong.into_iter());
        let entities = std::mem::take(&mut self.entities);
        let mut promised_to_orders: BTreeMap<Sku, u64> = BTreeMap::new();
        let mut hash = blake3::Hasher::new();
        for (key, state) in &entities {
            let said = match state {
                State::Sku(sku) => self.sku(sku),
                State::Order(order) => {
                    promised(order, &mut promised_to_orders);
                    self.order(order)
                }
            };
            hash.update(format!("{key} {said}\n").as_bytes());
        }
        let skus = entities.values().filter_map(|state| match state {
            State::Sku(sku) => Some(sku),
            State::Order(_) => None,
        });
        let apart: Vec<String> = skus
            .filter(|sku| held_by_orders(sku) != promised_to_orders.remove(sku.sku()).unwrap_or(0))
            .map(|sku| sku.sku().to_string())
            .collect();
        self.complain("a SKU and its orders do not agree", apart.into_iter());
        self.day.state = hash.finalize().to_hex()[..16].to_owned();
    }

    fn sku(&mut self, sku: &SkuState) -> Value {
        let locations = || sku.locations().keys().map(Some).chain([None]);
        let sums = locations().map(|location| conservation(&sku.quantities(location)));
        let breaches: Vec<_> = sums.chain([sku.audit()]).filter_map(Result::err).collect();
        self.day.skus_checked += u64::from(breaches.is_empty());
        let name = sku.sku();
        self.complain("units are not conserved", breaches.iter().map(|b| format!("{name}: {b}")));
        let total = sku.quantities(None);
        let of = |units: &BTreeMap<Sku, u64>| units.get(name).copied().unwrap_or(0);
        let (received, shipped) = (of(&self.received), of(&self.shipped));
        let promised = total.held + total.allocated;
        let oversold = (shipped + promised).saturating_sub(received);
        let sum = Units {
            received: self.day.units.received + received,
            shipped: self.day.units.shipped + shipped,
            on_hand: self.day.units.on_hand + total.on_hand,
            promised: self.day.units.promised + promised,
            oversold: self.day.units.oversold + oversold,
        };
        self.day.units = sum;
        if oversold > 0 {
            let text = format!("{name}, by {oversold} units");
            self.complain("oversold", std::iter::once(text));
        }
        if total.on_hand + shipped != received {
            let text =
                format!("{name}: {received} came, {shipped} left, {} are there", total.on_hand);
            self.complain("a unit is lost or found", std::iter::once(text));
        }
        let by_location =
            sku.locations().keys().map(|at| (at.to_string(), sku.quantities(Some(at))));
        let holds = sku.book().holds().map(|hold| (hold.name.to_string(), hold));
        json!([
            by_location.collect::<BTreeMap<_, _>>(),
            holds
                .map(|(name, hold)| {
                    (name, json!([hold.owner.to_string(), hold.units, hold.expires_at()]))
                })
                .collect::<BTreeMap<_, _>>()
        ])
    }

    fn order(&mut self, order: &OrderState) -> Value {
        let Some(placed) = order.order() else { return json!(order.parked().len()) };
        if let Err(breach) = order.audit() {
            let text = format!("{}: {breach}", order.id());
            self.complain("an order's units are not conserved", std::iter::once(text));
        }
        let status = json!(placed.status());
        let counted = self.day.orders.entry(status.as_str().unwrap_or("-").to_owned());
        *counted.or_default() += 1;
        json!([status, placed.lines, placed.payments, placed.fulfilments])
    }
}

/// Units that an order believes to have been promised.
fn promised(order: &OrderState, by_sku: &mut BTreeMap<Sku, u64>) {
    let Some(order) = order.order() else { return };
    for line in &order.lines {
        let Some(leg) = order.legs.get(line.leg as usize) else { continue };
        let units = u64::from(line.units.reserved + line.units.allocated);
        *by_sku.entry(leg.sku.clone()).or_default() += units;
    }
}

/// Units that a SKU has promised to orders.
fn held_by_orders(sku: &SkuState) -> u64 {
    let of_orders = sku.book().holds().filter(|hold| matches!(hold.owner, Owner::Order(_)));
    of_orders.map(|hold| hold.units.total()).sum()
}
