//! A rush over time, drawn: how late each lane was, the level, and the p99 of what must not wait.

use std::{path::Path, time::Instant};

use plotters::prelude::*;

use crate::{
    rush::{Kind, Sent, percentile},
    timeline::Seen,
};

const SIZE: (u32, u32) = (960, 540);
/// The share of the picture that lags take; the rest is the level's.
const UPPER: u32 = 400;

/// What is drawn.
pub struct Trace<'a> {
    pub began: Instant,
    pub seen: &'a [Seen],
    pub sent: &'a [Sent],
}

/// A line: seconds, and what it was then.
type Line = Vec<(f64, f64)>;

impl Trace<'_> {
    /// Writes the picture.
    pub fn draw(&self, title: &str, to: &Path) {
        let root = SVGBackend::new(to, SIZE).into_drawing_area();
        root.fill(&WHITE).expect("a picture can be drawn");
        let (upper, lower) = root.split_vertically(UPPER);
        let end = self.seen.last().map_or(1.0, |seen| self.at(seen.at)).max(1.0);
        let lines = self.lines();
        let most = lines.iter().flat_map(|(_, line)| line).map(|(_, y)| *y).fold(0.1, f64::max);
        let mut chart = ChartBuilder::on(&upper)
            .caption(title, ("sans-serif", 18))
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..end, 0.0..most * 1.05)
            .expect("the axes are right");
        chart.configure_mesh().y_desc("seconds").draw().expect("the axes can be drawn");
        for (number, (name, line)) in lines.into_iter().enumerate() {
            let colour = Palette99::pick(number).to_rgba();
            chart
                .draw_series(LineSeries::new(line, &colour))
                .expect("a line can be drawn")
                .label(name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 16, y)], colour));
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .draw()
            .expect("the legend can be drawn");
        let mut chart = ChartBuilder::on(&lower)
            .margin(8)
            .x_label_area_size(24)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..end, 0.0..3.2)
            .expect("the axes are right");
        let mut mesh = chart.configure_mesh();
        mesh.y_desc("level").x_desc("seconds").y_labels(4).draw().expect("the axes can be drawn");
        let level = self.seen.iter().map(|seen| (self.at(seen.at), f64::from(seen.level)));
        chart.draw_series(LineSeries::new(level, &RED)).expect("a line can be drawn");
        root.present().expect("the picture can be written");
    }

    fn at(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.began).as_secs_f64()
    }

    fn lines(&self) -> Vec<(String, Line)> {
        let lanes = ["settlement", "demand", "fulfilment", "reporting"];
        let mut lines: Vec<(String, Line)> = lanes
            .iter()
            .map(|lane| {
                let late = |seen: &Seen| seen.late.get(*lane).copied().unwrap_or(0.0);
                let line = self.seen.iter().map(|seen| (self.at(seen.at), late(seen)));
                (format!("{lane} is late"), line.collect())
            })
            .collect();
        for (kind, name) in [(Kind::Settlement, "settlement"), (Kind::Order, "orders")] {
            let line = self.p99(kind);
            if !line.is_empty() {
                lines.push((format!("p99 of {name}"), line));
            }
        }
        lines
    }

    /// Second by second, by when it was sent.
    fn p99(&self, kind: Kind) -> Line {
        let of_kind: Vec<Sent> =
            self.sent.iter().copied().filter(|sent| sent.kind == kind).collect();
        let second = |sent: &Sent| self.at(sent.at) as u64;
        let last = of_kind.iter().map(second).max().unwrap_or(0);
        let p99 = |at: u64| {
            let wait = percentile(&of_kind, 99, |sent| second(sent) == at)?;
            Some((at as f64, wait.as_secs_f64()))
        };
        (0..=last).filter_map(p99).collect()
    }
}
