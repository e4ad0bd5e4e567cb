//! What came of a load test, and how two of them differ, as tables.

use crate::{
    cli::print,
    load::{
        capacity::Capacity,
        compare::Comparison,
        report::{Kind, Report, Waits},
    },
};

/// What came of one.
pub fn told(report: &Report) {
    let headings = [
        "",
        "asked",
        "decided",
        "refused",
        "busy",
        "gave up",
        "unanswered",
        "p50",
        "p99",
        "p99.9",
        "longest",
    ];
    let mut table = print::table(&headings);
    for (kind, waits) in &report.waits {
        let Waits { asked, answered, refused, busy, gave_up, unanswered, .. } = waits;
        let counts = [asked, answered, refused, busy, gave_up, unanswered].map(u64::to_string);
        let times = [waits.p50_ms, waits.p99_ms, waits.p999_ms, waits.max_ms]
            .map(|wait| format!("{wait:.1} ms"));
        let name = [kind.as_str().to_owned()];
        table.add_row(name.into_iter().chain(counts).chain(times));
    }
    print::line(table);
    for objective in &report.objectives {
        let holds = if objective.holds { "reached" } else { "MISSED" };
        let (name, wanted, found) = (&objective.name, objective.wanted, objective.found);
        print::line(format!("{holds}: {name}, {wanted} wanted, {found:.3} found"));
    }
    for fault in &report.faults {
        let (at_s, for_s, wait) = (fault.at_s, fault.for_s, fault.longest_wait_ms);
        let what = &fault.what;
        print::line(format!("{what} at {at_s} s for {for_s} s: {wait:.0} ms was the longest wait"));
    }
    let levels: Vec<String> = report.levels().iter().map(u8::to_string).collect();
    let settled = report.settled_after_s;
    print::line(format!(
        "levels of safe mode: {}; all that was begun was over {settled:.1} s after the last shopper",
        levels.join(" ")
    ));
    for ((name, list), (_, number)) in report.verdict.lists().iter().zip(report.verdict.numbers()) {
        print::line(format!("{name}: {number}"));
        list.iter().for_each(|line| print::line(format!("  {line}")));
    }
    report.unchecked.iter().for_each(|what| print::line(format!("not checked: {what}")));
    if let Some(why) = &report.unsettled {
        print::line(format!("NOT SETTLED: {why}"));
        print::line("what is lost or stuck may only be late; give it more time, or fewer shoppers");
    }
    match (report.is_broken(), &report.unsettled) {
        (true, _) => print::line("PROMISES WERE BROKEN"),
        (false, None) => print::line("every promise was kept"),
        (false, Some(_)) => {}
    }
}

/// How two differ.
pub fn compared(comparison: &Comparison) {
    print::line(format!("A: {}", comparison.a));
    print::line(format!("B: {}", comparison.b));
    comparison.warnings.iter().for_each(|why| print::line(format!("not the same: {why}")));
    let mut table = print::table(&["", "A", "B", "unit", "B by A"]);
    for row in &comparison.rows {
        table.add_row(row.cells());
    }
    print::line(table);
    comparison.changes.iter().for_each(print::line);
    print::line(&comparison.note);
}

/// How much a plan bears.
pub fn capacity(of: &Capacity) {
    let headings = ["shoppers a second", "answered a second", "hold p99", "order p99", "missed"];
    let mut table = print::table(&headings);
    for tried in &of.tried {
        let p99 = |kind: Kind| {
            let found = tried.p99_ms.get(&kind);
            found.map_or_else(|| "-".to_owned(), |wait| format!("{wait:.1} ms"))
        };
        table.add_row([
            format!("{:.0}", tried.shoppers_per_s),
            format!("{:.0}", tried.events_per_s),
            p99(Kind::Hold),
            p99(Kind::Order),
            tried.missed.join(", "),
        ]);
    }
    print::line(table);
    print::line(format!(
        "highest rate that reached every objective: {:.0} shoppers, {:.0} events a second",
        of.shoppers_per_s, of.events_per_s
    ));
    if let Some(needs) = &of.needs {
        print::line(format!(
            "{:.0} shoppers a second need {} pods and {} partitions",
            needs.shoppers_per_s, needs.pods, needs.partitions
        ));
        print::line(format!("how: {}", needs.how));
    }
}
