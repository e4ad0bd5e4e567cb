//! What a field is, as data: its kind, its range, its unit, whether it must be there.
//!
//! Promise: each type's fields stand beside the code that reads or writes them, with the limits
//! that the checks use; JSON Schema and the frozen contracts of released versions are made of them.

use serde::{
    Deserialize,
    de::{Deserializer, Error, Visitor, value},
    forward_to_deserialize_any,
};

/// A field of an object.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// Its name on the wire.
    pub name: &'static str,
    /// What it is.
    pub shape: Shape,
    /// Whether it is there.
    pub presence: Presence,
    /// What it says.
    pub about: &'static str,
    /// The one type that may have it, where its object is shared by several.
    pub only_in: Option<&'static str>,
}

/// Whether a field is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Always, and never `null`.
    Required,
    /// Of what comes in: it may be left out, which `null` is as good as.
    Optional,
    /// Of what leaves: it is left out where there is nothing to say.
    Sometimes,
    /// Of what leaves: it is left out, or `null`, where there is nothing to say.
    SometimesNull,
    /// Of what leaves: it is always there, and `null` where there is nothing to say.
    Nullable,
}

/// The words of a fixed set.
pub type Words = fn() -> &'static [&'static str];

/// What a field is.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// This text and no other.
    Exactly(&'static str),
    /// The event's own type.
    Type,
    /// The type's own data.
    Data,
    /// The name of a hold, an owner, a location …
    Name,
    /// The key of an entity.
    Key,
    /// An event's `id` or `source`.
    Identity,
    /// Text of at most so many bytes.
    Text(usize),
    /// Text of any length.
    AnyText,
    /// Bytes in base64.
    Base64,
    /// ISO 4217.
    Currency,
    /// A time in RFC 3339.
    Time,
    /// A subject that an answer may go to.
    ReplyTo,
    /// A trace context of the W3C.
    TraceParent,
    /// The media type of JSON.
    JsonType,
    /// A text or a whole number.
    TextOrNumber,
    /// One of these words; further ones are refused.
    Word(Words),
    /// One of these words; further ones may come with any version.
    OpenWord(Words),
    /// True or false.
    Flag,
    /// A whole number.
    Whole(Whole),
    /// An object.
    Object(&'static [Field]),
    /// A list of objects.
    List(&'static [Field]),
    /// The lines that an event is about: some, not too many, no two of one name.
    Lines(&'static [Field]),
    /// The names of lines that an event is about.
    LineNames,
    /// Texts by name.
    Attributes,
}

/// A range of whole numbers.
#[derive(Clone, Copy, Debug)]
pub struct Whole {
    /// The least.
    pub min: i64,
    /// The greatest, where there is one.
    pub max: Option<i64>,
    /// Whether 0 is left out.
    pub not_zero: bool,
    /// What is counted.
    pub unit: &'static str,
}

/// What fields of an object must be like together.
#[derive(Clone, Copy, Debug)]
pub enum Together {
    /// These two words differ.
    Differ(&'static str, &'static str),
    /// One of the object's fields at least is said.
    NotEmpty,
}

impl Field {
    const fn new(
        name: &'static str,
        shape: Shape,
        presence: Presence,
        about: &'static str,
    ) -> Field {
        Field { name, shape, presence, about, only_in: None }
    }

    /// A field that must be there.
    pub const fn required(name: &'static str, shape: Shape, about: &'static str) -> Field {
        Field::new(name, shape, Presence::Required, about)
    }

    /// A field of what comes in, that may be left out.
    pub const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Field {
        Field::new(name, shape, Presence::Optional, about)
    }

    /// A field of what leaves, that may be left out.
    pub const fn sometimes(name: &'static str, shape: Shape, about: &'static str) -> Field {
        Field::new(name, shape, Presence::Sometimes, about)
    }

    /// A field of what leaves, that may be `null`.
    pub const fn nullable(name: &'static str, shape: Shape, about: &'static str) -> Field {
        Field::new(name, shape, Presence::Nullable, about)
    }

    /// A field of what leaves, that may be left out or `null`.
    pub const fn sometimes_null(name: &'static str, shape: Shape, about: &'static str) -> Field {
        Field::new(name, shape, Presence::SometimesNull, about)
    }

    /// The same, of one type alone.
    pub const fn only_in(self, kind: &'static str) -> Field {
        Field { only_in: Some(kind), ..self }
    }
}

impl Whole {
    /// From `min` to `max`.
    pub const fn between(min: i64, max: i64, unit: &'static str) -> Whole {
        Whole { min, max: Some(max), not_zero: false, unit }
    }

    /// 0 or more.
    pub const fn natural(unit: &'static str) -> Whole {
        Whole { min: 0, max: None, not_zero: false, unit }
    }

    /// The same without 0.
    pub const fn but_zero(self) -> Whole {
        Whole { not_zero: true, ..self }
    }
}

/// The words that an enum is written as: what serde knows of it.
pub fn words<T: Deserialize<'static>>() -> &'static [&'static str] {
    names(|asked| drop(T::deserialize(asked)))
}

/// The names that serde asks for when something is read.
pub(super) fn names(read: impl FnOnce(Asked)) -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    read(Asked(&mut names));
    names
}

/// A deserializer that has nothing to read, and notes which names were asked for.
pub(super) struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, value::Error> {
        Err(value::Error::custom("nothing is there"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, value::Error> {
        *self.0 = variants;
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map identifier ignored_any
    }
}
