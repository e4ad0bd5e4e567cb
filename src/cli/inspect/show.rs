//! An entity's state and history, for people.

use std::collections::VecDeque;

use super::history::Item;
use crate::{
    cli::print,
    domain::{
        ids::EntityKey,
        order::OrderState,
        sku::{SkuState, hold::HoldState},
        time::Timestamp,
    },
    inspecting::Found,
    partition::fold::State,
    ports::Partition,
};

/// Writes what was found.
pub fn tell(key: &EntityKey, partition: Partition, found: &Found, history: &VecDeque<Item>) {
    print::line(format!("{key}, partition {partition}"));
    if let Some(why) = &found.quarantined {
        print::line(format!("QUARANTINED, it decides no more: {why}"));
    }
    match &found.state {
        State::Sku(sku) => tell_sku(sku),
        State::Order(order) => tell_order(order),
    }
    let shown = history.len();
    print::line(format!("\nHistory, {shown} of {} entries:", found.entries));
    let mut table = print::table(&["record", "decided at", "cause", "verdict", "facts"]);
    for item in history {
        table.add_row(row(item));
    }
    print::line(table);
}

fn row(item: &Item) -> [String; 5] {
    let mut verdict = item.verdict.clone();
    item.reason.iter().for_each(|reason| verdict.push_str(&format!(": {reason}")));
    if item.repeated {
        verdict.push_str(" (repeated)");
    }
    let mut facts = item.facts_in_brief();
    facts.extend(item.outcomes.iter().map(|kind| format!("-> {kind}")));
    if item.commands > 0 {
        facts.push(format!("-> {} commands", item.commands));
    }
    [item.sequence.to_string(), item.at.clone(), item.cause.brief(), verdict, facts.join("\n")]
}

fn tell_sku(sku: &SkuState) {
    let settings = sku.settings();
    print::line(format!(
        "revision {}, sellable {}, retired {}, safety stock {}, backorder limit {}",
        sku.head().revision,
        settings.sellable,
        settings.retired,
        settings.safety_stock,
        settings.backorder_limit
    ));
    let mut table = print::table(&[
        "location",
        "on hand",
        "available",
        "held",
        "allocated",
        "unavailable",
        "short",
        "backordered",
        "overdrawn",
    ]);
    let locations = sku.locations().keys().map(Some);
    for location in locations.chain([None]) {
        let q = sku.quantities(location);
        let numbers = [
            q.on_hand,
            q.available,
            q.held,
            q.allocated,
            q.unavailable,
            q.short,
            q.backordered,
            q.overdrawn,
        ];
        let name = location.map_or_else(|| "all".to_owned(), ToString::to_string);
        table.add_row([name].into_iter().chain(numbers.map(|n| n.to_string())));
    }
    print::line(table);
    tell_holds(sku);
}

/// Open holds that are listed for people.
const HOLDS_SHOWN: usize = 100;

fn tell_holds(sku: &SkuState) {
    let open = sku.book().holds().count();
    print::line(format!("\nOpen holds, {} of {open}:", open.min(HOLDS_SHOWN)));
    if open == 0 {
        return;
    }
    let mut table = print::table(&["hold", "owner", "location", "units", "short", "until"]);
    for hold in sku.book().holds().take(HOLDS_SHOWN) {
        table.add_row([
            hold.name.to_string(),
            hold.owner.to_string(),
            hold.location.to_string(),
            hold.units.total().to_string(),
            hold.units.short.to_string(),
            match hold.state {
                HoldState::Held { expires_at } => print::at(expires_at),
                HoldState::Committed => "committed".to_owned(),
            },
        ]);
    }
    print::line(table);
}

fn tell_order(state: &OrderState) {
    let Some(order) = state.order() else {
        print::line(format!("not placed; {} events wait for it", state.parked().len()));
        return;
    };
    let status = serde_json::to_value(order.status()).unwrap_or_default();
    let due = |at: Timestamp| print::at(at);
    print::line(format!(
        "status {}, placed {}, payment due {}",
        status.as_str().unwrap_or("-"),
        due(order.terms.placed_at),
        due(order.terms.payment_due_at)
    ));
    let mut table = print::table(&["line", "sku", "where its units stand"]);
    for line in &order.lines {
        let units = serde_json::to_value(line.units).unwrap_or_default();
        let stand: Vec<String> = units
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(_, units)| units.as_u64() != Some(0))
            .map(|(place, units)| format!("{units} {place}"))
            .collect();
        let sku = order.legs.get(line.leg as usize).map(|leg| leg.sku.to_string());
        table.add_row([line.name.to_string(), sku.unwrap_or_default(), stand.join(", ")]);
    }
    print::line(table);
    for (name, payment) in &order.payments {
        let captured = payment.captured;
        let (currency, due) = (&payment.currency, payment.refund_due);
        print::line(format!(
            "payment {name}: {captured} {currency} captured, {due} due back (minor units)"
        ));
    }
    for (name, fulfilment) in &order.fulfilments {
        let stage = serde_json::to_value(fulfilment.stage).unwrap_or_default();
        print::line(format!("fulfilment {name}: {}", stage.as_str().unwrap_or("-")));
    }
}
