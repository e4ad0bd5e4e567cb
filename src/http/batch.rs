//! A JSON array as its elements' own texts.
//!
//! Promises: no more elements are kept than may be taken, however many there are.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The elements of an array.
#[derive(Debug)]
pub struct Elements<'a> {
    /// The first of them, as they are written.
    pub first: Vec<&'a RawValue>,
    /// How many there are.
    pub len: usize,
}

/// Splits an array, and keeps at most `max` elements.
pub fn split(text: &[u8], max: usize) -> serde_json::Result<Elements<'_>> {
    let mut json = serde_json::Deserializer::from_slice(text);
    let elements = Most(max).deserialize(&mut json)?;
    json.end()?;
    Ok(elements)
}

struct Most(usize);

impl<'de> DeserializeSeed<'de> for Most {
    type Value = Elements<'de>;

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<Elements<'de>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Most {
    type Value = Elements<'de>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON array of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut of: A) -> Result<Elements<'de>, A::Error> {
        let mut first = Vec::new();
        while first.len() < self.0 {
            match of.next_element()? {
                Some(element) => first.push(element),
                None => return Ok(Elements { len: first.len(), first }),
            }
        }
        let mut len = first.len();
        while of.next_element::<IgnoredAny>()?.is_some() {
            len += 1;
        }
        Ok(Elements { first, len })
    }
}
