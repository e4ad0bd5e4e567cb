//! How sure an availability is, for every way in which a partition can stand; and questions as bytes.

use std::collections::BTreeSet;

use earmark::{
    cluster::{Lease, Phase},
    contract::{
        EntityType,
        availability::{Availability, Shown, render_availability},
        time::format,
    },
    domain::{
        Level,
        ids::{EntityKey, Sku},
        outcome::Quantities,
        time::{Span, Timestamp},
    },
    query::{
        Code, Desks, Refusal,
        certainty::{Certainty, Doubt, Known, Rule, Standing, Stands, certainty},
        question::{QUESTION_BYTES_MAX, key, parse, unknown},
    },
};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(1_790_000_000_000_000);
const RULE: Rule =
    Rule { fresh: Span::from_secs(10), behind: Span::from_secs(5), units_per_message: None };

fn ago(seconds: i64) -> Timestamp {
    NOW - Span::from_secs(seconds)
}

fn known(available: u64) -> Option<Known> {
    Some(Known { available, at_least: false, as_of: ago(3_600) })
}

fn standing(stands: Stands) -> Standing {
    Standing { stands, at: ago(1), unread: Some(0), decided_to: None, added_to: None, sheds: false }
}

/// What is known, how the partition stands, the rule; and what follows.
type Row = (Option<Known>, Option<Standing>, Rule, Certainty, u64, Option<Doubt>);

#[test]
fn each_way_to_stand_has_its_certainty() {
    use Certainty::{Exact, Floor, Unknown};
    use Stands::{ChangingHands, NotServing, Serving, SetAside, Silent};
    let of = standing;
    let old = |stands| Standing { at: ago(11), ..of(stands) };
    let ahead = Standing { at: ago(-11), ..of(Serving) };
    let read_to =
        |seconds| Standing { decided_to: Some(ago(seconds)), unread: Some(3), ..of(Serving) };
    let adds = Standing { added_to: Some(ago(7)), ..of(Serving) };
    let hands_behind = Standing { stands: ChangingHands, ..read_to(7) };
    let units = Rule { units_per_message: Some(4), ..RULE };
    let many = Rule { units_per_message: Some(u64::MAX), ..RULE };
    let uncounted = Standing { unread: None, ..read_to(7) };
    let short = Some(Known { at_least: true, ..known(0).unwrap() });
    let rows: &[Row] = &[
        (None, None, RULE, Unknown, 0, Some(Doubt::NothingKnown)),
        (None, Some(of(Serving)), RULE, Unknown, 0, Some(Doubt::NothingKnown)),
        (known(20), None, RULE, Floor, 0, Some(Doubt::Unowned)),
        (known(20), Some(of(Serving)), RULE, Exact, 20, None),
        (known(0), Some(of(Serving)), RULE, Exact, 0, None),
        (known(20), Some(of(ChangingHands)), RULE, Floor, 20, Some(Doubt::ChangingHands)),
        (known(20), Some(of(NotServing)), RULE, Floor, 0, Some(Doubt::NotServing)),
        (known(20), Some(of(Silent)), RULE, Floor, 0, Some(Doubt::Silent)),
        (known(20), Some(of(SetAside)), RULE, Floor, 0, Some(Doubt::SetAside)),
        (known(20), Some(old(Serving)), RULE, Floor, 0, Some(Doubt::OldNews)),
        (known(20), Some(old(ChangingHands)), RULE, Floor, 0, Some(Doubt::OldNews)),
        (known(20), Some(old(Silent)), RULE, Floor, 0, Some(Doubt::Silent)),
        (known(20), Some(ahead), RULE, Floor, 0, Some(Doubt::OldNews)),
        (known(20), Some(read_to(6)), RULE, Exact, 20, None),
        (known(20), Some(read_to(7)), RULE, Floor, 0, Some(Doubt::Behind)),
        (known(20), Some(read_to(7)), units, Floor, 8, Some(Doubt::Behind)),
        (known(11), Some(read_to(7)), units, Floor, 0, Some(Doubt::Behind)),
        (known(20), Some(read_to(7)), many, Floor, 0, Some(Doubt::Behind)),
        (known(20), Some(uncounted), units, Floor, 0, Some(Doubt::Behind)),
        (known(20), Some(hands_behind), RULE, Floor, 0, Some(Doubt::Behind)),
        (known(20), Some(adds), RULE, Floor, 20, Some(Doubt::AdditionsWait)),
        (short, Some(of(Serving)), RULE, Floor, 0, Some(Doubt::Shortfall)),
    ];
    for (known, standing, rule, certain, promisable, doubt) in rows {
        let found = certainty(*known, standing.as_ref(), NOW, rule);
        let expected = (*certain, *promisable, *doubt);
        assert_eq!((found.certainty, found.promisable, found.doubt), expected, "{standing:?}");
    }
    let read = certainty(known(20), Some(&read_to(4)), NOW, &RULE);
    assert_eq!(read.as_of, Some(ago(4)), "what was read is so, and no later");
    let behind = certainty(known(20), Some(&read_to(7)), NOW, &RULE);
    assert_eq!(behind.as_of, Some(ago(3_600)), "a last value is of the time of its decision");
}

fn any_standing() -> impl Strategy<Value = Standing> {
    let stands = prop::sample::select(vec![
        Stands::Serving,
        Stands::ChangingHands,
        Stands::NotServing,
        Stands::Silent,
        Stands::SetAside,
    ]);
    let time = prop_oneof![
        5 => (-30_i64..30).prop_map(ago),
        1 => prop::sample::select(vec![Timestamp::MIN, Timestamp::MAX, Timestamp(0)]),
    ];
    let unread = prop::option::of(prop_oneof![0_u64..20, Just(u64::MAX)]);
    (stands, time.clone(), unread, prop::option::of(time.clone()), prop::option::of(time)).prop_map(
        |(stands, at, unread, decided_to, added_to)| Standing {
            stands,
            at,
            unread,
            decided_to,
            added_to,
            sheds: false,
        },
    )
}

proptest! {
    #[test]
    fn no_number_is_above_what_is_known_and_exact_means_all_of_it(
        available in prop_oneof![0_u64..100, Just(u64::MAX)],
        at_least: bool,
        standing in prop::option::of(any_standing()),
        units in prop::option::of(prop_oneof![1_u64..10, Just(u64::MAX)]),
    ) {
        let rule = Rule { units_per_message: units, ..RULE };
        let known = Known { available, at_least, as_of: ago(100) };
        let sure = certainty(Some(known), standing.as_ref(), NOW, &rule);
        prop_assert!(sure.promisable <= available);
        prop_assert_eq!(sure.certainty == Certainty::Exact, sure.doubt.is_none());
        prop_assert_ne!(sure.certainty, Certainty::Unknown);
        prop_assert!(sure.as_of.is_some());
        let fresh = standing.is_some_and(|of| (NOW - of.at).0.abs() <= rule.fresh.0);
        let decides = standing.is_some_and(|of| {
            matches!(of.stands, Stands::Serving | Stands::ChangingHands)
        });
        if sure.promisable > 0 {
            prop_assert!(fresh && decides);
        }
        if sure.certainty == Certainty::Exact {
            let of = standing.expect("without a word nothing is exact");
            prop_assert!(fresh && of.stands == Stands::Serving && !at_least);
            prop_assert_eq!(sure.promisable, available);
            let as_of = sure.as_of.expect("it is of some time");
            for end in [Some(of.at), of.decided_to, of.added_to].into_iter().flatten() {
                prop_assert!(as_of <= end, "what came after {:?} is not in it", end);
                prop_assert!(of.at - end <= rule.behind);
            }
        }
        // Nobody may promise more because more is unread.
        if let Some(of) = standing && let Some(unread) = of.unread {
            let more = Standing { unread: Some(unread.saturating_add(1)), ..of };
            let then = certainty(Some(known), Some(&more), NOW, &rule);
            prop_assert!(then.promisable <= sure.promisable);
        }
        let nothing = certainty(None, standing.as_ref(), NOW, &rule);
        prop_assert_eq!((nothing.certainty, nothing.promisable), (Certainty::Unknown, 0));
    }

    #[test]
    fn whatever_bytes_come_they_are_a_key_or_a_refusal(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in "\\PC{0,120}",
    ) {
        for of in EntityType::ALL {
            let asked = serde_json::json!({of.as_str(): text}).to_string();
            for bytes in [bytes.as_slice(), asked.as_bytes()] {
                if let Err(refusal) = parse(of, bytes) {
                    prop_assert!(!refusal.text().contains(['\r', '\n']), "{}", refusal.text());
                    prop_assert_eq!(refusal.code.status() / 100, 4);
                }
            }
            let keyed = parse(of, asked.as_bytes()).ok();
            prop_assert_eq!(keyed, of.key(&text).ok(), "a key is asked about by its own name");
        }
    }
}

#[test]
fn a_lease_says_how_a_partition_stands() {
    let lease = |phase, unread, oldest_unread_s| Lease {
        pod: "p".to_owned(),
        session: "s".to_owned(),
        epoch: 1,
        phase,
        why: None,
        to: None,
        incarnation: 1,
        position: 1,
        snapshot: 1,
        at: format(ago(2)),
        unread,
        oldest_unread_s,
        oldest_addition_s: None,
        level: Level::Normal,
        keep_in: None,
        keep_log: None,
        settled: true,
        format: 1,
    };
    let of = |phase, unread, oldest| {
        let standing = Standing::of(&lease(phase, unread, oldest));
        certainty(known(20), Some(&standing), NOW, &RULE)
    };
    let said = |phase, unread, oldest| of(phase, unread, oldest).doubt;
    assert_eq!(said(Phase::Serving, 0, None), None);
    assert_eq!(said(Phase::Serving, 9, Some(4.5)), None);
    assert_eq!(of(Phase::Serving, 9, Some(4.5)).as_of, Some(ago(2) - Span::from_millis(4_500)));
    assert_eq!(said(Phase::Serving, 9, Some(5.5)), Some(Doubt::Behind));
    assert_eq!(said(Phase::Serving, 9, None), Some(Doubt::Behind), "nobody knows since when");
    assert_eq!(said(Phase::Serving, 9, Some(-3.0)), None, "a clock that is a little ahead");
    assert_eq!(said(Phase::Serving, 9, Some(f64::MAX)), Some(Doubt::Behind));
    assert_eq!(said(Phase::Leaving, 0, None), Some(Doubt::NotServing));
    assert_eq!(said(Phase::Free, 0, None), Some(Doubt::ChangingHands));
    let left = Lease { settled: false, ..lease(Phase::Free, 0, None) };
    let left = certainty(known(20), Some(&Standing::of(&left)), NOW, &RULE);
    assert_eq!(left.doubt, Some(Doubt::NotServing), "not all may have been shown");
    assert_eq!(said(Phase::Recovering, 0, None), Some(Doubt::NotServing));
    assert_eq!(said(Phase::Waiting, 0, None), Some(Doubt::NotServing));
    for at in ["", "yesterday", &format(ago(60))] {
        let standing = Standing::of(&Lease { at: at.to_owned(), ..lease(Phase::Serving, 0, None) });
        let sure = certainty(known(20), Some(&standing), NOW, &RULE);
        assert_eq!((sure.promisable, sure.doubt), (0, Some(Doubt::OldNews)), "{at:?}");
    }
}

#[test]
fn the_last_value_is_read_as_it_was_written() {
    let sku = Sku::new("CUP").expect("it is a key");
    let total = Quantities { on_hand: 10, available: 7, held: 3, ..Quantities::default() };
    let shown = Shown { incarnation: 2, revision: 5, as_of: ago(9), total };
    let written = render_availability(&Availability {
        sku: &sku,
        incarnation: 2,
        revision: 5,
        as_of: ago(9),
        total,
    });
    assert_eq!(Shown::read(&written), Some(shown));
    assert_eq!(Known::of(&shown), Known { available: 7, at_least: false, as_of: ago(9) });
    // Of a sum nobody can tell at which location promises are broken.
    let total = Quantities { short: 1, ..total };
    let of = Known::of(&Shown { total, ..shown });
    assert_eq!((of.available, of.at_least), (0, true));
    for bytes in [&b""[..], b"{}", b"null", b"\xff"] {
        assert_eq!(Shown::read(bytes), None);
    }
}

#[test]
fn questions_are_bounded_and_refusals_keep_their_code() {
    let sku = |bytes: &[u8]| parse(EntityType::Sku, bytes);
    assert_eq!(sku(br#"{"sku": "CUP"}"#), Ok(EntityKey::Sku(Sku::new("CUP").unwrap())));
    // The longest key, each of its characters escaped, is no long question.
    let escaped = format!("{{\"sku\": \"{}\"}}", "\\u0061".repeat(256));
    assert!(sku(escaped.as_bytes()).is_ok());
    let padded = format!("{{\"sku\": \"CUP\"{}}}", " ".repeat(QUESTION_BYTES_MAX));
    assert_eq!(sku(padded.as_bytes()).unwrap_err().code, Code::TooLarge);
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), Code::ALL.len());
    for code in Code::ALL {
        let refusal = Refusal::new(code, "what is wrong; and more");
        assert_eq!(Refusal::read(code.as_str(), &refusal.text()), refusal);
        assert_eq!(Code::named(code.as_str()), code);
    }
    assert_eq!(Code::named("of a later version"), Code::Failed);
    let doubts: BTreeSet<&str> = Doubt::ALL.iter().map(|doubt| doubt.as_str()).collect();
    assert_eq!(doubts.len(), Doubt::ALL.len());
    for doubt in Doubt::ALL {
        assert_eq!(serde_json::json!(doubt), serde_json::json!(doubt.as_str()));
    }
    let long = key(EntityType::Order, &"ü".repeat(100)).unwrap_err();
    assert_eq!(long.code, Code::KeyTooLong);
    assert!(long.text().contains("600 bytes"), "{}", long.text());
    let nobody = unknown(&EntityKey::Sku(Sku::new("a \"quoted\" key").unwrap()));
    assert!(nobody.text().contains(r#""a \"quoted\" key""#), "{}", nobody.text());
}

#[tokio::test]
async fn a_desk_is_open_for_as_long_as_it_is_held() {
    let desks = Desks::new(2);
    let mut opened = desks.opened();
    assert!(desks.at(3).is_none());
    let first = desks.open(3);
    assert!(opened.borrow_and_update().contains_key(&3));
    // One that takes over opens its own; the older one closes nothing of it.
    let second = desks.open(3);
    drop(first);
    let put = desks.at(3).expect("it is open");
    assert!(put.same_channel(&desks.at(3).expect("it is open")));
    assert!(!put.is_closed());
    drop(second);
    assert!(desks.at(3).is_none() && put.is_closed());
    assert!(opened.has_changed().expect("the desks are there"));
}
