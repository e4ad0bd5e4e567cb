//! What each decision must keep, read from the journal in its order and from what was published: in
//! which order events are decided and by which clock deadlines, who may decide, what a count says,
//! and how much may be promised beyond stock.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use earmark::{
    domain::{
        DueClock,
        command::{CommandBody, SkuAnswer, SkuCommand},
        decision::Cause,
        event::{CountKind, Lane},
        ids::{EntityKey, EventKey, HoldName, LocationId},
        refusal::Reason,
        sku::{
            SkuFact, SkuState,
            book::Known,
            hold::{CAME_BACK, Ending, HoldState, PromiseNo},
            stock::Stock,
        },
        time::Timestamp,
    },
    partition::{
        entry::{Decided, Entry, Facts, Trigger},
        record::Record,
    },
    ports::{Cursor, Partition, Source},
};
use litemap::LiteMap;

use super::{
    checks::{Folded, apply, is_final},
    oracles::Oracle,
    world::World,
};

/// Goes through the journal once, and looks at each decision.
pub fn decisions_keep_the_rules(world: &World, folded: &Folded) {
    let mut walk = Walk { published: published(world), ..Walk::default() };
    for (sequence, record) in &folded.records {
        walk.goes_on(*sequence, record);
        for entry in &record.entries {
            match entry {
                Entry::Quarantined { entity, .. } => {
                    walk.quarantined.insert(entity.clone());
                }
                Entry::Reinstated { entity, .. } => {
                    walk.quarantined.remove(entity);
                }
                Entry::Decided(decided) => {
                    walk.decided(*sequence, record, decided);
                    count_burnt(world, decided);
                }
                _ => {}
            }
        }
    }
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    for (oracle, what) in walk.found {
        let times = told.entry(oracle.to_string()).or_default();
        *times += 1;
        if *times <= 3 {
            world.violation(oracle, what);
        }
    }
}

/// What was published, by its sequence and when the log took it.
fn published(world: &World) -> BTreeMap<(u64, Timestamp), Bytes> {
    let outside = world.lock();
    let all = outside.input.taken();
    all.map(|stored| ((stored.sequence, stored.at), stored.payload.clone())).collect()
}

/// How often a hold was let go that its SKU had not heard of.
fn count_burnt(world: &World, decided: &Decided) {
    let Facts::Sku(facts) = &decided.facts else { return };
    let burnt = facts.iter().filter(|fact| match fact {
        SkuFact::StoneLaid(stone) => stone.ending == Ending::Burnt,
        _ => false,
    });
    burnt.for_each(|_| world.count("burnt: a hold that is asked for later"));
}

/// What moved on a shelf, and when.
type Moved = BTreeMap<(EntityKey, LocationId), Vec<(Timestamp, i64)>>;

/// The journal up to a decision.
#[derive(Default)]
struct Walk {
    published: BTreeMap<(u64, Timestamp), Bytes>,
    now: Folded,
    /// How far each partition had read each source.
    read: BTreeMap<Partition, [Cursor; 5]>,
    quarantined: BTreeSet<EntityKey>,
    /// When the log took the last event that was decided.
    last: BTreeMap<(EntityKey, Lane), Timestamp>,
    moved: Moved,
    /// What was published under an id, where it was decided first.
    first: BTreeMap<(EntityKey, EventKey), Bytes>,
    /// Holds that their SKU said it let go of.
    gone: BTreeSet<(EntityKey, HoldName)>,
    /// Of which their orders want nothing any more.
    unwanted: BTreeSet<(EntityKey, HoldName)>,
    found: Vec<(Oracle, String)>,
}

impl Walk {
    /// A record that goes back in a source, or on in another log, says that something was lost.
    fn goes_on(&mut self, sequence: u64, record: &Record) {
        let now = record.header.cursors;
        let before = self.read.insert(record.header.partition, now).unwrap_or_default();
        for source in Source::ALL {
            let (before, now) = (before[source.index()], now[source.index()]);
            let is_known = before.created != Timestamp::default();
            let is_new = is_known && before.created != now.created;
            let is_said = record.entries.iter().any(|entry| match entry {
                Entry::Lost { source: of, .. } => *of == source,
                Entry::Reseeded { .. } => true,
                _ => false,
            });
            if (is_new || now.sequence < before.sequence) && !is_said {
                let what = format!("record {sequence}: {source:?} goes from {before:?} to {now:?}");
                self.found.push((Oracle::Chain, what));
            }
        }
    }

    fn decided(&mut self, sequence: u64, record: &Record, decided: &Decided) {
        let entity = &decided.entity;
        let mut found = Vec::new();
        if self.quarantined.contains(entity) {
            found.push((Oracle::Quarantine, "it is quarantined, and decides".to_owned()));
        }
        found.extend(self.is_in_order(decided));
        found.extend(self.is_the_first_answer(decided));
        found.extend(is_reached(record, decided));
        let before = self.now.skus.get(entity);
        if let (Facts::Sku(facts), Some(sku)) = (&decided.facts, before) {
            let over = deadlines(sku, decided, facts).into_iter();
            found.extend(over.map(|what| (Oracle::Deadline, what)));
            let again = moved_again(sku, facts).into_iter();
            found.extend(again.map(|what| (Oracle::Once, what)));
        }
        let promised_before = before.map(Promised::of).unwrap_or_default();
        for command in &decided.commands {
            if let CommandBody::Ask(SkuCommand::Release { hold, keep: 0 }) = &command.body {
                self.unwanted.insert((command.to.clone(), hold.clone()));
            }
        }
        // What cannot be applied was found out by the fold.
        let applied = decided.facts.is_empty() || apply(&mut self.now, decided, record).is_ok();
        let after = self.now.skus.get(entity).filter(|_| applied);
        if let (Facts::Sku(facts), Some(after)) = (&decided.facts, after) {
            found.extend(promised_before.is_oversold(after));
            found.extend(self.is_as_counted(decided, facts));
            found.extend(self.is_promised_again(decided, facts));
            self.note_moved(entity, facts);
        }
        let whose = |(oracle, what)| (oracle, format!("record {sequence}: {entity}: {what}"));
        self.found.extend(found.into_iter().map(whose));
    }

    /// Of one entity and lane, what the log took first is decided first.
    fn is_in_order(&mut self, decided: &Decided) -> Option<(Oracle, String)> {
        let Trigger::Event(cause) = &decided.trigger else { return None };
        let last = self.last.entry((decided.entity.clone(), cause.lane)).or_default();
        let (before, at) = (*last, cause.logged_at);
        *last = before.max(at);
        (at < before).then(|| {
            let late = before.0 - at.0;
            (Oracle::Order, format!("event {} comes {late} µs after a later one", cause.sequence))
        })
    }

    /// What says the same under the same id as what was decided is no other event.
    fn is_the_first_answer(&mut self, decided: &Decided) -> Option<(Oracle, String)> {
        let cause = decided.trigger.cause()?;
        let payload = self.published.get(&(cause.sequence, cause.logged_at))?;
        let id = (decided.entity.clone(), cause.key);
        let first = self.first.get(&id);
        let conflict = decided.verdict.refused() == Some(Reason::IdConflict);
        let wrong = conflict && first == Some(payload);
        if first.is_none() && is_final(decided) {
            self.first.insert(id, payload.clone());
        }
        let told = || format!("event {} is refused as another of its id", cause.sequence);
        wrong.then(|| (Oracle::Repeat, told()))
    }

    /// Where the shelf was counted, there lies what was counted and what has come since.
    fn is_as_counted(&self, decided: &Decided, facts: &[SkuFact]) -> Vec<(Oracle, String)> {
        let Some(quantity) = decided.trigger.cause().and_then(|cause| self.quantity_of(cause))
        else {
            return Vec::new();
        };
        let counted = facts.iter().filter_map(|fact| match fact {
            SkuFact::Counted { location, kind: CountKind::OnHand, as_of } => {
                Some((location, *as_of))
            }
            _ => None,
        });
        let wrong = counted.filter_map(|(location, as_of)| {
            let moved = self.moved.get(&(decided.entity.clone(), location.clone()));
            let later = moved.into_iter().flatten().filter(|(at, _)| *at > as_of);
            let since: i64 = later.map(|(_, units)| units).sum();
            let there = self.now.skus[&decided.entity].stock(location).net_on_hand();
            (there != quantity + since).then(|| {
                format!("{quantity} counted at {location}, {since} since, and {there} are there")
            })
        });
        wrong.map(|what| (Oracle::Count, what)).collect()
    }

    /// Once an order was told that a hold is let go, it is not opened, unless its goods came back.
    fn is_promised_again(&mut self, decided: &Decided, facts: &[SkuFact]) -> Vec<(Oracle, String)> {
        let of = |name: &HoldName| (decided.entity.clone(), name.clone());
        let opened = facts.iter().filter_map(|fact| match fact {
            SkuFact::HoldOpened(hold) if !hold.shipments.contains(&CAME_BACK) => Some(&hold.name),
            _ => None,
        });
        let again = opened.filter(|name| self.gone.contains(&of(name)));
        let again: Vec<_> =
            again.map(|name| (Oracle::Gone, format!("{name} is promised again"))).collect();
        for command in &decided.commands {
            // A hold that has expired keeps nothing, also of what its order still wants.
            if let CommandBody::Answer(SkuAnswer::Released { hold, keep: 0 }) = &command.body
                && self.unwanted.contains(&of(hold))
            {
                self.gone.insert(of(hold));
            }
        }
        again
    }

    fn quantity_of(&self, cause: &Cause) -> Option<i64> {
        let event: serde_json::Value =
            serde_json::from_slice(self.published.get(&(cause.sequence, cause.logged_at))?).ok()?;
        event["data"]["quantity"].as_i64()
    }

    fn note_moved(&mut self, entity: &EntityKey, facts: &[SkuFact]) {
        for fact in facts {
            if let SkuFact::Moved { location, time, movement, .. } = fact {
                let shelf = (entity.clone(), location.clone());
                self.moved.entry(shelf).or_default().push((*time, movement.on_hand));
            }
        }
    }
}

/// A timer acts on what the logs had been read past when its record was written.
fn is_reached(record: &Record, decided: &Decided) -> Option<(Oracle, String)> {
    let Trigger::Deadline { clock, reached } = &decided.trigger else { return None };
    let at = |source: Source| record.header.cursors[source.index()].at;
    let read = match clock {
        DueClock::Settled => at(Source::Commands).min(at(Source::Lane(Lane::Settlement))),
        DueClock::Demand => at(Source::Lane(Lane::Demand)),
    };
    // In the record in which a log turns out to be another, nothing is read of the new one yet, and
    // the deadlines in it go by the old one.
    let lost = record.entries.iter().any(|entry| matches!(entry, Entry::Lost { .. }));
    let ahead = reached.0 - read.0;
    (ahead > 0 && !(lost && read == Timestamp::default()))
        .then(|| (Oracle::Deadline, format!("a timer is {ahead} µs ahead of the log")))
}

/// What a publisher does to a hold, it does before its deadline; and none expires before.
fn deadlines(sku: &SkuState, decided: &Decided, facts: &[SkuFact]) -> Vec<String> {
    let (at, by_event) = match (&decided.trigger, decided.trigger.cause()) {
        (Trigger::Deadline { reached, .. }, _) => (*reached, false),
        (_, Some(cause)) => (cause.logged_at, true),
        // What an order says of its hold counts whenever it comes.
        (_, None) => return Vec::new(),
    };
    let deadline_of = |promise: &PromiseNo| match sku.book().hold(*promise)?.state {
        HoldState::Held { expires_at } => Some(expires_at),
        HoldState::Committed => None,
    };
    let wrong = facts.iter().filter_map(|fact| {
        let (promise, expires) = match fact {
            SkuFact::HoldEnded { promise, ending: Ending::Expired, .. } => (promise, true),
            SkuFact::HoldEnded { promise, ending: Ending::Released, .. }
            | SkuFact::HoldExtended { promise, .. }
            | SkuFact::HoldTransferred { promise, .. }
            | SkuFact::HoldCommitted { promise }
                if by_event =>
            {
                (promise, false)
            }
            _ => return None,
        };
        let expires_at = deadline_of(promise)?;
        let over = expires_at < at;
        (over != expires).then(|| {
            let after = at.0 - expires_at.0;
            format!("{fact:?}, {after} µs after the deadline")
        })
    });
    wrong.collect()
}

/// Goods of an order that moved are believed once, whatever has become of their hold.
fn moved_again(sku: &SkuState, facts: &[SkuFact]) -> Vec<String> {
    let shipments = |promise| {
        let hold = sku.book().hold(promise).map(|hold| &hold.shipments);
        hold.or_else(|| Some(&sku.book().stone(promise)?.shipments))
    };
    let again = facts.iter().filter(|fact| match fact {
        SkuFact::ShipmentSeen { promise, shipment } => {
            *shipment != CAME_BACK && shipments(*promise).is_some_and(|all| all.contains(shipment))
        }
        SkuFact::StoneLaid(laid) => match sku.find(&laid.name) {
            Known::Ended(stone) => {
                !laid.shipments.is_empty()
                    && (&stone.shipments, &stone.ending) == (&laid.shipments, &laid.ending)
            }
            Known::Open(_) | Known::Unknown => false,
        },
        _ => false,
    });
    again.map(|fact| format!("it was seen before: {fact:?}")).collect()
}

/// What was promised beyond stock.
#[derive(Default)]
struct Promised {
    limit: u64,
    at: LiteMap<LocationId, Box<Stock>>,
}

impl Promised {
    fn of(sku: &SkuState) -> Promised {
        let limit = u64::from(sku.settings().backorder_limit);
        Promised { limit, at: sku.locations().clone() }
    }

    /// Nothing more is promised beyond stock where the limit is reached.
    fn is_oversold(&self, after: &SkuState) -> Vec<(Oracle, String)> {
        let limit = self.limit.max(u64::from(after.settings().backorder_limit));
        let stocks = after.locations().iter().map(|(location, stock)| (location, **stock));
        let more = stocks.filter(|(location, stock)| {
            let had = self.at.get(*location).map(|stock| **stock).unwrap_or_default();
            let room = had.backorder_room(limit) + had.backordered;
            stock.backordered > had.backordered && stock.backordered > room
        });
        let told = more.map(|(location, Stock { backordered, .. })| {
            format!("{backordered} backordered at {location} of {limit}")
        });
        told.map(|what| (Oracle::Oversold, what)).collect()
    }
}
