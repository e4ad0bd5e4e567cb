//! What an event says against where it was read.

use earmark::{
    contract::{
        Decoded, EntityType, Limits, Received, Rejection, Rule, StoredSubject, admit, partition_of,
    },
    domain::{event::Lane, refusal::Reason, time::Span},
};
use serde_json::json;

use crate::support::{accepted, changed, good};

const PARTITIONS: u16 = 16;

fn place_of(event: &Decoded) -> Received {
    Received {
        subject: StoredSubject {
            partition: partition_of(&event.key, PARTITIONS),
            lane: event.lane,
            entity: EntityType::of(&event.key),
        },
        partitions: PARTITIONS,
        logged_at: event.time,
    }
}

fn refused(event: &Decoded, at: &Received) -> Rejection {
    *admit(event, at, &Limits::default()).expect_err("it was admitted")
}

#[test]
fn an_event_is_admitted_where_it_belongs() {
    for of in earmark::contract::EVENT_TYPES {
        let event = accepted(&good(of.name));
        admit(&event, &place_of(&event), &Limits::default()).unwrap();
    }
}

#[test]
fn another_lane() {
    let event = accepted(&good("hold.requested"));
    let mut at = place_of(&event);
    at.subject.lane = Lane::Reporting;
    let rejection = refused(&event, &at);
    assert_eq!((rejection.reason, rejection.rule), (Reason::WrongLane, Rule::Lane));
    assert_eq!(rejection.expected, "the lane demand for hold.requested.v1");
    assert_eq!(rejection.id.as_deref(), Some("hold-0001"));
    assert_eq!(rejection.reply_to.as_deref(), Some("_INBOX.shop.81"));
}

#[test]
fn another_key_or_another_spelling_of_it() {
    let event = accepted(&changed("hold.requested", "/subject", json!("a.b")));
    let mut at = place_of(&event);
    at.subject.partition = (at.subject.partition + 1) % PARTITIONS;
    assert_eq!(refused(&event, &at).reason, Reason::Misrouted);
    let mut at = place_of(&event);
    at.subject.entity = EntityType::Order;
    assert_eq!(refused(&event, &at).reason, Reason::Misrouted);
}

#[test]
fn a_time_ahead_of_the_log() {
    let event = accepted(&good("hold.requested"));
    let mut at = place_of(&event);
    at.logged_at = event.time - Limits::default().skew;
    admit(&event, &at, &Limits::default()).unwrap();
    at.logged_at = at.logged_at - Span(1);
    let rejection = refused(&event, &at);
    assert_eq!(rejection.reason, Reason::TimeInFuture);
    assert_eq!(rejection.field.as_deref(), Some("time"));
}

#[test]
fn a_time_long_ago_is_for_the_entity_to_judge() {
    let event = accepted(&changed("hold.requested", "/time", json!("1999-01-01T00:00:00Z")));
    let mut at = place_of(&event);
    at.logged_at = event.time + Span::from_secs(1_000_000_000);
    admit(&event, &at, &Limits::default()).unwrap();
}
