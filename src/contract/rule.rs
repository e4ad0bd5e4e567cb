//! The rules an event is held to: each with a stable id, the reason code it refuses for, and what
//! to do about it.

use serde::{Deserialize, Serialize};

use crate::domain::{described::doc_text, refusal::Reason};

macro_rules! rules {
    ($($(#[$($doc:tt)+])+ $rule:ident = $id:literal, $reason:ident, $action:literal;)*) => {
        /// A rule of the contract. The text form is stable.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum Rule { $($(#[$($doc)+])+ #[serde(rename = $id)] $rule,)* }

        impl Rule {
            /// Every rule there is.
            pub const ALL: &'static [Rule] = &[$(Rule::$rule,)*];

            /// The rule's stable id.
            pub const fn as_str(self) -> &'static str {
                match self { $(Rule::$rule => $id,)* }
            }

            /// The reason code that it refuses for.
            pub const fn reason(self) -> Reason {
                match self { $(Rule::$rule => Reason::$reason,)* }
            }

            /// What it demands, in a sentence.
            pub fn meaning(self) -> &'static str {
                let text = match self { $(Rule::$rule => doc_text!($(#[$($doc)+])+),)* };
                text.trim_start()
            }

            /// What to do about it.
            pub const fn action(self) -> &'static str {
                match self { $(Rule::$rule => $action,)* }
            }
        }
    };
}

rules! {
    // The bytes.
    /// The bytes are JSON in UTF-8.
    JsonSyntax = "json.syntax", MalformedJson, "publish one CloudEvent as JSON in UTF-8";
    /// The JSON is an object.
    JsonObject = "json.object", InvalidField, "publish one CloudEvent a message, as a JSON object";
    /// No field is said twice.
    JsonDuplicate = "json.duplicate", InvalidField, "say the field once";
    /// The event is not too large.
    EventSize = "event.size", TooLarge, "split it into smaller events";

    // The envelope.
    /// The CloudEvents version is 1.0.
    SpecVersion = "envelope.specversion", UnsupportedVersion, "publish it as CloudEvents 1.0";
    /// The type exists.
    TypeKnown = "type.known", UnknownType, "use a type that `earmark contracts` lists";
    /// The type's version is served.
    TypeVersion = "type.version", UnsupportedVersion, "publish it in a version that is served";
    /// The subject is a key.
    SubjectKey = "envelope.subject", InvalidField, "put the plain SKU or order id into `subject`";
    /// `source` and `id` are short text.
    Identity = "envelope.identity", InvalidField, "choose another, and keep it at each retry";
    /// The answer goes where answers may go.
    ReplyTo = "envelope.replyto", InvalidReplyto, "name a subject of your own inbox, or leave it out";
    /// The trace context is one.
    TraceParent = "envelope.traceparent", InvalidField, "correct `traceparent`, or leave it out";
    /// The data is JSON.
    ContentType = "envelope.datacontenttype", InvalidField, "publish `data` as JSON";

    // Any field.
    /// A required field is there.
    FieldRequired = "field.required", MissingField, "add the field";
    /// A field has the right type.
    FieldType = "field.type", InvalidField, "correct the field";
    /// A word is one of those permitted.
    FieldWord = "field.word", InvalidField, "use a permitted value";
    /// A number is in range.
    FieldRange = "field.range", InvalidField, "correct the number";
    /// A text is of the right form and not too long.
    FieldText = "field.text", InvalidField, "correct the text";
    /// A time is RFC 3339.
    FieldTime = "field.time", InvalidField, "write the time in RFC 3339";
    /// A list or object is not empty.
    FieldEmpty = "field.empty", InvalidField, "say what it is about, or leave it unpublished";
    /// A field belongs to this type.
    FieldForbidden = "field.forbidden", InvalidField, "leave the field out";

    // Fields among each other.
    /// No two lines have the same name.
    LinesDistinct = "lines.distinct", InvalidField, "name each line once and sum its units";
    /// Not too many lines.
    LinesMax = "lines.max", TooLarge, "split it into several with fewer lines each";
    /// Moved stock changes its kind.
    MoveDiffers = "move.differs", InvalidField, "name two different kinds of stock";
    /// A count does not look ahead of the event that reports it.
    CountPast = "count.as_of", InvalidField, "name the time at which the shelf looked like this";

    // Where it was read.
    /// The type travels by this lane.
    Lane = "log.lane", WrongLane, "publish it by the lane of its type";
    /// The key belongs to the subject it came by.
    Route = "log.route", Misrouted, "publish it on the subject of its own key, canonically encoded";
    /// `time` is not ahead of the log.
    Clock = "log.time", TimeInFuture, "set the publisher's clock";

    /// A command is one of ours, and for an entity of this partition.
    Command = "log.command", InvalidField, "report it: only Earmark writes to its command log";

    // When it is decided.
    /// Repeats of it would still be recognised.
    Stale = "gate.stale", Stale, "correct `time` if it was wrong; what came too late is published anew, as a fact of now";
    /// It is still worth deciding.
    TooLate = "gate.too_late", TooLate, "ask again with a later `expirytime`";
    /// There is capacity for it.
    Busy = "gate.busy", Busy, "ask again later";
    /// The id is not used for another content.
    IdConflict = "gate.id_conflict", IdConflict, "publish it under an id of its own";
    /// What it names has come.
    Orphan = "gate.orphan", Orphan, "publish what it names, then replay it";
    /// Its entity is not quarantined.
    Quarantined = "gate.quarantined", Quarantined, "repair the entity, then replay it";
    /// It does not kill the process.
    Killer = "gate.killer", Killer, "report it to the maintainers, and do not replay it before";
    /// Its decision fits a record of the journal.
    DecisionSize = "gate.too_large", TooLarge, "split it into smaller ones";
    /// This version can decide it.
    NotSupported = "gate.not_supported", NotSupported, "replay it with a version that decides it";
}

impl Rule {
    /// What a rule of the gate expects of an event that follows the contract.
    pub const fn expected(self) -> &'static str {
        match self {
            Rule::Stale => "a `time` within the horizon in which repeats are recognised",
            Rule::TooLate => "to be decided before its `expirytime`",
            Rule::Busy => "a time of less load",
            Rule::IdConflict => "the content that this id was first used for",
            Rule::Orphan => "what it names to be there, or to come soon",
            Rule::Quarantined => "an entity whose code does not fail",
            Rule::Killer => "a message that does not end the process",
            Rule::DecisionSize => "a decision that fits a record of the journal",
            _ => "an event that this version decides",
        }
    }

    /// The rule that stands for a reason which the engine or an entity gives, if it has one of its
    /// own.
    pub fn of_gate(reason: Reason) -> Option<Rule> {
        Rule::ALL.iter().copied().find(|rule| {
            rule.reason() == reason
                && (rule.as_str().starts_with("gate.") || rule.as_str().starts_with("log."))
        })
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
