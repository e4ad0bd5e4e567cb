//! What the converter makes follows the contract, keeps order, and is the same each time.

use std::{collections::BTreeSet, path::PathBuf};

use earmark::contract::{AnyEvent, Limits, decode};
use earmark::domain::event::{OrderEvent, SkuEvent};

use super::*;

fn conversion(received: &str, percent: f64) -> Conversion {
    let options = Options {
        policy: orders::Policy::Partial,
        received: received.parse().expect("a specification"),
        twice: Twice { percent, seed: 1 },
        now: NOW,
    };
    Conversion::new(&csv(), options).expect("the sample can be read")
}

const NOW: Timestamp = Timestamp(1_770_000_000_000_000);
const DAY: i64 = 24 * 3_600 * 1_000_000;

fn csv() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/retail_orders.csv"))
}

/// Every order confirmed, with all that it asked for.
fn all_granted() -> shipments::Granted {
    let mut granted = shipments::Granted::default();
    for order in retail::read(&csv()).expect("the sample can be read") {
        let lines = order.lines.iter().map(|line| {
            let (name, quantity, location) = (&line.name, line.quantity, &line.location);
            serde_json::json!({"line": name, "quantity": quantity, "location": location})
        });
        let lines: Vec<_> = lines.collect();
        for (kind, lines) in [("order.reserved.v1", lines), ("order.confirmed.v1", vec![])] {
            let outcome = serde_json::json!({
                "type": kind, "subject": order.id, "data": {"lines": lines},
            });
            granted.note(outcome.to_string().as_bytes()).expect("an outcome");
        }
    }
    granted
}

/// Each event as the contract reads it; in order of time, within the last twelve hours.
fn decoded(events: &[Event]) -> Vec<AnyEvent> {
    let limits = Limits::default();
    let mut last = NOW - earmark::domain::time::Span(DAY / 2);
    let mut decoded = Vec::new();
    for event in events {
        let read = decode(event.json.as_bytes(), &limits).expect(&event.json);
        assert_eq!((read.id.as_str(), read.time), (event.id.as_str(), event.at));
        assert_eq!(read.unknown_fields, Vec::<String>::new());
        assert!(last <= read.time && read.time <= NOW, "{} is out of its time", event.id);
        last = read.time;
        decoded.push(read.event);
    }
    decoded
}

fn received(events: &[AnyEvent]) -> u64 {
    let units = events.iter().map(|event| match event {
        AnyEvent::Sku(SkuEvent::StockReceived(received)) => u64::from(received.quantity),
        other => panic!("{other:?} is no receipt"),
    });
    units.sum()
}

#[test]
fn the_file_is_what_its_readme_says() {
    let orders = retail::read(&csv()).expect("the sample can be read");
    let lines = || orders.iter().flat_map(|order| &order.lines);
    assert_eq!(orders.len(), 5_009);
    assert_eq!(lines().count(), 9_994);
    assert_eq!(lines().map(|line| u64::from(line.quantity)).sum::<u64>(), 37_873);
    assert_eq!(lines().map(|line| &line.sku).collect::<BTreeSet<_>>().len(), 1_862);
    assert_eq!(retail::demand(&orders).len(), 5_298);
}

#[test]
fn stock_is_the_demand_or_a_part_of_it() {
    let all = decoded(&conversion("100", 0.0).stock().first);
    assert_eq!((all.len(), received(&all)), (5_298, 37_873));
    let less = received(&decoded(&conversion("80:5", 0.0).stock().first));
    assert!((35_000..37_000).contains(&less), "{less} units");
    assert!("80:0".parse::<Received>().is_err() && "many".parse::<Received>().is_err());
}

#[test]
fn each_order_is_placed_paid_and_shipped_in_this_order() {
    let conversion = conversion("100", 0.0);
    let orders = conversion.orders().first;
    let placed = |event: &&AnyEvent| matches!(event, AnyEvent::Order(OrderEvent::Placed(_)));
    assert_eq!(decoded(&orders).iter().filter(placed).count(), 5_009);
    let shipments = conversion.shipments(&all_granted()).first;
    let shipped = decoded(&shipments).len();
    let late = retail::read(&csv()).expect("the sample can be read");
    let late = late.iter().filter(|order| !conversion.calendar.has_come(order.shipped_on)).count();
    assert!(late > 0 && shipped + late == 5_009, "{shipped} shipped, {late} later");
    let at = |id: String| {
        let mut all = orders.iter().chain(&shipments);
        all.find(|event| event.id == id).expect(&id).at
    };
    let [placed, captured, shipped] =
        ["placed", "captured", "shipped/central"].map(|what| at(format!("CA-2014-103800/{what}")));
    assert!(placed < captured && captured < shipped);
}

#[test]
fn what_was_not_granted_does_not_ship() {
    let nothing = shipments::Granted::default();
    assert_eq!(conversion("100", 0.0).shipments(&nothing).first, vec![]);
}

#[test]
fn so_many_of_a_hundred_are_sent_twice_half_of_them_later() {
    let once = conversion("100", 0.0).orders();
    let twice = conversion("100", 3.0).orders();
    let (at_once, later) = (twice.first.len() - once.first.len(), twice.again.len());
    assert_eq!(once.again, vec![]);
    assert!(at_once.abs_diff(later) <= 1, "{at_once} at once, {later} later");
    let percent = (at_once + later) as f64 / once.first.len() as f64 * 100.0;
    assert!((2.5..3.5).contains(&percent), "{percent} %");
    let ids: BTreeSet<_> = twice.first.iter().map(|event| &event.id).collect();
    assert_eq!(ids.len(), once.first.len());
}

#[test]
fn the_same_options_give_the_same_bytes() {
    let [one, other] = [(); 2].map(|()| conversion("80:5", 3.0));
    assert_eq!(one.stock(), other.stock());
    assert_eq!(one.orders(), other.orders());
}
