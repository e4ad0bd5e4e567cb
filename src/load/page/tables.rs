//! The tables of a report.

use maud::{Markup, html};

use crate::{
    audit::Findings,
    load::{
        amounts::{count, exact, number, with},
        report::{Hot, Objective, Report, Waits},
    },
};

/// What was wanted, and whether it was so.
pub fn objectives(report: &Report) -> Markup {
    if report.objectives.is_empty() {
        return nothing("The plan asked for nothing.");
    }
    html! {
        table.snug {
            thead { tr { th { "objective" } th.n { "wanted" } th.n { "found" } th { "reached" } } }
            tbody { @for one in &report.objectives { (objective(one)) } }
        }
    }
}

fn objective(one: &Objective) -> Markup {
    html! {
        tr {
            td { code { (one.name) } }
            td.n { (exact(one.wanted)) }
            td.n { (exact(one.found)) }
            td { (mark(one.holds, "yes", "NO")) }
        }
    }
}

/// Sign and word, since colour alone says nothing to some.
fn mark(good: bool, yes: &str, no: &str) -> Markup {
    html! { @if good { span.good { "✓ " (yes) } } @else { span.bad { "✗ " (no) } } }
}

/// The promises, and those that were broken.
pub fn verdict(verdict: &Findings) -> Markup {
    html! {
        table {
            thead { tr { th { "promise" } th.n { "broken" } th { } } }
            tbody {
                @for ((name, list), (_, number)) in verdict.lists().iter().zip(verdict.numbers()) {
                    tr {
                        td { (promise(name)) }
                        td.n { (count(number)) }
                        td { (mark(list.is_empty(), "kept", name)) }
                    }
                    (broken(list))
                }
            }
        }
    }
}

fn promise(list: &str) -> &str {
    match list {
        "oversold" => "No more is promised or shipped than there is.",
        "undersold" => "Nobody is refused while there are units.",
        "lost" => "What is taken is decided, what is decided is said, what is told is kept.",
        "twice" => "Nothing is decided or said twice, or said and not decided.",
        "stuck holds" => "Holds end when they should.",
        _ => "Nothing else is wrong: no entity is quarantined, each record can be read.",
    }
}

fn broken(list: &[String]) -> Markup {
    html! {
        @if !list.is_empty() {
            tr { td colspan="3" { ul.broken { @for each in list { li { (each) } } } } }
        }
    }
}

/// Waits by kind.
pub fn waits(report: &Report) -> Markup {
    if report.waits.is_empty() {
        return nothing("Nobody waited for anything.");
    }
    let counts = ["asked", "answered", "busy", "gave up", "refused", "unanswered"];
    let times = ["p50", "p90", "p99", "p99.9", "max"];
    html! {
        table {
            thead {
                tr {
                    th { "kind" }
                    @for name in counts { th.n { (name) } }
                    @for name in times { th.n { (name) " ms" } }
                }
            }
            tbody {
                @for (kind, waits) in &report.waits {
                    tr { td { (kind.as_str()) } (numbers(waits)) }
                }
            }
        }
    }
}

fn numbers(waits: &Waits) -> Markup {
    let Waits { asked, answered, busy, gave_up, refused, unanswered, .. } = waits;
    let Waits { p50_ms, p90_ms, p99_ms, p999_ms, max_ms, .. } = waits;
    html! {
        @for n in [asked, answered, busy, gave_up, refused, unanswered] { td.n { (count(*n)) } }
        @for ms in [p50_ms, p90_ms, p99_ms, p999_ms, max_ms] { td.n { (number(*ms)) } }
    }
}

/// What was broken on purpose.
pub fn faults(report: &Report) -> Markup {
    if report.faults.is_empty() {
        return nothing("Nothing was broken on purpose.");
    }
    html! {
        table.snug {
            thead {
                tr { th.n { "no." } th { "what" } th.n { "at s" } th.n { "for s" } th.n { "longest wait ms" } }
            }
            tbody {
                @for (fault, i) in report.faults.iter().zip(1..) {
                    tr {
                        td.n { (i) }
                        td { (fault.what) }
                        td.n { (number(fault.at_s)) }
                        td.n { (number(fault.for_s)) }
                        td.n { (number(fault.longest_wait_ms)) }
                    }
                }
            }
        }
        p.note { "The longest wait is that of what was asked meanwhile and in the ten seconds after." }
    }
}

/// The SKUs that were asked for most.
pub fn hot(report: &Report) -> Markup {
    if report.hot.is_empty() {
        return nothing("Nobody asked for a SKU.");
    }
    let most = report.hot.iter().map(|hot| hot.asked.max(hot.refused)).max().unwrap_or(0);
    html! {
        ul.legend {
            li { i.key.blue.area {} "asked" }
            li { i.key.vermillion.area {} "refused" }
        }
        table {
            thead { tr { th { "SKU" } th.n { "asked" } th.n { "units granted" } th.n { "refused" } th.wide {} } }
            tbody { @for hot in &report.hot { (sku(hot, most)) } }
        }
    }
}

fn sku(hot: &Hot, most: u64) -> Markup {
    html! {
        tr {
            td { code { (hot.sku) } }
            td.n { (count(hot.asked)) }
            td.n { (count(hot.granted)) }
            td.n { (count(hot.refused)) }
            td.wide { (bar("blue", hot.asked, most)) (bar("vermillion", hot.refused, most)) }
        }
    }
}

fn bar(class: &str, of: u64, most: u64) -> Markup {
    let percent = 100.0 * of as f64 / most.max(1) as f64;
    html! { div.bar.(class) style={ "width:" (format!("{percent:.1}")) "%" } {} }
}

/// What came of holds, orders and other events.
pub fn outcomes(report: &Report) -> Markup {
    if report.outcomes.is_empty() {
        return nothing("Nothing came of anything.");
    }
    let most = report.outcomes.values().copied().max().unwrap_or(0);
    html! {
        table {
            thead { tr { th { "outcome" } th.n { "how many" } th.wide {} } }
            tbody {
                @for (name, n) in &report.outcomes {
                    tr { td { (name) } td.n { (count(*n)) } td.wide { (bar("blue", *n, most)) } }
                }
            }
        }
    }
}

/// Where and how, and how to repeat it.
pub fn run(report: &Report) -> Markup {
    let machine = &report.machine;
    let rows = [
        ("plan", report.plan.clone()),
        ("seed", report.seed.to_string()),
        ("times as many shoppers as the plan has", report.rate.to_string()),
        ("Earmark", report.version.clone()),
        ("began", report.began.clone()),
        ("shoppers came for", with(report.duration_s, "s")),
        ("all was settled after", with(report.settled_after_s, "s more")),
        ("processors", machine.processors.to_string()),
        ("pods", machine.pods.to_string()),
        ("partitions", machine.partitions.to_string()),
    ];
    html! {
        table.run {
            tbody { @for (name, value) in rows { tr { th { (name) } td { (value) } } } }
        }
        p { "The same shoppers come again with the file of this plan in the place of PLAN:" }
        pre { code { "earmark load PLAN --seed " (report.seed) " --rate " (report.rate) } }
        p.note { "What they ask is the same then; how long they wait is the machine's." }
    }
}

fn nothing(words: &str) -> Markup {
    html! { p.none { (words) } }
}
