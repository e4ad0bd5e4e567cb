//! What operators ask, checked.
//!
//! Promise: nothing is changed by who does not say who he is and why.

use super::{
    answer::{Code, Refused},
    fields::Fields,
    order::{Order, What},
};
use crate::{
    domain::{
        Level,
        event::Lane,
        ids::{OrderId, Sku},
        time::{Span, Timestamp},
    },
    ports::Partition,
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
    /// The word that was asked: `on`, `off`, `auto`, `pause` or `resume`.
    pub set: &'static str,
    /// What is ordered, or what is not ordered any more.
    pub what: What,
    /// For how many seconds; nothing: it ends.
    pub lasts: Option<u64>,
    /// Who asks, and why.
    pub who: Who,
}

/// The fields of a request on `earmark.control.safe-mode`.
const SAFE_MODE: &[&str] = &["set", "level", "for_s", "reason", "by"];
/// What may be set there.
const WORDS: &[&str] = &["on", "off", "auto", "status"];
/// The level of `on` that does not say which.
const LEVEL: Level = Level::CartsBusy;
/// The fields of a request on `earmark.control.pause`, and on `earmark.control.resume`.
const PAUSE: &[&str] = &["lane", "partition", "sku", "order", "for_s", "reason", "by"];
const RESUME: &[&str] = &["lane", "partition", "sku", "order", "reason", "by"];
/// What can be paused.
const ONE_OF: &str = "one of lane, partition, sku and order";
/// The lanes that can be paused.
const LANES: &[&str] = &["demand", "fulfilment", "reporting", "settlement"];

impl Request {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn parse(payload: &[u8], bounds: Bounds) -> Result<Request, Refused> {
        let fields = Fields::parse(payload, SAFE_MODE)?;
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
        let for_s = lasts(&fields, bounds)?;
        let who = fields.who()?;
        let (level, lasts) = match set {
            "on" => (level.unwrap_or(LEVEL), Some(for_s)),
            "off" => (Level::Normal, Some(for_s)),
            _ => (Level::Normal, None),
        };
        Ok(Request::Change(Change { set, what: What::Level(level), lasts, who }))
    }
}

impl Change {
    /// Reads a request on `earmark.control.pause`.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn pause(payload: &[u8], partitions: Partition, bounds: Bounds) -> Result<Change, Refused> {
        let fields = Fields::parse(payload, PAUSE)?;
        let what = what(&fields, partitions)?;
        if what == What::Lane(Lane::Settlement) {
            let found = Some("\"settlement\"".to_owned());
            let expected = "demand, fulfilment or reporting: settlement frees stock and finishes \
                            promises, and always goes on";
            return Err(Refused::field(Code::SettlementGoesOn, "lane", found, expected));
        }
        let lasts = Some(lasts(&fields, bounds)?);
        Ok(Change { set: "pause", what, lasts, who: fields.who()? })
    }

    /// Reads a request on `earmark.control.resume`.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn resume(payload: &[u8], partitions: Partition) -> Result<Change, Refused> {
        let fields = Fields::parse(payload, RESUME)?;
        let what = what(&fields, partitions)?;
        Ok(Change { set: "resume", what, lasts: None, who: fields.who()? })
    }

    /// What is ordered by it from now on.
    pub fn order(&self, now: Timestamp) -> Option<Order> {
        let lasts = Span::from_secs(i64::try_from(self.lasts?).unwrap_or(i64::MAX));
        let Who { by, reason } = self.who.clone();
        Some(Order { what: self.what.clone(), by, reason, at: now, until: now + lasts })
    }
}

fn lasts(fields: &Fields, bounds: Bounds) -> Result<u64, Refused> {
    Ok(fields.number("for_s", 1..=bounds.for_max_s)?.unwrap_or(bounds.for_s))
}

/// What is to be paused, or to go on.
fn what(fields: &Fields, partitions: Partition) -> Result<What, Refused> {
    let named = ["lane", "partition", "sku", "order"].into_iter().filter(|name| fields.has(name));
    let named: Vec<&str> = named.collect();
    let [name] = *named.as_slice() else {
        let found = (!named.is_empty()).then(|| format!("there beside {}", named.join(", ")));
        return Err(Refused::field(Code::Missing, named.first().unwrap_or(&"lane"), found, ONE_OF));
    };
    match name {
        "lane" => lane(fields.word(name, LANES)?),
        "partition" => {
            let last = u64::from(partitions.saturating_sub(1));
            let number = fields.number(name, 0..=last)?.unwrap_or_default();
            Ok(What::Partition(Partition::try_from(number).unwrap_or_default()))
        }
        "sku" => named_by(fields, name, |key| Sku::new(key).map(What::Sku)),
        _ => named_by(fields, name, |key| OrderId::new(key).map(What::Order)),
    }
}

fn lane(word: &str) -> Result<What, Refused> {
    let lane = Lane::ALL.into_iter().find(|lane| lane.as_str() == word);
    lane.map(What::Lane).ok_or_else(|| Refused::field(Code::UnknownValue, "lane", None, ONE_OF))
}

fn named_by<E: std::fmt::Display>(
    fields: &Fields,
    name: &str,
    make: impl Fn(&str) -> Result<What, E>,
) -> Result<What, Refused> {
    let key = fields.key(name)?.unwrap_or_default();
    make(&key).map_err(|bad| {
        Refused::field(Code::OutOfRange, name, Some(bad.to_string()), "a key of an event")
    })
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
