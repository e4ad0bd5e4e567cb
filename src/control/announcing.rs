//! What is asked on `earmark.control.promotion`, checked, and what is answered.
//!
//! Promises: nothing is announced that pods could not heed, and every promotion ends by itself;
//! what is refused has changed nothing.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    answer::{Code, Refused},
    fields::Fields,
    promotion::{Outlook, Promotion},
    request::Who,
};
use crate::{
    contract::time,
    domain::{
        ids::Sku,
        time::{Span, Timestamp},
    },
    ports::Partition,
};

/// The largest promotion, in bytes of its note. The audit and the answer have two, before and
/// after, in a message each.
pub const NOTE_BYTES_MAX: usize = 384 * 1024;
/// How long a promotion's name may be, in characters.
const NAME_CHARS_MAX: usize = 100;
/// The fields of a request.
const FIELDS: &[&str] = &["set", "name", "skus", "start", "end", "reason", "by"];
/// What may be set.
const WORDS: &[&str] = &["announce", "cancel", "status"];

/// What may be announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PromotionBounds {
    /// How long before its start a promotion is armed.
    pub lead: Span,
    /// The longest from start to end.
    pub window_max: Span,
    /// How far ahead its end may lie.
    pub ahead_max: Span,
    /// SKUs of one.
    pub skus_max: usize,
    /// Promotions that stand at a time, those to come too.
    pub standing_max: usize,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromotionRequest {
    /// What stands.
    Status,
    /// That there will be a promotion, in place of one of the same name.
    Announce(Announcement),
    /// That there will be none, or that it is over.
    Cancel {
        /// Its name.
        name: String,
        /// Who asks, and why.
        who: Who,
    },
}

/// That there will be a promotion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    name: String,
    skus: BTreeSet<Sku>,
    start: Timestamp,
    end: Timestamp,
    who: Who,
}

impl PromotionRequest {
    /// Reads a request.
    ///
    /// # Errors
    /// What is wrong with it, and what was expected.
    pub fn parse(payload: &[u8], bounds: &PromotionBounds) -> Result<PromotionRequest, Refused> {
        let fields = Fields::parse(payload, FIELDS)?;
        let set = fields.word("set", WORDS)?;
        if set != "announce" {
            for name in ["skus", "start", "end"] {
                fields.none(name, "it beside \"set\":\"announce\" alone")?;
            }
        }
        if set == "status" {
            fields.none("name", "it beside \"set\":\"announce\" or \"cancel\" alone")?;
            return Ok(PromotionRequest::Status);
        }
        let name = fields.text("name", NAME_CHARS_MAX, "the promotion's name")?;
        if set == "cancel" {
            return Ok(PromotionRequest::Cancel { name, who: fields.who()? });
        }
        let skus = fields.list("skus", bounds.skus_max, "the key of a SKU", Sku::new)?;
        let (start, end) = window(&fields, bounds)?;
        let (skus, who) = (skus.into_iter().collect(), fields.who()?);
        Ok(PromotionRequest::Announce(Announcement { name, skus, start, end, who }))
    }
}

/// The window, as far as it can be judged without knowing what time it is.
fn window(fields: &Fields, bounds: &PromotionBounds) -> Result<(Timestamp, Timestamp), Refused> {
    let (start, end) = (fields.time("start")?, fields.time("end")?);
    if end <= start {
        return Err(end_is(end, &format!("a time after the start, {}", time::format(start))));
    }
    if end - start > bounds.window_max {
        let (most, last) = (bounds.window_max, start + bounds.window_max);
        let seconds = most.as_millis() / 1_000;
        let last = time::format(last);
        let expected = format!("a time at most {seconds} s after the start, that is {last}");
        return Err(end_is(end, &expected));
    }
    Ok((start, end))
}

fn end_is(end: Timestamp, expected: &str) -> Refused {
    Refused::field(Code::OutOfRange, "end", Some(time::format(end)), expected)
}

impl Announcement {
    /// The promotion's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The promotion that it makes now, if its note has at most so many bytes.
    ///
    /// # Errors
    /// It is over already, too far ahead, or too large.
    pub fn promotion(
        &self,
        now: Timestamp,
        bounds: &PromotionBounds,
        bytes_max: usize,
    ) -> Result<Promotion, Refused> {
        if self.end <= now {
            return Err(end_is(self.end, &format!("a time to come: it is {}", time::format(now))));
        }
        let last = now + bounds.ahead_max;
        if self.end > last {
            return Err(end_is(self.end, &format!("a time until {}", time::format(last))));
        }
        let Announcement { name, skus, start, end, who: Who { by, reason } } = self.clone();
        let promotion = Promotion { name, skus, start, end, at: now, by, reason };
        let bytes = promotion.encode().len();
        if bytes > bytes_max {
            let found = format!("{} SKUs, {bytes} bytes with all else", self.skus.len());
            let expected = format!("at most {bytes_max} bytes: announce it in parts, by two names");
            return Err(Refused::field(Code::OutOfRange, "skus", Some(found), &expected));
        }
        Ok(promotion)
    }

    /// Who asks, and why.
    pub fn who(&self) -> &Who {
        &self.who
    }
}

/// What a request on `earmark.control.promotion` is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PromotionAnswer {
    /// It was changed.
    Changed(Box<PromotionChanged>),
    /// What stands.
    Status(PromotionStatus),
    /// Nothing was changed, or that is not certain.
    Refused(Refused),
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionChanged {
    /// What was asked: `announce` or `cancel`.
    pub set: String,
    /// The pod that did it, for all.
    pub pod: String,
    /// The promotion of this name that stood before; `null` if there was none.
    pub before: Option<Promotion>,
    /// The one that stands now; `null` if there is none.
    pub after: Option<Promotion>,
    /// From when on it is armed: RFC 3339. `null` if there is none.
    pub arms_at: Option<String>,
    /// The partitions of its SKUs, which are not moved for balance while it is armed.
    pub partitions: BTreeSet<Partition>,
    /// Where EARMARK_AUDIT has it.
    pub audit: u64,
}

/// What stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromotionStatus {
    /// `status`.
    pub set: String,
    /// The pod that answers.
    pub pod: String,
    /// When, by the server's clock: RFC 3339.
    pub at: String,
    /// The promotions that are to come, or go on.
    pub promotions: Vec<Outlook>,
}
