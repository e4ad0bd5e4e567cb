//! Promotions, as they are asked for, checked and armed: without a server and without a clock.

use earmark::{
    contract::{partition_of, time},
    control::{
        Promoted, Promotion, PromotionBounds, PromotionRequest, Refused, announcing::Announcement,
        answer::Code,
    },
    domain::{
        ids::{EntityKey, Sku},
        time::{Span, Timestamp},
    },
};
use serde_json::{Value, json};

const BOUNDS: PromotionBounds = PromotionBounds {
    lead: Span::from_secs(600),
    window_max: Span::from_secs(86_400),
    ahead_max: Span::from_secs(10 * 86_400),
    skus_max: 3,
    standing_max: 2,
};
const ANY_SIZE: usize = usize::MAX;

fn at(text: &str) -> Timestamp {
    time::parse(text).expect("it is a time")
}

/// What is announced, with some of it changed; what is `null` is not said.
fn asked(changes: Value) -> String {
    let mut request = json!({
        "set": "announce", "name": "drop", "skus": ["CUP", "MUG"],
        "start": "2026-11-27T06:00:00Z", "end": "2026-11-27T08:00:00+01:00",
        "reason": "the drop at eight", "by": "ann",
    });
    for (field, value) in changes.as_object().expect("an object") {
        request[field] = value.clone();
    }
    request.to_string()
}

fn announced(changes: Value) -> Result<Announcement, Refused> {
    match PromotionRequest::parse(asked(changes).as_bytes(), &BOUNDS)? {
        PromotionRequest::Announce(announcement) => Ok(announcement),
        other => panic!("{other:?}"),
    }
}

fn promotion() -> Promotion {
    let asked = announced(json!({"skus": ["MUG", "CUP", "MUG"]})).expect("it is well formed");
    asked.promotion(at("2026-11-20T00:00:00Z"), &BOUNDS, ANY_SIZE).expect("it may stand")
}

#[test]
fn what_is_announced_is_what_stands_and_it_ends() {
    let promotion = promotion();
    assert_eq!(promotion.skus.iter().map(Sku::as_str).collect::<Vec<_>>(), ["CUP", "MUG"]);
    assert_eq!((promotion.by.as_str(), promotion.reason.as_str()), ("ann", "the drop at eight"));
    assert_eq!(promotion.end - promotion.start, Span::from_secs(3_600), "any offset is read");
    assert_eq!(Promotion::decode(&promotion.encode()).expect("it is one"), promotion);
    let mut noted: Value = serde_json::from_slice(&promotion.encode()).expect("it is JSON");
    noted["more"] = json!("of a newer build");
    assert_eq!(Promotion::decode(noted.to_string().as_bytes()).expect("it is one"), promotion);
    noted["end"] = json!("soon");
    assert!(Promotion::decode(noted.to_string().as_bytes()).is_err());
    let lasts = |now: &str| promotion.lasts(at(now)).as_secs();
    assert_eq!(lasts("2026-11-27T06:59:00Z"), 60);
    assert_eq!(lasts("2026-11-27T06:59:59.5Z"), 1, "no note stands for no time at all");
    assert!(Promotion::is_at(&Promotion::note("drop at *.8 >")));
    let plain = |c: char| c.is_ascii_alphanumeric() || ".=-_".contains(c);
    assert!(Promotion::note("drop at *.8 >é").chars().all(plain));
    let other = |request: &str| PromotionRequest::parse(request.as_bytes(), &BOUNDS);
    assert_eq!(other(r#"{"set":"status"}"#), Ok(PromotionRequest::Status));
    let cancel = other(r#"{"set":"cancel","name":"drop","reason":"it rains","by":"ann"}"#);
    assert!(matches!(cancel, Ok(PromotionRequest::Cancel { name, .. }) if name == "drop"));
}

#[test]
fn a_promotion_is_armed_from_its_lead_until_its_end_and_not_a_moment_longer() {
    let promotion = promotion();
    let armed = |now: &str, lead| promotion.is_armed(at(now), Span::from_secs(lead));
    assert!(!armed("2026-11-27T05:49:59.999999Z", 600));
    assert!(armed("2026-11-27T05:50:00Z", 600));
    assert!(!armed("2026-11-27T05:50:00Z", 0));
    assert!(armed("2026-11-27T06:00:00Z", 0));
    assert!(armed("2026-11-27T06:59:59.999999Z", 600));
    assert!(!armed("2026-11-27T07:00:00Z", 600), "whether or not its note is there");
    assert!(promotion.counts(at("2026-11-01T00:00:00Z")), "one that is to come stands");
    assert!(!promotion.counts(at("2026-11-27T07:00:00Z")));
}

#[test]
fn what_is_promoted_is_known_by_partition() {
    let promotion = promotion();
    let mut another = promotion.clone();
    another.skus = ["MUG", "BOWL"].map(|key| Sku::new(key).expect("it is a key")).into();
    let promoted = Promoted::of([&promotion, &another].into_iter(), 16);
    let keys = ["BOWL", "CUP", "MUG"];
    let keys = keys.map(|key| EntityKey::Sku(Sku::new(key).expect("it is a key")));
    assert_eq!(promoted.partitions(), keys.iter().map(|key| partition_of(key, 16)).collect());
    let all = (0..16).flat_map(|partition| promoted.of_partition(partition));
    assert_eq!(all.count(), 3, "each once, whoever promotes it");
    for key in &keys {
        assert!(promoted.of_partition(partition_of(key, 16)).any(|one| one == key), "{key}");
    }
    let now = at("2026-11-27T05:55:00Z");
    let outlook = promotion.outlook(16, BOUNDS.lead, now);
    assert!(outlook.armed && outlook.skus == 2, "{outlook:?}");
    assert_eq!(outlook.arms_at, "2026-11-27T05:50:00Z");
    assert!(!promotion.outlook(16, Span::ZERO, now).armed);
}

#[test]
fn what_is_wrong_is_named_with_what_was_expected() {
    let long = "x".repeat(257);
    let cases = [
        (json!({"set": "start"}), Code::UnknownValue, "set"),
        (json!({"set": null}), Code::Missing, "set"),
        (json!({"price": 3}), Code::UnknownField, "price"),
        (json!({"name": null}), Code::Missing, "name"),
        (json!({"name": " "}), Code::Missing, "name"),
        (json!({"name": 7}), Code::WrongType, "name"),
        (json!({"name": "x".repeat(101)}), Code::OutOfRange, "name"),
        (json!({"by": null}), Code::Missing, "by"),
        (json!({"reason": null}), Code::Missing, "reason"),
        (json!({"skus": null}), Code::Missing, "skus"),
        (json!({"skus": []}), Code::Missing, "skus"),
        (json!({"skus": "CUP"}), Code::WrongType, "skus"),
        (json!({"skus": ["A", "B", "C", "D"]}), Code::OutOfRange, "skus"),
        (json!({"skus": ["CUP", 3]}), Code::WrongType, "skus[1]"),
        (json!({"skus": ["CUP", ""]}), Code::OutOfRange, "skus[1]"),
        (json!({"skus": ["A\u{7}"]}), Code::OutOfRange, "skus[0]"),
        (json!({"skus": [long]}), Code::OutOfRange, "skus[0]"),
        (json!({"start": null}), Code::Missing, "start"),
        (json!({"start": 1_800_000_000}), Code::WrongType, "start"),
        (json!({"start": "tomorrow"}), Code::WrongType, "start"),
        (json!({"start": "2026-11-27 06:00"}), Code::WrongType, "start"),
        (json!({"end": null}), Code::Missing, "end"),
        (json!({"end": "2026-11-27T06:00:00Z"}), Code::OutOfRange, "end"),
        (json!({"end": "2026-11-26T06:00:00Z"}), Code::OutOfRange, "end"),
        (json!({"end": "2026-11-28T06:00:00.000001Z"}), Code::OutOfRange, "end"),
        (json!({"set": "cancel"}), Code::UnknownField, "skus"),
        (json!({"set": "status"}), Code::UnknownField, "skus"),
        (
            json!({"set": "status", "skus": null, "start": null, "end": null}),
            Code::UnknownField,
            "name",
        ),
        (
            json!({"set": "cancel", "skus": null, "start": null, "end": null, "by": null}),
            Code::Missing,
            "by",
        ),
    ];
    for (changes, code, field) in cases {
        let request = asked(changes);
        let refused = PromotionRequest::parse(request.as_bytes(), &BOUNDS).expect_err(&request);
        let Refused { error, field: named, expected, message, .. } = refused;
        assert_eq!((error, named.as_deref()), (code, Some(field)), "{request}: {message}");
        assert!(expected.is_some() && message.contains("expected"), "{request}: {message}");
    }
    for request in ["", "[]", r#"{"set":"status","set":"cancel"}"#] {
        let refused = PromotionRequest::parse(request.as_bytes(), &BOUNDS).expect_err(request);
        assert_eq!(refused.error, Code::Malformed, "{request}");
    }
    let just_fits = json!({"end": "2026-11-28T06:00:00Z", "skus": ["A", "B", "C"]});
    assert!(announced(just_fits).is_ok());
}

#[test]
fn what_is_over_too_far_ahead_or_too_large_is_refused() {
    let asked = announced(json!({})).expect("it is well formed");
    let try_at = |now: &str, bytes| asked.promotion(at(now), &BOUNDS, bytes);
    let size = try_at("2026-11-27T06:59:59Z", ANY_SIZE).expect("it goes on").encode().len();
    assert!(try_at("2026-11-27T06:59:59Z", size).is_ok());
    for (now, bytes, field) in [
        ("2026-11-27T07:00:00Z", ANY_SIZE, "end"),
        ("2027-01-01T00:00:00Z", ANY_SIZE, "end"),
        ("2026-11-17T06:59:59Z", ANY_SIZE, "end"),
        ("2026-11-27T06:59:59Z", size - 1, "skus"),
    ] {
        let refused = try_at(now, bytes).expect_err(now);
        assert_eq!((refused.error, refused.field.as_deref()), (Code::OutOfRange, Some(field)));
        assert!(refused.message.contains("expected"), "{refused:?}");
    }
    assert!(try_at("2026-11-17T07:00:00Z", ANY_SIZE).is_ok(), "as far ahead as may be");
}
