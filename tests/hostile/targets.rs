//! What reads bytes that somebody else wrote, and what must hold whatever they are: it ends, it
//! does not panic, what it takes it can write again as the same, and what it refuses it says in
//! words.

use std::{collections::HashMap, io::Write, str::FromStr};

use bytes::Bytes;
use earmark::{
    archive::format::{Manifest, open},
    cluster::{lease::Lease, member::Member},
    config,
    contract::{
        Catalogue, Decoded, EntityType, Limits, StoredSubject,
        answer::render_rejection_answer,
        catalogue::over_shipped,
        dead_letter::{DeadLetter, Payload, event_time, render_dead_letter},
        decode, partition_of,
        subject::{decode_key, encode_key},
    },
    control::{
        Bounds, Change, Drain, Promotion, Request, Word,
        announcing::{PromotionBounds, PromotionRequest},
        late::{AllowStale, Late},
        order::Order,
    },
    domain::{
        Entity,
        brief::Brief,
        event::Lane,
        ids::EntityKey,
        time::{Span, Timestamp},
    },
    letters::{
        Letter,
        correct::{Set, set},
    },
    load::plan::Plan,
    partition::{
        Published,
        batch::encode_entry,
        commands::CommandGroup,
        effects::effects,
        fold::State,
        record::{Record, encode},
        state::PartitionState,
    },
    query::question,
    scenario::Scenario,
};
use serde_json::Value;

/// What is done with bytes.
pub type Target = fn(&[u8]);

/// All of them, by name.
const ALL: &[(&str, Target)] = &[
    ("archive", archive),
    ("cluster", cluster),
    ("commands", commands),
    ("control", control),
    ("dead_letter_table", dead_letter_table),
    ("event", event),
    ("key", key),
    ("letter", letter),
    ("plan", plan),
    ("question", a_question),
    ("record", record),
    ("scenario", scenario),
    ("settings", settings),
    ("snapshot", snapshot),
];

/// A time of ours.
const NOW: Timestamp = Timestamp(1_772_442_900_000_000);

/// Their names.
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|(name, _)| *name).collect()
}

/// The target of this name.
pub fn by_name(name: &str) -> Option<Target> {
    ALL.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

/// An event of a publisher. A refusal can be answered and kept; what is taken says the same when it
/// is written with other spaces.
fn event(bytes: &[u8]) {
    match decode(bytes, &Limits::default()) {
        Ok(read) => {
            let value: Value = serde_json::from_slice(bytes).expect("an event is JSON");
            let again = decode(value.to_string().as_bytes(), &Limits::default());
            // Which of the unknown fields are named depends on their order.
            let known = |read: Decoded| Decoded { unknown_fields: Vec::new(), ..read };
            let read = known(read);
            assert_eq!(again.map(known), Ok(read.clone()), "written anew");
            assert_eq!(
                decode_key(EntityType::of(&read.key), &encode_key(read.key.key())),
                Ok(read.key)
            );
        }
        Err(why) => {
            assert!(!why.found.is_empty() && !why.expected.is_empty() && !why.action.is_empty());
            assert!(why.to_string().chars().count() < 1_000 && !why.to_string().contains('\n'));
            let answer = render_rejection_answer("1", NOW, &why);
            serde_json::from_slice::<Value>(&answer).expect("an answer is JSON");
            let catalogue = Catalogue::shipped();
            let letter = render_dead_letter(&DeadLetter {
                id: "1-0-1-0",
                rejection: &why,
                handling: catalogue.handling(why.reason, why.kind.as_deref(), Lane::Demand),
                event_time: event_time(bytes),
                stream: "EARMARK_IN",
                sequence: 1,
                subject: "earmark.p.0.demand.sku",
                logged_at: NOW,
                time: NOW,
                headers: &String::from_utf8_lossy(bytes),
                stood: None,
                payload: Payload::Inline(bytes),
            });
            let letter = Letter::read(&letter).expect("a letter is read again");
            assert_eq!(letter.payload().as_deref(), Some(bytes));
        }
    }
}

/// A record of the journal: what it says is written again as the same, and does what it does.
fn record(bytes: &[u8]) {
    let Ok(read) = Record::decode(bytes) else { return };
    let entries: Vec<u8> = read
        .entries
        .iter()
        .flat_map(|entry| encode_entry(entry).expect("what was read can be written"))
        .collect();
    let again = encode(bytes[0], &read.header, &entries).expect("a header can be written");
    assert_eq!(Record::decode(&again).as_ref(), Ok(&read), "written anew");
    effects(&read, 7, &Published::default());
    let mut state = PartitionState::default();
    let mut folded: HashMap<EntityKey, State> = HashMap::new();
    for entry in &read.entries {
        state.note(entry);
        if let earmark::partition::entry::Entry::Decided(decided) = entry {
            let new = || State::new(&decided.entity);
            let entity = folded.entry(decided.entity.clone()).or_insert_with(new);
            if entity.apply(&decided.facts, read.header.decided_at).is_err() {
                return;
            }
        }
    }
    let kept = PartitionState::decode(&state.encode()).expect("a state can be kept");
    assert_eq!(kept.encode(), state.encode());
}

/// A message of the command log.
fn commands(bytes: &[u8]) {
    let Ok(read) = CommandGroup::decode(bytes) else { return };
    let again = read.encode().expect("what was read can be written");
    assert_eq!(CommandGroup::decode(&again), Ok(read));
}

/// What a store has of an entity, or of a partition. What fits together and is not true is found by
/// the rule of conservation, which must be able to look at it.
fn snapshot(bytes: &[u8]) {
    if let Some(state) = PartitionState::decode(bytes) {
        let again = PartitionState::decode(&state.encode()).expect("a state can be kept");
        assert_eq!(again.encode(), state.encode());
    }
    let Ok((key, parts)) = postcard::from_bytes::<(EntityKey, Vec<(String, Vec<u8>)>)>(bytes)
    else {
        return;
    };
    let parts = parts.into_iter().map(|(name, part)| (name, Bytes::from(part))).collect();
    match State::from_parts(&key, parts) {
        Ok(State::Sku(sku)) => {
            let _ = (sku.audit(), Brief::from(&*sku), sku.dues(), sku.availability());
        }
        Ok(State::Order(order)) => {
            let _ = (order.audit(), Brief::from(&*order), order.dues());
        }
        Err(why) => assert!(!why.to_string().is_empty()),
    }
}

/// A segment of an archive, and a manifest whose hash is right whatever it says.
fn archive(bytes: &[u8]) {
    if let Err(why) = open(bytes) {
        assert!(!why.to_string().is_empty());
    }
    let hash = blake3::hash(bytes);
    let sealed = [bytes, hash.as_bytes().as_slice()].concat();
    if let Ok(read) = Manifest::decode(&sealed) {
        assert_eq!(Manifest::decode(&read.encode().expect("it can be written")), Ok(read));
    }
}

/// A token of a subject, a whole one, and a plain key.
fn key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for entity in EntityType::ALL {
        if let Ok(key) = decode_key(entity, text) {
            assert_eq!(encode_key(key.key()), text, "a key has one spelling");
        }
        if let Ok(key) = entity.key(text) {
            assert_eq!(decode_key(entity, &encode_key(text)).as_ref(), Ok(&key));
            assert!(partition_of(&key, 16) < 16);
        }
    }
    if let Some(stored) = StoredSubject::parse(text) {
        assert_eq!(stored.to_string(), text, "a subject has one spelling");
    }
}

/// A request of an operator, taken for each kind that there is.
fn control(bytes: &[u8]) {
    let bounds = Bounds { for_s: 1_800, for_max_s: 86_400 };
    let promotions = PromotionBounds {
        lead: Span::from_secs(600),
        window_max: Span::from_secs(86_400),
        ahead_max: Span::from_secs(864_000),
        skus_max: 100,
        standing_max: 10,
    };
    let refused = [
        Request::parse(bytes, bounds).err(),
        Change::pause(bytes, 16, bounds).err(),
        Change::resume(bytes, 16).err(),
        Drain::parse(bytes).err(),
        AllowStale::parse(bytes).err(),
        PromotionRequest::parse(bytes, &promotions).err(),
    ];
    for why in refused.into_iter().flatten() {
        let said = serde_json::to_value(&why).expect("a refusal is JSON");
        assert!(said["error"].is_string(), "{said}");
    }
}

/// What pods say to each other in EARMARK_CLUSTER: what is read is written again as the same.
fn cluster(bytes: &[u8]) {
    macro_rules! kept {
        ($($kind:ty)*) => {
            $(if let Ok(read) = <$kind>::decode(bytes) {
                let again = <$kind>::decode(&read.encode()).expect("what was read can be written");
                assert_eq!(again.encode(), read.encode());
            })*
        };
    }
    kept!(Lease Member Order Word Late Promotion);
}

/// A question about a SKU or an order.
fn a_question(bytes: &[u8]) {
    for entity in EntityType::ALL {
        if let Err(refusal) = question::parse(entity, bytes) {
            let text = refusal.text();
            assert!(!text.is_empty() && text.chars().count() < 1_200, "{text}");
        }
    }
}

/// A dead letter, and what somebody wants to be set in an event.
fn letter(bytes: &[u8]) {
    if let Some(read) = Letter::read(bytes) {
        let _ = (read.identity(), read.entity(), read.payload(), read.lane(), read.stood());
        let _ = (read.given_up_at(), read.logged_at(), read.handling(&Catalogue::shipped()).owner);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(change) = Set::from_str(text) {
        let event = br#"{"id":"1","data":{"lines":[{"quantity":1}]}}"#;
        let _ = set(event, &[change]);
    }
}

/// The table of what dead letters mean.
fn dead_letter_table(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(wrong) = over_shipped(Some(text)) {
        assert!(!wrong.is_empty());
    }
}

/// A plan of a load test.
fn plan(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match Plan::parse(text) {
        Ok(plan) => {
            assert!(plan.duration_s() > 0.0);
            plan.hash();
        }
        Err(why) => assert!(!why.is_empty()),
    }
}

/// The settings of a pod.
fn settings(bytes: &[u8]) {
    let file = written(bytes, ".toml");
    if let Err(problems) = config::load_from(Some(file.path()), HashMap::new()) {
        assert!(!problems.to_string().is_empty());
    }
}

/// A scenario.
fn scenario(bytes: &[u8]) {
    if let Err(why) = Scenario::read(written(bytes, ".yaml").path()) {
        assert!(!why.to_string().is_empty());
    }
}

fn written(bytes: &[u8], suffix: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().expect("a file can be made");
    file.write_all(bytes).expect("a file can be written");
    file
}
