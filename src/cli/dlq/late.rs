//! Events that are to be decided however late they are: whether they took effect before, as far as
//! the journal tells, and the word by which the engine lets them.
//!
//! Promise: what took effect before, and what may have before the journal begins, is not let
//! through: the entity has forgotten its id, and would do it again.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::desk::Desk;
use crate::{
    contract::{Decoded, partition_of, time},
    control::Answer,
    domain::{
        decision::{Standing, Verdict},
        ids::{EntityKey, EventKey},
        time::{Span, Timestamp},
    },
    error::{Exit, Failure},
    nats::{names, orders},
    partition::{
        entry::{Decided, Entry},
        record::Record,
        verdict::Begins,
    },
    ports::{Journal, JournalEntry, Partition},
};

/// How often it is looked whether the owner has heard.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// An event of an entity.
type Named = (EntityKey, EventKey);

/// What a partition's journal says of events.
#[derive(Default)]
struct Seen {
    /// Where they took effect.
    taken: HashMap<Named, (u64, Timestamp)>,
    /// What was decided before is not there, if anything was.
    since: Option<Timestamp>,
}

/// Why events are not let through, of those that are not. Their partitions' journals are read
/// whole.
pub async fn not_let_through(
    journal: &dyn Journal,
    partitions: Partition,
    skew: Span,
    events: &[&Decoded],
) -> Result<HashMap<Named, String>, Failure> {
    let mut by_partition: BTreeMap<Partition, Vec<&Decoded>> = BTreeMap::new();
    for event in events {
        by_partition.entry(partition_of(&event.key, partitions)).or_default().push(event);
    }
    let mut refused = HashMap::new();
    for (partition, events) in by_partition {
        let seen = see(journal, partition, &events).await?;
        for event in events {
            let why = seen.speaks_against(partition, event, skew);
            refused.extend(why.map(|why| (named(event), why)));
        }
    }
    Ok(refused)
}

fn named(event: &Decoded) -> Named {
    (event.key.clone(), event.event_key)
}

async fn see(
    journal: &dyn Journal,
    partition: Partition,
    events: &[&Decoded],
) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    let mut after = 0;
    loop {
        let page = journal.read(partition, after).await?;
        let first = after == 0;
        for (index, entry) in page.iter().enumerate() {
            let record = decode(entry)?;
            let genesis = matches!(Begins::with(entry.sequence, &record), Begins::Genesis(_));
            if first && index == 0 && !genesis {
                seen.since = Some(record.header.decided_at);
            }
            seen.take(entry.sequence, &record, events);
        }
        match page.last() {
            Some(last) => after = last.sequence,
            None => return Ok(seen),
        }
    }
}

fn decode(entry: &JournalEntry) -> Result<Record, Failure> {
    Record::decode(&entry.record).map_err(|error| {
        Failure::new(Exit::Failed, format!("journal record {}: {error}", entry.sequence))
    })
}

impl Seen {
    fn take(&mut self, sequence: u64, record: &Record, events: &[&Decoded]) {
        let at = record.header.decided_at;
        for entry in &record.entries {
            match entry {
                // What its archive has may have been decided by records that were lost.
                Entry::Reseeded { .. } => self.since = Some(at),
                Entry::Decided(decided) if took_effect(decided) => {
                    let Some(cause) = decided.trigger.cause() else { continue };
                    let of = |event: &&&Decoded| {
                        event.event_key == cause.key && event.key == decided.entity
                    };
                    if let Some(event) = events.iter().find(of) {
                        self.taken.insert(named(event), (sequence, at));
                    }
                }
                _ => {}
            }
        }
    }

    fn speaks_against(&self, partition: Partition, event: &Decoded, skew: Span) -> Option<String> {
        if let Some((record, at)) = self.taken.get(&named(event)) {
            let at = time::format(*at);
            return Some(format!(
                "it took effect at {at} (record {record} of partition {partition}), and its id is \
                 forgotten since: it would take effect twice; discard the letter"
            ));
        }
        let since = self.since.filter(|since| event.time - skew < *since)?;
        let (since, time) = (time::format(since), time::format(event.time));
        Some(format!(
            "the journal of partition {partition} tells what was decided since {since}, and the \
             event is of {time}: nobody can tell whether it took effect before; find out what is \
             true now and publish that as a new event"
        ))
    }
}

/// Whether an event has done what it does: it was not put off or turned away at the gate.
fn took_effect(decided: &Decided) -> bool {
    decided.standing == Standing::New
        && match &decided.verdict {
            Verdict::Parked => false,
            Verdict::Refused(refusal) => refusal.reason.is_remembered(),
            Verdict::Accepted
            | Verdict::Recorded
            | Verdict::HoldGranted { .. }
            | Verdict::HoldExtended { .. } => true,
        }
}

/// Has the engine let an event be decided however late it is, and waits until the journal has that.
pub async fn allow(
    desk: &Desk<'_>,
    journal: &dyn Journal,
    event: &Decoded,
    by: &str,
    why: &str,
) -> Result<(), String> {
    let settings = &desk.context.settings;
    let partition = partition_of(&event.key, settings.streams.partitions);
    let last = journal.last(partition).await.map_err(|error| error.to_string())?;
    let request = json!({
        (event.key.entity()): event.key.key(), "source": event.source, "id": event.id,
        "by": by, "reason": why,
    });
    let within = Duration::from_millis(settings.nats.request_timeout_ms);
    let answer = orders::ask(&desk.nats.client(), names::ALLOW_STALE, &request, within).await;
    match answer.map_err(|error| error.to_string())? {
        None => {
            let why = "no pod listens that lets late events through: start one of this version; \
                       pods with cluster.ownership = \"all\" take no orders";
            return Err(why.to_owned());
        }
        Some(Answer::Refused(refused)) => return Err(refused.message),
        Some(_) => {}
    }
    let (mut after, until) = (last.map_or(0, |last| last.sequence), Instant::now());
    let until = until + desk.settings().decided_within;
    loop {
        let page = journal.read(partition, after).await.map_err(|error| error.to_string())?;
        for entry in &page {
            let record = decode(entry).map_err(|failure| failure.error)?;
            if record.entries.iter().any(|entry| lets(entry, event)) {
                return Ok(());
            }
            after = entry.sequence;
        }
        if Instant::now() >= until {
            return Err(format!(
                "the owner of partition {partition} did not take it down in time \
                 (dead_letters.decided_within_ms); it does once every pod reads that \
                 (cluster.format_after_s): replay it again"
            ));
        }
        sleep(LOOK_EVERY).await;
    }
}

fn lets(entry: &Entry, event: &Decoded) -> bool {
    match entry {
        Entry::LateAllowed { entity, source, id, .. } => {
            *entity == event.key && *source == event.source && *id == event.id
        }
        _ => false,
    }
}
