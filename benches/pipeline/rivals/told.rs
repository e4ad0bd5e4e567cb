//! Events as the rivals read them, and what they tell: the same CloudEvents as Earmark's, with as
//! much in them.

use std::{borrow::Cow, fmt::Write as _};

use anyhow::{Result, bail};
use earmark::{
    clock::SystemClock,
    contract::{subject::encode_key, time},
    domain::time::Span,
    ports::Clock,
};
use serde::{Deserialize, Serialize};

use super::Decided;

#[derive(Deserialize)]
pub struct Event<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    pub subject: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(borrow)]
    replyto: Option<&'a str>,
    #[serde(borrow)]
    data: Data<'a>,
}

#[derive(Deserialize)]
struct Data<'a> {
    quantity: Option<u32>,
    ttl_s: Option<u64>,
    #[serde(borrow)]
    hold: Option<Cow<'a, str>>,
    #[serde(borrow)]
    owner: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    lines: Vec<Line<'a>>,
}

#[derive(Deserialize)]
pub struct Line<'a> {
    #[serde(borrow)]
    line: Cow<'a, str>,
    #[serde(borrow)]
    pub sku: Cow<'a, str>,
    pub quantity: u32,
}

/// An event that asks for units of SKUs, all or nothing.
pub struct Asked<'a> {
    pub event: Event<'a>,
    pub reply_to: Option<&'a str>,
    order: bool,
}

impl<'a> Asked<'a> {
    pub fn read(bytes: &'a [u8]) -> Result<Asked<'a>> {
        let event: Event = serde_json::from_slice(bytes)?;
        let order = match event.kind.as_ref() {
            "hold.requested.v1" => false,
            "order.placed.v1" => true,
            other => bail!("an event of the type {other}"),
        };
        Ok(Asked { reply_to: event.replyto, order, event })
    }

    /// What is asked for: each SKU and how much of it.
    pub fn lines(&self) -> impl Iterator<Item = (&str, u32)> {
        let own = (!self.order).then(|| (self.event.subject.as_ref(), self.quantity()));
        let lines = self.event.data.lines.iter().map(|line| (line.sku.as_ref(), line.quantity));
        own.into_iter().chain(lines)
    }

    fn quantity(&self) -> u32 {
        self.event.data.quantity.unwrap_or(1)
    }

    /// How long what is granted lasts, in seconds.
    pub fn lasts_s(&self) -> u64 {
        self.event.data.ttl_s.unwrap_or(3_600)
    }

    fn lasts(&self) -> Span {
        Span::from_secs(i64::try_from(self.lasts_s()).unwrap_or(i64::MAX))
    }

    /// What is asked for, as text that is kept with the decision: a release will need it.
    pub fn record(&self) -> String {
        let mut record = String::new();
        for (sku, quantity) in self.lines() {
            // Writing to a text cannot fail.
            let _ = write!(record, " {sku}:{quantity}");
        }
        record
    }

    /// The id by which a repeat is recognised.
    pub fn key(&self) -> String {
        format!("{}#{}", self.event.source, self.event.id)
    }
}

#[derive(Serialize)]
struct Told<'a> {
    specversion: &'static str,
    id: String,
    source: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    subject: &'a str,
    time: &'a str,
    datacontenttype: &'static str,
    causationid: &'a str,
    causationsource: &'a str,
    data: Said<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Said<'a> {
    Hold(HoldData<'a>),
    Order(OrderData<'a>),
}

#[derive(Serialize)]
struct HoldData<'a> {
    event_id: &'a str,
    event_source: &'a str,
    status: &'static str,
    repeated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    requested: u32,
    quantity: u32,
    backordered: u32,
    location: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct OrderData<'a> {
    status: &'static str,
    lines: Vec<OrderLine<'a>>,
}

#[derive(Serialize)]
struct OrderLine<'a> {
    line: &'a str,
    sku: &'a str,
    quantity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

/// Tells what was decided of some events at one time.
pub struct Teller {
    time: String,
}

impl Teller {
    pub fn now() -> Teller {
        Teller { time: time::format(SystemClock.now()) }
    }

    /// The answer to whoever asked.
    pub fn answer(&self, asked: &Asked, decided: Decided) -> Result<Vec<u8>> {
        self.tell(asked, decided, "earmark.answer.v1")
    }

    /// The outcome for everybody.
    pub fn outcome(&self, asked: &Asked, decided: Decided) -> Result<Vec<u8>> {
        self.tell(asked, decided, kind(asked, decided))
    }

    fn tell(&self, asked: &Asked, decided: Decided, kind: &'static str) -> Result<Vec<u8>> {
        let Event { id, source, subject, .. } = &asked.event;
        let said = match asked.order {
            false => Said::Hold(hold(asked, decided)),
            true => Said::Order(order(asked, decided)),
        };
        Ok(serde_json::to_vec(&Told {
            specversion: "1.0",
            id: format!("told-{id}"),
            source: "/rival",
            kind,
            subject,
            time: &self.time,
            datacontenttype: "application/json",
            causationid: id,
            causationsource: source,
            data: said,
        })?)
    }
}

fn hold<'a>(asked: &'a Asked, decided: Decided) -> HoldData<'a> {
    let Event { id, source, data, time: asked_at, .. } = &asked.event;
    // By the event's own time, so that a repeat is answered as the first time.
    let until = || Some(time::format(time::parse(asked_at)? + asked.lasts()));
    HoldData {
        event_id: id,
        event_source: source,
        status: status(decided),
        repeated: decided.repeated,
        hold: data.hold.as_deref(),
        owner: data.owner.as_deref(),
        requested: asked.quantity(),
        quantity: if decided.granted { asked.quantity() } else { 0 },
        backordered: 0,
        location: "MAIN",
        expires_at: decided.granted.then(until).flatten(),
        reason: reason(decided),
    }
}

fn order<'a>(asked: &'a Asked, decided: Decided) -> OrderData<'a> {
    let line = |line: &'a Line| OrderLine {
        line: &line.line,
        sku: &line.sku,
        quantity: line.quantity,
        reason: reason(decided),
    };
    OrderData { status: status(decided), lines: asked.event.data.lines.iter().map(line).collect() }
}

fn status(decided: Decided) -> &'static str {
    if decided.granted { "granted" } else { "refused" }
}

fn reason(decided: Decided) -> Option<&'static str> {
    (!decided.granted).then_some("insufficient_stock")
}

/// Where an outcome is published.
pub fn subject(asked: &Asked, decided: Decided) -> String {
    let entity = if asked.order { "order" } else { "sku" };
    let kind = kind(asked, decided).trim_end_matches(".v1").replace('.', "_");
    format!("earmark.out.{entity}.{}.{kind}", encode_key(&asked.event.subject))
}

fn kind(asked: &Asked, decided: Decided) -> &'static str {
    match (asked.order, decided.granted) {
        (false, true) => "hold.granted.v1",
        (false, false) => "hold.rejected.v1",
        (true, true) => "order.reserved.v1",
        (true, false) => "order.rejected.v1",
    }
}
