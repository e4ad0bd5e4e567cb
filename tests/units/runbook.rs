//! The operator's page says something about everything that it is opened for.

use std::collections::{BTreeMap, BTreeSet};

use earmark::domain::refusal::Reason;

const PAGE: &str = include_str!("../../deploy/runbook.md");
const ALERTS: &str = include_str!("../../deploy/prometheus/alerts.yaml");

fn alerts() -> BTreeSet<&'static str> {
    ALERTS.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect()
}

#[test]
fn each_alert_and_reason_code_has_a_section_with_its_four_answers() {
    let sections: BTreeMap<&str, &str> =
        PAGE.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    let alerts = alerts();
    assert!(alerts.len() > 20, "{alerts:?}");
    let codes = Reason::ALL.iter().map(|reason| reason.as_str());
    let known: BTreeSet<&str> = codes.chain(alerts).collect();
    for name in &known {
        let section = sections.get(name);
        let section = section.unwrap_or_else(|| panic!("{name} has no section"));
        let answers = ["**Means**", "**Look**", "**Do**", "**Undo**"];
        let missing = answers.iter().find(|answer| !section.contains(*answer));
        assert_eq!(missing, None, "{name}");
    }
    let unknown = sections.keys().find(|name| !known.contains(**name));
    assert_eq!(unknown, None, "nobody knows this code or alert");
}

#[test]
fn each_alert_leads_to_its_section() {
    for alert in alerts() {
        let anchor = format!("runbook: deploy/runbook.md#{}\n", alert.to_lowercase());
        assert_eq!(ALERTS.matches(&anchor).count(), 1, "{alert}");
    }
}
