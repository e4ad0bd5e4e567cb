//! What a rejection says, word by word; and that the words agree with the constants.

use std::{collections::BTreeSet, fmt::Write, fs};

use earmark::{
    contract::{EVENT_TYPES, Limits, Rejection, Rule, decode},
    domain::{
        event::{QUANTITY_MAX, TTL_MAX_S},
        refusal::Reason,
    },
};
use serde_json::{Value, json};

use crate::support::{changed, compare, good, order_of, path, refused, refused_bytes, without};

fn examples() -> impl Iterator<Item = (String, Rejection)> {
    EVENT_TYPES.iter().map(|of| {
        let file = path(&format!("config/contracts/v1/{}.refused.json", of.name));
        let example: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        (format!("the refused example of {}", of.name), refused(&example["event"]))
    })
}

fn others() -> Vec<(&'static str, Rejection)> {
    let twice = good("hold.requested").to_string().replacen('{', r#"{"id":"other","#, 1);
    let limits = Limits { event_bytes_max: 100, ..Limits::default() };
    let large = *decode(&[b' '; 101], &limits).unwrap_err();
    vec![
        ("no bytes", refused_bytes(b"")),
        ("no JSON", refused_bytes(b"quantity=7")),
        ("half an event", refused_bytes(b"{\"id\":\"7\",")),
        ("no UTF-8", refused_bytes(b"{\"id\":\"\xff\"}")),
        ("a list", refused_bytes(b"[1,2]")),
        ("an empty object", refused_bytes(b"{}")),
        ("too many bytes", large),
        ("an id twice", refused_bytes(twice.as_bytes())),
        ("an unknown type", refused(&changed("sku.retired", "/type", json!("sku.exploded.v1")))),
        ("too many lines", refused(&order_of(501))),
        ("no lines", refused(&without("order.placed", "/data/lines"))),
        ("a line's units", refused(&changed("order.placed", "/data/lines/1/quantity", json!(0)))),
        ("a line's SKU", refused(&changed("order.placed", "/data/lines/1/sku", json!(12)))),
        (
            "a long text",
            refused(&changed("stock.adjusted", "/data/reason", json!("x".repeat(1025)))),
        ),
        ("a long id", refused(&changed("sku.retired", "/id", json!("x".repeat(500))))),
        ("a long wrong value", refused(&changed("sku.retired", "/data", json!("ü".repeat(500))))),
    ]
}

#[test]
fn rejections_read_well() {
    let mut text = String::new();
    let others = others().into_iter().map(|(case, why)| (case.to_owned(), why));
    for (case, rejection) in others.chain(examples()) {
        writeln!(text, "{case}\n    {rejection}").unwrap();
    }
    compare("rejections.txt", &text);
}

#[test]
fn the_words_agree_with_the_constants() {
    let expected = |name, pointer| refused(&changed(name, pointer, json!([]))).expected;
    let units = expected("hold.requested", "/data/quantity");
    assert!(units.ends_with(&format!("from 1 to {QUANTITY_MAX}")));
    assert!(expected("hold.extended", "/data/ttl_s").ends_with(&format!("from 1 to {TTL_MAX_S}")));
    let amount = expected("payment.failed", "/data/amount_minor");
    assert!(amount.ends_with(&(1u64 << 53).to_string()));
    let words = expected("stock.moved", "/data/to");
    assert_eq!(words, "sellable, damaged, quality_control or safety");
}

#[test]
fn rules_have_ids_of_their_own_and_cover_every_dead_letter() {
    let ids: BTreeSet<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
    for reason in Reason::ALL.iter().filter(|reason| reason.is_dead_letter()) {
        assert!(Rule::ALL.iter().any(|rule| rule.reason() == *reason), "{reason}");
    }
    for reason in [Reason::Stale, Reason::Orphan, Reason::Killer, Reason::Misrouted] {
        assert_eq!(Rule::of_gate(reason).unwrap().reason(), reason);
    }
    assert_eq!(Rule::of_gate(Reason::HoldExpired), None);
}

#[test]
fn a_rejection_can_be_journaled() {
    let rejection = refused(&without("hold.requested", "/time"));
    let bytes = postcard::to_stdvec(&rejection).unwrap();
    assert_eq!(postcard::from_bytes::<Rejection>(&bytes).unwrap(), rejection);
    let text = serde_json::to_value(&rejection).unwrap();
    assert_eq!(text["rule"], "field.required");
    assert_eq!(text["reason"], "missing_field");
}
