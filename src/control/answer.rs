//! What operators are answered.

use serde::{Deserialize, Serialize};

use super::{
    late::Late,
    order::{Order, Orders},
    request::Change,
};
use crate::{
    cluster::Member,
    contract::time,
    domain::{Level, time::Timestamp},
    ports::{Partition, PortError},
};

/// What a request for all pods is answered: on `earmark.control.safe-mode`, `.pause`, `.resume` and
/// `.allow-stale`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// It was changed.
    Changed(Changed),
    /// How it stands.
    Status(Status),
    /// An event may be late.
    Allowed(Allowed),
    /// Nothing was changed, or that is not certain.
    Refused(Refused),
}

/// That an event is decided however late it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// The word.
    pub allowed: Late,
    /// The partition whose owner heeds it, and writes it into its journal.
    pub partition: u16,
    /// Where EARMARK_AUDIT has it.
    pub audit: u64,
}

/// What was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// What was asked: `on`, `off`, `auto`, `pause` or `resume`.
    pub set: String,
    /// The pod that did it, for all.
    pub pod: String,
    /// What was ordered before; `null` if nothing was.
    pub before: Option<Order>,
    /// What is ordered now; `null` if nothing is.
    pub after: Option<Order>,
    /// Until when: RFC 3339. `null` if nothing is ordered.
    pub until: Option<String>,
    /// The partition whose owner heeds it, where it is about one SKU or order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partition: Option<Partition>,
    /// Where EARMARK_AUDIT has it.
    pub audit: u64,
}

/// How it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `status`.
    pub set: String,
    /// The pod that answers.
    pub pod: String,
    /// When, by the server's clock: RFC 3339.
    pub at: String,
    /// The level that is ordered; `null` if each pod goes by its own load.
    pub ordered: Option<Order>,
    /// What is paused.
    #[serde(default)]
    pub pauses: Vec<Order>,
    /// The pods.
    pub members: Vec<Standing>,
}

/// How a pod stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The pod.
    pub pod: String,
    /// The level that its own load calls for.
    pub own: Level,
    /// The level by which it works.
    pub level: Level,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// A reason code.
    pub error: Code,
    /// The field that is wrong, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<Box<str>>,
    /// What was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<Box<str>>,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// All of it in words.
    pub message: String,
    /// What to do.
    pub advice: String,
}

/// A reason code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The request is no JSON object, or says a field twice.
    Malformed,
    /// There is no such field in such a request.
    UnknownField,
    /// A field is missing, or empty.
    Missing,
    /// A field is of another type.
    WrongType,
    /// A word that the field does not take.
    UnknownValue,
    /// A number, or the length of a text, out of its range.
    OutOfRange,
    /// Settlement cannot be paused.
    SettlementGoesOn,
    /// NATS did not do its part; where a change had begun, it may have been made or not.
    Unavailable,
    /// Others changed the same at the same time, again and again.
    Contended,
    /// As many pauses or words stand as pods heed at a time.
    TooMany,
    /// The pod that was asked leaves.
    Leaving,
}

impl Changed {
    /// What was changed, from what to what.
    pub fn new(change: &Change, pod: &str, before: Option<Order>, after: Option<Order>) -> Self {
        Changed {
            set: change.set.to_owned(),
            pod: pod.to_owned(),
            until: after.as_ref().map(|order| time::format(order.until)),
            before,
            after,
            partition: None,
            audit: 0,
        }
    }
}

impl Status {
    /// How these members stand now.
    pub fn new<'a>(
        pod: &str,
        orders: Orders,
        members: impl Iterator<Item = &'a Member>,
        now: Timestamp,
    ) -> Status {
        let standing = |member: &Member| Standing {
            pod: member.pod.clone(),
            own: member.level,
            level: orders.level(member.level),
        };
        Status {
            set: "status".to_owned(),
            pod: pod.to_owned(),
            at: time::format(now),
            members: members.map(standing).collect(),
            ordered: orders.ordered,
            pauses: orders.pauses,
        }
    }
}

impl Refused {
    /// A field that is not as it should be.
    pub fn field(code: Code, field: &str, found: Option<String>, expected: &str) -> Refused {
        let is = found.as_ref().map_or_else(|| "is missing".to_owned(), |it| format!("is {it}"));
        Refused {
            error: code,
            field: Some(field.into()),
            message: format!("`{field}` {is}; expected {expected}"),
            found: found.map(String::into_boxed_str),
            expected: Some(expected.to_owned()),
            advice: format!("nothing was changed: correct `{field}` and ask again"),
        }
    }

    /// The request as a whole is not as it should be.
    pub fn malformed(why: &str, expected: &str) -> Refused {
        Refused {
            error: Code::Malformed,
            field: None,
            message: format!("{why}; expected {expected}"),
            found: None,
            expected: Some(expected.to_owned()),
            advice: "nothing was changed: correct the request and ask again".to_owned(),
        }
    }

    /// NATS did not do its part, before anything was changed.
    pub fn unavailable(error: &PortError) -> Refused {
        let text = format!("nothing was changed: {error}");
        Refused::other(Code::Unavailable, text, "look at NATS (`earmark check`), and ask again")
    }

    /// It is not the request's fault.
    pub fn other(code: Code, message: String, advice: &str) -> Refused {
        let advice = advice.to_owned();
        Refused { error: code, field: None, found: None, expected: None, message, advice }
    }
}
