//! A plot: axes, lines, and what was broken meanwhile; drawn as SVG, with its legend as HTML above,
//! where it covers nothing.
//!
//! Promises: no text of a report comes into the SVG, only numbers; and a series without numbers, or
//! with none that are finite, is no reason to fail.

use std::fmt::Display;

use maud::{Markup, PreEscaped, html};
use plotters::{
    coord::Shift,
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

use super::{
    axis::Axis,
    colours::{self, Hue},
};

/// How wide plots are drawn, in pixels; the page scales them.
pub const WIDTH: u32 = 960;
/// Beyond this, a number is a mistake and not a measurement.
const SANE: f64 = 1e15;
/// For lines that the whole plot is about.
pub const BOLD: u32 = 2;
/// For those beside them.
pub const THIN: u32 = 1;

type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Context<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Axis, Axis>>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A line, or an area down to nothing.
pub struct Line {
    /// What the legend says; nothing if it is to leave the line out.
    pub name: String,
    pub hue: Hue,
    pub width: u32,
    pub filled: bool,
    pub dashed: bool,
    points: Vec<(f64, f64)>,
}

impl Line {
    pub fn new(
        name: impl Into<String>,
        hue: Hue,
        points: impl Iterator<Item = (f64, f64)>,
    ) -> Line {
        let sane = |(x, y): &(f64, f64)| x.abs() < SANE && y.abs() < SANE;
        let points = points.filter(sane).collect();
        Line { name: name.into(), hue, width: BOLD, filled: false, dashed: false, points }
    }

    pub fn thin(self) -> Line {
        Line { width: THIN, ..self }
    }

    pub fn filled(self) -> Line {
        Line { filled: true, ..self }
    }

    pub fn dashed(self) -> Line {
        Line { dashed: true, ..self }
    }

    /// As steps: what was found holds until something else is.
    pub fn stepped(self) -> Line {
        let ends = self.points.windows(2).map(|pair| (pair[1].0, pair[0].1));
        let starts = self.points.iter().skip(1).copied();
        let first = self.points.first().copied().into_iter();
        let points = first.chain(ends.zip(starts).flat_map(|(end, start)| [end, start])).collect();
        Line { points, ..self }
    }

    /// The lowest and the highest, if there is any.
    pub fn extent(&self) -> Option<(f64, f64)> {
        let values = || self.points.iter().map(|(_, y)| *y);
        Some((values().reduce(f64::min)?, values().reduce(f64::max)?))
    }

    fn is_empty(&self) -> bool {
        self.points.is_empty()
    }
}

/// The lowest and the highest of lines, if there is any.
pub fn extent(lines: &[Line]) -> Option<(f64, f64)> {
    let extents = lines.iter().filter_map(Line::extent);
    extents.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// Axes with lines.
pub struct Chart {
    pub x: Axis,
    pub y: Axis,
    /// Between the axis and the top, without what is written around it.
    pub height: u32,
    pub lines: Vec<Line>,
    /// Faults, by number: from when to when.
    pub bands: Vec<(usize, f64, f64)>,
    /// Whether the numbers are written above.
    pub numbered: bool,
    /// Where the last shopper came, if the plot goes on after it.
    pub end: Option<f64>,
}

/// Plots below each other, with one legend; a sentence in their place if there is nothing to plot.
pub fn figure(caption: impl Display, charts: &[Chart]) -> Markup {
    let lines = || charts.iter().flat_map(|chart| &chart.lines).filter(|line| !line.is_empty());
    let named = || lines().filter(|line| !line.name.is_empty());
    let caption = caption.to_string();
    html! {
        @if lines().next().is_none() {
            p.none { "Nothing was measured for this plot." }
        } @else {
            figure {
                ul.legend { @for line in named() { (key(line)) } }
                div.plot role="img" aria-label=(caption) { (picture(charts)) }
                figcaption { (caption) }
            }
        }
    }
}

fn key(line: &Line) -> Markup {
    let shape = match line {
        Line { filled: true, .. } => "area",
        Line { dashed: true, .. } => "dashed",
        Line { width: THIN, .. } => "thin",
        _ => "bold",
    };
    html! { li { i.key.(line.hue.class()).(shape) {} (line.name) } }
}

fn picture(charts: &[Chart]) -> Markup {
    match svg(charts) {
        Ok(svg) => PreEscaped(svg),
        Err(error) => html! { p.none { "This plot could not be drawn: " (error) "." } },
    }
}

fn svg(charts: &[Chart]) -> Result<String, Box<dyn std::error::Error>> {
    let mut svg = String::new();
    {
        let height = charts.iter().map(Chart::whole).sum();
        let mut rest = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        for chart in charts {
            let (this, below) = rest.split_vertically(chart.whole());
            chart.draw(&this)?;
            rest = below;
        }
        rest.present()?;
    }
    Ok(svg)
}

impl Chart {
    /// Above another plot with the same axis, which says what the marks are.
    pub fn above(self) -> Chart {
        Chart { x: self.x.bare(), ..self }
    }

    /// Below another plot with the same faults, which has their numbers.
    pub fn below(self) -> Chart {
        Chart { numbered: false, ..self }
    }

    fn top(&self) -> u32 {
        if self.numbered { 24 } else { 10 }
    }

    fn bottom(&self) -> u32 {
        if self.x.title.is_empty() { 8 } else { 44 }
    }

    fn whole(&self) -> u32 {
        self.top() + self.height + self.bottom()
    }

    fn draw(&self, canvas: &Canvas) -> Drawn {
        let (x, y) = (&self.x, &self.y);
        let mut context = ChartBuilder::on(canvas)
            .margin_right(16)
            .margin_top(self.top())
            .x_label_area_size(self.bottom())
            .y_label_area_size(76)
            .build_cartesian_2d(x.clone(), y.clone())?;
        self.draw_bands(&mut context)?;
        let mut mesh = context.configure_mesh();
        mesh.axis_style(colours::AXIS)
            .bold_line_style(colours::GRID)
            .light_line_style(TRANSPARENT)
            .label_style(words())
            .axis_desc_style(words())
            .x_label_formatter(&x.words)
            .y_label_formatter(&y.words)
            .x_desc(x.title)
            .y_desc(y.title);
        mesh.draw()?;
        self.draw_end(&mut context)?;
        self.lines.iter().try_for_each(|line| line.draw(&mut context, y.from))
    }

    /// Shades the time of faults; their numbers stand above the plot.
    fn draw_bands(&self, context: &mut Context) -> Drawn {
        let (x, y) = (&self.x, &self.y);
        let narrowest = (x.to - x.from) / 400.0;
        for (number, from, to) in &self.bands {
            let from = from.clamp(x.from, x.to - narrowest);
            let to = to.max(from + narrowest).min(x.to);
            let shade =
                Rectangle::new([(from, y.from), (to, y.to)], colours::FAULT.mix(0.18).filled());
            context.draw_series([shade])?;
            if !self.numbered {
                continue;
            }
            let at = (from.midpoint(to), y.to);
            let above = words().pos(Pos::new(HPos::Center, VPos::Bottom));
            context.draw_series([Text::new(number.to_string(), at, above)])?;
        }
        Ok(())
    }

    fn draw_end(&self, context: &mut Context) -> Drawn {
        if let Some(end) = self.end.filter(|end| (self.x.from..self.x.to).contains(end)) {
            let line = [(end, self.y.from), (end, self.y.to)];
            context.draw_series(DashedLineSeries::new(
                line,
                2,
                4,
                colours::AXIS.stroke_width(1),
            ))?;
        }
        Ok(())
    }
}

impl Line {
    fn draw(&self, context: &mut Context, floor: f64) -> Drawn {
        let points = thinned(&self.points);
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return Ok(()) };
        let colour = self.hue.rgb();
        if self.filled {
            let mut corners = points.clone();
            corners.extend([(last.0, floor), (first.0, floor)]);
            context.draw_series([Polygon::new(corners, colour.mix(0.25))])?;
        }
        // A dot, since a line through a single point is not seen.
        let dot = if points.len() == 1 { 3 } else { 0 };
        if self.dashed {
            let style = colour.stroke_width(self.width);
            context.draw_series(DashedLineSeries::new(points, 8, 5, style))?;
        } else {
            let style = colour.stroke_width(self.width).filled();
            context.draw_series(LineSeries::new(points, style).point_size(dot))?;
        }
        Ok(())
    }
}

/// No more points than can be seen: of each column of pixels, the lowest and the highest.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let column = points.len().div_ceil(WIDTH as usize);
    if column <= 2 {
        return points.to_vec();
    }
    let ends = |column: &[(f64, f64)]| {
        let by_height = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (column.iter().min_by(by_height), column.iter().max_by(by_height));
        let (low, high) = (low.copied(), high.copied());
        let rises = low.map(|at| at.0) <= high.map(|at| at.0);
        if rises { [low, high] } else { [high, low] }.into_iter().flatten()
    };
    points.chunks(column).flat_map(ends).collect()
}

fn words() -> TextStyle<'static> {
    ("sans-serif", 15).with_color(colours::TEXT).into_text_style(&(WIDTH, WIDTH))
}
