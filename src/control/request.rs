//! What operators ask, checked.
//!
//! Promise: nothing is changed by who does not say who he is and why.

use super::{answer::Refused, fields::Fields, order::Order};
use crate::domain::{
    Level,
    time::{Span, Timestamp},
};

/// For how long may be ordered. Seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Where the request does not say.
    pub for_s: u64,
    /// At most.
    pub for_max_s: u64,
}

/// Who asks, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// What is asked on `earmark.control.safe-mode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// How it stands.
    Status,
    /// That it be changed.
    Change(Change),
}

/// What is to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The word that was asked: `on`, `off` or `auto`.
    pub set: &'static str,
    /// A level for all pods, and for how many seconds; nothing: each goes by its own load.
    pub level: Option<(Level, u64)>,
    /// Who asks, and why.
    pub who: Who,
}

/// The fields of a request.
const FIELDS: &[&str] = &["set", "level", "for_s", "reason", "by"];
/// What may be set.
const WORDS: &[&str] = &["on", "off", "auto", "status"];
/// The level of `on` that does not say which.
const LEVEL: Level = Level::CartsBusy;

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn parse(payload: &[u8], bounds: Bounds) -> Result<Request, Refused> {
        let fields = Fields::parse(payload, FIELDS)?;
        let set = fields.word("set", WORDS)?;
        if set != "on" {
            fields.none("level", "it beside \"set\":\"on\" alone")?;
        }
        if matches!(set, "auto" | "status") {
            fields.none("for_s", "it beside \"set\":\"on\" or \"off\" alone")?;
        }
        if set == "status" {
            return Ok(Request::Status);
        }
        let most = u64::from(Level::OrdersBusy.number());
        let level = fields.number("level", 1..=most)?;
        let level = level.and_then(|number| Level::try_from(u8::try_from(number).ok()?).ok());
        let for_s = fields.number("for_s", 1..=bounds.for_max_s)?.unwrap_or(bounds.for_s);
        let who = fields.who()?;
        let level = match set {
            "on" => Some((level.unwrap_or(LEVEL), for_s)),
            "off" => Some((Level::Normal, for_s)),
            _ => None,
        };
        Ok(Request::Change(Change { set, level, who }))
    }
}

impl Change {
    /// What is ordered by it from now on.
    pub fn order(&self, now: Timestamp) -> Option<Order> {
        let (level, for_s) = self.level?;
        let lasts = Span::from_secs(i64::try_from(for_s).unwrap_or(i64::MAX));
        let Who { by, reason } = self.who.clone();
        Some(Order { level, by, reason, at: now, until: now + lasts })
    }
}

/// What is asked of one pod: to hand over everything, or to take part again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Take part again.
    pub undo: bool,
    /// Who asks, and why.
    pub who: Who,
}

impl Drain {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn parse(payload: &[u8]) -> Result<Drain, Refused> {
        let fields = Fields::parse(payload, &["undo", "reason", "by"])?;
        Ok(Drain { undo: fields.flag("undo")?, who: fields.who()? })
    }
}
