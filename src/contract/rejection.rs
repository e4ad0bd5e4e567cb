//! A rejection: why an event cannot be taken, in words that its publisher can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::rule::Rule;
use crate::domain::{decision::Cause, ids::EntityKey, refusal::Reason};

/// The most characters of what was found that a rejection repeats.
pub const FOUND_MAX_CHARS: usize = 120;
/// The most characters of a name (id, source, subject, type, field) that a rejection repeats.
const NAME_MAX_CHARS: usize = 256;

/// Why an event was not taken: the field, what was found, what was expected, what to do.
///
/// The shape has no optional parts left out, so that it can be journaled in a format which does not
/// name its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// The reason code.
    pub reason: Reason,
    /// The rule that was broken.
    pub rule: Rule,
    /// Where, like `data.lines[3].quantity`; nothing where it is about the whole.
    pub field: Option<String>,
    /// What was found there, cut to [`FOUND_MAX_CHARS`].
    pub found: String,
    /// What was expected there.
    pub expected: String,
    /// What to do about it.
    pub action: String,
    /// The event's `source`, as far as it could be read.
    pub source: Option<String>,
    /// The event's `id`, as far as it could be read.
    pub id: Option<String>,
    /// The event's `subject`, as far as it could be read.
    pub subject: Option<String>,
    /// The event's `type`, as far as it could be read.
    pub kind: Option<String>,
    /// Where the answer goes, if that could be read and is permitted.
    pub reply_to: Option<String>,
}

/// What a rejection can say about who published what.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub source: Option<String>,
    pub id: Option<String>,
    pub subject: Option<String>,
    pub kind: Option<String>,
    pub reply_to: Option<String>,
}

impl Rejection {
    /// A rejection by a rule.
    pub fn new(rule: Rule, found: &str, expected: impl Into<String>) -> Box<Rejection> {
        let found = if found.is_empty() { "an empty string" } else { found };
        Box::new(Rejection {
            reason: rule.reason(),
            rule,
            field: None,
            found: cut(found, FOUND_MAX_CHARS),
            expected: expected.into(),
            action: rule.action().to_owned(),
            source: None,
            id: None,
            subject: None,
            kind: None,
            reply_to: None,
        })
    }

    /// An event that follows the contract, and was refused by an entity or at its gate.
    pub fn of_gate(reason: Reason, cause: &Cause) -> Box<Rejection> {
        let rule = Rule::of_gate(reason).unwrap_or(Rule::NotSupported);
        let mut rejection = Rejection::new(rule, &cause.kind, rule.expected());
        rejection.reason = reason;
        rejection.source = Some(cause.source.clone());
        rejection.id = Some(cause.id.clone());
        rejection.kind = Some(cause.kind.clone());
        rejection
    }

    /// An input whose entity's code failed, or whose entity decides no more.
    pub fn quarantined(entity: &EntityKey, why: &str) -> Box<Rejection> {
        let mut rejection = Rejection::new(Rule::Quarantined, why, Rule::Quarantined.expected());
        rejection.subject = Some(entity.key().to_owned());
        rejection
    }

    /// The same, naming the event as its bytes do, where it does not name it yet.
    pub fn naming(&self, event: &[u8]) -> Rejection {
        #[derive(Default, Deserialize)]
        struct Said {
            source: Option<String>,
            id: Option<String>,
            subject: Option<String>,
            #[serde(rename = "type")]
            kind: Option<String>,
        }
        let mut named = self.clone();
        if named.id.is_none() {
            let said: Said = serde_json::from_slice(event).unwrap_or_default();
            let bounded = |name: Option<String>| name.map(|name| cut(&name, NAME_MAX_CHARS));
            (named.source, named.id) = (bounded(said.source), bounded(said.id));
            named.subject = named.subject.or(bounded(said.subject));
            named.kind = named.kind.or(bounded(said.kind));
        }
        named
    }

    /// The same, about a field.
    pub fn at(mut self: Box<Self>, field: impl fmt::Display) -> Box<Rejection> {
        self.field = Some(cut(&field.to_string(), NAME_MAX_CHARS));
        self
    }

    /// The same, with better advice than the rule's.
    pub(super) fn advise(mut self: Box<Self>, action: String) -> Box<Rejection> {
        self.action = action;
        self
    }

    /// The same, naming the event.
    pub(super) fn named(mut self: Box<Self>, names: Names) -> Box<Rejection> {
        let bounded = |name: Option<String>| name.map(|name| cut(&name, NAME_MAX_CHARS));
        self.source = bounded(names.source);
        self.id = bounded(names.id);
        self.subject = bounded(names.subject);
        self.kind = bounded(names.kind);
        self.reply_to = names.reply_to;
        self
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.reason)?;
        self.field.iter().try_for_each(|field| write!(f, "{field}: "))?;
        write!(f, "found {}, expected {}; {}", self.found, self.expected, self.action)
    }
}

impl std::error::Error for Rejection {}

/// At most so many characters of a text; what is cut off is shown by an ellipsis, control
/// characters by their escapes.
pub fn cut(text: &str, max_chars: usize) -> String {
    let mut shown = text.chars().flat_map(|c| {
        let escaped = c.is_control().then(|| c.escape_default());
        let plain = (!c.is_control()).then_some(c);
        escaped.into_iter().flatten().chain(plain)
    });
    let mut cut: String = shown.clone().take(max_chars).collect();
    if shown.nth(max_chars).is_some() {
        cut.pop();
        cut.push('…');
    }
    cut
}
