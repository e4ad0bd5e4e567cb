//! A page with plots for people who decide whether a promotion can begin: the verdict first, then
//! the numbers, then how to find them again.
//!
//! Promises: one file that opens without a network; it runs no script and asks nobody for anything.
//! Whatever a report says is text, never markup.

mod axis;
mod chart;
mod colours;
mod plots;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{
    amounts,
    report::{Objective, Report},
};

const STYLE: &str = include_str!("page/style.css");
/// Even if a report carried markup, and it were not escaped, a browser would load nothing for it.
const NOTHING_ELSE: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// A report as an HTML file that needs nothing else.
pub fn page(report: &Report) -> String {
    let body = html! {
        (banner(report))
        section {
            h2 { "What the plan asked for" }
            (tables::objectives(report))
            h2 { "What was promised" }
            (tables::verdict(&report.verdict))
            @for what in &report.unchecked { p { "Not checked: " (what) } }
        }
        (waits(report))
        (system(report))
        (sales(report))
        section {
            h2 { "How it was run" }
            (tables::run(report))
        }
    };
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(report))
            body { main { (body) } }
        }
    }
    .into_string()
}

fn head(report: &Report) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta http-equiv="Content-Security-Policy" content=(NOTHING_ELSE);
            meta name="viewport" content="width=device-width, initial-scale=1";
            meta name="color-scheme" content="light dark";
            title { (report.plan) " – Earmark under load" }
            style { (PreEscaped(STYLE)) }
        }
    }
}

fn banner(report: &Report) -> Markup {
    let (asked, answered) = report.total();
    let (class, line) = match report.holds() {
        _ if report.is_broken() => ("bad", "PROMISES WERE BROKEN"),
        _ if report.unsettled.is_some() => ("fair", "It did not come to rest"),
        _ if asked == 0 => ("fair", "Nothing was asked, so nothing was promised"),
        false => ("fair", "Every promise was kept"),
        true => ("good", "Every promise was kept"),
    };
    html! {
        header {
            p.over { "Earmark under load" }
            h1 { (report.plan) }
            @if !report.about.is_empty() { p.about { (report.about) } }
        }
        div.verdict.(class) {
            p.line { (line) }
            p { (reached(&report.objectives)) }
            @if let Some(why) = &report.unsettled {
                p { "What is lost or stuck may only be late: " (why) "." }
            }
        }
        ul.facts {
            (fact(amounts::count(asked), "events asked"))
            (fact(amounts::count(answered), "decided"))
            (fact(amounts::clock(report.duration_s), "of shoppers, min:s"))
            (fact(amounts::with(report.settled_after_s, "s"), "until all was settled"))
            (fact(report.faults.len().to_string(), "things broken on purpose"))
        }
    }
}

fn fact(number: String, of: &str) -> Markup {
    html! { li { b { (number) } " " (of) } }
}

/// Whether objectives were reached, in a sentence.
fn reached(objectives: &[Objective]) -> String {
    let missed = objectives.iter().filter(|objective| !objective.holds);
    let missed: Vec<&str> = missed.map(|objective| objective.name.as_str()).collect();
    match (objectives.len(), missed.len()) {
        (0, _) => "The plan asked for no objectives.".to_owned(),
        (1, 0) => "The only objective was reached.".to_owned(),
        (all, 0) => format!("All {all} objectives were reached."),
        (all, n) => format!("{n} of {all} objectives missed: {}.", missed.join(", ")),
    }
}

fn waits(report: &Report) -> Markup {
    html! {
        section {
            h2 { "How long was waited" }
            p.note { "From the time at which a shopper meant to ask, so that a slow system cannot hide behind a slow sender." }
            (tables::waits(report))
            h3 { "Waits over time" }
            (plots::latency(report))
            (over_time(report))
            h3 { "Distribution of waits" }
            (plots::distribution(report))
        }
    }
}

/// How to read what all plots over time have besides their lines.
fn over_time(report: &Report) -> Markup {
    html! {
        @if !report.faults.is_empty() {
            p.note { "Grey bands are faults, with their number in " a href="#faults" { "the table" } ". A dotted line is where the last shopper came." }
        }
    }
}

fn system(report: &Report) -> Markup {
    html! {
        section {
            h2 { "What the system did" }
            h3 { "Throughput" }
            (plots::rate(report))
            h3 { "Lag by lane, and safe mode" }
            (plots::lag(report))
            h3 { "Memory" }
            (plots::memory(report))
            h3 { "Open files" }
            (plots::open_files(report))
            h3 { "Streams and Redis" }
            (plots::stores(report))
            h3 id="faults" { "What was broken on purpose" }
            (tables::faults(report))
        }
    }
}

fn sales(report: &Report) -> Markup {
    html! {
        section {
            h2 { "What was sold" }
            h3 { "The SKUs that were asked for most" }
            (tables::hot(report))
            h3 { "What came of it" }
            (tables::outcomes(report))
        }
    }
}
