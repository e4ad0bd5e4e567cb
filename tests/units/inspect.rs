//! What `earmark inspect` shows of a fact.

use earmark::cli::inspect::history::brief;
use serde_json::json;

#[test]
fn a_fact_is_shown_by_its_name_and_plain_fields() {
    let fact = json!({"HoldOpened": {"name": {"named": "h1"},
        "units": {"covered": 2, "short": 0}, "list": [1, 2], "gone": null, "firm": true}});
    let shown = brief(&fact);
    assert_eq!(shown.as_deref(), Some("HoldOpened firm list[2] name.named=h1 units.covered=2"));
    let first = brief(&json!({"LineMoved": {"leg": 0, "line": 0, "units": 0}}));
    assert_eq!(first.as_deref(), Some("LineMoved leg=0 line=0"));
    assert_eq!(brief(&json!("Confirmed")).as_deref(), Some("Confirmed"));
    assert_eq!(brief(&json!({"Remembered": {"key": 1}})), None);
}
