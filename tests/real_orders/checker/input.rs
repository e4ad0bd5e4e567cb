//! What was published: the events of EARMARK_IN, each once, and how many messages there were.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::{Place, Report};
use crate::streams::Stored;

/// An event's `source` and `id`.
pub type Id = (String, String);

/// An event.
#[derive(Clone, Debug, Deserialize)]
pub struct Event {
    source: String,
    id: String,
    /// Its type.
    pub r#type: String,
    /// Whose it is.
    pub subject: String,
    data: Value,
}

/// What was published.
#[derive(Debug, Default)]
pub struct Input {
    /// Each event once.
    pub events: BTreeMap<Id, Event>,
    /// How many messages are events.
    pub messages: u64,
    lines: BTreeMap<(String, String), (Place, u64)>,
}

impl Input {
    /// Reads the stream. What is no event is no one's to decide.
    pub fn read(stream: &[Stored], report: &mut Report) -> Input {
        let mut input = Input::default();
        for stored in stream {
            match serde_json::from_slice::<Event>(&stored.payload) {
                Ok(event) => {
                    input.messages += 1;
                    input.events.insert((event.source.clone(), event.id.clone()), event);
                }
                Err(_) => report.count("messages that are no events", 1),
            }
        }
        input.lines = input.of("order.placed.v1").flat_map(lines_of).collect();
        report.count("events published", input.events.len() as u64);
        report.count("messages published", input.messages);
        input
    }

    /// The events of a type.
    pub fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Event> + 'a {
        self.events.values().filter(move |event| event.r#type == kind)
    }

    /// How many messages repeat an event.
    pub fn repeats(&self) -> u64 {
        self.messages - self.events.len() as u64
    }

    /// Units received at each place.
    pub fn received(&self) -> BTreeMap<Place, u64> {
        sum(self.of("stock.received.v1").map(|event| {
            let place = (event.subject.clone(), text(&event.data, "location"));
            (place, units(&event.data))
        }))
    }

    /// Units ordered at each place, by order.
    pub fn ordered(&self) -> BTreeMap<(String, Place), u64> {
        sum(self
            .lines
            .iter()
            .map(|((order, _), (place, units))| ((order.clone(), place.clone()), *units)))
    }

    /// Units that left, by order and the place of its lines.
    pub fn shipped(&self) -> BTreeMap<(String, Place), u64> {
        sum(self.of("fulfilment.shipped.v1").flat_map(|event| {
            list(&event.data, "lines").iter().filter_map(|line| {
                let key = (event.subject.clone(), text(line, "line"));
                let (place, _) = self.lines.get(&key)?;
                Some(((event.subject.clone(), place.clone()), units(line)))
            })
        }))
    }

    /// The place of an order's line.
    pub fn place_of(&self, order: &str, line: &str) -> Option<&Place> {
        self.lines.get(&(order.to_owned(), line.to_owned())).map(|(place, _)| place)
    }

    /// Money taken for an order, in minor units.
    pub fn captured(&self) -> BTreeMap<String, u64> {
        sum(self.of("payment.captured.v1").map(|event| {
            let amount = event.data.get("amount_minor").and_then(Value::as_u64);
            (event.subject.clone(), amount.unwrap_or_default())
        }))
    }

    /// The orders that have an event of one of these types.
    pub fn orders_with(&self, kinds: &[&str]) -> std::collections::BTreeSet<&str> {
        let events = self.events.values().filter(|event| kinds.contains(&event.r#type.as_str()));
        events.map(|event| event.subject.as_str()).collect()
    }
}

/// The sums of what has the same key.
pub fn sum<K: Ord>(items: impl Iterator<Item = (K, u64)>) -> BTreeMap<K, u64> {
    let mut sums = BTreeMap::new();
    for (key, units) in items {
        *sums.entry(key).or_default() += units;
    }
    sums
}

/// A line's name within its order, where its stock lies, and its units.
type Line = ((String, String), (Place, u64));

fn lines_of(event: &Event) -> Vec<Line> {
    let line = |line: &Value| {
        let place = (text(line, "sku"), text(line, "location"));
        ((event.subject.clone(), text(line, "line")), (place, units(line)))
    };
    list(&event.data, "lines").iter().map(line).collect()
}

fn list<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value.get(field).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: &Value, field: &str) -> String {
    value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn units(value: &Value) -> u64 {
    value.get("quantity").and_then(Value::as_u64).unwrap_or_default()
}
