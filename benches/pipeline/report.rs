//! Results: medians, as rates and as parts of the floor of the same run; a table for people and JSON
//! for machines.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;

use crate::{
    contest::{Contestant, Setting},
    latency::Latency,
};

/// How wide a table is that is not written to a terminal.
const WIDTH: u16 = 120;

/// What every run came to.
#[derive(Default)]
pub struct Results {
    /// Events, or lines, a second.
    rates: BTreeMap<(Setting, Contestant), Vec<f64>>,
    /// The same as parts of the floor of the same run.
    ratios: BTreeMap<(Setting, Contestant), Vec<f64>>,
    latencies: BTreeMap<(Setting, Contestant), Vec<Latency>>,
}

#[derive(Serialize)]
struct Rate {
    workload: &'static str,
    delivery: &'static str,
    fsync: &'static str,
    contestant: &'static str,
    per_second: f64,
    of_floor: f64,
    runs: Vec<f64>,
}

#[derive(Serialize)]
struct Waited {
    workload: &'static str,
    delivery: &'static str,
    fsync: &'static str,
    contestant: &'static str,
    publishers_per_second: f64,
    published_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
}

#[derive(Serialize)]
struct All {
    rates: Vec<Rate>,
    latencies: Vec<Waited>,
}

impl Results {
    pub fn rate(&mut self, setting: Setting, contestant: Contestant, rate: f64, of_floor: f64) {
        self.rates.entry((setting, contestant)).or_default().push(rate);
        self.ratios.entry((setting, contestant)).or_default().push(of_floor);
    }

    pub fn latency(&mut self, setting: Setting, contestant: Contestant, latency: Latency) {
        self.latencies.entry((setting, contestant)).or_default().push(latency);
    }

    fn rates(&self) -> Vec<Rate> {
        let rate = |((setting, contestant), runs): (&(Setting, Contestant), &Vec<f64>)| Rate {
            workload: setting.kind.name(),
            delivery: setting.delivery.name(),
            fsync: setting.fsync.name(),
            contestant: contestant.name(),
            per_second: median(runs).round(),
            of_floor: self.ratios.get(&(*setting, *contestant)).map_or(0.0, |all| median(all)),
            runs: runs.iter().map(|rate| rate.round()).collect(),
        };
        self.rates.iter().map(rate).collect()
    }

    fn waited(&self) -> Vec<Waited> {
        let waited = |((setting, contestant), runs): (&(Setting, Contestant), &Vec<Latency>)| {
            let of = |part: fn(&Latency) -> f64| median(&runs.iter().map(part).collect::<Vec<_>>());
            Waited {
                workload: setting.kind.name(),
                delivery: setting.delivery.name(),
                fsync: setting.fsync.name(),
                contestant: contestant.name(),
                publishers_per_second: of(|latency| latency.publishers).round(),
                published_per_second: of(|latency| latency.rate).round(),
                p50_ms: of(|latency| latency.p50_ms),
                p99_ms: of(|latency| latency.p99_ms),
                p999_ms: of(|latency| latency.p999_ms),
            }
        };
        self.latencies.iter().map(waited).collect()
    }

    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(&All { rates: self.rates(), latencies: self.waited() })
    }

    pub fn tables(&self) -> String {
        let mut rates =
            table(&["workload", "delivered", "fsync", "who", "a second", "of the floor"]);
        for rate in self.rates() {
            let of_floor = format!("{:.3}", rate.of_floor);
            rates.add_row(vec![
                Cell::new(rate.workload),
                Cell::new(rate.delivery),
                Cell::new(rate.fsync),
                Cell::new(rate.contestant),
                right(thousands(rate.per_second)),
                right(of_floor),
            ]);
        }
        let headings = ["workload", "delivered", "fsync", "who", "published a second", "p50 ms"];
        let mut waited = table(&[&headings[..], &["p99 ms", "p99.9 ms"]].concat());
        for wait in self.waited() {
            waited.add_row(vec![
                Cell::new(wait.workload),
                Cell::new(wait.delivery),
                Cell::new(wait.fsync),
                Cell::new(wait.contestant),
                right(thousands(wait.published_per_second)),
                right(format!("{:.1}", wait.p50_ms)),
                right(format!("{:.1}", wait.p99_ms)),
                right(format!("{:.1}", wait.p999_ms)),
            ]);
        }
        let tables = [(rates, self.rates.is_empty()), (waited, self.latencies.is_empty())];
        let tables = tables.into_iter().filter(|(_, empty)| !empty);
        tables.map(|(table, _)| table.to_string()).collect::<Vec<_>>().join("\n")
    }
}

fn table(headings: &[&str]) -> Table {
    let mut table = Table::new();
    if !table.is_tty() {
        table.set_width(WIDTH);
    }
    table
        .load_style(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headings.iter().copied());
    table
}

fn right(text: String) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

/// A number with its thousands apart.
fn thousands(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The one in the middle; of an even number, the mean of both.
fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len() % 2) {
        (None, _) => f64::NAN,
        (Some(upper), 0) => (sorted[middle - 1] + upper) / 2.0,
        (Some(value), _) => *value,
    }
}
