//! Everything that is wrong with an event, one at a time.

use earmark::{
    contract::{Limits, Rejection, Rule, decode},
    domain::{
        event::{OrderEvent, SkuEvent},
        refusal::Reason,
    },
};
use serde_json::{Value, json};

use crate::support::{accepted, changed, good, order_of, refused, refused_bytes, without};

/// Checks by which rule and for which field something is refused.
pub fn is(rejection: &Rejection, rule: Rule, field: &str) {
    assert_eq!((rejection.rule, rejection.field.as_deref()), (rule, Some(field)), "{rejection}");
    assert_eq!(rejection.reason, rule.reason());
}

#[test]
fn bytes_that_are_not_json() {
    let deep = format!("{}{}", r#"{"id":1,"x":"#, "[".repeat(100_000));
    let cases =
        [&b""[..], b" \n", b"not json", b"{\"id\":", b"{}{}", b"\xff\xfe{}", deep.as_bytes()];
    for bytes in cases {
        let rejection = refused_bytes(bytes);
        assert_eq!(rejection.reason, Reason::MalformedJson, "{rejection}");
        assert!(rejection.found.chars().count() <= 120);
    }
}

#[test]
fn json_that_is_no_event() {
    for bytes in ["[]", "7", "null", "\"hold\"", r#"["1.0","a","b","c","d","e",{}]"#] {
        assert_eq!(refused_bytes(bytes.as_bytes()).rule, Rule::JsonObject);
    }
    assert_eq!(refused_bytes(b"{}").reason, Reason::MissingField);
    let trailing = format!("{} x", good("hold.requested"));
    assert_eq!(refused_bytes(trailing.as_bytes()).reason, Reason::MalformedJson);
}

#[test]
fn each_required_field_of_the_envelope() {
    for field in ["specversion", "id", "source", "type", "subject", "time", "data"] {
        let pointer = format!("/{field}");
        is(&refused(&without("hold.requested", &pointer)), Rule::FieldRequired, field);
        let wrong = refused(&changed("hold.requested", &pointer, json!(7)));
        is(&wrong, Rule::FieldType, field);
    }
}

#[test]
fn a_rejection_names_the_event_as_far_as_it_can() {
    let rejection = refused(&without("hold.requested", "/time"));
    assert_eq!(rejection.id.as_deref(), Some("hold-0001"));
    assert_eq!(rejection.source.as_deref(), Some("/shop/web"));
    assert_eq!(rejection.subject.as_deref(), Some("MUG-12.BLUE"));
    assert_eq!(rejection.kind.as_deref(), Some("hold.requested.v1"));
    assert_eq!(rejection.reply_to.as_deref(), Some("_INBOX.shop.81"));
    let rejection = refused(&changed("hold.requested", "/data/quantity", json!(-1)));
    assert_eq!(rejection.id.as_deref(), Some("hold-0001"));
    assert_eq!(rejection.reply_to.as_deref(), Some("_INBOX.shop.81"));
}

#[test]
fn types_and_versions() {
    let of = |kind: &str| refused(&changed("hold.requested", "/type", json!(kind)));
    for kind in ["hold.requested.v2", "hold.requested", "hold.requested.v01", "hold.requested.v"] {
        is(&of(kind), Rule::TypeVersion, "type");
        assert_eq!(of(kind).expected, "hold.requested.v1");
    }
    is(&of("hold.requestd.v1"), Rule::TypeKnown, "type");
    assert!(of("hold.requestd.v1").action.contains("hold.requested.v1"));
    assert!(of("warehouse.burned.v1").action.contains("earmark contracts"));
    is(&of(&"x".repeat(5_000)), Rule::TypeKnown, "type");
    is(&of(""), Rule::TypeKnown, "type");
}

#[test]
fn quantities() {
    for bad in [json!(0), json!(-2), json!(1_000_000_001), json!(u64::MAX)] {
        let rejection = refused(&changed("hold.requested", "/data/quantity", bad));
        is(&rejection, Rule::FieldRange, "data.quantity");
        assert!(rejection.expected.contains("1 to 1000000000"));
    }
    for bad in [json!("2"), json!(2.0), json!(2.5), json!(null), json!(true), json!([2])] {
        let rejection = refused(&changed("hold.requested", "/data/quantity", bad));
        is(&rejection, Rule::FieldType, "data.quantity");
    }
    for bad in [json!(0), json!(1_000_000_001), json!(-1_000_000_001)] {
        let rejection = refused(&changed("stock.adjusted", "/data/quantity", bad));
        is(&rejection, Rule::FieldRange, "data.quantity");
    }
    accepted(&changed("hold.requested", "/data/quantity", json!(1_000_000_000)));
    accepted(&changed("stock.counted", "/data/quantity", json!(0)));
    let counted = refused(&changed("stock.counted", "/data/quantity", json!(1_000_000_001u64)));
    is(&counted, Rule::FieldRange, "data.quantity");
}

#[test]
fn spans_and_money() {
    for (name, field) in [
        ("hold.requested", "ttl_s"),
        ("hold.extended", "ttl_s"),
        ("sku.configured", "hold_ttl_s"),
        ("order.placed", "payment_due_s"),
    ] {
        for bad in [json!(0), json!(34_560_001), json!(-5)] {
            let rejection = refused(&changed(name, &format!("/data/{field}"), bad));
            is(&rejection, Rule::FieldRange, &format!("data.{field}"));
        }
    }
    let amount = |n: Value| changed("payment.captured", "/data/amount_minor", n);
    accepted(&amount(json!(1u64 << 53)));
    is(&refused(&amount(json!((1u64 << 53) + 1))), Rule::FieldRange, "data.amount_minor");
    for bad in ["", "EU", "EURO", "eur", "E1R", "ÄÖÜ"] {
        let rejection = refused(&changed("payment.captured", "/data/currency", json!(bad)));
        is(&rejection, Rule::FieldText, "data.currency");
    }
}

#[test]
fn words_are_written_as_text_and_from_their_set() {
    let kind = |to: Value| refused(&changed("hold.requested", "/data/kind", to));
    is(&kind(json!("basket")), Rule::FieldWord, "data.kind");
    assert_eq!(kind(json!("basket")).expected, "cart, order or draft");
    is(&kind(json!({"cart": null})), Rule::FieldType, "data.kind");
    is(&kind(json!(0)), Rule::FieldType, "data.kind");
    is(
        &refused(&changed("order.placed", "/data/policy", json!("Partial"))),
        Rule::FieldWord,
        "data.policy",
    );
    let same = refused(&changed("stock.moved", "/data/from", json!("quality_control")));
    is(&same, Rule::MoveDiffers, "data.to");
}

#[test]
fn names() {
    for bad in ["", "a\u{0}b", "tab\t", &"x".repeat(129)] {
        let rejection = refused(&changed("hold.requested", "/data/hold", json!(bad)));
        is(&rejection, Rule::FieldText, "data.hold");
    }
    for bad in ["", "a\nb", &"x".repeat(257), &".".repeat(86)] {
        is(
            &refused(&changed("hold.requested", "/subject", json!(bad))),
            Rule::SubjectKey,
            "subject",
        );
    }
    for field in ["id", "source"] {
        for bad in ["", "a\u{0}b", &"x".repeat(257)] {
            let rejection = refused(&changed("hold.requested", &format!("/{field}"), json!(bad)));
            is(&rejection, Rule::Identity, field);
        }
        accepted(&changed("hold.requested", &format!("/{field}"), json!("x".repeat(256))));
    }
}

#[test]
fn lines() {
    accepted(&order_of(500));
    for many in [501, 10_000] {
        let limits = Limits { event_bytes_max: 1 << 20, ..Limits::default() };
        let why = decode(order_of(many).to_string().as_bytes(), &limits).unwrap_err();
        is(&why, Rule::LinesMax, "data.lines");
        assert_eq!(why.reason, Reason::TooLarge);
    }
    for name in ["order.placed", "fulfilment.opened", "return.received", "order.cancel_requested"] {
        let empty = refused(&changed(name, "/data/lines", json!([])));
        is(&empty, Rule::FieldEmpty, "data.lines");
    }
    let twice = changed("order.cancel_requested", "/data/lines", json!(["1", "2", "1"]));
    is(&refused(&twice), Rule::LinesDistinct, "data.lines[2]");
    let line = json!({"line": "1", "quantity": 1});
    let twice = changed("fulfilment.picked", "/data/lines", json!([line, line]));
    is(&refused(&twice), Rule::LinesDistinct, "data.lines[1].line");
    let quantity = changed("order.placed", "/data/lines/1/quantity", json!("one"));
    is(&refused(&quantity), Rule::FieldType, "data.lines[1].quantity");
    let sku = changed("order.placed", "/data/lines/1/sku", json!(""));
    is(&refused(&sku), Rule::FieldText, "data.lines[1].sku");
    let as_list = changed("order.placed", "/data/lines/0", json!(["1", "MUG", 1, null, null]));
    is(&refused(&as_list), Rule::FieldType, "data.lines[0]");
    let data_as_list = changed("hold.committed", "/data", json!(["h", "o"]));
    is(&refused(&data_as_list), Rule::FieldType, "data");
}

#[test]
fn dispositions_belong_to_received_returns() {
    for name in ["return.requested", "return.approved", "return.declined", "fulfilment.shipped"] {
        let line = json!([{"line": "1", "quantity": 1, "disposition": "restock"}]);
        let rejection = refused(&changed(name, "/data/lines", line));
        is(&rejection, Rule::FieldForbidden, "data.lines[0].disposition");
    }
    accepted(&changed("return.received", "/data/lines", json!([{"line": "1", "quantity": 1}])));
}

#[test]
fn texts_and_attributes() {
    let long = "ü".repeat(513);
    for (name, field) in [
        ("hold.released", "reason"),
        ("stock.adjusted", "reason"),
        ("order.cancel_requested", "reason"),
        ("fulfilment.shipped", "tracking"),
        ("shipment.tracked", "carrier"),
        ("shipment.tracked", "status"),
    ] {
        let rejection = refused(&changed(name, &format!("/data/{field}"), json!(long)));
        is(&rejection, Rule::FieldText, &format!("data.{field}"));
    }
    let attributes = |value: Value| changed("sku.described", "/data/attributes", value);
    let many = |n: usize| attributes((0..n).map(|n| (format!("{n}"), json!("x"))).collect());
    accepted(&many(64));
    is(&refused(&many(65)), Rule::FieldText, "data.attributes");
    is(&refused(&attributes(json!({"x".repeat(129): "y"}))), Rule::FieldText, "data.attributes");
    is(&refused(&attributes(json!({"x": "y".repeat(1025)}))), Rule::FieldText, "data.attributes");
    is(&refused(&attributes(json!({"x": 1}))), Rule::FieldType, "data.attributes.x");
}

#[test]
fn times() {
    for bad in ["", "yesterday", "2026-03-02", "2026-03-02T09:15:00", "2026-13-02T09:15:00Z"] {
        is(&refused(&changed("hold.requested", "/time", json!(bad))), Rule::FieldTime, "time");
        let expiry = refused(&changed("hold.requested", "/expirytime", json!(bad)));
        is(&expiry, Rule::FieldTime, "expirytime");
        let as_of = refused(&changed("stock.counted", "/data/as_of", json!(bad)));
        is(&as_of, Rule::FieldTime, "data.as_of");
    }
    let ahead = changed("stock.counted", "/data/as_of", json!("2026-03-02T09:15:00.000001Z"));
    is(&refused(&ahead), Rule::CountPast, "data.as_of");
    accepted(&changed("stock.counted", "/data/as_of", json!("2026-03-02T10:15:00+01:00")));
}

#[test]
fn a_field_said_twice() {
    let text = good("hold.requested").to_string();
    let twice = text.replacen('{', r#"{"id":"other","#, 1);
    is(&refused_bytes(twice.as_bytes()), Rule::JsonDuplicate, "id");
    let twice = text.replace(r#""data":{"#, r#""data":{"quantity":1,"#);
    is(&refused_bytes(twice.as_bytes()), Rule::JsonDuplicate, "data.quantity");
}

#[test]
fn defaults_of_what_is_left_out() {
    let mut event = good("hold.requested");
    event["data"] = json!({"hold": "h", "owner": "o", "kind": "cart", "quantity": 1});
    let earmark::contract::AnyEvent::Sku(SkuEvent::HoldRequested(hold)) = accepted(&event).event
    else {
        panic!("another event")
    };
    assert_eq!((hold.partial, hold.backorder), (false, false));
    assert_eq!((hold.location, hold.ttl_s), (None, None));
    let mut event = good("order.placed");
    event["data"] = json!({
        "lines": [{"line": "1", "sku": "MUG", "quantity": 1}], "policy": "partial", "payment_due_s": 60
    });
    let earmark::contract::AnyEvent::Order(OrderEvent::Placed(order)) = accepted(&event).event
    else {
        panic!("another event")
    };
    assert_eq!((order.backorder, order.cancel_until), (false, None));
}

#[test]
fn unknown_fields_are_taken_and_reported() {
    let mut event = good("order.placed");
    event["colour"] = json!({"deep": ["x"]});
    event["data"]["gift"] = json!(true);
    event["data"]["lines"][1]["engraving"] = json!("Für Anna");
    let mut unknown = accepted(&event).unknown_fields;
    unknown.sort();
    assert_eq!(unknown, ["colour", "data.gift", "data.lines[1].engraving"]);
    for n in 0..100 {
        event["data"][format!("extra{n}")] = json!(n);
    }
    assert_eq!(accepted(&event).unknown_fields.len(), 16);
}

#[test]
fn the_largest_event_and_one_byte_more() {
    let max = Limits::default().event_bytes_max;
    let mut event = good("hold.requested");
    event["padding"] = json!("");
    let padding = max - event.to_string().len();
    event["padding"] = json!("x".repeat(padding));
    accepted(&event);
    event["padding"] = json!("x".repeat(padding + 1));
    let rejection = refused(&event);
    assert_eq!((rejection.reason, rejection.rule), (Reason::TooLarge, Rule::EventSize));
    assert_eq!(rejection.found, format!("{} bytes", max + 1));
}
