//! Events that nobody can take, of ten kinds and for every partition, among good ones: the good ones
//! are decided as ever, each bad one is listed once, and corrected it is applied once. How long the
//! good ones wait is measured by `benches/peak`.
//!
//! `POISON=1000 GOOD=100000` plays as many as the promise speaks of.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    time::Duration,
};

use earmark::{
    domain::{
        decision::{Standing, Verdict},
        ids::EntityKey,
    },
    partition::entry::{Decided, Entry, Trigger},
};
use serde_json::{Value, json};

use crate::{
    harness::{Ran, wait_until},
    journal::Journals,
    poison::{Fix, KINDS, Poison, UNITS, poison, publish},
    rush::{Heard, Kind, Rush, Sent, Whose},
    world::{BOUND, World},
};

/// How many SKUs there are, and units of each.
const SKUS: usize = 400;
const STOCK: u64 = 100_000;
/// How long it takes to send everything.
const TIME: Duration = Duration::from_secs(5);

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("it is a number"))
}

/// So many good ones: of each kind in a second, in the order of `rush::KINDS`.
fn mix(good: u64) -> [u64; 5] {
    [20, 30, 5, 25, 20].map(|share| good * share / 100 / TIME.as_secs())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_bad_one_among_good_ones_is_listed_once_and_applied_once_when_it_is_corrected() {
    let bad = poison(number("POISON", 200) as usize, SKUS);
    let mut world = World::start().await;
    world.run("one", &[("EARMARK__SAFE_MODE__AUTOMATIC", "false")]);
    world.shared_by(&["one"]).await;
    let context = world.nats.jetstream().await;
    let rush = Rush::start(context.clone(), SKUS, STOCK).await;
    let playing = rush.play(mix(number("GOOD", 5_000)), Whose::Everybodys, TIME);
    let (places, ()) = tokio::join!(publish(&context, &bad, TIME), playing);
    let sent = rush.all_is_well().await;

    let letters = all_are_listed_once(&world, &bad, &places).await;
    let groups = by_fix(&bad, &letters);
    for (fix, group) in &groups {
        assert_eq!(replay(&world, fix, group).await, all(group, "done"), "{fix:?}");
    }
    let left = dlq(&world, &["ls"]).await.with(0).json();
    assert_eq!(left["events"], json!(0), "{left}");
    units_are_there(&world, &bad, &sent).await;
    each_is_decided_once(&world, &bad).await;

    // Everything again, corrected as before, and then as it stands there.
    for (fix, group) in &groups {
        assert_eq!(replay(&world, fix, group).await, all(group, "repeated"), "{fix:?}");
    }
    let of = ["replay", "--all", "--closed"];
    let again = dlq(&world, &[&of[..], &DOES].concat()).await.with(1).json();
    let results: BTreeSet<String> = results(&again).into_values().collect();
    assert_eq!(results, ["repeated", "skipped"].map(str::to_owned).into(), "{again}");
    units_are_there(&world, &bad, &sent).await;
    each_is_decided_once(&world, &bad).await;
}

/// Who replays and why, and as fast as it may be.
const DOES: [&str; 9] =
    ["--rate", "200", "--max", "1000", "--apply", "--by", "ann", "--why", "INC-17"];

async fn dlq(world: &World, args: &[&str]) -> Ran {
    world.earmark(&[&["dlq"], args, &["--json"]].concat()).await
}

/// Each has one letter, with its reason, severity and owner; where each letter stands.
async fn all_are_listed_once(world: &World, bad: &[Poison], places: &[u64]) -> Vec<u64> {
    let list = ["ls", "--group-by", "none", "--limit", "10000"];
    wait_until("all letters are there", BOUND, async || {
        let listed = dlq(world, &["ls"]).await.with(0).json();
        listed["events"].as_u64() >= Some(bad.len() as u64)
    })
    .await;
    let listed = dlq(world, &list).await.with(0).json();
    let listed = listed["letters"].as_array().expect("a list");
    assert_eq!(listed.len(), bad.len(), "{listed:?}");
    let by_place = |place: u64| {
        let mut own = listed.iter().filter(|letter| letter["sequence"] == json!(place));
        let only = own.next().filter(|_| own.next().is_none());
        only.unwrap_or_else(|| panic!("not one letter of message {place}: {listed:?}"))
    };
    let letters = bad.iter().zip(places).map(|(of, place)| {
        let letter = by_place(*place);
        let said = ["reason", "severity", "owner", "event_type", "letters"];
        let said = said.map(|field| letter[field].clone());
        let expected =
            [json!(of.reason), json!(of.severity), json!(of.owner), json!(of.kind), json!(1)];
        assert_eq!(said, expected, "{letter}");
        letter["dlq_sequence"].as_u64().expect("a number")
    });
    let letters: Vec<u64> = letters.collect();
    let kinds: BTreeSet<&str> = bad.iter().map(|of| of.reason).collect();
    assert_eq!(kinds, KINDS.into());
    letters
}

/// An event and its letter.
type Own<'a> = (&'a Poison, u64);

/// Those that are corrected alike.
fn by_fix<'a>(bad: &'a [Poison], letters: &[u64]) -> BTreeMap<Fix, Vec<Own<'a>>> {
    let mut groups: BTreeMap<Fix, Vec<Own<'a>>> = BTreeMap::new();
    for (of, letter) in bad.iter().zip(letters) {
        groups.entry(of.fix.clone()).or_default().push((of, *letter));
    }
    groups
}

/// Corrects and replays; what came of each.
async fn replay(world: &World, fix: &Fix, group: &[Own<'_>]) -> BTreeMap<String, String> {
    let letters: Vec<String> = group.iter().map(|(_, letter)| letter.to_string()).collect();
    let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
    let file = tempfile::NamedTempFile::new().expect("a file can be made");
    let path = file.path().to_str().expect("a path in UTF-8");
    let how = match fix {
        Fix::None => vec![],
        Fix::Set(text) => vec!["--set", text],
        Fix::Whole(event) => {
            std::fs::write(file.path(), event).expect("the event can be written");
            vec!["--edit", path]
        }
    };
    let told = dlq(world, &[&["replay"], &letters[..], &how, &DOES].concat()).await;
    results(&told.with(0).json())
}

fn results(told: &Value) -> BTreeMap<String, String> {
    let events = told["events"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events.map(|event| (text(&event["event_id"]), text(&event["came"]["result"]))).collect()
}

fn all(group: &[Own<'_>], result: &str) -> BTreeMap<String, String> {
    group.iter().map(|(of, _)| (of.id.clone(), result.to_owned())).collect()
}

/// Units on hand and available of each SKU are the sum of what was sent.
async fn units_are_there(world: &World, bad: &[Poison], sent: &[Sent]) {
    let mut wanted = vec![(STOCK, STOCK); SKUS];
    for sent in sent {
        let (on_hand, available) = &mut wanted[sent.sku];
        match sent.kind {
            Kind::Settlement | Kind::Fulfilment => {
                (*on_hand, *available) = (*on_hand + 1, *available + 1)
            }
            Kind::Cart | Kind::Order => {
                let taken = sent.answer.is_some_and(|(_, heard)| heard == Heard::Decided);
                *available -= u64::from(taken);
            }
            Kind::Reporting => {}
        }
    }
    for of in bad {
        let (on_hand, available) = &mut wanted[of.sku];
        match of.holds {
            true => *available -= UNITS,
            false => (*on_hand, *available) = (*on_hand + UNITS, *available + UNITS),
        }
    }
    let wanted: BTreeMap<String, (u64, u64)> =
        wanted.into_iter().enumerate().map(|(sku, units)| (format!("SKU-{sku}"), units)).collect();
    let context = world.nats.jetstream().await;
    let mut last = BTreeMap::new();
    // Orders are served a little later than they are taken.
    for _ in 0..BOUND.as_secs() {
        last = units(&Journals::read(&context).await);
        if last == wanted {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(last, wanted);
}

fn units(journals: &Journals) -> BTreeMap<String, (u64, u64)> {
    let shown = decided(journals).filter_map(|decided| match (&decided.entity, &decided.shown) {
        (EntityKey::Sku(sku), Some(shown)) => {
            Some((sku.to_string(), (shown.total.on_hand, shown.total.available)))
        }
        _ => None,
    });
    shown.collect()
}

fn decided(journals: &Journals) -> impl Iterator<Item = &Decided> {
    let entries = journals.0.values().flatten().flat_map(|kept| &kept.record.entries);
    entries.filter_map(|entry| match entry {
        Entry::Decided(decided) => Some(&**decided),
        _ => None,
    })
}

/// Each bad one was taken once, in its corrected form.
async fn each_is_decided_once(world: &World, bad: &[Poison]) {
    let journals = Journals::read(&world.nats.jetstream().await).await;
    let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
    for decided in decided(&journals).filter(|decided| decided.standing == Standing::New) {
        let Trigger::Event(cause) = &decided.trigger else { continue };
        if cause.source == "/poison" && !matches!(decided.verdict, Verdict::Refused(_)) {
            *taken.entry(&cause.id).or_default() += 1;
        }
    }
    let once: BTreeMap<&str, u32> = bad.iter().map(|of| (of.id.as_str(), 1)).collect();
    assert_eq!(taken, once);
}
