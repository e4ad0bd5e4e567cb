//! What led to a letter, as a scenario that `earmark scenario run` plays: the events that its SKU
//! or order decided, and the one that failed, each with its original bytes.
//!
//! Promise: it is made when it is asked for, of the journal and of EARMARK_IN; what neither has any
//! more is named at the head of the file, so that nobody takes a part for the whole.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Letter;
use crate::{
    contract::{partition_of, time},
    domain::{event::Lane, ids::EntityKey, time::Timestamp},
    error::Failure,
    inspecting::{Kept, fold},
    partition::entry::{Entry, Trigger},
    ports::{Input, Journal, Partition, Shelf, Source},
};

/// Orders whose commands a SKU heard, and whose events are told too, at most.
const ORDERS_MAX: usize = 20;
/// Missing events that are named.
const NAMED_MAX: usize = 10;

/// Where a story is read.
pub struct Sources<'a> {
    /// The journal.
    pub journal: &'a dyn Journal,
    /// Archives, where the journal was trimmed.
    pub shelf: &'a dyn Shelf,
    /// EARMARK_IN.
    pub input: &'a dyn Input,
    /// How many partitions there are.
    pub partitions: Partition,
}

/// An event of the story, by its place in the log.
struct Told {
    key: EntityKey,
    lane: Lane,
    at: Timestamp,
    id: String,
}

#[derive(Default)]
struct Story {
    events: BTreeMap<u64, Told>,
    orders: BTreeSet<EntityKey>,
    missing: Vec<String>,
    /// What was decided later led to nothing.
    until: Timestamp,
}

/// The scenario, and how much of it is missing.
pub async fn story(
    letter: &Letter,
    bytes: Option<&[u8]>,
    sources: &Sources<'_>,
) -> Result<(String, Vec<String>), Failure> {
    let mut story = Story { until: letter.given_up_at(), ..Story::default() };
    if let Some(key) = letter.entity() {
        story.entity(&key, sources).await?;
        let orders = std::mem::take(&mut story.orders);
        if orders.len() > ORDERS_MAX {
            let more = orders.len() - ORDERS_MAX;
            story.missing.push(format!("{more} further orders that it heard from"));
        }
        for order in orders.iter().take(ORDERS_MAX) {
            story.entity(order, sources).await?;
        }
    } else {
        story.missing.push("the letter does not say whose it is: there is no history".to_owned());
    }
    let mut steps = Vec::with_capacity(story.events.len() + 1);
    let (mut lost, mut now) = (Vec::new(), Timestamp::default());
    // Lanes are decided side by side, and a scenario's time never goes back.
    let mut moment = |at: Timestamp| {
        now = now.max(at);
        now
    };
    for (sequence, told) in &story.events {
        if letter.stream == "EARMARK_IN" && letter.sequence == *sequence {
            continue;
        }
        let found = sources.input.fetch(Source::Lane(told.lane), *sequence).await?;
        let found = found.filter(|found| found.at == told.at);
        match found.and_then(|found| String::from_utf8(found.payload.to_vec()).ok()) {
            Some(raw) => steps.push(step(&told.key, told.lane, moment(told.at), &raw)),
            None => lost.push(told.id.as_str()),
        }
    }
    if !lost.is_empty() {
        let named = lost.iter().take(NAMED_MAX).copied().collect::<Vec<_>>().join(", ");
        let events = lost.len();
        story.missing.push(format!("{events} events that EARMARK_IN has no more: {named}"));
    }
    match (letter.entity(), bytes.map(std::str::from_utf8)) {
        (Some(key), Some(Ok(raw))) => {
            steps.push("  # This one failed.".to_owned());
            steps.push(step(&key, letter.lane(), moment(letter.logged_at()), raw));
        }
        (_, Some(Err(_))) => story.missing.push("the event itself: it is no text".to_owned()),
        (_, None) => story.missing.push("the event itself: its bytes are gone".to_owned()),
        (None, Some(Ok(_))) => {}
    }
    Ok((text(letter, &story.missing, &steps), story.missing))
}

impl Story {
    async fn entity(&mut self, key: &EntityKey, sources: &Sources<'_>) -> Result<(), Failure> {
        let partition = partition_of(key, sources.partitions);
        let kept = Kept {
            journal: sources.journal,
            shelf: Some(sources.shelf),
            partition,
            partitions: sources.partitions,
        };
        let until = self.until;
        let found = fold(&kept, key, Some(until), |_, _, entry| {
            if let Entry::LateAllowed { id, .. } = entry {
                self.missing.push(format!("that an operator let event {id} of {key} be late"));
            }
            let Entry::Decided(decided) = entry else { return };
            if let Trigger::Command { from: from @ EntityKey::Order(_), .. } = &decided.trigger {
                self.orders.insert(from.clone());
            }
            if let Some(cause) = decided.trigger.cause() {
                let told = Told {
                    key: key.clone(),
                    lane: cause.lane,
                    at: cause.logged_at,
                    id: cause.id.clone(),
                };
                self.events.insert(cause.sequence, told);
            }
        });
        if let Some(archive) = found.await?.archive {
            let text = format!("what {key} decided before the archive {archive}: it was trimmed");
            self.missing.push(text);
        }
        Ok(())
    }
}

/// A step, in JSON, which YAML can read.
fn step(key: &EntityKey, lane: Lane, at: Timestamp, raw: &str) -> String {
    let at = time::format(at);
    let step = json!({
        "at": at, (key.entity()): key.key(), "lane": lane.as_str(), "raw": raw,
    });
    format!("  - {step}")
}

fn text(letter: &Letter, missing: &[String], steps: &[String]) -> String {
    let mut lines = vec![format!("# What led to the dead letter {}: {}", letter.id, letter.reason)];
    lines.extend(missing.iter().map(|what| format!("# Missing: {what}.")));
    lines.push(format!("name: {}", json!(format!("dead letter {}: {}", letter.id, letter.reason))));
    lines.push("steps:".to_owned());
    lines.extend(steps.iter().cloned());
    lines.join("\n") + "\n"
}
