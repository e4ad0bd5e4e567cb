//! What must hold between entities once everything has come to rest: nobody waits for anybody, and
//! an order and its SKUs tell the same story of every hold.

use std::collections::{BTreeMap, BTreeSet};

use earmark::{
    contract::partition_of,
    domain::{
        decision::{Standing, Verdict},
        ids::{EntityKey, EventKey, HoldName, OrderId, Owner},
        order::{
            OrderState,
            saga::{Hold as Known, Leg},
            state::Order,
        },
        sku::{SkuState, hold::HoldState},
        time::Timestamp,
    },
    partition::entry::Entry,
    ports::Partition,
};

use super::{checks::Folded, oracles::Oracle, world::World};

/// Deadlines have been acted upon so long before the end of the rest, in microseconds.
const OVERDUE: i64 = 10_000_000;

/// Nothing waits, nothing is overdue, and no unit is held that nobody wants.
pub fn nothing_is_open_without_reason(world: &World, folded: &Folded, partitions: Partition) {
    let rest = Rest::of(world, folded, partitions);
    let mut found = Vec::new();
    for (key, state) in &folded.orders {
        if rest.is_at_rest(key) {
            rest.look_at_order(key, state, &mut found);
        }
    }
    for (key, state) in &folded.skus {
        if rest.is_at_rest(key) {
            rest.look_at_sku(key, state, &mut found);
        }
    }
    found.into_iter().take(10).for_each(|what| world.violation(Oracle::Rest, what));
}

/// What excuses an entity: its partition stands still, or it decides no more.
struct Rest<'a> {
    folded: &'a Folded,
    partitions: Partition,
    still: BTreeSet<Partition>,
    quarantined: BTreeSet<&'a EntityKey>,
    overdue: Timestamp,
}

impl<'a> Rest<'a> {
    fn of(world: &World, folded: &'a Folded, partitions: Partition) -> Rest<'a> {
        let overdue = Timestamp(world.now().0 - OVERDUE);
        let still = world.lock().cut.keys().copied().collect();
        let quarantined = folded.partitions.values().flat_map(|state| state.quarantined.keys());
        Rest { folded, partitions, still, quarantined: quarantined.collect(), overdue }
    }

    fn is_at_rest(&self, key: &EntityKey) -> bool {
        !self.quarantined.contains(key) && !self.still.contains(&partition_of(key, self.partitions))
    }

    fn look_at_order(&self, key: &EntityKey, state: &OrderState, found: &mut Vec<String>) {
        if !state.parked().is_empty() {
            found.push(format!("{key}: {} events are parked", state.parked().len()));
        }
        let Some(order) = state.order() else { return };
        for leg in &order.legs {
            let sku = EntityKey::Sku(leg.sku.clone());
            if !self.is_at_rest(&sku) {
                return;
            }
            if let Some(sent) = &leg.sent {
                found.push(format!("{key}: {sku} has not answered {sent:?}"));
            }
            let held = self.held_by(&sku, &leg.hold_name(state.id()));
            if held != wanted_of(leg) {
                found.push(format!("{key}: {:?} of {sku}, which holds {held:?}", leg.hold));
            }
        }
        if let Some(why) = self.overdue(order) {
            found.push(format!("{key}: {why}"));
        }
    }

    /// Units that a SKU holds under a name, and whether for good.
    fn held_by(&self, sku: &EntityKey, name: &HoldName) -> Option<(u32, bool)> {
        let state = self.folded.skus.get(sku)?;
        let hold = state.book().holds().find(|hold| hold.name == *name)?;
        Some((hold.quantity(), hold.is_committed()))
    }

    fn overdue(&self, order: &Order) -> Option<&'static str> {
        match () {
            () if order.is_awaiting() => Some("units wait for an answer"),
            () if order.payment_due().is_some_and(|at| at < self.overdue) => {
                Some("is unpaid after its deadline")
            }
            () if order.closing_due().is_some_and(|at| at < self.overdue) => {
                Some("should be closed")
            }
            () => None,
        }
    }

    fn look_at_sku(&self, key: &EntityKey, state: &SkuState, found: &mut Vec<String>) {
        if !state.parking().is_empty() {
            found.push(format!("{key}: {} events are parked", state.parking().len()));
        }
        for hold in state.book().holds() {
            if let HoldState::Held { expires_at } = hold.state
                && expires_at < self.overdue
            {
                found.push(format!("{key}: {} has outlived its deadline", hold.name));
            }
            if let Owner::Order(order) = &hold.owner
                && !self.is_wanted(order, &hold.name)
            {
                found.push(format!("{key}: nobody wants {}", hold.name));
            }
        }
    }

    /// Whether an order knows of a hold, or cannot be asked.
    fn is_wanted(&self, order: &OrderId, name: &HoldName) -> bool {
        let key = EntityKey::Order(order.clone());
        let order_of = self.folded.orders.get(&key).and_then(OrderState::order);
        let wants = |placed: &Order| {
            let mut legs = placed.legs.iter();
            legs.any(|leg| leg.hold_name(order) == *name && wanted_of(leg).is_some())
        };
        !self.is_at_rest(&key) || order_of.is_some_and(wants)
    }
}

/// What the order believes to hold: units, and whether for good.
fn wanted_of(leg: &Leg) -> Option<(u32, bool)> {
    match &leg.hold {
        Known::Granted(grant) => Some((grant.quantity, false)),
        Known::Allocated(grant) => Some((grant.quantity, true)),
        Known::Asked | Known::Lapsed(_) | Known::Refused(_) | Known::Released => None,
    }
    .filter(|(units, _)| *units > 0)
}

/// A repeated event gets what its first coming got.
pub fn repeats_are_answered_as_the_first_time(world: &World, folded: &Folded) {
    let mut first: BTreeMap<(&EntityKey, EventKey), Vec<&Verdict>> = BTreeMap::new();
    let mut repeats = Vec::new();
    let entries = folded
        .records
        .iter()
        .flat_map(|(sequence, record)| record.entries.iter().map(move |entry| (*sequence, entry)));
    for (sequence, entry) in entries {
        let Entry::Decided(decided) = entry else { continue };
        let Some(cause) = decided.trigger.cause() else { continue };
        let of = (&decided.entity, cause.key);
        match decided.standing {
            Standing::New => first.entry(of).or_default().push(&decided.verdict),
            Standing::Repeated => repeats.push((sequence, of, &decided.verdict)),
        }
    }
    for (sequence, of, verdict) in repeats {
        if !first.get(&of).is_some_and(|first| first.contains(&verdict)) {
            let (entity, _) = of;
            world.violation(
                Oracle::Repeat,
                format!(
                    "record {sequence}: {entity} repeats {verdict:?}, and first said {:?}",
                    first.get(&of)
                ),
            );
        }
    }
}
