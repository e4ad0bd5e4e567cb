//! What must hold when a run is at rest. Each check reads the streams as they are and trusts nothing
//! that a pod says of itself.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use earmark::{
    actors::Hosted,
    contract::partition_of,
    domain::{
        Entity,
        brief::Brief,
        decision::{Standing, Verdict},
        ids::{EntityKey, EventKey},
        order::OrderState,
        outcome::Outcome,
        sku::SkuState,
        time::Timestamp,
    },
    partition::{
        Published,
        books::Books,
        effects::effects,
        entry::{Decided, Entry, Facts, Trigger},
        record::{Link, Record, RecordHash},
        state::PartitionState,
    },
    ports::{Outlet, Partition, Source},
};

use super::{
    oracles::Oracle,
    world::{Outside, World, journal_subject},
};

/// The journal folded from its beginning.
#[derive(Default)]
pub struct Folded {
    pub skus: BTreeMap<EntityKey, SkuState>,
    pub orders: BTreeMap<EntityKey, OrderState>,
    pub partitions: BTreeMap<Partition, PartitionState>,
    pub records: Vec<(u64, Record)>,
}

pub fn check(world: &World, partitions: Partition) {
    let folded = match fold(world) {
        Ok(folded) => folded,
        Err(why) => return world.violation(Oracle::Chain, why),
    };
    count(world, &folded);
    if let Ok(what) = std::env::var("EARMARK_TRACE") {
        print_entries(&folded, &what);
    }
    everything_was_read(world, &folded, partitions);
    snapshots_are_the_fold(world, &folded);
    every_input_is_decided_once(world, &folded);
    effects_left_once(world, &folded);
    conservation(world, &folded);
    books_are_the_sum(world, &folded, partitions);
    super::rest::nothing_is_open_without_reason(world, &folded, partitions);
    super::rest::repeats_are_answered_as_the_first_time(world, &folded);
    others_go_on(world, partitions);
    availability_is_true(world, &folded);
    super::asking::answers_are_of_their_time(world, &folded);
    super::shoppers::told_of_one_shelf(world);
    super::archive::archives_are_the_fold(world, partitions);
    super::rules::decisions_keep_the_rules(world, &folded);
}

/// The snapshots alone: that they are the fold of the journal.
pub fn check_fold(world: &World) {
    match fold(world) {
        Ok(folded) => {
            snapshots_are_the_fold(world, &folded);
            conservation(world, &folded);
        }
        Err(why) => world.violation(Oracle::Chain, why),
    }
}

// === the fold ===

fn fold(world: &World) -> Result<Folded, String> {
    let outside = world.lock();
    let mut folded = Folded::default();
    for stored in outside.journal.messages.values() {
        let record = Record::decode(&stored.payload).map_err(|why| why.to_string())?;
        if outside.cut.contains_key(&record.header.partition) {
            continue;
        }
        let state = folded.partitions.entry(record.header.partition).or_default();
        if record.header.previous.is_some_and(|previous| previous != state.last) {
            return Err(format!("record {} breaks the chain", stored.sequence));
        }
        let link = Link { sequence: stored.sequence, hash: RecordHash::of(&stored.payload) };
        if record.header.decided_at < state.decided_at {
            return Err(format!("record {}: time goes back", stored.sequence));
        }
        state.follow(&record.header, link);
        record.entries.iter().for_each(|entry| state.note(entry));
        folded.records.push((stored.sequence, record));
    }
    drop(outside);
    let records = std::mem::take(&mut folded.records);
    for (sequence, record) in &records {
        for (entry, next) in
            record.entries.iter().zip(record.entries.iter().skip(1).map(Some).chain([None]))
        {
            match entry {
                Entry::Stood(stood) => is_how_it_stood(&folded, stood, next)
                    .map_err(|why| format!("record {sequence}: {why}"))?,
                Entry::Decided(decided) if !decided.facts.is_empty() => {
                    apply(&mut folded, decided, record)
                        .map_err(|why| format!("record {sequence}: {}: {why}", decided.entity))?;
                }
                _ => {}
            }
        }
    }
    folded.records = records;
    Ok(folded)
}

/// What a dead letter will say of its entity is the fold before it.
fn is_how_it_stood(folded: &Folded, stood: &Brief, next: Option<&Entry>) -> Result<(), String> {
    let entity = match next {
        Some(Entry::Decided(decided)) => &decided.entity,
        Some(Entry::Quarantined { entity, .. }) => entity,
        other => return Err(format!("{stood:?}, and then {other:?}")),
    };
    let was = match entity {
        EntityKey::Sku(sku) => folded
            .skus
            .get(entity)
            .map_or_else(|| (&SkuState::new(sku.clone())).into(), Brief::from),
        EntityKey::Order(order) => {
            let unknown = || (&OrderState::new(order.clone())).into();
            folded.orders.get(entity).map_or_else(unknown, Brief::from)
        }
    };
    match was == *stood {
        true => Ok(()),
        false => Err(format!("{entity} is said to have stood {stood:?}, but {was:?}")),
    }
}

pub fn apply(folded: &mut Folded, decided: &Decided, record: &Record) -> Result<(), String> {
    let at = record.header.decided_at;
    match (&decided.entity, &decided.facts) {
        (EntityKey::Sku(sku), Facts::Sku(facts)) => {
            let state = folded
                .skus
                .entry(decided.entity.clone())
                .or_insert_with(|| SkuState::new(sku.clone()));
            facts.iter().try_for_each(|fact| state.apply(fact, at)).map_err(|e| e.to_string())?;
            state.check().map_err(|breach| breach.to_string())
        }
        (EntityKey::Order(order), Facts::Order(facts)) => {
            let state = folded
                .orders
                .entry(decided.entity.clone())
                .or_insert_with(|| OrderState::new(order.clone()));
            facts.iter().try_for_each(|fact| state.apply(fact, at)).map_err(|e| e.to_string())?;
            state.check().map_err(|breach| breach.to_string())
        }
        _ => Err("facts of another kind of entity".to_owned()),
    }
}

/// What each partition says of all its entities is what they come to.
fn books_are_the_sum(world: &World, folded: &Folded, partitions: Partition) {
    let mut sums: BTreeMap<Partition, Books> = BTreeMap::new();
    let skus = folded.skus.iter().map(|(key, sku)| (key, sku.books()));
    let orders = folded.orders.iter().map(|(key, order)| (key, order.books()));
    for (key, books) in skus.chain(orders) {
        sums.entry(partition_of(key, partitions)).or_default().enter(&books);
    }
    for (partition, state) in &folded.partitions {
        let sum = sums.get(partition).copied().unwrap_or_default();
        if state.books != sum {
            world.violation(
                Oracle::Books,
                format!("partition {partition}: {:?}, but {sum:?}", state.books),
            );
        }
    }
}

/// Every entry that names something, for whoever looks into a violation.
fn print_entries(folded: &Folded, what: &str) {
    for (sequence, record) in &folded.records {
        let entries = record.entries.iter().map(|entry| format!("{entry:?}"));
        for entry in entries.filter(|entry| entry.contains(what)) {
            let (partition, owner) = (record.header.partition, &record.header.owner);
            println!("trace: {sequence}@{partition} by {owner}: {entry}");
        }
    }
}

/// What occurred, for the coverage report.
fn count(world: &World, folded: &Folded) {
    let mut outside = world.lock();
    for (_, record) in &folded.records {
        if record.entries.is_empty() {
            outside.count("journal: a closing mark");
        }
        for entry in &record.entries {
            let what = match entry {
                Entry::Decided(decided) => match (&decided.verdict, decided.standing) {
                    (_, Standing::Repeated) => "decided: a repeat".to_owned(),
                    (Verdict::Refused(refusal), _) => format!("refused: {}", refusal.reason),
                    (Verdict::Parked, _) => "decided: parked".to_owned(),
                    _ => "decided".to_owned(),
                },
                Entry::Rejected { rejection, .. } => format!("rejected: {}", rejection.reason),
                Entry::Genesis => continue,
                Entry::Resumed => "journal: resumed".to_owned(),
                Entry::Left => "journal: left".to_owned(),
                Entry::TakenOver => "journal: taken over".to_owned(),
                Entry::InHand(_) => "journal: in hand".to_owned(),
                Entry::Quarantined { why, .. } if why.contains("half of it") => {
                    "journal: quarantined, and rebuilt".to_owned()
                }
                Entry::Quarantined { .. } => "journal: quarantined".to_owned(),
                Entry::Reinstated { .. } => "journal: reinstated".to_owned(),
                Entry::LateAllowed { .. } => "journal: late allowed".to_owned(),
                Entry::Stood(stood) => match **stood {
                    Brief::Sku { .. } => "journal: how a SKU stood".to_owned(),
                    Brief::Order { placed: Some(_), .. } => {
                        "journal: how an order stood".to_owned()
                    }
                    Brief::Order { placed: None, .. } => {
                        "journal: an order that was not placed".to_owned()
                    }
                },
                Entry::Waiting { .. } => "journal: an input waits".to_owned(),
                Entry::WaitedOut { .. } => "journal: inputs waited out".to_owned(),
                Entry::Lost { what, .. } => {
                    let kind = what.split_whitespace().next().unwrap_or_default();
                    format!("journal: a loss was said: {kind}")
                }
                Entry::Reseeded { .. } | Entry::LossAccepted { .. } => {
                    "journal: an operator began anew".to_owned()
                }
            };
            outside.count(&what);
            if let Entry::Decided(decided) = entry {
                for given_up in &decided.given_up {
                    outside.count(&format!("given up: {}", given_up.reason));
                }
                for outcome in &decided.outcomes {
                    outside.count(&format!("outcome: {}", outcome.kind()));
                    count_reasons(&mut outside, outcome);
                }
            }
        }
    }
}

/// Reasons that stand within an outcome.
fn count_reasons(outside: &mut Outside, outcome: &Outcome) {
    match outcome {
        Outcome::OrderReserved { refused, .. } | Outcome::OrderRejected { refused } => {
            for line in refused {
                outside.count(&format!("line: {}", line.refusal.reason));
            }
        }
        Outcome::RefundDue { refusal, .. } => {
            outside.count(&format!("refund: {}", refusal.reason));
        }
        _ => {}
    }
}

// === the checks ===

fn everything_was_read(world: &World, folded: &Folded, partitions: Partition) {
    for partition in 0..partitions {
        if world.lock().cut.contains_key(&partition) {
            continue;
        }
        let Some(state) = folded.partitions.get(&partition) else {
            world.violation(Oracle::Read, format!("partition {partition} has no records"));
            continue;
        };
        for source in Source::ALL {
            if source == Source::Commands && !state.quarantined.is_empty() {
                // It is asked again and again, also after it has left.
                continue;
            }
            let wanted = match source {
                Source::Commands => format!("earmark.cmd.{partition}"),
                Source::Lane(lane) => format!("earmark.p.{partition}.{}.", lane.as_str()),
            };
            let outside = world.lock();
            let stream = match source {
                Source::Commands => &outside.commands,
                Source::Lane(_) => &outside.input,
            };
            let last = stream
                .messages
                .values()
                .rev()
                .find(|stored| stored.subject.starts_with(&wanted))
                .map_or(0, |stored| stored.sequence);
            drop(outside);
            if state.cursor(source).sequence < last {
                world.violation(
                    Oracle::Read,
                    format!(
                        "partition {partition} has read {} to {}, but {last} is there",
                        source.as_str(),
                        state.cursor(source).sequence
                    ),
                );
            }
        }
    }
}

fn snapshots_are_the_fold(world: &World, folded: &Folded) {
    let store = world.lock().store.clone();
    for (partition, state) in &folded.partitions {
        let Some(shelf) = store.get(partition) else {
            world.violation(Oracle::Snapshot, format!("partition {partition} left no snapshot"));
            continue;
        };
        if shelf.position != Some(state.position()) {
            world.violation(
                Oracle::Snapshot,
                format!(
                    "partition {partition}: the snapshot stands at {:?}, the journal at {:?}",
                    shelf.position,
                    state.position()
                ),
            );
            continue;
        }
        // Suspects are in no snapshot.
        let expected = PartitionState { suspects: Default::default(), ..state.clone() };
        let stored = PartitionState::decode(&shelf.state);
        if stored.as_ref() != Some(&expected) {
            world.violation(Oracle::Snapshot, format!(
                "partition {partition}: state {stored:?} in the snapshot, {expected:?} in the fold"
            ));
        }
    }
    for (key, expected) in &folded.skus {
        compare(world, &store, key, expected);
    }
    for (key, expected) in &folded.orders {
        compare(world, &store, key, expected);
    }
}

fn compare<E>(
    world: &World,
    store: &BTreeMap<Partition, super::world::Shelf>,
    key: &EntityKey,
    expected: &E,
) where
    E: Hosted + Clone + PartialEq + std::fmt::Debug,
    E::Key: KeyOf,
{
    let partition = partition_of(key, store.len() as Partition);
    let kept = store.get(&partition).and_then(|shelf| shelf.entities.get(key));
    let Some(kept) = kept else {
        return world
            .violation(Oracle::Snapshot, format!("{key} is in the journal and in no snapshot"));
    };
    let parts = kept
        .parts
        .iter()
        .map(|(name, bytes)| (name.clone(), postcard::from_bytes(bytes).expect("a part of ours")));
    let mut expected = expected.clone();
    expected.take_changed_parts();
    match E::from_parts(E::Key::of(key), parts.collect()) {
        Ok(found) if found == expected => {}
        Ok(found) => world.violation(Oracle::Snapshot, difference(key, &found, &expected)),
        Err(breach) => world.violation(Oracle::Snapshot, format!("{key}: the snapshot: {breach}")),
    }
}

/// Where two states differ first.
fn difference(
    key: &EntityKey,
    found: &impl std::fmt::Debug,
    expected: &impl std::fmt::Debug,
) -> String {
    let (found, expected) = (format!("{found:#?}"), format!("{expected:#?}"));
    let lines = found.lines().zip(expected.lines());
    let different: Vec<String> = lines
        .filter(|(found, expected)| found != expected)
        .take(3)
        .map(|(found, expected)| format!("{} / {}", found.trim(), expected.trim()))
        .collect();
    format!("{key}: snapshot / fold: {}", different.join("; "))
}

/// An entity's own key, out of the general one.
pub trait KeyOf {
    fn of(key: &EntityKey) -> Self;
}

impl KeyOf for earmark::domain::ids::Sku {
    fn of(key: &EntityKey) -> Self {
        Self::new(key.key()).expect("a key")
    }
}

impl KeyOf for earmark::domain::ids::OrderId {
    fn of(key: &EntityKey) -> Self {
        Self::new(key.key()).expect("a key")
    }
}

fn every_input_is_decided_once(world: &World, folded: &Folded) {
    // A sequence may have been another message's before the log lost its end.
    let mut by_place: BTreeMap<(u64, Timestamp), u32> = BTreeMap::new();
    let mut by_id: BTreeMap<(EntityKey, EventKey, Timestamp), u32> = BTreeMap::new();
    for (_, record) in &folded.records {
        for entry in &record.entries {
            match entry {
                Entry::Decided(decided) => {
                    if let Trigger::Event(cause) = &decided.trigger {
                        let place = (cause.sequence, cause.logged_at);
                        *by_place.entry(place).or_default() += 1;
                    }
                    if let Some(cause) = decided.trigger.cause()
                        && is_final(decided)
                    {
                        let same = (decided.entity.clone(), cause.key, cause.time);
                        *by_id.entry(same).or_default() += 1;
                    }
                }
                Entry::Rejected { read, .. } | Entry::Quarantined { read: Some(read), .. }
                    if read.source != Source::Commands =>
                {
                    *by_place.entry((read.sequence, read.at)).or_default() += 1;
                }
                _ => {}
            }
        }
    }
    let waiting: BTreeSet<(u64, Timestamp)> = folded
        .partitions
        .values()
        .flat_map(|state| state.waiting.values().flatten())
        .filter(|waiting| waiting.read.source != Source::Commands)
        .map(|waiting| (waiting.read.sequence, waiting.read.at))
        .collect();
    let places: Vec<(u64, Timestamp)> = {
        let outside = world.lock();
        let served = outside
            .input
            .taken()
            .filter(|stored| !is_cut(&outside, partition_of_subject(&stored.subject)));
        served.map(|stored| (stored.sequence, stored.at)).collect()
    };
    for place @ (sequence, _) in places {
        let times = by_place.get(&place).copied().unwrap_or(0);
        let waits = u32::from(waiting.contains(&place));
        if times + waits != 1 {
            let where_to = whereabouts(folded, sequence);
            world.violation(
                Oracle::Once,
                format!("event {sequence} was decided {times} times: {where_to}"),
            );
        }
    }
    for ((entity, key, _), times) in by_id {
        if times > 1 {
            world.violation(Oracle::Once, format!("{entity}: {key:?} had {times} first decisions"));
        }
    }
}

/// The marks of the records around an outcome's, for a violation's text.
fn marks(folded: &Folded, id: &str) -> String {
    let partition: u16 = id.split('-').nth(1).and_then(|p| p.parse().ok()).unwrap_or_default();
    let record = earmark::partition::effects::sequence_of_id(id).unwrap_or_default();
    let own = folded.records.iter().filter(|(_, record)| record.header.partition == partition);
    let after = own.filter(|(sequence, _)| *sequence + 40 > record);
    let text = after.take(40).map(|(sequence, record)| {
        let r = record.header.released;
        let anchor = r.anchor.map(|a| format!("{}:{}-{}", a.out, a.record, a.index));
        format!("{sequence} by {}: up to {} out {} {anchor:?}", record.header.owner, r.up_to, r.out)
    });
    text.collect::<Vec<_>>().join("; ")
}

/// The partition in a stored subject, `earmark.p.<partition>.…`.
fn partition_of_subject(subject: &str) -> Option<Partition> {
    subject.split('.').nth(2)?.parse().ok()
}

/// The partition in an effect's id.
pub fn partition_of_id(id: &str) -> Option<Partition> {
    id.split('-').nth(1)?.parse().ok()
}

fn is_cut(outside: &Outside, partition: Option<Partition>) -> bool {
    partition.is_some_and(|partition| outside.cut.contains_key(&partition))
}

/// Every entry about an event, for a violation's text.
fn whereabouts(folded: &Folded, event: u64) -> String {
    let mut found = Vec::new();
    for (sequence, record) in &folded.records {
        for entry in &record.entries {
            let what = match entry {
                Entry::Decided(decided) => match decided.trigger.cause() {
                    Some(cause) if cause.sequence == event => {
                        format!("{} {:?} {:?}", decided.entity, decided.standing, decided.verdict)
                    }
                    _ => continue,
                },
                Entry::Rejected { read, rejection } if read.sequence == event => {
                    format!("rejected {} from {:?}", rejection.reason, read.source)
                }
                Entry::Waiting { entity, read, .. } if read.sequence == event => {
                    format!("{entity} waits, from {:?}", read.source)
                }
                Entry::Quarantined { entity, read: Some(read), .. } if read.sequence == event => {
                    format!("{entity} quarantined, from {:?}", read.source)
                }
                Entry::InHand(in_hand) if in_hand.read.sequence == event => {
                    format!("in hand, from {:?}", in_hand.read.source)
                }
                Entry::Lost { source, what } => format!("lost: {source:?} {what}"),
                _ => continue,
            };
            let (partition, owner) = (record.header.partition, &record.header.owner);
            found.push(format!("{sequence}@{partition} by {owner}: {what}"));
        }
    }
    found.join("; ")
}

/// Whether an id is remembered for this decision.
pub fn is_final(decided: &Decided) -> bool {
    let remembered = match &decided.verdict {
        Verdict::Parked => false,
        Verdict::Refused(refusal) => refusal.reason.is_remembered(),
        _ => true,
    };
    remembered && decided.standing == Standing::New
}

fn effects_left_once(world: &World, folded: &Folded) {
    let mut expected = BTreeSet::new();
    let mut letters = BTreeSet::new();
    for (sequence, record) in &folded.records {
        let effects = effects(record, *sequence, &Published::default());
        expected.extend(
            effects
                .messages
                .into_iter()
                .filter(|message| message.outlet == Outlet::Out)
                .filter_map(|message| message.id),
        );
        letters.extend(effects.dead_letters.into_iter().map(|letter| letter.id));
    }
    let (found, dead, answers) = {
        let outside = world.lock();
        let ids = |stream: &super::world::Stream| -> Vec<String> {
            let ids = stream.messages.values().filter_map(|stored| stored.id.clone());
            ids.filter(|id| !is_cut(&outside, partition_of_id(id))).collect()
        };
        (ids(&outside.out), ids(&outside.dead_letters), outside.answers.clone())
    };
    let unique: BTreeSet<String> = found.iter().cloned().collect();
    if unique.len() != found.len() {
        let mut seen = BTreeSet::new();
        let twice = found.iter().filter(|id| !seen.insert((*id).clone())).take(5);
        world.violation(
            Oracle::Out,
            format!("outcomes left twice: {:?}", twice.collect::<Vec<_>>()),
        );
    }
    for id in expected.difference(&unique).take(2) {
        world.violation(Oracle::Out, format!("outcome {id} never left: {}", marks(folded, id)));
    }
    for id in unique.difference(&expected).take(5) {
        world.violation(Oracle::Out, format!("outcome {id} is nobody's"));
    }
    let dead: BTreeSet<String> = dead.into_iter().collect();
    if dead != letters {
        world.violation(
            Oracle::Letters,
            format!("dead letters: {} expected, {} found", letters.len(), dead.len()),
        );
    }
    for (at, _, payload) in answers {
        answer_is_committed(world, at, &payload);
    }
    dead_letters_are_whole(world);
}

/// A dead letter has the bytes that were published.
fn dead_letters_are_whole(world: &World) {
    let outside = world.lock();
    let mut broken = Vec::new();
    for stored in outside.dead_letters.messages.values() {
        let letter: serde_json::Value = serde_json::from_slice(&stored.payload).unwrap_or_default();
        let sequence = letter["sequence"].as_u64().unwrap_or_default();
        if letter["stream"] != "EARMARK_IN" || outside.lost_sequences.contains(&sequence) {
            continue;
        }
        let kept = letter["payload_base64"].as_str().map(|text| STANDARD.decode(text));
        let kept = kept.and_then(Result::ok).unwrap_or_default();
        // Where a log took another's place, a sequence is more than one message's.
        let published = outside.input.taken().filter(|stored| stored.sequence == sequence);
        if !published.into_iter().any(|published| published.payload == kept) {
            broken.push(format!("dead letter {letter} does not have the bytes of {sequence}"));
        }
    }
    drop(outside);
    broken.into_iter().take(3).for_each(|what| world.violation(Oracle::Letters, what));
}

fn answer_is_committed(world: &World, at: Timestamp, payload: &[u8]) {
    let answer: serde_json::Value = serde_json::from_slice(payload).unwrap_or_default();
    let id = answer["id"].as_str().unwrap_or_default();
    let outside = world.lock();
    if is_cut(&outside, partition_of_id(id)) {
        return;
    }
    let committed = earmark::partition::effects::sequence_of_id(id)
        .and_then(|sequence| outside.journal.messages.get(&sequence))
        .is_some_and(|record| record.at <= at);
    drop(outside);
    if !committed {
        world.violation(Oracle::Early, format!("answer {id} left before its record was committed"));
    }
}

fn conservation(world: &World, folded: &Folded) {
    for (key, sku) in &folded.skus {
        if let Err(breach) = sku.audit() {
            world.violation(Oracle::Units, format!("{key}: {breach}"));
        }
    }
    for (key, order) in &folded.orders {
        if let Err(breach) = order.audit() {
            world.violation(Oracle::Units, format!("{key}: {breach}"));
        }
    }
}

fn availability_is_true(world: &World, folded: &Folded) {
    for (key, state) in &folded.skus {
        let EntityKey::Sku(sku) = key else { continue };
        let subject = earmark::contract::subject::availability_subject(sku);
        let payload = {
            let outside = world.lock();
            let last = outside.availability.last_of(&subject);
            outside.availability.messages.get(&last).map(|stored| stored.payload.clone())
        };
        let shown: serde_json::Value =
            payload.and_then(|payload| serde_json::from_slice(&payload).ok()).unwrap_or_default();
        let expected = state.quantities(None).available;
        if shown["available"].as_u64() != Some(expected) {
            world.violation(Oracle::Shown, format!("{key}: shown {shown}, available {expected}"));
        }
    }
}

/// A journal that lost the tail of some partitions stops those alone.
fn others_go_on(world: &World, partitions: Partition) {
    let outside = world.lock();
    if outside.cut.is_empty() {
        return;
    }
    let stopped: Vec<Partition> = (0..partitions)
        .filter(|partition| !outside.cut.contains_key(partition))
        .filter(|partition| {
            let last = outside.journal.last_of(&journal_subject(*partition));
            outside.journal.messages.get(&last).is_none_or(|record| record.at <= outside.cut_at)
        })
        .collect();
    drop(outside);
    if !stopped.is_empty() {
        world.violation(
            Oracle::Alone,
            format!("partitions {stopped:?} stopped, which had lost nothing"),
        );
    }
}
