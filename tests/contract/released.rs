//! What a released version promised is kept: today's contract breaks nobody who built against it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use earmark::contract::{
    Limits,
    document::{
        compare::{Break, breaks, is_backdated},
        deprecated::{DEPRECATED, Deprecated, SERVED_DAYS_MIN, day, superseded},
        messages::{messages, messages_with},
        released::{ATTRIBUTES, Facts, Released, Said},
    },
};
use serde_json::Value;
use time::{Date, OffsetDateTime};

use crate::support::path;

fn today() -> Date {
    OffsetDateTime::now_utc().date()
}

fn now() -> Released {
    Released::of("next", "2026-12-31", &messages(&Limits::default()))
}

fn released(version: &str) -> Released {
    let file = path(&format!("config/contracts/released/{version}.json"));
    let text = fs::read(&file).unwrap_or_else(|error| {
        panic!(
            "{}: {error}\nthe release is not frozen; on the commit that is tagged:\n  cargo run -- \
             contracts freeze {version} --on DATE > config/contracts/released/{version}.json",
            file.display()
        )
    });
    serde_json::from_slice(&text).unwrap()
}

/// The newest release of the changelog, and its day.
fn last_release() -> (String, String) {
    let changelog = fs::read_to_string(path("CHANGELOG.md")).unwrap();
    let heading = changelog.lines().find_map(|line| {
        let (version, day) = line.strip_prefix("## ")?.split_once(" - ")?;
        Some((version.to_owned(), day.to_owned()))
    });
    heading.expect("a version was released")
}

#[test]
fn the_last_release_is_frozen_and_breaks_with_nothing() {
    let (version, day) = last_release();
    let before = released(&version);
    assert_eq!((&before.version, &before.released), (&version, &day));
    let found = breaks(&before, &now(), today());
    let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\nsince {version} the contract broke:\n{}", lines.join("\n"));
}

#[test]
fn nothing_is_deprecated_without_its_window() {
    let before = released(&last_release().0);
    for deprecated in DEPRECATED {
        assert_eq!(deprecated.fault(), None);
        assert!(!is_backdated(&before, deprecated), "{}: since the release", deprecated.what);
        let all = messages(&Limits::default());
        let (place, field) = deprecated.what.split_once('#').unwrap_or((deprecated.what, ""));
        let message = all.iter().find(|message| message.place() == place);
        let said = message.is_some_and(|message| {
            let now = Released::of("", "", std::slice::from_ref(message));
            now.incoming.values().chain(now.outgoing.values()).any(|s| s.fields.contains_key(field))
        });
        assert!(said || field.is_empty() && message.is_some(), "{} is gone", deprecated.what);
    }
    let of =
        |since, served_until| Deprecated { what: "in/a.v1", since, served_until, instead: "b" };
    assert_eq!(SERVED_DAYS_MIN, 180);
    assert_eq!(of("2027-01-01", "2027-06-30").fault(), None);
    assert!(of("2027-01-01", "2027-06-29").fault().unwrap().contains("179 days"));
    assert!(of("soon", "2027-06-29").fault().unwrap().contains("dates"));
}

/// The examples that 0.1.0 was released with are the witness of what it took.
#[test]
fn what_is_kept_of_0_1_0_is_what_its_examples_say() {
    let before = released("0.1.0");
    let mut types = BTreeSet::new();
    for file in fs::read_dir(path("tests/fixtures/v0.1.0/contracts")).unwrap() {
        let file = file.unwrap().path();
        if !file.to_str().unwrap().ends_with(".good.json") {
            continue;
        }
        let event: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        let kind = event["type"].as_str().unwrap().to_owned();
        let said = &before.incoming[&kind];
        let known = |path: &str| {
            said.fields.get(path).or_else(|| before.incoming[ATTRIBUTES].fields.get(path))
        };
        is_known(&event, "", &known);
        for path in ["data.reason", "data.into", "data.location"] {
            let later = kind.starts_with("fulfilment.") && path != "data.location"
                || kind.starts_with("return.");
            assert!(!later || !said.fields.contains_key(path), "0.1.0 had no {path} in {kind}");
        }
        types.insert(kind);
    }
    let kept: BTreeSet<String> = before.incoming.keys().cloned().collect();
    types.insert(ATTRIBUTES.to_owned());
    assert_eq!(types, kept);
    assert_eq!(before.outgoing.len(), 21 + 3 + 1, "kinds of outcome, what else left, attributes");
}

fn is_known<'a>(value: &Value, path: &str, known: &impl Fn(&str) -> Option<&'a Facts>) {
    let facts = known(path).unwrap_or_else(|| panic!("{path} is not kept"));
    let of = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    assert!(facts.types.contains(of), "{path} is {:?}", facts.types);
    for (name, inner) in value.as_object().into_iter().flatten() {
        let inside = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        let inside = if known(&inside).is_none() { format!("{path}{{}}") } else { inside };
        is_known(inner, &inside, known);
    }
    for inner in value.as_array().into_iter().flatten() {
        is_known(inner, &format!("{path}[]"), known);
    }
}

#[test]
fn a_kept_contract_can_be_read_again() {
    let now = now();
    assert_eq!(serde_json::from_str::<Released>(&now.text()).unwrap(), now);
    assert_eq!(released("0.1.0").text(), {
        fs::read_to_string(path("config/contracts/released/0.1.0.json")).unwrap()
    });
}

const HOLD: &str = "hold.requested.v1";

fn field<'a>(said: &'a mut BTreeMap<String, Said>, kind: &str, path: &str) -> &'a mut Facts {
    said.get_mut(kind).unwrap().fields.get_mut(path).unwrap()
}

/// What is said of a contract that was changed since.
fn after(change: impl FnOnce(&mut Released)) -> Vec<Break> {
    let before = now();
    let mut later = before.clone();
    change(&mut later);
    assert_ne!(before, later, "the change changes something");
    breaks(&before, &later, today())
}

fn breaks_once(place: &str, what: &str, change: impl FnOnce(&mut Released)) {
    let found = after(change);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].place, place);
    assert!(found[0].what.contains(what), "{}", found[0]);
    assert!(found[0].to_string().ends_with(found[0].instead));
}

fn breaks_nobody(change: impl FnOnce(&mut Released)) {
    assert_eq!(after(change), []);
}

#[test]
fn an_unchanged_contract_breaks_nobody() {
    assert_eq!(breaks(&now(), &now(), today()), []);
}

#[test]
fn what_came_in_and_does_no_more_breaks() {
    breaks_once("in/hold.requested.v1", "the type is gone", |now| {
        now.incoming.remove(HOLD);
    });
    breaks_once("in/hold.requested.v1 data.owner", "the field is gone", |now| {
        now.incoming.get_mut(HOLD).unwrap().fields.remove("data.owner");
    });
    breaks_once("in/order.placed.v1 data.lines", "the field is gone", |now| {
        let fields = &mut now.incoming.get_mut("order.placed.v1").unwrap().fields;
        fields.retain(|path, _| !path.starts_with("data.lines"));
    });
    breaks_once("in/hold.requested.v1 data.partial", "its type was boolean or null", |now| {
        field(&mut now.incoming, HOLD, "data.partial").types = ["boolean".to_owned()].into();
    });
    breaks_once("in/hold.requested.v1", "its subject was", |now| {
        now.incoming.get_mut(HOLD).unwrap().subject = Some("earmark.in.other.{key}".into());
    });
    breaks_once("in/attributes subject", "its maxLength was 256 and is 128", |now| {
        field(&mut now.incoming, ATTRIBUTES, "subject").limits.insert("maxLength".into(), 128);
    });
}

#[test]
fn a_renamed_required_field_breaks_twice() {
    let found = after(|now| {
        let fields = &mut now.incoming.get_mut(HOLD).unwrap().fields;
        let owner = fields.remove("data.owner").unwrap();
        fields.insert("data.holder".into(), owner);
    });
    let said: Vec<&str> = found.iter().map(|one| one.what.as_str()).collect();
    assert_eq!(said, ["the field is gone", "a field that nobody says yet is required"]);
}

#[test]
fn what_comes_in_and_is_held_tighter_breaks() {
    let place = "in/hold.requested.v1 data.quantity";
    breaks_once(place, "its minimum was 1 and is 2", |now| {
        field(&mut now.incoming, HOLD, "data.quantity").limits.insert("minimum".into(), 2);
    });
    breaks_once(place, "its maximum was 1000000000 and is 10", |now| {
        field(&mut now.incoming, HOLD, "data.quantity").limits.insert("maximum".into(), 10);
    });
    breaks_once(place, "its unit was", |now| {
        field(&mut now.incoming, HOLD, "data.quantity").unit = Some("pallets".into());
    });
    breaks_once("in/attributes causationid", "its maxLength was none and is 9", |now| {
        field(&mut now.incoming, ATTRIBUTES, "causationid").limits.insert("maxLength".into(), 9);
    });
    breaks_once("in/hold.requested.v1 data.kind", "the word draft is gone", |now| {
        field(&mut now.incoming, HOLD, "data.kind").words.as_mut().unwrap().remove("draft");
    });
    breaks_once("in/hold.requested.v1 data.owner", "one of some words", |now| {
        field(&mut now.incoming, HOLD, "data.owner").words = Some(["me".to_owned()].into());
    });
    breaks_once("in/hold.requested.v1 data.ttl_s", "it was optional and is required", |now| {
        field(&mut now.incoming, HOLD, "data.ttl_s").required = true;
    });
    breaks_once("in/payment.failed.v1 data.currency", "its form (pattern)", |now| {
        let currency = field(&mut now.incoming, "payment.failed.v1", "data.currency");
        currency.form.insert("pattern".into(), "^EUR$".into());
    });
    breaks_once("in/hold.requested.v1 data.cart", "nobody says yet", |now| {
        let required = Facts { required: true, ..Facts::default() };
        now.incoming.get_mut(HOLD).unwrap().fields.insert("data.cart".into(), required);
    });
}

#[test]
fn what_leaves_and_is_less_or_otherwise_breaks() {
    let granted = "hold.granted.v1";
    breaks_once("out/hold.granted.v1", "the type is gone", |now| {
        now.outgoing.remove(granted);
    });
    breaks_once("out/hold.granted.v1 data.location", "the field is gone", |now| {
        now.outgoing.get_mut(granted).unwrap().fields.remove("data.location");
    });
    breaks_once("out/hold.granted.v1 data.location", "is null or string", |now| {
        field(&mut now.outgoing, granted, "data.location").types.insert("null".into());
    });
    breaks_once("out/hold.granted.v1 data.location", "need not be", |now| {
        field(&mut now.outgoing, granted, "data.location").required = false;
    });
    breaks_once("out/hold.granted.v1 data.quantity", "its minimum was 0 and is -5", |now| {
        field(&mut now.outgoing, granted, "data.quantity").limits.insert("minimum".into(), -5);
    });
    breaks_once("out/hold.granted.v1 data.kind", "the word draft is gone", |now| {
        field(&mut now.outgoing, granted, "data.kind").words.as_mut().unwrap().remove("draft");
    });
    breaks_once("out/attributes source", "the word mark2 is new", |now| {
        let source = field(&mut now.outgoing, ATTRIBUTES, "source");
        source.words.as_mut().unwrap().insert("mark2".into());
    });
    breaks_once("out/hold.granted.v1 data.expires_at", "its form (format)", |now| {
        field(&mut now.outgoing, granted, "data.expires_at").form.remove("format");
    });
    breaks_once("out/availability", "its subject was", |now| {
        now.outgoing.get_mut("availability").unwrap().subject = None;
    });
}

#[test]
fn what_is_added_breaks_nobody() {
    let optional = Facts { types: ["string".to_owned()].into(), ..Facts::default() };
    breaks_nobody(|now| {
        let hold = now.incoming[HOLD].clone();
        now.incoming.insert("hold.requested.v2".into(), hold);
    });
    breaks_nobody(|now| {
        now.incoming.get_mut(HOLD).unwrap().fields.insert("data.note".into(), optional.clone());
    });
    breaks_nobody(|now| {
        let fields = &mut now.incoming.get_mut(HOLD).unwrap().fields;
        fields.insert("data.gift".into(), optional.clone());
        let required = Facts { required: true, ..optional.clone() };
        fields.insert("data.gift.to".into(), required);
    });
    breaks_nobody(|now| {
        field(&mut now.incoming, HOLD, "data.quantity").limits.insert("maximum".into(), i64::MAX);
        field(&mut now.incoming, HOLD, "data.owner").required = false;
        field(&mut now.incoming, HOLD, "data.owner").form.clear();
        let words = field(&mut now.incoming, HOLD, "data.kind").words.as_mut().unwrap();
        words.insert("wishlist".into());
    });
    breaks_nobody(|now| {
        let granted = now.outgoing["hold.granted.v1"].clone();
        now.outgoing.insert("hold.pondered.v1".into(), granted);
        let fields = &mut now.outgoing.get_mut("hold.expired.v1").unwrap().fields;
        fields.insert("data.since".into(), Facts { required: true, ..optional.clone() });
        let reason = field(&mut now.outgoing, "hold.rejected.v1", "data.reason");
        reason.words.as_mut().unwrap().insert("not_on_mondays".into());
    });
}

#[test]
fn what_is_deprecated_says_so_in_its_schema_and_is_kept_with_its_date() {
    let of = |what| Deprecated {
        what,
        since: "2027-01-01",
        served_until: "2027-06-30",
        instead: "another",
    };
    let what = [of("in/hold.requested.v1#data.partial"), of("out/answer.v1")];
    let all = messages_with(&Limits::default(), &what);
    let schema = |place: &str| &all.iter().find(|message| message.place() == place).unwrap().schema;
    let partial = &schema("in/hold.requested.v1")["properties"]["data"]["properties"]["partial"];
    assert_eq!(partial["deprecated"], true);
    assert_eq!(partial["x-deprecated"]["instead"], "another");
    assert_eq!(schema("out/answer.v1")["deprecated"], true);
    let mut kept = Released::of("next", "2027-01-31", &all);
    let until = Some("2027-06-30".to_owned());
    assert_eq!(field(&mut kept.incoming, HOLD, "data.partial").served_until, until);
    assert_eq!(kept.outgoing["answer.v1"].served_until, until);
    assert_eq!(field(&mut kept.incoming, HOLD, "data.backorder").served_until, None);
}

#[test]
fn the_older_of_two_versions_is_deprecated() {
    let places: Vec<String> =
        messages(&Limits::default()).iter().map(|message| message.place()).collect();
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    for older in superseded(&places) {
        let known = DEPRECATED.iter().any(|deprecated| deprecated.what == older);
        assert!(known, "{older} has a newer version: say until when it is served");
    }
    let two = ["in/a.b.v2", "in/a.b.v10", "out/a.b.v3", "in/a.c.v1", "availability"];
    assert_eq!(superseded(&two), ["in/a.b.v2"]);
}

#[test]
fn what_goes_away_is_said_in_time_and_kept_to() {
    let mut before = released("0.1.0");
    let of = |what, since| Deprecated { what, since, served_until: "2027-09-30", instead: "" };
    assert!(is_backdated(&before, &of("in/hold.requested.v1", "2026-11-23")));
    assert!(!is_backdated(&before, &of("in/hold.requested.v1", "2026-11-24")));
    assert!(is_backdated(&before, &of("out/hold.granted.v1#data.kind", "2026-01-01")));
    let until = Some("2027-09-30".to_owned());
    field(&mut before.outgoing, "hold.granted.v1", "data.kind").served_until = until.clone();
    assert!(!is_backdated(&before, &of("out/hold.granted.v1#data.kind", "2026-01-01")));

    let mut before = now();
    before.incoming.get_mut(HOLD).unwrap().served_until = until.clone();
    let mut later = before.clone();
    let mut put = |until: &str| {
        later.incoming.get_mut(HOLD).unwrap().served_until = Some(until.to_owned());
        breaks(&before, &later, today())
    };
    assert_eq!(put("2027-10-01"), []);
    let found = put("2027-09-29");
    assert!(found.len() == 1 && found[0].what.contains("until 2027-09-30"), "{found:?}");
}

#[test]
fn what_was_deprecated_may_go_once_its_date_is_over() {
    let mut before = now();
    before.incoming.get_mut(HOLD).unwrap().served_until = Some("2027-06-30".into());
    field(&mut before.outgoing, "hold.granted.v1", "data.kind").served_until =
        Some("2027-06-30".into());
    let mut later = now();
    later.incoming.remove(HOLD);
    later.outgoing.get_mut("hold.granted.v1").unwrap().fields.remove("data.kind");
    let on = |text| breaks(&before, &later, day(text).unwrap());
    let found = on("2027-06-30");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().all(|one| one.what.ends_with("before 2027-06-30 is over")), "{found:?}");
    assert_eq!(on("2027-07-01"), []);
}
