//! The fields of a request, taken one by one.

use std::{fmt, ops::RangeInclusive};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{
    answer::{Code, Refused},
    request::Who,
};
use crate::{contract::time, domain::time::Timestamp};

/// How much of what was found is said again.
const FOUND_CHARS_MAX: usize = 60;
/// How long a name may be, in characters.
const NAME_CHARS_MAX: usize = 100;
/// How long a key may be, in characters.
const KEY_CHARS_MAX: usize = 256;
/// What a point in time looks like.
const A_TIME: &str = "a time in RFC 3339, like 2026-11-27T06:00:00Z";
/// How long a reason may be, in characters.
const REASON_CHARS_MAX: usize = 500;

/// An object's fields.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// The fields of a JSON object that says none twice and has no others than these.
    pub fn parse(payload: &[u8], known: &[&str]) -> Result<Fields, Refused> {
        let expected = format!("a JSON object of {}", known.join(", "));
        let fields: Fields = serde_json::from_slice(payload)
            .map_err(|error| Refused::malformed(&error.to_string(), &expected))?;
        match fields.0.keys().find(|name| !known.contains(&name.as_str())) {
            None => Ok(fields),
            Some(unknown) => {
                let name: String = unknown.chars().take(FOUND_CHARS_MAX).collect();
                let found = fields.0.get(unknown).map(short);
                let expected = format!("no other fields than {}", known.join(", "));
                Err(Refused::field(Code::UnknownField, &name, found, &expected))
            }
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        // What is null is not said.
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Whether a field is said.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A field that nobody asked for here.
    pub fn none(&self, name: &str, why: &str) -> Result<(), Refused> {
        match self.get(name) {
            None => Ok(()),
            Some(found) => Err(Refused::field(Code::UnknownField, name, Some(short(found)), why)),
        }
    }

    /// One of these words.
    pub fn word(&self, name: &str, words: &[&'static str]) -> Result<&'static str, Refused> {
        let expected = format!("one of {}", words.join(", "));
        match self.get(name) {
            None => Err(Refused::field(Code::Missing, name, None, &expected)),
            Some(Value::String(found)) => {
                words.iter().find(|word| *word == found).copied().ok_or_else(|| {
                    let found = short(&Value::String(found.clone()));
                    Refused::field(Code::UnknownValue, name, Some(found), &expected)
                })
            }
            Some(other) => {
                Err(Refused::field(Code::WrongType, name, Some(short(other)), &expected))
            }
        }
    }

    /// A whole number in this range.
    pub fn number(&self, name: &str, range: RangeInclusive<u64>) -> Result<Option<u64>, Refused> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let (least, most) = (range.start(), range.end());
        let refused = |code| {
            let expected = format!("a whole number from {least} to {most}");
            Err(Refused::field(code, name, Some(short(value)), &expected))
        };
        match (value.as_u64(), value) {
            (Some(number), _) if range.contains(&number) => Ok(Some(number)),
            (_, Value::Number(_)) => refused(Code::OutOfRange),
            _ => refused(Code::WrongType),
        }
    }

    /// Yes or no; no if nothing is said.
    pub fn flag(&self, name: &str) -> Result<bool, Refused> {
        match self.get(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(*flag),
            Some(other) => {
                let found = Some(short(other));
                Err(Refused::field(Code::WrongType, name, found, "true or false"))
            }
        }
    }

    /// A key, if one is said.
    pub fn key(&self, name: &str) -> Result<Option<String>, Refused> {
        match self.get(name) {
            None => Ok(None),
            Some(_) => self.text(name, KEY_CHARS_MAX, "a key").map(Some),
        }
    }

    /// A point in time, which must be said.
    pub fn time(&self, name: &str) -> Result<Timestamp, Refused> {
        let refused = |code, found| Err(Refused::field(code, name, found, A_TIME));
        match self.get(name) {
            None => refused(Code::Missing, None),
            Some(Value::String(text)) => match time::parse(text) {
                Some(at) => Ok(at),
                None => refused(Code::WrongType, Some(short(&Value::String(text.clone())))),
            },
            Some(other) => refused(Code::WrongType, Some(short(other))),
        }
    }

    /// A list of one to so many texts, each as `make` reads it.
    pub fn list<T, E: fmt::Display>(
        &self,
        name: &str,
        most: usize,
        what: &str,
        make: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Vec<T>, Refused> {
        let expected = format!("a list of 1 to {most} texts, each {what}");
        let refused = |code, found| Err(Refused::field(code, name, found, &expected));
        let list = match self.get(name) {
            None => return refused(Code::Missing, None),
            Some(Value::Array(list)) => list,
            Some(other) => return refused(Code::WrongType, Some(short(other))),
        };
        match list.len() {
            0 => return refused(Code::Missing, Some("empty".to_owned())),
            many if many > most => return refused(Code::OutOfRange, Some(format!("{many} long"))),
            _ => {}
        }
        let one = |(at, one): (usize, &Value)| {
            let refused = |code, found| {
                let name = format!("{name}[{at}]");
                Err(Refused::field(code, &name, Some(found), what))
            };
            match one {
                Value::String(text) => make(text)
                    .or_else(|bad| refused(Code::OutOfRange, format!("{bad}: {}", short(one)))),
                other => refused(Code::WrongType, short(other)),
            }
        };
        list.iter().enumerate().map(one).collect()
    }

    /// Who asks, and why.
    pub fn who(&self) -> Result<Who, Refused> {
        let by = self.text("by", NAME_CHARS_MAX, "who asks")?;
        let reason = self.text("reason", REASON_CHARS_MAX, "why it is asked")?;
        Ok(Who { by, reason })
    }

    /// A text in so many characters at most, which must be said.
    pub fn text(&self, name: &str, most: usize, what: &str) -> Result<String, Refused> {
        let expected = format!("{what}, in 1 to {most} characters");
        let refused = |code, found| Err(Refused::field(code, name, found, &expected));
        match self.get(name) {
            None => refused(Code::Missing, None),
            Some(Value::String(text)) => match text.trim() {
                "" => refused(Code::Missing, Some("empty".to_owned())),
                text if text.chars().count() > most => {
                    refused(Code::OutOfRange, Some(format!("{} characters", text.chars().count())))
                }
                text => Ok(text.to_owned()),
            },
            Some(other) => refused(Code::WrongType, Some(short(other))),
        }
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(FOUND_CHARS_MAX) {
        None => text,
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Fields, D::Error> {
        from.deserialize_map(Once)
    }
}

/// Takes each field once: of two that contradict each other neither is meant.
struct Once;

impl<'de> Visitor<'de> for Once {
    type Value = Fields;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(A::Error::custom(format_args!("`{name}` is said twice")));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
    }
}
