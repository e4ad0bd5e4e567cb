//! What operators ask, as it is read, checked and obeyed: without a server and without a clock.

use earmark::{
    control::{
        AllowStale, Bounds, Change, Drain, Late, Order, Orders, Refused, Request, What,
        answer::Code,
    },
    domain::{Level, time::Timestamp},
};
use serde_json::json;

const BOUNDS: Bounds = Bounds { for_s: 1_800, for_max_s: 14_400 };
const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

fn change(request: &str) -> Change {
    match Request::parse(request.as_bytes(), BOUNDS) {
        Ok(Request::Change(change)) => change,
        other => panic!("{request}: {other:?}"),
    }
}

fn refused(request: &str) -> Refused {
    Request::parse(request.as_bytes(), BOUNDS).expect_err(request)
}

#[test]
fn what_is_asked_is_what_is_ordered_and_it_ends() {
    let asked = |set: &str, more: &str| {
        let change = change(&format!(r#"{{"set":"{set}","by":"ann","reason":"a drop"{more}}}"#));
        change.order(NOW).map(|order| {
            assert_eq!((order.by.as_str(), order.reason.as_str()), ("ann", "a drop"));
            assert_eq!(order.at, NOW);
            let What::Level(level) = order.what else { panic!("{order:?}") };
            (level.number(), (order.until - NOW).0 / 1_000_000)
        })
    };
    assert_eq!(asked("on", ""), Some((2, 1_800)));
    assert_eq!(asked("on", r#","level":1,"for_s":1"#), Some((1, 1)));
    assert_eq!(asked("on", r#","level":3,"for_s":14400"#), Some((3, 14_400)));
    assert_eq!(asked("off", ""), Some((0, 1_800)));
    assert_eq!(asked("off", r#","for_s":60"#), Some((0, 60)));
    assert_eq!(asked("auto", ""), None);
    assert_eq!(Request::parse(br#"{"set":"status"}"#, BOUNDS), Ok(Request::Status));
    assert_eq!(Request::parse(br#"{"set":"status","by":"ann"}"#, BOUNDS), Ok(Request::Status));
}

#[test]
fn what_is_wrong_is_named_with_what_was_expected() {
    let long = "x".repeat(501);
    let cases = [
        ("", Code::Malformed, None),
        ("{", Code::Malformed, None),
        ("[\"on\"]", Code::Malformed, None),
        ("3", Code::Malformed, None),
        (r#"{"set":"status","set":"on"}"#, Code::Malformed, None),
        ("{}", Code::Missing, Some("set")),
        (r#"{"set":null}"#, Code::Missing, Some("set")),
        (r#"{"set":"ON"}"#, Code::UnknownValue, Some("set")),
        (r#"{"set":1}"#, Code::WrongType, Some("set")),
        (r#"{"set":"on","lvl":2}"#, Code::UnknownField, Some("lvl")),
        (r#"{"set":"on","level":0}"#, Code::OutOfRange, Some("level")),
        (r#"{"set":"on","level":4}"#, Code::OutOfRange, Some("level")),
        (r#"{"set":"on","level":-1}"#, Code::OutOfRange, Some("level")),
        (r#"{"set":"on","level":1.5}"#, Code::OutOfRange, Some("level")),
        (r#"{"set":"on","level":"2"}"#, Code::WrongType, Some("level")),
        (r#"{"set":"off","level":2}"#, Code::UnknownField, Some("level")),
        (r#"{"set":"auto","for_s":2}"#, Code::UnknownField, Some("for_s")),
        (r#"{"set":"on","for_s":0}"#, Code::OutOfRange, Some("for_s")),
        (r#"{"set":"on","for_s":14401}"#, Code::OutOfRange, Some("for_s")),
        (r#"{"set":"on"}"#, Code::Missing, Some("by")),
        (r#"{"set":"on","by":" ","reason":"x"}"#, Code::Missing, Some("by")),
        (r#"{"set":"auto","by":"ann"}"#, Code::Missing, Some("reason")),
        (r#"{"set":"off","by":"ann","reason":7}"#, Code::WrongType, Some("reason")),
        (
            &format!(r#"{{"set":"on","by":"ann","reason":"{long}"}}"#),
            Code::OutOfRange,
            Some("reason"),
        ),
    ];
    for (request, code, field) in cases {
        let Refused { error, field: named, expected, message, .. } = refused(request);
        assert_eq!((error, named.as_deref()), (code, field), "{request}: {message}");
        assert!(expected.is_some() && message.contains("expected"), "{request}: {message}");
    }
    let told = refused(r#"{"set":"on","level":7}"#);
    assert_eq!(told.message, "`level` is 7; expected a whole number from 1 to 3");
    assert_eq!(told.found.as_deref(), Some("7"));
}

#[test]
fn a_pod_is_drained_by_who_says_who_he_is_and_why() {
    let drain = Drain::parse(br#"{"undo":true,"by":"ann","reason":"disk"}"#).unwrap();
    assert!(drain.undo && drain.who.by == "ann" && drain.who.reason == "disk");
    assert!(!Drain::parse(br#"{"by":"ann","reason":"disk"}"#).unwrap().undo);
    for (request, code) in [
        ("", Code::Malformed),
        ("{}", Code::Missing),
        (r#"{"undo":3,"by":"ann","reason":"disk"}"#, Code::WrongType),
        (r#"{"now":true,"by":"ann","reason":"disk"}"#, Code::UnknownField),
    ] {
        assert_eq!(Drain::parse(request.as_bytes()).unwrap_err().error, code, "{request}");
    }
}

#[test]
fn an_order_counts_until_its_end_and_then_the_pods_own_level_does() {
    let order = change(r#"{"set":"off","for_s":60,"by":"ann","reason":"sell"}"#).order(NOW);
    let order = order.expect("something is ordered");
    let at = |seconds: i64| Timestamp(NOW.0 + seconds * 1_000_000);
    let level = |orders: &[Order], seconds| {
        Orders::counting(orders.iter(), at(seconds)).level(Level::CartsBusy)
    };
    let order = [order];
    assert_eq!(level(&order, 59), Level::Normal, "what is ordered goes before");
    assert_eq!(level(&order, 60), Level::CartsBusy);
    assert_eq!(level(&[], 0), Level::CartsBusy);
}

#[test]
fn an_order_stands_in_the_bucket_as_it_was_and_a_newer_build_may_say_more() {
    let order = change(r#"{"set":"on","level":3,"by":"ann","reason":"x"}"#).order(NOW).unwrap();
    assert_eq!(Order::decode(&order.encode()).unwrap(), order);
    let mut noted: serde_json::Value = serde_json::from_slice(&order.encode()).unwrap();
    noted["more"] = json!("of a newer build");
    assert_eq!(Order::decode(noted.to_string().as_bytes()).unwrap(), order);
    for (field, bad) in [("level", json!(4)), ("until", json!("soon")), ("by", json!(null))] {
        let mut bad_one = noted.clone();
        bad_one[field] = bad;
        assert!(Order::decode(bad_one.to_string().as_bytes()).is_err(), "{bad_one}");
    }
}

#[test]
fn what_is_paused_is_what_was_asked_and_settlement_never_is() {
    let parse = |request: &str| Change::pause(request.as_bytes(), 16, BOUNDS);
    let pause = |what: &str| {
        let change = parse(&format!(r#"{{{what},"by":"ann","reason":"counted by hand"}}"#));
        change.expect(what).order(NOW).expect("something is ordered")
    };
    let pauses = [
        pause(r#""lane":"fulfilment""#),
        pause(r#""partition":3,"for_s":60"#),
        pause(r#""sku":"CUP/é""#),
        pause(r#""order":"o-1""#),
    ];
    for order in &pauses {
        assert_eq!(&Order::decode(&order.encode()).unwrap(), order);
        assert!(Order::is_at(&order.what.note()), "{}", order.what.note());
    }
    let orders = Orders::counting(pauses.iter(), NOW);
    assert_eq!(orders.level(Level::CartsBusy), Level::CartsBusy, "no level is ordered");
    let paused = orders.paused();
    assert_eq!(paused.lanes(3), [true; 4], "of a paused partition nothing is read");
    assert_eq!(paused.lanes(4), [false, false, true, false]);
    assert_eq!(paused.entities.len(), 2);
    let later = Timestamp(NOW.0 + 60_000_000);
    assert_eq!(Orders::counting(pauses.iter(), later).paused().lanes(3), paused.lanes(4));

    for (request, code, field) in [
        (r#"{"lane":"settlement","by":"ann","reason":"x"}"#, Code::SettlementGoesOn, Some("lane")),
        (r#"{"lane":"carts","by":"ann","reason":"x"}"#, Code::UnknownValue, Some("lane")),
        (r#"{"by":"ann","reason":"x"}"#, Code::Missing, Some("lane")),
        (r#"{"sku":"A","order":"B","by":"ann","reason":"x"}"#, Code::Missing, Some("sku")),
        (r#"{"partition":16,"by":"ann","reason":"x"}"#, Code::OutOfRange, Some("partition")),
        (r#"{"partition":"3","by":"ann","reason":"x"}"#, Code::WrongType, Some("partition")),
        (r#"{"sku":"","by":"ann","reason":"x"}"#, Code::Missing, Some("sku")),
        ("{\"sku\":\"A\\u0007\",\"by\":\"a\",\"reason\":\"x\"}", Code::OutOfRange, Some("sku")),
        (r#"{"sku":"A","by":"ann"}"#, Code::Missing, Some("reason")),
        (r#"{"sku":"A","for_s":14401,"by":"a","reason":"x"}"#, Code::OutOfRange, Some("for_s")),
        (r#"{"sku":"A","level":2,"by":"ann","reason":"x"}"#, Code::UnknownField, Some("level")),
        ("[]", Code::Malformed, None),
    ] {
        let Refused { error, field: named, message, .. } = parse(request).expect_err(request);
        assert_eq!((error, named.as_deref()), (code, field), "{request}: {message}");
    }
    let resume = r#"{"lane":"settlement","by":"ann","reason":"x"}"#;
    assert!(Change::resume(resume.as_bytes(), 16).is_ok(), "what cannot be paused can go on");
}

#[test]
fn a_word_for_a_late_event_names_it_whole() {
    let said = |fields: &str| {
        let request = format!(r#"{{"by":"ann","reason":"it is true",{fields}}}"#);
        AllowStale::parse(request.as_bytes())
    };
    let word = said(r#""sku":"CUP","source":"/wms","id":"e 1""#).expect("all is said").word(NOW);
    assert_eq!(word.said_at(), Some(NOW));
    assert_eq!(Late::decode(&word.encode()).expect("it is one"), word);
    let entity = word.entity().expect("it is a SKU");
    assert_eq!((entity.entity(), entity.key()), ("sku", "CUP"));
    // Each event of each SKU and order has a place of its own, under a key that a bucket takes.
    let others = [
        r#""sku":"CUP","source":"/wms","id":"e 2""#,
        r#""order":"CUP","source":"/wms","id":"e 1""#,
        r#""sku":"MUG","source":"/wms","id":"e 1""#,
    ];
    for other in others {
        assert_ne!(said(other).expect(other).word(NOW).note(), word.note());
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.';
    assert!(Late::is_at(&word.note()) && word.note().chars().all(plain), "{}", word.note());
    let wrong = [
        (r#""source":"/wms","id":"e1""#, "sku"),
        (r#""sku":"CUP","order":"A","source":"/wms","id":"e1""#, "sku"),
        (r#""sku":"CUP","id":"e1""#, "source"),
        (r#""sku":"CUP","source":"/wms","id":"""#, "id"),
        (r#""sku":"CUP","source":"/wms","ids":"*""#, "ids"),
    ];
    for (fields, field) in wrong {
        assert_eq!(said(fields).expect_err(fields).field.as_deref(), Some(field), "{fields}");
    }
}
