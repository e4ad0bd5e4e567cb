//! The operator's page says something about everything that it is opened for.

use std::collections::BTreeMap;

use earmark::domain::refusal::Reason;

const PAGE: &str = include_str!("../../deploy/runbook.md");

#[test]
fn each_reason_code_has_a_section_with_its_four_answers() {
    let sections: BTreeMap<&str, &str> =
        PAGE.split("\n## ").skip(1).filter_map(|section| section.split_once('\n')).collect();
    for reason in Reason::ALL {
        let section = sections.get(reason.as_str());
        let section = section.unwrap_or_else(|| panic!("{reason} has no section"));
        let answers = ["**Means**", "**Look**", "**Do**", "**Undo**"];
        let missing = answers.iter().find(|answer| !section.contains(*answer));
        assert_eq!(missing, None, "{reason}");
    }
    let known = |name: &&str| Reason::ALL.iter().any(|reason| reason.as_str() == *name);
    assert_eq!(sections.keys().find(|name| !known(name)), None, "nobody knows this code");
}
