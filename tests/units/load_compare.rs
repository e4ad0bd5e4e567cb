//! Two load tests beside each other: their ratios, and what makes them hard to compare.

use std::collections::BTreeMap;

use earmark::load::{
    compare::{Comparison, Row, compare},
    report::{Fault, Kind, Look, Machine, Objective, Report, Waits},
};

fn report() -> Report {
    let hold = Waits {
        asked: 1_100,
        answered: 900,
        busy: 100,
        gave_up: 0,
        refused: 90,
        p50_ms: 4.0,
        p99_ms: 50.0,
        p999_ms: 80.0,
        ..Waits::default()
    };
    let look = |late, memory_mib: u64| Look {
        late_s: BTreeMap::from([("demand".to_owned(), late)]),
        memory_bytes: memory_mib << 20,
        short_units: 0,
        ..Look::default()
    };
    Report {
        plan: "a rush".to_owned(),
        seed: 1,
        machine: Machine { processors: 2, pods: 3, partitions: 24 },
        duration_s: 90.0,
        settled_after_s: 8.0,
        waits: BTreeMap::from([(Kind::Hold, hold)]),
        looks: vec![look(0.5, 100), look(2.0, 300), look(1.0, 200)],
        objectives: vec![Objective {
            name: "hold_p99_ms".to_owned(),
            wanted: 60.0,
            found: 50.0,
            holds: true,
        }],
        ..Report::default()
    }
}

fn row<'a>(comparison: &'a Comparison, name: &str) -> &'a Row {
    comparison.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"))
}

#[test]
fn a_run_is_like_itself() {
    let comparison = compare(&report(), &report());
    assert!(comparison.warnings.is_empty() && comparison.changes.is_empty());
    assert!(comparison.rows.iter().all(|row| row.ratio == Some(1.0) && row.says_little()));
    assert!(comparison.note.contains("10 %"));
    let json = serde_json::to_string(&comparison).expect("it can be written");
    assert_eq!(serde_json::from_str::<Comparison>(&json).expect("and read"), comparison);
}

#[test]
fn ratios_are_b_by_a() {
    let mut b = report();
    let waits = b.waits.get_mut(&Kind::Hold).expect("it has holds");
    (waits.answered, waits.p99_ms, waits.busy) = (1_800, 150.0, 200);
    b.looks[1].late_s.insert("demand".to_owned(), 1.0);
    b.looks[1].level = 2;
    let comparison = compare(&report(), &b);
    assert_eq!(
        row(&comparison, "hold answered").cells(),
        ["hold answered", "10", "20", "/s", "2.00"]
    );
    assert_eq!(row(&comparison, "hold p99").cells(), ["hold p99", "50", "150", "ms", "3.00"]);
    assert_eq!(row(&comparison, "hold told busy").a, Some(10.0));
    assert_eq!(row(&comparison, "hold told busy").ratio, Some(1.0));
    assert_eq!(row(&comparison, "hold refused").ratio, Some(0.5));
    assert_eq!(row(&comparison, "longest lag, demand").ratio, Some(0.5));
    assert_eq!(row(&comparison, "most memory, all pods").b, Some(300.0));
    assert!(!row(&comparison, "hold p99").says_little());
    let level = row(&comparison, "highest level of safe mode");
    assert_eq!((level.a, level.b, level.ratio), (Some(0.0), Some(2.0), None));
}

#[test]
fn what_only_one_kept_is_said() {
    let mut b = report();
    b.verdict.oversold = vec!["SKU-1 by 2".to_owned()];
    (b.objectives[0].found, b.objectives[0].holds) = (70.0, false);
    let comparison = compare(&report(), &b);
    let changes =
        ["B broke a promise that A kept: oversold, 1", "B missed hold_p99_ms, which A reached"];
    assert_eq!(comparison.changes, changes);
    assert_eq!(row(&comparison, "promises broken, oversold").b, Some(1.0));
    assert_eq!(row(&comparison, "objective hold_p99_ms").ratio, Some(1.4));
    assert_eq!(compare(&b, &report()).changes.len(), 2);
}

#[test]
fn what_cannot_be_compared_is_warned_of() {
    let a = report();
    let warned = |change: fn(&mut Report)| {
        let mut b = report();
        change(&mut b);
        let warnings = compare(&a, &b).warnings;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        warnings.concat()
    };
    assert_eq!(warned(|b| b.plan = "calm".to_owned()), "other plans: a rush in A, calm in B");
    assert!(warned(|b| b.rate = 2.0).starts_with("other times as many shoppers"));
    assert!(warned(|b| b.plan_hash = "ab".to_owned()).contains("contents"));
    assert!(warned(|b| b.seed = 2).starts_with("other seeds"));
    assert!(warned(|b| b.version = "2".to_owned()).contains("versions"));
    assert!(warned(|b| b.machine.processors = 4).contains("processors: 2 in A, 4 in B"));
    assert!(warned(|b| b.machine.pods = 1).contains("pods"));
    assert!(warned(|b| b.machine.partitions = 6).contains("partitions"));
    assert!(warned(|b| b.duration_s = 120.0).contains("durations: 90 s in A, 120 s in B"));
    assert!(warned(|b| b.objectives[0].wanted = 70.0).contains("objectives"));
    assert!(warned(|b| b.faults.push(Fault::default())).contains("faults"));
    let mut b = report();
    b.duration_s = 90.4;
    assert!(compare(&a, &b).warnings.is_empty());
}

#[test]
fn what_one_does_not_have_is_missing() {
    let comparison = compare(&report(), &Report::default());
    let p99 = row(&comparison, "hold p99");
    assert_eq!((p99.b, p99.ratio), (None, None));
    assert_eq!(p99.cells(), ["hold p99", "50", "–", "ms", "–"]);
    assert!(compare(&Report::default(), &Report::default()).warnings.is_empty());
}
