//! Two runs of a plan beside each other: what the second did differently from the first.
//!
//! Promises: a number that one of the runs does not have is missing and not zero; and what makes
//! the runs hard to compare is said before their numbers are.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    amounts::{self, NONE},
    report::{Kind, Report, Waits},
};

/// A difference below this share says little by itself.
const LITTLE: f64 = 0.1;
/// Runs that took this share longer than others are another test.
const LONGER: f64 = 0.01;

/// Two runs, A and B.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Which run A is, in words.
    pub a: String,
    /// Which run B is.
    pub b: String,
    /// Why they cannot be compared as they are; nothing if they can.
    pub warnings: Vec<String>,
    /// What only one of them kept or reached, in words.
    pub changes: Vec<String>,
    /// The numbers.
    pub rows: Vec<Row>,
    /// How far the numbers can be relied on.
    pub note: String,
}

/// A number of both.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Of what: `hold p99`.
    pub name: String,
    /// In A.
    pub a: Option<f64>,
    /// In B.
    pub b: Option<f64>,
    /// What both are counted in; empty if they are just counted.
    pub unit: String,
    /// B by A; none if there is nothing to divide by.
    pub ratio: Option<f64>,
}

impl Row {
    fn new(name: impl Into<String>, unit: &str, a: Option<f64>, b: Option<f64>) -> Row {
        let ratio = a.zip(b).and_then(|(a, b)| ratio(a, b));
        Row { name: name.into(), a, b, unit: unit.to_owned(), ratio }
    }

    /// Whether the runs differ by so little that chance explains it.
    pub fn says_little(&self) -> bool {
        self.ratio.is_some_and(|ratio| (ratio - 1.0).abs() < LITTLE)
    }

    /// As it is printed: the name, A, B, their unit and the ratio.
    pub fn cells(&self) -> [String; 5] {
        let number = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), amounts::number);
        let ratio = self.ratio.map_or_else(|| NONE.to_owned(), |ratio| format!("{ratio:.2}"));
        [self.name.clone(), number(self.a), number(self.b), self.unit.clone(), ratio]
    }
}

/// What B did differently from A.
pub fn compare(a: &Report, b: &Report) -> Comparison {
    let mut rows = Vec::new();
    for kind in Kind::ALL {
        rows.extend(waits(a, b, kind));
    }
    rows.extend(whole(a, b));
    rows.extend(broken(a, b));
    rows.extend(objectives(a, b));
    Comparison {
        a: name(a),
        b: name(b),
        warnings: warnings(a, b),
        changes: changes(a, b),
        rows,
        note: note(),
    }
}

fn name(report: &Report) -> String {
    let Report { plan, version, seed, began, .. } = report;
    format!("{plan}, seed {seed}, Earmark {version}, began {began}")
}

fn note() -> String {
    let percent = LITTLE * 100.0;
    format!(
        "One pair of runs on a machine that does other things too says little: do not believe a difference below {percent:.0} % before several pairs show it."
    )
}

/// B by A; one if they are the same, even if both are nothing.
fn ratio(a: f64, b: f64) -> Option<f64> {
    let ratio = if a == b { 1.0 } else { b / a };
    ratio.is_finite().then_some(ratio)
}

fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| 100.0 * part as f64 / of as f64)
}

/// What a kind had to wait, if either run asked for it.
fn waits(a: &Report, b: &Report, kind: Kind) -> Vec<Row> {
    let (of_a, of_b) = (a.waits.get(&kind), b.waits.get(&kind));
    if of_a.is_none() && of_b.is_none() {
        return Vec::new();
    }
    let row = |what: &str, unit: &str, of: fn(&Waits) -> Option<f64>| {
        let name = format!("{} {what}", kind.as_str());
        Row::new(name, unit, of_a.and_then(of), of_b.and_then(of))
    };
    let a_second = |report: &Report| {
        let answered = report.waits.get(&kind)?.answered as f64;
        (report.duration_s > 0.0).then(|| answered / report.duration_s)
    };
    vec![
        Row::new(format!("{} answered", kind.as_str()), "/s", a_second(a), a_second(b)),
        row("p50", "ms", |waits| waited(waits, waits.p50_ms)),
        row("p99", "ms", |waits| waited(waits, waits.p99_ms)),
        row("p99.9", "ms", |waits| waited(waits, waits.p999_ms)),
        row("told busy", "% of answers", |waits| share(waits.busy, waits.busy + waits.answered)),
        row("refused", "% of decisions", |waits| share(waits.refused, waits.answered)),
        row("unanswered", "", |waits| Some(waits.unanswered as f64)),
    ]
}

/// A percentile, if anybody got an answer.
fn waited(waits: &Waits, ms: f64) -> Option<f64> {
    (waits.answered > 0).then_some(ms)
}

/// What is of the run as a whole.
fn whole(a: &Report, b: &Report) -> Vec<Row> {
    let (lag_a, lag_b) = (longest_lag(a), longest_lag(b));
    let lanes: BTreeSet<&str> = lag_a.keys().chain(lag_b.keys()).copied().collect();
    let mut rows =
        vec![Row::new("settled after", "s", Some(a.settled_after_s), Some(b.settled_after_s))];
    rows.extend(lanes.into_iter().map(|lane| {
        let (a, b) = (lag_a.get(lane).copied(), lag_b.get(lane).copied());
        Row::new(format!("longest lag, {lane}"), "s", a, b)
    }));
    let level =
        |report: &Report| report.looks.iter().map(|look| f64::from(look.level)).reduce(f64::max);
    let memory = |report: &Report| report.looks.iter().map(|look| look.memory_bytes).max();
    let memory = |report: &Report| memory(report).map(amounts::mebibytes);
    rows.push(Row::new("highest level of safe mode", "", level(a), level(b)));
    rows.push(Row::new("most memory, all pods", "MiB", memory(a), memory(b)));
    rows
}

fn longest_lag(report: &Report) -> BTreeMap<&str, f64> {
    let mut longest = BTreeMap::new();
    for (lane, late) in report.looks.iter().flat_map(|look| &look.late_s) {
        let of_lane = longest.entry(lane.as_str()).or_insert(*late);
        *of_lane = of_lane.max(*late);
    }
    longest
}

fn broken(a: &Report, b: &Report) -> Vec<Row> {
    let numbers = a.verdict.numbers().into_iter().zip(b.verdict.numbers());
    let row = |((name, a), (_, b)): ((_, u64), (_, u64))| {
        Row::new(format!("promises broken, {name}"), "", Some(a as f64), Some(b as f64))
    };
    numbers.map(row).collect()
}

fn objectives(a: &Report, b: &Report) -> Vec<Row> {
    let names = names_of_objectives(a, b).into_iter();
    names
        .map(|name| Row::new(format!("objective {name}"), "", found(a, name), found(b, name)))
        .collect()
}

fn names_of_objectives<'a>(a: &'a Report, b: &'a Report) -> BTreeSet<&'a str> {
    a.objectives.iter().chain(&b.objectives).map(|objective| objective.name.as_str()).collect()
}

fn found(report: &Report, name: &str) -> Option<f64> {
    report.objectives.iter().find(|one| one.name == name).map(|one| one.found)
}

/// What makes of the runs two tests instead of one.
fn warnings(a: &Report, b: &Report) -> Vec<String> {
    let mut warnings = Vec::new();
    let mut differ = |what: &str, a: String, b: String| {
        if a != b {
            warnings.push(format!("{what}: {a} in A, {b} in B"));
        }
    };
    differ("other plans", a.plan.clone(), b.plan.clone());
    differ("other times as many shoppers", a.rate.to_string(), b.rate.to_string());
    differ("other contents of the plan", a.plan_hash.clone(), b.plan_hash.clone());
    differ("other seeds, so other shoppers", a.seed.to_string(), b.seed.to_string());
    differ("other versions of Earmark", a.version.clone(), b.version.clone());
    let (ma, mb) = (&a.machine, &b.machine);
    differ("other numbers of processors", ma.processors.to_string(), mb.processors.to_string());
    differ("other numbers of pods", ma.pods.to_string(), mb.pods.to_string());
    differ("other numbers of partitions", ma.partitions.to_string(), mb.partitions.to_string());
    differ("other faults", faults(a), faults(b));
    differ("other objectives", wanted(a), wanted(b));
    if (a.duration_s - b.duration_s).abs() > LONGER * a.duration_s.max(b.duration_s) {
        let [a, b] = [a, b].map(|report| amounts::with(report.duration_s, "s"));
        differ("other durations", a, b);
    }
    warnings
}

fn faults(report: &Report) -> String {
    let what: Vec<&str> = report.faults.iter().map(|fault| fault.what.as_str()).collect();
    if what.is_empty() { "none".to_owned() } else { what.join(", ") }
}

fn wanted(report: &Report) -> String {
    let one = |(name, wanted): (&str, f64)| format!("{name} {}", amounts::exact(wanted));
    let all: BTreeMap<&str, f64> = report
        .objectives
        .iter()
        .map(|objective| (objective.name.as_str(), objective.wanted))
        .collect();
    let all: Vec<String> = all.into_iter().map(one).collect();
    if all.is_empty() { "none".to_owned() } else { all.join(", ") }
}

/// What one run kept or reached and the other did not.
fn changes(a: &Report, b: &Report) -> Vec<String> {
    let mut changes = Vec::new();
    for ((name, a), (_, b)) in a.verdict.numbers().into_iter().zip(b.verdict.numbers()) {
        match (a, b) {
            (0, n @ 1..) => changes.push(format!("B broke a promise that A kept: {name}, {n}")),
            (n @ 1.., 0) => changes.push(format!("A broke a promise that B kept: {name}, {n}")),
            _ => {}
        }
    }
    let holds = |report: &Report, name: &str| {
        report.objectives.iter().find(|one| one.name == name).map(|one| one.holds)
    };
    for name in names_of_objectives(a, b) {
        match (holds(a, name), holds(b, name)) {
            (Some(true), Some(false)) => changes.push(format!("B missed {name}, which A reached")),
            (Some(false), Some(true)) => changes.push(format!("A missed {name}, which B reached")),
            _ => {}
        }
    }
    changes
}
