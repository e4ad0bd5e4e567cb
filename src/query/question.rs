//! A question as it is sent, and why one is not answered.
//!
//! Promise: whatever bytes come, they are a key or a refusal that says what was found, what was
//! expected and what to do, under a code that is stable.

use serde::Deserialize;

use crate::{
    contract::{EntityType, cut},
    domain::ids::{BadName, EntityKey, KEY_ENCODED_MAX_BYTES},
};

/// The largest question, in bytes: the longest key with each of its characters escaped, and room.
pub const QUESTION_BYTES_MAX: usize = 8 * 1024;
/// How much of what was found a refusal shows, in characters.
const SHOWN_CHARS: usize = 80;
/// Of what the reader of JSON says, an answer says so much.
const WHY_CHARS: usize = 200;

/// Why a question is not answered, by a name that is stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// It is no JSON, or does not name a key.
    Malformed,
    /// It is larger than a question can be.
    TooLarge,
    /// The key is longer than a key can be.
    KeyTooLong,
    /// The key is none.
    InvalidKey,
    /// Nothing is known of the SKU.
    UnknownSku,
    /// Nothing is known of the order.
    UnknownOrder,
    /// Nothing can be said of the order now.
    NotServed,
    /// Too many questions are under way.
    Busy,
    /// The answer fits no message.
    AnswerTooLarge,
    /// It failed for a reason that this version does not know.
    Failed,
}

impl Code {
    /// All of them.
    pub const ALL: [Code; 10] = [
        Code::Malformed,
        Code::TooLarge,
        Code::KeyTooLong,
        Code::InvalidKey,
        Code::UnknownSku,
        Code::UnknownOrder,
        Code::NotServed,
        Code::Busy,
        Code::AnswerTooLarge,
        Code::Failed,
    ];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Code::Malformed => "malformed",
            Code::TooLarge => "too_large",
            Code::KeyTooLong => "key_too_long",
            Code::InvalidKey => "invalid_key",
            Code::UnknownSku => "unknown_sku",
            Code::UnknownOrder => "unknown_order",
            Code::NotServed => "not_served",
            Code::Busy => "busy",
            Code::AnswerTooLarge => "answer_too_large",
            Code::Failed => "failed",
        }
    }

    /// The code of this name.
    pub fn named(name: &str) -> Code {
        Code::ALL.into_iter().find(|code| code.as_str() == name).unwrap_or(Code::Failed)
    }

    /// The status that HTTP has for it, and the code of the micro service.
    pub const fn status(self) -> u16 {
        match self {
            Code::Malformed | Code::KeyTooLong | Code::InvalidKey => 400,
            Code::UnknownSku | Code::UnknownOrder => 404,
            Code::TooLarge | Code::AnswerTooLarge => 413,
            Code::Busy => 429,
            Code::Failed => 500,
            Code::NotServed => 503,
        }
    }

    /// What is wrong, in a few words.
    pub const fn title(self) -> &'static str {
        match self {
            Code::Malformed => "the question cannot be read",
            Code::TooLarge => "the question is too large",
            Code::KeyTooLong => "the key is too long",
            Code::InvalidKey => "this is no key",
            Code::UnknownSku => "nothing is known of this SKU",
            Code::UnknownOrder => "nothing is known of this order",
            Code::NotServed => "nothing can be said of this order now",
            Code::Busy => "too many questions are under way",
            Code::AnswerTooLarge => "the answer fits no message",
            Code::Failed => "the question was not answered",
        }
    }

    /// What to do.
    pub const fn action(self) -> &'static str {
        match self {
            Code::Malformed | Code::TooLarge => {
                "ask with JSON, {\"sku\": \"KEY\"} or {\"order\": \"KEY\"}"
            }
            Code::KeyTooLong | Code::InvalidKey => {
                "name it as events do in `subject`, in UTF-8; percent-encoded in a URL alone"
            }
            Code::UnknownSku => {
                "see that it is spelled as in `subject`, and that an event of it was published"
            }
            Code::UnknownOrder => {
                "see that it is spelled as in `subject`, and that `order.placed` was published"
            }
            Code::NotServed => "ask the same again later; `earmark status` says more",
            Code::Busy => "ask the same again later, or another pod",
            Code::AnswerTooLarge => "ask by HTTP, GET /v1/skus/KEY or /v1/orders/KEY",
            Code::Failed => "ask the same again later",
        }
    }
}

/// Why a question is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// By name.
    pub code: Code,
    /// What is wrong, what was found and what was expected, in a line of text.
    pub what: String,
}

impl Refusal {
    /// A refusal with what is wrong.
    pub fn new(code: Code, what: impl Into<String>) -> Refusal {
        Refusal { code, what: what.into() }
    }

    /// All of it in a line: what is wrong, and what to do.
    pub fn text(&self) -> String {
        format!("{}; {}", self.what, self.code.action())
    }

    /// A refusal from its code's name and its line.
    pub fn read(code: &str, text: &str) -> Refusal {
        let code = Code::named(code);
        let what = text.strip_suffix(code.action()).and_then(|what| what.strip_suffix("; "));
        Refusal::new(code, what.unwrap_or(text))
    }
}

#[derive(Deserialize)]
struct OfSku {
    sku: String,
}

#[derive(Deserialize)]
struct OfOrder {
    order: String,
}

/// The key that a question names: `{"sku": "..."}` or `{"order": "..."}`. Further fields are for
/// later versions.
pub fn parse(of: EntityType, bytes: &[u8]) -> Result<EntityKey, Refusal> {
    if bytes.len() > QUESTION_BYTES_MAX {
        let bytes = bytes.len();
        let what = format!(
            "the question is too large: found {bytes} bytes, expected at most {QUESTION_BYTES_MAX}"
        );
        return Err(Refusal::new(Code::TooLarge, what));
    }
    let named = match of {
        EntityType::Sku => serde_json::from_slice(bytes).map(|OfSku { sku }| sku),
        EntityType::Order => serde_json::from_slice(bytes).map(|OfOrder { order }| order),
    };
    match named {
        Ok(named) => key(of, &named),
        Err(why) => {
            let found = shown(&String::from_utf8_lossy(bytes));
            // It names what it found, however long that is.
            let why = cut(&why.to_string(), WHY_CHARS);
            let what = format!(
                "the question cannot be read: found {found} ({why}), expected {{\"{}\": \"KEY\"}}",
                of.as_str()
            );
            Err(Refusal::new(Code::Malformed, what))
        }
    }
}

/// A plain key as a key of its kind.
pub fn key(of: EntityType, named: &str) -> Result<EntityKey, Refusal> {
    of.key(named).map_err(|why| {
        let code = match why {
            BadName::TooLong { .. } => Code::KeyTooLong,
            BadName::Empty | BadName::ControlCharacter => Code::InvalidKey,
        };
        let found = shown(named);
        let what = format!(
            "this is no key: found {why}, {found}, expected 1 to {KEY_ENCODED_MAX_BYTES} bytes \
             once percent-encoded, without control characters"
        );
        Refusal::new(code, what)
    })
}

/// Nothing is known of it.
pub fn unknown(key: &EntityKey) -> Refusal {
    let code = match key {
        EntityKey::Sku(_) => Code::UnknownSku,
        EntityKey::Order(_) => Code::UnknownOrder,
    };
    Refusal::new(code, format!("nothing is known of {} {}", key.entity(), shown(key.key())))
}

/// Its owner cannot say anything now.
pub fn not_served(key: &EntityKey, why: &str) -> Refusal {
    let named = shown(key.key());
    let what = format!("nothing can be said of {} {named} now: {why}", key.entity());
    Refusal::new(Code::NotServed, what)
}

/// Too many questions are under way.
pub fn busy(max: usize) -> Refusal {
    let what = format!("{max} questions are under way, and no more are taken (query.waiting_max)");
    Refusal::new(Code::Busy, what)
}

/// The beginning of a text, in quotes and in one line.
fn shown(text: &str) -> String {
    let begin: String = text.chars().take(SHOWN_CHARS).collect();
    let more = if begin.len() < text.len() { " …" } else { "" };
    format!("{begin:?}{more}")
}
