//! The plots of a report, each as a function of it.
//!
//! Promise: what is over time has the same axis of time in each of them, so that what is below each
//! other was at the same time.

use std::collections::BTreeSet;

use maud::Markup;

use super::{
    axis::{Axis, log_share, log_wait},
    chart::{Chart, Line, extent, figure},
    colours::Hue,
};
use crate::{
    load::{
        amounts,
        report::{Kind, Look, Report, Second},
    },
    nats::names,
};

const HEIGHT: u32 = 280;
/// One of several below each other.
const PANEL: u32 = 130;
const LOW: u32 = 170;
/// The level, below the lag of lanes.
const LEVEL: u32 = 76;
/// An axis of percentiles ends here: beyond, a wait has no more others to be compared with.
const LOG_SHARE_MAX: f64 = 6.0;

/// The waits of each second, a plot for each kind on the same axes.
pub fn latency(report: &Report) -> Markup {
    let kinds = Kind::ALL.into_iter().map(|kind| (kind, lines_of(report, kind)));
    let kinds: Vec<(Kind, Vec<Line>)> =
        kinds.filter(|(_, lines)| extent(lines).is_some()).collect();
    let extents = kinds.iter().filter_map(|(_, lines)| extent(lines));
    let extent = extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let charts = kinds.into_iter().map(|(kind, lines)| {
        over_time(report, Axis { title: kind.as_str(), ..waits(extent) }, PANEL, lines)
    });
    figure(
        "The waits of what was asked in each second, on a logarithmic axis: half were below the thin line, 99 of 100 below the bold one.",
        &stacked(charts.collect()),
    )
}

/// The p50 and the p99 of a kind, and what is wanted of it.
fn lines_of(report: &Report, kind: Kind) -> Vec<Line> {
    let p50 = over_seconds(report, kind, "", |(p50, _)| p50).thin();
    let p99 = over_seconds(report, kind, &format!("{} p99", kind.as_str()), |(_, p99)| p99);
    if p99.extent().is_none() {
        return Vec::new();
    }
    [Some(p50), Some(p99), wanted(report, kind)].into_iter().flatten().collect()
}

fn over_seconds(report: &Report, kind: Kind, name: &str, of: fn((f64, f64)) -> f64) -> Line {
    let point = |second: &Second| {
        let waits = second.waits.get(&kind)?;
        Some((second.at_s as f64, log_wait(of(*waits))))
    };
    let points = report.seconds.iter().filter_map(point);
    Line::new(name, hue(kind), points)
}

/// What the plan wants of a kind, from end to end.
fn wanted(report: &Report, kind: Kind) -> Option<Line> {
    let name = format!("{}_p99_ms", kind.as_str());
    let objective = report.objectives.iter().find(|objective| objective.name == name)?;
    let wait = log_wait(objective.wanted);
    let ends = [(0.0, wait), (end_s(report), wait)].into_iter();
    let name = format!("{} p99 wanted: {}", kind.as_str(), amounts::wait(objective.wanted));
    Some(Line::new(name, hue(kind), ends).thin().dashed())
}

/// How long each share of a kind waited at most.
pub fn distribution(report: &Report) -> Markup {
    let lines: Vec<Line> = Kind::ALL.into_iter().filter_map(|kind| shares(report, kind)).collect();
    let to = report.waits.values().map(|waits| log_all(waits.answered)).fold(1.0, f64::max);
    let chart = Chart {
        x: Axis::shares(to),
        y: waits(extent(&lines)),
        height: HEIGHT,
        lines,
        bands: Vec::new(),
        numbered: false,
        end: None,
    };
    figure(
        "How many waited how long: each mark to the right leaves a tenth of those who waited longer.",
        &[chart],
    )
}

fn shares(report: &Report, kind: Kind) -> Option<Line> {
    let waits = report.waits.get(&kind)?;
    let all = log_all(waits.answered);
    let place = |share: f64| if share < 100.0 { log_share(share.max(0.0)).min(all) } else { all };
    let points = waits.distribution.iter().map(|(share, wait)| (place(*share), log_wait(*wait)));
    Some(Line::new(kind.as_str(), hue(kind), points))
}

/// Where the longest of so many waits is on the axis of shares.
fn log_all(waits: u64) -> f64 {
    (waits as f64).max(10.0).log10().min(LOG_SHARE_MAX)
}

/// What was asked and answered in each second.
pub fn rate(report: &Report) -> Markup {
    let line = |name, hue, of: fn(&Second) -> u64| {
        let points = report.seconds.iter().map(|second| (second.at_s as f64, of(second) as f64));
        Line::new(name, hue, points)
    };
    let lines = vec![
        line("asked", Hue::Grey, |second| second.asked).filled().thin(),
        line("answered", Hue::Blue, |second| second.answered),
        line("of these, busy", Hue::Orange, |second| second.busy).filled().thin(),
    ];
    let most = extent(&lines).map_or(0.0, |(_, most)| most);
    let chart = over_time(report, Axis::linear(most, "events a second"), HEIGHT, lines);
    figure(
        "What shoppers and the warehouse meant to ask in each second, and the answers that came in it.",
        &[chart],
    )
}

/// How late lanes were, and the level below.
pub fn lag(report: &Report) -> Markup {
    let lines = lanes(report);
    let most = extent(&lines).map_or(0.0, |(_, most)| most);
    let lag = over_time(report, Axis::linear(most, "seconds late"), HEIGHT, lines);
    let levels = report.looks.iter().map(|look| (look.at_s, f64::from(look.level)));
    let levels = Line::new("level of safe mode", Hue::Grey, levels).stepped().filled();
    let level = over_time(report, Axis::levels(), LEVEL, vec![levels]);
    let charts = [lag.above(), level.below()];
    figure(
        "How late the latest pod was in each lane; below, the highest level of safe mode: 0 is normal.",
        &charts,
    )
}

fn lanes(report: &Report) -> Vec<Line> {
    let seen: BTreeSet<&str> =
        report.looks.iter().flat_map(|look| look.late_s.keys().map(String::as_str)).collect();
    let known = LANES.into_iter().filter(|(lane, _)| seen.contains(lane));
    let unknown = seen.iter().copied().filter(|lane| LANES.iter().all(|(name, _)| name != lane));
    let lanes = known.chain(unknown.zip(OTHERS.into_iter().cycle()));
    let line = |(lane, hue)| {
        let late = |look: &Look| Some((look.at_s, *look.late_s.get(lane)?));
        Line::new(lane, hue, report.looks.iter().filter_map(late))
    };
    lanes.map(line).collect()
}

/// The lanes, in the colours of what they carry.
const LANES: [(&str, Hue); 4] = [
    ("settlement", Hue::Purple),
    ("demand", Hue::Blue),
    ("fulfilment", Hue::Green),
    ("reporting", Hue::Orange),
];
/// For lanes that a later version may have.
const OTHERS: [Hue; 3] = [Hue::Vermillion, Hue::Sky, Hue::Grey];

/// What the pods held.
pub fn memory(report: &Report) -> Markup {
    let chart = of_all_pods(report, "MiB", |look| amounts::mebibytes(look.memory_bytes));
    figure("The memory of all pods together.", &[chart])
}

/// The files and connections that pods had open.
pub fn open_files(report: &Report) -> Markup {
    let chart = of_all_pods(report, "open", |look| f64::from(look.open_files));
    figure("Files and connections that all pods together had open.", &[chart])
}

fn of_all_pods(report: &Report, unit: &'static str, value: impl Fn(&Look) -> f64) -> Chart {
    let points = report.looks.iter().map(|look| (look.at_s, value(look)));
    area(report, (unit, LOW), Line::new("all pods", Hue::Blue, points))
}

fn area(report: &Report, (title, height): (&'static str, u32), line: Line) -> Chart {
    let most = line.extent().map_or(0.0, |(_, most)| most);
    over_time(report, Axis::linear(most, title), height, vec![line.filled()])
}

/// What streams and Redis held, a plot for each.
pub fn stores(report: &Report) -> Markup {
    let streams = STREAMS.into_iter().map(|(name, title)| {
        (title, Hue::Blue, held(report, |look| look.streams_bytes.get(name).copied()))
    });
    let redis = ("Redis, MiB", Hue::Vermillion, held(report, |look| look.redis_bytes));
    let charts = streams.chain([redis]).filter(|(_, _, points)| !points.is_empty());
    let charts = charts.map(|(title, hue, points)| {
        area(report, (title, PANEL), Line::new("", hue, points.into_iter()))
    });
    figure("What each stream held, and Redis in memory.", &stacked(charts.collect()))
}

/// The streams that a run fills, and what their plots say.
const STREAMS: [(&str, &str); 7] = [
    (names::IN, "IN, MiB"),
    (names::CMD, "CMD, MiB"),
    (names::JOURNAL, "JOURNAL, MiB"),
    (names::OUT, "OUT, MiB"),
    (names::AVAILABILITY, "AVAIL., MiB"),
    (names::DLQ, "DLQ, MiB"),
    (names::SNAPSHOTS, "SNAPS., MiB"),
];

fn held(report: &Report, bytes: impl Fn(&Look) -> Option<u64>) -> Vec<(f64, f64)> {
    let point = |look: &Look| Some((look.at_s, amounts::mebibytes(bytes(look)?)));
    report.looks.iter().filter_map(point).collect()
}

/// Plots below each other that have the same axis of time: it is said once what it is.
fn stacked(charts: Vec<Chart>) -> Vec<Chart> {
    let last = charts.len().saturating_sub(1);
    let place = |(i, chart): (usize, Chart)| {
        let chart = if i > 0 { chart.below() } else { chart };
        if i < last { chart.above() } else { chart }
    };
    charts.into_iter().enumerate().map(place).collect()
}

fn hue(kind: Kind) -> Hue {
    match kind {
        Kind::Hold => Hue::Blue,
        Kind::Order => Hue::Vermillion,
        Kind::Reserved => Hue::Green,
        Kind::Settlement => Hue::Purple,
    }
}

fn over_time(report: &Report, y: Axis, height: u32, lines: Vec<Line>) -> Chart {
    let faults = report.faults.iter().zip(1..);
    let bands = faults.map(|(fault, number)| (number, fault.at_s, fault.at_s + fault.for_s));
    let end = end_s(report);
    Chart {
        x: Axis::time(end),
        numbered: !report.faults.is_empty(),
        y,
        height,
        lines,
        bands: bands.filter(|(_, from, to)| from.is_finite() && to.is_finite()).collect(),
        end: Some(report.duration_s).filter(|shoppers| *shoppers < end),
    }
}

/// When the last thing was seen.
fn end_s(report: &Report) -> f64 {
    let looked = report.looks.last().map_or(0.0, |look| look.at_s);
    let second = report.seconds.last().map_or(0.0, |second| second.at_s as f64);
    let ends = [report.duration_s, looked, second];
    ends.into_iter().filter(|end| *end < 1e9).fold(1.0, f64::max)
}

/// An axis for logarithms of waits.
fn waits(extent: Option<(f64, f64)>) -> Axis {
    let (least, most) = extent.unwrap_or((0.0, 1.0));
    Axis::waits(10f64.powf(least), 10f64.powf(most))
}
