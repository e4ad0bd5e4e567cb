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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_stay_as_they_are_written_and_no_more_are_kept_than_wanted() {
        let split = |text: &'static str| {
            let elements = split(text.as_bytes(), 2).ok()?;
            let first: Vec<&str> = elements.first.iter().map(|raw| raw.get()).collect();
            Some((first, elements.len))
        };
        assert_eq!(split("[]"), Some((vec![], 0)));
        assert_eq!(split(" [ {\"a\": 1.50} , 2 ]\n"), Some((vec!["{\"a\": 1.50}", "2"], 2)));
        assert_eq!(split("[1,2,3,[4],5]"), Some((vec!["1", "2"], 5)));
        for wrong in ["", "{}", "[1,", "[1,2,3", "[1,2,x]", "[1,,2]", "[] []", "null"] {
            assert_eq!(split(wrong), None, "{wrong}");
        }
    }
}
