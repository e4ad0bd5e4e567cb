//! Letters counted by event, and events by what they have in common.
//!
//! Promise: of an event some hundred bytes are kept, however often it was given up and however
//! large its letters are; beyond a number of events, or of groups, it is refused and said why.

use std::collections::HashMap;

use serde::Serialize;

use super::{Identity, Letter};
use crate::{
    contract::{Severity, time},
    domain::time::Timestamp,
};

/// Groups that are told apart; types and keys come from publishers, who may invent any number.
pub const GROUPS_MAX: usize = 100_000;

/// What events have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Reason, type, severity and owner.
    Kind,
    /// The reason.
    Reason,
    /// The type.
    Type,
    /// The severity.
    Severity,
    /// The owner.
    Owner,
    /// The SKU or order.
    Key,
    /// Nothing: each event for itself.
    None,
}

/// An event with open letters.
#[derive(Clone, Copy, Debug)]
pub struct Event {
    group: u32,
    /// How many letters it has.
    pub letters: u32,
    /// When the first was given up.
    pub first: Timestamp,
    /// When the last was.
    pub last: Timestamp,
    /// Where the last one stands in EARMARK_DLQ.
    pub sequence: u64,
    /// When the log took the event first, and where: the order of replays.
    pub logged: (Timestamp, u64),
}

/// What the events of a group have in common; nothing where they differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Common {
    reason: Option<String>,
    kind: Option<String>,
    severity: Option<Severity>,
    owner: Option<String>,
    key: Option<String>,
}

/// A group, as it is told.
#[derive(Clone, Debug, Serialize)]
pub struct Group {
    /// The severity of the most severe.
    pub severity: Severity,
    /// The reason, where it is one.
    pub reason: Option<String>,
    /// The type, where it is one.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The owner, where it is one.
    pub owner: Option<String>,
    /// The SKU or order, where it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Events.
    pub events: u64,
    /// Their letters.
    pub letters: u64,
    /// When the first was given up.
    pub first_seen: String,
    /// When the last was.
    pub last_seen: String,
    /// Seconds since the first.
    pub age_s: i64,
    /// The greatest estimate of what an hour costs in which letters of such a kind lie.
    pub cost_per_hour_minor: Option<u64>,
    /// Of that estimate.
    pub currency: Option<String>,
}

/// What is known of a group while letters are read.
#[derive(Clone, Debug)]
struct Tally {
    severity: Severity,
    reason: Option<String>,
    kind: Option<String>,
    owner: Option<String>,
    key: Option<String>,
    cost: Option<(u64, String)>,
}

/// Letters, taken in one after another.
#[derive(Debug)]
pub struct Groups {
    by: By,
    events_max: usize,
    events: HashMap<Identity, Event>,
    groups: HashMap<Common, u32>,
    tallies: Vec<Tally>,
}

impl Groups {
    /// Nothing yet, to be told apart like this, of so many events at most.
    pub fn new(by: By, events_max: usize) -> Groups {
        let (events, groups) = (HashMap::new(), HashMap::new());
        Groups { by, events_max, events, groups, tallies: Vec::new() }
    }

    /// How many events there are.
    pub fn events(&self) -> usize {
        self.events.len()
    }

    /// Takes in an open letter that stands at this sequence of EARMARK_DLQ; whether there was room.
    pub fn take(&mut self, sequence: u64, letter: &Letter) -> bool {
        let Some(group) = self.group(letter) else { return false };
        let (identity, at) = (letter.identity(), letter.given_up_at());
        let logged = (letter.logged_at(), letter.sequence);
        if !self.events.contains_key(&identity) && self.events.len() >= self.events_max {
            return false;
        }
        let new = Event { group, letters: 0, first: at, last: at, sequence, logged };
        let event = self.events.entry(identity).or_insert(new);
        event.letters = event.letters.saturating_add(1);
        event.first = event.first.min(at);
        event.logged = event.logged.min(logged);
        // The last letter says how it stands.
        if sequence >= event.sequence {
            (event.group, event.last, event.sequence) = (group, event.last.max(at), sequence);
        }
        true
    }

    /// Leaves an event out: a later letter of it is not meant.
    pub fn forget(&mut self, event: Identity) {
        self.events.remove(&event);
    }

    /// The events, the most severe first, then the dearest, then as the log took them.
    pub fn ranked(&self) -> Vec<(Identity, Event)> {
        let mut events = self.in_order();
        events.sort_by_key(|(_, event)| {
            let tally = usize::try_from(event.group).ok().and_then(|at| self.tallies.get(at));
            let cost = tally.and_then(|tally| tally.cost.as_ref()).map_or(0, |(minor, _)| *minor);
            (tally.map(|tally| tally.severity), u64::MAX - cost)
        });
        events
    }

    /// The events, in the order in which the log took them.
    pub fn in_order(&self) -> Vec<(Identity, Event)> {
        let mut events: Vec<_> = self.events.iter().map(|(id, event)| (*id, *event)).collect();
        events.sort_by_key(|(_, event)| (event.logged, event.sequence));
        events
    }

    /// The groups, the most severe first, then the dearest, then the largest.
    pub fn told(&self, now: Timestamp) -> Vec<Group> {
        let mut spans: HashMap<u32, (u64, u64, Timestamp, Timestamp)> = HashMap::new();
        for event in self.events.values() {
            let new = (0, 0, event.first, event.last);
            let (events, letters, first, last) = spans.entry(event.group).or_insert(new);
            *events += 1;
            *letters += u64::from(event.letters);
            (*first, *last) = ((*first).min(event.first), (*last).max(event.last));
        }
        let mut told: Vec<Group> = spans
            .into_iter()
            .filter_map(|(group, span)| {
                let tally = self.tallies.get(usize::try_from(group).ok()?)?.clone();
                Some(tell(tally, span, now))
            })
            .collect();
        told.sort_by(|one, other| {
            let rank = |group: &Group| {
                let cost = group.cost_per_hour_minor.unwrap_or_default();
                (group.severity, u64::MAX - cost, u64::MAX - group.events)
            };
            let place = |group: &Group| (group.first_seen.clone(), group.key.clone());
            (rank(one), place(one)).cmp(&(rank(other), place(other)))
        });
        told
    }

    fn group(&mut self, letter: &Letter) -> Option<u32> {
        let common = self.common(letter);
        let known = self.groups.get(&common).copied();
        let group = match known {
            Some(group) => group,
            None if self.tallies.len() >= GROUPS_MAX => return None,
            None => {
                let group = u32::try_from(self.tallies.len()).ok()?;
                self.tallies.push(Tally::of(letter));
                self.groups.insert(common, group);
                group
            }
        };
        let tally = self.tallies.get_mut(usize::try_from(group).ok()?)?;
        tally.take(letter);
        Some(group)
    }

    fn common(&self, letter: &Letter) -> Common {
        let of = |wanted: &[By]| wanted.contains(&self.by);
        let reason = of(&[By::Kind, By::Reason]).then(|| letter.reason.as_str().to_owned());
        let kind = letter.event_type.clone().filter(|_| of(&[By::Kind, By::Type]));
        let owner = of(&[By::Kind, By::Owner]).then(|| letter.owner.clone());
        let severity = of(&[By::Kind, By::Severity]).then_some(letter.severity);
        let key = of(&[By::Key]).then(|| key(letter)).flatten();
        Common { reason, kind, severity, owner, key }
    }
}

impl Tally {
    fn of(letter: &Letter) -> Tally {
        Tally {
            severity: letter.severity,
            reason: Some(letter.reason.as_str().to_owned()),
            kind: letter.event_type.clone(),
            owner: Some(letter.owner.clone()),
            key: key(letter),
            cost: None,
        }
    }

    fn take(&mut self, letter: &Letter) {
        self.severity = self.severity.min(letter.severity);
        let keep = |own: &mut Option<String>, of: Option<&str>| {
            if own.as_deref() != of {
                *own = None;
            }
        };
        keep(&mut self.reason, Some(letter.reason.as_str()));
        keep(&mut self.kind, letter.event_type.as_deref());
        keep(&mut self.owner, Some(&letter.owner));
        keep(&mut self.key, key(letter).as_deref());
        if let (Some(minor), Some(currency)) = (letter.cost_per_hour_minor, &letter.currency)
            && self.cost.as_ref().is_none_or(|(most, _)| *most < minor)
        {
            self.cost = Some((minor, currency.clone()));
        }
    }
}

fn key(letter: &Letter) -> Option<String> {
    letter.entity().map(|entity| entity.to_string())
}

fn tell(
    tally: Tally,
    (events, letters, first, last): (u64, u64, Timestamp, Timestamp),
    now: Timestamp,
) -> Group {
    let Tally { severity, reason, kind, owner, key, cost } = tally;
    Group {
        severity,
        reason,
        kind,
        owner,
        key,
        events,
        letters,
        first_seen: time::format(first),
        last_seen: time::format(last),
        age_s: (now - first).0.max(0) / 1_000_000,
        cost_per_hour_minor: cost.as_ref().map(|(minor, _)| *minor),
        currency: cost.map(|(_, currency)| currency),
    }
}
