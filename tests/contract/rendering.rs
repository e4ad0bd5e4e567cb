//! What leaves: outcomes, answers, dead letters.

use std::fmt::Write;

use earmark::{
    contract::{
        Catalogue, CauseRef,
        answer::{Answer, render_answer, render_rejection_answer},
        dead_letter::{DeadLetter, HEADERS_BYTES_MAX, Payload, render_dead_letter},
        document::samples,
        outcome::{OutcomeEvent, render_outcome},
    },
    domain::{
        brief::{Brief, OrderBrief},
        decision::{Standing, Verdict},
        event::{HoldKind, Lane},
        ids::{EntityKey, HoldName, LocationId, Name, Owner, Sku},
        order::{lines::Units, payment::MoneyStage, status::OrderStatus},
        outcome::{Outcome, Quantities},
        refusal::{Reason, Refusal},
        time::Timestamp,
    },
};
use serde_json::{Value, json};

use crate::support::{compare, refused, without};

const NOW: Timestamp = Timestamp(1_772_442_900_250_000);

const CAUSE: CauseRef =
    CauseRef { source: "/shop/web", id: "hold-0001", traceparent: Some("00-x") };

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn location() -> LocationId {
    LocationId::new("hamburg").unwrap()
}

fn sku() -> Sku {
    Sku::new("MUG").unwrap()
}

fn hold() -> HoldName {
    HoldName::Named(name("cart-81/1"))
}

fn owner() -> Owner {
    Owner::Named(name("cart-81"))
}

fn refusal() -> Refusal {
    Refusal { reason: Reason::InsufficientStock, available: Some(3), about: Some(name("1")) }
}

fn granted(quantity: u32) -> Outcome {
    Outcome::HoldGranted {
        hold: hold(),
        owner: owner(),
        kind: HoldKind::Cart,
        requested: 5,
        quantity,
        backordered: 1,
        location: location(),
        expires_at: NOW,
    }
}

fn quantities() -> Quantities {
    Quantities { on_hand: 10, available: 7, held: 3, ..Quantities::default() }
}

fn render(outcome: &Outcome, key: &EntityKey, after: Option<&Quantities>) -> Value {
    let id = "1-4-77-0";
    let event = OutcomeEvent { id, key, time: NOW, cause: Some(CAUSE), outcome, quantities: after };
    serde_json::from_slice(&render_outcome(&event)).unwrap()
}

#[test]
fn outcomes_are_cloudevents() {
    let key = EntityKey::Sku(sku());
    let event = render(&granted(2), &key, Some(&quantities()));
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["id"], "1-4-77-0");
    assert_eq!(event["source"], "earmark");
    assert_eq!(event["type"], "hold.partially_granted.v1");
    assert_eq!(event["subject"], "MUG");
    assert_eq!(event["time"], "2026-03-02T09:15:00.25Z");
    assert_eq!(event["causationid"], "hold-0001");
    assert_eq!(event["causationsource"], "/shop/web");
    assert_eq!(event["traceparent"], "00-x");
    assert_eq!(event["data"]["quantities"]["available"], 7);
    assert_eq!(event["data"]["quantities"]["held"], 3);
}

#[test]
fn outcomes_say_what_they_said() {
    let mut text = String::new();
    for (key, outcome) in samples::outcomes() {
        let event = render(&outcome, &key, None);
        writeln!(text, "{} {}", event["type"].as_str().unwrap(), event["data"]).unwrap();
    }
    compare("outcomes.txt", &text);
}

#[test]
fn an_outcome_without_a_cause_names_none() {
    let key = EntityKey::Sku(sku());
    let outcome = Outcome::OrderClosed;
    let event = OutcomeEvent {
        id: "1",
        key: &key,
        time: NOW,
        cause: None,
        outcome: &outcome,
        quantities: None,
    };
    let event: Value = serde_json::from_slice(&render_outcome(&event)).unwrap();
    assert_eq!(event.get("causationid"), None);
    assert_eq!(event.get("traceparent"), None);
    assert_eq!(event["data"], json!({}));
}

fn answer(verdict: &Verdict, standing: Standing) -> Value {
    answer_by(verdict, standing, None)
}

fn answer_by(verdict: &Verdict, standing: Standing, retry_after_s: Option<u32>) -> Value {
    let (id, subject, time, cause) = ("1", "MUG", NOW, CAUSE);
    let answer = Answer { id, subject, time, cause, verdict, standing, retry_after_s };
    serde_json::from_slice::<Value>(&render_answer(&answer)).unwrap()["data"].take()
}

#[test]
fn answers_say_what_was_decided() {
    let granted = |quantity| Verdict::HoldGranted {
        requested: 5,
        quantity,
        backordered: 0,
        location: location(),
        expires_at: NOW,
    };
    let of = |verdict: &Verdict| answer(verdict, Standing::New);
    assert_eq!(of(&Verdict::Accepted)["status"], "accepted");
    assert_eq!(of(&Verdict::Recorded)["status"], "recorded");
    assert_eq!(of(&Verdict::Parked)["status"], "parked");
    assert_eq!(of(&Verdict::HoldExtended { expires_at: NOW })["status"], "extended");
    assert_eq!(of(&granted(5))["status"], "granted");
    let partial = answer(&granted(2), Standing::Repeated);
    assert_eq!(partial["status"], "partially_granted");
    assert_eq!(partial["repeated"], true);
    assert_eq!(partial["location"], "hamburg");
    let refused = of(&Verdict::Refused(refusal()));
    assert_eq!(
        refused,
        json!({
            "event_id": "hold-0001", "event_source": "/shop/web", "status": "refused",
            "repeated": false, "reason": "insufficient_stock", "available": 3, "about": "1"
        })
    );
}

#[test]
fn rejections_are_answered() {
    let rejection = refused(&without("hold.requested", "/data/owner"));
    let bytes = render_rejection_answer("9", NOW, &rejection);
    let event: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(event["type"], "answer.v1");
    assert_eq!(event["causationid"], "hold-0001");
    let data = &event["data"];
    assert_eq!(data["status"], "refused");
    assert_eq!(data["reason"], "missing_field");
    assert_eq!(data["field"], "data.owner");
    assert_eq!(data["action"], "add the field");
}

#[test]
fn dead_letters_keep_the_bytes_and_the_place() {
    let rejection = refused(&without("hold.requested", "/data/owner"));
    let catalogue = Catalogue::shipped();
    let none = Quantities::default();
    let letter = DeadLetter {
        id: "9",
        rejection: &rejection,
        handling: catalogue.handling(rejection.reason, rejection.kind.as_deref(), Lane::Demand),
        event_time: Some(NOW),
        stream: "EARMARK_IN",
        sequence: 77,
        subject: "earmark.p.3.demand.sku",
        logged_at: NOW,
        time: NOW,
        headers: "Trace-Id: 7\nTenant: shop",
        stood: Some(Brief::Sku { revision: 3, total: Quantities { on_hand: 5, ..none } }),
        payload: Payload::Inline(b"\xff\x00"),
    };
    let body: Value = serde_json::from_slice(&render_dead_letter(&letter)).unwrap();
    assert_eq!(body["payload_base64"], "/wA=");
    assert_eq!((&body["sequence"], &body["severity"]), (&json!(77), &json!("medium")));
    assert_eq!((&body["rule"], &body["owner"]), (&json!("field.required"), &json!("shop")));
    assert_eq!(body["contract_version"], 1);
    assert_eq!((&body["replay"], &body["currency"]), (&json!("after_correction"), &json!(null)));
    assert_eq!((&body["revision"], &body["quantities"]["on_hand"]), (&json!(3), &json!(5)));
    assert_eq!(body["headers"], "Trace-Id: 7\nTenant: shop");
    assert_eq!(body["order"], json!(null));
    let units = Units { reserved: 2, ..Units::default() };
    let order = OrderBrief { status: OrderStatus::Reserved, payment: MoneyStage::Unpaid, units };
    let stood = Some(Brief::Order { revision: 4, placed: Some(order) });
    let body: Value =
        serde_json::from_slice(&render_dead_letter(&DeadLetter { stood, ..letter })).unwrap();
    assert_eq!((&body["revision"], &body["quantities"]), (&json!(4), &json!(null)));
    assert_eq!(body["order"]["status"], "reserved");
    assert_eq!(body["order"]["units"]["reserved"], 2);
    let headers = "é".repeat(HEADERS_BYTES_MAX);
    let letter = DeadLetter { headers: &headers, payload: Payload::Object("in-77"), ..letter };
    let body: Value = serde_json::from_slice(&render_dead_letter(&letter)).unwrap();
    assert_eq!(body["object"], "in-77");
    assert_eq!(body.get("payload_base64"), None);
    assert_eq!(body["headers"], headers[..HEADERS_BYTES_MAX], "and no more");
}
