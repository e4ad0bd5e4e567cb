//! What the entities of a partition come to.
//!
//! What is kept of them afterwards does not grow with what they remember: their units, what is
//! still promised to orders, and their text where the hash is wanted.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Audit, findings::Kind, folding::Folded};
use crate::{
    contract::time,
    domain::{
        Breach, Entity,
        invariant::conservation,
        order::{OrderState, saga::Leg},
        sku::{SkuState, hold::Hold},
    },
    partition::fold::State,
};

const NOT_CONSERVED: (Kind, &str) = (Kind::Lost, "units are not conserved");
const ORDER_NOT_CONSERVED: (Kind, &str) = (Kind::Lost, "an order's units are not conserved");
const NEVER_ANSWERED: (Kind, &str) = (Kind::Stuck, "an order waits for a SKU");
const PAST_ITS_END: (Kind, &str) = (Kind::Stuck, "a hold is past its deadline");

impl Audit<'_> {
    /// Looks at every entity of a partition.
    pub(super) fn sum_up(&mut self, folded: &Folded) {
        for (key, state) in &folded.entities {
            match state {
                State::Sku(sku) => self.sku(sku, folded.forgotten > 0),
                State::Order(order) => self.order(order),
            }
            if self.scope.with_state {
                self.told.insert(key.clone(), told(state).to_string());
            }
        }
    }

    fn sku(&mut self, sku: &SkuState, forgotten: bool) {
        let breaches = breaches(sku);
        self.counts.skus_checked += u64::from(breaches.is_empty());
        for breach in breaches {
            self.note(NOT_CONSERVED, 0, format!("sku {}: {breach}", sku.sku()));
        }
        self.accounts.stands(sku.sku(), sku.quantities(None), forgotten);
        self.agreement.sku(sku);
        let over_before = self.scope.at - self.scope.margin;
        for hold in sku.book().holds().filter(|hold| hold.is_over_at(over_before)) {
            self.note(PAST_ITS_END, 0, past_its_end(sku, hold));
        }
    }

    fn order(&mut self, order: &OrderState) {
        let placed = order.order();
        if let Some(hot) = placed {
            self.agreement.order(order.id(), hot);
            let waits = |leg: &&Leg| leg.sent.is_some() || !leg.unanswered.is_empty();
            for leg in hot.legs.iter().filter(waits) {
                let text = format!("order {} for the answer of sku {}", order.id(), leg.sku);
                self.note(NEVER_ANSWERED, 0, text);
            }
            if let Err(breach) = order.audit() {
                let text = format!("order {}: {breach}", order.id());
                self.note(ORDER_NOT_CONSERVED, 0, text);
            }
        }
        let at_rest = || order.stone().map(|stone| &*stone.order);
        if let Some(known) = placed.or_else(at_rest) {
            self.refusals.of_order(order.id(), known, &mut self.notes);
        }
        if let Some(status) = order.status() {
            let status = json!(status);
            let status = status.as_str().unwrap_or("-").to_owned();
            *self.counts.orders.entry(status).or_default() += 1;
        }
    }
}

fn breaches(sku: &SkuState) -> Vec<Breach> {
    let locations = sku.locations().keys();
    let sums = locations.map(|location| conservation(&sku.quantities(Some(location))));
    sums.chain([sku.audit()]).filter_map(Result::err).collect()
}

fn past_its_end(sku: &SkuState, hold: &Hold) -> String {
    let (sku, units) = (sku.sku(), hold.units.total());
    let until = hold.expires_at().map(time::format).unwrap_or_default();
    format!("sku {sku}: hold {} of {}, {units} units until {until}", hold.name, hold.owner)
}

/// An entity as the hash has it.
fn told(state: &State) -> Value {
    match state {
        State::Sku(sku) => told_sku(sku),
        State::Order(order) => match order.order() {
            None => json!(order.parked().len()),
            Some(placed) => {
                json!([placed.status(), placed.lines, placed.payments, placed.fulfilments])
            }
        },
    }
}

fn told_sku(sku: &SkuState) -> Value {
    let by_location = sku.locations().keys().map(|at| (at.to_string(), sku.quantities(Some(at))));
    let holds = sku.book().holds().map(|hold| {
        let told = json!([hold.owner.to_string(), hold.units, hold.expires_at()]);
        (hold.name.to_string(), told)
    });
    json!([by_location.collect::<BTreeMap<_, _>>(), holds.collect::<BTreeMap<_, _>>()])
}
