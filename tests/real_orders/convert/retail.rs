//! The rows of the CSV file, gathered into orders in the file's order.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;
use time::{Date, macros::format_description};

/// A row of the file.
#[derive(Debug, Deserialize)]
struct Row {
    order_id: String,
    line: String,
    placed_on: String,
    shipped_on: String,
    location: String,
    sku: String,
    quantity: u32,
}

/// An order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its id.
    pub id: String,
    /// The day on which it was placed.
    pub placed_on: Date,
    /// The day on which it shipped.
    pub shipped_on: Date,
    /// Its lines.
    pub lines: Vec<Line>,
}

/// A line of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub name: String,
    /// What was ordered.
    pub sku: String,
    /// Units.
    pub quantity: u32,
    /// Where the stock lies.
    pub location: String,
}

impl Order {
    /// Units of all lines.
    pub fn units(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.quantity)).sum()
    }
}

/// The orders of a file.
pub fn read(path: &Path) -> Result<Vec<Order>> {
    let mut reader =
        csv::Reader::from_path(path).with_context(|| format!("open {}", path.display()))?;
    let rows = reader.deserialize().enumerate();
    let rows = rows.map(|(i, row)| row.with_context(|| format!("row {}", i + 2)));
    gather(rows.collect::<Result<Vec<Row>>>()?)
}

/// Units ordered of each SKU at each location.
pub fn demand(orders: &[Order]) -> BTreeMap<(String, String), u64> {
    let mut demand = BTreeMap::new();
    for line in orders.iter().flat_map(|order| &order.lines) {
        let units: &mut u64 = demand.entry((line.sku.clone(), line.location.clone())).or_default();
        *units += u64::from(line.quantity);
    }
    demand
}

fn gather(rows: Vec<Row>) -> Result<Vec<Order>> {
    let mut orders: Vec<Order> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        let place = match places.get(&row.order_id) {
            Some(&place) => place,
            None => {
                orders.push(begin(&row)?);
                places.insert(row.order_id.clone(), orders.len() - 1);
                orders.len() - 1
            }
        };
        let Row { line: name, sku, quantity, location, .. } = row;
        orders[place].lines.push(Line { name, sku, quantity, location });
    }
    Ok(orders)
}

fn begin(row: &Row) -> Result<Order> {
    let (placed_on, shipped_on) = (date(&row.placed_on)?, date(&row.shipped_on)?);
    Ok(Order { id: row.order_id.clone(), placed_on, shipped_on, lines: Vec::new() })
}

fn date(text: &str) -> Result<Date> {
    let format = format_description!("[year]-[month]-[day]");
    Date::parse(text, format).with_context(|| format!("the date {text:?}"))
}
