//! What dead letters mean for the shop, and how they are looked at and replayed.

use std::{path::PathBuf, sync::Arc, time::Duration};

use super::ranges::{Check, within};
use crate::{
    config::{Problem, raw::Raw},
    contract::{
        Catalogue,
        catalogue::{Wrong, over_shipped},
    },
    domain::time::Span,
};

/// How dead letters are looked at and replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// Events whose letters are looked at in one go.
    pub listed_max: usize,
    /// Events that are replayed in a second, where nothing is said.
    pub replay_rate: u32,
    /// The most that may be asked for.
    pub replay_rate_max: u32,
    /// Events that one command takes, where nothing is said.
    pub replay_events: usize,
    /// The most that may be asked for.
    pub replay_events_max: usize,
    /// How long ago a letter may have been given up to be replayed.
    pub replay_age_max: Span,
    /// How long a decision is waited for.
    pub decided_within: Duration,
}

pub fn dead_letters(c: &mut Check, raw: &Raw) -> DeadLetters {
    let of = &raw.dead_letters;
    let rate_max = of.replay_rate_max.clamp(1, 10_000);
    let events_max = of.replay_events_max.clamp(1, 10_000);
    DeadLetters {
        listed_max: within!(c.number(raw.dead_letters.listed_max, 1..=100_000_000)),
        replay_rate: within!(c.number(raw.dead_letters.replay_rate, 1..=rate_max)),
        replay_rate_max: within!(c.number(raw.dead_letters.replay_rate_max, 1..=10_000)),
        replay_events: within!(c.number(raw.dead_letters.replay_events, 1..=events_max)),
        replay_events_max: within!(c.number(raw.dead_letters.replay_events_max, 1..=10_000)),
        replay_age_max: within!(c.seconds(raw.dead_letters.replay_age_max_s, 60..=34_560_000)),
        decided_within: within!(c.millis(raw.dead_letters.decided_within_ms, 100..=600_000)),
    }
}

/// The built-in rows, with those of a file laid over them where one is named.
pub fn catalogue(c: &mut Check, raw: &Raw) -> Arc<Catalogue> {
    const KEY: &str = "dead_letters.catalogue";
    if raw.dead_letters.catalogue.is_empty() {
        return Catalogue::shipped();
    }
    let path = PathBuf::from(&raw.dead_letters.catalogue);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) => {
            let found = format!("{}: {error}", path.display());
            c.complain(KEY, found, "a file of rows like config/dead-letters.toml");
            return Catalogue::shipped();
        }
    };
    match over_shipped(Some(&text)) {
        Ok(catalogue) => catalogue.into(),
        Err(wrongs) => {
            let action = format!("correct it in {}", path.display());
            c.problems.extend(wrongs.into_iter().map(|Wrong { place, found, expected }| Problem {
                key: format!("{KEY}: {place}"),
                found,
                expected,
                action: action.clone(),
            }));
            Catalogue::shipped()
        }
    }
}
