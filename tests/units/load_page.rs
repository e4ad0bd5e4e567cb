//! The page of a load test: it has the numbers, needs nothing from elsewhere, and cannot be broken
//! by what a report says.

use std::collections::BTreeMap;

use earmark::{
    audit::Findings,
    load::{
        page::page,
        report::{Fault, Hot, Kind, Look, Machine, Objective, Report, Second, Waits},
    },
};

fn report(seconds: u64) -> Report {
    let waits = Waits {
        asked: 61_234,
        answered: 60_001,
        busy: 1_233,
        gave_up: 0,
        refused: 4_567,
        unanswered: 7,
        p50_ms: 3.21,
        p90_ms: 12.3,
        p99_ms: 87.6,
        p999_ms: 345.0,
        max_ms: 6_789.0,
        distribution: vec![(0.0, 0.5), (50.0, 3.21), (99.0, 87.6), (100.0, 6_789.0)],
    };
    let second = |at_s| Second {
        at_s,
        asked: 1_000 + at_s,
        answered: 990,
        busy: 3,
        waits: BTreeMap::from([(Kind::Hold, (3.0, 80.0)), (Kind::Settlement, (0.0, 4.0))]),
    };
    let look = |at_s| Look {
        at_s: at_s as f64,
        level: (at_s % 4) as u8,
        late_s: BTreeMap::from([("demand".to_owned(), 0.2), ("a new lane".to_owned(), 7.0)]),
        memory_bytes: 300 << 20,
        open_files: 70,
        streams_bytes: BTreeMap::from([("EARMARK_JOURNAL".to_owned(), 9 << 20)]),
        redis_bytes: (at_s % 3 > 0).then_some(5 << 20),
        short_units: 0,
    };
    let wanted = |name: &str, holds| Objective {
        name: name.to_owned(),
        wanted: 250.0,
        found: 250.25,
        holds,
    };
    Report {
        version: "9.8.7".to_owned(),
        plan: "a rush".to_owned(),
        about: "Many come at once.".to_owned(),
        seed: 4_711,
        began: "2026-11-27T00:00:00Z".to_owned(),
        machine: Machine { processors: 8, pods: 3, partitions: 24 },
        duration_s: seconds as f64,
        settled_after_s: 12.5,
        waits: BTreeMap::from([(Kind::Hold, waits)]),
        seconds: (0..seconds).map(second).collect(),
        looks: (0..seconds + 5).map(look).collect(),
        hot: vec![Hot { sku: "SKU-1".to_owned(), asked: 54_321, granted: 21, refused: 9_876 }],
        outcomes: BTreeMap::from([("holds granted".to_owned(), 43_210)]),
        faults: vec![Fault {
            at_s: 2.0,
            for_s: 0.0,
            what: "kill pod-1".to_owned(),
            longest_wait_ms: 6_788.0,
        }],
        verdict: Findings::default(),
        unchecked: Vec::new(),
        unsettled: None,
        plan_hash: "0123".to_owned(),
        rate: 1.0,
        objectives: vec![wanted("hold_p99_ms", true), wanted("order_p99_ms", false)],
    }
}

/// Each tag of an SVG is closed in its order, or by itself.
fn is_closed(svg: &str) -> bool {
    let mut open = Vec::new();
    for tag in svg.split('<').skip(1) {
        let Some((tag, _)) = tag.split_once('>') else { return false };
        let name = tag.split_whitespace().next().unwrap_or("");
        match name.strip_prefix('/') {
            Some(name) if open.pop() != Some(name) => return false,
            None if !tag.ends_with('/') => open.push(name),
            _ => {}
        }
    }
    open.is_empty()
}

/// The plots of a page, after a look at what any page promises.
fn plots(html: &str) -> Vec<&str> {
    assert!(html.starts_with("<!DOCTYPE html>") && html.ends_with("</html>"));
    let html_alone = html.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for outside in ["http:", "https:", "url(", "@import", "<script", "<link", "<img", " src="] {
        assert!(!html_alone.contains(outside), "{outside} in a page that needs nothing else");
    }
    assert!(!html.contains("NaN") && !html.contains("inf "), "a number that is none");
    let svgs: Vec<&str> = html.split("<svg").skip(1).collect();
    let whole = svgs.iter().map(|svg| svg.split_once("</svg>").expect("each SVG is closed").0);
    let whole: Vec<&str> = whole.map(|svg| svg.split_once('>').expect("its tag ends").1).collect();
    assert!(whole.iter().all(|svg| is_closed(svg)));
    whole
}

#[test]
fn the_numbers_are_there() {
    let html = page(&report(60));
    assert_eq!(plots(&html).len(), 7);
    let numbers =
        "61,234 60,001 1,233 4,567 3.21 12.3 87.6 345 6,789 54,321 9,876 43,210 6,788 250.25";
    let words = "4711 9.8.7 2026-11-27T00:00:00Z hold_p99_ms order_p99_ms kill&#32;pod-1 viewBox";
    for expected in numbers.split(' ').chain(words.split(' ')) {
        let expected = expected.replace("&#32;", " ");
        assert!(html.contains(&expected), "{expected} is missing");
    }
    assert!(html.contains("earmark load PLAN --seed 4711"));
    assert!(html.contains("hold p99 wanted: 250 ms"));
    assert!(html.contains("JOURNAL, MiB") && html.contains("Redis, MiB"));
    assert!(!html.contains("SNAPS., MiB"), "nobody saw that stream");
}

#[test]
fn the_verdict_comes_first() {
    let mut report = report(3);
    let html = page(&report);
    assert!(html.contains("Every promise was kept"));
    assert!(html.contains("1 of 2 objectives missed: order_p99_ms."));
    report.objectives.pop();
    assert!(page(&report).contains("verdict good"));
    report.verdict.lost = (0..60).map(|i| format!("order {i} was never decided")).collect();
    let html = page(&report);
    assert!(html.contains("PROMISES WERE BROKEN") && !html.contains("Every promise was kept"));
    assert!(html.contains("order 0 was") && html.contains("order 59 was"));
    report.verdict.in_all.insert("lost".to_owned(), 4_321);
    assert!(page(&report).contains("4,321"));
    report.unsettled = Some("after settle_within_s (120 s) 7 orders".to_owned());
    let html = page(&report);
    assert!(html.contains("120 s) 7 orders") && !html.contains("PROMISES WERE BROKEN"));
    report.verdict.oversold.push("sku A".to_owned());
    assert!(page(&report).contains("PROMISES WERE BROKEN"));
}

#[test]
fn what_a_report_says_is_text() {
    let hostile = "</title></style><script src=https://evil.example>\"'&<svg onload=x>";
    let mut report = report(3);
    let say = || hostile.to_owned();
    (report.plan, report.about, report.began, report.version) = (say(), say(), say(), say());
    report.hot[0].sku = say();
    report.faults[0].what = say();
    report.objectives[1].name = say();
    report.verdict.other = vec![say()];
    report.outcomes.insert(say(), 1);
    report.looks[0].late_s.insert(say(), 1.0);
    report.looks[0].streams_bytes.insert(say(), 1);
    let html = page(&report);
    assert!(!html.contains("<script") && !html.contains("<svg onload"));
    assert!(html.contains("&lt;script src=https://evil.example"));
    assert_eq!(plots(&html.replace("https://evil.example", "").replace(" src=", "")).len(), 7);
}

#[test]
fn little_is_enough_for_a_page() {
    let html = page(&Report::default());
    assert_eq!(plots(&html).len(), 0);
    assert!(html.contains("Nothing was asked"));
    let single = page(&report(1));
    assert_eq!(plots(&single).len(), 7);
    assert!(single.contains("<circle"), "a single second is a dot");
}

#[test]
fn numbers_that_cannot_be_do_no_harm() {
    let mut report = report(4);
    for (look, wrong) in report.looks.iter_mut().zip([f64::NAN, f64::INFINITY, -1.0, 1e300]) {
        (look.at_s, look.memory_bytes) = (wrong, u64::MAX);
        look.late_s.insert("demand".to_owned(), wrong);
    }
    let waits = [(f64::NAN, f64::INFINITY), (-1.0, 0.0)];
    for (second, waits) in report.seconds.iter_mut().zip(waits) {
        (second.at_s, second.asked) = (u64::MAX, u64::MAX);
        second.waits.insert(Kind::Hold, waits);
    }
    report.faults[0].for_s = f64::NAN;
    report.faults.push(Fault { at_s: -5.0, for_s: 1e300, ..Fault::default() });
    report.duration_s = f64::INFINITY;
    report.objectives[0].wanted = f64::NAN;
    page(&report);
}

#[test]
fn a_long_run_is_no_long_page() {
    let html = page(&report(20_000));
    assert_eq!(plots(&html).len(), 7);
    assert!(html.len() < 500_000, "{} bytes", html.len());
}
