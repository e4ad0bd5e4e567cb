//! What dead letters mean for the shop: the built-in table, and what is laid over it.

use earmark::{
    contract::{
        Catalogue, EVENT_TYPES, Severity,
        catalogue::{Replay, over_shipped},
        dead_letter::{OWNERS, event_time},
    },
    domain::{event::Lane, refusal::Reason, time::Timestamp},
};

fn severity(reason: Reason, lane: Lane) -> Severity {
    Catalogue::shipped().handling(reason, None, lane).severity
}

#[test]
fn every_reason_of_a_dead_letter_has_a_row_and_an_owner() {
    let shipped = over_shipped(None).expect("the built-in table can be read");
    for reason in Reason::ALL.iter().copied().filter(|reason| reason.is_dead_letter()) {
        assert!(shipped.names(reason), "{reason} has no row");
        let kinds = EVENT_TYPES.iter().map(|known| Some(known.kind)).chain([None]);
        for (kind, lane) in kinds.flat_map(|kind| Lane::ALL.map(|lane| (kind, lane))) {
            let handling = shipped.handling(reason, kind, lane);
            assert!(OWNERS.contains(&handling.owner), "{reason} {kind:?}: {}", handling.owner);
            assert!(!handling.escalation.is_empty(), "{reason} {kind:?}");
            assert_eq!(handling.cost, None, "nobody has estimated it");
        }
    }
}

#[test]
fn what_broke_us_pages_and_the_rest_goes_by_its_lane() {
    assert_eq!(severity(Reason::Killer, Lane::Reporting), Severity::Page);
    assert_eq!(severity(Reason::Quarantined, Lane::Demand), Severity::Page);
    assert_eq!(severity(Reason::InvalidField, Lane::Settlement), Severity::High);
    assert_eq!(severity(Reason::InvalidField, Lane::Demand), Severity::Medium);
    assert_eq!(severity(Reason::InvalidField, Lane::Fulfilment), Severity::Medium);
    assert_eq!(severity(Reason::InvalidField, Lane::Reporting), Severity::Low);
}

#[test]
fn the_most_specific_row_that_says_something_wins() {
    let own = r#"
        [[rows]]
        type = "payment.*"
        owner = "till"
        cost_per_hour_minor = 5000
        currency = "EUR"
        [[rows]]
        type = "payment.captured.v1"
        owner = "captures"
        [[rows]]
        reason = "invalid_field"
        severity = "low"
        [[rows]]
        lane = "demand"
        severity = "page"
    "#;
    let catalogue = over_shipped(Some(own)).expect("it can be read");
    let of = |reason, kind, lane| catalogue.handling(reason, Some(kind), lane);
    let captured = of(Reason::Stale, "payment.captured.v1", Lane::Settlement);
    assert_eq!((captured.owner, captured.severity), ("captures", Severity::High));
    assert_eq!(captured.cost.map(|cost| cost.minor), Some(5_000));
    assert_eq!(of(Reason::Stale, "payment.failed.v1", Lane::Settlement).owner, "till");
    // The reason is more specific than type and lane.
    let invalid = of(Reason::InvalidField, "payment.captured.v1", Lane::Demand);
    assert_eq!((invalid.owner, invalid.severity), ("captures", Severity::Low));
    assert_eq!(of(Reason::Orphan, "hold.released.v1", Lane::Demand).severity, Severity::Page);
    assert_eq!(of(Reason::Killer, "payment.failed.v1", Lane::Settlement).owner, "operator");
    assert_eq!(of(Reason::Killer, "x", Lane::Settlement).replay, Replay::Never);
}

#[test]
fn what_is_wrong_is_named_with_its_row_and_field() {
    let own = r#"
        [[rows]]
        reason = "stale"
        severity = "urgent"
        [[rows]]
        reason = "rotten"
        type = "holds.requested"
        owner = "The Shop"
        replay = "perhaps"
        cost_per_hour_minor = 5
    "#;
    let wrongs = over_shipped(Some(own)).expect_err("it is wrong");
    let places: Vec<&str> = wrongs.iter().map(|wrong| wrong.place.as_str()).collect();
    let second = "row 2 (reason rotten, type holds.requested, lane *)";
    let fields = ["reason", "type", "owner", "replay", "currency"];
    let mut expected = vec!["row 1 (reason stale, type *, lane *): severity".to_owned()];
    expected.extend(fields.map(|field| format!("{second}: {field}")));
    assert_eq!(places, expected);
    assert_eq!(wrongs[0].found, "\"urgent\"");
    assert_eq!(wrongs[0].expected, "page, high, medium, low");

    let unknown = over_shipped(Some("[[rows]]\nseverty = \"low\"\n")).expect_err("no such field");
    assert_eq!(unknown[0].place, "row 1: severty");
    let no_toml = over_shipped(Some("rows = [")).expect_err("no TOML");
    assert_eq!((no_toml[0].place.as_str(), no_toml[0].expected.as_str()), ("the table", "TOML"));
}

#[test]
fn the_time_of_an_event_is_read_whatever_else_is_wrong() {
    let said = br#"{"time": "1970-01-01T00:00:01Z", "type": 5}"#;
    assert_eq!(event_time(said), Some(Timestamp(1_000_000)));
    assert_eq!(event_time(b"{\"time\": \"yesterday\"}"), None);
    assert_eq!(event_time(b"\xff"), None);
}
