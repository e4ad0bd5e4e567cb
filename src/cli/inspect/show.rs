//! An entity's state and history, for people.

use std::collections::VecDeque;

use super::history::Item;
use crate::{
    cli::print,
    domain::{
        described::Described,
        ids::EntityKey,
        order::{OrderState, lines::Place},
        sku::{SkuState, hold::HoldState},
    },
    inspecting::{
        Found,
        view::{self, PaymentView},
    },
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
    if let Some(archive) = &found.archive {
        print::line(format!(
            "what was before is in the archive {archive}, and its history trimmed"
        ));
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
    let Some(order) = view::order(state) else {
        print::line(format!("not placed; {} events wait for it", state.parked().len()));
        return;
    };
    let at_rest = if state.stone().is_some() { ", at rest" } else { "" };
    print::line(format!(
        "status {}{at_rest}, {}, placed {}, payment due {}",
        order.status.name(),
        order.payment,
        order.placed_at,
        order.payment_due_at
    ));
    let mut table = print::table(&["line", "sku", "where its units stand"]);
    for line in &order.lines {
        let stand: Vec<String> = Place::ALL
            .iter()
            .filter(|place| line.units.at(**place) > 0)
            .map(|place| format!("{} {}", line.units.at(*place), place.name()))
            .collect();
        table.add_row([line.line.to_string(), line.sku.to_string(), stand.join(", ")]);
    }
    print::line(table);
    for PaymentView { payment, amounts } in &order.payments {
        let (captured, due) = (amounts.captured, amounts.refund_due);
        let currency = &amounts.currency;
        print::line(format!(
            "payment {payment}: {captured} {currency} captured, {due} due back (minor units)"
        ));
    }
    for of in &order.fulfilments {
        print::line(format!("fulfilment {}: {}", of.fulfilment, of.stage.name()));
    }
    for of in &order.returns {
        print::line(format!("return {}: {}", of.r#return, of.stage.name()));
    }
}
