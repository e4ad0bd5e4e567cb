//! Whether what should be level is: how much each line of a long run grew.
//!
//! Promise: a line that rises and falls is level if it does so around the same height: the middle
//! of what was measured in the first quarter of the time is compared with that in the last.

use super::{
    plan::Objectives,
    report::{Kind, Look, Objective, Report},
};

/// So much of a line may come and go, whatever it was at first: bytes, files, milliseconds.
const LITTLE_BYTES: f64 = 16.0 * 1024.0 * 1024.0;
const LITTLE_FILES: f64 = 100.0;
const LITTLE_MS: f64 = 5.0;

/// A line: its name, what is little of it, and its points.
struct Line {
    name: String,
    little: f64,
    points: Vec<(f64, f64)>,
}

/// What a plan asks for of lines that should be level.
pub fn check(wanted: &Objectives, of: &Report) -> Vec<Objective> {
    let Some(from_s) = wanted.level_after_s else { return Vec::new() };
    let within = (from_s, of.duration_s);
    let mut all = Vec::new();
    for (most, lines) in [(wanted.growth_max, sizes(of)), (wanted.waits_growth_max, waits(of))] {
        let Some(most) = most else { continue };
        all.extend(lines.into_iter().map(|line| line.judged(most, within)));
    }
    all
}

impl Line {
    /// What was measured of it too rarely to be judged is no reason to believe that it is level.
    fn judged(&self, most: f64, within: (f64, f64)) -> Objective {
        let found = growth(&self.points, self.little, within);
        let name = format!("{}_growth", self.name);
        let holds = found.is_some_and(|found| found <= most);
        Objective { name, wanted: most, found: found.unwrap_or(0.0), holds }
    }
}

/// By which share of what it was in the first quarter of this time, or of what is little if that is
/// more, a line is higher in the last.
pub fn growth(points: &[(f64, f64)], little: f64, (from_s, to_s): (f64, f64)) -> Option<f64> {
    let quarter = (to_s - from_s) / 4.0;
    let first = median(points, (from_s, from_s + quarter))?;
    let last = median(points, (to_s - quarter, to_s))?;
    Some((last - first) / first.max(little))
}

fn median(points: &[(f64, f64)], (from_s, to_s): (f64, f64)) -> Option<f64> {
    let within = points.iter().filter(|(at_s, _)| (from_s..=to_s).contains(at_s));
    let mut values: Vec<f64> = within.map(|(_, value)| *value).collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// What pods, streams and Redis hold.
fn sizes(of: &Report) -> Vec<Line> {
    let line = |name: &str, little, value: &dyn Fn(&Look) -> Option<f64>| Line {
        name: name.to_owned(),
        little,
        points: of.looks.iter().filter_map(|look| Some((look.at_s, value(look)?))).collect(),
    };
    let mut all = vec![
        line("memory", LITTLE_BYTES, &|look| Some(look.memory_bytes as f64)),
        line("open_files", LITTLE_FILES, &|look| Some(f64::from(look.open_files))),
        line("redis", LITTLE_BYTES, &|look| look.redis_bytes.map(|bytes| bytes as f64)),
    ];
    for name in of.streams() {
        let bytes = |look: &Look| look.streams_bytes.get(name).map(|bytes| *bytes as f64);
        all.push(line(name, LITTLE_BYTES, &bytes));
    }
    all
}

/// The p99 of each second.
fn waits(of: &Report) -> Vec<Line> {
    let kinds = Kind::ALL.into_iter().filter(|kind| of.waits.contains_key(kind));
    let line = |kind: Kind| {
        let p99 = of.seconds.iter().filter_map(|second| {
            let (_, p99) = second.waits.get(&kind)?;
            Some((second.at_s as f64, *p99))
        });
        Line { name: format!("{}_p99", kind.as_str()), little: LITTLE_MS, points: p99.collect() }
    };
    kinds.map(line).collect()
}
