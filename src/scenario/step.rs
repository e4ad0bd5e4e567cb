//! What a step means: a message on its way, time that passes, or what is expected.

use serde_json::{Value, json};

use super::{
    file::{Pairs, Unclear, Written, one_of},
    wanted::{self, Wanted},
    when,
};
use crate::{
    contract::{EVENT_TYPES, EventType, time},
    domain::{
        event::Lane,
        ids::{EntityKey, OrderId, Sku},
        time::Timestamp,
    },
};

/// The `source` of an event that does not say.
const SOURCE: &str = "/scenario";
/// The fields of an answer's data.
const ANSWER: [&str; 18] = [
    "event_id",
    "event_source",
    "status",
    "repeated",
    "reason",
    "available",
    "about",
    "requested",
    "quantity",
    "backordered",
    "location",
    "expires_at",
    "rule",
    "field",
    "found",
    "expected",
    "action",
    "message",
];

/// A step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its line in the file.
    pub line: u64,
    /// What time it is then.
    pub at: Timestamp,
    /// What happens.
    pub what: What,
}

/// What happens in a step.
#[derive(Clone, Debug)]
pub enum What {
    /// A message is published.
    Send(Send),
    /// Only time passes.
    Pass,
    /// It is looked how things stand.
    Expect(Wanted),
}

/// A message that is published.
#[derive(Clone, Debug)]
pub struct Send {
    /// What a later `repeat` calls it.
    pub id: String,
    /// By which lane.
    pub lane: Lane,
    /// On whose subject.
    pub key: EntityKey,
    /// The message.
    pub body: Body,
    /// It was published before.
    pub again: bool,
    /// What is to be answered: each field at its path.
    pub answer: Option<Vec<(String, Value)>>,
}

/// What a message consists of.
#[derive(Clone, Debug)]
pub enum Body {
    /// An event, without a `replyto`.
    Event(Value),
    /// A text that may be anything.
    Raw(String),
}

impl Body {
    /// The event's type.
    pub fn kind(&self) -> &str {
        match self {
            Body::Event(event) => event.get("type").and_then(Value::as_str).unwrap_or_default(),
            Body::Raw(_) => "raw",
        }
    }
}

/// What each kind of step may say.
const KINDS: [(&str, &[&str]); 4] = [
    (
        "event",
        &[
            "at",
            "sku",
            "order",
            "event",
            "data",
            "id",
            "source",
            "time",
            "expirytime",
            "lane",
            "answer",
        ],
    ),
    ("raw", &["at", "sku", "order", "lane", "raw", "id"]),
    ("repeat", &["at", "repeat", "answer"]),
    ("expect", &["expect"]),
];

/// What a written step means, after those before it.
pub(super) fn understand(
    number: usize,
    line: u64,
    written: Written,
    before: &[Step],
) -> Result<Step, Unclear> {
    let kind = kind(&written)?;
    let at = moment(&written, before)?;
    let what = match kind {
        "event" => What::Send(event(number, at, written)?),
        "raw" => What::Send(raw(number, written)?),
        "repeat" => What::Send(repeat(written, before)?),
        "expect" => What::Expect(wanted::understand(written.expect)?),
        _ => What::Pass,
    };
    Ok(Step { line, at, what })
}

/// Of which kind a step is, if it says nothing that this kind does not.
fn kind(written: &Written) -> Result<&'static str, Unclear> {
    let names = names(written);
    let kinds: Vec<_> = KINDS.iter().filter(|(kind, _)| names.contains(kind)).collect();
    let (kind, allowed) = match kinds.as_slice() {
        [] if names.is_empty() => {
            let expected = "at, event, raw, repeat or expect";
            return Err(Unclear::new("an empty step", expected, "say what happens in it"));
        }
        [] => ("at", &["at"][..]),
        [(kind, allowed)] => (*kind, *allowed),
        [(one, _), (other, _), ..] => {
            let found = format!("a step with `{one}` and `{other}`");
            return Err(Unclear::new(found, "one of the two", "make two steps of it"));
        }
    };
    match names.iter().find(|name| !allowed.contains(name)) {
        None => Ok(kind),
        Some(name) => {
            let found = format!("`{name}` in a step with `{kind}`");
            let expected = format!("no more than {}", allowed.join(", "));
            Err(Unclear::new(found, expected, "take it out, or make two steps of it"))
        }
    }
}

/// The names that a step says something under.
fn names(written: &Written) -> Vec<&'static str> {
    let is = [
        ("at", written.at.is_some()),
        ("sku", written.sku.is_some()),
        ("order", written.order.is_some()),
        ("event", written.event.is_some()),
        ("data", written.data.is_some()),
        ("id", written.id.is_some()),
        ("source", written.source.is_some()),
        ("time", written.time.is_some()),
        ("expirytime", written.expirytime.is_some()),
        ("lane", written.lane.is_some()),
        ("raw", written.raw.is_some()),
        ("repeat", written.repeat.is_some()),
        ("answer", written.answer.is_some()),
        ("expect", written.expect.is_some()),
    ];
    is.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect()
}

/// When a step is: where it does not say, when the one before was.
fn moment(written: &Written, before: &[Step]) -> Result<Timestamp, Unclear> {
    let last = before.last().map(|step| step.at);
    let Some(text) = &written.at else {
        return last.ok_or_else(|| {
            let action = "write `at: \"2026-11-27T10:00:00Z\"`, or another time";
            Unclear::new("a first step without `at`", "a point in time to begin at", action)
        });
    };
    let at = when::parse(text, last).ok_or_else(|| match (text.starts_with('+'), last) {
        (true, None) => Unclear::new(
            format!("a first step at {text}"),
            "a point in time to begin at",
            "write `at: \"2026-11-27T10:00:00Z\"`, or another time",
        ),
        _ => Unclear::new(format!("at: {text:?}"), when::EXPECTED, "correct the time"),
    })?;
    match last {
        Some(last) if at < last => Err(Unclear::new(
            format!("a step at {}", time::format(at)),
            format!("one not before {}, when the step before is", time::format(last)),
            "time never goes back: give what comes late a `time` of its own",
        )),
        _ if at.0 < 0 => Err(Unclear::new(
            format!("a step at {}", time::format(at)),
            "a time since 1970",
            "correct the time",
        )),
        _ => Ok(at),
    }
}

fn key(written: &Written) -> Result<EntityKey, Unclear> {
    let (key, name) = match (&written.sku, &written.order) {
        (Some(sku), None) => (Sku::new(sku).map(EntityKey::Sku), sku),
        (None, Some(order)) => (OrderId::new(order).map(EntityKey::Order), order),
        (None, None) => {
            let action = "say whose event it is";
            return Err(Unclear::new("neither `sku` nor `order`", "one of the two", action));
        }
        (Some(_), Some(_)) => {
            let action = "publish one event to each";
            return Err(Unclear::new("both `sku` and `order`", "one of the two", action));
        }
    };
    key.map_err(|why| Unclear::new(format!("{why}: {name:?}"), "a key", "correct the key"))
}

fn lane(written: &Written, own: Option<Lane>) -> Result<Lane, Unclear> {
    let Some(name) = &written.lane else {
        let all = Lane::ALL.map(Lane::as_str).join(", ");
        return own.ok_or_else(|| {
            Unclear::new("no `lane`", format!("one of {all}"), "say by which lane it travels")
        });
    };
    one_of("the lane", name, Lane::ALL.map(Lane::as_str))?;
    Ok(Lane::ALL.into_iter().find(|lane| lane.as_str() == name).unwrap_or(Lane::Settlement))
}

/// The type that a name means: with a version that very one, which need not be served; without,
/// the newest.
fn event_type(name: &str) -> Result<(String, Option<&'static EventType>), Unclear> {
    if let Some(known) = EVENT_TYPES.iter().find(|known| known.kind == name) {
        return Ok((name.to_owned(), Some(known)));
    }
    let version = name.rsplit_once(".v").map(|(_, version)| version);
    if version.is_some_and(|version| version.parse::<u32>().is_ok()) {
        return Ok((name.to_owned(), None));
    }
    let newest = EVENT_TYPES.iter().filter(|known| known.name == name);
    match newest.max_by_key(|known| known.version) {
        Some(known) => Ok((known.kind.to_owned(), Some(known))),
        None => {
            one_of("the event", name, EVENT_TYPES.iter().map(|known| known.name))?;
            Ok((name.to_owned(), None))
        }
    }
}

fn event(number: usize, at: Timestamp, written: Written) -> Result<Send, Unclear> {
    let (kind, known) = event_type(written.event.as_deref().unwrap_or_default())?;
    let (key, lane) = (key(&written)?, lane(&written, known.map(|known| known.lane))?);
    let moment = |name: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => when::parse(text, Some(at)).map(Some).ok_or_else(|| {
            Unclear::new(format!("{name}: {text:?}"), when::EXPECTED, "correct the time")
        }),
    };
    let time = moment("time", &written.time)?.unwrap_or(at);
    let expires = moment("expirytime", &written.expirytime)?;
    let id = written.id.unwrap_or_else(|| format!("step-{number}"));
    let mut event = json!({
        "specversion": "1.0",
        "id": id,
        "source": written.source.as_deref().unwrap_or(SOURCE),
        "type": kind,
        "subject": key.key(),
        "time": time::format(time),
        "data": written.data.unwrap_or_else(|| json!({})),
    });
    if let Some(expires) = expires {
        event["expirytime"] = time::format(expires).into();
    }
    let answer = answer(written.answer)?;
    Ok(Send { id, lane, key, body: Body::Event(event), again: false, answer })
}

fn raw(number: usize, written: Written) -> Result<Send, Unclear> {
    let (key, lane) = (key(&written)?, lane(&written, None)?);
    let id = written.id.unwrap_or_else(|| format!("step-{number}"));
    let body = Body::Raw(written.raw.unwrap_or_default());
    Ok(Send { id, lane, key, body, again: false, answer: None })
}

fn repeat(written: Written, before: &[Step]) -> Result<Send, Unclear> {
    let id = written.repeat.unwrap_or_default();
    let sent = |step: &Step| match &step.what {
        What::Send(send) if send.id == id && !send.again => Some(send.clone()),
        _ => None,
    };
    let Some(first) = before.iter().find_map(sent) else {
        let found = format!("a repeat of `{id}`");
        let action = "say the id of an event in a step before; without an `id` of its own, that of \
                      the third step is `step-3`";
        return Err(Unclear::new(found, "an id that was published before", action));
    };
    Ok(Send { again: true, answer: answer(written.answer)?, ..first })
}

fn answer(written: Option<Pairs>) -> Result<Option<Vec<(String, Value)>>, Unclear> {
    let Some(Pairs(fields)) = written else { return Ok(None) };
    for (line, name, _) in &fields {
        one_of("the field of an answer", name, ANSWER).map_err(|unclear| unclear.at(*line))?;
    }
    Ok(Some(fields.into_iter().map(|(_, name, value)| (name, value)).collect()))
}
